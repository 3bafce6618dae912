// Situations and what is said of each: tests/golden/diagnoses.txt. Every diagnosis has a situation
// in which it has to be said and others in which it must not.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "reports/findings/verdict.hpp"
#include "reports/record/check_names.hpp"
#include "tests/reports/findings/sample_diagnoses.hpp"
#include "tests/reports/formats/golden_file.hpp"
#include "tests/reports/record/fleet_runs.hpp"
#include "tests/reports/record/sample_runs.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::diagnoses_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

struct Situation {
  std::string name;
  TrialReport report;
  std::vector<const char*> said;  // and no other diagnosis
};

TrialReport reported(const RunValue& run) {
  return make_report({make_trial("sample", {run})}).trials.front();
}

/// Of the lift in sample_runs.hpp, changed, with goodput x8.91 within these ends.
TrialReport lifted(const std::function<void(RunValue&)>& change, double low = 8.5,
                   double high = 9.3) {
  RunValue run = lift_run();
  change(run);
  TrialReport report = reported(run);
  Gain& goodput = *std::ranges::find(report.lift->gains, std::string("goodput"), &Gain::name);
  goodput.is_difference = false;
  goodput.change = {(low + high) / 2, Interval{low, high}, "5 runs", ""};
  return report;
}

/// The same, with this number of requests in the system at the end of each bin of 0.1 s.
TrialReport with_requests(const std::function<std::int64_t(std::int64_t)>& in_system) {
  return lifted([&](RunValue& run) {
    std::vector<std::int64_t> values;
    for (std::int64_t bin = 0; bin < 400; ++bin) values.push_back(in_system(bin));
    run.series.bin_ns = kSecondNs / 10;
    run.series.columns = {{"in_system_requests", std::move(values)}};
  });
}

/// Of 1,080 requests due after the lift, these got nothing.
Counts without(std::uint64_t rejected, std::uint64_t expired, std::uint64_t in_flight = 0) {
  return {1080, 1080 - rejected - expired - in_flight, rejected, expired, 0, 0, in_flight};
}

TrialReport not_back(std::uint64_t wasted_tokens, const char* capacity_source) {
  TrialReport report = with_requests([](std::int64_t bin) { return bin < 170 ? 100 : 20; });
  report.lift->not_back_share = 0.4;
  report.lift->drain_fluid_s = 2;
  report.trial.lifted.pooled.tenants[0].phases[2].wasted_tokens = wasted_tokens;
  report.trial.lifted.pooled.capacity_source = capacity_source;
  return report;
}

/// The same on a machine that was slower after the lift than when its capacity was measured, by
/// this share.
TrialReport on_a_slower_machine(TrialReport report, double change) {
  constexpr double kLimit = 0.1;
  report.trial.lifted.pooled.checks.push_back(
      {kMachineSpeedCheck, change, kLimit, change <= kLimit, ""});
  return report;
}

/// Two more requests in the system every bin.
TrialReport growing() {
  return with_requests(
      [](std::int64_t bin) { return 100 + 2 * std::max<std::int64_t>(0, bin - 150); });
}

const auto kAsItIs = [](RunValue&) {};
constexpr const char* kSplit = "Of the mean TTFT";
constexpr const char* kNoDrain = "No drain time";  // bins of 15 s have no median of `after`

std::vector<Situation> lifts() {
  std::vector<Situation> all;
  all.push_back({"a lift pays off", lifted(kAsItIs), {"paid off", kNoDrain, kSplit}});
  all.push_back({"a lift does harm", lifted(kAsItIs, 0.4, 0.6), {"did harm", kNoDrain, kSplit}});
  all.push_back({"an interval around no change",
                 lifted(kAsItIs, 0.9, 1.1),
                 {"made no difference", kNoDrain, kSplit}});
  all.push_back({"one run without an interval",
                 reported(lift_run()),
                 {"How sure that is cannot be said", kNoDrain, kSplit}});
  all.push_back({"a limit that held 4.8 % before it was lifted",
                 lifted([](RunValue& run) { run.tenants[0].phases[0].held = 29; }),
                 {"is vacuous", kNoDrain, kSplit}});
  all.push_back({"a backlog that grows: 2 more requests every bin",
                 growing(),
                 {"paid off", "a backlog never drains", "use a larger fleet", kSplit}});
  TrialReport behind_another = growing();
  RunValue& behind = behind_another.trial.lifted.pooled;
  ThrottleRecord second = behind.throttles[0];
  second.name = "second";
  for (ThrottleCounts& counts : second.phases) counts.held = 540;
  behind.throttles.push_back(std::move(second));
  behind.tenants[0].phases[2].held = 540;
  all.push_back({"the same behind another throttle",
                 std::move(behind_another),
                 {"paid off", "a backlog never drains", "hold back less",
                  "attempts that any throttle did.", kSplit}});
  all.push_back({"the same on a machine that was 34 % slower than measured",
                 on_a_slower_machine(growing(), 0.34),
                 {"NOT VALID", "paid off", "a backlog never drains",
                  "The machine changed its speed meanwhile", kSplit}});
  TrialReport limited = growing();
  limited.trial.lifted.pooled.fleet.sites = {"hall"};
  limited.trial.lifted.pooled.phases[2].draws = {{.replica_ns = 1, .slowed_replica_ns = 1}};
  all.push_back({"the same at a site that is held back by a limit of power",
                 std::move(limited),
                 {"paid off", "a backlog never drains", "raise the limit of power", kSplit}});
  all.push_back({"a backlog that stands",
                 with_requests([](std::int64_t) { return 100; }),
                 {"paid off", kNoDrain, kSplit}});
  all.push_back({"a backlog that drains in 2.1 s",
                 with_requests([](std::int64_t bin) { return bin < 170 ? 100 : 20; }),
                 {"paid off", kSplit}});
  all.push_back({"a backlog that outlasts the transition of 7 s",
                 with_requests([](std::int64_t bin) { return bin < 240 ? 100 : 20; }),
                 {"paid off", "'after' holds the rest of it", kSplit}});
  all.push_back({"goodput that is not back, and much computed for nobody",
                 not_back(20'000, "measured"),
                 {"paid off", "(metastable)", kSplit}});
  TrialReport waiting = not_back(0, "measured");
  waiting.split[2].queue_wait_ns = 0.9 * waiting.split[2].ttft_ns;
  TenantRecord& tenant = waiting.trial.lifted.pooled.tenants[0];
  tenant.wait_objective_ns = std::llround(waiting.split[2].ttft_ns);
  TrialReport at_ease = waiting;
  at_ease.trial.lifted.pooled.tenants[0].wait_objective_ns = 100 * *tenant.wait_objective_ns;
  all.push_back({"goodput that is not back, and requests wait in the fleet",
                 std::move(waiting),
                 {"paid off", "requests wait in the fleet", kSplit}});
  all.push_back({"the same, where the objectives allow a hundred times the wait",
                 std::move(at_ease),
                 {"paid off", "why is not known", kSplit}});
  TrialReport draining = not_back(20'000, "measured");
  draining.lift->trend = BacklogTrend{1200, 400, false};
  all.push_back({"much computed for nobody, while the backlog drains",
                 std::move(draining),
                 {"paid off", "the backlog is still draining", kSplit}});
  all.push_back({"goodput that is not back, and nothing computed in vain",
                 not_back(0, "measured"),
                 {"paid off", "the objectives are too tight", kSplit}});
  all.push_back(
      {"the same, where the capacity was stated",
       not_back(0, "stated"),
       {"paid off", "the objectives are too tight", "the capacity that was stated", kSplit}});
  all.push_back({"much computed for nobody, on a machine that was 34 % slower than measured",
                 on_a_slower_machine(not_back(20'000, "measured"), 0.34),
                 {"NOT VALID", "paid off", "the machine changed its speed, so", kSplit}});
  all.push_back({"nothing computed in vain, on a machine that was 34 % slower than measured",
                 on_a_slower_machine(not_back(0, "measured"), 0.34),
                 {"NOT VALID", "paid off", "the machine changed its speed, so", kSplit}});
  all.push_back({"nothing computed in vain, on a machine that was 9 % slower",
                 on_a_slower_machine(not_back(0, "measured"), 0.09),
                 {"paid off", "the objectives are too tight", kSplit}});
  return all;
}

std::vector<Situation> requests_without_answers() {
  std::vector<Situation> all;
  all.push_back({"a limit beside the lifted one refuses 10 %",
                 lifted([](RunValue& run) {
                   run.tenants[0].phases[2].counts = without(108, 0);
                   ThrottleRecord other = run.throttles[0];
                   other.name = "user limit";
                   other.phases = {{}, {}, {1080, 0, 300}};
                   run.throttles.push_back(other);
                 }),
                 {"paid off", kNoDrain, "were rejected for good", "is in nobody's way any more",
                  kSplit, "attempts that any throttle did."}});
  all.push_back({"the limit that was changed refuses 10 %",
                 lifted([](RunValue& run) {
                   run.tenants[0].phases[2].counts = without(108, 0);
                   run.throttles[0].phases[2].rejected = 300;
                 }),
                 {"paid off", kNoDrain, "were rejected for good", kSplit}});
  all.push_back({"a limit refuses 4 %, which is few",
                 lifted([](RunValue& run) {
                   run.tenants[0].phases[2].counts = without(43, 0);
                   run.throttles[0].phases[2].rejected = 120;
                 }),
                 {"paid off", kNoDrain, kSplit}});
  TrialReport at_limit = lifted([](RunValue& run) {
    run.tenants[0].phases[2].counts = without(0, 108);
    run.throttles[0].phases[2].held = 600;
  });
  at_limit.split[2].throttle_wait_ns = at_limit.split[2].queue_wait_ns;
  all.push_back({"10 % expire at the limit",
                 std::move(at_limit),
                 {"paid off", kNoDrain, "attempts wait that any throttle did", kSplit}});
  all.push_back({"10 % expire, and no throttle held anybody",
                 lifted([](RunValue& run) { run.tenants[0].phases[2].counts = without(0, 108); }),
                 {"paid off", kNoDrain, "they were too late in the fleet", kSplit}});
  all.push_back(
      {"10 % are undecided at the end",
       lifted([](RunValue& run) { run.tenants[0].phases[2].counts = without(0, 0, 108); }),
       {"paid off", kNoDrain, "were not decided when the run ended", kSplit}});
  all.push_back({"refused clients wait in back-off at the lift",
                 reported(retry_run()),
                 {"How sure that is cannot be said", kNoDrain, "in back-off", kSplit}});
  return all;
}

std::vector<Situation> courses() {
  std::vector<Situation> all;
  TrialReport worse = lifted(kAsItIs);
  worse.phases[1].rates.goodput_tokens_per_s = 100;
  all.push_back({"goodput dips in the transition",
                 std::move(worse),
                 {"paid off", kNoDrain, "It was worse first", kSplit}});
  TrialReport unsettled = lifted(kAsItIs);
  unsettled.lift->goodput.stepped = true;
  unsettled.lift->goodput.settling = {{}, "not settled: it took 30.0 s"};
  all.push_back({"goodput has not settled",
                 std::move(unsettled),
                 {"paid off", kNoDrain, "not settled", kSplit}});
  TrialReport elsewhere = lifted(kAsItIs);
  elsewhere.lift->found_ns = 30 * kSecondNs;
  all.push_back({"throughput changes 15 s after the lift",
                 std::move(elsewhere),
                 {"paid off", kNoDrain, "shows a change at", kSplit}});
  TrialReport nowhere = lifted(kAsItIs);
  std::ranges::find(nowhere.lift->gains, std::string("throughput"), &Gain::name)->change = {
      1.8, Interval{1.7, 1.9}, "5 runs", ""};
  all.push_back({"a gain whose instant does not show",
                 std::move(nowhere),
                 {"paid off", kNoDrain, "shows no change at any instant", kSplit}});
  const auto twice_the_load = [](RunValue& run) {
    Counts& counts = run.tenants[0].phases[2].counts;
    counts.due *= 2;
    counts.completed = counts.due;
  };
  constexpr const char* kOtherLoad = "was asked for in 'after' than in 'before'";
  all.push_back({"twice as much is asked for after the lift",
                 lifted(twice_the_load),
                 {"paid off", kNoDrain, kOtherLoad, kSplit}});
  all.push_back({"the same of a tenant that does not wait for answers",
                 lifted([&](RunValue& run) {
                   twice_the_load(run);
                   run.tenants[0].open_loop = true;
                 }),
                 {kNoDrain, "Whose doing that is", kSplit}});
  TrialReport controlled = lifted(twice_the_load);
  controlled.trial.control = controlled.trial.lifted;
  all.push_back({"the same, with a control of the same load",
                 std::move(controlled),
                 {"paid off", kNoDrain, kSplit}});
  TrialReport starved = lifted(kAsItIs);
  starved.lift->starvation = {{"research", 0.75, 12}};
  all.push_back({"a tenant gets less than its share for 12 s",
                 std::move(starved),
                 {"paid off", kNoDrain, "below its guaranteed share", kSplit}});
  TrialReport later = lifted(kAsItIs);
  later.phases[2].rates.throughput_tokens_per_s = 1000;
  later.phases[2].rates.goodput_tokens_per_s = 1101;
  all.push_back({"more goodput than throughput: answered after the phase",
                 std::move(later),
                 {"paid off", kNoDrain, "Goodput counts a request in the phase", kSplit}});
  TrialReport nothing = lifted(kAsItIs);
  for (Gain& gain : nothing.lift->gains) {
    if (gain.name == "goodput") gain.before = gain.after = 0;
  }
  all.push_back({"next to nobody is served in time",
                 std::move(nothing),
                 {"How sure that is cannot be said", "next to nothing met its objectives", kNoDrain,
                  kSplit}});
  TrialReport in_vain = all.back().report;
  in_vain.lift->completed_per_s = {{40, 0}};
  all.push_back({"the same, and what is made is made for nobody",
                 std::move(in_vain),
                 {"so throughput is no measure of it", "next to nothing met its objectives",
                  kNoDrain, kSplit}});
  all.push_back({"a limit is lifted in that time, and that is not measured",
                 lifted([](RunValue& run) { run.other_events = {*run.lift}; }),
                 {"Whose doing that is", "thin the measured time", kNoDrain, kSplit}});
  TrialReport unmeasured = lifted(kAsItIs);
  unmeasured.lift->gains.clear();
  all.push_back({"no phase on one side",
                 std::move(unmeasured),
                 {"too little was measured", kNoDrain, kSplit}});
  return all;
}

constexpr const char* kMeantime = "In the transition (";

/// In place of the lift an event of the fleet.
TrialReport changed(const RunValue& run, double low, double high) {
  return lifted([&](RunValue& sample) { sample = run; }, low, high);
}

constexpr const char* kBackOff = "is back-off after attempts that failed";

std::vector<Situation> fleets() {
  std::vector<Situation> all;
  all.push_back({"two replicas join",
                 changed(join_run(), 8.5, 9.3),
                 {"replicas joined '", "paid off", kMeantime, kSplit, kBackOff}});
  all.push_back(
      {"two replicas join, in one run without an interval",
       reported(join_run()),
       {"replicas joined '", "How sure that is cannot be said", kMeantime, kSplit, kBackOff}});
  RunValue more = join_run();
  more.series.bin_ns = kSecondNs / 10;
  more.series.columns = {{"in_system_requests", {}}};
  for (std::int64_t bin = 0; bin < 400; ++bin) {
    more.series.columns[0].values.push_back(100 + 2 * std::max<std::int64_t>(0, bin - 150));
  }
  all.push_back(
      {"two replicas join, and the backlog grows",
       changed(more, 8.5, 9.3),
       {"replicas joined '", "paid off", "a backlog never drains", "see what holds it back",
        "the replicas that serve carry", kMeantime, kSplit, kBackOff}});
  all.push_back({"a replica leaves",
                 changed(leave_run(), 0.4, 0.6),
                 {"replica left '", "did harm", kMeantime, kSplit, kBackOff}});
  all.push_back({"replicas fail and come back",
                 changed(failure_run(), 0.9, 1.1),
                 {"replicas of 'own' failed", "made no difference", kMeantime,
                  "failed with what served them", kSplit, kBackOff}});
  TrialReport metastable = changed(failure_run(), 0.4, 0.6);
  metastable.lift->not_back_share = 0.4;
  metastable.lift->trend = BacklogTrend{1200, 1200, false};
  metastable.trial.lifted.pooled.tenants[0].phases[2].wasted_tokens = 20'000;
  all.push_back({"replicas fail and come back, goodput does not, and much is computed for nobody",
                 std::move(metastable),
                 {"replicas of 'own' failed", "did harm", "(metastable)", kMeantime,
                  "failed with what served them", kSplit, kBackOff}});
  RunValue slow = fleet_run("slow", "own", 5, {{0, {3, 1}, 7000.0}});
  slow.lift->replicas = 2;
  all.push_back({"two replicas become slow",
                 changed(slow, 0.4, 0.6),
                 {"became slow", "did harm", kMeantime, kSplit, kBackOff}});
  RunValue both = join_run();
  both.further_lifts.push_back(*lift_run().lift);
  both.further_lifts[0].at_ns = 18 * kSecondNs;
  both.throttles = lift_run().throttles;
  all.push_back({"two replicas join, and a limit that did not bind is lifted",
                 changed(both, 8.5, 9.3),
                 {"replicas joined '", "and together they", "paid off", kMeantime, kSplit}});
  RunValue besides = join_run();
  besides.fleet.compositions.push_back({30 * kSecondNs, {3, 0}, 5250.0});
  all.push_back({"two replicas join, and later another site is lost",
                 changed(besides, 8.5, 9.3),
                 {"replicas joined '", "Whose doing that is", "thin the measured time", kMeantime,
                  kSplit, kBackOff}});
  RunValue steady = steady_run();
  steady.fleet = failure_run().fleet;
  all.push_back({"a steady run in which the fleet changes",
                 reported(steady),
                 {"thin the measured time", kSplit}});
  return all;
}

/// A run against an endpoint, changed.
TrialReport of_endpoint(const std::function<void(RunValue&)>& change,
                        RunValue run = steady_endpoint_run()) {
  change(run);
  return reported(run);
}

/// None of the 1,850 requests due completed.
void give_nothing(RunValue& run, const Counts& counts) {
  PhaseRecord& record = run.tenants[0].phases[0];
  record = {};
  record.counts = counts;
  record.sent = record.attempts = counts.due;
  run.wire = WireRecord{};
}

std::vector<Situation> endpoints() {
  std::vector<Situation> all;
  constexpr const char* kUnsure = "How sure that is cannot be said";
  constexpr const char* kUnrefused = "The endpoint never refused";
  all.push_back({"a call lifts the limit of an endpoint",
                 of_endpoint(kAsItIs, endpoint_run()),
                 {"The call at 15.2 s", kUnsure, kNoDrain, "in back-off", "by its own limit (429)",
                  "as overloaded (503 or 529): by definition", "failed, 0.148", kSplit}});
  all.push_back({"the same, in bins of 0.1 s",
                 of_endpoint(
                     [](RunValue& run) {
                       run.series.bin_ns = kSecondNs / 10;
                       run.series.columns.clear();
                       run.wire->server.clear();
                     },
                     endpoint_run()),
                 {"The call at 15.2 s", kUnsure, kNoDrain, "in back-off", "by its own limit (429)",
                  "as overloaded (503 or 529): by definition", "failed, 0.148",
                  "came at some instant in that time", kSplit}});
  all.push_back({"a call that was not made any more",
                 of_endpoint(
                     [](RunValue& run) {
                       run.lift->at_ns.reset();
                       run.lift->planned_ns = 50 * kSecondNs;
                     },
                     endpoint_run()),
                 {"was to make the change; the run did not get there", "did not get there",
                  "by its own limit (429)", "as overloaded (503 or 529): by definition",
                  "failed, 0.148", kSplit}});
  all.push_back({"a call that failed",
                 of_endpoint([](RunValue& run) { run.lift->at_ns.reset(); }, endpoint_run()),
                 {"was to make the change, and did not", "by its own limit (429)",
                  "as overloaded (503 or 529): by definition", "failed, 0.148", kSplit}});
  all.push_back({"a signal that nobody gave",
                 of_endpoint(
                     [](RunValue& run) {
                       run.lift->at_ns.reset();
                       run.lift->kind = "signal";
                     },
                     endpoint_run()),
                 {"no signal came while the run lasted", "by its own limit (429)",
                  "as overloaded (503 or 529): by definition", "failed, 0.148", kSplit}});
  all.push_back({"an endpoint without any limit", of_endpoint(kAsItIs), {kUnrefused, kSplit}});
  all.push_back({"an endpoint that is not there",
                 of_endpoint([](RunValue& run) {
                   give_nothing(run, {1850, 0, 0, 0, 0, 1850, 0});
                   run.wire->failures = {{"no_connection", 1850, "connection refused"}};
                 }),
                 {"The endpoint served nothing"}});
  all.push_back({"an endpoint that is silent",
                 of_endpoint([](RunValue& run) {
                   give_nothing(run, {1850, 0, 0, 0, 0, 0, 1850});
                 }),
                 {"The endpoint never answered", "were not decided when the run ended"}});
  all.push_back({"an endpoint with a limit of 0",
                 of_endpoint([](RunValue& run) {
                   give_nothing(run, {1850, 0, 1850, 0, 0, 0, 0});
                   run.tenants[0].phases[0].denied = run.tenants[0].phases[0].held = 1850;
                 }),
                 {"The endpoint refused every request"}});
  all.push_back({"an endpoint that denies 10 % for good",
                 of_endpoint([](RunValue& run) {
                   PhaseRecord& record = run.tenants[0].phases[0];
                   record.counts = {1850, 1665, 185, 0, 0, 0, 0};
                   record.denied = record.held = 400;
                 }),
                 {"by its own limit (429)", "were rejected for good",
                  "the endpoint refused all their attempts", kSplit}});
  all.push_back({"an endpoint that is too late for 10 %",
                 of_endpoint([](RunValue& run) {
                   run.tenants[0].phases[0].counts = {1850, 1665, 0, 185, 0, 0, 0};
                 }),
                 {kUnrefused, "they were too late at the endpoint", kSplit}});
  all.push_back({"an endpoint that sends two tokens in a chunk, and two chunks at a time",
                 of_endpoint([](RunValue& run) {
                   run.wire->deltas = 47'750;
                   run.wire->reads = 24'000;
                   run.wire->reads_with_several = 23'750;
                   run.wire->placed_late_tokens = 47'750;
                 }),
                 {kUnrefused, "which came together", "tokens on average: ITL is of chunks",
                  "were not seen as chunks", kSplit}});
  all.push_back(
      {"an endpoint that says no usage, and one that counts words differently",
       of_endpoint([](RunValue& run) {
         run.wire->without_usage = 12;
         run.wire->got_prompt_tokens = 250'000;
       }),
       {kUnrefused, "without usage", "the endpoint counts their words differently", kSplit}});
  all.push_back({"so many requests were all that was to be sent",
                 of_endpoint([](RunValue& run) {
                   run.sending_bound = SendingBound{40 * kSecondNs, "requests"};
                 }),
                 {kUnrefused, "Nothing was sent after", kSplit}});
  all.push_back({"a backlog that grows at an endpoint",
                 of_endpoint(
                     [](RunValue& run) {
                       std::vector<std::int64_t> values;
                       for (std::int64_t bin = 0; bin < 400; ++bin) {
                         values.push_back(100 + 2 * std::max<std::int64_t>(0, bin - 150));
                       }
                       run.series.bin_ns = kSecondNs / 10;
                       run.series.columns = {{"in_system_requests", std::move(values)}};
                       run.wire->server.clear();
                       run.lift->call_ns = 0;
                     },
                     endpoint_run()),
                 {"The call at 15.2 s", kUnsure, "a backlog never drains",
                  "let the endpoint carry more", "in back-off", "by its own limit (429)",
                  "as overloaded (503 or 529): by definition", "failed, 0.148", kSplit}});
  return all;
}

std::vector<Situation> situations() {
  std::vector<Situation> all = lifts();
  for (auto* const more : {&requests_without_answers, &courses, &fleets, &endpoints}) {
    for (Situation& each : (*more)()) all.push_back(std::move(each));
  }
  all.push_back({"a steady run", reported(steady_run()), {kSplit}});
  all.push_back({"a run that was ended before the lift",
                 reported(invalid_run()),
                 {"NOT VALID", "did not get there", kSplit}});
  all.push_back({"nobody came", reported(empty_run()), {"NOT VALID", "no requests were due"}});
  return all;
}

std::string text_of(const TrialReport& report) {
  std::string text = verdict(report) + "\n";
  for (const std::string& remark : remarks(report)) text += "- " + remark + "\n";
  return text;
}

bool says(const std::string& text, const std::string& diagnosis) {
  return text.find(diagnosis) != std::string::npos;
}

TEST(Diagnoses, AreSaidWhereTheyAreTrueAndNowhereElse) {
  for (const Situation& situation : situations()) {
    const std::string text = text_of(situation.report);
    for (const std::string diagnosis : diagnoses()) {
      const bool expected =
          std::ranges::any_of(situation.said, [&](const char* each) { return diagnosis == each; });
      EXPECT_EQ(says(text, diagnosis), expected)
          << "in '" << situation.name << "', of '" << diagnosis << "':\n"
          << text;
    }
  }
}

TEST(Diagnoses, HaveASituationInWhichTheyAreSaidAndOneInWhichTheyAreNot) {
  std::vector<std::string> texts;
  for (const Situation& situation : situations()) texts.push_back(text_of(situation.report));
  for (const std::string diagnosis : diagnoses()) {
    const auto said = std::ranges::count_if(
        texts, [&](const std::string& text) { return says(text, diagnosis); });
    EXPECT_GT(said, 0) << diagnosis;
    EXPECT_LT(said, std::ssize(texts)) << diagnosis;
  }
}

TEST(Diagnoses, OfEachSituationAreTheseSentences) {
  std::string text;
  for (const Situation& situation : situations()) {
    text += "# " + situation.name + "\n" + text_of(situation.report) + "\n";
  }
  expect_golden("diagnoses", text);
}

}  // namespace
}  // namespace tokenlift::diagnoses_test
