#include "reports/record/join.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "reports/json/json_run.hpp"
#include "reports/record/count_checks.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::join_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

/// Numbers of a share, all from one seed.
class Numbers {
 public:
  explicit Numbers(std::uint32_t seed) : engine_(seed) {}
  std::int64_t below(std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(0, most - 1)(engine_);
  }
  std::uint64_t count(std::int64_t most) { return static_cast<std::uint64_t>(below(most)); }
  bool flip() { return below(2) == 1; }
  std::vector<std::int64_t> list(std::size_t size) {
    std::vector<std::int64_t> values(size);
    for (std::int64_t& value : values) value = below(1000);
    return values;
  }

 private:
  std::mt19937 engine_;
};

PhaseRecord some_record(Numbers& numbers) {
  const std::uint64_t due = numbers.count(90);
  const std::uint64_t completed = numbers.count(static_cast<std::int64_t>(due) + 1);
  PhaseRecord record = sample_record({due, completed, 0, due - completed, 0, 0, 0},
                                     numbers.count(9), completed / 2, numbers.below(kSecondNs));
  record.sent = due - due / 20;
  record.failures["kind " + std::to_string(numbers.below(4))] = 0;
  record.denied = due / 30;
  if (numbers.flip()) record.users_missed = numbers.count(30);
  return record;
}

void fill_check(Numbers& numbers, Check& check) {
  check.limit = static_cast<double>(1 + numbers.below(2));
  check.value.reset();
  if (numbers.below(4) > 0) check.value = static_cast<double>(numbers.below(4));
  check.passed = !check.value || *check.value <= check.limit;
  check.advice = numbers.flip() ? "do this" : "do that";
}

WireRecord some_wire(Numbers& numbers, std::size_t bins) {
  WireRecord wire = clean_wire();
  wire.connections = numbers.count(50);
  wire.got_tokens = numbers.count(95'500);
  wire.busy_ns = numbers.below(kSecondNs);
  for (const char* kind : {"reset", "timeout", "refused"}) {
    if (!numbers.flip()) continue;
    wire.failures.push_back({kind, 1 + numbers.count(5),
                             numbers.flip() ? "one " + std::to_string(numbers.below(3)) : ""});
  }
  std::ranges::sort(wire.failures, {}, &FailureRecord::kind);
  for (const char* figure : {"waiting", "limit.requests", "running"}) {
    if (numbers.flip()) wire.server.push_back({"gateway", figure, numbers.list(bins)});
  }
  return wire;
}

void fill_lift(Numbers& numbers, std::int64_t end_ns, LiftRecord& lift) {
  lift.waiting_requests = numbers.below(100);
  lift.backlog_tokens = numbers.below(100);
  lift.unlock_ns.reset();
  lift.at_ns.reset();
  lift.call_ns.reset();
  if (numbers.flip()) lift.at_ns = std::min(end_ns, 15 * kSecondNs + numbers.below(kMsNs));
  if (numbers.flip()) lift.unlock_ns = numbers.below(kMsNs);
  if (numbers.flip()) lift.release_lag_ns = numbers.below(kMsNs);
  if (numbers.flip()) lift.call_ns = numbers.below(kMsNs);
}

/// What rank `rank` of `of` may have recorded of one run: ended early or not, borders and events at
/// instants of its own, other checks and other things seen on the wire.
RunValue some_share(std::int64_t rank, std::int64_t of, std::uint32_t seed) {
  Numbers numbers(seed);
  RunValue run = lift_run();
  run.engine = "http";
  run.environment.started_at = "rank " + std::to_string(rank);
  RankRecord record{rank, WideSum{1} << 60, numbers.below(9)};
  record.sent = numbers.count(100);
  if (numbers.flip()) record.lag_p99_ns = numbers.below(kMsNs);
  if (numbers.flip()) record.clock_offset_ns = numbers.below(kMsNs) - kMsNs / 2;
  if (numbers.below(5) > 0) record.clock_error_ns = numbers.below(kMsNs);
  run.shares = SharesRecord{of, {record}};
  run.interrupted = numbers.flip();

  const auto phases = static_cast<std::size_t>(1 + numbers.below(3));
  std::int64_t border_ns = 0;
  for (PhaseSpan& span : run.phases) {
    if (border_ns > 0) span.begin_ns = border_ns;
    span.end_ns += numbers.below(kMsNs);
    border_ns = span.end_ns;
    span.length_ns = span.end_ns - span.begin_ns;
    span.replica_ns = numbers.below(1000);
    span.busy_ns = numbers.below(1000);
  }
  run.phases.resize(phases);
  const auto bins = static_cast<std::size_t>(3 + numbers.below(5));
  const TenantRecord users = run.tenants[0];
  run.tenants.push_back(users);
  run.tenants.back().name = "others";
  for (TenantRecord& tenant : run.tenants) {
    tenant.phases.clear();
    for (std::size_t i = 0; i < phases; ++i) tenant.phases.push_back(some_record(numbers));
    tenant.columns = {{"waiting_requests", numbers.list(bins)},
                      {"admitted_tokens", numbers.list(bins)}};
  }
  ThrottleRecord& throttle = run.throttles[0];
  throttle.phases.resize(phases);
  for (ThrottleCounts& counts : throttle.phases) counts.admitted = numbers.count(500);
  throttle.limits = {{0, 2000.0}, {15 * kSecondNs + numbers.below(kMsNs), {}}};
  throttle.limits.resize(static_cast<std::size_t>(1 + numbers.below(2)));
  for (Column& column : run.series.columns) column.values = numbers.list(bins);
  run.series.ttft_slices.assign(static_cast<std::size_t>(1 + numbers.below(4)), {});
  for (Histogram& slice : run.series.ttft_slices) slice.record(numbers.below(kSecondNs));
  run.totals.due = numbers.count(1000);
  run.wire = some_wire(numbers, bins);
  fill_lift(numbers, run.phases.back().end_ns, *run.lift);
  run.further_lifts = {*run.lift};
  fill_lift(numbers, run.phases.back().end_ns, run.further_lifts[0]);

  run.checks.clear();
  for (const char* name : {"generator_lag_p99_ms", "delivered_load", "host_interference",
                           "enough_samples", "failed_share", "event_call", "something else"}) {
    Check check{name, {}, 0, true, {}};
    fill_check(numbers, check);
    if (numbers.flip()) run.checks.push_back(check);
  }
  return run;
}

/// Joins what is there two by two, in an order that is drawn.
RunValue joined_in_some_order(std::vector<RunValue> runs) {
  while (runs.size() > 1) {
    const auto one = *rc::gen::inRange<std::size_t>(0, runs.size());
    std::swap(runs[one], runs.back());
    const RunValue last = std::move(runs.back());
    runs.pop_back();
    join(runs[*rc::gen::inRange<std::size_t>(0, runs.size())], last);
  }
  return runs[0];
}

RC_GTEST_PROP(Join, TheOrderMakesNoDifferenceToAByte, ()) {
  const auto of = *rc::gen::inRange<std::int64_t>(3, 7);
  std::vector<RunValue> shares;
  for (std::int64_t rank = 0; rank < of; ++rank) {
    shares.push_back(some_share(rank, of, *rc::gen::arbitrary<std::uint32_t>()));
  }
  if (*rc::gen::arbitrary<bool>()) shares.pop_back();  // a rank is missing
  const std::string text = to_json(joined(shares));
  RC_ASSERT(to_json(joined_in_some_order(shares)) == text);
  RC_ASSERT(to_json(joined_in_some_order(shares)) == text);
  RC_ASSERT(to_json(read_run(text, "run.json")) == text);
}

RunValue share_of(std::int64_t rank, std::int64_t of) {
  RunValue run = lift_run();
  run.shares = SharesRecord{of, {{rank, WideSum{1} << 60, 0}}};
  run.shares->ranks[0].clock_error_ns = 0;
  return run;
}

TEST(Join, CountsAddUpAndWhatHoldsEverywhereHoldsFromTheLatestInstantOn) {
  RunValue one = share_of(0, 2);
  RunValue other = share_of(1, 2);
  other.phases[0].end_ns += 5;
  other.phases[1].begin_ns += 5;
  *other.lift->at_ns += 5;
  const RunValue run = joined({one, other});
  EXPECT_EQ(run.runs, 1U);
  EXPECT_EQ(run.totals.due, 2 * one.totals.due);
  EXPECT_EQ(run.tenants[0].phases[2].counts.completed, 2160U);
  EXPECT_EQ(run.tenants[0].phases[2].of(Metric::ttft).count(), 2160U);
  EXPECT_EQ(run.series.columns[1].values, (std::vector<std::int64_t>{2000, 0, 4800}));
  EXPECT_EQ(run.lift->waiting_requests, 122);
  EXPECT_EQ(run.lift->at_ns, other.lift->at_ns);
  EXPECT_EQ(run.phases[0].end_ns, 15 * kSecondNs + 5);
  EXPECT_EQ(run.phases[0].length_ns, 12 * kSecondNs + 5);
  EXPECT_EQ(run.phases[1].begin_ns, 15 * kSecondNs + 5);
  EXPECT_EQ(run.phases[0].replica_ns, one.phases[0].replica_ns) << "the same replicas";
  EXPECT_EQ(run.throttles[0].phases[0].admitted, 960U);
}

TEST(Join, ChecksOnCountsAreJudgedOnceAllSharesAreThere) {
  std::vector<RunValue> shares;
  for (std::int64_t rank = 0; rank < 3; ++rank) {
    RunValue run = share_of(rank, 3);
    run.checks = {{"enough_samples", 40, 100, false, ""}, {"conservation", 0, 0, true, ""}};
    for (PhaseRecord& phase : run.tenants[0].phases) phase.counts = {40, 40, 0, 0, 0, 0, 0};
    await_other_shares(run);
    EXPECT_TRUE(run.valid());
    shares.push_back(std::move(run));
  }
  RunValue run = shares[0];
  join(run, shares[2]);
  EXPECT_FALSE(run.checks[0].value) << "a share is missing";
  join(run, shares[1]);
  ASSERT_EQ(run.checks[0].name, "enough_samples");
  EXPECT_EQ(run.checks[0].value, 120);
  EXPECT_TRUE(run.checks[0].passed);
  EXPECT_EQ(run.checks.back().name, "clocks_apart_ms");
}

TEST(Join, TheWorstRankDecidesOfWhatIsOfAMachine) {
  RunValue one = share_of(0, 2);
  RunValue other = share_of(1, 2);
  one.checks = {{"generator_lag_p99_ms", 0.2, 1, true, ""}};
  other.checks = {{"generator_lag_p99_ms", 3.5, 1, false, "it was late"}};
  const RunValue run = joined({one, other});
  EXPECT_EQ(run.checks[0].value, 3.5);
  EXPECT_FALSE(run.valid());
}

TEST(Join, SaysHowFarClocksWereApart) {
  SharesRecord shares{2, {{0, 1'000'000'000}, {1, 1'000'700'000}}};
  EXPECT_FALSE(clocks_apart_ns(shares)) << "nobody knows how right they are";
  shares.ranks[0].clock_error_ns = 2'000;
  shares.ranks[1].clock_error_ns = 3'000;
  EXPECT_EQ(clocks_apart_ns(shares), 705'000);
  shares.ranks[1].clock_offset_ns = 700'000;  // it said so late what was at the same instant
  EXPECT_EQ(clocks_apart_ns(shares), 5'000);

  RunValue one = share_of(0, 2);
  RunValue other = share_of(1, 2);
  other.shares->ranks[0].start_unix_ns += 80 * kMsNs;  // the shortest phase has 7 s
  one.checks.clear();
  other.checks.clear();
  const RunValue run = joined({one, other});
  ASSERT_EQ(run.checks.size(), 1U);
  EXPECT_EQ(run.checks[0].value, 80);
  EXPECT_EQ(run.checks[0].limit, 70);
  EXPECT_FALSE(run.checks[0].passed);
}

TEST(Join, StartsThatAreTooFarApartFailWhateverIsKnownOfTheClocks) {
  const auto check_of = [](std::int64_t apart_ns, std::int64_t offset_ns) {
    RunValue one = share_of(0, 2);
    RunValue other = share_of(1, 2);
    for (RunValue* const run : {&one, &other}) {
      run->shares->ranks[0].clock_error_ns.reset();
      run->checks.clear();
    }
    other.shares->ranks[0].start_unix_ns += apart_ns;
    if (offset_ns != 0) other.shares->ranks[0].clock_offset_ns = offset_ns;
    return joined({one, other}).checks.at(0);
  };
  const Check far = check_of(3'000 * kMsNs, 0);  // the limit is 70 ms
  EXPECT_FALSE(far.passed);
  EXPECT_EQ(far.value, 3'000);
  EXPECT_EQ(far.advice.substr(0, 31), "the ranks began 3000.0 ms apart");
  EXPECT_FALSE(check_of(-3'000 * kMsNs, 0).passed) << "whichever is the later one";
  for (const Check& near : {check_of(60 * kMsNs, 0), check_of(3'000 * kMsNs, 3'000 * kMsNs)}) {
    EXPECT_TRUE(near.passed);
    EXPECT_FALSE(near.value) << "nobody knows how right the clocks are";
    EXPECT_TRUE(near.advice.starts_with("not checked")) << near.advice;
  }
}

std::string refusal_of(RunValue one, const RunValue& other) {
  const std::string before = to_json(one);
  try {
    join(one, other);
  } catch (const RunMismatch& error) {
    EXPECT_EQ(to_json(one), before);
    return error.what();
  }
  ADD_FAILURE() << "they were joined";
  return "";
}

TEST(Join, SharesOfAnotherRunAreRefused) {
  const RunValue one = share_of(0, 3);
  const auto refused = [&](auto change) {
    RunValue other = share_of(1, 3);
    change(other);
    return refusal_of(one, other);
  };
  using R = RunValue&;
  EXPECT_EQ(refused([](R r) { r.shares.reset(); }),
            "one of them is no share: a single process played it");
  EXPECT_EQ(refused([](R r) { r.seed = 8; }), "they have different seeds, 7 and 8");
  EXPECT_EQ(refused([](R r) { r.environment.tokenlift_version = "0.0.9"; }),
            "they were made by different versions of tokenlift, 0.1.0 and 0.0.9");
  EXPECT_EQ(refused([](R r) { r.scenario_json = "{}"; }), "they have different scenarios");
  EXPECT_EQ(refused([](R r) { r.shares->of = 4; }), "one is of 3 ranks and the other of 4");
  EXPECT_EQ(refused([](R r) { r.shares->ranks[0].rank = 0; }), "both are the share of rank 0");
  EXPECT_EQ(refused([](R r) { r.phases[1].name = "steady"; }), "they have different phases");
  EXPECT_EQ(refused([](R r) { r.series.bin_ns *= 2; }), "they have different time bins");
  EXPECT_EQ(refused([](R r) { r.lift.reset(); }), "they have different events");
  EXPECT_EQ(refused([](R r) { r.tenants.pop_back(); }), "they have different tenants");
  EXPECT_EQ(refused([](R r) { r.throttles[0].unit = "requests"; }),
            "they have different throttles");
  EXPECT_EQ(refused([](R r) { r.wire.emplace(); }), "they have different engines");
}

TEST(Join, NamesTheRanksThatAreMissing) {
  const auto missing = [](std::int64_t of, const std::vector<std::int64_t>& ranks) {
    SharesRecord shares{of, {}};
    for (const std::int64_t rank : ranks) shares.ranks.push_back({rank});
    return missing_ranks(shares);
  };
  EXPECT_EQ(missing(3, {0, 1, 2}), "");
  EXPECT_EQ(missing(3, {0, 2}), "1");
  EXPECT_EQ(missing(8, {1, 4}), "0, 2 to 3 and 5 to 7");
}

TEST(Join, AShareIsNoRepetition) {
  RunValue one = share_of(0, 2);
  EXPECT_THROW(merge(one, share_of(1, 2)), RunMismatch);
  RunValue whole = joined({share_of(1, 2), share_of(0, 2)});
  merge(whole, joined({share_of(0, 2), share_of(1, 2)}));
  EXPECT_EQ(whole.runs, 2U);
}

}  // namespace
}  // namespace tokenlift::join_test
