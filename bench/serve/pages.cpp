#include "bench/serve/pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "bench/serve/reply_text.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

namespace {

/// A histogram: how many fell in each bin, `name` with its unit, labels without braces or empty.
void append_histogram(const std::string& name, const std::string& labels,
                      std::span<const double> bounds_s, std::span<const std::uint64_t> counts,
                      double sum_s, std::string& out) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "# TYPE {} histogram\n", name);
  const char* const comma = labels.empty() ? "" : ",";
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    const std::string bound = i < bounds_s.size() ? fmt::format("{}", bounds_s[i]) : "+Inf";
    fmt::format_to(to, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, bound, sum);
  }
  const std::string all = labels.empty() ? "" : "{" + labels + "}";
  fmt::format_to(to, "{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, all, sum_s, sum);
}

/// Of latencies, with what lies in the bucket of a bound below it.
void append_lateness(const std::string& name, const Histogram& lateness, std::string& out) {
  constexpr std::array<double, 16> kBoundsS = {0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.0007,
                                               0.001,   0.0015, 0.002,  0.003,  0.005,  0.01,
                                               0.02,    0.05,   0.1,    1};
  std::array<std::uint64_t, kBoundsS.size() + 1> counts{};
  lateness.for_each_bucket([&](std::int64_t lower_ns, std::int64_t, std::uint64_t count) {
    const auto bin = std::ranges::lower_bound(kBoundsS, static_cast<double>(lower_ns) / 1e9);
    counts[static_cast<std::size_t>(bin - kBoundsS.begin())] += count;
  });
  append_histogram(name, "", kBoundsS, counts, static_cast<double>(lateness.sum_ns()) * 1e-9, out);
}

/// `{"chunks":7,"p50":0.1,...}`, in milliseconds; null where nothing has been sent.
std::string lateness_json(const Lateness& lateness) {
  const Histogram& all = lateness.all();
  if (all.empty()) return "null";
  const auto ms = [](std::int64_t ns) { return static_cast<double>(ns) * 1e-6; };
  return fmt::format(
      R"({{"chunks":{},"p50":{:.4f},"p99":{:.4f},"most":{:.4f},"net_p50":{:.4f},"net_p99":{:.4f}}})",
      all.count(), ms(all.value_at(0.5)), ms(all.value_at(0.99)), ms(all.max_ns()),
      ms(lateness.net().value_at(0.5)), ms(lateness.net().value_at(0.99)));
}

}  // namespace

void TimeCounts::count(std::int64_t ns) {
  const double s = static_cast<double>(ns) / 1e9;
  const auto bin = std::ranges::lower_bound(kBoundsS, s) - kBoundsS.begin();
  ++counts_[static_cast<std::size_t>(bin)];
  sum_s_ += s;
}

void TimeCounts::append(const std::string& name, const std::string& labels,
                        std::string& out) const {
  append_histogram(name, labels, kBoundsS, counts_, sum_s_, out);
}

std::string level_json(const GateLevel& level) {
  const auto number = [](std::optional<double> units) {
    return units ? fmt::format("{:.6g}", *units) : "null";
  };
  return fmt::format(R"("lifted":{},"left":{},"most":{})", level.is_lifted,
                     number(level.left_units), number(level.most_units));
}

std::string metrics_text(const ServerFigures& figures, bool caches_prefixes) {
  std::string out;
  const std::string labels = fmt::format(R"(model_name={},engine="0")", quoted_json(figures.model));
  const auto add = [&](std::string_view name, std::string_view type, auto value) {
    fmt::format_to(std::back_inserter(out), "# TYPE vllm:{0} {1}\nvllm:{0}{{{2}}} {3}\n", name,
                   type, labels, value);
  };
  add("num_requests_running", "gauge", figures.running);
  add("num_requests_waiting", "gauge", figures.waiting);
  const CacheUse& use = figures.cache_use;
  add("kv_cache_usage_perc", "gauge",  // 1 is all of it, whatever the name says
      use.room_tokens > 0
          ? static_cast<double>(use.resident_tokens) / static_cast<double>(use.room_tokens)
          : 0.0);
  if (caches_prefixes) {
    add("prefix_cache_queries_total", "counter", use.prompts.tokens);
    add("prefix_cache_hits_total", "counter", use.prompts.cached_tokens);
  }
  add("prompt_tokens_total", "counter", figures.prompt_tokens);
  add("generation_tokens_total", "counter", figures.output_tokens);
  out += "# TYPE vllm:request_success_total counter\n";
  const auto success = [&](std::string_view reason, std::uint64_t count) {
    fmt::format_to(std::back_inserter(out),
                   "vllm:request_success_total{{{},finished_reason=\"{}\"}} {}\n", labels, reason,
                   count);
  };
  success("stop", figures.stopped);
  success("length", figures.cut_off);
  success("abort", figures.hung_up);
  figures.ttft.append("vllm:time_to_first_token_seconds", labels, out);
  figures.gaps.append("vllm:inter_token_latency_seconds", labels, out);
  figures.e2e.append("vllm:e2e_request_latency_seconds", labels, out);
  append_lateness("tokenlift:chunk_lateness_seconds", figures.lateness.all(), out);
  append_lateness("tokenlift:chunk_lateness_net_seconds", figures.lateness.net(), out);
  return out;
}

std::string state_json(const ServerFigures& figures, const std::vector<Throttle>& throttles) {
  std::string levels;
  for (std::size_t i = 0; i < figures.levels.size(); ++i) {
    fmt::format_to(std::back_inserter(levels), R"({}{{"name":{},"unit":"{}","scope":"{}",{}}})",
                   i == 0 ? "" : ",", quoted_json(throttles[i].name), name_of(throttles[i].unit),
                   name_of(throttles[i].scope), level_json(figures.levels[i]));
  }
  std::string events;
  for (const std::string& event : figures.events) {
    events += (events.empty() ? "" : ",") + event;
  }
  return fmt::format(
      R"({{"scenario":{},"engine":"{}","now_s":{:.6f},"connections":{},"running":{},"waiting":{},)"
      R"("requests":{},"completed":{},"hung_up":{},"refused":{},"overloaded":{},)"
      R"("prompt_tokens":{},"output_tokens":{},"replicas":{},"kv_resident_tokens":{},)"
      R"("kv_room_tokens":{},"lateness_ms":{},"throttles":[{}],"events":[{}]}})"
      "\n",
      quoted_json(figures.scenario), figures.engine, static_cast<double>(figures.now_ns) / 1e9,
      figures.connections, figures.running, figures.waiting, figures.requests,
      figures.stopped + figures.cut_off, figures.hung_up, figures.refused, figures.overloaded,
      figures.prompt_tokens, figures.output_tokens, figures.replicas,
      figures.cache_use.resident_tokens, figures.cache_use.room_tokens,
      lateness_json(figures.lateness), levels, events);
}

}  // namespace tokenlift
