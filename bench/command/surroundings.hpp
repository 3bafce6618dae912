#pragma once
// What the program knows of where it runs, what it says there, and its exit codes.

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "reports/text/text_table.hpp"

namespace tokenlift {

class Ranks;

/// What the program knows of where it runs.
struct Surroundings {
  std::vector<std::string> words;  ///< argv, the program's name first
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool no_color = false;                    ///< NO_COLOR is set and not empty
  const std::atomic<bool>* stop = nullptr;  ///< set by Ctrl-C; see stop_of()
  /// To be set by who looks at `stop`: until then Ctrl-C kills.
  std::atomic<bool>* looks_at_stop = nullptr;
  /// To be set by who waits for what is in flight when it is stopped: a second Ctrl-C then sets
  /// `cut`, and does not kill.
  std::atomic<bool>* waits_for_answers = nullptr;
  std::atomic<bool>* serves = nullptr;  ///< to be set by who answers, and does not ask
  const std::atomic<bool>* cut = nullptr;
  /// The other processes of a program that runs as several; null: it is one.
  Ranks* ranks = nullptr;
};

/// The flag that Ctrl-C sets, for who looks at it from now on.
const std::atomic<bool>& stop_of(const Surroundings& surroundings);

inline constexpr const char* kPage = "report.html";  ///< in a folder of results

inline constexpr int kDone = 0;
inline constexpr int kGoalMissed = 1;  ///< done, and what was found is not good enough
inline constexpr int kInputWrong = 2;
inline constexpr int kNotValid = 3;
inline constexpr int kMachineFailed = 4;
inline constexpr int kOpen = 5;  ///< done, and it takes more runs to say whether it is good enough

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done; 1 done, and a goal or an objective was missed (calibrate --verify,\n"
    "suite), something got worse (compare), a client says\n"
    "otherwise (audit) or nothing can be recommended (tune); 2 the input is\n"
    "wrong; 3 the measurement is not valid, or was interrupted; 4 the machine failed it (disk\n"
    "full, no permission); 5 a comparison is open. Of several the first of 2, 4, 3, 1, 5.\n"
    "130: killed by a second Ctrl-C, or by the first while the input is still read.";

/// Wrong input that has no place in a scenario.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "did you mean 'X'?" or what else to do.
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates,
                       const std::string& otherwise);

/// How text looks on the program's stdout: as wide as the terminal is now, 100 columns elsewhere.
TextStyle style_of(const Surroundings& surroundings);

/// Each line of a text made visible().
std::string visible_lines(const std::string& text);

/// `text` with words of more than 1000 code points, and then lines of more than 4000, cut: whoever
/// gave a file for a word need not read all of it again.
std::string without_long_words(const std::string& text);

/// To stderr, made visible() and without_long_words(). Whether that can be written makes no
/// difference to a run.
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

/// Throws UsageError where a page in HTML would be written onto a terminal.
void require_no_html_on_terminal(const Surroundings& surroundings, const std::string& format);

/// Prints a report, and where its files are: behind it where it is text, else on stderr, so that
/// stdout is markdown, HTML or JSON and nothing else.
void print_report(const Surroundings& surroundings, const std::string& format,
                  const std::string& report, const std::string& files);

}  // namespace tokenlift
