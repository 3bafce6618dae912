#pragma once
// `tokenlift serve`: a scenario's fleet behind its throttles, as an endpoint.

#include "bench/command/command.hpp"

namespace tokenlift {

Command serve_command();

}  // namespace tokenlift
