#include "workloads/reader/throttle_reader.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "workloads/plan/changes.hpp"
#include "workloads/reader/arrivals_reader.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift {

namespace {

constexpr double kDrainMin = 0.01;
constexpr double kDrainMax = 100;
constexpr std::size_t kMostPeakHours = 100;
constexpr double kAdaptiveStart = 20;  // requests in flight, as libraries of adaptive limits begin
constexpr double kAdaptiveRoom = 50;   // max_limit / limit
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

bool has_output(Unit unit) {
  return unit == Unit::output_tokens || unit == Unit::tokens;
}
bool has_input(Unit unit) {
  return unit == Unit::input_tokens || unit == Unit::tokens;
}

// A mistake if the table has more than one of those of the three that its kind uses.
bool check_one_limit(TableReader& table, const std::optional<ThrottleKind>& kind) {
  std::vector<std::string_view> found;
  for (const std::string_view key : {"rate", "load", "limit"}) {
    if (table.has(key) && (!kind || throttle_key(key).belongs_to(traits_of(*kind)))) {
      found.push_back(key);
    }
  }
  if (found.size() < 2) return true;
  table.mistake(found[1],
                "both " + in_quotes(found[0]) + " and " + in_quotes(found[1]) + " are given",
                "keep one of them");
  return false;
}

void require_keys(TableReader& table, const KindTraits& kind) {
  const bool both = table.has("rate") && table.has("load");  // noted already
  if (kind.has_rate && !both) check_one_rate(table, true);
  if (kind.has_windows && !table.has("limit") && !table.has("load")) {
    table.mistake(
        "limit", table.name() + " lacks a limit",
        "give limit = 500000 (units in each window), or load = 0.4 as a share of what the "
        "fleet can do in one");
  }
  if (kind.has_windows || kind.limits_rise) {
    table.require("window", "the length of a window, for example window = \"1min\"");
  }
  if (kind.limits_rise) {
    table.require("limit", "units that a window always has, for example limit = 1000");
  }
  if (kind.has_target) {
    table.require("target", "a service TTFT above it shrinks the limit: target = \"500ms\"");
  }
  if (kind.limits_queue) {
    if (!table.has("limit") && !table.has("max_wait")) {
      table.mistake("limit", table.name() + " lacks a limit",
                    "give limit = 1000 (units that wait), max_wait = \"2s\", or both");
    }
  } else if (kind.counts_in_flight && !kind.is_adaptive) {
    table.require("limit", "units in flight, for example limit = 64");
  }
}

// Where nothing is said the limit begins where adaptive libraries do, which counts requests.
void read_adaptive_defaults(TableReader& table, const Settings& settings, Throttle& throttle) {
  if (!settings.limit && throttle.unit != Unit::requests) {
    table.require("limit", "where it starts, in units in flight: limit = 20000");
  }
  throttle.min_limit = settings.min_limit.value_or(1);
  const double start = std::max(throttle.min_limit, kAdaptiveStart);
  throttle.limit = settings.limit.value_or(std::min(start, settings.max_limit.value_or(start)));
  throttle.max_limit = settings.max_limit.value_or(kAdaptiveRoom * *throttle.limit);
  if (throttle.min_limit > *throttle.limit || *throttle.limit > throttle.max_limit) {
    const char* key = settings.limit ? "limit" : settings.max_limit ? "max_limit" : "min_limit";
    table.mistake(key,
                  "the limit starts at " + format_number(*throttle.limit) +
                      ", not between min_limit " + format_number(throttle.min_limit) +
                      " and max_limit " + format_number(throttle.max_limit),
                  "min_limit <= limit <= max_limit");
  }
}

// Bit `index` and those behind it up to `last`, around the end of the week.
std::uint8_t days_between(std::size_t first, std::size_t last) {
  unsigned days = 0;
  for (std::size_t day = first;; day = (day + 1) % kDays.size()) {
    days |= 1U << day;
    if (day == last) return static_cast<std::uint8_t>(days);
  }
}

// "sat" or "mon-fri".
std::optional<std::uint8_t> days_of(std::string_view word) {
  const std::size_t dash = word.find('-');
  const auto first = std::ranges::find(kDays, word.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : std::ranges::find(kDays, word.substr(dash + 1));
  if (first == kDays.end() || last == kDays.end()) return std::nullopt;
  return days_between(static_cast<std::size_t>(first - kDays.begin()),
                      static_cast<std::size_t>(last - kDays.begin()));
}

template <typename Value, typename Kept>
std::optional<Value> read_value(TableReader& table, const ThrottleKey& key,
                                const Member<Value, Kept>& /*member*/) {
  if constexpr (std::is_same_v<Value, double>) {
    return table.number(key.name, key.least, key.most);
  } else if constexpr (std::is_same_v<Value, std::int64_t>) {
    return table.positive_duration_ns(key.name);
  } else if constexpr (std::is_same_v<Value, Burst>) {
    return read_burst(table);
  } else {
    return table.choice<Value>(key.name);
  }
}

}  // namespace

bool kind_uses(TableReader& table, const std::optional<ThrottleKind>& kind,
               const ThrottleKey& key) {
  if (!kind.has_value()) return true;
  return table.only_for(key.name, "kind", *kind, kinds_with(key));
}

std::optional<Burst> read_burst(TableReader& table) {
  const ThrottleKey& key = throttle_key("burst");
  const toml::node* node = table.find(key.name);
  if (node == nullptr) return std::nullopt;
  Burst burst;
  if (node->is_number()) {
    burst.units = table.number(key.name, key.least, key.most);
  } else {
    burst.of_rate_ns = table.positive_duration_ns(key.name);
  }
  return burst;
}

Rate read_rate(TableReader& table, const std::optional<ThrottleKind>& kind) {
  Rate rate;
  if (kind_uses(table, kind, throttle_key("rate"))) rate.per_s = table.rate_per_s("rate");
  const ThrottleKey& load = throttle_key("load");
  if (kind_uses(table, kind, load)) rate.load = table.number("load", load.least, load.most);
  return rate;
}

Settings read_settings(TableReader& table, std::optional<ThrottleKind> kind) {
  Settings settings;
  const bool one_limit = check_one_limit(table, kind);
  const Rate rate = read_rate(table, kind);
  if (one_limit && rate != Rate{}) settings.rate = rate;
  for_each_setting([&](const ThrottleKey& key, const auto& member) {
    if constexpr (!std::is_same_v<decltype(member), const RateMember&>) {
      if (kind_uses(table, kind, key)) settings.*member.settings = read_value(table, key, member);
    }
  });
  if (settings.when_full == WhenFull::reject && table.has("max_wait")) {
    table.mistake("max_wait", "nothing waits at a throttle that rejects",
                  "remove max_wait, or set when_full = \"queue\"");
  }
  return settings;
}

void note_sizes(const TableReader& table, const Settings& settings, const Throttle& throttle,
                std::size_t index, std::vector<PlacedSize>& sizes) {
  if (settings.burst && settings.burst->units) {
    sizes.push_back({index, "burst", *settings.burst->units, table.place("burst")});
  }
  // An adaptive limit may be below a request for a while: it grows.
  const bool adaptive = traits_of(throttle.kind).is_adaptive;
  if (settings.limit && !adaptive) {
    sizes.push_back({index, "limit", *settings.limit, table.place("limit")});
  }
  if (settings.max_limit && adaptive) {
    sizes.push_back({index, "max_limit", *settings.max_limit, table.place("max_limit")});
  }
}

void check_charge(TableReader& table, const Settings& settings, Unit unit) {
  if (!settings.charge || has_output(unit)) return;
  table.mistake(
      "charge",
      "\"charge\" says when output counts, and unit " + in_quotes(name_of(unit)) + " has none",
      "remove it, or take unit \"output_tokens\" or \"tokens\"");
}

Throttle ThrottleReader::read(TableReader& table) {
  const Mark mark{document_};
  Throttle throttle;
  std::set<std::string> names;
  for (const KnownThrottle& known : known_) names.insert(known.name);
  throttle.name = table.name_apart_from(names);
  table.require("kind", "kind = \"token_bucket\"");
  const std::optional<ThrottleKind> kind = table.choice<ThrottleKind>("kind");
  assign(throttle.kind, kind);
  // A limit on what is in flight or waits counts requests, unless a unit is stated.
  if (kind && traits_of(*kind).counts_in_flight) {
    throttle.unit = Unit::requests;
  } else {
    table.require("unit", R"("requests", "input_tokens", "output_tokens" or "tokens")");
  }
  assign(throttle.unit, table.choice<Unit>("unit"));
  assign(throttle.scope, table.choice<Scope>("scope"));
  throttle.tenants = table.names_among("tenants", "tenant", tenant_names_);
  std::ranges::sort(throttle.tenants);
  throttle.schedule = read_schedule(table, kind);
  const Settings settings = read_settings(table, kind);
  if (kind) require_keys(table, traits_of(*kind));
  apply(settings, throttle);
  if (kind && traits_of(*kind).has_burst) {
    throttle.burst = settings.burst.value_or(Burst{1'000'000'000, std::nullopt});
  }
  if (kind && traits_of(*kind).is_adaptive) read_adaptive_defaults(table, settings, throttle);
  check_charge(table, settings, throttle.unit);
  if (kind_uses(table, kind, throttle_key("exempt_cached"))) {
    assign(throttle.exempt_cached, table.flag("exempt_cached"));
  }
  if (throttle.exempt_cached && !has_input(throttle.unit)) {
    table.mistake("exempt_cached",
                  "cached input can't be exempt where unit " + in_quotes(name_of(throttle.unit)) +
                      " counts none",
                  "remove it, or take unit \"input_tokens\" or \"tokens\"");
  }
  read_follows(table, kind, throttle);
  table.finish();
  known_.push_back({throttle.name, kind, std::nullopt});
  if (mark.sound()) {
    known_.back().sound = throttle;
    note_sizes(table, settings, throttle, known_.size() - 1, sizes_);
  }
  return throttle;
}

void ThrottleReader::read_follows(TableReader& table, std::optional<ThrottleKind> kind,
                                  Throttle& throttle) {
  if (kind_uses(table, kind, throttle_key("follows"))) {
    throttle.follows = table.choice<Follows>("follows");
  }
  if (kind_uses(table, kind, throttle_key("lag"))) {
    assign(throttle.lag_ns, table.duration_ns("lag"));
  }
  if (table.has("lag") && !table.has("follows")) {
    table.mistake("lag", "there is nothing that the throttle follows later",
                  "remove it, or set follows = \"capacity\"");
  }
  if (throttle.follows && kind && traits_of(*kind).limits_queue && !table.has("limit")) {
    table.mistake("follows", "the throttle has no limit that could follow the capacity",
                  "give it a limit, or remove follows");
  }
}

std::vector<PeakHours> ThrottleReader::read_schedule(TableReader& table,
                                                     std::optional<ThrottleKind> kind) {
  if (!kind_uses(table, kind, throttle_key("schedule"))) return {};
  std::vector<PeakHours> schedule;
  std::vector<TableReader> entries =
      table.tables("schedule", "[[throttle.schedule]]", kMostPeakHours);
  for (TableReader& entry : entries) schedule.push_back(read_peak_hours(entry));
  return schedule;
}

PeakHours ThrottleReader::read_peak_hours(TableReader& table) {
  PeakHours peak;
  if (const auto words = table.texts("days")) {
    peak.days = 0;
    for (const std::string& word : *words) {
      const std::optional<std::uint8_t> days = days_of(word);
      if (days) {
        peak.days = static_cast<std::uint8_t>(peak.days | *days);
      } else {
        table.mistake("days", in_quotes(word) + " is no day of the week",
                      R"(mon, tue, wed, thu, fri, sat, sun, or from one to another: "mon-fri")");
      }
    }
  }
  table.require("from", "when it begins, for example from = \"05:00\"");
  assign(peak.begin_s, table.time_of_day_s("from"));
  table.require("to", "when it ends, for example to = \"11:00\"");
  assign(peak.end_s, table.time_of_day_s("to"));
  if (peak.begin_s == 86'400) table.mistake("from", "no day begins at 24:00", "write 00:00");
  table.require("drain", "what a unit counts as then, for example drain = 2.0");
  assign(peak.drain, table.number("drain", kDrainMin, kDrainMax));
  table.finish();
  return peak;
}

}  // namespace tokenlift
