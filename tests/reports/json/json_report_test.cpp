#include "reports/json/json_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/reports/findings/sample_reports.hpp"
#include "tests/reports/json/schema.hpp"
#include "tests/reports/record/fleet_runs.hpp"
#include "tests/reports/record/job_runs.hpp"

namespace tokenlift::json_report_test {
namespace {

using Json = nlohmann::ordered_json;
using RunValue = Run;  // within a TEST, Run is a function of testing::Test

int validate(const Json& json) {
  return validate_json("report.schema.json", {json.dump()});
}

TEST(JsonReport, IsValidBySchemaForEverySample) {
  Report steady;
  steady.trials = {sample_trial("steady", steady_run())};
  Report empty;
  empty.trials = {sample_trial("empty", empty_run())};
  EXPECT_EQ(validate_json("report.schema.json", {to_json(lift_report()), to_json(steady),
                                                 to_json(side_by_side_report()), to_json(empty)}),
            0);
}

TEST(JsonReport, OfAFleetThatChangesSaysWhatServed) {
  RunValue slow = fleet_run("slow", "own", 5, {{0, {3, 1}, 7000.0}});
  slow.tenants[0].phases[0].of(Metric::network).record(kMsNs);
  std::vector<std::string> texts;
  for (const RunValue& run : {join_run(), leave_run(), failure_run(), slow}) {
    texts.push_back(to_json(make_report({make_trial(run.scenario_name, {run})})));
  }
  EXPECT_EQ(validate_json("report.schema.json", texts), 0);
  const Json failure = Json::parse(texts[2])["trials"][0];
  const Json& change = failure["lift"]["fleet"][0];
  EXPECT_EQ(change["site"], "own");
  EXPECT_EQ(change["step"]["site_replicas"]["after"], 1);
  EXPECT_EQ(change["step"]["replicas_serving"]["before"], 4);
  EXPECT_EQ(change["step"]["back_s"], 21.0);
  EXPECT_EQ(failure["lift"]["binding_fraction"], nullptr);
  EXPECT_EQ(failure["phases"][0]["rates"]["replicas_serving"], 4.0);
  const Json other = Json::parse(texts[3])["trials"][0];
  EXPECT_EQ(other["lift"]["fleet"][0]["step"], nullptr);
  EXPECT_FALSE(other["phases"][0]["rates"].contains("replicas_serving"));
  EXPECT_TRUE(other["mean_ttft_ms"][0].contains("network"));
}

TEST(JsonReport, SaysWhatWasDrawnAndPaid) {
  const std::string text = to_json(make_report({make_trial("cost", {cost_run_after(46.8)})}));
  EXPECT_EQ(validate_json("report.schema.json", {text}), 0);
  const Json trial = Json::parse(text)["trials"][0];
  EXPECT_EQ(trial["phases"][0]["rates"]["usd_per_m_output_tokens"], 5.0);
  EXPECT_EQ(trial["phases"][0]["rates"]["j_per_output_token"], 5.0);
  EXPECT_FALSE(trial["phases"][0]["rates"].contains("slowed_share"));
  EXPECT_NEAR(trial["marginal"]["usd_per_m_output_tokens"].get<double>(), 3, 1e-3);
  const Json free = Json::parse(to_json(lift_report()))["trials"][0];
  EXPECT_FALSE(free.contains("marginal"));
  EXPECT_FALSE(free.contains("jobs"));
  EXPECT_FALSE(free["phases"][0]["rates"].contains("usd"));
}

TEST(JsonReport, SaysWhatJobsDid) {
  const std::string text = to_json(make_report({make_trial("job", {job_run()})}));
  EXPECT_EQ(validate_json("report.schema.json", {text}), 0);
  EXPECT_EQ(validate_json("run.schema.json", {to_json(job_run())}), 0);
  const Json job = Json::parse(text)["trials"][0]["jobs"][0];
  EXPECT_EQ(job["name"], "training");
  EXPECT_EQ(job["phases"][0]["rates"]["steps_per_hour"], 1800.0);
  EXPECT_EQ(job["phases"][2]["rates"]["replicas_held"], 1.0);
  EXPECT_FALSE(job["phases"][2]["rates"].contains("lost_steps"));
}

TEST(JsonReport, TheSchemaRefusesUnknownMissingAndMistypedFields) {
  const Json good = Json::parse(to_json(side_by_side_report()));
  Json json = good;
  json["trials"][0]["lift"]["surprise"] = 1;
  EXPECT_EQ(validate(json), 1);
  json = good;
  json["trials"][1]["lift"]["effects"][0].erase("without");
  EXPECT_EQ(validate(json), 1);
  json = good;
  json["trials"][0]["lift"]["drain_time"]["s"] = "2.4";
  EXPECT_EQ(validate(json), 1);
  json = good;
  json["schema"] = "tokenlift.report/0";
  EXPECT_EQ(validate(json), 1);
}

TEST(JsonReport, HoldsWhatWasConcludedInTheUnitsThatItNames) {
  const Json json = Json::parse(to_json(side_by_side_report()));
  EXPECT_EQ(json["schema"], "tokenlift.report/1");
  ASSERT_EQ(json["trials"].size(), 3U);
  const Json& trial = json["trials"][0];
  EXPECT_EQ(trial["label"], "lift");
  EXPECT_EQ(trial["validity"]["valid"], true);
  EXPECT_EQ(trial["control_runs"], 0);
  EXPECT_EQ(trial["phases"][0]["rates"]["throughput_tokens_per_s"], 2000.0);
  EXPECT_EQ(trial["phases"][0]["rates"]["utilisation"], 0.45);
  EXPECT_EQ(trial["mean_ttft_ms"][0]["throttle_wait"], 990.0);
  const Json& lift = trial["lift"];
  EXPECT_EQ(lift["at_s"], 15.000012345);
  EXPECT_EQ(lift["gains"][0]["change"]["interval_95"]["low"], 1.42);
  EXPECT_EQ(lift["gains"][0]["reading"], "better");
  EXPECT_EQ(lift["gains"][1]["change_is"], "difference");
  EXPECT_EQ(lift["gains"][2]["reading"], "not shown");
  EXPECT_EQ(lift["gains"][3]["unit"], "ms");
  EXPECT_DOUBLE_EQ(lift["gains"][3]["before"].get<double>(), 1028.0);
  EXPECT_EQ(lift["gains"][3]["change"]["value"], 0.0272) << "a ratio has no unit";
  EXPECT_EQ(lift["gains"][3]["change"]["interval_95"], nullptr);
  EXPECT_EQ(lift["gains"][3]["reading"], nullptr);
  EXPECT_EQ(lift["gains"][5]["reading"], "worse");
  EXPECT_EQ(lift["unlock_latency"]["s"], 0.002);
  EXPECT_EQ(lift["waiter_release_lag"]["reason"], "nobody was waiting");
  EXPECT_EQ(lift["goodput"]["rise_time"]["s"], 1.25);
  EXPECT_EQ(lift["change_points"]["points"][0]["at_s"], 15.0);
  const Json& controlled = json["trials"][1];
  EXPECT_EQ(controlled["control_runs"], 3);
  EXPECT_DOUBLE_EQ(controlled["lift"]["effects"][1]["difference"]["value"].get<double>(), -747.0);
  EXPECT_EQ(controlled["lift"]["starvation"][0]["s"], 1.75);
  EXPECT_EQ(json["trials"][2]["lift"], nullptr);
}

}  // namespace
}  // namespace tokenlift::json_report_test
