#pragma once
// `tokenlift tune`: which settings of a throttle, or which way to lift it, serve users best.

#include "bench/command/command.hpp"

namespace tokenlift {

Command tune_command();

}  // namespace tokenlift
