#pragma once
// A suite: cases, each a scenario with some of its keys set, how often it is run, and what it has
// to achieve. ../suites/README.md shows the language (TOML); nothing here runs.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/scenario/objective.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

inline constexpr std::size_t kMostCases = 10'000;
inline constexpr std::size_t kLongestCaseName = 200;  ///< bytes

struct SuiteCase {
  /// BASE, or BASE/KEY=VALUE/... where the case has a matrix: letters (a-z), digits and "_-.=",
  /// and '/' between the parts. Fit for a benchmark's name and for a folder (one in another); no
  /// case's name is another one's, nor the folder that another one is in.
  std::string name;
  /// Its place in the matrix, in the order of the name: (key as in the file, value as in the name).
  std::vector<std::pair<std::string, std::string>> coordinates;
  Scenario scenario;
  std::uint64_t repetitions = 3;
  bool control = false;  ///< also without the event that divides the run; there is one
  std::vector<Objective> objectives;
  /// It is no set of runs, but a sweep of the scenario: objectives are of its knee and of what it
  /// finds, and `repetitions` those of each point.
  std::optional<Sweeping> sweep;
};

struct Suite {
  std::string name;
  std::string description;
  std::vector<SuiteCase> cases;  ///< one at least; in the order of the file, the last key fastest
};

/// Reads a suite. `source_name` is what mistakes call it; `folder` is where scenario files are
/// looked for (empty: built-in scenarios only); `overrides` (as of parse_scenario()) are applied to
/// every case's scenario, after what the suite sets; `profiles` are those of the command line.
/// `figure_mistake` says what is wrong with an objective, `sweep_figure_mistake` with one of a
/// sweep. Throws ScenarioError with everything that is wrong. A scenario that is wrong by itself
/// has its mistakes at their places in its file; one that is so as the suite sets it, at the value
/// in the suite that makes it so.
Suite parse_suite(std::string_view text, const std::string& source_name, const std::string& folder,
                  const std::vector<std::string>& overrides, const std::vector<Profile>& profiles,
                  const FigureMistake& figure_mistake,
                  const SweepFigureMistake& sweep_figure_mistake = {});

}  // namespace tokenlift
