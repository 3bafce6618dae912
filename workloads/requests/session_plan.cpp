#include "workloads/requests/session_plan.hpp"

#include <cassert>

#include "workloads/requests/people.hpp"

namespace tokenlift {

SessionPlan::SessionPlan(const Tenant& tenant, std::uint64_t seed, std::uint64_t tenant_index)
    : prompt_draws_(seed, Purpose::prompt_tokens, tenant_index),
      output_draws_(seed, Purpose::output_tokens, tenant_index),
      turns_draws_(seed, Purpose::turns, tenant_index),
      think_draws_(seed, Purpose::think, tenant_index),
      prompt_(tenant.prompt_tokens),
      output_(tenant.output_tokens),
      turns_(tenant.sessions ? tenant.sessions->turns : Lengths{.mean = 1}) {
  assert(tenant.arrivals.process != Process::trace);
  if (tenant.arrivals.process == Process::closed) {
    assert(tenant.arrivals.think);
    think_before_session_ = *tenant.arrivals.think;
  }
  if (!tenant.sessions) return;
  most_turns_ = static_cast<std::uint64_t>(largest_tokens(tenant.sessions->turns));
  max_context_tokens_ = tenant.sessions->max_context_tokens;
  think_before_turn_ = tenant.sessions->think;
}

std::uint64_t SessionPlan::turns(std::uint64_t session) const {
  return static_cast<std::uint64_t>(turns_.draw(turns_draws_, session));
}

std::optional<std::int64_t> SessionPlan::prompt_tokens(std::uint64_t number,
                                                       std::int64_t context_tokens) const {
  assert(context_tokens >= 0);
  const std::int64_t own_tokens = prompt_.draw(prompt_draws_, number);
  if (own_tokens > max_context_tokens_ - context_tokens) return std::nullopt;
  return context_tokens + own_tokens;
}

std::optional<Arrival> SessionPlan::request(std::uint64_t number, std::int64_t due_ns,
                                            std::int64_t context_tokens) const {
  const std::optional<std::int64_t> prompt = prompt_tokens(number, context_tokens);
  if (!prompt) return std::nullopt;
  return Arrival{due_ns, *prompt, output_tokens(number), number};
}

std::int64_t SessionPlan::first_due_ns(std::uint64_t user) const {
  const std::uint64_t number = first_number(user);
  if (think_before_session_.distribution != WaitDistribution::constant) return think_ns(number);
  return static_cast<std::int64_t>(static_cast<double>(think_before_session_.mean_ns) *
                                   think_draws_.uniform(number));
}

std::int64_t SessionPlan::think_ns(std::uint64_t number) const {
  return wait_ns(turn_of(number) == 0 ? think_before_session_ : think_before_turn_, think_draws_,
                 number);
}

}  // namespace tokenlift
