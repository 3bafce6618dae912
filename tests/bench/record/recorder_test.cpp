#include "bench/record/recorder.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/machine/workers.hpp"
#include "bench/record/request_log.hpp"
#include "reports/json/json_run.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift::recorder_test {
namespace {

/// Phases of any length, bins of any width; series may end before the phases do.
RecordingGrid any_grid(std::int64_t longest_ns) {
  RecordingGrid grid;
  grid.tenants = *rc::gen::inRange<std::size_t>(1, 4);
  std::int64_t begin_ns = 0;
  const int phases = *rc::gen::inRange(1, 6);
  for (int i = 0; i < phases; ++i) {
    const std::int64_t end_ns =
        i + 1 == phases ? kNever : begin_ns + *rc::gen::inRange<std::int64_t>(1, longest_ns);
    grid.phases.push_back({"phase " + std::to_string(i), begin_ns, end_ns, true});
    begin_ns = end_ns;
  }
  grid.bin_ns = *rc::gen::inRange<std::int64_t>(1, longest_ns);
  grid.bins = *rc::gen::inRange<std::size_t>(1, 100);
  grid.slice_ns = *rc::gen::inRange<std::int64_t>(1, longest_ns);
  grid.slices = *rc::gen::inRange<std::size_t>(1, 10);
  return grid;
}

/// 0 .. 2^bits - 1, small and large alike.
std::int64_t any_up_to_bits(int bits) {
  const int shift = *rc::gen::inRange(0, bits + 1);
  return static_cast<std::int64_t>(*rc::gen::arbitrary<std::uint64_t>() >> 1) &
         ((std::int64_t{1} << shift) - 1);
}

std::vector<CellCount> any_batch(const RecordingGrid& grid) {
  return *rc::gen::container<std::vector<CellCount>>(rc::gen::apply(
      [](CellId cell, std::uint32_t sequences) {
        return CellCount{cell, sequences};
      },
      rc::gen::inRange<CellId>(0, static_cast<CellId>(grid.cells())),
      rc::gen::inRange<std::uint32_t>(1, 4)));
}

void expect_same(const RecordingGrid& grid, const TokenRecord& left, const TokenRecord& right) {
  RC_ASSERT(left.tokens_by_bin() == right.tokens_by_bin());
  for (std::uint32_t tenant = 0; tenant < grid.tenants; ++tenant) {
    for (std::uint32_t phase = 0; phase < grid.phases.size(); ++phase) {
      RC_ASSERT(left.produced(tenant, phase) == right.produced(tenant, phase));
      RC_ASSERT((left.prompts(tenant, phase) == right.prompts(tenant, phase)));
      RC_ASSERT(left.gaps(grid.cell(tenant, phase)) == right.gaps(grid.cell(tenant, phase)));
    }
  }
  for (std::uint32_t phase = 0; phase < grid.phases.size(); ++phase) {
    RC_ASSERT(left.busy_ns(phase) == right.busy_ns(phase));
    RC_ASSERT((left.batch_ns(phase) == right.batch_ns(phase)));
    RC_ASSERT((left.batch_room_ns(phase) == right.batch_room_ns(phase)));
    RC_ASSERT((left.resident_token_ns(phase) == right.resident_token_ns(phase)));
    RC_ASSERT((left.replica_ns(phase) == right.replica_ns(phase)));
    RC_ASSERT((left.kv_room_token_ns(phase) == right.kv_room_token_ns(phase)));
  }
}

void decode_step_by_step(const StepRun& run, const std::vector<CellCount>& batch,
                         TokenRecord& record) {
  std::int64_t end_ps = run.begin_frac_ps;
  for (std::int64_t step = 0; step < run.steps; ++step) {
    const std::int64_t step_ps = run.first_ps + step * run.slope_ps;
    end_ps += step_ps;
    for (const CellCount& part : batch) {
      for (std::uint32_t i = 0; i < part.sequences; ++i) {
        record.token(part.cell, run.begin_ns + end_ps / 1000, step_ps);
      }
    }
  }
}

void step_by_step(const StepRun& run, TokenRecord::Load load, std::int64_t until_ns,
                  TokenRecord& record) {
  std::int64_t begin_ps = run.begin_frac_ps;
  for (std::int64_t step = 0; step < run.steps; ++step) {
    const std::int64_t step_ps = run.first_ps + step * run.slope_ps;
    const std::int64_t begin_ns = run.begin_ns + begin_ps / 1000;
    if (begin_ns >= until_ns) break;
    record.steps({begin_ns, begin_ps % 1000, 1, step_ps, 0},
                 {load.sequences, load.max_batch, load.resident_tokens}, until_ns);
    begin_ps += step_ps;
    load.resident_tokens += load.growth;
  }
}

// Steps of 0 ps to 67 us that grow by up to 0.5 us each, over phases and bins of 1 ns to 10 ms.
// Whole nanoseconds among them, which hit borders exactly.
RC_GTEST_PROP(TokenRecord, ARunOfStepsIsItsStepsOneByOne, ()) {
  const RecordingGrid grid = any_grid(*rc::gen::element<std::int64_t>(10, 1000, 10'000'000));
  TokenRecord at_once(grid);
  TokenRecord one_by_one(grid);
  for (int runs = *rc::gen::inRange(1, 4); runs > 0; --runs) {
    StepRun run{any_up_to_bits(24), *rc::gen::inRange<std::int64_t>(0, 1000),
                *rc::gen::inRange<std::int64_t>(1, 200), any_up_to_bits(26), any_up_to_bits(19)};
    if (*rc::gen::arbitrary<bool>()) {
      run.begin_frac_ps = 0;
      run.first_ps = any_up_to_bits(16) * 1000;
      run.slope_ps = any_up_to_bits(9) * 1000;
    }
    const std::vector<CellCount> batch = any_batch(grid);
    at_once.decode(run, batch);
    decode_step_by_step(run, batch, one_by_one);
    const TokenRecord::Load load{any_up_to_bits(8), 256, any_up_to_bits(20), any_up_to_bits(8)};
    const std::int64_t until_ns = *rc::gen::element(kNever, run.begin_ns + any_up_to_bits(24));
    at_once.steps(run, load, until_ns);
    step_by_step(run, load, until_ns, one_by_one);
  }
  expect_same(grid, at_once, one_by_one);
}

// Up to 10^9 steps, which nobody can count one by one: cut anywhere, both parts together are the
// whole. Steps of more than the histogram's range (2^52 ns) are among them.
RC_GTEST_PROP(TokenRecord, ALongRunIsItsTwoParts, ()) {
  constexpr std::int64_t kLongestPs = std::int64_t{1} << 61;
  StepRun run{any_up_to_bits(40), *rc::gen::inRange<std::int64_t>(0, 1000),
              *rc::gen::inRange<std::int64_t>(2, 1'000'000'001), 0, 0};
  if (*rc::gen::inRange(0, 4) == 0) run.steps = *rc::gen::inRange<std::int64_t>(2, 300);
  run.first_ps = std::min(any_up_to_bits(60), kLongestPs / 2 / run.steps);
  run.slope_ps = std::min(any_up_to_bits(60), kLongestPs / run.steps / run.steps);
  const std::int64_t cut = *rc::gen::inRange<std::int64_t>(1, run.steps);
  StepRun tail = run;
  const std::int64_t cut_ps =
      run.begin_frac_ps + cut * run.first_ps + cut * (cut - 1) / 2 * run.slope_ps;
  tail.begin_ns += cut_ps / 1000;
  tail.begin_frac_ps = cut_ps % 1000;
  tail.steps -= cut;
  tail.first_ps += cut * run.slope_ps;
  StepRun head = run;
  head.steps = cut;

  const RecordingGrid grid = any_grid((kLongestPs / 1000) >> *rc::gen::inRange(0, 20));
  const std::vector<CellCount> batch = any_batch(grid);
  const TokenRecord::Load load{3, 8, any_up_to_bits(20), any_up_to_bits(8)};
  TokenRecord::Load later = load;
  later.resident_tokens += cut * load.growth;
  TokenRecord whole(grid);
  whole.decode(run, batch);
  whole.steps(run, load);
  TokenRecord parts(grid);
  parts.decode(tail, batch);
  parts.decode(head, batch);
  parts.steps(head, load);
  parts.steps(tail, later);
  expect_same(grid, whole, parts);
}

// Shards record what falls to them, in any order, and are merged in any order.
RC_GTEST_PROP(TokenRecord, MergingIsRecordingIntoOneInAnyOrder, ()) {
  const RecordingGrid grid = any_grid(10'000);
  constexpr std::size_t kShards = 3;
  std::vector<TokenRecord> shards(kShards, TokenRecord(grid));
  TokenRecord one(grid);
  for (int runs = *rc::gen::inRange(1, 8); runs > 0; --runs) {
    const StepRun run{any_up_to_bits(14), 0, *rc::gen::inRange<std::int64_t>(1, 20),
                      any_up_to_bits(22), any_up_to_bits(16)};
    const std::vector<CellCount> batch = any_batch(grid);
    const std::int64_t end_ns = run.begin_ns + *rc::gen::inRange<std::int64_t>(0, 100);
    TokenRecord& shard = shards[*rc::gen::inRange<std::size_t>(0, kShards)];
    for (TokenRecord* record : {&shard, &one}) {
      record->decode(run, batch);
      record->steps(run, {static_cast<std::int64_t>(batch.size()), 9, 7, 2}, end_ns);
      record->scheduled(batch.empty() ? 0 : batch[0].cell, end_ns, 11, 5);
      record->served({run.begin_ns, end_ns, 2, 30});
    }
  }
  const std::vector<std::size_t> orders[] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}};
  for (const std::vector<std::size_t>& order : orders) {
    TokenRecord merged(grid);
    for (const std::size_t shard : order) merged.merge(shards[shard]);
    expect_same(grid, merged, one);
  }
}

RC_GTEST_PROP(StepRun, CountsItsStepsOfALengthOrLonger, ()) {
  const auto first_ps = *rc::gen::inRange<std::int64_t>(0, 50);
  const auto slope_ps = *rc::gen::inRange<std::int64_t>(0, 5);
  const StepRun run{0, 0, *rc::gen::inRange<std::int64_t>(1, 40), first_ps, slope_ps};
  const auto least_ps = *rc::gen::inRange<std::int64_t>(0, 300);
  std::int64_t expected = 0;
  for (std::int64_t step = 0; step < run.steps; ++step) {
    expected += first_ps + step * slope_ps >= least_ps ? 1 : 0;
  }
  RC_ASSERT(run.steps_of(least_ps) == expected);
}

// The 99th percentile by nearest rank of n gaps is the one of rank ceil(0.99 n).
TEST(Recorder, AnObjectiveOnGapsAllowsOneInAHundredToBeLonger) {
  struct Case {
    std::int32_t output_tokens;
    std::int32_t late_gaps;
    bool met;
  };
  for (const auto& [output_tokens, late_gaps, met] : {Case{1, 0, true},
                                                      {2, 0, true},
                                                      {2, 1, false},
                                                      {100, 0, true},
                                                      {100, 1, false},
                                                      {101, 1, true},
                                                      {101, 2, false},
                                                      {1000, 9, true},
                                                      {1000, 10, false},
                                                      {1001, 10, true}}) {
    Scenario scenario;
    scenario.run.duration_ns = 1'000'000'000;
    scenario.tenants.emplace_back().slo.itl_ns = 80'000'000;
    const RecordingGrid grid = make_grid(scenario);
    Recorder recorder(scenario, grid);
    RequestTable requests;
    Request request;
    request.admitted_ns = 0;
    request.prompt_tokens = 10;
    request.output_tokens = output_tokens;
    News done;
    done.id = requests.add(request);
    done.at_ns = 1'000'000;
    done.count = late_gaps;
    recorder.sent(request);
    recorder.admitted(request);
    recorder.completed({&done, 1}, requests, 1'000'000);
    const auto run = recorder.finish(1'000'000'000, TokenRecord(grid));
    EXPECT_EQ(run.tenants[0].phases[0].slo_met, met ? 1U : 0U) << output_tokens << ' ' << late_gaps;
  }
}

/// Two tenants with objectives, a lift at 3 s of 6.
Scenario lift_of_two_tenants() {
  Scenario scenario;
  scenario.name = "two";
  scenario.run.duration_ns = 6'000'000'000;
  scenario.run.warmup_ns = 500'000'000;
  scenario.run.settle_ns = 1'000'000'000;
  for (const char* name : {"chat", "batch"}) {
    Tenant tenant;
    tenant.name = name;
    tenant.slo.ttft_ns = 20'000'000;
    tenant.slo.tpot_ns = 3'000'000;
    scenario.tenants.push_back(tenant);
  }
  Throttle throttle;
  throttle.name = "limit";
  scenario.throttles.push_back(throttle);
  Event event;
  event.at_ns = 3'000'000'000;
  event.throttle = "limit";
  scenario.events.push_back(event);
  return scenario;
}

/// `count` requests over six seconds, sent and admitted, and their completions in order of
/// requests.
std::vector<News> admit_some(std::uint64_t seed, std::uint32_t count, const RecordingGrid& grid,
                             RequestTable& requests, Recorder& recorder) {
  const Draws draws(seed, Purpose::gap, 0);
  const auto up_to = [&](std::uint32_t i, std::uint64_t index, std::uint64_t most) {
    return static_cast<std::int64_t>(draws.bits(i, index) % most);
  };
  std::vector<News> completions;
  for (std::uint32_t i = 0; i < count; ++i) {
    Request request;
    request.due_ns = std::int64_t{6'000'000'000} * i / count;
    request.sent_ns = request.due_ns + up_to(i, 0, 1000);
    request.admitted_ns = request.sent_ns + up_to(i, 1, 20'000'000);
    request.prompt_tokens = 10;
    request.output_tokens = static_cast<std::int32_t>(1 + up_to(i, 2, 9));
    request.number = i;
    request.tenant = static_cast<std::uint16_t>(i % 2);
    request.phase = grid.phase_at(request.due_ns) & 0xf;
    const RequestId id = requests.add(request);
    recorder.sent(request);
    recorder.admitted(request);
    News done;
    done.id = id;
    done.scheduled_ns = request.admitted_ns + up_to(i, 3, 1000);
    done.first_token_ns = done.scheduled_ns + up_to(i, 4, 10'000'000);
    done.at_ns =
        done.first_token_ns + (request.output_tokens - 1) * (2'000'000 + up_to(i, 5, 2'000'000));
    completions.push_back(done);
  }
  return completions;
}

constexpr std::size_t kMostWorkers = 3;

// However completions come in batches, and however many workers record them: the same bytes.
RC_GTEST_PROP(Recorder, BatchesAndWorkersMakeNoDifference, ()) {
  Scenario scenario = lift_of_two_tenants();
  scenario.tenants[0].users = 1000;
  const RecordingGrid grid = make_grid(scenario);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto count = *rc::gen::inRange<std::uint32_t>(1, 4000);
  const std::int64_t end_ns = 7'000'000'000;
  const auto recorded = [&](std::size_t workers_count, std::size_t batch) {
    Workers workers(workers_count);
    RequestTable requests;
    Recorder recorder(scenario, grid, &workers);
    const std::vector<News> done = admit_some(seed, count, grid, requests, recorder);
    RC_ASSERT(recorder.in_system() == static_cast<std::int64_t>(count));
    for (std::size_t i = 0; i < done.size(); i += batch) {
      const std::size_t size = std::min(batch, done.size() - i);
      recorder.completed(std::span(done).subspan(i, size), requests, end_ns);
    }
    RC_ASSERT(recorder.in_system() == 0);
    RC_ASSERT(recorder.undecided() == 0);
    Run run = recorder.finish(end_ns, TokenRecord(grid));
    RC_ASSERT(recorder.littles_law_error() == 0);
    run.scenario_json = "{}";
    return to_json(run);
  };
  const std::string one_by_one = recorded(1, 1);
  RC_ASSERT(recorded(kMostWorkers, count) == one_by_one);
  RC_ASSERT(recorded(*rc::gen::inRange<std::size_t>(1, kMostWorkers + 1),
                     *rc::gen::inRange<std::size_t>(500, 1500)) == one_by_one);
}

const std::vector<std::int64_t>& column(const Run& run, std::string_view name) {
  const auto found = std::find_if(run.series.columns.begin(), run.series.columns.end(),
                                  [&](const Column& column) { return column.name == name; });
  return found->values;
}

// Three requests due in bins 0, 1 and 2. One completes in bin 1, which the loop learns in bin 4;
// one is rejected in bin 3; one stays.
TEST(Recorder, InTheSystemIsWhoWasDueAndHasNotLeftWheneverTheLoopLearnsOfIt) {
  const Scenario scenario = lift_of_two_tenants();
  const RecordingGrid grid = make_grid(scenario);
  RequestTable requests;
  Recorder recorder(scenario, grid);
  std::vector<RequestId> ids;
  for (std::int64_t i = 0; i < 3; ++i) {
    Request request;
    request.due_ns = request.sent_ns = request.admitted_ns = i * grid.bin_ns;
    request.output_tokens = 1;
    ids.push_back(requests.add(request));
    recorder.sent(request);
  }
  recorder.rejected(requests[ids[1]], 3 * grid.bin_ns);
  const std::int64_t done_ns = grid.bin_ns + 1;
  const std::vector<News> done = {{ids[0], 0, 0, done_ns, done_ns}};
  recorder.completed(done, requests, 4 * grid.bin_ns);
  recorder.in_flight(requests[ids[2]], 5 * grid.bin_ns);
  const auto run = recorder.finish(5 * grid.bin_ns, TokenRecord(grid));
  const std::vector<std::int64_t> expected = {1, 1, 2, 1, 1};
  EXPECT_EQ(column(run, "in_system_requests"), expected);
  EXPECT_EQ(recorder.littles_law_error(), 0);
  EXPECT_EQ(run.totals.in_flight, 1U);
}

// A run that ends where a bin does has not begun the next one: what happens then is of the last.
TEST(Recorder, WhatHappensAtTheVeryEndIsInTheLastBin) {
  const Scenario scenario = lift_of_two_tenants();
  const RecordingGrid grid = make_grid(scenario);
  const std::int64_t end_ns = 3 * grid.bin_ns;
  RequestTable requests;
  Recorder recorder(scenario, grid);
  Request request;
  request.output_tokens = 1;
  for (const std::int64_t due_ns : {std::int64_t{0}, end_ns}) {
    request.due_ns = request.sent_ns = request.admitted_ns = due_ns;
    recorder.sent(request);
    recorder.admitted(request);
  }
  request.due_ns = request.sent_ns = request.admitted_ns = 0;
  const std::vector<News> done = {{requests.add(request), 0, 0, end_ns, end_ns}};
  recorder.completed(done, requests, end_ns);
  request.due_ns = end_ns;
  recorder.in_flight(request, end_ns);
  const auto run = recorder.finish(end_ns, TokenRecord(grid));
  EXPECT_EQ(column(run, "due_requests"), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(column(run, "admitted_requests"), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(column(run, "completed_requests"), (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(column(run, "in_system_requests"), (std::vector<std::int64_t>{1, 1, 1}));
  EXPECT_EQ(run.totals.in_flight, 1U);
}

// Users are of closed tenants by arithmetic: request n of three users is of user n % 3.
TEST(Recorder, AFirstTokenDueAtTheVeryEndIsInTheLastSlice) {
  const Scenario scenario = lift_of_two_tenants();
  RecordingGrid grid = make_grid(scenario);
  grid.slice_ns = grid.bin_ns;
  const std::int64_t end_ns = 3 * grid.slice_ns;
  RequestTable requests;
  Recorder recorder(scenario, grid);
  Request request;
  request.output_tokens = 1;
  request.due_ns = request.sent_ns = request.admitted_ns = end_ns;
  recorder.sent(request);
  recorder.admitted(request);
  const std::vector<News> done = {{requests.add(request), 0, end_ns, end_ns, end_ns}};
  recorder.completed(done, requests, end_ns);
  const auto run = recorder.finish(end_ns, TokenRecord(grid));
  ASSERT_EQ(run.series.ttft_slices.size(), 3U);
  EXPECT_EQ(run.series.ttft_slices[2].count(), 1U);
}

TEST(Recorder, OnlySeveralTenantsInAFairOrderHaveGuaranteedShares) {
  using Shares = std::vector<std::optional<double>>;
  const auto shares = [](std::size_t tenants, QueueOrder order) {
    Scenario scenario = lift_of_two_tenants();
    scenario.tenants.resize(tenants);
    scenario.queue_order = order;
    scenario.tenants[0].weight = 3;
    const RecordingGrid grid = make_grid(scenario);
    Shares all;
    const auto run = Recorder(scenario, grid).finish(1'000'000'000, TokenRecord(grid));
    for (const TenantRecord& tenant : run.tenants) all.push_back(tenant.guaranteed_share);
    return all;
  };
  EXPECT_EQ(shares(2, QueueOrder::fair), (Shares{0.75, 0.25}));
  EXPECT_EQ(shares(2, QueueOrder::fifo), (Shares{std::nullopt, std::nullopt}));
  EXPECT_EQ(shares(1, QueueOrder::fair), Shares{std::nullopt});
}

TEST(Recorder, CountsTheUsersWhoseRequestsMissedAnObjectiveOnce) {
  Scenario scenario = lift_of_two_tenants();
  scenario.tenants[0].arrivals.process = Process::closed;
  scenario.tenants[0].users = 3;
  const RecordingGrid grid = make_grid(scenario);
  RequestTable requests;
  Recorder recorder(scenario, grid);
  std::vector<News> done;
  for (std::uint64_t number = 0; number < 5; ++number) {
    Request request;
    request.number = number & Request::kMostNumber;
    request.due_ns = request.sent_ns = request.admitted_ns = 1'000'000'000;
    request.phase = grid.phase_at(request.due_ns) & 0xf;
    request.output_tokens = 1;
    const RequestId id = requests.add(request);
    recorder.sent(request);
    if (number % 3 == 0) {
      recorder.rejected(request, 1'000'000'000);
    } else {  // that of user 2 in time
      const std::int64_t at_ns = number == 2 ? 1'010'000'000 : 1'030'000'000;
      done.push_back({id, 0, 1'000'000'000, at_ns, at_ns});
    }
  }
  recorder.completed(done, requests, 1'030'000'000);
  const auto run = recorder.finish(6'000'000'000, TokenRecord(grid));
  EXPECT_EQ(run.tenants[0].users, 3U);
  EXPECT_EQ(run.tenants[0].phases[0].users_missed, 2U);
  EXPECT_EQ(run.tenants[0].phases[1].users_missed, 0U);
  EXPECT_EQ(run.tenants[1].phases[0].users_missed, std::nullopt);
}

TEST(TokenRecord, TokensThatCameLateHaveNoGaps) {
  const Scenario scenario = lift_of_two_tenants();
  const RecordingGrid grid = make_grid(scenario);
  TokenRecord record(grid);
  const CellId cell = grid.cell(1, 0);
  const auto at_ns = static_cast<std::int64_t>(3) * grid.bin_ns + 1;
  record.token(cell, at_ns, -1);
  record.late_tokens(cell, at_ns, 7);
  EXPECT_EQ(record.tokens_by_bin()[3], 8);
  EXPECT_EQ(record.produced(1, grid.phase_at(at_ns)), 8U);
  EXPECT_TRUE(record.gaps(cell).empty());
}

TEST(TokenRecord, WhatComesAfterABorderMovedIsRecordedBehindIt) {
  const Scenario scenario = lift_of_two_tenants();
  RecordingGrid grid = make_grid(scenario);
  TokenRecord record(grid);
  const CellId cell = grid.cell(0, 0);
  const std::int64_t begin_ns = grid.phases[1].begin_ns;
  ASSERT_GT(begin_ns, 4);
  record.token(cell, begin_ns - 4, -1);
  grid.phases[0].end_ns = grid.phases[1].begin_ns = begin_ns - 3;
  record.borders_moved();
  record.token(cell, begin_ns - 2, -1);
  EXPECT_EQ(record.produced(0, 0), 1U);
  EXPECT_EQ(record.produced(0, 1), 1U);
}

TEST(RecordingGrid, WhereSendingEndsNothingIsMeasuredAnyMore) {
  const Scenario scenario = lift_of_two_tenants();
  const RecordingGrid planned = make_grid(scenario);
  ASSERT_EQ(planned.phases.size(), 5U) << "warm-up, before, transition, after, cool-down";
  RecordingGrid grid = planned;
  const std::int64_t at_ns = planned.phases[2].begin_ns + 1;
  end_sending(grid, at_ns);
  for (const std::size_t over : {0U, 1U}) {
    EXPECT_EQ(grid.phases[over].begin_ns, planned.phases[over].begin_ns);
    EXPECT_EQ(grid.phases[over].end_ns, planned.phases[over].end_ns);
  }
  EXPECT_EQ(grid.phases[2].end_ns, at_ns);
  EXPECT_EQ(grid.phases[3].begin_ns, at_ns);
  EXPECT_EQ(grid.phases[3].end_ns, at_ns);
  EXPECT_EQ(grid.phases[4].begin_ns, at_ns);
  EXPECT_EQ(grid.phases[4].end_ns, planned.phases[4].end_ns);
  EXPECT_EQ(grid.phase_at(at_ns - 1), 2U);
  EXPECT_EQ(grid.phase_at(at_ns), 4U);
}

// One is let through as the run begins; one waits; one is due, and the run ends before it is sent.
TEST(Recorder, TheRecordOfAnUndecidedRequestSaysHowFarItGot) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) /
                                     ("tokenlift_far_" + std::to_string(::getpid()) + ".csv");
  const Scenario scenario = lift_of_two_tenants();
  const RecordingGrid grid = make_grid(scenario);
  Recorder recorder(scenario, grid);
  RequestLog log(path);
  log.begin_run(0, false, {"a", "b"}, {"before", "transition", "after", "cooldown"});
  recorder.log_to(log);
  Request let_through;
  let_through.admitted_ns = 0;
  const Request waits;
  for (const Request& request : {let_through, waits}) {
    recorder.sent(request);
    recorder.in_flight(request, 7);
  }
  recorder.never_sent({}, 7);
  log.close();
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  std::filesystem::remove(path);
  ASSERT_EQ(lines.size(), 4U);
  // Attempts, tokens; due, sent, admitted; nothing of the fleet's; the end of the run.
  EXPECT_EQ(lines[1], "0,lifted,a,0,before,in_flight,0,1,0,0,0,0,0,,,,7,");
  EXPECT_EQ(lines[2], "0,lifted,a,0,before,in_flight,0,1,0,0,0,0,,,,,7,");
  EXPECT_EQ(lines[3], "0,lifted,a,0,before,in_flight,0,0,0,0,0,,,,,,7,");
}

}  // namespace
}  // namespace tokenlift::recorder_test
