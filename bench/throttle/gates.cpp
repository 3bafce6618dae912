#include "bench/throttle/gates.hpp"

#include <algorithm>
#include <cassert>

#include "workloads/plan/calendar.hpp"
#include "workloads/plan/demand.hpp"

namespace tokenlift {

namespace {

bool has_state_per_user(const Throttle& throttle) {
  return throttle.scope == Scope::user && !traits_of(throttle.kind).limits_queue;
}

}  // namespace

Gates::Gates(const Scenario& resolved, RequestTable& requests, std::span<ThrottleCounts> counts)
    : requests_(requests),
      population_(resolved),
      tenants_(resolved.tenants.size()),
      counts_(counts) {
  assert(resolved.throttles.size() <= kMostThrottles);
  const LocalClock clock = local_clock(resolved.run);
  for (const Throttle& throttle : resolved.throttles) {
    const std::size_t keys = throttle.scope == Scope::fleet    ? 1
                             : throttle.scope == Scope::tenant ? resolved.tenants.size()
                                                               : population_.count();
    gates_.push_back(
        {throttle, make_limiter(throttle, keys, clock), {{0, kMicro, throttle.charge, 1.0}}});
    states_of_users_ = states_of_users_ || has_state_per_user(throttle);
  }
  for (std::uint32_t t = 0; t < tenants_.size(); ++t) {
    for (std::size_t i = 0; i < gates_.size(); ++i) {
      const auto g = static_cast<std::uint8_t>(i);
      if (!looks_at(gates_[g].settings, resolved.tenants[t])) continue;
      (gates_[g].is_queue_limit() ? tenants_[t].queue_limits : tenants_[t].gates).push_back(g);
      if (gates_[g].settings.scope == Scope::fleet) tenants_[t].fleet_gates |= bit(g);
    }
  }
}

bool Gates::exempt_cached() const {
  return std::ranges::any_of(gates_, [](const Gate& g) { return g.settings.exempt_cached; });
}

Key Gates::key(const Gate& gate, const Request& request) const {
  switch (gate.settings.scope) {
    case Scope::fleet:
      return 0;
    case Scope::tenant:
      return static_cast<Key>(request.tenant);
    case Scope::user:
      return user_of(request);
  }
  return 0;
}

std::vector<GateStanding> Gates::standings(std::int64_t now_ns, const Request& request) const {
  std::vector<GateStanding> standings;
  for (const std::uint8_t g : tenants_[request.tenant].gates) {
    const Gate& gate = gates_[g];
    const KindTraits& traits = traits_of(gate.settings.kind);
    if (gate.lifted || !gate.enforces() || !(traits.has_rate || traits.has_windows)) continue;
    GateStanding standing{&gate.settings};
    if (traits.has_windows) {
      standing.limit_units = gate.settings.limit.value_or(0);
    } else {
      standing.limit_units = gate.settings.burst.units.value_or(1);
    }
    const Key whose = key(gate, request);
    standing.remaining_units = gate.limiter->level_units(now_ns, whose);
    const double most = std::min(standing.limit_units, 9e12);
    standing.full_ns = gate.limiter->ready_at(
        now_ns, whose, static_cast<Micro>(most * static_cast<double>(kMicro)));
    standings.push_back(standing);
  }
  return standings;
}

Gates::Look Gates::look(std::int64_t now_ns, const Request& request, Scope scope) const {
  Look look{now_ns, kNever, kNoGate, 0};
  for (const std::uint8_t g : tenants_[request.tenant].gates) {
    const Gate& gate = gates_[g];
    if (gate.settings.scope != scope || !gate.holds()) continue;
    const Micro units = gate.cost(request);
    const std::int64_t ready_ns = gate.limiter->ready_at(now_ns, key(gate, request), units);
    if (ready_ns == kNever && !gate.limiter->fits(units)) return {now_ns, kNever, g, 0};
    if (ready_ns <= now_ns) continue;
    look.holding |= bit(g);
    look.next_ns = std::min(look.next_ns, ready_ns);
    if (ready_ns > look.ready_ns) {
      look.ready_ns = ready_ns;
      look.held_by = g;
    }
  }
  return look;
}

Gates::Ruling Gates::rule(std::int64_t now_ns, const Request& request, bool arriving) {
  Ruling ruling;
  std::int64_t held_until_ns = now_ns;
  std::int64_t retry_at_ns = now_ns;
  for (const std::uint8_t g : tenants_[request.tenant].gates) {
    const Gate& gate = gates_[g];
    const Micro units = gate.cost(request);
    const std::int64_t ready_ns = gate.limiter->ready_at(now_ns, key(gate, request), units);
    if (ready_ns <= now_ns) continue;
    if (!gate.enforces()) {
      ruling.watched_only |= bit(g);
      if (arriving) ++counts_[g].shadowed;
      continue;
    }
    const bool never = ready_ns == kNever && !gate.limiter->fits(units);
    if (never || gate.settings.when_full == WhenFull::reject) {
      ruling.decision.verdict = Verdict::rejected;
      ruling.decision.permanent = ruling.decision.permanent || never;
      retry_at_ns = std::max(retry_at_ns, ready_ns);
      ++counts_[g].rejected;
    } else if (ready_ns > held_until_ns) {
      held_until_ns = ready_ns;
      ruling.held_by = g;
    }
  }
  if (ruling.decision.verdict == Verdict::rejected) {
    if (retry_at_ns < kNever) ruling.decision.retry_at_ns = retry_at_ns;
  } else if (ruling.held_by != kNoGate) {
    ruling.decision.verdict = Verdict::waiting;
  }
  return ruling;
}

void Gates::take(std::int64_t now_ns, RequestId id, const Ruling& ruling) {
  Request& request = requests_[id];
  request.admitted_ns = now_ns;
  if (edition_ > 0) {
    if (taken_in_.size() <= id) taken_in_.resize(id + std::size_t{1});
    taken_in_[id] = edition_;
  }
  for (const std::uint8_t g : tenants_[request.tenant].gates) {
    if (former_ && former_->gate() == g &&
        former_->refuses(now_ns, id, key(gates_[g], request), request)) {
      unlocked_ = true;
      former_.reset();
    }
    if ((ruling.watched_only >> g & 1) != 0) continue;
    Gate& gate = gates_[g];
    const Micro units = gate.cost(request);
    ++counts_[g].admitted;
    if (!gate.limiter->take(now_ns, key(gate, request), units)) continue;
    counts_[g].taken_micro += units;
    request.reserved_by |= bit(g);
  }
}

void Gates::refund(std::int64_t now_ns, RequestId id, std::int32_t cached_tokens) {
  const Request& request = requests_[id];
  if (former_) {
    former_->refund(now_ns, id, key(gates_[former_->gate()], request), request, edition_of(id),
                    cached_tokens);
  }
  for (const std::uint8_t g : tenants_[request.tenant].gates) {
    Gate& gate = gates_[g];
    if ((request.reserved_by >> g & 1) == 0 || !gate.settings.exempt_cached) continue;
    const Terms& terms = gate.terms_of(edition_of(id));
    const Micro units = cached_tokens * terms.drain;
    gate.limiter->refund(now_ns, key(gate, request), request.admitted_ns, units);
    counts_[g].refunded_micro += units;
  }
}

void Gates::settle(std::int64_t now_ns, RequestId id, const Service& service) {
  Request& request = requests_[id];
  if (former_) {
    former_->settle(now_ns, id, key(gates_[former_->gate()], request), request, edition_of(id),
                    service);
  }
  if (request.reserved_by == 0) return;
  for (const std::uint8_t g : tenants_[request.tenant].gates) {
    if ((request.reserved_by >> g & 1) == 0) continue;
    Gate& gate = gates_[g];
    const Terms& terms = gate.terms_of(edition_of(id));
    const Settlement settlement = gate.settlement(terms, request, service);
    gate.limiter->settle(now_ns, key(gate, request), settlement);
    const Micro unused = settlement.reserved - settlement.used;
    if (unused > 0) counts_[g].refunded_micro += unused;
    if (unused < 0) counts_[g].taken_micro -= unused;  // charged after
  }
  request.reserved_by = 0;  // one that has failed may be let through once more, by others
}

bool Gates::enter_queue(std::int64_t now_ns, Request& request) {
  const std::vector<std::uint8_t>& limits = tenants_[request.tenant].queue_limits;
  std::uint32_t watched_only = 0;
  bool refused = false;
  for (const std::uint8_t g : limits) {
    const Gate& gate = gates_[g];
    const Micro units = gate.place(request);
    if (gate.limiter->ready_at(now_ns, key(gate, request), units) <= now_ns) continue;
    if (gate.enforces()) {
      ++counts_[g].rejected;
      refused = true;
    } else {
      ++counts_[g].shadowed;
      watched_only |= bit(g);
    }
  }
  if (refused) return false;
  for (const std::uint8_t g : limits) {
    if ((watched_only >> g & 1) != 0) continue;
    const Micro units = gates_[g].place(request);
    ++counts_[g].admitted;
    if (!gates_[g].limiter->take(now_ns, key(gates_[g], request), units)) continue;
    counts_[g].taken_micro += units;
    request.reserved_by |= bit(g);
  }
  return true;
}

void Gates::leave_queue(std::int64_t now_ns, Request& request) {
  for (const std::uint8_t g : tenants_[request.tenant].queue_limits) {
    if ((request.reserved_by >> g & 1) == 0) continue;
    const Micro units = gates_[g].place(request);
    gates_[g].limiter->settle(now_ns, key(gates_[g], request), {now_ns, units, units, -1});
    request.reserved_by &= ~bit(g);
  }
}

std::int64_t Gates::least_max_wait_ns(std::span<const std::uint8_t> gates) const {
  std::int64_t least_ns = kNever;
  for (const std::uint8_t g : gates) {
    const Gate& gate = gates_[g];
    const bool counts = gate.is_queue_limit() ? gate.enforces() : gate.holds();
    if (!counts || gate.lifted || !gate.settings.max_wait_ns) continue;
    least_ns = std::min(least_ns, *gate.settings.max_wait_ns);
  }
  return least_ns;
}

std::int64_t Gates::longest_wait_ns(const Request& request) const {
  const OfTenant& tenant = tenants_[request.tenant];
  return std::min(least_max_wait_ns(tenant.gates), least_max_wait_ns(tenant.queue_limits));
}

Decision Gates::expiry(std::int64_t now_ns, const Request& request) const {
  Decision decision{Verdict::expired, std::nullopt, false, false};
  const OfTenant& tenant = tenants_[request.tenant];
  decision.overloaded = least_max_wait_ns(tenant.queue_limits) < least_max_wait_ns(tenant.gates);
  std::int64_t ready_ns = now_ns;
  for (const std::uint8_t g : tenant.gates) {
    const Gate& gate = gates_[g];
    if (!gate.enforces()) continue;
    ready_ns =
        std::max(ready_ns, gate.limiter->ready_at(now_ns, key(gate, request), gate.cost(request)));
  }
  if (ready_ns < kNever) decision.retry_at_ns = ready_ns;
  return decision;
}

void Gates::remember(std::size_t throttle) {
  // A limit on the queue itself admits nobody.
  if (gates_[throttle].is_queue_limit()) return;
  former_.emplace(gates_[throttle], static_cast<std::uint8_t>(throttle));
}

bool Gates::apply(std::int64_t now_ns, std::span<const Change> changes) {
  bool waits_change = false;
  for (const Change& change : changes) {
    Gate& gate = gates_[change.throttle];
    const Throttle& before = gate.settings;
    waits_change = waits_change || gate.lifted != change.lifted ||
                   before.max_wait_ns != change.settings.max_wait_ns ||
                   before.mode != change.settings.mode ||
                   before.when_full != change.settings.when_full;
    gate.settings = change.settings;
    bool agreed = gate.agree(edition_ + 1, change.drain, change.settings.charge);
    if (former_ && former_->gate() == change.throttle) {
      agreed = former_->agree(edition_ + 1, change.drain) || agreed;
    }
    if (agreed) ++edition_;
    gate.limiter->set(now_ns, change.settings, change.lifted, change.inherit);
    gate.lifted = change.lifted;
  }
  return waits_change;
}

}  // namespace tokenlift
