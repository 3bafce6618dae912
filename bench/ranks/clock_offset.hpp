#pragma once
// How far the clock of another rank is from that of rank 0, by messages there and back.

#include <cstdint>

#include "bench/machine/work_pool.hpp"
#include "bench/ranks/mail.hpp"

namespace tokenlift {

/// Of clocks on the wall (system_clock), as rank 0 finds it. The shortest of many times there and
/// back bounds it best: the other clock was read somewhere between the two readings here.
RankClock measure_clock(RankMail& mail, int rank);

/// The other side, once measure_clock() has been announced.
void answer_clock(RankMail& mail, int rank);

/// From the readings of one time there and back; of several the narrowest.
RankClock offset_between(std::int64_t sent_ns, std::int64_t there_ns, std::int64_t back_ns);

}  // namespace tokenlift
