#pragma once
// What ranks tell each other when they begin: results of another build would be other results.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench/ranks/mail.hpp"

namespace tokenlift {

struct Greeting {
  std::string version;
  std::string build;  ///< which build it is, in hexadecimal digits; empty: it does not say
  std::string machine;
  std::size_t threads = 1;  ///< that may compute: cores, as far as other ranks leave them
};

/// What this process has to say; of `ranks_here` on this machine it is one.
Greeting greeting_of_process(std::size_t ranks_here);

/// Cores for one of so many ranks on a machine: all that it is bound to, else its share of those
/// that its control group may use (absent: of all).
std::size_t threads_of_rank(std::size_t cores, std::size_t bound_to, std::optional<double> quota,
                            std::size_t ranks_here);

/// All ranks call it at the same time: at rank 0 it returns what each has said, by rank.
std::vector<Greeting> exchange_greetings(RankMail& mail);

/// Which rank is of another build than rank 0, in a sentence; empty: none.
std::string unlike_rank(const std::vector<Greeting>& greetings);

}  // namespace tokenlift
