#pragma once
// `tokenlift schema`: the JSON Schemas of what is read and of what is written.

#include "bench/command/command.hpp"

namespace tokenlift {

Command schema_command();

}  // namespace tokenlift
