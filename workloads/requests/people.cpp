#include "workloads/requests/people.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "workloads/requests/lengths.hpp"

namespace tokenlift {

static_assert(kMostUsers <= std::int64_t{1} << 24);  // see Population::user()

namespace {

/// Doubled with each attempt after the first.
std::int64_t doubled_ns(std::int64_t first_ns, std::int64_t most_ns, int attempt) {
  const int doublings = std::min(attempt - 1, 62);
  return first_ns > most_ns >> doublings ? most_ns : first_ns << doublings;
}

std::optional<std::int64_t> sdk_delay_ns(const SdkRetry& sdk, double share, int attempt,
                                         std::optional<std::int64_t> retry_after_ns) {
  if (retry_after_ns && *retry_after_ns > 0) {
    if (*retry_after_ns <= sdk.heeded_ns) return retry_after_ns;
    if (sdk.gives_up_beyond) return std::nullopt;
  }
  const auto back_off_ns = static_cast<double>(doubled_ns(sdk.first_ns, sdk.most_ns, attempt));
  return static_cast<std::int64_t>(back_off_ns * (1 - sdk.shorter * share));
}

}  // namespace

std::int64_t most_turns(const Tenant& tenant) {
  if (tenant.sessions) return largest_tokens(tenant.sessions->turns);
  const std::optional<Trace>& trace = tenant.arrivals.trace;
  return trace ? trace->summary.most_turns : 1;
}

Population::Population(const Scenario& scenario) {
  tenants_.reserve(scenario.tenants.size());
  for (const Tenant& tenant : scenario.tenants) {
    assert(tenant.users >= 1);
    tenants_.push_back(
        {Draws(scenario.run.seed, Purpose::user, tenants_.size()),
         static_cast<std::uint64_t>(tenant.users), static_cast<std::uint64_t>(most_turns(tenant)),
         static_cast<std::uint32_t>(count_), tenant.arrivals.process == Process::closed});
    count_ += static_cast<std::size_t>(tenant.users);
  }
  assert(count_ <= static_cast<std::size_t>(kMostUsers));
}

std::int64_t wait_ns(const Wait& wait, const Draws& draws, std::uint64_t n) {
  if (wait.distribution == WaitDistribution::constant) return wait.mean_ns;
  const double time_ns = std::round(static_cast<double>(wait.mean_ns) * draws.exponential(n));
  return static_cast<std::int64_t>(std::min(time_ns, static_cast<double>(kMostWaitNs)));
}

std::optional<std::int64_t> retry_delay_ns(const Retry& retry, const Draws& retry_draws,
                                           std::uint64_t number, int attempt,
                                           std::optional<std::int64_t> retry_after_ns) {
  assert(retry.policy != RetryPolicy::none && attempt >= 1);
  if (retry.policy == RetryPolicy::fixed) return retry.delay_ns;
  const double share = retry_draws.uniform(number, static_cast<std::uint64_t>(attempt));
  if (retry.policy == RetryPolicy::sdk_openai) {
    return sdk_delay_ns(kSdkOpenai, share, attempt, retry_after_ns);
  }
  if (retry.policy == RetryPolicy::sdk_anthropic) {
    return sdk_delay_ns(kSdkAnthropic, share, attempt, retry_after_ns);
  }
  if (retry.policy == RetryPolicy::honour_retry_after && retry_after_ns) {
    const double later_ns = static_cast<double>(*retry_after_ns) * retry.jitter * share;
    return *retry_after_ns +
           static_cast<std::int64_t>(std::min(later_ns, static_cast<double>(kMostWaitNs)));
  }
  const std::int64_t longest_ns = doubled_ns(retry.delay_ns, retry.max_delay_ns, attempt);
  // A double may round the product up to longest_ns + 1.
  return std::min(static_cast<std::int64_t>(share * (static_cast<double>(longest_ns) + 1)),
                  longest_ns);
}

}  // namespace tokenlift
