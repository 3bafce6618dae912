#include "bench/run/returning_users.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "workloads/plan/demand.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

bool has_conversations(const Scenario& scenario) {
  const auto is_trace = [](const Tenant& tenant) { return tenant.arrivals.trace.has_value(); };
  const auto converses = [](const Tenant& tenant) { return tenant.sessions.has_value(); };
  return std::ranges::none_of(scenario.tenants, is_trace) &&
         std::ranges::any_of(scenario.tenants, converses);
}

ReturningUsers::ReturningUsers(const Scenario& scenario, std::size_t places, double returning,
                               std::int64_t kept_ns)
    : places_(places),
      returning_(returning),
      kept_ns_(kept_ns),
      routes_(scenario.run.seed, Purpose::route, 0) {
  const std::vector<double> shares = request_shares(scenario);
  for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) {
    sources_.push_back({SessionPlan(scenario.tenants[i], scenario.run.seed, i), shares[i]});
  }
}

/// What is still there of the conversation that the place is at, of which another turn begins.
std::int64_t ReturningUsers::found_tokens(const Place& place) const {
  const SessionPlan& plan = sources_[place.tenant].plan;
  std::int64_t thought_ns = 0;
  const std::size_t turns = place.context_tokens.size();
  for (std::size_t ago = 1; ago <= turns; ++ago) {
    thought_ns += plan.think_ns(place.number - (ago - 1));
    if (thought_ns > kept_ns_) return 0;
    if (routes_.uniform(requests_, ago) <= returning_) return place.context_tokens[turns - ago];
  }
  return 0;
}

Arrival ReturningUsers::next_turn(Place& place) {
  const SessionPlan& plan = sources_[place.tenant].plan;
  if (!place.context_tokens.empty() && plan.has_next(place.number)) {
    const std::int64_t context_tokens = place.context_tokens.back();
    const std::optional<Arrival> turn = plan.request(place.number + 1, 0, context_tokens);
    if (turn) {
      ++place.number;
      place.prefix.known_tokens = static_cast<std::int32_t>(found_tokens(place));
      if (place.prefix.known_tokens == 0) place.prefix.conversation = new_key();
      return *turn;
    }
  }
  return begin(place);
}

/// A conversation of the tenant that is furthest behind its share.
Arrival ReturningUsers::begin(Place& place) {
  const auto chosen = std::ranges::max_element(sources_, {}, [](const Source& source) {
    return source.share / static_cast<double>(source.sent + 1);
  });
  place.tenant = static_cast<std::size_t>(chosen - sources_.begin());
  place.number = chosen->plan.first_number(chosen->session++);
  place.context_tokens.clear();
  place.prefix.conversation = new_key();
  place.prefix.known_tokens = 0;
  const std::optional<Arrival> turn = chosen->plan.request(place.number, 0);
  assert(turn && "the reader sees to it that a first turn fits");
  return *turn;
}

Work ReturningUsers::next(RequestId id) {
  Place& place = places_[id];
  const Arrival arrival = next_turn(place);
  place.context_tokens.push_back(arrival.prompt_tokens + arrival.output_tokens);
  ++sources_[place.tenant].sent;
  Work work;
  work.id = id;
  work.prompt_tokens = static_cast<std::int32_t>(arrival.prompt_tokens);
  work.output_tokens = static_cast<std::int32_t>(arrival.output_tokens);
  work.number = requests_++;
  work.tenant = static_cast<std::uint32_t>(place.tenant);
  work.prefix = &place.prefix;
  return work;
}

std::int64_t kept_ns(std::int64_t cache_tokens, double tokens_per_s) {
  const double kept = static_cast<double>(cache_tokens) / std::max(tokens_per_s, 1e-9) * 1e9;
  return static_cast<std::int64_t>(std::min(kept, 9e18));
}

}  // namespace tokenlift
