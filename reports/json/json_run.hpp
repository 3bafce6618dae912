#pragma once
// run.json: a Run on disk. run.schema.json describes every field; its id is kRunSchema.

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "reports/findings/answer.hpp"
#include "reports/findings/event_words.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

inline constexpr std::string_view kRunSchema = "tokenlift.run/4";
/// Older ones from "tokenlift.run/2" on are read as well; what they did not record is absent.

/// The run and its summary, as UTF-8 text that is a function of the run alone. Bounds
/// are in reports/record/bounds.hpp; counts are exact to 2^53. Invalid UTF-8 in names is replaced.
/// Throws std::invalid_argument where scenario_json is not one JSON object.
std::string to_json(const Run& run);
/// The same text, handed out piece by piece as it is made: of many tenants it is larger than the
/// run.
void write_json(const Run& run, const std::function<void(std::string_view piece)>& sink);

/// Why a text is no run: where, and what is wrong there.
class RunFileError : public std::runtime_error {
 public:
  RunFileError(std::string source, std::string position, std::string reason);
  const std::string& source() const { return source_; }
  /// "line 3, column 14" for what is not JSON, else the value's JSON pointer ("" for the whole).
  const std::string& position() const { return position_; }
  const std::string& reason() const { return reason_; }

 private:
  std::string source_;
  std::string position_;
  std::string reason_;
};

/// The run that to_json() wrote; what is computed from the records (summaries, verdicts) is not
/// read but computed again. `source` is what errors call the text: its file name. Throws
/// RunFileError, also where phases, the lift and the series contradict one another. A hostile text
/// is refused before it can take more than about 2 GB.
Run read_run(std::string_view text, const std::string& source);

/// A value that two scenarios do not share: where it is (a JSON pointer), and what it is in both,
/// as JSON on one line; empty where one has none.
struct ScenarioDifference {
  std::string path;
  std::string one;
  std::string other;
};

/// Where the scenarios of two runs differ, whatever their seeds and whether the measured event was
/// taken out. Throws std::invalid_argument as to_json() does.
std::vector<ScenarioDifference> scenario_differences(const Run& one, const Run& other);

/// The first such place; empty where they are repetitions of one experiment.
std::string scenario_difference(const Run& one, const Run& other);

/// The tenants whose load is so many users, by the scenario of the run. Empty where it does not
/// say.
std::vector<UserGroup> user_groups(const Run& run);

/// The events that changed what a site may draw and do not divide the run, by its scenario, in the
/// order in which they stand there. Empty where it does not say.
std::vector<PowerEvent> further_power_events(const Run& run);

/// The scenario of the run as TOML, a section for each table and a line per key: what repeats the
/// run. Keys without a value (null) are left out. Throws std::invalid_argument as to_json() does.
std::string scenario_toml(const Run& run);

}  // namespace tokenlift
