#include "bench/run/clients.hpp"

#include <algorithm>
#include <cassert>

#include "workloads/text/draw.hpp"

namespace tokenlift {

namespace {

/// More than there are tenants, and never another number: draws are keyed by it.
constexpr std::uint64_t kKeysOfTenants = 65'536;
static_assert(kMostTenants < kKeysOfTenants);

bool is_closed(const Tenant& tenant) {
  return tenant.arrivals.process == Process::closed;
}

/// Instants and times in here are below 2^62, so their sum does not overflow.
std::int64_t after_ns(std::int64_t instant_ns, std::int64_t wait_ns) {
  assert(wait_ns >= 0);
  return instant_ns < kNever - wait_ns ? instant_ns + wait_ns : kNever;
}

}  // namespace

Clients::Clients(const Scenario& resolved, Share share)
    : scenario_(resolved), dealing_(resolved, share) {
  const std::uint64_t seed = resolved.run.seed;
  for (std::uint32_t i = 0; i < resolved.tenants.size(); ++i) {
    const Tenant& tenant = resolved.tenants[i];
    TenantClients clients{.source = std::nullopt,
                          .plan = std::nullopt,
                          .replayed = {},
                          .patience_draws = Draws(seed, Purpose::patience, i),
                          .retry_draws = Draws(seed, Purpose::retry, i)};
    if (!is_closed(tenant)) clients.source.emplace(tenant, seed, i);
    if (is_closed(tenant) || tenant.sessions) clients.plan.emplace(tenant, seed, i);
    clients.replays = tenant.arrivals.trace && tenant.arrivals.trace->summary.most_turns > 1;
    tenants_.push_back(std::move(clients));
  }
}

std::optional<Arrival> Clients::next_arrival(std::uint32_t tenant) {
  TenantClients& clients = tenants_[tenant];
  if (!clients.source) return std::nullopt;
  const RunSettings& run = scenario_.run;
  const auto is_ours = [&](std::uint64_t number) { return dealing_.holds(tenant, number); };
  const std::optional<Arrival> arrival =
      clients.source->next_of(is_ours, run.duration_ns + run.cooldown_max_ns);
  if (arrival && clients.replays && !clients.source->turns().empty()) {
    clients.replayed[arrival->number] = {clients.source->turns(), 0};
  }
  return arrival;
}

const std::vector<std::uint64_t>& Clients::blocks(std::uint32_t tenant) const {
  static const std::vector<std::uint64_t> none;
  const std::optional<ArrivalSource>& source = tenants_[tenant].source;
  return source ? source->blocks() : none;
}

const std::vector<std::uint64_t>& Clients::blocks(std::uint32_t tenant,
                                                  std::uint64_t number) const {
  static const std::vector<std::uint64_t> none;
  const auto found = tenants_[tenant].replayed.find(number);
  if (found == tenants_[tenant].replayed.end()) return none;
  const Replayed& session = found->second;
  return session.next == 0 ? none : session.turns[session.next - 1].block_ids;
}

void Clients::for_each_first(const std::function<void(const PlannedRequest&)>& visit) const {
  for (std::uint32_t tenant = 0; tenant < tenants_.size(); ++tenant) {
    if (!is_closed(scenario_.tenants[tenant])) continue;
    const SessionPlan& plan = *tenants_[tenant].plan;
    const auto users = static_cast<std::uint64_t>(scenario_.tenants[tenant].users);
    for (std::uint64_t user = 0; user < users; ++user) {
      const std::uint64_t number = plan.first_number(user);
      if (!dealing_.holds(tenant, number)) continue;
      const auto first = plan.request(number, plan.first_due_ns(user));
      if (first) visit({*first, tenant, 0});
    }
  }
}

std::uint64_t Clients::conversation(std::uint32_t tenant, std::uint64_t number) const {
  if (!scenario_.tenants[tenant].sessions) return 0;
  // A bijection of where sessions and tenants stand side by side: no two alike, and far from any
  // key of another kind.
  return finalise(tenants_[tenant].plan->session_of(number) * kKeysOfTenants + tenant + 1);
}

Patience Clients::deadline(const Request& request) const {
  const Tenant& tenant = scenario_.tenants[request.tenant];
  Patience patience;
  if (tenant.deadline_ns) patience.until_ns = after_ns(request.due_ns, *tenant.deadline_ns);
  return patience;
}

Patience Clients::patience(const Request& request) const {
  const Tenant& tenant = scenario_.tenants[request.tenant];
  Patience patience = deadline(request);
  if (tenant.patience) {
    const std::int64_t leaves_ns = after_ns(
        request.due_ns,
        wait_ns(*tenant.patience, tenants_[request.tenant].patience_draws, request.number));
    if (leaves_ns < patience.until_ns) patience = {leaves_ns, Verdict::cancelled};
  }
  return patience;
}

std::optional<std::int64_t> Clients::retry_at_ns(std::int64_t now_ns, const Request& request,
                                                 const Decision& decision) {
  const Retry& retry = scenario_.tenants[request.tenant].retry;
  TenantClients& clients = tenants_[request.tenant];
  if (retry.policy == RetryPolicy::none || decision.permanent) return std::nullopt;
  const auto attempts = static_cast<std::int64_t>(request.attempts);
  if (attempts >= retry.attempts) return std::nullopt;
  if (retry.budget &&
      static_cast<double>(clients.retries + 1) >
          *retry.budget * static_cast<double>(clients.first_attempts) + kRetryAllowance) {
    return std::nullopt;
  }
  std::optional<std::int64_t> retry_after_ns;
  // Who was looked at late may come back at once: that instant has passed.
  if (decision.retry_at_ns)
    retry_after_ns = std::max<std::int64_t>(*decision.retry_at_ns - now_ns, 0);
  const std::optional<std::int64_t> delay_ns = retry_delay_ns(
      retry, clients.retry_draws, request.number, static_cast<int>(attempts), retry_after_ns);
  if (!delay_ns) return std::nullopt;
  ++clients.retries;
  return after_ns(now_ns, *delay_ns);
}

bool Clients::may_retry(const Request& request, const Reply& reply) const {
  const RetryPolicy policy = scenario_.tenants[request.tenant].retry.policy;
  if (policy != RetryPolicy::sdk_openai && policy != RetryPolicy::sdk_anthropic) return true;
  const std::int32_t status = reply.status;
  if (status >= 200 && status < 300) return false;
  if (reply.should_retry) return *reply.should_retry;
  // Without a status nothing came.
  return status < 0 || status == 408 || status == 409 || status == 429 || status >= 500;
}

std::optional<PlannedRequest> Clients::planned(std::uint32_t tenant, std::uint64_t number,
                                               std::int64_t reply_ns,
                                               std::int64_t context_tokens) const {
  const SessionPlan& plan = *tenants_[tenant].plan;
  const auto arrival =
      plan.request(number, after_ns(reply_ns, plan.think_ns(number)), context_tokens);
  if (!arrival) return std::nullopt;
  return PlannedRequest{*arrival, tenant, context_tokens};
}

std::optional<PlannedRequest> Clients::next_replayed(const Request& request, bool served,
                                                     std::int64_t reply_ns) {
  const auto tenant = static_cast<std::uint32_t>(request.tenant);
  auto& replayed = tenants_[tenant].replayed;
  auto session = replayed.extract(request.number);
  if (!session || !served || session.mapped().next == session.mapped().turns.size()) {
    return std::nullopt;
  }
  const TraceTurn& turn = session.mapped().turns[session.mapped().next++];
  const Arrival arrival{after_ns(reply_ns, turn.delay_ns), turn.prompt_tokens, turn.output_tokens,
                        request.number + 1};
  session.key() = arrival.number;
  replayed.insert(std::move(session));
  return PlannedRequest{arrival, tenant, 0};
}

std::optional<PlannedRequest> Clients::follow_up(const Request& request, bool served,
                                                 std::int64_t reply_ns) {
  const auto tenant = static_cast<std::uint32_t>(request.tenant);
  if (tenants_[tenant].replays) return next_replayed(request, served, reply_ns);
  if (!tenants_[tenant].plan) return std::nullopt;
  const SessionPlan& plan = *tenants_[tenant].plan;
  if (served && plan.has_next(request.number)) {
    const std::int64_t context_tokens = request.prompt_tokens + request.output_tokens;
    if (auto next = planned(tenant, request.number + 1, reply_ns, context_tokens)) return next;
  }
  if (!is_closed(scenario_.tenants[tenant])) return std::nullopt;
  const auto users = static_cast<std::uint64_t>(scenario_.tenants[tenant].users);
  return planned(tenant, plan.first_number(plan.session_of(request.number) + users), reply_ns, 0);
}

}  // namespace tokenlift
