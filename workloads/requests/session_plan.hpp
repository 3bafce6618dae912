#pragma once
// The requests of a tenant by their numbers, whoever says when they are due: the turns of its
// sessions, and what closed tenants ask.

#include <cstdint>
#include <limits>
#include <optional>

#include "workloads/requests/arrivals.hpp"
#include "workloads/requests/lengths.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// With T the largest number of turns, turn t (from 0) of session s is request s x T + t. Sessions
/// of open-loop tenants are numbered as they arrive; session k of user u of a closed tenant is
/// number k x users + u. A tenant without sessions has sessions of one turn: T is 1, and nothing
/// bounds its prompts.
///
/// Pure: all draws are keyed by (seed, purpose, tenant, number).
class SessionPlan {
 public:
  /// Not for traces, which bring their own lengths.
  SessionPlan(const Tenant& tenant, std::uint64_t seed, std::uint64_t tenant_index);

  std::uint64_t most_turns() const { return most_turns_; }
  /// Of a session, 1 ... most_turns(); it may end before, at a prompt that is too long.
  std::uint64_t turns(std::uint64_t session) const;
  std::uint64_t session_of(std::uint64_t number) const { return number / most_turns_; }
  std::uint64_t turn_of(std::uint64_t number) const { return number % most_turns_; }
  std::uint64_t first_number(std::uint64_t session) const { return session * most_turns_; }
  /// Whether its session goes on after request `number`, as far as turns go.
  bool has_next(std::uint64_t number) const {
    return turn_of(number) + 1 < turns(session_of(number));
  }

  /// The prompt of request `number`: `context_tokens`, all prompts and answers of the session
  /// before it, and its own draw. Nothing where that exceeds the session's max_context_tokens: it
  /// is not asked, and the session ends there (before it began, if it is the first turn).
  std::optional<std::int64_t> prompt_tokens(std::uint64_t number,
                                            std::int64_t context_tokens) const;
  std::int64_t output_tokens(std::uint64_t number) const {
    return output_.draw(output_draws_, number);
  }
  /// Request `number`, due then; nothing where it is not asked.
  std::optional<Arrival> request(std::uint64_t number, std::int64_t due_ns,
                                 std::int64_t context_tokens = 0) const;

  /// When a user of a closed tenant asks for the first time: what is left of a think time that was
  /// under way when the run began. Of an exponential one that is another draw of it; of a constant
  /// one, uniform within it. So users who all think equally long do not ask at one instant.
  std::int64_t first_due_ns(std::uint64_t user) const;

  /// What its user thinks before asking request `number`: the sessions' think time within a
  /// session, the closed tenant's before a first turn (counted from the end of the user's session
  /// before). 0 before a first turn of an open-loop tenant.
  std::int64_t think_ns(std::uint64_t number) const;

 private:
  std::uint64_t most_turns_ = 1;
  std::int64_t max_context_tokens_ = std::numeric_limits<std::int64_t>::max();
  Wait think_before_session_{WaitDistribution::constant, 0};
  Wait think_before_turn_{WaitDistribution::constant, 0};
  Draws prompt_draws_;
  Draws output_draws_;
  Draws turns_draws_;
  Draws think_draws_;
  LengthSampler prompt_;
  LengthSampler output_;
  LengthSampler turns_;
};

}  // namespace tokenlift
