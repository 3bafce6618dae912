#include "workloads/writer/scenario_writer.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
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
#include "workloads/text/document.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/writer/endpoint_writer.hpp"
#include "workloads/writer/throttle_writer.hpp"
#include "workloads/writer/toml_keys.hpp"

namespace tokenlift {

using namespace writing;

namespace {

std::string cost(std::int64_t ps) {
  return string_literal(format_cost(ps));
}

TomlKeys keys_of(const RunSettings& run) {
  TomlKeys keys;
  keys.add("engine", word(run.engine));
  keys.add("duration", duration(run.duration_ns));
  keys.add("warmup", duration(run.warmup_ns));
  keys.add_duration("settle", run.settle_ns);
  keys.add("cooldown_max", duration(run.cooldown_max_ns));
  keys.add("seed", static_cast<std::int64_t>(run.seed));
  keys.add("max_in_flight", run.max_in_flight);
  if (run.repetitions > 1) keys.add("repetitions", static_cast<std::int64_t>(run.repetitions));
  if (run.starts_at_s) keys.add("starts_at", string_literal(format_instant(*run.starts_at_s)));
  if (run.time_zone != "UTC") keys.add("time_zone", string_literal(run.time_zone));
  TomlKeys stop;
  if (run.stop_after_requests) stop.add("requests", *run.stop_after_requests);
  if (run.stop_after_output_tokens) stop.add("output_tokens", *run.stop_after_output_tokens);
  if (!stop.empty()) keys.add("stop_after", stop.inline_table());
  return keys;
}

// What most sites don't do is written only where it is there.
void add_course(TomlKeys& keys, const Site& site) {
  const auto add_duration = [&](std::string_view key, std::int64_t ns) {
    if (ns > 0) keys.add(key, duration(ns));
  };
  if (site.at_start) keys.add("at_start", *site.at_start);
  add_duration("boot", site.boot_ns);
  add_duration("rtt", site.rtt_ns);
  add_duration("notice", site.notice_ns);
  if (site.spares > 0) keys.add("spares", site.spares);
  if (site.failures) {
    TomlKeys failures;
    failures.add("mtbf", duration(site.failures->mtbf_ns));
    failures.add("repair", duration(site.failures->repair_ns));
    keys.add("failures", failures.inline_table());
  }
  if (site.available) {
    TomlKeys available;
    available.add("period", duration(site.available->period_ns));
    available.add("off", duration(site.available->off_ns));
    available.add("begin", duration(site.available->begin_ns));
    keys.add("available", available.inline_table());
  }
}

void add_cost(TomlKeys& keys, const SiteCost& cost) {
  const auto add = [](TomlKeys& to, std::string_view key, const std::optional<double>& value) {
    if (value) to.add(key, *value);
  };
  if (cost.price) {
    TomlKeys price;
    add(price, "per_month", cost.price->usd_per_month);
    add(price, "per_accelerator_hour", cost.price->usd_per_accelerator_hour);
    if (cost.price->when_serving) price.add("when_serving", "true");
    add(price, "on_demand", cost.price->on_demand_usd_per_accelerator_hour);
    keys.add("price", price.inline_table());
  }
  add(keys, "electricity", cost.electricity_usd_per_kwh);
  add(keys, "carbon", cost.carbon_g_per_kwh);
}

// What is as usual is left out; an empty table says that the draw is recorded.
TomlKeys keys_of(const PowerSettings& power) {
  const PowerSettings usual;
  TomlKeys keys;
  if (power.limit_mw) keys.add("limit", string_literal(format_power(*power.limit_mw)));
  if (power.pue != usual.pue) keys.add("pue", power.pue);
  if (power.per_accelerator_mw != usual.per_accelerator_mw) {
    keys.add("per_accelerator_w", static_cast<double>(power.per_accelerator_mw) / 1e3);
  }
  if (power.control_ns != usual.control_ns) keys.add("control", duration(power.control_ns));
  if (power.when_over != usual.when_over) keys.add("when_over", word(power.when_over));
  if (power.battery) {
    TomlKeys battery;
    add_battery(*power.battery, battery);
    keys.add("battery", battery.inline_table());
  }
  return keys;
}

TomlKeys keys_of(const Site& site) {
  TomlKeys keys;
  keys.add("name", string_literal(site.name));
  if (site.endpoint) {
    add_endpoint(*site.endpoint, keys);
    if (site.max_in_flight) keys.add("max_in_flight", *site.max_in_flight);
    return keys;
  }
  keys.add("replicas", site.replicas);
  keys.add("profile", string_literal(site.profile));
  keys.add("max_batch", site.max_batch);
  keys.add("max_step_tokens", site.max_step_tokens);
  keys.add("kv_tokens", site.kv_tokens);
  if (site.prefix_cache_tokens > 0) keys.add("prefix_cache_tokens", site.prefix_cache_tokens);
  if (site.capacity_tokens_per_s) {
    keys.add("capacity", rate(*site.capacity_tokens_per_s) + "  # of a replica, output tokens");
  }
  if (site.max_in_flight) keys.add("max_in_flight", *site.max_in_flight);
  add_course(keys, site);
  if (site.power) keys.add("power", keys_of(*site.power).inline_table());
  if (site.cost) add_cost(keys, *site.cost);
  return keys;
}

TomlKeys keys_of(const ModelSize& model) {
  TomlKeys keys;
  keys.add("parameters", model.parameters);
  keys.add("bytes_per_parameter", model.bytes_per_parameter);
  keys.add("kv_bytes_per_token", model.kv_bytes_per_token);
  return keys;
}

TomlKeys keys_of(const AcceleratorPower& power) {
  TomlKeys keys;
  keys.add("idle_w", power.idle_w);
  keys.add("prompt_w", power.prompt_w);
  if (power.decode_low_w == power.decode_high_w) {
    keys.add("decode_w", power.decode_low_w);
  } else {
    TomlKeys decode;
    decode.add("low_w", power.decode_low_w);
    decode.add("high_w", power.decode_high_w);
    decode.add("middle_log2", power.decode_middle_log2);
    keys.add("decode", decode.inline_table());
  }
  if (!power.source.empty()) keys.add("source", string_literal(power.source));
  if (power.assumed) keys.add("assumed", std::string("true"));
  return keys;
}

TomlKeys keys_of(const Accelerator& accelerator) {
  TomlKeys keys;
  keys.add("name", string_literal(accelerator.name));
  keys.add("count", accelerator.count);
  keys.add("bandwidth_tb_per_s", accelerator.bandwidth_tb_per_s);
  keys.add("tflop_per_s", accelerator.tflop_per_s);
  keys.add("memory_gb", accelerator.memory_gb);
  keys.add("power_w", accelerator.power_w);
  if (accelerator.power) keys.add("power", keys_of(*accelerator.power).inline_table());
  return keys;
}

TomlKeys keys_of(const Profile& profile) {
  TomlKeys keys;
  if (!profile.description.empty()) keys.add("description", string_literal(profile.description));
  if (!profile.source.empty()) keys.add("source", string_literal(profile.source));
  if (profile.fit_error) keys.add("fit_error", *profile.fit_error);
  if (profile.max_batch > 0) keys.add("max_batch", profile.max_batch);
  if (profile.cost) {
    TomlKeys decode;
    decode.add("a", cost(profile.cost->a_ps));
    decode.add("b", cost(profile.cost->b_ps));
    decode.add("c", cost(profile.cost->c_ps));
    keys.add("decode", decode.inline_table());
    TomlKeys prefill;
    prefill.add("p0", cost(profile.cost->p0_ps));
    prefill.add("p1", cost(profile.cost->p1_ps));
    prefill.add("p2", cost(profile.cost->p2_ps));
    keys.add("prefill", prefill.inline_table());
    if (!profile.pricing_assumed) keys.add("pricing", word(profile.cost->pricing));
  }
  if (profile.overhead) {
    TomlKeys overhead;
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

TomlKeys keys_of(const Lengths& lengths) {
  TomlKeys keys;
  keys.add("distribution", word(lengths.distribution));
  switch (lengths.distribution) {
    case Distribution::constant:
      keys.add("value", std::lround(lengths.mean));  // 1e+06 would be no whole number
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
  TomlKeys keys;
  keys.add("distribution", word(wait.distribution));
  keys.add("mean", duration(wait.mean_ns));
  return keys.inline_table();
}

TomlKeys keys_of(const Shape& shape) {
  TomlKeys keys;
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
void add_trace(TomlKeys& keys, const Trace& trace) {
  const Trace plain;
  keys.add("file", string_literal(trace.file));
  keys.add("speed", trace.speed);
  keys.add("sample", trace.sample);
  TomlKeys caps;
  if (trace.max_prompt_tokens) caps.add("prompt", *trace.max_prompt_tokens);
  if (trace.max_output_tokens) caps.add("output", *trace.max_output_tokens);
  if (!caps.empty()) keys.add("max", caps.inline_table());
  if (trace.start_ns != plain.start_ns) keys.add("start", duration(trace.start_ns));
  keys.add_duration("resample", trace.resample_ns);
  if (trace.sort) keys.add("sort", std::string("true"));
  if (trace.block_tokens != plain.block_tokens) keys.add("block_tokens", trace.block_tokens);
  if (trace.columns) {
    TomlKeys columns;
    columns.add("time", string_literal(trace.columns->time));
    columns.add("prompt", string_literal(trace.columns->prompt));
    columns.add("output", string_literal(trace.columns->output));
    keys.add("columns", columns.inline_table());
  }
}

TomlKeys keys_of(const Arrivals& arrivals) {
  TomlKeys keys;
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

TomlKeys keys_of(const Sessions& sessions) {
  TomlKeys keys;
  keys.add("turns", keys_of(sessions.turns).inline_table());
  keys.add("think", wait(sessions.think));
  keys.add("max_context", sessions.max_context_tokens);
  return keys;
}

bool of_sdk(RetryPolicy policy) {
  return policy == RetryPolicy::sdk_openai || policy == RetryPolicy::sdk_anthropic;
}

TomlKeys keys_of(const Retry& retry) {
  TomlKeys keys;
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
TomlKeys keys_of(const Tenant& tenant) {
  const Tenant plain;
  TomlKeys keys;
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
  TomlKeys slo;
  slo.add_duration("ttft", tenant.slo.ttft_ns);
  slo.add_duration("tpot", tenant.slo.tpot_ns);
  slo.add_duration("itl", tenant.slo.itl_ns);
  slo.add_duration("e2e", tenant.slo.e2e_ns);
  if (!slo.empty()) keys.add("slo", slo.inline_table());
  if (!tenant.sites.empty()) keys.add("sites", array_of_literals(tenant.sites));
  keys.add_duration("deadline", tenant.deadline_ns);
  if (tenant.patience) keys.add("patience", wait(*tenant.patience));
  if (tenant.retry.policy != RetryPolicy::none) {
    keys.add("retry", keys_of(tenant.retry).inline_table());
  }
  add_sent(tenant, keys);
  return keys;
}

TomlKeys keys_of(const Job& job) {
  const Job plain;
  TomlKeys keys;
  keys.add("name", string_literal(job.name));
  keys.add("site", string_literal(job.site));
  keys.add("replicas", job.replicas);
  if (job.yields != plain.yields) keys.add("yields", job.yields);
  if (job.priority != plain.priority) keys.add("priority", job.priority);
  keys.add("step", duration(job.step_ns));
  if (job.interconnect_ns > 0) keys.add("interconnect", duration(job.interconnect_ns));
  if (job.control_ns != plain.control_ns) keys.add("control", duration(job.control_ns));
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

TomlKeys keys_of(const Parameter& parameter) {
  TomlKeys keys;
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
  TomlKeys keys;
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

std::string sweep_toml(const Sweeping& sweep) {
  TomlKeys keys;
  const auto add_words = [&](std::string_view key, const std::vector<std::string>& words) {
    if (!words.empty()) keys.add(key, array_of_literals(words));
  };
  std::vector<std::string> finds, objectives;
  for (const SoughtValue& find : sweep.finds) {
    finds.push_back((find.most ? "most " : "least ") + find.range);
  }
  for (const Objective& each : sweep.objectives) objectives.push_back(each.text);
  add_words("over", sweep.over);
  add_words("find", finds);
  add_words("while", objectives);
  add_words("figures", sweep.figures);
  if (sweep.repetitions) {
    keys.add("repetitions", static_cast<std::int64_t>(*sweep.repetitions));
  }
  if (sweep.requests) keys.add("requests", *sweep.requests);
  keys.add_duration("for", sweep.time_ns);
  return "\n[sweep]\n" + keys.lines();
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
  TomlKeys head;
  head.add("name", string_literal(scenario.name));
  if (!scenario.description.empty()) head.add("description", string_literal(scenario.description));
  TomlKeys fleet;
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
  if (!scenario.throttles.empty()) text += "\n" + throttles_toml(scenario);
  for (const Job& job : scenario.jobs) text += "\n[[job]]\n" + keys_of(job).lines();
  if (!scenario.events.empty()) text += "\n" + events_toml(scenario);
  if (scenario.tuning) text += tuning_toml(*scenario.tuning);
  if (scenario.sweep) text += sweep_toml(*scenario.sweep);
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
  table.erase("sweep");
  std::ostringstream text;
  text << toml::json_formatter(table, toml::format_flags::allow_unicode_strings);
  return text.str();
}

}  // namespace tokenlift
