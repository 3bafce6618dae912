#pragma once
// The command line: words in, exit code out.

#include "bench/command/surroundings.hpp"

namespace tokenlift {

/// Runs the program. Expected failures are printed and become exit codes.
int run_command_line(const Surroundings& surroundings);

}  // namespace tokenlift
