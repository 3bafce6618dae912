#pragma once
// What shells need to know to complete the words of `tokenlift`, made from its commands.

#include <string>
#include <vector>

#include "bench/command/command.hpp"

namespace tokenlift {

/// A script for "bash", "zsh" or "fish".
std::string completion_script(const std::vector<Command>& commands, const std::string& shell);

/// `tokenlift completion SHELL`, of the commands that `all` makes.
Command completion_command(std::vector<Command> (*all)());

/// `tokenlift keys -- WORD...`, which those scripts call for what --set takes: of the first word
/// that names a scenario, a key a line and, behind a tabulator, what it is.
Command keys_command();

}  // namespace tokenlift
