#pragma once
// Several processes play one scenario, each a share of its requests: rank r of n takes what falls
// to it, and the shares together are the requests of one process that plays all of them.

#include <cstdint>
#include <vector>

#include "workloads/requests/people.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// One of `count` processes.
struct Share {
  int rank = 0;  ///< from 0
  int count = 1;
  bool is_whole() const { return count == 1; }
  bool holds(std::uint64_t number) const {
    return number % static_cast<std::uint64_t>(count) == static_cast<std::uint64_t>(rank);
  }
  bool operator==(const Share&) const = default;
};
inline constexpr int kMostRanks = 1000;

/// Whether a tenant's requests are dealt by user: closed tenants, since what a user asks follows
/// from the answers; and those whose users have a throttle each. All others are dealt by session
/// (without sessions each request is one; of a trace, by the rows that are kept).
bool is_dealt_by_user(const Scenario& scenario, const Tenant& tenant);

/// Which requests fall to a share.
class Dealing {
 public:
  Dealing(const Scenario& scenario, Share share);

  /// Request `number` of a tenant, with all turns of its session.
  bool holds(std::uint32_t tenant, std::uint64_t number) const {
    if (share_.is_whole()) return true;
    const Dealt& dealt = tenants_[tenant];
    return share_.holds(dealt.by_user ? population_.user(tenant, number)
                                      : number / dealt.most_turns);
  }

 private:
  struct Dealt {
    bool by_user;
    std::uint64_t most_turns;  // of a session
  };
  Share share_;
  Population population_;
  std::vector<Dealt> tenants_;
};

}  // namespace tokenlift
