#pragma once
// The side of every other rank: computes what rank 0 hands out, and nothing else.

#include <atomic>
#include <string>
#include <vector>

#include "bench/ranks/mail.hpp"

namespace tokenlift {

/// Returns when rank 0 says that nothing more will come. `words`: of this process, for the records
/// of its runs. `stop`, being set, ends early what is under way.
void help_rank_0(RankMail& mail, const std::vector<std::string>& words,
                 const std::atomic<bool>& stop);

}  // namespace tokenlift
