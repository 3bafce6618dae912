#include "bench/ranks/clock_offset.hpp"

#include <chrono>

namespace tokenlift {

namespace {

constexpr int kRounds = 1000;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

RankClock offset_between(std::int64_t sent_ns, std::int64_t there_ns, std::int64_t back_ns) {
  // Half of an odd time is rounded up: the bound holds.
  return {there_ns - (sent_ns + (back_ns - sent_ns) / 2), (back_ns - sent_ns + 1) / 2};
}

RankClock measure_clock(RankMail& mail, int rank) {
  mail.post(rank, Tag::clock, "");
  mail.flush();
  RankClock best;
  for (int round = 0; round < kRounds; ++round) {
    const std::int64_t sent_ns = now_ns();
    mail.send_number(rank, round);
    const std::int64_t there_ns = mail.receive_number(rank);
    const RankClock found = offset_between(sent_ns, there_ns, now_ns());
    if (round == 0 || found.error_ns < best.error_ns) best = found;
  }
  return best;
}

void answer_clock(RankMail& mail, int rank) {
  for (int round = 0; round < kRounds; ++round) {
    mail.receive_number(rank);
    mail.send_number(rank, now_ns());
  }
}

}  // namespace tokenlift
