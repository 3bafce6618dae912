#pragma once
// The process that the program is: its words, its streams, its signals.

#include "bench/command/surroundings.hpp"

namespace tokenlift {

/// Once, before anything else: from then on Ctrl-C ends what is measured, and what is written has a
/// place to go to.
Surroundings surroundings_of_process(int argc, char** argv);

}  // namespace tokenlift
