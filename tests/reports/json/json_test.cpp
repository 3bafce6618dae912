#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reports/json/json_run.hpp"
#include "reports/record/bounds.hpp"
#include "tests/reports/json/changed_json.hpp"
#include "tests/reports/json/schema.hpp"
#include "tests/reports/record/rich_runs.hpp"
#include "tests/reports/record/wire_runs.hpp"
#include "tests/testing.hpp"

namespace tokenlift::json_test {
namespace {

using Json = nlohmann::ordered_json;
using RunValue = Run;  // within a TEST, Run is a function of testing::Test

std::string golden_text(const std::string& name) {
  std::ifstream file(source_folder() + "/tests/golden/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

int validate(const std::vector<std::string>& texts) {
  return validate_json("run.schema.json", texts);
}

TEST(Json, IsValidBySchemaForEverySample) {
  std::vector<std::string> texts;
  for (const RunValue& run : sample_runs()) texts.push_back(to_json(run));
  EXPECT_EQ(validate(texts), 0);
}

TEST(Json, TheSchemaRefusesUnknownMissingAndMistypedFields) {
  EXPECT_EQ(validate({with("/phases/0/surprise", 1)}), 1);
  EXPECT_EQ(validate({without("/phases/0/rates", "attainment")}), 1);
  EXPECT_EQ(validate({without("/throttles/0/phases/2", "shadowed")}), 1);
  EXPECT_EQ(validate({without("/phases/0/rates", "retry_amplification")}), 1);
  EXPECT_EQ(validate({with("/throttles/0/surprise", 1)}), 1);
  EXPECT_EQ(validate({with("/seed", "7")}), 1);
  EXPECT_EQ(validate({with("/series/bin_s", 0)}), 1);
  EXPECT_EQ(validate({with("/lift/backoff_requests", -1)}), 1);
  EXPECT_EQ(validate({with("/schema", "tokenlift.run/1")}), 1);
}

TEST(Json, HasTheKeysThatLaterWorkReliesOn) {
  const Json json = Json::parse(to_json(lift_run()));
  EXPECT_EQ(json["schema"], "tokenlift.run/4");
  EXPECT_EQ(json["engine"], "threads");
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["repetition"], 1);
  EXPECT_EQ(json["scenario"]["run"]["duration"], "40s");
  EXPECT_EQ(json["lift"]["at_s"], 15.000012345);
  EXPECT_EQ(json["validity"]["valid"], true);
  EXPECT_EQ(json["validity"]["checks"][2]["value"], nullptr);
  const Json& before = json["phases"][0];
  EXPECT_EQ(before["name"], "before");
  EXPECT_EQ(before["begin_s"], 3.0);
  EXPECT_EQ(before["counts"]["expired"], 120);
  EXPECT_EQ(before["held"], 540);
  EXPECT_EQ(before["rates"]["offered_requests_per_s"], 50.0);
  EXPECT_EQ(before["rates"]["throughput_tokens_per_s"], 2000.0);
  EXPECT_EQ(before["rates"]["utilisation"], 0.45);
  EXPECT_EQ(before["rates"]["batch_mean"], 4.0);
  EXPECT_EQ(before["unserved"]["share"], 0.2);
  EXPECT_EQ(before["unserved"]["hidden_by"], Json({"p90", "p95", "p99", "p999"}));
  EXPECT_EQ(before["latency_ms"]["ttft"]["count"], 480);
  EXPECT_EQ(before["latency_ms"]["ttft"]["max"], 2044.0);
  EXPECT_EQ(before["latency_ms"]["ttft"]["p99"], nullptr);
  EXPECT_EQ(before["latency_ms"]["ttft"]["unsupported"],
            Json({"p99: needs 1000 samples, has 480", "p999: needs 10000 samples, has 480"}));
  EXPECT_EQ(json["tenants"][0]["phases"][2]["counts"]["due"], 1080);
  EXPECT_EQ(json["series"]["bin_s"], 15.0);
  EXPECT_EQ(json["series"]["columns"]["goodput_tokens"], Json({1000, 0, 2400}));
}

TEST(Json, HasWhatThrottlesDidAndClientsTried) {
  const Json json = Json::parse(to_json(retry_run()));
  EXPECT_EQ(json["lift"]["kind"], "ramp");
  EXPECT_EQ(json["lift"]["backoff_requests"], 300);
  EXPECT_EQ(json["lift"]["backoff_tokens"], 15'000);
  for (const Json& phase : {json["phases"][0], json["tenants"][0]["phases"][0]}) {
    EXPECT_EQ(phase["counts"]["cancelled"], 50);
    EXPECT_EQ(phase["attempts"], 1950);
    EXPECT_EQ(phase["wasted_tokens"], 1500);
    EXPECT_EQ(phase["rates"]["retry_amplification"], 3.25);
  }
  EXPECT_EQ(Json::parse(to_json(empty_run()))["phases"][0]["rates"]["retry_amplification"],
            nullptr);
  const Json& throttle = json["throttles"][0];
  EXPECT_EQ(throttle["name"], "output limit");
  EXPECT_EQ(throttle["kind"], "token_bucket");
  EXPECT_EQ(throttle["unit"], "output_tokens");
  EXPECT_EQ(throttle["scope"], "fleet");
  EXPECT_EQ(throttle["mode"], "enforce");
  EXPECT_EQ(throttle["phases"][0], Json::parse(R"({"name": "before", "admitted": 430, "held": 0,
      "rejected": 1490, "shadowed": 0, "taken_microunits": "43215000000",
      "refunded_microunits": "21715000000"})"));
  EXPECT_EQ(Json::parse(to_json(shadow_run()))["throttles"][1]["phases"][0]["shadowed"], 412);
}

TEST(Json, WhatTheFleetAttemptedIsTheSumOfItsTenants) {
  RunValue run = two_tenant_run();
  run.tenants[0].phases[0].attempts = 700;
  run.tenants[1].phases[0].attempts = 80;
  run.tenants[0].phases[0].wasted_tokens = 50;
  run.tenants[1].phases[0].wasted_tokens = 7;
  const Json before = Json::parse(to_json(run))["phases"][0];
  EXPECT_EQ(before["attempts"], 780);
  EXPECT_EQ(before["wasted_tokens"], 57);
}

TEST(Json, ReadingBackLosesNothing) {
  for (const RunValue& run : sample_runs()) {
    const std::string text = to_json(run);
    EXPECT_EQ(to_json(read_run(text, "run.json")), text);
  }
}

TEST(Json, ReadingBackGivesTheRecordsThemselves) {
  const RunValue written = two_tenant_run();
  const RunValue run = read_run(to_json(written), "run.json");
  EXPECT_EQ(run.runs, 3U);
  EXPECT_EQ(run.scenario_json, written.scenario_json);
  EXPECT_EQ(run.lift->at_ns, written.lift->at_ns);
  EXPECT_EQ(run.environment.command, written.environment.command);
  EXPECT_EQ(run.phases[2].end_ns, written.phases[2].end_ns);
  EXPECT_EQ(run.phases[2].batch_ns, written.phases[2].batch_ns);
  EXPECT_TRUE(run.tenants[1].phases[0].latency == written.tenants[1].phases[0].latency);
  EXPECT_TRUE(run.series.ttft_slices == written.series.ttft_slices);
  ASSERT_EQ(run.throttles.size(), 2U);
  EXPECT_EQ(run.throttles[1].scope, "tenant");
  EXPECT_TRUE(run.throttles[1].phases == written.throttles[1].phases);
}

RC_GTEST_PROP(Json, InstantsSumsAndCountsSurviveToTheUnit, ()) {
  const auto instant_ns = rc::gen::inRange<std::int64_t>(0, std::int64_t{8'388'608} * kSecondNs);
  const auto amount = rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 53);
  RunValue run = lift_run();
  run.seed = *rc::gen::arbitrary<std::uint64_t>();
  run.lift->at_ns = *instant_ns;
  run.phases[2].begin_ns = run.phases[2].end_ns = std::max(*run.lift->at_ns, 22 * kSecondNs);
  run.series.bin_ns = run.phases[2].end_ns / 3 + 1;  // three bins reach that far
  run.phases[0].replica_ns = *amount;
  run.lift->backoff_requests = *amount;
  run.lift->backoff_tokens = *amount;
  const auto count = rc::gen::cast<std::uint64_t>(amount);
  const auto units = rc::gen::map(
      amount, [](std::int64_t whole) { return whole % 1'000'000 * WideSum{1'000'000}; });
  run.throttles[0].phases[1] = {*count, *count, *count, *count, *units, *units};
  run.tenants[0].phases[0].output_tokens = *count;
  run.tenants[0].phases[0].attempts = *count;
  run.tenants[0].phases[0].wasted_tokens = *count;
  const std::int64_t sample_ns = *rc::gen::positive<std::int64_t>();
  run.tenants[0].phases[0].of(Metric::itl).record(sample_ns, std::uint64_t{1} << 40);
  const RunValue back = read_run(to_json(run), "run.json");
  RC_ASSERT(back.seed == run.seed);
  RC_ASSERT(back.lift->at_ns == run.lift->at_ns);
  RC_ASSERT(back.phases[2].begin_ns == run.phases[2].begin_ns);
  RC_ASSERT(back.phases[0].replica_ns == run.phases[0].replica_ns);
  RC_ASSERT(back.tenants[0].phases[0].output_tokens == run.tenants[0].phases[0].output_tokens);
  RC_ASSERT(back.tenants[0].phases[0].attempts == run.tenants[0].phases[0].attempts);
  RC_ASSERT(back.tenants[0].phases[0].wasted_tokens == run.tenants[0].phases[0].wasted_tokens);
  RC_ASSERT(back.throttles[0].phases == run.throttles[0].phases);
  RC_ASSERT(back.lift->backoff_requests == run.lift->backoff_requests);
  RC_ASSERT(back.lift->backoff_tokens == run.lift->backoff_tokens);
  RC_ASSERT(back.tenants[0].phases[0].latency == run.tenants[0].phases[0].latency);
  RC_ASSERT(to_json(back) == to_json(run));
}

RC_GTEST_PROP(Json, AnyStringIsWrittenAsValidUtf8AndReadBack, ()) {
  RunValue run = empty_run();
  run.environment.cpu = *rc::gen::arbitrary<std::string>();
  run.checks[0].advice = *rc::gen::arbitrary<std::string>();
  const std::string text = to_json(run);
  RC_ASSERT(to_json(read_run(text, "run.json")) == text);
}

TEST(Json, ARunOfTheVersionBeforeIsReadWithoutWhatItDidNotRecord) {
  const RunValue old = read_run(golden_text("run_version_3.json"), "run.json");
  EXPECT_EQ(old.phases[0].length_ns, 2 * kSecondNs);
  EXPECT_EQ(old.phases[0].replica_ns, 2 * kSecondNs);
  EXPECT_EQ(old.phases[0].busy_ns, 477'326'815);
  EXPECT_EQ(old.phases[0].batch_ns, 477'326'815);
  EXPECT_EQ(old.phases[0].batch_room_ns, 0);
  EXPECT_EQ(summarize_fleet(old)[0].rates.batch_fill, std::nullopt);
  EXPECT_EQ(summarize_fleet(old)[0].rates.kv_used, std::nullopt);
  EXPECT_EQ(old.throttles[0].phases[0].taken_units(), 208);
  EXPECT_EQ(old.tenants[0].phases[0].of(Metric::ttft).count(), 20U);
  EXPECT_TRUE(old.tenants[0].phases[0].of(Metric::network).empty());
  EXPECT_EQ(old.lift->backlog_tokens, 184);
  EXPECT_TRUE(old.fleet.compositions.empty());
  EXPECT_EQ(to_json(read_run(to_json(old), "run.json")), to_json(old)) << "as one of today";
}

TEST(Json, ARunOfTheVersionBeforeThatIsReadAsWell) {
  Json json = Json::parse(golden_text("run_version_3.json"));
  json["schema"] = "tokenlift.run/2";
  json.erase("arm");
  for (Json& tenant : json["tenants"]) {
    for (const char* key : {"weight", "guaranteed_share", "columns"}) tenant.erase(key);
  }
  for (Json& throttle : json["throttles"]) throttle.erase("limits");
  for (const char* key :
       {"unlock_latency_s", "waiter_release_lag_s", "limit_tokens_per_s", "length_s"}) {
    json["lift"].erase(key);
  }
  const RunValue old = read_run(json.dump(), "run.json");
  EXPECT_FALSE(old.control);
  EXPECT_EQ(old.lift->limit_tokens_per_s, std::nullopt);
  EXPECT_TRUE(old.throttles[0].limits.empty());
  EXPECT_TRUE(old.tenants[0].columns.empty());
  EXPECT_EQ(old.lift->backlog_tokens, 184);
}

/// A run with a value for everything that today's engines leave empty.
RunValue full_run() {
  RunValue run = two_tenant_run();
  const auto sum = [] {
    return WideSum{*rc::gen::inRange<std::int64_t>(0, INT64_MAX)} *
           *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 50);
  };
  const auto instant_ns = rc::gen::inRange<std::int64_t>(0, std::int64_t{8'388'608} * kSecondNs);
  const auto count = rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 52);
  for (PhaseSpan& phase : run.phases) {
    phase.length_ns = sum();
    phase.replica_ns = sum();
    phase.busy_ns = sum();
    phase.batch_ns = sum();
    phase.batch_room_ns = sum();
    phase.resident_token_ns = sum();
    phase.kv_room_token_ns = sum();
    if (*rc::gen::arbitrary<bool>()) phase.energy_fj = sum();
    if (*rc::gen::arbitrary<bool>()) phase.site_energy_fj = sum();
    if (*rc::gen::arbitrary<bool>()) phase.cost_microusd = sum();
    if (!*rc::gen::arbitrary<bool>()) continue;
    const auto largest_mw = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 52);
    phase.draws = {
        {sum(), sum(), sum(), sum(), sum(), largest_mw, sum(), 1 + largest_mw, sum(), sum()},
        {sum(), sum(), sum(), sum(), 0, 0, 0, 0, std::nullopt}};
  }
  JobRecord& job = run.jobs.emplace_back();
  job = {"training", "orbit", 4, *rc::gen::inRange<std::int64_t>(0, 5), {}};
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    JobPhase& work = job.phases.emplace_back();
    work = {*count, *count, sum(), sum(), sum(), std::nullopt, std::nullopt};
    if (*rc::gen::arbitrary<bool>()) work.energy_fj = sum();
    if (*rc::gen::arbitrary<bool>()) work.site_energy_fj = sum();
  }
  run.throttles[0].phases[1].taken_micro = sum();
  run.throttles[0].phases[1].refunded_micro = sum();
  PhaseRecord& record = run.tenants[1].phases[0];
  record.scheduled_input_tokens = *count;
  record.cached_input_tokens =
      *rc::gen::inRange<std::uint64_t>(0, record.scheduled_input_tokens + 1);
  record.counts.failed = 9;
  record.failures = {{"reset", *rc::gen::inRange<std::uint64_t>(0, 5)}, {"not JSON", 4}};
  record.of(Metric::network).record(*instant_ns, 3);
  record.of(Metric::queue_wait) = {};  // a remote fleet doesn't say
  record.of(Metric::prefill) = {};
  run.tenants[1].trace = TraceRecord{"fnv1a64:85944171f73967e8", *count, *count, *count};
  run.capacity_error_tokens_per_s = 12.5;
  run.fleet.sites = {"hall", "orbit"};
  run.fleet.compositions = {{0, {2, 0}, 3500}, {1 + *instant_ns, {2, 1}, std::nullopt}};
  if (*rc::gen::arbitrary<bool>()) {
    run.fleet.terms = {{4, true, *rc::gen::arbitrary<bool>(), true, false, 2.95, 0.06, 283.0}, {}};
  }
  run.other_events.push_back(*run.lift);
  run.further_lifts.push_back(*run.lift);
  LiftRecord& join = run.further_lifts[0];
  join = {"", "join", *instant_ns, *instant_ns, 0, 0};
  join.length_ns = *instant_ns;
  join.site = "orbit";
  join.replicas = 1;
  join.call_ns = *instant_ns;
  run.sending_bound = SendingBound{*instant_ns, "output_tokens"};
  record.denied = *rc::gen::inRange<std::uint64_t>(0, record.counts.due / 2);
  record.overloaded = *rc::gen::inRange<std::uint64_t>(0, record.counts.due / 2);
  record.of(Metric::headers).record(*instant_ns, 2);
  record.of(Metric::first_output).record(*instant_ns);
  WireRecord wire = clean_wire();
  wire.got_tokens = *count;
  wire.busy_ns = *instant_ns;
  wire.without_usage = *count;
  wire.failures = {{"reset", *count, "by the peer"}, {"cut", 3, ""}};
  wire.server = {{"gateway", "limit.requests", {ServerColumn::kNotSaid, 0, *instant_ns}}};
  run.wire = std::move(wire);
  run.series.columns.push_back({"replicas_serving", {2, 3, 3}});
  run.series.columns.push_back({"capacity_tokens_per_s", {3500, 5250, 5250}});
  return run;
}

RC_GTEST_PROP(Json, WhatAnyEngineMayRecordSurvives, ()) {
  const RunValue run = full_run();
  const RunValue back = read_run(to_json(run), "run.json");
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const PhaseSpan& one = run.phases[i];
    const PhaseSpan& other = back.phases[i];
    RC_ASSERT((one.length_ns == other.length_ns && one.replica_ns == other.replica_ns &&
               one.busy_ns == other.busy_ns && one.batch_ns == other.batch_ns &&
               one.batch_room_ns == other.batch_room_ns &&
               one.resident_token_ns == other.resident_token_ns &&
               one.kv_room_token_ns == other.kv_room_token_ns));
    RC_ASSERT((one.energy_fj == other.energy_fj && one.site_energy_fj == other.site_energy_fj &&
               one.cost_microusd == other.cost_microusd && one.draws == other.draws));
  }
  RC_ASSERT(back.throttles[0].phases == run.throttles[0].phases);
  RC_ASSERT(back.jobs == run.jobs);
  const PhaseRecord& one = run.tenants[1].phases[0];
  const PhaseRecord& other = back.tenants[1].phases[0];
  RC_ASSERT(one.scheduled_input_tokens == other.scheduled_input_tokens);
  RC_ASSERT(one.cached_input_tokens == other.cached_input_tokens);
  RC_ASSERT(one.failures == other.failures);
  RC_ASSERT(one.latency == other.latency);
  RC_ASSERT(one.denied == other.denied);
  RC_ASSERT(one.overloaded == other.overloaded);
  RC_ASSERT((run.wire == back.wire));
  RC_ASSERT((run.sending_bound == back.sending_bound));
  RC_ASSERT((run.tenants[1].trace == back.tenants[1].trace));
  RC_ASSERT(run.capacity_error_tokens_per_s == back.capacity_error_tokens_per_s);
  RC_ASSERT((run.fleet == back.fleet));
  RC_ASSERT(back.other_events == run.other_events);
  RC_ASSERT(back.further_lifts.size() == 1U);
  const LiftRecord& join = back.further_lifts[0];
  RC_ASSERT(join.at_ns == run.further_lifts[0].at_ns);
  RC_ASSERT(join.planned_ns == run.further_lifts[0].planned_ns);
  RC_ASSERT(join.length_ns == run.further_lifts[0].length_ns);
  RC_ASSERT(join.call_ns == run.further_lifts[0].call_ns);
  RC_ASSERT(join.site == "orbit");
  RC_ASSERT(join.replicas == std::int64_t{1});
  RC_ASSERT(to_json(back) == to_json(run));
}

TEST(Json, WhatAnyEngineMayRecordIsInTheSchema) {
  std::vector<std::string> texts;
  rc::check([&] { texts.push_back(to_json(full_run())); });
  texts.resize(3);
  EXPECT_EQ(validate(texts), 0);
  RunValue run = two_tenant_run();
  const Json bare = Json::parse(to_json(run));
  for (const char* key : {"fleet", "further_lifts", "other_events", "wire", "sending_bound"})
    EXPECT_FALSE(bare.contains(key)) << key;
  EXPECT_FALSE(bare["phases"][0]["recorded"].contains("energy_fj"));
  EXPECT_FALSE(bare["tenants"][0]["phases"][0]["recorded"].contains("failures"));
  EXPECT_FALSE(bare["phases"][0]["latency_ms"].contains("network"));
}

// What may be written can be read, up to the bounds: beyond 97 days seconds have fewer digits than
// instants, so that they are rounded, once.
RC_GTEST_PROP(Json, ALongRunIsReadAsItWasWritten, ()) {
  RunValue run = lift_run();
  const std::int64_t end_ns = *rc::gen::inRange(kMostInstantNs / 1000, kMostInstantNs + 1);
  run.phases[2].end_ns = end_ns;
  run.lift->at_ns = *rc::gen::inRange<std::int64_t>(0, end_ns + 1);
  run.series.bin_ns = (end_ns / kSecondNs / 3 + 1) * kSecondNs;
  run.throttles[0].limits.assign(2, LimitRecord{end_ns, 7.5});
  const std::string text = to_json(run);
  const RunValue back = read_run(text, "run.json");
  RC_ASSERT(std::abs(back.phases[2].end_ns - end_ns) <= (end_ns >> 53) + 1);
  RC_ASSERT(back.throttles[0].limits.size() == run.throttles[0].limits.size());
  RC_ASSERT(to_json(back) == text);
}

TEST(Json, AsManyRecordsAndLimitsAsThereMayBeAreRead) {
  std::string text;
  {
    RunValue run = lift_run();
    run.throttles[0].limits.assign(kMostLimits, LimitRecord{kSecondNs, 1});
    const TenantRecord tenant = run.tenants[0];
    run.tenants.assign(kFullRecords / run.phases.size(), tenant);
    text = to_json(run);
  }
  const RunValue back = read_run(text, "run.json");
  EXPECT_EQ(back.tenants.size() * back.phases.size(), kFullRecords);
  EXPECT_EQ(back.throttles[0].limits.size(), kMostLimits);
  // With histograms as full as the bound of the text has room for.
  RunValue bare = steady_run();
  bare.series.ttft_slices.assign(1, Histogram{});
  RunValue full = bare;
  const std::size_t least = Histogram::bucket_of(10 * kMsNs);
  for (std::size_t bucket = least; bucket < least + 1024; ++bucket) {
    full.series.ttft_slices[0].record(Histogram::lower_ns(bucket), 9'999'999);
  }
  EXPECT_GE(full.series.ttft_slices[0].max_ns(), 600 * kSecondNs);
  const std::size_t one = to_json(full).size() - to_json(bare).size();
  EXPECT_LE(text.size() + (kFullRecords * kMetrics + kMostSlices) * one, kMostTextBytes);
}

TEST(Json, ARunThatDoesNotKnowHowLongItsLiftTookIsRead) {
  RunValue run = two_tenant_run();
  run.lift->length_ns = 5 * kSecondNs;
  Json json = Json::parse(to_json(run));
  EXPECT_EQ(read_run(json.dump(), "run.json").lift->length_ns, 5 * kSecondNs);
  json["lift"].erase("length_s");
  EXPECT_EQ(read_run(json.dump(), "run.json").lift->length_ns, std::nullopt);
}

TEST(Json, WhetherATenantHasObjectivesSurvivesAndIsOfTheScenarioWhereTheFileDoesNotSay) {
  RunValue run = two_tenant_run();
  run.tenants[1].has_objectives = false;
  Json json = Json::parse(to_json(run));
  const RunValue back = read_run(json.dump(), "run.json");
  EXPECT_TRUE(back.tenants[0].has_objectives);
  EXPECT_FALSE(back.tenants[1].has_objectives);
  for (Json& tenant : json["tenants"]) tenant.erase("has_objectives");
  const std::string one = run.tenants[0].name;
  const std::string other = run.tenants[1].name;
  const auto told = [&](Json tenants) {
    json["scenario"] = {{"tenant", std::move(tenants)}};
    const RunValue read = read_run(json.dump(), "run.json");
    return std::pair(read.tenants[0].has_objectives, read.tenants[1].has_objectives);
  };
  const Json slo = {{"ttft", "200ms"}};
  EXPECT_EQ(told({{{"name", one}, {"slo", slo}}, {{"name", other}}}), std::pair(true, false));
  EXPECT_EQ(told({{{"name", one}, {"slo", Json::object()}}, {{"name", other}, {"slo", slo}}}),
            std::pair(false, true));
  // Of what it does not name nothing is known.
  EXPECT_EQ(told({1, Json::array(), {{"name", 7}}, {{"name", other}}}), std::pair(true, false));
  EXPECT_EQ(told("none"), std::pair(true, true));
  json["tenants"][0]["has_objectives"] = 1;
  EXPECT_THROW(read_run(json.dump(), "run.json"), RunFileError);
}

TEST(Json, WhatALiftReportNeedsSurvives) {
  RunValue run = two_tenant_run();
  run.control = true;
  run.lift->unlock_ns = 12'345;
  run.lift->release_lag_ns = 0;
  run.lift->limit_tokens_per_s = 12.5;
  run.tenants[0].weight = 2.5;
  run.tenants[0].guaranteed_share = 0.75;
  for (TenantRecord& tenant : run.tenants) tenant.columns = {{"waiting_requests", {1, 0, 2}}};
  run.throttles[0].limits = {{0, 2000.5}, {15 * kSecondNs, std::nullopt}};
  const std::string text = to_json(run);
  EXPECT_EQ(validate({text}), 0);
  const RunValue back = read_run(text, "run.json");
  EXPECT_EQ(to_json(back), text);
  EXPECT_TRUE(back.control);
  EXPECT_EQ(back.lift->unlock_ns, 12'345);
  EXPECT_EQ(back.lift->release_lag_ns, 0);
  EXPECT_EQ(back.lift->limit_tokens_per_s, 12.5);
  EXPECT_EQ(back.tenants[0].weight, 2.5);
  EXPECT_EQ(back.tenants[0].columns[0].values, (std::vector<std::int64_t>{1, 0, 2}));
  EXPECT_EQ(back.throttles[0].limits, run.throttles[0].limits);
}

}  // namespace
}  // namespace tokenlift::json_test
