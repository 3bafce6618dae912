// parse_suite(): the tables of a suite, then its cases one by one.

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "workloads/plan/plan.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/reader/suite_matrix.hpp"
#include "workloads/reader/suite_scenarios.hpp"
#include "workloads/reader/sweep_reader.hpp"
#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/suite.hpp"
#include "workloads/text/document.hpp"

namespace tokenlift {

namespace {

// What [suite] and [[case]] have in common; a case begins with what the suite says.
struct Terms {
  std::uint64_t repetitions = 3;
  bool control = false;
  Place control_place;
  std::vector<Setting> settings;
  std::vector<Objective> objectives;
};

// A [[case]] before its matrix is multiplied out.
struct CaseTable {
  Place place;
  std::string name;
  Place name_place;
  const ScenarioSource* source = nullptr;  // null: that is a mistake
  Place scenario_place;
  Terms terms;
  std::vector<Dimension> dimensions;
  std::optional<TableReader> sweep;
  std::vector<std::pair<Objective, Place>> sweep_objectives;
};

std::string name_of_file(const std::string& path) {
  return fit_for_names(std::filesystem::path(path).stem().string());
}

class SuiteReader {
 public:
  SuiteReader(Document& document, const std::string& folder,
              const std::vector<std::string>& overrides, const std::vector<Profile>& profiles,
              const FigureMistake& figure_mistake, const SweepFigureMistake& sweep_figure_mistake)
      : document_(document),
        overrides_(overrides),
        figure_mistake_(figure_mistake),
        sweep_figure_mistake_(sweep_figure_mistake),
        scenarios_(document, folder, overrides, profiles) {}

  Suite read(const std::string& source_name);

 private:
  void read_suite(TableReader table);
  void read_case(TableReader table);
  void read_name(TableReader& table, CaseTable& read);
  void read_terms(TableReader& table, Terms& terms);
  void read_objectives(TableReader& table, std::vector<Objective>& objectives);
  void check_keys(const CaseTable& read);
  void check_overrides(const Setting& of_matrix);
  void check_name_length(const CaseTable& read);
  bool check_case_count();
  void read_swept_case(TableReader& table, CaseTable& read);
  void expand(const CaseTable& read);
  std::optional<Sweeping> read_sweep(const CaseTable& read, const Scenario& scenario,
                                     const std::vector<const Setting*>& settings);

  Document& document_;
  const std::vector<std::string>& overrides_;
  const FigureMistake& figure_mistake_;
  const SweepFigureMistake& sweep_figure_mistake_;
  SuiteScenarios scenarios_;
  Suite suite_;
  Terms terms_;
  std::vector<CaseTable> cases_;
  std::map<std::string, Place> names_;  // of cases_
};

void SuiteReader::read_suite(TableReader table) {
  if (table.find("name") != nullptr) suite_.name = table.name_apart_from({});
  assign(suite_.description, table.text("description"));
  read_terms(table, terms_);
  table.finish();
}

void SuiteReader::read_terms(TableReader& table, Terms& terms) {
  if (const auto repetitions = table.whole("repetitions", 1, kMostRepetitions)) {
    terms.repetitions = static_cast<std::uint64_t>(*repetitions);
  }
  if (const std::optional<bool> control = table.flag("control")) {
    terms.control = *control;
    terms.control_place = table.place("control");
  }
  std::vector<Setting> settings = read_settings(table, "set");
  std::ranges::move(settings, std::back_inserter(terms.settings));
  read_objectives(table, terms.objectives);
}

void SuiteReader::read_objectives(TableReader& table, std::vector<Objective>& objectives) {
  for (auto& [objective, place] : table.objectives("objectives")) {
    const std::string problem = figure_mistake_(objective.path, objective.bound);
    if (problem.empty()) {
      objectives.push_back(std::move(objective));
    } else {
      document_.add(place, problem);
    }
  }
}

void SuiteReader::read_case(TableReader table) {
  CaseTable read;
  read.place = table.place();
  read.terms = terms_;
  table.require("scenario", "a built-in one, or a file in the suite's folder");
  read.scenario_place = table.place("scenario");
  if (const std::optional<std::string> reference = table.text("scenario")) {
    read.source = scenarios_.find(*reference, read.scenario_place);
    read.name = name_of_file(*reference);
  }
  read_name(table, read);
  if (table.has("sweep")) {
    read_swept_case(table, read);
  } else {
    read_terms(table, read.terms);
  }
  read.dimensions = read_dimensions(table, read.terms.settings);
  table.finish();
  check_keys(read);
  check_name_length(read);
  cases_.push_back(std::move(read));
}

// What a suite says of its runs is not of a sweep.
void SuiteReader::read_swept_case(TableReader& table, CaseTable& read) {
  read.terms.objectives.clear();
  read.terms.control = false;
  std::vector<Setting> settings = read_settings(table, "set");
  std::ranges::move(settings, std::back_inserter(read.terms.settings));
  if (const auto sweep = table.table("sweep", "sweep")) read.sweep.emplace(*sweep);
  read.sweep_objectives = table.objectives("objectives");
  if (table.find("repetitions") != nullptr) {
    table.mistake("repetitions", "a sweep says itself how often each point is run",
                  "sweep = { repetitions = 5, ... }");
  }
  if (table.find("control") != nullptr) {
    table.mistake("control", "a sweep has no control", "remove it");
  }
}

std::optional<Sweeping> SuiteReader::read_sweep(const CaseTable& read, const Scenario& scenario,
                                                const std::vector<const Setting*>& settings) {
  const Mark mark{document_};
  TriedWords tried([&](const std::vector<std::string>& words) {
    return scenarios_.mistakes_with(*read.source, settings, words);
  });
  TableReader table = *read.sweep;
  Sweeping sweep = SweepReader(document_, scenario, figure_mistake_, tried).read(table);
  if (mark.sound() && sweep.over.empty() && sweep.finds.empty()) {
    document_.add(table.place(), "the sweep changes nothing",
                  "give it over = \"KEY=FROM:TO:N\", or find = \"most KEY=LOW:HIGH\"");
  }
  for (const auto& [objective, place] : read.sweep_objectives) {
    if (!mark.sound() || !sweep_figure_mistake_) break;
    const std::string problem =
        sweep_figure_mistake_(objective.path, sweep.over.size(), sweep.finds.size());
    if (!problem.empty()) document_.add(place, problem);
  }
  return mark.sound() ? std::optional(std::move(sweep)) : std::nullopt;
}

// Base names are apart, and so are the values of a dimension: then all names are.
void SuiteReader::read_name(TableReader& table, CaseTable& read) {
  read.name_place = table.place(table.has("name") ? "name" : "scenario");
  if (table.find("name") != nullptr) read.name = fit_for_names(table.name_apart_from({}));
  if (read.name.empty()) return;  // neither name nor scenario
  const auto [other, is_new] = names_.try_emplace(read.name, read.name_place);
  if (is_new) return;
  document_.add(read.name_place,
                "two cases are called " + in_quotes(read.name) + "; the other one is that of " +
                    line_and_column(other->second),
                "give each its own name = \"...\"");
}

// A key that is set twice would not be what the case's name says.
void SuiteReader::check_keys(const CaseTable& read) {
  std::map<std::string, Place> keys;
  const auto check = [&](const Setting& setting) {
    const auto other = keys.find(setting.key);
    if (other == keys.end()) return;
    document_.add(setting.key_place,
                  "the case sets " + in_quotes(setting.key) + " twice: here and in " +
                      line_and_column(other->second),
                  "leave one of them out");
  };
  for (std::size_t i = terms_.settings.size(); i < read.terms.settings.size(); ++i) {
    const Setting& setting = read.terms.settings[i];
    check(setting);
    keys.emplace(setting.key, setting.key_place);
  }
  for (const Dimension& dimension : read.dimensions) {
    std::map<std::string, Place> its_keys;
    for (const Alternative& alternative : dimension.alternatives) {
      for (const Setting& setting : alternative.settings) {
        if (!its_keys.emplace(setting.key, setting.key_place).second) continue;
        check(setting);
        check_overrides(setting);
      }
    }
    keys.merge(its_keys);
  }
}

void SuiteReader::check_overrides(const Setting& of_matrix) {
  for (const std::string& word : overrides_) {
    if (!word.starts_with(of_matrix.key + "=")) continue;
    document_.add(of_matrix.key_place,
                  override_source(word) +
                      " overrides this key of a matrix, so that its cases "
                      "would all be the same",
                  "leave it out, or take the key out of the matrix");
  }
}

void SuiteReader::check_name_length(const CaseTable& read) {
  std::size_t longest = read.name.size();
  for (const Dimension& dimension : read.dimensions) {
    std::size_t label = 0;
    for (const Alternative& alternative : dimension.alternatives) {
      label = std::max(label, alternative.label.size());
    }
    longest += dimension.label.size() + label + 2;  // '/' and '='
  }
  if (longest <= kLongestCaseName) return;
  document_.add(read.name_place,
                "names of the case's runs have up to " + std::to_string(longest) + " characters",
                std::to_string(kLongestCaseName) +
                    " are the most: shorten its name, or name its values: { name = \"...\", "
                    "set = { ... } }");
}

bool SuiteReader::check_case_count() {
  std::size_t count = 0;
  for (const CaseTable& read : cases_) {
    count += count_combinations(read.dimensions, kMostCases);
    if (count <= kMostCases) continue;
    document_.add(read.place,
                  "with this one the suite has more than " + std::to_string(kMostCases) + " cases",
                  "take values out of a matrix, or make several suites");
    return false;
  }
  return true;
}

void SuiteReader::expand(const CaseTable& read) {
  if (read.source == nullptr) return;
  const std::size_t count = count_combinations(read.dimensions, kMostCases);
  std::vector<const Setting*> common;
  for (const Setting& setting : read.terms.settings) common.push_back(&setting);
  bool control_missing = false;
  std::optional<Sweeping>
      sweep;  // read against the first scenario: others differ in their settings
  for (std::size_t i = 0; i < count; ++i) {
    SuiteCase made;
    made.name = read.name;
    std::vector<const Setting*> settings = common;
    const std::vector<const Alternative*> chosen = combination(read.dimensions, i);
    for (std::size_t d = 0; d < chosen.size(); ++d) {
      for (const Setting& setting : chosen[d]->settings) settings.push_back(&setting);
      made.coordinates.emplace_back(read.dimensions[d].key, chosen[d]->label);
      made.name += "/" + read.dimensions[d].label + "=" + chosen[d]->label;
    }
    std::optional<Scenario> scenario = scenarios_.read(*read.source, settings, read.scenario_place);
    if (!scenario) continue;
    control_missing =
        control_missing || (read.terms.control && !measured_event(*scenario).has_value());
    made.scenario = std::move(*scenario);
    made.repetitions = read.terms.repetitions;
    made.control = read.terms.control;
    made.objectives = read.terms.objectives;
    if (read.sweep) {
      if (!sweep) sweep = read_sweep(read, made.scenario, settings);
      if (!sweep) return;
      made.sweep = sweep;
      made.repetitions = sweep->repetitions.value_or(kUsualSweepRepetitions);
      for (const auto& [objective, place] : read.sweep_objectives) {
        made.objectives.push_back(objective);
      }
    }
    suite_.cases.push_back(std::move(made));
  }
  if (!control_missing) return;
  document_.add(
      read.terms.control_place,
      "a control is the same run without its event, and " + in_quotes(read.name) + " has none",
      "control = false for this case, or add an [[event]] to its scenario");
}

Suite SuiteReader::read(const std::string& source_name) {
  TableReader root(document_, document_.root(), "the suite");
  suite_.name = name_of_file(source_name);
  if (auto suite = root.table("suite", "[suite]")) read_suite(std::move(*suite));
  std::vector<TableReader> tables = root.tables("case", "[[case]]", kMostCases);
  if (tables.empty() && (!root.has("case") || root.find("case")->is_array())) {
    root.mistake("case", "the suite has no case", "add a [[case]] with a scenario");
  }
  for (TableReader& table : tables) read_case(std::move(table));
  for (const char* key : {"name", "description", "repetitions", "control", "set", "objectives"}) {
    if (!root.has(key)) continue;  // find() would make it one that may be here
    root.find(key);
    document_.add(root.key_place(key), in_quotes(key) + " belongs to [suite]",
                  "put it under [suite]");
  }
  root.finish();
  if (check_case_count()) {
    for (const CaseTable& read : cases_) expand(read);
  }
  document_.throw_mistakes();
  return std::move(suite_);
}

}  // namespace

Suite parse_suite(std::string_view text, const std::string& source_name, const std::string& folder,
                  const std::vector<std::string>& overrides, const std::vector<Profile>& profiles,
                  const FigureMistake& figure_mistake,
                  const SweepFigureMistake& sweep_figure_mistake) {
  Document document(text, source_name, {});
  return SuiteReader(document, folder, overrides, profiles, figure_mistake, sweep_figure_mistake)
      .read(source_name);
}

}  // namespace tokenlift
