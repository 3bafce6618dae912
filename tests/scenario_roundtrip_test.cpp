// The scenario language there and back: random scenarios through TOML and JSON, and random damage
// to texts and overrides.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "workloads/catalogue.hpp"
#include "workloads/plan.hpp"
#include "workloads/profile_text.hpp"
#include "workloads/scenario.hpp"
#include "workloads/scenario_text.hpp"

namespace tokenlift {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

Scenario parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_scenario(text, "demo.toml", "", overrides);
}

// Other forms than the built-in scenarios have: inline tables, rates, a stated capacity.
const std::string kFuzzText = R"(name = "demo"
run = { duration = "40s", warmup = "3s" }
[fleet]
capacity = "5000/s"
site = [ { name = "commodity", replicas = 2 } ]
[[tenant]]
name = "users"
arrivals = { process = "gamma", rate = "0.5k/min", cv = 1.5 }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "uniform", min = 16, max = 64 }
[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
rate = "30000/min"
burst = 1000
[[event]]
at = "15s"
set = { throttle = "output limit", load = 0.5, inherit = "reset" }
)";

std::string random_name() {
  const std::string letters = "abcXYZ019 _-";
  std::string name;
  const int size = *rc::gen::inRange(1, 12);
  for (int i = 0; i < size; ++i) name += letters[*rc::gen::inRange<std::size_t>(0, letters.size())];
  return name;
}

double random_double(double min, double max) {
  return min + (max - min) * *rc::gen::inRange(0, 1'000'000) / 999'999.0;
}

std::int64_t random_ns(std::int64_t max_ns) {
  const auto granule = *rc::gen::element<std::int64_t>(1, 1'000, 1'000'000, kS);
  return std::min(max_ns, (1 + *rc::gen::inRange<std::int64_t>(0, 100'000)) * granule);
}

Rate random_rate() {
  if (*rc::gen::arbitrary<bool>()) return Rate{random_double(0.01, 3), std::nullopt};
  return Rate{std::nullopt, random_double(0.001, 1e7)};
}

Burst random_burst() {
  if (*rc::gen::arbitrary<bool>()) return Burst{random_ns(1000 * kS), std::nullopt};
  return Burst{std::nullopt, random_double(1e6, 1e9)};
}

Lengths random_lengths() {
  Lengths lengths;
  lengths.distribution = *rc::gen::element(Distribution::constant, Distribution::uniform,
                                           Distribution::lognormal, Distribution::geometric);
  if (lengths.distribution == Distribution::constant) {
    lengths.mean = *rc::gen::inRange(1, 1000);
    return lengths;
  }
  if (lengths.distribution != Distribution::uniform) lengths.mean = random_double(1, 1000);
  if (lengths.distribution == Distribution::lognormal) lengths.cv = random_double(0, 5);
  if (lengths.distribution != Distribution::geometric) lengths.min = *rc::gen::inRange(1, 100);
  lengths.max = lengths.min + *rc::gen::inRange(0, 1000);
  return lengths;
}

Tenant random_tenant(const std::string& name) {
  Tenant tenant;
  tenant.name = name;
  tenant.arrivals.process = *rc::gen::element(Process::poisson, Process::constant, Process::gamma);
  tenant.arrivals.rate = random_rate();
  if (tenant.arrivals.process == Process::gamma) tenant.arrivals.cv = random_double(0.01, 10);
  tenant.prompt_tokens = random_lengths();
  tenant.output_tokens = random_lengths();
  tenant.max_tokens = largest_output_tokens(tenant) + *rc::gen::inRange(0, 100);
  if (*rc::gen::arbitrary<bool>()) tenant.slo.ttft_ns = random_ns(kS);
  if (*rc::gen::arbitrary<bool>()) tenant.slo.tpot_ns = random_ns(kS);
  if (*rc::gen::arbitrary<bool>()) tenant.slo.e2e_ns = random_ns(kS);
  return tenant;
}

Throttle random_throttle(const std::string& name) {
  Throttle throttle;
  throttle.name = name;
  throttle.unit = *rc::gen::element(Unit::requests, Unit::input_tokens, Unit::output_tokens);
  throttle.rate = random_rate();
  throttle.burst = random_burst();
  throttle.when_full = *rc::gen::element(WhenFull::queue, WhenFull::reject);
  if (throttle.when_full == WhenFull::queue && *rc::gen::arbitrary<bool>()) {
    throttle.max_wait_ns = random_ns(kS);
  }
  return throttle;
}

Event random_event(const Scenario& scenario, std::int64_t at_ns) {
  Event event;
  event.at_ns = at_ns;
  event.throttle = (*rc::gen::elementOf(scenario.throttles)).name;
  event.kind = *rc::gen::element(EventKind::lift, EventKind::set);
  if (event.kind == EventKind::lift) return event;
  event.rate = random_rate();
  if (*rc::gen::arbitrary<bool>()) event.burst = random_burst();
  event.inherit =
      *rc::gen::element(Inherit::as_is, Inherit::proportional, Inherit::reset, Inherit::additive);
  return event;
}

std::string random_text() {
  std::string text;
  const int size = *rc::gen::inRange(0, 20);
  for (int i = 0; i < size; ++i) {
    text += *rc::gen::element<std::string>("a", " ", "\"", "\\", "\n", "\r", "\t", "#", "'", "\x01",
                                           "\x7f", "\u00e9", "\u2028", "\U0001F600", "\\u0041",
                                           std::string(1, '\0'));
  }
  return text;
}

std::int64_t random_cost_ps() {
  return *rc::gen::inRange<std::int64_t>(0, 1000) *
         *rc::gen::element<std::int64_t>(1, 976, 1'000'000);
}

// Its weights and datasheet are such that no cost beats them.
Profile random_profile(const std::string& name) {
  Profile profile;
  profile.name = name;
  profile.description = random_text();
  profile.source = random_text();
  if (*rc::gen::arbitrary<bool>()) profile.fit_error = random_double(0, 1);
  if (*rc::gen::arbitrary<bool>()) profile.max_batch = *rc::gen::inRange(99, 1000);
  profile.cost =
      CostModel{1 + random_cost_ps(), random_cost_ps(),     random_cost_ps(),
                random_cost_ps(),     1 + random_cost_ps(), *rc::gen::inRange(0, 99'999)};
  if (*rc::gen::arbitrary<bool>()) {
    profile.model = ModelSize{1, random_double(0.1, 4), random_double(1, 1e6)};
  }
  if (*rc::gen::arbitrary<bool>()) {
    profile.accelerator =
        Accelerator{random_text(),           *rc::gen::inRange(1, 9), random_double(1e7, 1e8),
                    random_double(1e6, 1e7), random_double(1e3, 1e4), random_double(0, 1e4)};
  }
  return profile;
}

std::vector<Profile> random_profiles() {
  std::vector<Profile> profiles;
  const auto count = *rc::gen::inRange<std::size_t>(0, 4);
  profiles.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    profiles.push_back(random_profile(random_name() + std::to_string(i)));
  }
  std::ranges::sort(profiles, {}, &Profile::name);
  return profiles;
}

// Its own profiles, and the built-in ones that `engine` can use.
std::vector<Profile> usable_profiles(const Scenario& scenario) {
  std::vector<Profile> usable;
  const bool threads = scenario.run.engine == Engine::threads;
  const bool priced = scenario.run.engine == Engine::simulated;
  for (const auto& profiles : {scenario.profiles, builtin_profiles()}) {
    std::ranges::copy_if(profiles, std::back_inserter(usable), [&](const Profile& profile) {
      return (!threads || profile.decoder) && (!priced || profile.cost);
    });
  }
  return usable;
}

void keep_used_profiles(Scenario& scenario) {
  for (const Site& site : scenario.fleet.sites) {
    if (std::ranges::count(scenario.profiles, site.profile, &Profile::name) > 0) continue;
    scenario.profiles.push_back(*find_profile(site.profile));
  }
  std::ranges::sort(scenario.profiles, {}, &Profile::name);
}

Scenario random_scenario() {
  Scenario scenario;
  scenario.name = random_name();
  scenario.description = random_text();
  RunSettings& run = scenario.run;
  run.engine = *rc::gen::element(Engine::threads, Engine::simulated, Engine::null);
  run.warmup_ns = random_ns(100 * kS);
  run.duration_ns = run.warmup_ns + 1000 + random_ns(10'000 * kS);
  if (*rc::gen::arbitrary<bool>()) run.settle_ns = random_ns(1000 * kS);
  run.cooldown_max_ns = random_ns(1000 * kS) - 1;
  run.seed = static_cast<std::uint64_t>(*rc::gen::inRange<std::int64_t>(0, INT64_MAX));
  run.max_in_flight = *rc::gen::inRange(1, 1'000'000);
  scenario.fleet.router = *rc::gen::element(RouterPolicy::shared_queue, RouterPolicy::round_robin,
                                            RouterPolicy::random, RouterPolicy::least_loaded);
  scenario.fleet.capacity_tokens_per_s = random_double(0.1, 1e9);
  if (*rc::gen::arbitrary<bool>()) scenario.fleet.load_report_interval_ns = random_ns(kS);
  scenario.profiles = random_profiles();
  const std::vector<Profile> usable = usable_profiles(scenario);
  const int sites = *rc::gen::inRange(1, 3);
  for (int i = 0; i < sites; ++i) {
    const Profile profile = *rc::gen::elementOf(usable);
    const std::int64_t most =
        profile.max_batch > 0 ? std::min<std::int64_t>(profile.max_batch, 98) : 98;
    scenario.fleet.sites.push_back({random_name() + std::to_string(i), *rc::gen::inRange(1, 99),
                                    profile.name, *rc::gen::inRange<std::int64_t>(1, most + 1),
                                    *rc::gen::inRange(1, 9999), *rc::gen::inRange(10'000, 99'999)});
  }
  if (run.engine == Engine::simulated) keep_used_profiles(scenario);
  const int tenants = *rc::gen::inRange(1, 4);
  for (int i = 0; i < tenants; ++i) {
    scenario.tenants.push_back(random_tenant(random_name() + std::to_string(i)));
  }
  const int throttles = *rc::gen::inRange(0, 3);
  for (int i = 0; i < throttles; ++i) {
    scenario.throttles.push_back(random_throttle(random_name() + std::to_string(i)));
  }
  const int events = throttles == 0 ? 0 : *rc::gen::inRange(0, 4);
  for (int i = 0; i < events; ++i) {
    const std::int64_t span_ns = run.duration_ns - run.warmup_ns;
    scenario.events.push_back(random_event(
        scenario, run.warmup_ns + 1 + *rc::gen::inRange<std::int64_t>(0, span_ns - 1)));
  }
  std::ranges::stable_sort(scenario.events, {}, &Event::at_ns);
  if (events > 0) scenario.events.back().measure = *rc::gen::arbitrary<bool>();
  return scenario;
}

RC_GTEST_PROP(ToToml, ReadsBackEqual, ()) {
  const Scenario scenario = random_scenario();
  RC_LOG() << to_toml(scenario);
  RC_ASSERT(parse(to_toml(scenario)) == scenario);
}

RC_GTEST_PROP(ToToml, ReadsBackEqualWhenResolved, ()) {
  const Scenario resolved = resolve(random_scenario(), std::nullopt);
  RC_LOG() << to_toml(resolved);
  RC_ASSERT(parse(to_toml(resolved)) == resolved);
  RC_ASSERT(resolve(resolved, 1.0) == resolved);
}

RC_GTEST_PROP(ToJson, IsValidAndHasTheSameContent, ()) {
  const Scenario scenario = random_scenario();
  const nlohmann::json json = nlohmann::json::parse(to_json(scenario));
  RC_ASSERT(json.at("name") == scenario.name);
  RC_ASSERT(json.at("run").at("seed") == scenario.run.seed);
  RC_ASSERT(json.at("tenant").size() == scenario.tenants.size());
  RC_ASSERT(json.value("description", "") == scenario.description);
}

// JSON is TOML for a reader that takes `"key": value` as a pair of an inline table: as run.json is
// read back.
std::string as_inline_toml(const nlohmann::json& json) {
  std::string text;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      text +=
          (text.empty() ? "" : ", ") + nlohmann::json(key).dump() + " = " + as_inline_toml(value);
    }
    return "{ " + text + " }";
  }
  if (json.is_string()) {
    text = json.dump();
    for (auto at = text.find('\x7f'); at != std::string::npos; at = text.find('\x7f')) {
      text.replace(at, 1, "\\u007f");  // JSON takes it as it is, TOML doesn't
    }
    return text;
  }
  if (!json.is_array()) return json.dump();
  for (const nlohmann::json& element : json) {
    text += (text.empty() ? "" : ", ") + as_inline_toml(element);
  }
  return "[ " + text + " ]";
}

RC_GTEST_PROP(ToJson, ReadsBackEqual, ()) {
  const Scenario scenario = random_scenario();
  const nlohmann::json json = nlohmann::json::parse(to_json(scenario));
  std::string toml;
  for (const auto& [key, value] : json.items()) toml += key + " = " + as_inline_toml(value) + "\n";
  RC_LOG() << toml;
  RC_ASSERT(parse(toml) == scenario);
}

TEST(ToJson, ReplacesBytesThatAreNotText) {
  Scenario scenario = parse(kFuzzText);
  scenario.description = "a\xff\xc3";
  const nlohmann::json json = nlohmann::json::parse(to_json(scenario));
  EXPECT_EQ(json.at("description"), "a\uFFFD\uFFFD");
}

// Whatever the bytes: a scenario that reads back, or mistakes at lines of the text.
void check_any_text(const std::string& text, const std::vector<std::string>& overrides) {
  try {
    const Scenario scenario = parse(text, overrides);
    RC_ASSERT(parse(to_toml(scenario)) == scenario);
  } catch (const ScenarioError& error) {
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    RC_ASSERT(!error.mistakes().empty());
    for (const Mistake& mistake : error.mistakes()) {
      RC_ASSERT(mistake.line >= 1 && mistake.column >= 1 && !mistake.message.empty());
      RC_ASSERT(mistake.source != "demo.toml" || mistake.line <= lines);
    }
  }
}

void check_any_profiles(const std::string& text) {
  try {
    const std::vector<Profile> profiles = parse_profiles(text, "demo.toml");
    RC_ASSERT(parse_profiles(to_toml(profiles), "demo.toml") == profiles);
  } catch (const ScenarioError& error) {
    RC_ASSERT(!error.mistakes().empty());
  }
}

std::string mutated(std::string text) {
  const int edits = *rc::gen::inRange(1, 6);
  for (int i = 0; i < edits && !text.empty(); ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto from = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto size = *rc::gen::inRange<std::size_t>(1, 40);
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        text[at] = *rc::gen::arbitrary<char>();
        break;
      case 1:
        text.erase(at, size);
        break;
      case 2:
        text.insert(at, text.substr(from, size));
        break;
      case 3:
        text.replace(at, size, text.substr(from, size));
        break;
      default:
        text.insert(at, *rc::gen::element<std::string>(
                            "[", "]", "{", "}", "[[", "\"", "'''", "=", ".", "\n", "-", "1e999",
                            "9223372036854775807", "nan", "inf", "0x7f", "1979-05-27", "\\u0000",
                            "true", ",", "#", "\xff", "\xe2\x80\xa8", "0"));
    }
  }
  return text;
}

RC_GTEST_PROP(Fuzz, AnyTextIsReadOrReported, ()) {
  std::vector<std::string> texts = {kFuzzText, to_toml(random_scenario())};
  for (const BuiltinScenario& scenario : builtin_scenarios()) texts.emplace_back(scenario.text);
  for (int i = 0; i < 20; ++i) check_any_text(mutated(*rc::gen::elementOf(texts)), {});
}

RC_GTEST_PROP(Fuzz, AnyProfileFileIsReadOrReported, ()) {
  const std::string text = to_toml({*find_profile("h100-8b"), *find_profile("gb200-70b-x4")});
  for (int i = 0; i < 20; ++i) check_any_profiles(mutated(text));
}

RC_GTEST_PROP(Fuzz, AnyOverrideIsAppliedOrReported, ()) {
  const std::vector<std::string> words = {"tenant.users.arrivals.rate=12/s",
                                          "event.0.at=20s",
                                          "fleet.site.commodity.replicas=4",
                                          "run.duration=\"60s\"",
                                          "tenant.0.slo.e2e=3s",
                                          "throttle.output limit.burst=100",
                                          "run={ duration = \"10s\" }",
                                          "event=[]"};
  for (int i = 0; i < 20; ++i) {
    check_any_text(kFuzzText, {mutated(*rc::gen::elementOf(words)), *rc::gen::elementOf(words)});
  }
}

}  // namespace
}  // namespace tokenlift
