#pragma once
// The command line: words in, exit code out.

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

namespace tokenlift {

/// What the program knows of where it runs; tests bring their own.
struct Surroundings {
  std::vector<std::string> words;  ///< argv, the program's name first
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool no_color = false;                    ///< NO_COLOR is set and not empty
  int out_columns = 100;                    ///< width of the terminal behind `out`
  int err_columns = 100;                    ///< width of the terminal behind `err`
  const std::atomic<bool>* stop = nullptr;  ///< set by Ctrl-C
};

inline constexpr int kDone = 0;
inline constexpr int kGoalMissed = 1;  ///< done, and what was found is not good enough
inline constexpr int kInputWrong = 2;
inline constexpr int kNotValid = 3;
inline constexpr int kMachineFailed = 4;

/// Runs the program. Expected failures are printed and become exit codes.
int run_command_line(const Surroundings& surroundings);

}  // namespace tokenlift
