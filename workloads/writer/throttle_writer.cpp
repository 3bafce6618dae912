#include "workloads/writer/throttle_writer.hpp"

#include <array>
#include <cstddef>
#include <type_traits>
#include <variant>

#include "workloads/plan/calendar.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/throttle_keys.hpp"
#include "workloads/writer/endpoint_writer.hpp"

namespace tokenlift::writing {

namespace {

std::string days(std::uint8_t bits) {
  constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu",
                                                     "fri", "sat", "sun"};
  std::vector<std::string> names;
  for (std::size_t day = 0; day < kDays.size(); ++day) {
    if ((bits >> day & 1) != 0) names.emplace_back(kDays[day]);
  }
  return array_of_literals(names);
}

std::string schedule(const std::vector<PeakHours>& schedule) {
  std::vector<std::string> entries;
  for (const PeakHours& peak : schedule) {
    TomlKeys keys;
    keys.add("days", days(peak.days));
    keys.add("from", string_literal(format_time_of_day(peak.begin_s)));
    keys.add("to", string_literal(format_time_of_day(peak.end_s)));
    keys.add("drain", peak.drain);
    entries.push_back(keys.inline_table());
  }
  return array(entries);
}

// The value of a key of a throttle.
template <typename Value>
void add_value(std::string_view key, const Value& value, TomlKeys& keys) {
  if constexpr (std::is_enum_v<Value>) {
    keys.add(key, word(value));
  } else if constexpr (std::is_same_v<Value, std::int64_t>) {
    keys.add(key, duration(value));
  } else if constexpr (std::is_same_v<Value, bool>) {
    keys.add(key, std::string(value ? "true" : "false"));
  } else if constexpr (std::is_same_v<Value, std::string>) {
    keys.add(key, string_literal(value));
  } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
    keys.add(key, array_of_literals(value));
  } else if constexpr (std::is_same_v<Value, std::vector<PeakHours>>) {
    keys.add(key, schedule(value));
  } else {
    keys.add(key, value);
  }
}
template <typename Value>
void add_value(std::string_view key, const std::optional<Value>& value, TomlKeys& keys) {
  if (value) add_value(key, *value, keys);
}

// The member of a throttle or of the settings of an event.
template <typename Member, typename Value>
void add_member(const ThrottleKey& key, const Member& member, const Value& value, TomlKeys& keys) {
  if constexpr (!std::is_same_v<Member, RateMember>) {
    add_value(key.name, value, keys);
  } else if (const auto& part = value.*member.part) {
    keys.add(key.name, member.part == &Rate::load ? format_number(*part) : rate(*part));
  }
}

void add_settings(const Settings& settings, TomlKeys& keys) {
  for_each_setting([&](const ThrottleKey& key, const auto& member) {
    const auto& value = settings.*member.settings;
    if (value) add_member(key, member, *value, keys);
  });
}

// Where a ramp begins or ends.
void add_end(std::string_view key, const std::optional<Rate>& rate_there,
             const std::optional<double>& limit, TomlKeys& keys) {
  if (limit) keys.add(key, *limit);
  if (!rate_there) return;
  if (rate_there->per_s) {
    keys.add(key, rate(*rate_there->per_s));
  } else {
    TomlKeys load;
    load.add("rate", *rate_there);
    keys.add(key, load.inline_table());
  }
}

TomlKeys keys_of_action(const Event& event) {
  TomlKeys keys;
  keys.add("throttle", string_literal(event.throttle));
  if (event.kind == EventKind::set) {
    add_settings(event, keys);
  } else if (event.kind == EventKind::ramp) {
    add_end("from", event.from, event.from_limit, keys);
    add_end("to", event.rate, event.limit, keys);
    if (event.burst) keys.add("burst", *event.burst);
    keys.add("over", duration(event.over_ns));
    if (event.steps > 0) keys.add("steps", event.steps);
  }
  keys.add("inherit", word(event.inherit));
  return keys;
}

TomlKeys keys_of_power(const Event& event) {
  TomlKeys keys;
  keys.add("site", string_literal(event.site));
  keys.add("limit", string_literal(format_power(*event.limit_mw)));
  if (event.over_ns > 0) keys.add("over", duration(event.over_ns));
  if (event.for_ns > 0) keys.add("for", duration(event.for_ns));
  return keys;
}

TomlKeys keys_of_battery(const Event& event) {
  TomlKeys keys;
  keys.add("site", string_literal(event.site));
  add_battery(*event.battery, keys);
  return keys;
}

// Of replicas that join, leave, fail or slow down.
TomlKeys keys_of_fleet_action(const Event& event) {
  const InFlight usual = event.kind == EventKind::fail ? InFlight::drop : InFlight::finish;
  TomlKeys keys;
  keys.add("site", string_literal(event.site));
  if (event.replicas) keys.add("replicas", *event.replicas);
  if (event.share) keys.add("share", *event.share);
  keys.add_duration("notice", event.notice_ns);
  if (event.over_ns > 0) keys.add("over", duration(event.over_ns));
  if (event.kind == EventKind::slow) {
    keys.add("decode", static_cast<double>(event.decode_ppm) / 1e6);
    keys.add("prefill", static_cast<double>(event.prefill_ppm) / 1e6);
  }
  if (event.for_ns > 0) keys.add("for", duration(event.for_ns));
  if (event.in_flight != usual && event.kind != EventKind::slow) {
    keys.add("in_flight", word(event.in_flight));
  }
  return keys;
}

}  // namespace

// What its kind has; of that, what differs from the default where most don't set it.
TomlKeys keys_of(const Throttle& throttle) {
  const Throttle plain;
  TomlKeys keys;
  for (const ThrottleKey& key : throttle_keys()) {
    if (!key.belongs_to(traits_of(throttle.kind))) continue;
    std::visit(
        [&](const auto& member) {
          const auto& value = throttle.*member.throttle;
          if (key.always_written || value != plain.*member.throttle) {
            add_member(key, member, value, keys);
          }
        },
        key.member);
  }
  return keys;
}

void add_battery(const Battery& battery, TomlKeys& keys) {
  keys.add("energy", string_literal(format_energy(battery.energy_milliwatt_h)));
  keys.add("power", string_literal(format_power(battery.power_mw)));
}

TomlKeys keys_of(const Event& event) {
  const bool name_says_all = event.kind == EventKind::lift ||
                             (event.kind == EventKind::restore && event.inherit == Inherit::as_is);
  TomlKeys keys;
  keys.add("at", event.at_signal ? word(EventKind::signal) : duration(event.at_ns));
  if (event.call) {
    keys.add("call", keys_of(*event.call).inline_table());
  } else if (!event.command.empty()) {
    keys.add("command", array_of_literals(event.command));
  } else if (event.kind == EventKind::power) {
    keys.add(name_of(event.kind), keys_of_power(event).inline_table());
  } else if (event.kind == EventKind::battery) {
    keys.add(name_of(event.kind), keys_of_battery(event).inline_table());
  } else if (changes_fleet(event)) {
    keys.add(name_of(event.kind), keys_of_fleet_action(event).inline_table());
  } else if (event.kind != EventKind::signal) {
    keys.add(name_of(event.kind),
             name_says_all ? string_literal(event.throttle) : keys_of_action(event).inline_table());
  }
  if (event.measure) keys.add("measure", std::string("true"));
  return keys;
}

}  // namespace tokenlift::writing
