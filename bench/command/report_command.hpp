#pragma once
// `tokenlift report`: runs that were measured before, read again and laid out.

#include "bench/command/command.hpp"

namespace tokenlift {

Command report_command();

}  // namespace tokenlift
