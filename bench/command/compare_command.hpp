#pragma once
// `tokenlift compare`: two sets of runs, or two suites, held against each other.

#include "bench/command/command.hpp"

namespace tokenlift {

Command compare_command();

}  // namespace tokenlift
