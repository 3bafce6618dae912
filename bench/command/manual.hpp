#pragma once
// Manual pages in man(7), made from what --help and the reference are made of.

#include <string>
#include <vector>

#include "bench/command/command.hpp"

namespace tokenlift {

/// tokenlift(1), of the commands.
std::string program_manual(const std::vector<Command>& commands);

/// tokenlift-scenario(5), of the keys of the scenario language.
std::string language_manual();

/// `tokenlift manual PAGE`, for packagers.
Command manual_command(std::vector<Command> (*all)());

}  // namespace tokenlift
