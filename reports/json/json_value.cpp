#include "reports/json/json_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "reports/text/utf8.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

bool holds_objects(const Json& array) {
  return std::any_of(array.begin(), array.end(), [](const Json& item) { return item.is_object(); });
}

constexpr std::size_t kColumns = 100;

/// Whether it takes more than `room` characters on one line, as far as can be told without writing
/// it: true is certain. What there is room for is subtracted.
bool is_longer(const Json& json, std::size_t& room) {
  std::size_t least = 1;
  if (json.is_string()) least = json.get_ref<const std::string&>().size() + 2;
  if (json.is_structured()) least = json.size() + 1;  // brackets and commas
  if (least > room) return true;
  room -= least;
  if (json.is_structured()) {
    for (const Json& value : json) {
      if (is_longer(value, room)) return true;
    }
  }
  return false;
}

void print(const Json& json, std::size_t indent, std::string& out);

/// Of an object or an array, a line each: what `visit(item)` gives to item(key, print_value).
template <typename Visit>
void print_lines(bool is_object, std::size_t indent, std::string& out, Visit visit) {
  out += is_object ? '{' : '[';
  const char* separator = "\n";
  visit([&](const std::string& key, const auto& print_value) {
    out += separator;
    out.append(indent + 2, ' ');
    if (is_object) out += compact_text(key) + ": ";
    print_value();
    separator = ",\n";
  });
  out += '\n';
  out.append(indent, ' ');
  out += is_object ? '}' : ']';
}

void print(const Json& json, std::size_t indent, std::string& out) {
  const bool splits = json.is_object() || (json.is_array() && holds_objects(json));
  std::size_t room = indent < kColumns ? kColumns - indent : 0;
  if (!splits || !is_longer(json, room)) {
    const std::string line = compact_text(json);
    if (!splits || indent + line.size() <= kColumns) {
      out += line;
      return;
    }
  }
  print_lines(json.is_object(), indent, out, [&](const auto& item) {
    for (const auto& [key, value] : json.items()) {
      item(key, [&v = value, &out, indent] { print(v, indent + 2, out); });
    }
  });
}

/// Controls that JSON leaves as they are, and terminals do not: U+007F to U+009F, and those that
/// turn the direction of text. In JSON they are of strings alone.
void escape_controls(std::string& text) {
  if (std::none_of(text.begin(), text.end(), [](char c) {
        return c == '\x7f' || c == '\xc2' || c == '\xd8' || c == '\xe2';
      })) {
    return;
  }
  std::string escaped;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t bytes = std::max<std::size_t>(character_bytes(rest), 1);
    const std::string_view character = rest.substr(0, bytes);
    const bool is_ascii = bytes == 1 && character[0] != '\x7f';
    if (is_ascii || !is_control(character)) {
      escaped += character;
    } else {
      escaped += fmt::format("\\u{:04x}", code_point(character));
    }
    rest.remove_prefix(bytes);
  }
  text = std::move(escaped);
}

}  // namespace

double near_seconds(std::int64_t ns) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (ns <= kExact) return seconds(ns);
  // Rounded once: rounding first to what a double holds of ns would not lead back to the same text.
  const std::int64_t whole_s = ns / 1'000'000'000;
  return static_cast<double>(whole_s) + seconds(ns % 1'000'000'000);
}

Json seconds_or_null(const std::optional<std::int64_t>& ns) {
  return ns ? Json(near_seconds(*ns)) : Json(nullptr);
}

Json json_of(const Counts& counts) {
  return {{"due", counts.due},
          {"completed", counts.completed},
          {"rejected", counts.rejected},
          {"expired", counts.expired},
          {"cancelled", counts.cancelled},
          {"failed", counts.failed},
          {"in_flight", counts.in_flight}};
}

Json json_of(const LatencySummary& latency) {
  Json json = {{"count", latency.count}, {"mean", milliseconds_or_null(latency.mean_ns)}};
  Json unsupported = Json::array();
  for (const int permille : kPermilles) {
    const std::string name(percentile_name(permille));
    json[name] = milliseconds_or_null(latency.at(permille));
    if (latency.at(permille)) continue;
    unsupported.push_back(
        fmt::format("{}: needs {} samples, has {}", name, samples_needed(permille), latency.count));
  }
  json["max"] = milliseconds_or_null(latency.max_ns);
  json["unsupported"] = std::move(unsupported);
  return json;
}

Json json_of(const PhaseSummary& phase) {
  const Rates& rates = phase.rates;
  Json hidden_by = Json::array();
  for (const int permille : kPermilles) {
    if (phase.hides_unserved(permille)) hidden_by.push_back(percentile_name(permille));
  }
  Json json = {
      {"name", phase.name},
      {"begin_s", near_seconds(phase.begin_ns)},
      {"end_s", near_seconds(phase.end_ns)},
      {"counts", json_of(phase.counts)},
      {"sent", phase.sent},
      {"held", phase.held},
      {"attempts", phase.attempts},
      {"wasted_tokens", phase.wasted_tokens},
      {"unserved", {{"share", or_null(phase.unserved())}, {"hidden_by", std::move(hidden_by)}}},
      {"rates",
       {{"offered_requests_per_s", or_null(rates.offered_requests_per_s)},
        {"admitted_requests_per_s", or_null(rates.admitted_requests_per_s)},
        {"completed_requests_per_s", or_null(rates.completed_requests_per_s)},
        {"offered_tokens_per_s", or_null(rates.offered_tokens_per_s)},
        {"throughput_tokens_per_s", or_null(rates.throughput_tokens_per_s)},
        {"goodput_tokens_per_s", or_null(rates.goodput_tokens_per_s)},
        {"attainment", or_null(rates.attainment)},
        {"retry_amplification", or_null(rates.retry_amplification)},
        {"prefix_hits", or_null(rates.prefix_hits)}}}};
  Json& latency = json["latency_ms"];
  for (std::size_t i = 0; i < kMetrics; ++i) {
    if (!phase.tells(static_cast<Metric>(i))) continue;
    latency[std::string(name_of(static_cast<Metric>(i)))] = json_of(phase.latency[i]);
  }
  return json;
}

Json fleet_rates_of(const Rates& rates) {
  Json json = {{"utilisation", or_null(rates.utilisation)},
               {"batch_mean", or_null(rates.batch_mean)},
               {"batch_fill", or_null(rates.batch_fill)},
               {"kv_used", or_null(rates.kv_used)},
               {"headroom", or_null(rates.headroom)}};
  if (rates.replicas_serving) json["replicas_serving"] = *rates.replicas_serving;
  if (rates.capacity_tokens_per_s) json["capacity_tokens_per_s"] = *rates.capacity_tokens_per_s;
  return json;
}

Json json_of(const Environment& environment) {
  return {{"tokenlift_version", environment.tokenlift_version},
          {"compiler", environment.compiler},
          {"build_type", environment.build_type},
          {"cpu", environment.cpu},
          {"cores", environment.cores},
          {"memory_bytes", environment.memory_bytes},
          {"os", environment.os},
          {"decoder_precision", environment.decoder_precision},
          {"started_at", environment.started_at},
          {"command", environment.command}};
}

Json json_of(const ThrottleCounts& counts) {
  return {{"admitted", counts.admitted},         {"held", counts.held},
          {"rejected", counts.rejected},         {"shadowed", counts.shadowed},
          {"taken_units", counts.taken_units()}, {"refunded_units", counts.refunded_units()}};
}

Json checks_of(const Run& run) {
  Json checks = Json::array();
  for (const Check& check : run.checks) {
    checks.push_back({{"name", check.name},
                      {"value", or_null(check.value)},
                      {"limit", check.limit},
                      {"passed", check.passed},
                      {"advice", check.advice}});
  }
  return checks;
}

Json scaled(const std::optional<double>& value, double scale) {
  return value ? Json(scale == 1 ? *value : *value * scale) : Json(nullptr);
}

Json json_of(const std::optional<Interval>& interval, double scale) {
  if (!interval) return nullptr;
  return {{"low", scaled(interval->low, scale)}, {"high", scaled(interval->high, scale)}};
}

Json json_of(const Estimate& estimate, double scale) {
  return {{"value", scaled(estimate.value, scale)},
          {"interval_95", json_of(estimate.interval, scale)},
          {"basis", estimate.basis},
          {"reason", estimate.reason}};
}

std::string compact_text(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  escape_controls(text);
  return text;
}

std::string document(const Json& json) {
  std::string out;
  print(json, 0, out);
  out += '\n';
  return out;
}

void write_document(const Json& object, const LongArray& array, const TextSink& sink) {
  constexpr std::size_t kPieceBytes = std::size_t{1} << 18;
  std::string out;
  const auto print_array = [&] {
    print_lines(false, 2, out, [&](const auto& item) {
      for (std::size_t i = 0; i < array.size; ++i) {
        item("", [&] { print(array.item(i), 4, out); });
        if (out.size() < kPieceBytes) continue;
        sink(out);
        out.clear();
      }
    });
  };
  print_lines(true, 0, out, [&](const auto& item) {
    for (const auto& [key, value] : object.items()) {
      if (key == array.key && array.size > 0) {
        item(key, print_array);
      } else {
        item(key, [&v = value, &out] { print(v, 2, out); });
      }
    }
  });
  out += '\n';
  sink(out);
}

}  // namespace tokenlift
