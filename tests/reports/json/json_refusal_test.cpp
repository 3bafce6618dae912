// What is no run.json, or no longer one, is refused or read, and nothing else.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reports/findings/report.hpp"
#include "reports/formats/csv.hpp"
#include "reports/formats/hgrm.hpp"
#include "reports/formats/openmetrics.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/json/json_report.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/report_page.hpp"
#include "reports/record/bounds.hpp"
#include "tests/reports/json/changed_json.hpp"
#include "tests/reports/record/rich_runs.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::json_refusal_test {
namespace {

using Json = nlohmann::ordered_json;
using RunValue = Run;  // within a TEST, Run is a function of testing::Test

// One byte changed, dropped, doubled or the text cut: a Run or a RunFileError, nothing else (any
// other exception fails the property; asan watches the rest).
RC_GTEST_PROP(JsonRefusal, AMutilatedTextIsRefusedOrReadButNeverCrashes, ()) {
  static const std::string original = to_json(two_tenant_run());
  std::string text = original;
  const int edits = *rc::gen::inRange(1, 5);
  for (int i = 0; i < edits; ++i) {
    const auto place = *rc::gen::inRange<std::size_t>(0, text.size());
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        text[place] = *rc::gen::arbitrary<char>();
        break;
      case 1:
        text.erase(place, *rc::gen::inRange<std::size_t>(1, 40));
        break;
      case 2:
        text.insert(place, text.substr(place, *rc::gen::inRange<std::size_t>(1, 40)));
        break;
      default:
        text[place] = *rc::gen::elementOf(std::string("0123456789-.eE[]{},:\"ntf"));
    }
    if (text.empty()) text = " ";
  }
  try {
    RC_ASSERT(!to_json(read_run(text, "run.json")).empty());
    RC_TAG("read");
  } catch (const RunFileError& error) {
    RC_ASSERT(!error.reason().empty());
    RC_TAG("refused");
  }
}

// Readers would each take another one of the two.
TEST(JsonRefusal, NoKeyStandsTwiceInOneObject) {
  std::string text = to_json(lift_run());
  const std::string seed = "\n  \"seed\": ";
  ASSERT_NE(text.find(seed), std::string::npos);
  text.insert(text.find(seed), "\n  \"seed\": 3,");
  EXPECT_EQ(refusal_of(text), "|has the key \"seed\" twice in one object");
}

// One value replaced by one of another type or size: finer than bytes, which seldom stay JSON.
RC_GTEST_PROP(JsonRefusal, AWrongValueAnywhereIsRefusedOrReadButNeverCrashes, ()) {
  static const Json original = Json::parse(to_json(two_tenant_run())).flatten();
  const auto place = *rc::gen::inRange<std::size_t>(0, original.size());
  Json flat = original;
  auto item = flat.begin();
  std::advance(item, static_cast<std::ptrdiff_t>(place));
  *item = *rc::gen::element<Json>(nullptr, true, -1, 0, UINT64_MAX, INT64_MIN, 1e300, -0.5, "text",
                                  "99999999999999999999999999999999999999");
  const std::string text = flat.unflatten().dump();
  try {
    RC_ASSERT(!to_json(read_run(text, "run.json")).empty());
    RC_TAG("read");
  } catch (const RunFileError& error) {
    RC_ASSERT(!error.position().empty());
    RC_TAG("refused");
  }
}

/// A run with all that reports look at, in few numbers.
Json small_rich_json() {
  RichOptions options;
  options.bins = 60;
  options.slices = 6;
  RunValue run = rich_run(options);
  const auto thin = [](Histogram& histogram) {
    if (histogram.empty()) return;
    Histogram one;
    one.record(histogram.max_ns(), histogram.count());
    histogram = one;
  };
  for (Histogram& slice : run.series.ttft_slices) thin(slice);
  for (TenantRecord& tenant : run.tenants) {
    for (PhaseRecord& phase : tenant.phases) {
      for (Histogram& latency : phase.latency) thin(latency);
    }
    const std::vector<std::int64_t> busy(options.bins, 7);
    tenant.columns = {{"waiting_requests", busy}, {"admitted_tokens", busy}};
  }
  run.tenants[1].guaranteed_share = 0.3;
  run.throttles[1].limits.resize(3);
  return Json::parse(to_json(run));
}

// The whole way: reports divide by some numbers, count up to others, take others as an index.
RC_GTEST_PROP(JsonRefusal, AnyOneNumberDamagedIsRefusedOrReportedInEveryFormat, ()) {
  static const Json flat = small_rich_json().flatten();
  static const std::vector<std::string> places = [] {
    std::vector<std::string> all;
    for (const auto& [place, value] : flat.items()) {
      if (value.is_number() && place.find("/latency_ms/") == std::string::npos) {
        all.push_back(place);
      }
    }
    return all;
  }();
  Json damaged = flat;
  damaged[*rc::gen::elementOf(places)] =
      *rc::gen::element<Json>(0, -1, 1, 1e18, std::int64_t{1} << 53, nullptr);
  try {
    const Report report = make_report(
        {{"damaged", Arm(read_run(damaged.unflatten().dump(), "run.json")), std::nullopt}});
    const Page page = report_page(report);
    RC_ASSERT(!to_text(page, {}).empty());
    RC_ASSERT(!to_markdown(page).empty());
    RC_ASSERT(!to_html(page).empty());
    RC_ASSERT(!to_json(report).empty());
    for (const auto render : {to_csv, to_openmetrics}) {
      RC_ASSERT(!render(report).empty());
    }
    RC_ASSERT(!hgrm_files(report).empty());
    RC_TAG("reported");
  } catch (const RunFileError& error) {
    RC_ASSERT(!error.position().empty());
    RC_TAG("refused");
  }
}

TEST(JsonRefusal, WhatIsNotJsonIsRefusedWithLineAndColumn) {
  EXPECT_EQ(refusal_of("{\n  \"schema\": tokenlift\n}"), "line 2, column 14|is not JSON");
  EXPECT_EQ(refusal_of(""), "line 1, column 1|ends too early");
  EXPECT_EQ(refusal_of("{\"schema\":"), "line 1, column 11|ends too early");
  EXPECT_EQ(refusal_of("[1e999]"), "|has a number that is out of range");
}

TEST(JsonRefusal, WhatIsNoRunOrOneOfAnotherVersionIsRefusedClearly) {
  EXPECT_EQ(refusal_of("[]"), "|is not a run of tokenlift: it has no \"schema\"");
  EXPECT_EQ(refusal_of("{}"), "|is not a run of tokenlift: it has no \"schema\"");
  EXPECT_EQ(refusal_of(R"({"schema": "tokenlift.run/1"})"),
            "/schema|is \"tokenlift.run/1\", written by another version of tokenlift; this one "
            "reads \"tokenlift.run/2\" to \"tokenlift.run/4\"");
  EXPECT_EQ(refusal_of(R"({"schema": "other"})"),
            "/schema|is \"other\", not a run of tokenlift (\"tokenlift.run/4\")");
  EXPECT_EQ(refusal_of(R"({"schema": 1})"), "/schema|must be a string");
}

TEST(JsonRefusal, WhatContradictsItselfIsRefused) {
  EXPECT_EQ(refusal_of(with("/phases/0/end_s", 1)),
            "/phases/0/end_s|must not be before the phase begins");
  EXPECT_EQ(refusal_of(with("/phases/1/begin_s", 14)),
            "/phases/1/begin_s|must not be before the end of the phase before");
  EXPECT_EQ(refusal_of(with("/lift/at_s", 41)), "/lift/at_s|must not be after the last phase");
  EXPECT_EQ(refusal_of(with("/tenants/0/columns", {{"waiting_requests", {1, 2}}})),
            "/tenants/0/columns|must be as long as the series");
  EXPECT_EQ(refusal_of(with("/series/bin_s", 13)),
            "/series/columns|must reach to the end of the last phase");
  EXPECT_EQ(refusal_of(with("/throttles/0/limits", {{0, 7}, {2, nullptr}, {1.5, 8}})),
            "/throttles/0/limits/2/0|must not be before the one before");
  EXPECT_EQ(refusal_of(with("/runs", 0)), "/runs|must be above 0");
  EXPECT_EQ(refusal_of(with("/tenants/0/phases/0/recorded/slo_met", 481)),
            "/tenants/0/phases/0/recorded/slo_met|must not be more than were due, or completed");
  EXPECT_EQ(refusal_of(with("/tenants/0/phases/2/counts/due", 3)),
            "/tenants/0/phases/2/recorded/slo_met|must not be more than were due, or completed");
  Json backwards = Json::parse(to_json(lift_run()));
  for (Json* phases : {&backwards["phases"], &backwards["tenants"][0]["phases"],
                       &backwards["throttles"][0]["phases"]}) {
    (*phases)[0]["name"] = "after";
    (*phases)[2]["name"] = "before";
  }
  EXPECT_EQ(refusal_of(backwards.dump()), "/phases/1/name|must come before \"after\"");
  Json twice = Json::parse(to_json(lift_run()));
  twice["phases"][1]["name"] = "before";
  twice["tenants"][0]["phases"][1]["name"] = "before";
  twice["throttles"][0]["phases"][1]["name"] = "before";
  EXPECT_EQ(refusal_of(twice.dump()), "/phases/1/name|is there twice");
}

TEST(JsonRefusal, AWrongValueIsRefusedWithItsPlaceAndWhatItMustBe) {
  EXPECT_EQ(refusal_of(without("/phases/0/recorded", "busy_ns")),
            "/phases/0/recorded|the key \"busy_ns\" is missing");
  EXPECT_EQ(refusal_of(with("/tenants/0/phases/1/counts/due", -1)),
            "/tenants/0/phases/1/counts/due|must be an integer from 0");
  EXPECT_EQ(refusal_of(with("/totals/due", std::uint64_t{1} << 54)),
            "/totals/due|must be an integer from 0 to 2^53");
  EXPECT_EQ(refusal_of(with("/lift/at_s", 1e300)),
            "/lift/at_s|must be a time from 0 s to 20,000 days");
  EXPECT_EQ(refusal_of(with("/tenants/0/phases/1/name", "later")),
            "/tenants/0/phases/1/name|must be \"transition\", as in the run's phases");
  EXPECT_EQ(refusal_of(with("/throttles/0/phases/1/name", "later")),
            "/throttles/0/phases/1/name|must be \"transition\", as in the run's phases");
  EXPECT_EQ(refusal_of(with("/throttles/0/phases", Json::array())),
            "/throttles/0/phases|are fewer than the run's");
  EXPECT_EQ(refusal_of(with("/throttles/0/phases/1/taken_microunits", "-5")),
            "/throttles/0/phases/1/taken_microunits|must be a whole number in decimal digits");
  EXPECT_EQ(refusal_of(with("/tenants/0/phases/1/attempts", 1.5)),
            "/tenants/0/phases/1/attempts|must be an integer from 0");
  EXPECT_EQ(refusal_of(with("/series/columns/due", {1, 2})),
            "/series/columns|must be arrays of one length");
  EXPECT_EQ(refusal_of(with("/series/ttft_slices/1/buckets", Json::array({Json::array({1})}))),
            "/series/ttft_slices/1/buckets|item 0 must be [bucket index, count]");
  EXPECT_EQ(refusal_of(with("/series/ttft_slices/1/buckets", "7")),
            "/series/ttft_slices/1/buckets|must be pairs of a bucket's index and its count");
  for (const char* const bad : {"7 -1", "7  1", " 7 1", "7 1 ", "7,1", "7 99999999999999999999"}) {
    EXPECT_EQ(refusal_of(with("/series/ttft_slices/1/buckets", bad)),
              "/series/ttft_slices/1/buckets|must be whole numbers with a space between");
  }
  EXPECT_EQ(refusal_of(with("/tenants/0/phases/0/recorded/failures", {{"reset", 1}})),
            "/tenants/0/phases/0/recorded/failures|must not be more than failed");
  EXPECT_EQ(refusal_of(with("/tenants/0/phases/0/recorded/cached_input_tokens", 1)),
            "/tenants/0/phases/0/recorded/cached_input_tokens|must not be more than "
            "scheduled_input_tokens");
  const auto fleet = [](const char* compositions) {
    return with("/fleet", {{"sites", {"hall"}}, {"compositions", Json::parse(compositions)}});
  };
  EXPECT_EQ(refusal_of(fleet(R"([{"at_s": 1, "replicas": [1]}])")),
            "/fleet/compositions/0/at_s|must be 0: the first one");
  EXPECT_EQ(refusal_of(fleet(R"([{"at_s": 0, "replicas": [1]}, {"at_s": 0, "replicas": [2]}])")),
            "/fleet/compositions/1/at_s|must be after the one before");
  EXPECT_EQ(refusal_of(fleet(R"([{"at_s": 0, "replicas": []}])")),
            "/fleet/compositions/0/replicas|must be one for each site");
  Json one_site = {{"sites", {"hall"}}, {"compositions", Json::array()}, {"terms", Json::array()}};
  EXPECT_EQ(refusal_of(with("/fleet", one_site)), "/fleet/terms|must be one for each site");
  one_site["terms"] = {{{"accelerators", -1}}};
  EXPECT_EQ(refusal_of(with("/fleet", one_site)),
            "/fleet/terms/0/accelerators|must be an integer from 0");
  EXPECT_EQ(refusal_of(with("/phases/0/recorded/draws", Json::array())),
            "/phases/0/recorded/draws|must be one for each site of the fleet");
  EXPECT_EQ(refusal_of(with("/phases/0/recorded/draws", Json::array({Json::object()}))),
            "/phases/0/recorded/draws/0|the key \"replica_ns\" is missing");
  EXPECT_EQ(refusal_of(with("/series/ttft_slices/1/sum_ns", "12x")),
            "/series/ttft_slices/1/sum_ns|must be a whole number in decimal digits");
  EXPECT_EQ(refusal_of(with("/series/ttft_slices/1/min_ns", 1)),
            "/series/ttft_slices/1|min and max do not fit the buckets");
}

TEST(JsonRefusal, AStartThatNoClockSaysIsRefused) {
  const auto began_at = [](const char* unix_ns) {
    const Json rank = {{"rank", 0},
                       {"start_unix_ns", unix_ns},
                       {"start_error_s", 0},
                       {"sent", 0},
                       {"generator_lag_p99_s", nullptr},
                       {"generator_lag_max_s", nullptr},
                       {"clock_error_s", nullptr}};
    return with("/shares", {{"of", 2}, {"ranks", Json::array({rank})}});
  };
  const RunValue run = read_run(began_at("4611686018427387904"), "run.json");
  EXPECT_TRUE(run.shares->ranks[0].start_unix_ns == WideSum{1} << 62);
  for (const char* beyond : {"4611686018427387905", "99999999999999999999999999"}) {
    EXPECT_EQ(refusal_of(began_at(beyond)), "/shares/ranks/0/start_unix_ns|must be from 0 to 2^62");
  }
}

TEST(JsonRefusal, WhatNobodySawOnTheWireIsRefused) {
  const auto with = [](const std::string& place, const Json& value) {
    Json json = Json::parse(to_json(endpoint_run()));
    json[Json::json_pointer(place)] = value;
    return refusal_of(json.dump());
  };
  EXPECT_EQ(with("/wire/reads", 10), "/wire/reads_with_several|must not be more than reads");
  EXPECT_EQ(with("/wire/deltas", -1), "/wire/deltas|must be an integer from 0");
  EXPECT_EQ(with("/wire/busy_s", -1), "/wire/busy_s|must be a time from 0 s to 20,000 days");
  EXPECT_EQ(with("/wire/failures", 3), "/wire/failures|must be an array");
  EXPECT_EQ(with("/wire/failures/0/kind", 3), "/wire/failures/0/kind|must be a string");
  EXPECT_EQ(with("/wire/server/0/values", Json::array({1, 2})),
            "/wire/server/0/values|must be as long as the series");
  EXPECT_EQ(with("/wire/server/0/values", "none"),
            "/wire/server/0/values|must hold integers from -1 to 2^53");
  EXPECT_EQ(with("/wire/server/0/values/1", -2),
            "/wire/server/0/values|must hold integers from -1 to 2^53");
  EXPECT_EQ(with("/wire/server/0/values/1", std::uint64_t{1} << 54),
            "/wire/server/0/values|must hold integers from -1 to 2^53");
  EXPECT_EQ(with("/sending_bound", Json::object()), "/sending_bound|the key \"at_s\" is missing");
  EXPECT_EQ(with("/tenants/0/phases/0/recorded/denied", 601),
            "/tenants/0/phases/0/recorded|denied and overloaded must not be more than were due");
}

// As above, of what only endpoints say.
RC_GTEST_PROP(JsonRefusal, AWrongValueOfTheWireIsRefusedOrReportedInEveryFormat, ()) {
  static const Json original = Json::parse(to_json(endpoint_run()));
  static const Json wire = original["wire"].flatten();
  auto item = wire.begin();
  std::advance(item, *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(wire)));
  Json json = original;
  json["wire"][Json::json_pointer(item.key())] =
      *rc::gen::element<Json>(nullptr, true, -1, 0, UINT64_MAX, INT64_MIN, 1e300, -0.5, "text",
                              Json::array(), Json::object());
  try {
    const RunValue run = read_run(json.dump(), "run.json");
    const Report report = make_report({make_trial("damaged", {run})});
    RC_ASSERT(!to_text(report_page(report), {false, 80}).empty());
    RC_ASSERT(!to_html(report_page(report)).empty());
    RC_ASSERT(!to_csv(report).empty());
    RC_TAG("read");
  } catch (const RunFileError& error) {
    RC_ASSERT(!error.position().empty());
    RC_TAG("refused");
  }
}

TEST(JsonRefusal, ASeriesThatNoRunCanHaveIsRefused) {
  EXPECT_EQ(refusal_of(with("/series/bin_s", 0)), "/series/bin_s|must be above 0");
  Json none = Json::parse(to_json(empty_run()));
  none["series"]["bin_s"] = 0;
  EXPECT_EQ(refusal_of(none.dump()), "/series/bin_s|must be above 0") << "also without columns";
  EXPECT_EQ(refusal_of(with("/series/bin_s", 864'000'001)),
            "/series/bin_s|is too wide: there are 3, and a run has 20,000 days");
  EXPECT_EQ(refusal_of(with("/series/slice_s", 864'000'001)),
            "/series/slice_s|is too wide: there are 3, and a run has 20,000 days");
  const Json bins(std::vector<int>(36'001));
  EXPECT_EQ(refusal_of(with("/series/columns", {{"due", bins}})),
            "/series/columns|have 36001 bins, at most 36000");
}

TEST(JsonRefusal, AHostileTextIsRefusedBeforeItCostsMemory) {
  EXPECT_EQ(refusal_of(std::string(kMostTextBytes + 1, ' ')), "|is larger than 320 MiB");
  EXPECT_EQ(read_run(with("/scenario_name", std::string(kMostWordBytes, 'x')), "run.json")
                .scenario_name.size(),
            kMostWordBytes);
  EXPECT_EQ(refusal_of(with("/scenario_name", std::string(kMostWordBytes + 1, 'x'))),
            "/scenario_name|must be a string of 1 MiB at most");
  EXPECT_EQ(refusal_of(std::string(1000, '[')), "line 1, column 33|is nested too deeply");
  std::string values = "[0";
  for (int i = 0; i < 8'000'000; ++i) values += ",0";
  EXPECT_EQ(refusal_of(values), "line 1, column 15999999|has too many values");
  std::string keys = "{";
  for (int i = 0; i < 1000; ++i) keys += "\"" + std::to_string(i) + "\":0,";
  EXPECT_EQ(refusal_of(keys).substr(0, 9), "line 1, c");
  Json tenant = Json::parse(to_json(lift_run()))["tenants"][0];
  for (auto& phase : tenant["phases"]) {
    phase["recorded"]["histograms"] = Json::object();
    phase.erase("latency_ms");  // nobody reads it
  }
  Json tenants = Json::array();
  for (int i = 0; i < 10'001; ++i) tenants.push_back(tenant);  // of three phases each
  EXPECT_EQ(refusal_of(with("/tenants", tenants)), "/tenants|have more than 30000 phases in all");
}

TEST(JsonRefusal, AScenarioThatIsNoObjectIsRefused) {
  RunValue run = lift_run();
  for (const char* scenario : {"", "[]", "{", "null"}) {
    run.scenario_json = scenario;
    EXPECT_THROW(to_json(run), std::invalid_argument) << scenario;
    EXPECT_THROW(scenario_toml(run), std::invalid_argument) << scenario;
  }
}

}  // namespace
}  // namespace tokenlift::json_refusal_test
