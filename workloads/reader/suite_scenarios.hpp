#pragma once
// The scenarios of a suite: each is looked up once and read for every case, and what is wrong with
// one as a case sets it is noted where the suite sets it. For the reader of suites alone.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "workloads/reader/scenario_reader.hpp"
#include "workloads/reader/suite_matrix.hpp"
#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/document.hpp"

namespace tokenlift {

class SuiteScenarios {
 public:
  /// As parse_suite(). `document` is the suite's.
  SuiteScenarios(Document& document, std::string folder, const std::vector<std::string>& overrides,
                 const std::vector<Profile>& profiles);

  /// The file in the suite's folder or the built-in scenario. Null, and a mistake at `place`, if
  /// there is none. It lives as long as this.
  const ScenarioSource* find(const std::string& reference, const Place& place);

  /// The scenario with what a case sets (later ones count), then with the overrides. Nothing, and
  /// mistakes, where that is none. `case_place` is the place of what is wrong with the case as a
  /// whole.
  std::optional<Scenario> read(const ScenarioSource& source,
                               const std::vector<const Setting*>& settings,
                               const Place& case_place);

  /// What is wrong with that scenario once these words come last of all.
  std::vector<Mistake> mistakes_with(const ScenarioSource& source,
                                     const std::vector<const Setting*>& settings,
                                     const std::vector<std::string>& words) const;

 private:
  using Identity = std::tuple<std::string, int, int, std::string>;  // of a mistake

  std::optional<ScenarioSource> load(const std::string& reference, const Place& place);
  Scenario parse(const ScenarioSource& source, const std::vector<const Setting*>& settings,
                 const std::vector<std::string>& last_words = {}) const;
  std::set<Identity> mistakes_of(const ScenarioSource& source,
                                 const std::vector<const Setting*>& settings) const;
  void note(const ScenarioSource& source, const std::vector<const Setting*>& settings,
            const Place& case_place, const Mistake& mistake);
  void explain(const ScenarioSource& source, const std::vector<const Setting*>& settings,
               const Place& case_place, const Mistake& mistake);
  /// The same mistake of many cases is said once.
  void add(const Place& place, const std::string& message, const std::string& advice);

  Document& document_;
  std::string folder_;
  const std::vector<std::string>& overrides_;
  const std::vector<Profile>& profiles_;
  std::map<std::string, std::optional<ScenarioSource>> sources_;  // by reference
  std::map<const ScenarioSource*, std::set<Identity>>
      by_itself_;  // what is wrong without the suite
  std::set<Identity> said_;
  /// Values of the suite that are to blame for a mistake in the text of a scenario.
  std::map<Identity, std::set<const Setting*>> blamed_;
};

}  // namespace tokenlift
