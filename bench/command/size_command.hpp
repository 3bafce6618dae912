#pragma once
// `tokenlift size`: the fewest replicas with which every tenant keeps its objectives.

#include "bench/command/command.hpp"

namespace tokenlift {

Command size_command();

}  // namespace tokenlift
