#include "reports/json/json_sweep.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "reports/json/json_run.hpp"
#include "tests/reports/findings/sample_sweeps.hpp"
#include "tests/reports/json/schema.hpp"

namespace tokenlift::json_sweep_test {
namespace {

using Json = nlohmann::ordered_json;

std::string refusal(const Json& json) {
  try {
    read_sweep(json.dump(), "sweep.json");
  } catch (const RunFileError& error) {
    return error.position() + "|" + error.reason();
  }
  return "";
}

TEST(JsonSweep, IsValidBySchemaForEverySample) {
  EXPECT_EQ(validate_json("sweep.schema.json", {to_json(sample_sweep()), to_json(sample_sizing()),
                                                to_json(sample_grid()), to_json(hostile_sweep()),
                                                to_json(sweep_without_points())}),
            0);
}

TEST(JsonSweep, ReadsBackWhatItHasWritten) {
  for (const SweepReport& report :
       {sample_sweep(), sample_sizing(), sample_grid(), hostile_sweep()}) {
    const std::string text = to_json(report);
    EXPECT_EQ(to_json(read_sweep(text, "sweep.json")), text);
  }
}

TEST(JsonSweep, RefusesWhatIsNoSweep) {
  EXPECT_THROW(read_sweep("", "sweep.json"), RunFileError);
  EXPECT_THROW(read_sweep("[]", "sweep.json"), RunFileError);
  EXPECT_THROW(read_sweep("{}", "sweep.json"), RunFileError);
  Json json = Json::parse(to_json(sample_sweep()));
  Json other = json;
  other["schema"] = "tokenlift.run/4";
  EXPECT_NE(refusal(other), "");
  other = json;
  other["points"][3]["state"] = "fine";
  EXPECT_TRUE(refusal(other).starts_with("/points/3/state|"));
  other = json;
  other["points"][3]["values"].push_back("1");
  EXPECT_TRUE(refusal(other).starts_with("/points/3/values|"));
  other = json;
  other["points"][3]["figures"].erase(0);
  EXPECT_TRUE(refusal(other).starts_with("/points/3/figures|"));
  other = json;
  other["finds"][0]["outcome"] = "lost";
  EXPECT_TRUE(refusal(other).starts_with("/finds/0/outcome|"));
  other = json;
  other["finds"][0]["wanted"] = "some";
  EXPECT_TRUE(refusal(other).starts_with("/finds/0/wanted|"));
  other = json;
  other.erase("axes");
  EXPECT_NE(refusal(other), "");
}

}  // namespace
}  // namespace tokenlift::json_sweep_test
