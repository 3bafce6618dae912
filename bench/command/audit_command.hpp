#pragma once
// `tokenlift audit`: what a client saw of a server, against what happened there.

#include "bench/command/command.hpp"

namespace tokenlift {

Command audit_command();

}  // namespace tokenlift
