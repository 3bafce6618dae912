#include "reports/findings/tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "reports/findings/gains_table.hpp"
#include "reports/findings/lift_table.hpp"
#include "reports/findings/ranks_table.hpp"
#include "reports/findings/reason_notes.hpp"
#include "reports/findings/split_table.hpp"
#include "tests/reports/findings/sample_reports.hpp"

namespace tokenlift::tables_test {
namespace {

using Words = std::vector<std::string>;

/// The row that begins with these cells, as plain words.
Words row_of(const Table& table, const Words& begin) {
  for (const std::vector<Cell>& row : table.rows) {
    Words words;
    for (const Cell& cell : row) words.push_back(cell.text + cell.mark);
    if (std::equal(begin.begin(), begin.end(), words.begin())) return words;
  }
  return {};
}

Words names_of(const std::vector<Table>& tables) {
  Words names;
  for (const Table& table : tables) names.push_back(table.name);
  return names;
}

bool notes_hold(const Table& table, const std::string& note) {
  return std::find(table.notes.begin(), table.notes.end(), note) != table.notes.end();
}

TEST(Tables, StandInTheOrderOfAReportAndOnlyWhereTheyHaveRows) {
  const Report report = side_by_side_report();
  EXPECT_EQ(names_of(report.trials[0].tables),
            Words({"fleet", "gains", "lift", "response", "split", "checks"}));
  EXPECT_EQ(names_of(report.trials[1].tables),
            Words({"fleet", "gains", "lift", "response", "effects", "split", "tenants", "throttles",
                   "checks"}));
  EXPECT_EQ(names_of(report.trials[2].tables), Words({"fleet", "checks"}));
}

TEST(Tables, NoRowIsWiderThanTheHead) {
  const Report report = side_by_side_report();
  std::vector<Table> tables = {report.overview};
  for (const TrialReport& trial : report.trials) {
    tables.insert(tables.end(), trial.tables.begin(), trial.tables.end());
  }
  for (const Table& table : tables) {
    EXPECT_LE(table.head_rows, table.rows.size()) << table.name;
    for (const std::vector<Cell>& row : table.rows) {
      EXPECT_LE(row.size(), std::max<std::size_t>(table.rows[0].size(), 7)) << table.name;
    }
  }
}

TEST(GainsTable, GivesAChangeWithItsIntervalAndWhatItMeansForUsers) {
  const Table table = gains_table(sample_gains(), true);
  EXPECT_EQ(row_of(table, {"throughput"}), Words({"throughput", "tokens/s", "2,000", "3,000",
                                                  "x1.50", "x1.42 to x1.58", "better"}));
  EXPECT_EQ(row_of(table, {"goodput"}),
            Words({"goodput", "tokens/s", "0", "2,969", "+2,969", "+2,900 to +3,038", "better"}));
  EXPECT_EQ(row_of(table, {"attainment"}),
            Words({"attainment", "%", "16.0", "99.0", "x6.19", "x0.900 to x12.5", "not shown"}));
  EXPECT_EQ(row_of(table, {"TPOT p50"}).back(), "worse") << "less is better there";
}

TEST(GainsTable, SaysOnceWhyThereIsNoInterval) {
  const Table table = gains_table(sample_gains(), true);
  EXPECT_EQ(row_of(table, {"TTFT p50"}),
            Words({"TTFT p50", "ms", "1,028", "27.9", "x0.0272", "–", "–"}));
  EXPECT_EQ(row_of(table, {"TTFT p99"}), Words({"TTFT p99", "ms", "–", "43.8", "–", "–", "–"}));
  EXPECT_EQ(table.notes,
            Words({"95 % intervals: 1 run: 24 blocks of 0.5 s, effective sample size 31.",
                   "– no interval of TTFT p50: 1 run; 3 repetitions give an interval.",
                   "– no interval of TTFT p99: p99 needs 1,000 requests."}));
}

TEST(GainsTable, GivesEffectsAsDifferencesInTheUnitShown) {
  const Table table = effects_table(sample_controlled_lift(two_tenant_run()).effects, true);
  EXPECT_EQ(row_of(table, {"transition"}), Words({"transition", "throughput", "tokens/s", "2,714",
                                                  "2,229", "+485", "+420 to +550", "better"}));
  EXPECT_EQ(row_of(table, {"", "TTFT p50"}),
            Words({"", "TTFT p50", "ms", "163", "910", "-747", "-800 to -700", "better"}));
  EXPECT_EQ(row_of(table, {"after"}),
            Words({"after", "attainment", "%", "98.9", "–", "–", "–", "–"}));
}

TEST(LiftTable, GivesEveryMetricOrWhyThereIsNone) {
  const Table table = lift_table(sample_lift(lift_run()));
  EXPECT_EQ(row_of(table, {"requests held or rejected, before"}).back(), "90.0");
  EXPECT_EQ(row_of(table, {"unlock latency"}), Words({"unlock latency", "ms", "2.00"}));
  EXPECT_EQ(row_of(table, {"waiter release lag"}).back(), "–");
  EXPECT_TRUE(notes_hold(table, "– waiter release lag: nobody was waiting."));
  EXPECT_EQ(row_of(table, {"waiting at the throttle"}).back(), "61");
  EXPECT_EQ(row_of(table, {"drain time"}), Words({"drain time", "s", "2.40"}));
  EXPECT_EQ(row_of(table, {"drain time, fluid prediction"}).back(), "2.25");
  EXPECT_EQ(row_of(table, {"recovery deficit"}).back(), "5,120");
  EXPECT_EQ(row_of(table, {"SLO debt"}).back(), "50.0");
  EXPECT_EQ(row_of(table, {"attempts, after"}).back(), "–");
  EXPECT_TRUE(notes_hold(table, "– attempts, after: nothing was due in after."));
  EXPECT_EQ(row_of(table, {"wasted"}).back(), "1,750");
  EXPECT_EQ(row_of(table, {"change found at"}).back(), "15.0");
}

TEST(LiftTable, TellsOfTenantsAndOfAFleetThatStaysDown) {
  const Table table = lift_table(sample_controlled_lift(two_tenant_run()));
  EXPECT_EQ(row_of(table, {"unfairness"}).back(), "1,235");
  EXPECT_EQ(row_of(table, {"starvation of research"}).back(), "1.75");
  EXPECT_EQ(row_of(table, {"drain time, fluid prediction"}).back(), "–") << "a reason stands below";
  EXPECT_EQ(row_of(table, {"goodput after three fluid drains"}).back(), "42.0");
  EXPECT_EQ(row_of(table, {"change found at"}).back(), "–");
}

TEST(LiftTable, GivesTheAnswerToTheStepOfEachSeries) {
  const Table table = response_table(sample_lift(lift_run()));
  EXPECT_EQ(row_of(table, {"mean before"}), Words({"mean before", "", "400", "12.0", "–"}));
  EXPECT_EQ(row_of(table, {"mean after"}), Words({"mean after", "", "2,969", "12.5", "43.8"}));
  EXPECT_EQ(row_of(table, {"standard error"}), Words({"standard error", "", "41.5", "–", "–"}));
  EXPECT_EQ(row_of(table, {"rise time"}), Words({"rise time", "s", "1.25", "–", "–"}));
  EXPECT_EQ(row_of(table, {"overshoot"}), Words({"overshoot", "%", "12.5", "–", "–"}));
  EXPECT_EQ(row_of(table, {"settling time"}), Words({"settling time", "s", "–", "–", "–"}));
  EXPECT_EQ(
      table.notes,
      Words({"– goodput settling time: not settled: 12 s more would tell.",
             "– in flight: nothing stepped: the levels differ by less than 3 standard errors.",
             "– TTFT p99: not enough data: 2 slices."}));
  EXPECT_TRUE(response_table(LiftReport()).rows.empty());
}

TEST(SplitTable, GivesPartsThatAddUpAndTheirShares) {
  const Table table = split_table(sample_split());
  EXPECT_EQ(row_of(table, {"before"}),
            Words({"before", "ms", "480", "1,020", "0.0200", "990", "4.00", "26.0"}));
  EXPECT_EQ(row_of(table, {"", "%"}), Words({"", "%", "", "", "0.00196", "97.1", "0.392", "2.55"}));
  EXPECT_EQ(table.rows.size(), 5U) << "nothing completed in the transition";
  EXPECT_TRUE(split_table({}).rows.empty());
}

TEST(OverviewTable, HasAColumnPerTrial) {
  const Report report = side_by_side_report();
  const Table& table = report.overview;
  EXPECT_EQ(row_of(table, {"", ""}), Words({"", "", "lift", "two tenants, controlled", "steady"}));
  EXPECT_EQ(row_of(table, {"valid"}), Words({"valid", "", "yes", "yes", "NO"}));
  EXPECT_EQ(row_of(table, {"runs"}), Words({"runs", "", "1", "3", "1"}));
  EXPECT_EQ(row_of(table, {"throughput", "tokens/s"}),
            Words({"throughput", "tokens/s", "2,000 -> 3,000", "2,229 -> 3,250", "2,500"}));
  EXPECT_EQ(row_of(table, {"TTFT p99"}),
            Words({"TTFT p99", "ms", "– -> 43.8", "– -> 43.8", "43.8"}));
  EXPECT_EQ(row_of(table, {"goodput, after against before"})[2],
            "+2,969 tokens/s (+2,900 to +3,038)");
  EXPECT_TRUE(row_of(table, {"TTFT p99, after against before"}).empty()) << "nobody has one";
  EXPECT_EQ(row_of(table, {"drain time"}), Words({"drain time", "s", "2.40", "2.40", "–"}));
  EXPECT_TRUE(lift_report().overview.rows.empty());
}

TEST(RanksTable, GivesEachStartAfterThatOfTheFirst) {
  auto run = lift_run();
  run.shares = SharesRecord{3, {{0, 2'080 * kMsNs}, {1, 2'000 * kMsNs}, {2, 2'100 * kMsNs}}};
  run.shares->ranks[2].clock_offset_ns = 60 * kMsNs;  // it began at 2,040 by the clock of rank 0
  const Table table = ranks_table(run);
  EXPECT_EQ(table.rows[0][2].text, "start (ms)");
  EXPECT_EQ(table.rows[1][2].text, "80.0");
  EXPECT_EQ(table.rows[2][2].text, "0");
  EXPECT_EQ(table.rows[3][2].text, "40.0");
}

TEST(ReasonNotes, SayEachReasonOnce) {
  ReasonNotes notes;
  notes.add("a", "too few.");
  notes.add("b", "late");
  notes.add("c", "too few.");
  notes.add("d", "");
  EXPECT_EQ(notes.sentences("–", "all", 3), Words({"– a and c: too few.", "– b: late."}));
  ReasonNotes same;
  same.add("a", "late");
  same.add("b", "late");
  EXPECT_EQ(same.sentences("some", "– none", 2), Words({"– none: late."}));
}

}  // namespace
}  // namespace tokenlift::tables_test
