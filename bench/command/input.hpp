#pragma once
// What the words of the command line stand for: options, scenarios, profile files; and the ways
// out.

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/command/command_line.hpp"
#include "bench/machine/output_folder.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Options of all commands; each command has some of them.
struct Options {
  std::string scenario;
  std::optional<std::string> engine;
  std::optional<std::string> seed;
  std::uint64_t repetitions = 1;
  std::vector<std::string> overrides;
  std::vector<std::string> profile_files;
  std::optional<std::size_t> threads;
  std::string out;
  std::string records;   ///< file for one line per request; empty: none
  bool control = false;  ///< each run also with its measured event taken out
  bool quiet = false;
};

/// Wrong input that has no place in a scenario.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// All of a file. Throws UsageError.
std::string read_file(const std::filesystem::path& path);

/// The profiles in the files given with --profiles; of two with one name the later one. Throws
/// UsageError, ScenarioError.
std::vector<Profile> load_profiles(const std::vector<std::string>& files);

/// The text of the scenario named on the command line: a file's, that of a run.json to be repeated,
/// or a built-in one's. Throws UsageError, RunFileError.
ScenarioSource find_scenario(const std::string& reference);

/// The words for --set that `options` stand for: its overrides, its engine and its seed.
std::vector<std::string> overrides_of(const Options& options);

/// The scenario named on the command line, with `options`' engine, seed and overrides. `profiles`
/// go before the scenario's own and the built-in ones. Throws UsageError, ScenarioError,
/// RunFileError.
Scenario load_scenario(const Options& options, const std::vector<Profile>& profiles);

/// --out names a file. Throws UsageError where it is a folder, or ends as one.
void require_no_folder(const std::filesystem::path& out);

/// A new folder for the results of now: tokenlift-results/NAME-TIME.
std::string default_folder(const std::string& name);

/// A folder that a command begins, and goes on with by --resume.
struct ResultsFolder {
  std::string out;     ///< empty: a new one, by `name`
  std::string resume;  ///< empty: one is begun
  std::string name;    ///< as for default_folder()
  const char* marker;  ///< the file by which it is known that one was begun there
  const char* what;    ///< "suite"
  const char* holds;   ///< "the results of a suite"
};

/// The folder to write into: two in one could not be told apart. Throws UsageError where one was
/// begun in `out`, or none in `resume`; MachineError.
OutputFolder open_results(const ResultsFolder& results);

/// "did you mean 'X'?" or what else to do.
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates,
                       const std::string& otherwise);

/// To stderr, made visible(). Whether that can be written makes no difference to a run.
void complain(const Surroundings& surroundings, const std::string& text);

/// The same, unless the user wants quiet.
template <typename... Args>
void say(const Surroundings& surroundings, bool quiet, fmt::format_string<Args...> format,
         Args&&... args) {
  if (!quiet) complain(surroundings, fmt::format(format, std::forward<Args>(args)...));
}

/// Prints to stdout and makes sure that it arrived. A reader that has gone (`| head`) is no
/// failure. Throws MachineError.
void print_result(const Surroundings& surroundings, const std::string& text);

}  // namespace tokenlift
