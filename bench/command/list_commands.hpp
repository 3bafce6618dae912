#pragma once
// `tokenlift scenarios`, `profiles` and `suites`: what is built in, a line each, or one of it
// whole.

#include "bench/command/command.hpp"

namespace tokenlift {

Command scenarios_command();
Command profiles_command();
Command suites_command();

}  // namespace tokenlift
