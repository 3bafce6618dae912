#pragma once
// Who asks, and how long people take: the users of all tenants, the times that they wait and think,
// and when they come back after a rejection.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// Numbers of requests from here on say whose they are: request k of user u is number
/// kNamedUsers + k x users + u, whatever its tenant's arrivals are.
inline constexpr std::uint64_t kNamedUsers = std::uint64_t{1} << 35;

/// Of a tenant's sessions, that requests are numbered by; 1 where it has none.
std::int64_t most_turns(const Tenant& tenant);

/// The users of all tenants, numbered from 0, those of the first tenant first.
class Population {
 public:
  explicit Population(const Scenario& scenario);

  /// Of how many users there may be requests.
  std::size_t count() const { return count_; }

  /// The user who asks request `number` of a tenant. Open-loop tenants: drawn, keyed by the number
  /// of the request, or of the session that it is a turn of. Closed ones: by arithmetic, request
  /// (or session) k of user u is number k x users + u.
  std::uint32_t user(std::uint32_t tenant, std::uint64_t number) const {
    const Users& users = tenants_[tenant];
    if (users.count == 1) return users.first;
    if (number >= kNamedUsers) {
      return users.first + static_cast<std::uint32_t>((number - kNamedUsers) % users.count);
    }
    if (users.most_turns != 1) number /= users.most_turns;
    if (users.closed) return users.first + static_cast<std::uint32_t>(number % users.count);
    // The upper 40 bits as a fraction: with at most 2^24 users the product has 64 bits, and no
    // user's share is more than 2^-16 off.
    return users.first +
           static_cast<std::uint32_t>((users.draws.bits(number) >> 24) * users.count >> 40);
  }

 private:
  struct Users {
    Draws draws;
    std::uint64_t count;
    std::uint64_t most_turns;  // of a session; 1 without sessions
    std::uint32_t first;
    bool closed;
  };
  std::vector<Users> tenants_;
  std::size_t count_ = 0;
};

/// Draw n of such a time: the mean itself, or exponential with this mean and rounded to ns; 0 or
/// more, and at most kMostWaitNs.
std::int64_t wait_ns(const Wait& wait, const Draws& draws, std::uint64_t n);
inline constexpr std::int64_t kMostWaitNs = std::int64_t{1} << 62;

/// What the clients that providers publish do after a 429, whatever the scenario says: they back
/// off for `first_ns` x 2^(attempt - 1), at most `most_ns`, times a draw from [1 - shorter, 1], but
/// wait as long as the server said where that is more than 0 and at most `heeded_ns`.
struct SdkRetry {
  std::int64_t first_ns = 0;
  std::int64_t most_ns = 0;
  double shorter = 0;
  std::int64_t heeded_ns = 0;
  bool gives_up_beyond = false;  ///< where the server says more; else it backs off
};
inline constexpr SdkRetry kSdkOpenai{500'000'000, 8'000'000'000, 0.25, 120'000'000'000, true};
inline constexpr SdkRetry kSdkAnthropic{500'000'000, 8'000'000'000, 0.25, 60'000'000'000, false};

/// How long after the rejection of its attempt `attempt` (from 1) request `number` comes back;
/// nothing if it gives up. Draws are keyed by (number, attempt). `retry_after_ns`: what the
/// throttle said, if it did; honour_retry_after and the SDKs look at it. Not for
/// RetryPolicy::none.
std::optional<std::int64_t> retry_delay_ns(const Retry& retry, const Draws& retry_draws,
                                           std::uint64_t number, int attempt,
                                           std::optional<std::int64_t> retry_after_ns);

}  // namespace tokenlift
