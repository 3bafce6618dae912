#include "reports/json/json_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "reports/json/json_field.hpp"
#include "reports/json/json_value.hpp"

namespace tokenlift {
namespace {

using tokenlift::json_of;  // those of json_value.hpp, beside the ones below

constexpr std::size_t kMostSweepAxes = 4;
constexpr std::size_t kMostSweepPoints = 100'000;
constexpr std::size_t kMostSweepWords = 10'000;

// -------------------------------------------------------------------------------------- written

Json json_of(const SweepAxis& axis) {
  return {{"key", axis.key}, {"unit", axis.unit}, {"numeric", axis.numeric}};
}

Json one_estimate(const Estimate& estimate) {
  return json_of(estimate, 1);
}

Json json_of(const PointFleet& fleet) {
  return {{"profile", fleet.profile},
          {"accelerator", fleet.accelerator},
          {"accelerators_per_replica", fleet.accelerators_per_replica},
          {"bytes_per_parameter", fleet.bytes_per_parameter},
          {"replicas", fleet.replicas}};
}

constexpr std::array<std::string_view, 3> kScales = {"ratio", "share", "of_a_whole"};

Json json_of(const FigureSet& set) {
  Json values = Json::array(), grains = Json::array();
  for (const RunFigure& run : set.runs) {
    values.push_back(run.value);
    grains.push_back(run.grain);
  }
  return {{"phase", set.phase},
          {"name", set.name},
          {"unit", set.unit},
          {"higher_is_better", set.higher_is_better},
          {"judged", set.judged},
          {"primary", set.primary},
          {"scale", kScales[static_cast<std::size_t>(set.scale)]},
          {"whole", set.whole},
          {"missing", set.missing},
          {"unserved", set.unserved},
          {"values", std::move(values)},
          {"grains", std::move(grains)}};
}

Json json_of(const CaseFigures& figures) {
  return {{"seeds", figures.seeds},
          {"without_chance", figures.without_chance},
          {"problem", figures.problem},
          {"figures", list_of(figures.figures, json_of)}};
}

Json json_of(const SweepPoint& point) {
  return {{"values", point.values},
          {"numbers", point.numbers},
          {"state", name_of(point.state)},
          {"failure", point.failure},
          {"valid", point.valid},
          {"failed_checks", point.failed_checks},
          {"refined", point.refined},
          {"shortened", point.shortened},
          {"load_changes", point.load_changes},
          {"runs", point.runs},
          {"requests", point.requests},
          {"capacity_tokens_per_s", or_null(point.capacity_tokens_per_s)},
          {"accelerators", or_null(point.accelerators)},
          {"prompt_tokens", or_null(point.prompt_tokens)},
          {"output_tokens", or_null(point.output_tokens)},
          {"fleet", json_of(point.fleet)},
          {"figures", list_of(point.figures, one_estimate)},
          {"by_run", json_of(point.by_run)}};
}

Json json_of(const FindTry& tried) {
  return {{"holds", tried.holds},
          {"known", tried.known},
          {"sure", tried.sure},
          {"point", json_of(tried.point)}};
}

Json json_of(const SweepFind& find) {
  return {{"name", find.name},
          {"axis", json_of(find.axis)},
          {"wanted", find.most ? "most" : "least"},
          {"low", find.low},
          {"high", find.high},
          {"objectives", find.objectives},
          {"outcome", name_of(find.outcome)},
          {"value", find.value},
          {"number", or_null(find.number)},
          {"interval_95", json_of(find.interval)},
          {"against_order", find.against_order},
          {"unknown_figures", find.unknown_figures},
          {"sentence", sentence_of(find)},
          {"tries", list_of(find.tries, json_of)}};
}

Json json_of(const std::optional<Knee>& knee) {
  if (!knee) return nullptr;
  return {{"at", knee->at},
          {"from", knee->from},
          {"to", knee->to},
          {"rise_before", knee->rise_before},
          {"rise_after", knee->rise_after},
          {"of", knee->what},
          {"without_last", or_null(knee->without_last)}};
}

Json scenario_of(const SweepReport& report) {
  Json scenario = Json::parse(report.scenario_json, nullptr, false);
  return scenario.is_object() ? scenario : Json(nullptr);
}

// ----------------------------------------------------------------------------------------- read

std::vector<std::string> words_of(const Field& field) {
  std::vector<std::string> words;
  for (const Field& item : field.items(kMostSweepWords)) words.push_back(item.text());
  return words;
}

SweepAxis axis_of(const Field& field) {
  return {field["key"].text(), field["unit"].text(), field["numeric"].flag()};
}

std::optional<Interval> interval_of(const Field& field) {
  if (field.is_null()) return std::nullopt;
  return Interval{field["low"].number(), field["high"].number()};
}

Estimate estimate_of(const Field& field) {
  return {field["value"].optional(&Field::number), interval_of(field["interval_95"]),
          field["basis"].text(), field["reason"].text()};
}

PointFleet point_fleet_of(const Field& field) {
  PointFleet fleet;
  fleet.profile = field["profile"].text();
  fleet.accelerator = field["accelerator"].text();
  fleet.accelerators_per_replica =
      static_cast<std::int64_t>(field["accelerators_per_replica"].count());
  fleet.bytes_per_parameter = field["bytes_per_parameter"].amount_of_units();
  fleet.replicas = static_cast<std::int64_t>(field["replicas"].count());
  return fleet;
}

/// With a value per run.
FigureSet figure_set_of(const Field& field, const std::vector<std::uint64_t>& seeds) {
  FigureSet set;
  set.phase = field["phase"].text();
  set.name = field["name"].text();
  set.unit = field["unit"].text();
  set.higher_is_better = field["higher_is_better"].flag();
  set.judged = field["judged"].flag();
  set.primary = field["primary"].flag();
  const auto scale = std::find(kScales.begin(), kScales.end(), field["scale"].text());
  if (scale == kScales.end()) field["scale"].fail(R"(must be "ratio", "share" or "of_a_whole")");
  set.scale = static_cast<FigureScale>(scale - kScales.begin());
  set.whole = field["whole"].number();
  set.missing = field["missing"].text();
  set.unserved = field["unserved"].flag();
  for (const Field& item : field["values"].items(kMostSweepWords)) {
    set.runs.push_back({0, item.number(), 0});
  }
  const std::vector<Field> grains = field["grains"].items(kMostSweepWords);
  const bool all_runs = set.runs.empty() || set.runs.size() == seeds.size();
  if (!all_runs || grains.size() != set.runs.size()) field["values"].fail("must have one per run");
  for (std::size_t i = 0; i < set.runs.size(); ++i) {
    set.runs[i].seed = seeds[i];
    set.runs[i].grain = grains[i].number();
  }
  return set;
}

CaseFigures by_run_of(const Field& field) {
  CaseFigures figures;
  for (const Field& item : field["seeds"].items(kMostSweepWords)) {
    figures.seeds.push_back(item.unsigned_integer());
  }
  figures.runs = figures.seeds.size();
  figures.without_chance = field["without_chance"].flag();
  figures.problem = field["problem"].text();
  for (const Field& item : field["figures"].items(kMostSweepWords)) {
    figures.figures.push_back(figure_set_of(item, figures.seeds));
  }
  return figures;
}

/// With a value per axis and a figure per path.
SweepPoint point_of(const Field& field, std::size_t axes, std::size_t figures) {
  SweepPoint point;
  point.values = words_of(field["values"]);
  for (const Field& item : field["numbers"].items(kMostSweepAxes)) {
    point.numbers.push_back(item.number());
  }
  if (point.values.size() != axes || point.numbers.size() != axes) {
    field["values"].fail("must have a value for each axis");
  }
  const std::optional<PointState> state = point_state(field["state"].text());
  if (!state) {
    field["state"].fail(R"(must be "steady", "saturated", "failed" or "interrupted")");
  }
  point.state = *state;
  point.failure = field["failure"].text();
  point.valid = field["valid"].flag();
  point.failed_checks = words_of(field["failed_checks"]);
  point.refined = field["refined"].flag();
  point.runs = field["runs"].count();
  point.requests = field["requests"].count();
  point.capacity_tokens_per_s = field["capacity_tokens_per_s"].optional(&Field::amount_of_units);
  point.accelerators = field["accelerators"].optional(&Field::amount_of_units);
  if (field.has("by_run")) {  // not in sweeps of versions before
    point.shortened = field["shortened"].flag();
    point.prompt_tokens = field["prompt_tokens"].optional(&Field::amount_of_units);
    point.output_tokens = field["output_tokens"].optional(&Field::amount_of_units);
    point.fleet = point_fleet_of(field["fleet"]);
    point.by_run = by_run_of(field["by_run"]);
  }
  if (field.has("load_changes")) point.load_changes = field["load_changes"].flag();
  for (const Field& item : field["figures"].items(kMostSweepWords)) {
    point.figures.push_back(estimate_of(item));
  }
  const bool has_figures = point.state == PointState::steady || !point.figures.empty();
  if (has_figures && point.figures.size() != figures) {
    field["figures"].fail("must have a figure for each path");
  }
  return point;
}

SweepFind find_of(const Field& field, std::size_t figures) {
  SweepFind find;
  find.name = field["name"].text();
  find.axis = axis_of(field["axis"]);
  const std::string wanted = field["wanted"].text();
  if (wanted != "most" && wanted != "least") {
    field["wanted"].fail(R"(must be "most" or "least")");
  }
  find.most = wanted == "most";
  find.low = field["low"].text();
  find.high = field["high"].text();
  find.objectives = words_of(field["objectives"]);
  const std::optional<FindOutcome> outcome = find_outcome(field["outcome"].text());
  if (!outcome) {
    field["outcome"].fail(
        R"(must be "found", "all hold", "none holds", "interrupted" or "not known")");
  }
  find.outcome = *outcome;
  find.value = field["value"].text();
  find.number = field["number"].optional(&Field::number);
  find.interval = interval_of(field["interval_95"]);
  find.against_order = words_of(field["against_order"]);
  if (field.has("unknown_figures")) find.unknown_figures = words_of(field["unknown_figures"]);
  for (const Field& item : field["tries"].items(kMostSweepPoints)) {
    find.tries.push_back({point_of(item["point"], 1, figures), item["holds"].flag(),
                          item["sure"].flag(), !item.has("known") || item["known"].flag()});
  }
  return find;
}

void require_sweep(const Field& document) {
  if (!document.has("schema")) document.fail("is no sweep of tokenlift: it has no \"schema\"");
  const std::string schema = document["schema"].text();
  if (schema == kSweepSchema) return;
  document["schema"].fail(
      fmt::format(R"(is "{}"; this version of tokenlift reads "{}")", schema, kSweepSchema));
}

}  // namespace

std::string to_json(const SweepReport& report) {
  return document({{"schema", kSweepSchema},
                   {"scenario", report.scenario},
                   {"description", report.description},
                   {"command", report.command},
                   {"tokenlift_version", report.tokenlift_version},
                   {"started_at", report.started_at},
                   {"engine", report.engine},
                   {"seed", report.seed},
                   {"repetitions", report.repetitions},
                   {"phase", report.phase},
                   {"settings_digest", report.settings_digest},
                   {"first_scenario", scenario_of(report)},
                   {"status", sweep_status(report)},
                   {"sentences", sweep_sentences(report)},
                   {"remarks", report.remarks},
                   {"changing_load", report.changing_load},
                   {"interrupted", report.interrupted},
                   {"requests", report.requests},
                   {"elapsed_s", report.elapsed_s},
                   {"axes", list_of(report.axes, json_of)},
                   {"figures", report.figures},
                   {"objectives", report.objectives},
                   {"knee", json_of(knee_of(report))},
                   {"points", list_of(report.points, json_of)},
                   {"finds", list_of(report.finds, json_of)}});
}

SweepReport read_sweep(std::string_view text, const std::string& source) {
  const Json json = parse_bounded(text, source);
  const Field document(json, "", source);
  require_sweep(document);
  SweepReport report;
  report.scenario = document["scenario"].text();
  report.description = document["description"].text();
  report.command = words_of(document["command"]);
  report.tokenlift_version = document["tokenlift_version"].text();
  report.started_at = document["started_at"].text();
  report.engine = document["engine"].text();
  report.seed = document["seed"].unsigned_integer();
  report.repetitions = document["repetitions"].count();
  report.phase = document["phase"].text();
  report.settings_digest = document["settings_digest"].text();
  if (document.has("first_scenario") && !document["first_scenario"].is_null()) {
    report.scenario_json = document["first_scenario"].json().dump();
  }
  report.remarks = words_of(document["remarks"]);
  if (document.has("changing_load")) report.changing_load = words_of(document["changing_load"]);
  report.interrupted = document["interrupted"].flag();
  report.requests = document["requests"].count();
  report.elapsed_s = document["elapsed_s"].amount_of_units();
  for (const Field& item : document["axes"].items(kMostSweepAxes)) {
    report.axes.push_back(axis_of(item));
  }
  report.figures = words_of(document["figures"]);
  report.objectives = words_of(document["objectives"]);
  for (const Field& item : document["points"].items(kMostSweepPoints)) {
    report.points.push_back(point_of(item, report.axes.size(), report.figures.size()));
  }
  for (const Field& item : document["finds"].items(kMostSweepWords)) {
    report.finds.push_back(find_of(item, report.figures.size()));
  }
  return report;
}

}  // namespace tokenlift
