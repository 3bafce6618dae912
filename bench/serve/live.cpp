#include "bench/serve/live.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <numeric>

#include "bench/serve/reply_text.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/scenario/throttle_keys.hpp"
#include "workloads/scenario/throttle_kind.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

const std::string& as_it_is(const std::string& json) {
  return json;
}

/// `text_of` says an element in JSON.
template <typename List, typename TextOf>
std::string array_json(const List& list, const TextOf& text_of) {
  std::string out = "[";
  for (const auto& each : list) {
    if (out.size() > 1) out += ',';
    out += text_of(each);
  }
  return out + "]";
}

std::string or_null(std::optional<double> value) {
  return value ? fmt::format("{:.6g}", *value) : "null";
}

/// With the keys that an event can set.
std::string throttle_json(const Throttle& throttle) {
  std::vector<std::string_view> keys;
  for_each_setting([&](const ThrottleKey& key, const auto&) {
    if (key.belongs_to(traits_of(throttle.kind))) keys.push_back(key.name);
  });
  return fmt::format(R"({{"name":{},"kind":"{}","unit":"{}","scope":"{}","keys":{}}})",
                     quoted_json(throttle.name), name_of(throttle.kind), name_of(throttle.unit),
                     name_of(throttle.scope), array_json(keys, quoted_json));
}

std::optional<double> quantile_ms(const Histogram& histogram, double quantile) {
  if (histogram.empty()) return std::nullopt;
  return static_cast<double>(histogram.value_at(quantile)) / 1e6;
}

}  // namespace

LiveFigures::LiveFigures(const Scenario& scenario, bool plays_load) : scenario_(scenario) {
  served_ = fmt::format(
      R"("scenario":{},"engine":"{}","model":{},"plays_load":{},"kept_seconds":{},)"
      R"("ttft_seconds":{},)"
      R"("throttles":{},"sites":{},"tenants":{})",
      quoted_json(scenario.name), name_of(scenario.run.engine),
      quoted_json(scenario.fleet.sites.front().profile), plays_load, kKeptSeconds, kTtftSeconds,
      array_json(scenario.throttles, throttle_json),
      array_json(scenario.fleet.sites, [](const Site& site) { return quoted_json(site.name); }),
      array_json(scenario.tenants, [](const Tenant& tenant) { return quoted_json(tenant.name); }));
  before_.tenants.resize(scenario.tenants.size());
}

std::string LiveFigures::begin(std::span<const std::string> events) const {
  return fmt::format(R"({{{},"seconds":{},"events":{}}})", served_, array_json(seconds_, as_it_is),
                     array_json(events.first(before_.events), as_it_is));
}

/// The fleet's at the start, by what serves now; nothing where it is not known, or not how much of
/// it each site has.
std::optional<double> LiveFigures::capacity_tokens_per_s(
    std::span<const std::int64_t> replicas) const {
  const auto& fleet = scenario_.fleet;
  const std::vector<std::int64_t> at_start = replicas_at_start(scenario_);
  if (!fleet.capacity_tokens_per_s || std::ranges::equal(replicas, at_start)) {
    return fleet.capacity_tokens_per_s;
  }
  const bool known = std::ranges::all_of(
      fleet.sites, [](const Site& site) { return site.capacity_tokens_per_s.has_value(); });
  const std::vector<double> weights = replica_weights(scenario_);
  const double begin = capacity_of(weights, at_start);
  if ((!known && !sites_alike(scenario_)) || begin <= 0) return std::nullopt;
  return *fleet.capacity_tokens_per_s * capacity_of(weights, replicas) / begin;
}

std::string LiveFigures::tenants_json(const ServerFigures& figures, const Door::Gauges& gauges,
                                      double length_s) const {
  std::string out = "[";
  for (std::size_t i = 0; i < figures.tenants.size(); ++i) {
    const TenantFigures& now = figures.tenants[i];
    const TenantFigures& then = before_.tenants[i];
    const auto rate = [&](std::uint64_t TenantFigures::*counted) {
      return static_cast<double>(now.*counted - then.*counted) / length_s;
    };
    fmt::format_to(std::back_inserter(out),
                   R"({}{{"tokens_per_s":{:.6g},"completed_per_s":{:.6g},"refused_per_s":{:.6g},)"
                   R"("overloaded_per_s":{:.6g},"waiting":{}}})",
                   i == 0 ? "" : ",", rate(&TenantFigures::output_tokens),
                   rate(&TenantFigures::completed), rate(&TenantFigures::refused),
                   rate(&TenantFigures::overloaded), gauges.waiting_by_tenant[i]);
  }
  return out + "]";
}

std::string_view LiveFigures::end_second(const ServerFigures& figures, const Door::Gauges& gauges) {
  assert(gauges.now_ns > begin_ns_);
  const double length_s =
      static_cast<double>(gauges.now_ns - begin_ns_) / static_cast<double>(kSecondNs);
  const auto rate = [&](std::uint64_t now, std::uint64_t then) {
    return static_cast<double>(now - then) / length_s;
  };
  Histogram ttft;
  for (const Histogram& each : ttft_) {
    if (!each.empty()) ttft.merge(each);
  }
  const std::int64_t replicas =
      std::accumulate(gauges.replicas.begin(), gauges.replicas.end(), std::int64_t{0});
  std::optional<double> batch;
  if (replicas > 0) {
    batch = static_cast<double>(gauges.in_fleet) / static_cast<double>(replicas);
  }
  const std::span<const std::string> events = std::span(figures.events).subspan(before_.events);
  seconds_.push_back(fmt::format(
      R"({{"at_s":{:.6f},"tokens_per_s":{:.6g},"requests_per_s":{:.6g},"refused_per_s":{:.6g},)"
      R"("overloaded_per_s":{:.6g},"ttft_p50_ms":{},"ttft_p99_ms":{},"waiting":{},"in_flight":{},)"
      R"("batch":{},"replicas":{},"capacity_tokens_per_s":{},"levels":{},"tenants":{},)"
      R"("events":{}}})",
      static_cast<double>(gauges.now_ns) / static_cast<double>(kSecondNs),
      rate(figures.output_tokens, before_.output_tokens), rate(figures.requests, before_.requests),
      rate(figures.refused, before_.refused), rate(figures.overloaded, before_.overloaded),
      or_null(quantile_ms(ttft, 0.5)), or_null(quantile_ms(ttft, 0.99)), figures.waiting,
      figures.running, or_null(batch), replicas, or_null(capacity_tokens_per_s(gauges.replicas)),
      array_json(figures.levels,
                 [](const GateLevel& level) { return "{" + level_json(level) + "}"; }),
      tenants_json(figures, gauges, length_s), array_json(events, as_it_is)));
  if (seconds_.size() > kKeptSeconds) seconds_.pop_front();
  before_ = {figures.output_tokens, figures.requests,      figures.refused,
             figures.overloaded,    figures.events.size(), figures.tenants};
  begin_ns_ = gauges.now_ns;
  next_ns_ = (gauges.now_ns / kSecondNs + 1) * kSecondNs;
  ttft_[++second_ % kTtftSeconds] = Histogram();
  return seconds_.back();
}

}  // namespace tokenlift
