#pragma once
// `tokenlift sweep`: how figures change along a key, and the largest or smallest value that will
// do.

#include "bench/command/command.hpp"

namespace tokenlift {

Command sweep_command();

}  // namespace tokenlift
