#pragma once
// Reads of [[event]] what makes something happen elsewhere: a server is called, or a command run.

#include <optional>
#include <string>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Those of call and command that are there, into the event. `engine` is nothing where it is not
/// known, and `folder` is where relative paths begin.
void read_call_or_command(TableReader& table, std::optional<Engine> engine,
                          const std::string& folder, Event& event);

}  // namespace tokenlift
