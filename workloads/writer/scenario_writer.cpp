#include "workloads/writer/scenario_writer.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "workloads/plan/calendar.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/scenario/throttle_keys.hpp"
#include "workloads/text/document.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

template <typename Value>
std::string word(Value value) {
  return string_literal(name_of(value));
}
std::string duration(std::int64_t ns) {
  return string_literal(format_duration(ns));
}
std::string cost(std::int64_t ps) {
  return string_literal(format_cost(ps));
}
std::string rate(double per_s) {
  return string_literal(format_rate(per_s));
}

// In quotes where TOML wants them.
std::string toml_key(const std::string& name) {
  const auto bare = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && std::ranges::all_of(name, bare) ? name : string_literal(name);
}

// Keys and their values as TOML writes them, in the order in which they are added.
class Keys {
 public:
  void add(std::string_view key, std::string value) {
    keys_.emplace_back(std::string(key), std::move(value));
  }
  void add(std::string_view key, std::int64_t value) { add(key, std::to_string(value)); }
  void add(std::string_view key, double value) { add(key, format_number(value)); }
  void add(std::string_view key, const Rate& value) {
    if (value.load) add("load", *value.load);
    if (value.per_s) add(key, rate(*value.per_s));
  }
  void add(std::string_view key, const Burst& value) {
    if (value.of_rate_ns) add(key, duration(*value.of_rate_ns));
    if (value.units) add(key, *value.units);
  }
  void add_duration(std::string_view key, const std::optional<std::int64_t>& ns) {
    if (ns) add(key, duration(*ns));
  }

  bool empty() const { return keys_.empty(); }
  std::string lines() const {
    std::string text;
    for (const auto& [key, value] : keys_) append(text, {key, " = ", value, "\n"});
    return text;
  }
  std::string inline_table() const {
    std::string text = "{ ";
    for (const auto& [key, value] : keys_) {
      append(text, {&key == &keys_.front().first ? "" : ", ", key, " = ", value});
    }
    return text + " }";
  }

 private:
  static void append(std::string& text, std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) text += part;
  }

  std::vector<std::pair<std::string, std::string>> keys_;
};

Keys keys_of(const RunSettings& run) {
  Keys keys;
  keys.add("engine", word(run.engine));
  keys.add("duration", duration(run.duration_ns));
  keys.add("warmup", duration(run.warmup_ns));
  keys.add_duration("settle", run.settle_ns);
  keys.add("cooldown_max", duration(run.cooldown_max_ns));
  keys.add("seed", static_cast<std::int64_t>(run.seed));
  keys.add("max_in_flight", run.max_in_flight);
  if (run.starts_at_s) keys.add("starts_at", string_literal(format_instant(*run.starts_at_s)));
  if (run.time_zone != "UTC") keys.add("time_zone", string_literal(run.time_zone));
  return keys;
}

Keys keys_of(const Site& site) {
  Keys keys;
  keys.add("name", string_literal(site.name));
  keys.add("replicas", site.replicas);
  keys.add("profile", string_literal(site.profile));
  keys.add("max_batch", site.max_batch);
  keys.add("max_step_tokens", site.max_step_tokens);
  keys.add("kv_tokens", site.kv_tokens);
  if (site.prefix_cache_tokens > 0) keys.add("prefix_cache_tokens", site.prefix_cache_tokens);
  return keys;
}

Keys keys_of(const ModelSize& model) {
  Keys keys;
  keys.add("parameters", model.parameters);
  keys.add("bytes_per_parameter", model.bytes_per_parameter);
  keys.add("kv_bytes_per_token", model.kv_bytes_per_token);
  return keys;
}

Keys keys_of(const Accelerator& accelerator) {
  Keys keys;
  keys.add("name", string_literal(accelerator.name));
  keys.add("count", accelerator.count);
  keys.add("bandwidth_tb_per_s", accelerator.bandwidth_tb_per_s);
  keys.add("tflop_per_s", accelerator.tflop_per_s);
  keys.add("memory_gb", accelerator.memory_gb);
  keys.add("power_w", accelerator.power_w);
  return keys;
}

Keys keys_of(const Profile& profile) {
  Keys keys;
  if (!profile.description.empty()) keys.add("description", string_literal(profile.description));
  if (!profile.source.empty()) keys.add("source", string_literal(profile.source));
  if (profile.fit_error) keys.add("fit_error", *profile.fit_error);
  if (profile.max_batch > 0) keys.add("max_batch", profile.max_batch);
  if (profile.cost) {
    Keys decode;
    decode.add("a", cost(profile.cost->a_ps));
    decode.add("b", cost(profile.cost->b_ps));
    decode.add("c", cost(profile.cost->c_ps));
    keys.add("decode", decode.inline_table());
    Keys prefill;
    prefill.add("p0", cost(profile.cost->p0_ps));
    prefill.add("p1", cost(profile.cost->p1_ps));
    prefill.add("p2", cost(profile.cost->p2_ps));
    keys.add("prefill", prefill.inline_table());
    if (!profile.pricing_assumed) keys.add("pricing", word(profile.cost->pricing));
  }
  if (profile.overhead) {
    Keys overhead;
    overhead.add("per_step", cost(profile.overhead->per_step_ps));
    overhead.add("software_year", profile.overhead->software_year);
    if (!profile.overhead->source.empty()) {
      overhead.add("source", string_literal(profile.overhead->source));
    }
    keys.add("overhead", overhead.inline_table());
  }
  if (profile.model) keys.add("model", keys_of(*profile.model).inline_table());
  if (profile.accelerator) {
    keys.add("accelerator", keys_of(*profile.accelerator).inline_table());
  }
  return keys;
}

Keys keys_of(const Lengths& lengths) {
  Keys keys;
  keys.add("distribution", word(lengths.distribution));
  switch (lengths.distribution) {
    case Distribution::constant:
      keys.add("value", lengths.mean);
      return keys;
    case Distribution::uniform:
      break;
    case Distribution::lognormal:
      keys.add("mean", lengths.mean);
      keys.add("cv", lengths.cv);
      break;
    case Distribution::geometric:
      keys.add("mean", lengths.mean);
      keys.add("max", lengths.max);
      return keys;
  }
  keys.add("min", lengths.min);
  keys.add("max", lengths.max);
  return keys;
}

std::string wait(const Wait& wait) {
  if (wait.distribution == WaitDistribution::constant) return duration(wait.mean_ns);
  Keys keys;
  keys.add("distribution", word(wait.distribution));
  keys.add("mean", duration(wait.mean_ns));
  return keys.inline_table();
}

std::string array(const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values) text += (text.size() > 1 ? ", " : "") + value;
  return text + "]";
}
std::string array_of_literals(std::vector<std::string> texts) {
  for (std::string& text : texts) text = string_literal(text);
  return array(texts);
}

Keys keys_of(const Shape& shape) {
  Keys keys;
  keys.add("kind", word(shape.kind));
  std::vector<std::string> steps;
  switch (shape.kind) {
    case ShapeKind::ramp:
      keys.add("from", shape.from);
      keys.add("to", shape.to);
      keys.add("begin", duration(shape.begin_ns));
      keys.add("length", duration(shape.length_ns));
      break;
    case ShapeKind::steps:
      for (const auto& [at_ns, factor] : shape.steps) {
        steps.push_back(array({duration(at_ns), format_number(factor)}));
      }
      keys.add("steps", array(steps));
      break;
    case ShapeKind::diurnal:
      keys.add("trough", shape.from);
      keys.add("peak", shape.to);
      keys.add("period", duration(shape.period_ns));
      keys.add("peak_at", duration(shape.begin_ns));
      break;
    case ShapeKind::burst:
      keys.add("low", shape.from);
      keys.add("high", shape.to);
      keys.add("every", duration(shape.period_ns));
      keys.add("length", duration(shape.length_ns));
      keys.add("begin", duration(shape.begin_ns));
      break;
    case ShapeKind::mmpp:
      keys.add("low", shape.from);
      keys.add("high", shape.to);
      keys.add("calm", duration(shape.period_ns));
      keys.add("length", duration(shape.length_ns));
      break;
  }
  return keys;
}

// What most traces don't need is written only where it is there.
void add_trace(Keys& keys, const Trace& trace) {
  const Trace plain;
  keys.add("file", string_literal(trace.file));
  keys.add("speed", trace.speed);
  keys.add("sample", trace.sample);
  Keys caps;
  if (trace.max_prompt_tokens) caps.add("prompt", *trace.max_prompt_tokens);
  if (trace.max_output_tokens) caps.add("output", *trace.max_output_tokens);
  if (!caps.empty()) keys.add("max", caps.inline_table());
  if (trace.start_ns != plain.start_ns) keys.add("start", duration(trace.start_ns));
  keys.add_duration("resample", trace.resample_ns);
  if (trace.sort) keys.add("sort", std::string("true"));
  if (trace.block_tokens != plain.block_tokens) keys.add("block_tokens", trace.block_tokens);
  if (trace.columns) {
    Keys columns;
    columns.add("time", string_literal(trace.columns->time));
    columns.add("prompt", string_literal(trace.columns->prompt));
    columns.add("output", string_literal(trace.columns->output));
    keys.add("columns", columns.inline_table());
  }
}

Keys keys_of(const Arrivals& arrivals) {
  Keys keys;
  keys.add("process", word(arrivals.process));
  if (arrivals.trace) {
    add_trace(keys, *arrivals.trace);
    return keys;
  }
  if (arrivals.think) keys.add("think", wait(*arrivals.think));
  keys.add("rate", arrivals.rate);
  if (arrivals.process == Process::gamma) keys.add("cv", arrivals.cv);
  if (arrivals.shape) keys.add("shape", keys_of(*arrivals.shape).inline_table());
  return keys;
}

Keys keys_of(const Sessions& sessions) {
  Keys keys;
  keys.add("turns", keys_of(sessions.turns).inline_table());
  keys.add("think", wait(sessions.think));
  keys.add("max_context", sessions.max_context_tokens);
  return keys;
}

bool of_sdk(RetryPolicy policy) {
  return policy == RetryPolicy::sdk_openai || policy == RetryPolicy::sdk_anthropic;
}

Keys keys_of(const Retry& retry) {
  Keys keys;
  keys.add("policy", word(retry.policy));
  if (!of_sdk(retry.policy)) {
    keys.add("delay", duration(retry.delay_ns));
    if (retry.policy != RetryPolicy::fixed) keys.add("max_delay", duration(retry.max_delay_ns));
  }
  keys.add("attempts", retry.attempts);
  if (retry.budget) keys.add("budget", *retry.budget);
  if (retry.jitter > 0) keys.add("jitter", retry.jitter);
  return keys;
}

// What most tenants don't have is written only where it is there.
Keys keys_of(const Tenant& tenant) {
  const Tenant plain;
  Keys keys;
  keys.add("name", string_literal(tenant.name));
  if (tenant.users != plain.users) keys.add("users", tenant.users);
  if (tenant.priority != plain.priority) keys.add("priority", tenant.priority);
  if (tenant.weight != plain.weight) keys.add("weight", tenant.weight);
  keys.add("arrivals", keys_of(tenant.arrivals).inline_table());
  if (tenant.sessions) keys.add("sessions", keys_of(*tenant.sessions).inline_table());
  if (!tenant.arrivals.trace) {
    keys.add("prompt_tokens", keys_of(tenant.prompt_tokens).inline_table());
    keys.add("output_tokens", keys_of(tenant.output_tokens).inline_table());
  }
  keys.add("max_tokens", tenant.max_tokens);
  Keys slo;
  slo.add_duration("ttft", tenant.slo.ttft_ns);
  slo.add_duration("tpot", tenant.slo.tpot_ns);
  slo.add_duration("itl", tenant.slo.itl_ns);
  slo.add_duration("e2e", tenant.slo.e2e_ns);
  if (!slo.empty()) keys.add("slo", slo.inline_table());
  keys.add_duration("deadline", tenant.deadline_ns);
  if (tenant.patience) keys.add("patience", wait(*tenant.patience));
  if (tenant.retry.policy != RetryPolicy::none) {
    keys.add("retry", keys_of(tenant.retry).inline_table());
  }
  return keys;
}

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
    Keys keys;
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
void add_value(std::string_view key, const Value& value, Keys& keys) {
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
void add_value(std::string_view key, const std::optional<Value>& value, Keys& keys) {
  if (value) add_value(key, *value, keys);
}

// The member of a throttle or of the settings of an event.
template <typename Member, typename Value>
void add_member(const ThrottleKey& key, const Member& member, const Value& value, Keys& keys) {
  if constexpr (!std::is_same_v<Member, RateMember>) {
    add_value(key.name, value, keys);
  } else if (const auto& part = value.*member.part) {
    keys.add(key.name, member.part == &Rate::load ? format_number(*part) : rate(*part));
  }
}

void add_settings(const Settings& settings, Keys& keys) {
  for_each_setting([&](const ThrottleKey& key, const auto& member) {
    const auto& value = settings.*member.settings;
    if (value) add_member(key, member, *value, keys);
  });
}

// What its kind has; of that, what differs from the default where most don't set it.
Keys keys_of(const Throttle& throttle) {
  const Throttle plain;
  Keys keys;
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

// Where a ramp begins or ends.
void add_end(std::string_view key, const std::optional<Rate>& rate_there,
             const std::optional<double>& limit, Keys& keys) {
  if (limit) keys.add(key, *limit);
  if (!rate_there) return;
  if (rate_there->per_s) {
    keys.add(key, rate(*rate_there->per_s));
  } else {
    Keys load;
    load.add("rate", *rate_there);
    keys.add(key, load.inline_table());
  }
}

Keys keys_of_action(const Event& event) {
  Keys keys;
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

Keys keys_of(const Event& event) {
  const bool name_says_all = event.kind == EventKind::lift ||
                             (event.kind == EventKind::restore && event.inherit == Inherit::as_is);
  Keys keys;
  keys.add("at", duration(event.at_ns));
  keys.add(name_of(event.kind),
           name_says_all ? string_literal(event.throttle) : keys_of_action(event).inline_table());
  if (event.measure) keys.add("measure", std::string("true"));
  return keys;
}

std::string quantity(const Parameter& parameter, double value) {
  switch (parameter.form) {
    case ParameterForm::duration:
      return duration(static_cast<std::int64_t>(value));
    case ParameterForm::rate:
      return rate(value);
    case ParameterForm::number:
    case ParameterForm::word:
      break;
  }
  return format_number(value);
}

Keys keys_of(const Parameter& parameter) {
  Keys keys;
  keys.add("key", string_literal(parameter.key));
  if (parameter.scale == ParameterScale::choice) {
    std::vector<std::string> choices;
    for (const std::string& choice : parameter.choices) {
      choices.push_back(reads_as_toml(choice) ? choice : string_literal(choice));
    }
    keys.add("choices", array(choices));
    return keys;
  }
  keys.add("min", quantity(parameter, parameter.min));
  keys.add("max", quantity(parameter, parameter.max));
  keys.add("scale", word(parameter.scale));
  return keys;
}

std::string tuning_toml(const Tuning& tuning) {
  Keys keys;
  if (tuning.lift) keys.add("lift", std::string("true"));
  if (tuning.objective) {
    keys.add("objective", string_literal((tuning.objective->maximize ? "maximize " : "minimize ") +
                                         tuning.objective->path));
  }
  std::vector<std::string> constraints;
  for (const Objective& each : tuning.constraints) constraints.push_back(each.text);
  if (!constraints.empty()) keys.add("constraints", array_of_literals(constraints));
  if (tuning.budget_requests) keys.add("budget", *tuning.budget_requests);
  std::string text = "\n[tune]\n" + keys.lines();
  for (const Parameter& parameter : tuning.parameters) {
    text += "\n[[tune.parameters]]\n" + keys_of(parameter).lines();
  }
  return text;
}

}  // namespace

std::string to_toml(const std::vector<Profile>& profiles) {
  std::string text;
  for (const Profile& profile : profiles) {
    text += text.empty() ? "" : "\n";
    text += "[profile." + toml_key(profile.name) + "]\n";
    text += keys_of(profile).lines();
  }
  return text;
}

std::string to_toml(const Scenario& scenario) {
  Keys head;
  head.add("name", string_literal(scenario.name));
  if (!scenario.description.empty()) head.add("description", string_literal(scenario.description));
  Keys fleet;
  fleet.add("router", word(scenario.fleet.router));
  if (scenario.fleet.capacity_tokens_per_s) {
    fleet.add("capacity", rate(*scenario.fleet.capacity_tokens_per_s) + "  # output tokens");
  }
  if (scenario.fleet.load_report_interval_ns > 0) {
    fleet.add("load_report_interval", duration(scenario.fleet.load_report_interval_ns));
  }
  std::string text = head.lines();
  text += "\n[run]\n" + keys_of(scenario.run).lines();
  text += "\n[fleet]\n" + fleet.lines();
  if (scenario.queue_order != QueueOrder::fifo) {
    text += "\n[queue]\norder = " + word(scenario.queue_order) + "\n";
  }
  for (const Site& site : scenario.fleet.sites)
    text += "\n[[fleet.site]]\n" + keys_of(site).lines();
  if (!scenario.profiles.empty()) text += "\n" + to_toml(scenario.profiles);
  for (const Tenant& tenant : scenario.tenants) text += "\n[[tenant]]\n" + keys_of(tenant).lines();
  for (const std::string& tables : {throttles_toml(scenario), events_toml(scenario)}) {
    if (!tables.empty()) text += "\n" + tables;
  }
  if (scenario.tuning) text += tuning_toml(*scenario.tuning);
  return text;
}

std::string throttles_toml(const Scenario& scenario) {
  std::string text;
  for (const Throttle& throttle : scenario.throttles) {
    text += (text.empty() ? "" : "\n") + ("[[throttle]]\n" + keys_of(throttle).lines());
  }
  return text;
}

std::string events_toml(const Scenario& scenario) {
  std::string text;
  for (const Event& event : scenario.events) {
    text += (text.empty() ? "" : "\n") + ("[[event]]\n" + keys_of(event).lines());
  }
  return text;
}

std::string inline_toml(const Event& event) {
  return keys_of(event).inline_table();
}

std::optional<std::string> written_value(const Scenario& scenario, const std::string& key) {
  const toml::table root = toml::parse(to_toml(scenario));
  const toml::node* node = find_value(root, key);
  return node != nullptr ? std::optional(override_value(*node)) : std::nullopt;
}

// By way of the TOML text, so that there is one list of keys.
std::string to_json(const Scenario& scenario) {
  toml::table table = toml::parse(to_toml(scenario));
  table.erase("tune");
  std::ostringstream text;
  text << toml::json_formatter(table, toml::format_flags::allow_unicode_strings);
  return text.str();
}

}  // namespace tokenlift
