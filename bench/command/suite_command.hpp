#pragma once
// `tokenlift suite`: many cases, run into one folder, and what became of them.

#include "bench/command/command.hpp"

namespace tokenlift {

Command suite_command();

}  // namespace tokenlift
