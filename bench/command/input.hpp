#pragma once
// What the words of the command line stand for: scenarios, profile files, folders for results.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/command/command.hpp"
#include "bench/machine/output_folder.hpp"
#include "reports/record/bounds.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A scenario as it is named on the command line, and what is changed of it there.
struct ScenarioChoice {
  std::string reference;  ///< a file, or a built-in name
  std::optional<std::string> engine;
  std::optional<std::int64_t> seed;
  std::vector<std::string> overrides;
  std::vector<std::string> profile_files;
  std::optional<std::int64_t> find_capacity_ns = {};  ///< that is looked for so long (engine http)
};

/// Adds the rows of a scenario, and of what may be changed of it but for the engine.
void add_scenario_options(Command& command, ScenarioChoice& choice);

/// The row of its engine.
/// `is_offered`: which engines; null: all.
Option engine_option(ScenarioChoice& choice, bool (*is_offered)(const EngineTraits&) = nullptr);

/// The row of files with profiles.
Option profiles_option(std::vector<std::string>& files, std::string help);

/// All of a file, of so many bytes at most: a run.json or another result, unless something else is
/// said. Throws UsageError.
std::string read_file(const std::filesystem::path& path, std::size_t most_bytes = kMostTextBytes);

/// The profiles in the files given with --profiles; of two with one name the later one. Throws
/// UsageError, ScenarioError.
std::vector<Profile> load_profiles(const std::vector<std::string>& files);

/// The text of the scenario named on the command line: a file's, that of a run.json to be repeated,
/// or a built-in one's. Throws UsageError, RunFileError.
ScenarioSource find_scenario(const std::string& reference);

/// The words for --set that the choice stands for: its overrides, its engine and its seed.
std::vector<std::string> overrides_of(const ScenarioChoice& choice);

/// The scenario that was chosen. `profiles` go before the scenario's own and the built-in ones.
/// Throws UsageError, ScenarioError, RunFileError.
Scenario load_scenario(const ScenarioChoice& choice, const std::vector<Profile>& profiles);

/// --out names a file. Throws UsageError where it is a folder, or ends as one.
void require_no_folder(const std::filesystem::path& out);

/// Whether two names stand for one file, which need not be there.
bool is_same_file(const std::filesystem::path& one, const std::filesystem::path& other);

/// What `option` names is not written over an input. Inputs that are no files (a pipe, a name that
/// is built in) are none. Throws UsageError.
void require_no_input(std::string_view option, const std::filesystem::path& out,
                      const std::vector<std::filesystem::path>& inputs);

/// The files that a scenario and its choice are read from.
std::vector<std::filesystem::path> inputs_of(const ScenarioChoice& choice,
                                             const Scenario& scenario);

/// A new folder for the results of now: tokenlift-results/NAME-TIME.
std::string default_folder(const std::string& name);

/// The folder `out`, or where that is empty a new one by default_folder(name), claimed for this
/// process. Throws UsageError where another one has claimed it; MachineError.
OutputFolder claim_folder(const std::string& out, const std::string& name);

/// A folder that a command begins, and goes on with by --resume.
struct ResultsFolder {
  std::string out;     ///< empty: a new one, by `name`
  std::string resume;  ///< empty: one is begun
  std::string name;    ///< as for default_folder()
  const char* marker;  ///< the file by which it is known that one was begun there
  const char* what;    ///< "suite"
  const char* holds;   ///< "the results of a suite"
};

/// The folder to write into, claimed: two in one could not be told apart. Throws UsageError where
/// one was begun in `out`, or none in `resume`, or another process is at work there; MachineError.
OutputFolder open_results(const ResultsFolder& results);

}  // namespace tokenlift
