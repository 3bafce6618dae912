// What is said of internal jobs, where it has to be said and where it must not.

#include "reports/findings/job_words.hpp"

#include <gtest/gtest.h>

#include <string>

#include "reports/charts/charts.hpp"
#include "reports/findings/report.hpp"
#include "reports/text/figure.hpp"
#include "tests/reports/record/job_runs.hpp"

namespace tokenlift::job_words_test {
namespace {

using RunValue = Run;  // within a TEST, Run is a function of testing::Test

std::string remarks_of(const RunValue& run, bool costs = false) {
  std::string text;
  for (const std::string& remark : job_remarks(job_work(run), costs)) text += remark + "\n";
  return text;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(JobRemarks, SayHowManyStepsItMadeBeforeAndAfter) {
  const std::string text = remarks_of(job_run());
  EXPECT_TRUE(says(text,
                   "Job 'training' made 1,800 steps an hour before and 7,200 after (x4.00), on "
                   "0.500 and 1.00 replica of its 1."))
      << text;
  EXPECT_EQ(remarks_of(lift_run()), "");
}

TEST(JobRemarks, OfARunThatIsNotDividedSayWhatItMade) {
  RunValue run = job_run();
  for (RunValue* each : {&run}) {
    each->phases.resize(1);
    each->phases[0].name = "steady";
    each->jobs[0].phases.resize(1);
  }
  EXPECT_TRUE(says(remarks_of(run), "Job 'training' made 1,800 steps an hour, on 0.500 of its 1."))
      << remarks_of(run);
}

TEST(JobRemarks, SayWhenItStoodStill) {
  EXPECT_TRUE(says(remarks_of(job_run()), "Job 'training' stood still for 50.0 % of 'before':"))
      << remarks_of(job_run());
  RunValue run = job_run();
  run.jobs[0].phases[0].stalled_ns = 0;
  EXPECT_FALSE(says(remarks_of(run), "stood still"));
}

TEST(JobRemarks, SayWhatPowerAndCostAreOfWhereTheyAreStated) {
  EXPECT_TRUE(says(remarks_of(job_run(), true), "the replicas of jobs included"));
  EXPECT_FALSE(says(remarks_of(job_run(), false), "the replicas of jobs included"));
  EXPECT_FALSE(says(remarks_of(lift_run(), true), "the replicas of jobs included"));
}

TEST(JobsTable, HasWhatIsKnown) {
  const Table table = jobs_table(job_work(job_run()));
  EXPECT_EQ(table.name, "jobs");
  ASSERT_EQ(table.rows.size(), 1 + kJobFigures.size());
  EXPECT_EQ(table.rows[0].back().text, "after/before");
  EXPECT_EQ(table.rows[1][0].text, "training");
  EXPECT_EQ(table.rows[1][1].text, "replicas held");
  EXPECT_EQ(table.rows[3][1].text, "steps per hour");
  EXPECT_EQ(table.rows[3].back().text, "x4.00");
  EXPECT_EQ(table.rows[2].back().text, kAbsent) << "sums over phases have no ratio";
  EXPECT_TRUE(jobs_table({}).rows.empty());
}

TEST(JobsTable, IsAmongThoseOfTheReport) {
  const TrialReport report = make_report({make_trial("", {job_run()})}).trials[0];
  const auto has_jobs = [](const TrialReport& trial) {
    for (const Table& table : trial.tables) {
      if (table.name == "jobs") return true;
    }
    return false;
  };
  EXPECT_TRUE(has_jobs(report));
  EXPECT_FALSE(has_jobs(make_report({make_trial("", {cost_run()})}).trials[0]));
}

TEST(JobCharts, ShowWhatJobsHaveWhereThereAreAny) {
  RunValue run = job_run();
  run.series.columns.push_back({"job_replicas", {}});
  run.series.columns.back().values.resize(run.series.columns.front().values.size(), 1);
  const auto sections_of = [](const RunValue& each) {
    std::string all;
    for (const Chart& chart : charts_of(make_report({make_trial("", {each})}))) {
      all += std::string(chart.section) + "\n";
    }
    return all;
  };
  EXPECT_TRUE(says(sections_of(run), "Internal jobs"));
  EXPECT_FALSE(says(sections_of(cost_run()), "Internal jobs"));
}

}  // namespace
}  // namespace tokenlift::job_words_test
