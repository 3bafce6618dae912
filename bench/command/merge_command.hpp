#pragma once
// `tokenlift merge`.

#include "bench/command/command.hpp"

namespace tokenlift {

Command merge_command();

}  // namespace tokenlift
