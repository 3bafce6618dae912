#pragma once
// `tokenlift check`: the scenario as resolved, or every mistake in it.

#include "bench/command/command.hpp"

namespace tokenlift {

Command check_command();

}  // namespace tokenlift
