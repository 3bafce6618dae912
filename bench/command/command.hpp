#pragma once
// A command as a value: its name, its options as rows, and what it does. How words become options
// is of `command_line`, the one file that includes CLI11.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bench/command/surroundings.hpp"

namespace tokenlift {

/// What an option takes, and where it goes.
struct Value {
  std::string type;  ///< as --help shows it: "FOLDER"
  /// Stores a word. Returns what is wrong with it; empty if nothing is.
  std::function<std::string(const std::string& word)> take;
  bool several = false;  ///< it may be repeated
  bool flag = false;     ///< it takes no word
};

/// An option of a command: a row.
struct Option {
  std::string name;  ///< "--seed"; without dashes it is a word by its place, "SCENARIO"
  Value value;
  std::string help;
  std::vector<std::string> needs = {};     ///< options without which it is a mistake
  std::vector<std::string> excludes = {};  ///< options with which it is a mistake
  bool omissible = false;                  ///< of a word by its place; what has dashes always is
};

/// Whether it is known by its place, and not by its name.
bool is_by_place(const Option& option);

struct Command {
  std::string name;
  std::string help;                  ///< one line
  std::vector<Option> options = {};  ///< as --help lists them
  std::string footer = {};           ///< below the options in --help; empty: kExitCodes
  bool hidden = false;               ///< not in --help: for scripts
  /// Takes a word that none of the options takes, as Value::take does; empty: any is a mistake.
  std::function<std::string(const std::string& word)> take_other = {};
  /// Does it, after all options have been taken; returns the exit code. Throws UsageError,
  /// ScenarioError, RunFileError, NotMeasurable, MachineError.
  std::function<int(const Surroundings& surroundings)> run = {};
};

// What an option may take. The target is set when the option is given, and stays in use until then.

/// Any text.
Value text(std::string& target, std::string type = "TEXT");
Value texts(std::vector<std::string>& target, std::string type);

/// The name of what is to be written.
Value name(std::string& target, std::string type);

/// Some of these words, separated by commas; "all" for all. A word that is none of them is no
/// `what` ("column").
Value some_of(std::vector<std::string>& target, std::vector<std::string> words, std::string what);

/// Whether the option is given.
Value flag(bool& target);

/// One of these words.
Value one_of(std::string& target, std::vector<std::string> words);
Value one_of(std::optional<std::string>& target, std::vector<std::string> words);

inline constexpr std::int64_t kAnyWhole = std::numeric_limits<std::int64_t>::max();

/// A whole number from `least` to `most`; kAnyWhole: to 2^63 - 1.
Value whole(std::uint64_t& target, std::int64_t least, std::int64_t most);
Value whole(std::optional<std::uint64_t>& target, std::int64_t least, std::int64_t most);
Value whole(std::optional<std::int64_t>& target, std::int64_t least, std::int64_t most);

/// A number of requests from 1 to 2^53: "5000000", "5M" or "500k".
Value requests(std::optional<std::int64_t>& target);

/// A length of time, of more than 0 ns.
Value duration(std::optional<std::int64_t>& target_ns);

/// --format of commands that write their results into a folder, too: text, markdown, html or json.
Option stdout_format_option(std::string& format);

}  // namespace tokenlift
