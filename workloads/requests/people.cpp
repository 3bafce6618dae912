#include "workloads/requests/people.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "workloads/requests/lengths.hpp"

namespace tokenlift {

static_assert(kMostUsers <= std::int64_t{1} << 24);  // see Population::user()

Population::Population(const Scenario& scenario) {
  tenants_.reserve(scenario.tenants.size());
  for (const Tenant& tenant : scenario.tenants) {
    assert(tenant.users >= 1);
    const std::optional<Trace>& trace = tenant.arrivals.trace;
    const std::int64_t most_turns = tenant.sessions ? largest_tokens(tenant.sessions->turns)
                                    : trace         ? trace->summary.most_turns
                                                    : 1;
    tenants_.push_back({Draws(scenario.run.seed, Purpose::user, tenants_.size()),
                        static_cast<std::uint64_t>(tenant.users),
                        static_cast<std::uint64_t>(most_turns), static_cast<std::uint32_t>(count_),
                        tenant.arrivals.process == Process::closed});
    count_ += static_cast<std::size_t>(tenant.users);
  }
  assert(count_ <= static_cast<std::size_t>(kMostUsers));
}

std::int64_t wait_ns(const Wait& wait, const Draws& draws, std::uint64_t n) {
  if (wait.distribution == WaitDistribution::constant) return wait.mean_ns;
  const double time_ns = std::round(static_cast<double>(wait.mean_ns) * draws.exponential(n));
  return static_cast<std::int64_t>(std::min(time_ns, static_cast<double>(kMostWaitNs)));
}

std::int64_t retry_delay_ns(const Retry& retry, const Draws& retry_draws, std::uint64_t number,
                            int attempt, std::optional<std::int64_t> retry_after_ns) {
  assert(retry.policy != RetryPolicy::none && attempt >= 1);
  if (retry.policy == RetryPolicy::fixed) return retry.delay_ns;
  if (retry.policy == RetryPolicy::honour_retry_after && retry_after_ns) return *retry_after_ns;
  const int doublings = std::min(attempt - 1, 62);
  const std::int64_t longest_ns = retry.delay_ns > retry.max_delay_ns >> doublings
                                      ? retry.max_delay_ns
                                      : retry.delay_ns << doublings;
  const double share = retry_draws.uniform(number, static_cast<std::uint64_t>(attempt));
  // A double may round the product up to longest_ns + 1.
  return std::min(static_cast<std::int64_t>(share * (static_cast<double>(longest_ns) + 1)),
                  longest_ns);
}

}  // namespace tokenlift
