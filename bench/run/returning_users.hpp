#pragma once
// Requests that keep one replica with a prefix cache busy, as if its users came back to it: what
// its cache saves is part of what it carries.
//
// Each place in flight plays one conversation after the other, a turn as soon as the one before has
// been answered, so that all turns come as often as in the scenario. What a turn finds of what was
// said before is not a matter of that, but of the scenario. Each turn before it was on this replica
// with the same probability: 1 where the router goes by session, and one in the replicas where it
// does not. What was said when the conversation was here last is found if its user has thought no
// longer since then than conversations are kept: until as many tokens as the cache holds have been
// said by others, C / (r K) with r requests/s of K tokens each, prompt and output, on the replica.
//
// How fast the replica serves and how long it keeps what was said depend on each other: who uses
// this goes on until they agree.

#include <cstdint>
#include <vector>

#include "bench/record/request.hpp"
#include "workloads/requests/session_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Whether prompts of the scenario begin alike, as sessions make them. Traces with blocks do, too,
/// but which of their requests meet on a replica is not known before.
bool has_conversations(const Scenario& scenario);

class ReturningUsers {
 public:
  /// Of `places` in flight. `returning`: the probability of a turn to be on this replica.
  ReturningUsers(const Scenario& scenario, std::size_t places, double returning,
                 std::int64_t kept_ns);

  /// The next request at a place. Its prefix is good until the next one there.
  Work next(RequestId id);

 private:
  struct Source {
    SessionPlan plan;
    double share;
    std::uint64_t sent = 0;
    std::uint64_t session = 0;  // the next one that begins
  };
  struct Place {
    std::size_t tenant = 0;
    std::uint64_t number = 0;
    std::vector<std::int64_t> context_tokens;  // after each turn so far
    Prefix prefix;
  };
  Arrival next_turn(Place& place);
  Arrival begin(Place& place);
  std::int64_t found_tokens(const Place& place) const;
  std::uint64_t new_key() { return finalise(++keys_); }

  std::vector<Source> sources_;
  std::vector<Place> places_;
  double returning_;
  std::int64_t kept_ns_;
  Draws routes_;
  std::uint64_t keys_ = 0;
  std::uint64_t requests_ = 0;
};

/// How long a cache keeps what was said, of so many tokens a second.
std::int64_t kept_ns(std::int64_t cache_tokens, double tokens_per_s);

}  // namespace tokenlift
