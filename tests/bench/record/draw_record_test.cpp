#include "bench/record/draw_record.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "bench/record/recording_grid.hpp"

namespace tokenlift::draw_record_test {
namespace {

constexpr std::int64_t kMs = 1'000'000;

/// Three phases over 60 ms in bins of 10 ms, and two sites: one of 2 accelerators that idle at 50 W
/// each beside 25 W of their server at PUE 1.5, and one that states nothing.
RecordingGrid grid_of_two_sites() {
  RecordingGrid grid;
  grid.phases = {{"warmup", 0, 10 * kMs, false},
                 {"before", 10 * kMs, 35 * kMs, true},
                 {"after", 35 * kMs, 60 * kMs, true}};
  grid.tenants = 1;
  grid.bin_ns = 10 * kMs;
  grid.bins = 6;
  grid.slice_ns = 60 * kMs;
  grid.slices = 1;
  grid.sites = {ReplicaPower{2, 100'000, 50'000, 1'500'000, false, false, 20 * kMs}, std::nullopt};
  return grid;
}

TEST(DrawRecord, AddsUpWhatASiteDrewInEachPhase) {
  const RecordingGrid grid = grid_of_two_sites();
  DrawRecord record(grid);
  record.served(0, 5 * kMs, 60 * kMs);
  record.served(1, 0, 60 * kMs);
  record.booted(0, 3 * kMs, 5 * kMs);
  record.drew(0, {200'000}, 20 * kMs, 40 * kMs);
  record.drew(0, {100'000, true, 1250}, 40 * kMs, 50 * kMs);
  const std::vector<SiteDraw> before = record.of_phase(1, 60 * kMs);
  const std::vector<SiteDraw> after = record.of_phase(2, 60 * kMs);
  ASSERT_EQ(before.size(), 2U);
  // Idle 25 ms at 100 W and 15 ms at 200 W more: 2.5 J + 3 J.
  const WideSum joule = 1'000'000'000'000'000;
  EXPECT_EQ(before[0].replica_ns, 25 * kMs);
  EXPECT_EQ(before[0].energy_fj, 5 * joule + joule / 2);
  EXPECT_EQ(before[0].site_energy_fj, (5 * joule + joule / 2 + 25 * joule / 20) * 3 / 2);
  EXPECT_EQ(before[0].slowed_replica_ns, 0);
  EXPECT_EQ(after[0].energy_fj, 2 * joule + joule / 2 + joule + joule);
  EXPECT_EQ(after[0].slowed_replica_ns, 10 * kMs);
  EXPECT_EQ(after[0].lost_replica_ns, 2 * kMs) << "they would have taken 8 ms";
  EXPECT_EQ(before[1].replica_ns, 25 * kMs);
  EXPECT_EQ(before[1].energy_fj, 0);
  // Largest over 20 ms within the phase: of 'before' the bins at 10 and 20 ms.
  EXPECT_EQ(before[0].largest_mw, (150'000 + 100'000) * 3 / 2);
  EXPECT_EQ(after[0].largest_mw, (150'000 + 50'000) * 3 / 2) << "40 to 60 ms";
  const std::vector<Column> columns = record.columns(55 * kMs);
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].name, "site_power_w");
  // 7 ms powered of 10; the last bin has 5 ms only of the run, over which 10 ms were recorded.
  EXPECT_EQ(columns[0].values, (std::vector<std::int64_t>{158, 225, 525, 525, 375, 450}));
}

TEST(DrawRecord, HasTheLimitAndTheBatteryAsMeansOverTheBins) {
  RecordingGrid grid = grid_of_two_sites();
  grid.sites.pop_back();
  grid.sites[0]->limited = true;
  grid.sites[0]->battery = true;
  DrawRecord record(grid);
  constexpr __int128 kWh = __int128{1000} * 3'600'000'000'000;  // in mW x ns
  record.controlled(0, {0, 15 * kMs, 400'000, 300'000, 300'000, 10 * kWh, 10 * kWh});
  record.controlled(0, {15 * kMs, 30 * kMs, 300'000, 350'000, 300'000, 10 * kWh, 8 * kWh});
  record.controlled(0, {30 * kMs, 60 * kMs, 300'000, 200'000, 200'000, 8 * kWh, 8 * kWh});
  const std::vector<Column> columns = record.columns(60 * kMs);
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[1].name, "power_limit_w");
  EXPECT_EQ(columns[1].values, (std::vector<std::int64_t>{400, 350, 300, 300, 300, 300}));
  EXPECT_EQ(columns[2].name, "battery_wh");
  EXPECT_EQ(columns[2].values, (std::vector<std::int64_t>{10, 10, 9, 8, 8, 8}));
  EXPECT_EQ(record.of_phase(0, 60 * kMs)[0].largest_mw, 300'000);
  EXPECT_EQ(record.of_phase(1, 60 * kMs)[0].largest_mw, 350'000);
}

struct Piece {
  bool step = false;  // else a replica served
  std::int64_t above_mw = 0;
  bool held_back = false;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

Piece any_piece() {
  Piece piece;
  piece.step = *rc::gen::arbitrary<bool>();
  piece.above_mw = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
  piece.held_back = *rc::gen::arbitrary<bool>();
  const auto instant = rc::gen::inRange<std::int64_t>(0, 60 * kMs);
  piece.begin_ns = *instant;
  piece.end_ns = *instant;
  if (piece.begin_ns > piece.end_ns) std::swap(piece.begin_ns, piece.end_ns);
  return piece;
}

void add(const Piece& piece, DrawRecord& record) {
  if (piece.step) {
    record.drew(0, {piece.above_mw, piece.held_back, piece.held_back ? 1777 : 1000}, piece.begin_ns,
                piece.end_ns);
  } else {
    record.served(0, piece.begin_ns, piece.end_ns);
  }
}

void expect_same(const DrawRecord& one, const DrawRecord& other) {
  for (std::uint32_t phase = 0; phase < 3; ++phase) {
    RC_ASSERT((one.of_phase(phase, 60 * kMs) == other.of_phase(phase, 60 * kMs)));
  }
  RC_ASSERT(one.columns(60 * kMs)[0].values == other.columns(60 * kMs)[0].values);
}

// A piece cut anywhere, and recorded by whoever, leaves the same.
RC_GTEST_PROP(DrawRecord, CutsAndWorkersMakeNoDifference, ()) {
  const RecordingGrid grid = grid_of_two_sites();
  DrawRecord whole(grid);
  DrawRecord one(grid);
  DrawRecord other(grid);
  const int pieces = *rc::gen::inRange(1, 12);
  for (int i = 0; i < pieces; ++i) {
    const Piece piece = any_piece();
    add(piece, whole);
    Piece first = piece;
    Piece second = piece;
    first.end_ns = second.begin_ns = *rc::gen::inRange(piece.begin_ns, piece.end_ns + 1);
    add(first, one);
    add(second, *rc::gen::arbitrary<bool>() ? one : other);
  }
  one.merge(other);
  expect_same(whole, one);
}

// Phases and bins are two ways to cut the same energy.
RC_GTEST_PROP(DrawRecord, PhasesAndBinsAddUpToTheSame, ()) {
  RecordingGrid grid = grid_of_two_sites();
  grid.sites[0]->pue_ppm = 1'000'000;
  DrawRecord record(grid);
  const int pieces = *rc::gen::inRange(1, 12);
  __int128 expected_fj = 0;
  for (int i = 0; i < pieces; ++i) {
    Piece piece = any_piece();
    // Whole microjoules in every bin, so that no mean is rounded.
    piece.above_mw = piece.above_mw / 1000 * 1000;
    piece.begin_ns = piece.begin_ns / kMs * kMs;
    piece.end_ns = piece.end_ns / kMs * kMs;
    add(piece, record);
    const std::int64_t mw = piece.step ? piece.above_mw : 150'000;
    expected_fj += static_cast<__int128>(mw) * (piece.end_ns - piece.begin_ns) * 1000;
  }
  WideSum phases_fj = 0;
  for (std::uint32_t phase = 0; phase < 3; ++phase) {
    phases_fj += record.of_phase(phase, 60 * kMs)[0].site_energy_fj;
  }
  RC_ASSERT((phases_fj == expected_fj));
  std::int64_t mean_w = 0;
  const std::vector<Column> columns = record.columns(60 * kMs);
  for (const std::int64_t watts : columns[0].values) mean_w += watts;
  const __int128 bins_fj = static_cast<__int128>(mean_w) * 1000 * grid.bin_ns * 1000;
  const __int128 half_a_watt = static_cast<__int128>(500) * grid.bin_ns * 1000;
  RC_ASSERT((bins_fj - expected_fj <= 6 * half_a_watt && expected_fj - bins_fj <= 6 * half_a_watt));
}

}  // namespace
}  // namespace tokenlift::draw_record_test
