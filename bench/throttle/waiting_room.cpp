#include "bench/throttle/waiting_room.hpp"

#include <algorithm>
#include <cassert>

#include "workloads/plan/calendar.hpp"
#include "workloads/plan/demand.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kFewTimers = 64;

constexpr std::uint32_t bit(std::uint8_t gate) {
  return std::uint32_t{1} << gate;
}

/// Inserts, with the memory of an element that was there before if there is one.
template <typename Value>
void put(std::set<Value>& set, typename std::set<Value>::node_type place, const Value& value) {
  if (place.empty()) {
    set.insert(value);
    return;
  }
  place.value() = value;
  set.insert(std::move(place));
}

bool has_state_per_user(const Throttle& throttle) {
  return throttle.scope == Scope::user && !traits_of(throttle.kind).limits_queue;
}

}  // namespace

WaitingRoom::WaitingRoom(const Scenario& resolved, RequestTable& requests,
                         std::span<ThrottleCounts> counts)
    : requests_(requests),
      population_(resolved),
      order_(resolved.queue_order),
      counts_(counts),
      waiting_by_tenant_(resolved.tenants.size()),
      ranks_(resolved.tenants.size()) {
  assert(resolved.throttles.size() <= kMostThrottles);
  const std::int64_t epoch_ns = window_epoch_ns(resolved);
  for (const Throttle& throttle : resolved.throttles) {
    const std::size_t keys = throttle.scope == Scope::fleet    ? 1
                             : throttle.scope == Scope::tenant ? resolved.tenants.size()
                                                               : population_.count();
    gates_.push_back(
        {throttle, make_limiter(throttle, keys, epoch_ns), {{0, kMicro, throttle.charge, 1.0}}});
    line_per_user_ = line_per_user_ || has_state_per_user(throttle);
  }
  tenants_.resize(resolved.tenants.size());
  for (std::uint32_t t = 0; t < tenants_.size(); ++t) {
    tenants_[t].priority = resolved.tenants[t].priority;
    tenants_[t].weight = resolved.tenants[t].weight;
    for (std::uint8_t g = 0; g < gates_.size(); ++g) {
      if (!looks_at(gates_[g].settings, resolved.tenants[t])) continue;
      (gates_[g].is_queue_limit() ? tenants_[t].queue_limits : tenants_[t].gates).push_back(g);
      if (gates_[g].settings.scope == Scope::fleet) tenants_[t].fleet_gates |= bit(g);
    }
    common_gates_ &= tenants_[t].fleet_gates;
  }
}

bool WaitingRoom::exempts_cached() const {
  return std::ranges::any_of(gates_, [](const Gate& g) { return g.settings.exempt_cached; });
}

// ------------------------------------------------------------------------------ terms and keys

std::uint32_t WaitingRoom::edition_of(RequestId id) const {
  return id < taken_in_.size() ? taken_in_[id] : 0;
}

Key WaitingRoom::key(const Gate& gate, const Request& request) const {
  switch (gate.settings.scope) {
    case Scope::fleet:
      return 0;
    case Scope::tenant:
      return static_cast<Key>(request.tenant);
    case Scope::user:
      return population_.user(static_cast<std::uint32_t>(request.tenant), request.number);
  }
  return 0;
}

// -------------------------------------------------------------------------- looking and taking

/// When the throttles of one scope that make requests wait let this one through. One that they
/// never let through is ready at once: to be told so.
WaitingRoom::Look WaitingRoom::look(std::int64_t now_ns, const Request& request,
                                    Scope scope) const {
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

/// Admitted if all throttles are ready, else rejected or waiting. Of those that are only watched
/// (shadow) attempts are counted when they are made, not when a waiter is looked at again.
WaitingRoom::Ruling WaitingRoom::rule(std::int64_t now_ns, const Request& request, bool arriving) {
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

void WaitingRoom::take(std::int64_t now_ns, RequestId id, const Ruling& ruling) {
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
    const Terms& terms = gate.terms.back();
    counts_[g].taken_units += terms.units(gate.reserved_units(terms, request));
    request.reserved_by |= bit(g);
  }
  serve(static_cast<std::uint32_t>(request.tenant), request.prompt_tokens);
  last_admitted_ = static_cast<std::uint32_t>(request.tenant);
}

/// Whether a newcomer that nothing holds has nobody before it: in its line, in its tenant, or at
/// the throttles that hold those who come first in the order of the fleet.
bool WaitingRoom::goes_first(std::int64_t now_ns, const Request& request) {
  if (waiting_ == 0) return true;
  const auto number = static_cast<std::uint32_t>(request.tenant);
  const Tenant& tenant = tenants_[number];
  if (!tenant.lines.empty()) return false;
  const auto line = line_numbers_.find(line_key(request));
  if (line != line_numbers_.end() && lines_[line->second].first != kNone) return false;
  refresh_fleet(now_ns);  // what held somebody when we looked last may not do so any more
  const Rank rank{rank_key(number), arrivals_ + 1, number};
  // Who may go, and has not been looked at since: a clock that is late.
  if (best_ready_ns_ <= now_ns && ranks_[best_] < rank) return false;
  for (auto before = in_order_.begin(); before != in_order_.end() && *before < rank; ++before) {
    if ((tenants_[before->tenant].held_by & tenant.fleet_gates) != 0) return false;
  }
  return true;
}

/// By whom somebody is held whom nothing holds but those who wait before it.
std::uint8_t WaitingRoom::held_before(std::int64_t now_ns, const Request& request) {
  const auto held = [&](std::uint32_t line, Scope scope) {
    return look(now_ns, requests_[waiters_[lines_[line].first].id], scope).held_by;
  };
  const auto line = line_numbers_.find(line_key(request));
  if (line != line_numbers_.end() && lines_[line->second].first != kNone) {
    if (const std::uint8_t g = held(line->second, Scope::user); g != kNoGate) return g;
  }
  const Tenant& tenant = tenants_[request.tenant];
  if (!tenant.lines.empty()) {
    if (const std::uint8_t g = held(tenant.lines.begin()->second, Scope::tenant); g != kNoGate) {
      return g;
    }
  }
  refresh_fleet(now_ns);
  return best_held_by_;
}

Decision WaitingRoom::arrive(std::int64_t now_ns, RequestId id, const Patience& patience) {
  Request& request = requests_[id];
  const Ruling ruling = rule(now_ns, request, /*arriving=*/true);
  if (ruling.decision.verdict == Verdict::rejected) return ruling.decision;
  if (order_ == QueueOrder::fair) forget_credit(static_cast<std::uint32_t>(request.tenant));
  if (ruling.decision.verdict == Verdict::admitted && goes_first(now_ns, request)) {
    take(now_ns, id, ruling);
    return ruling.decision;
  }
  const std::uint8_t held_by =
      ruling.held_by != kNoGate ? ruling.held_by : held_before(now_ns, request);
  if (!enters(now_ns, request)) return {Verdict::rejected, std::nullopt, false};
  if (held_by != kNoGate) ++counts_[held_by].held;
  join(now_ns, id, patience);
  find_next_event();
  return {Verdict::waiting, std::nullopt, false};
}

std::optional<WaitingRoom::Released> WaitingRoom::release(std::int64_t now_ns) {
  while (next_event_ns_ <= now_ns) {
    // We may look late. Everything is decided as of the instant at which it was due, so that being
    // late makes nobody leave who would have gone in time, nor the ones behind them.
    const std::int64_t at_ns = next_event_ns_;
    pass_timers(at_ns);
    std::optional<Released> released;
    if (best_ready_ns_ <= at_ns) {
      released = release_best(at_ns);
    } else if (look_again_ns_ <= at_ns) {
      refresh_fleet(at_ns);
    } else if (give_ups_.next_ns() <= at_ns) {
      const std::uint32_t waiter = give_ups_.first().index;
      released = Released{waiters_[waiter].id, {}};
      const Patience& patience = waiters_[waiter].patience;
      released->decision.verdict = at_ns < patience.until_ns ? Verdict::expired : patience.then;
      leave(at_ns, waiter);
    }
    find_next_event();
    if (released) return released;
  }
  return std::nullopt;
}

/// The first in order goes, or is told that it never will; nothing if it turns out that something
/// that was ready is so no more.
std::optional<WaitingRoom::Released> WaitingRoom::release_best(std::int64_t at_ns) {
  const std::uint32_t tenant = best_;
  const std::uint32_t line = tenants_[tenant].lines.begin()->second;
  const std::uint32_t waiter = lines_[line].first;
  const RequestId id = waiters_[waiter].id;
  const Ruling ruling = rule(at_ns, requests_[id], /*arriving=*/false);
  if (ruling.decision.verdict == Verdict::waiting) {
    refresh_line(at_ns, line);
    refresh_tenant(at_ns, tenant);
    refresh_fleet(at_ns);
    return std::nullopt;
  }
  if (ruling.decision.verdict == Verdict::admitted) take(at_ns, id, ruling);
  leave(at_ns, waiter);
  return Released{id, ruling.decision};
}

// ---------------------------------------------------------------------- what requests came to

void WaitingRoom::scheduled(std::int64_t now_ns, RequestId id, std::int32_t cached_tokens) {
  if (cached_tokens == 0) return;
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
    counts_[g].refunded_units += terms.units(cached_tokens);
  }
  look_again(now_ns, request);
}

void WaitingRoom::settle(std::int64_t now_ns, RequestId id, const Service& service) {
  const Request& request = requests_[id];
  if (former_) {
    former_->settle(now_ns, id, key(gates_[former_->gate()], request), request, edition_of(id),
                    service);
  }
  if (request.reserved_by == 0 && order_ != QueueOrder::fair) return;
  for (const std::uint8_t g : tenants_[request.tenant].gates) {
    if ((request.reserved_by >> g & 1) == 0) continue;
    Gate& gate = gates_[g];
    const Terms& terms = gate.terms_of(edition_of(id));
    const Settlement settlement = gate.settlement(terms, request, service);
    gate.limiter->settle(now_ns, key(gate, request), settlement);
    const std::int64_t unused = (settlement.reserved - settlement.used) / terms.drain;
    if (unused > 0) counts_[g].refunded_units += terms.units(unused);
    if (unused < 0) counts_[g].taken_units += terms.units(-unused);  // charged after
  }
  serve(static_cast<std::uint32_t>(request.tenant), static_cast<double>(service.output_tokens));
  look_again(now_ns, request);
}

/// Something went back to the throttles of this request: who waits for the same ones may be ready.
void WaitingRoom::look_again(std::int64_t now_ns, const Request& request) {
  if (waiting_ == 0) return;
  if (line_per_user_) {
    const auto line = line_numbers_.find(line_key(request));
    if (line != line_numbers_.end()) refresh_line(now_ns, line->second);
  }
  refresh_tenant(now_ns, static_cast<std::uint32_t>(request.tenant));
  refresh_fleet(now_ns);
  find_next_event();
}

void WaitingRoom::remember(std::size_t throttle) {
  // A limit on the queue itself admits nobody.
  if (gates_[throttle].is_queue_limit()) return;
  former_.emplace(gates_[throttle], static_cast<std::uint8_t>(throttle));
}

void WaitingRoom::apply(std::int64_t now_ns, std::span<const Change> changes) {
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
  for (std::uint32_t line = 0; line < lines_.size(); ++line) {
    // Those who wait already go by the longest wait that is allowed now.
    for (std::uint32_t number = waits_change ? lines_[line].first : kNone; number != kNone;) {
      set_give_up(now_ns, number);
      number = waiters_[number].after;
    }
    if (lines_[line].first != kNone) refresh_line(now_ns, line);
  }
  for (std::uint32_t tenant = 0; tenant < tenants_.size(); ++tenant) {
    refresh_tenant(now_ns, tenant);
  }
  refresh_fleet(now_ns);
  find_next_event();
}

// ---------------------------------------------------------------------------------- the queues

std::uint32_t WaitingRoom::line_key(const Request& request) const {
  const auto tenant = static_cast<std::uint32_t>(request.tenant);
  return line_per_user_ ? population_.user(tenant, request.number) : tenant;
}

/// Whether the limits on the queue itself leave room; then it is taken.
bool WaitingRoom::enters(std::int64_t now_ns, Request& request) {
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
    counts_[g].taken_units += static_cast<double>(units / kMicro);
    request.reserved_by |= bit(g);
  }
  return true;
}

/// By all throttles that make it wait, and by the limits on the queue.
std::int64_t WaitingRoom::longest_wait_ns(const Request& request) const {
  std::int64_t longest_ns = kNever;
  const Tenant& tenant = tenants_[request.tenant];
  for (const std::vector<std::uint8_t>& gates : {tenant.gates, tenant.queue_limits}) {
    for (const std::uint8_t g : gates) {
      const Gate& gate = gates_[g];
      const bool counts = gate.is_queue_limit() ? gate.enforces() : gate.holds();
      if (!counts || gate.lifted || !gate.settings.max_wait_ns) continue;
      longest_ns = std::min(longest_ns, *gate.settings.max_wait_ns);
    }
  }
  return longest_ns;
}

void WaitingRoom::join(std::int64_t now_ns, RequestId id, const Patience& patience) {
  const Request& request = requests_[id];
  const auto [found, added] =
      line_numbers_.try_emplace(line_key(request), static_cast<std::uint32_t>(lines_.size()));
  if (added) lines_.emplace_back().tenant = static_cast<std::uint32_t>(request.tenant);
  Line& line = lines_[found->second];
  std::uint32_t number = free_waiter_;
  if (number == kNone) {
    number = static_cast<std::uint32_t>(waiters_.size());
    waiters_.emplace_back();
  } else {
    free_waiter_ = waiters_[number].after;
  }
  waiters_[number] = {id, found->second, line.last, kNone, ++arrivals_, now_ns, kNever, patience};
  set_give_up(now_ns, number);
  ++waiting_;
  ++waiting_by_tenant_[request.tenant];
  backlog_tokens_ += request.output_tokens;
  if (line.last != kNone) {
    waiters_[line.last].after = number;
    line.last = number;
    return;
  }
  line.first = line.last = number;
  refresh_line(now_ns, found->second);
}

/// When it gives up: its client's patience, or the longest wait that is allowed as things stand.
void WaitingRoom::set_give_up(std::int64_t now_ns, std::uint32_t number) {
  Waiter& waiter = waiters_[number];
  const std::int64_t longest_ns = longest_wait_ns(requests_[waiter.id]);
  const std::int64_t expires_ns =
      longest_ns < kNever - waiter.joined_ns ? waiter.joined_ns + longest_ns : kNever;
  // Whom a change allows less than it has waited goes at the change.
  const std::int64_t until_ns = std::max(std::min(expires_ns, waiter.patience.until_ns), now_ns);
  if (until_ns == waiter.until_ns) return;
  waiter.until_ns = until_ns;
  if (until_ns == kNever) return;
  // Of those who have left timers stay behind: not more of them than of those who are here.
  if (give_ups_.size() > 2 * waiting_ + kFewTimers) {
    give_ups_.keep([this](const Timers::Timer& timer) { return !is_over(timer); });
  }
  give_ups_.set({until_ns, waiter.arrival, number});
}

bool WaitingRoom::is_over(const Timers::Timer& give_up) const {
  const Waiter& waiter = waiters_[give_up.index];
  return waiter.arrival != give_up.stamp || waiter.until_ns != give_up.at_ns;
}

void WaitingRoom::leave(std::int64_t now_ns, std::uint32_t number) {
  Waiter& waiter = waiters_[number];
  Request& request = requests_[waiter.id];
  for (const std::uint8_t g : tenants_[request.tenant].queue_limits) {
    if ((request.reserved_by >> g & 1) == 0) continue;
    const Micro units = gates_[g].place(request);
    gates_[g].limiter->settle(now_ns, key(gates_[g], request), {now_ns, units, units, -1});
    request.reserved_by &= ~bit(g);
  }
  Line& line = lines_[waiter.line];
  const bool was_first = line.first == number;
  (was_first ? line.first : waiters_[waiter.before].after) = waiter.after;
  (line.last == number ? line.last : waiters_[waiter.after].before) = waiter.before;
  --waiting_;
  --waiting_by_tenant_[request.tenant];
  backlog_tokens_ -= request.output_tokens;
  const std::uint32_t line_number = waiter.line;
  waiter.arrival = 0;
  waiter.after = free_waiter_;
  free_waiter_ = number;
  if (was_first) refresh_line(now_ns, line_number);
}

void WaitingRoom::refresh_line(std::int64_t now_ns, std::uint32_t number) {
  Line& line = lines_[number];
  const std::uint64_t arrival = line.first == kNone ? 0 : waiters_[line.first].arrival;
  Standing standing{Stand::empty, kNever};
  if (arrival != 0) {
    const Request& request = requests_[waiters_[line.first].id];
    // In a long line those who wait lie anywhere in memory.
    const std::uint32_t next = waiters_[line.first].after;
    if (next != kNone) requests_.prefetch(waiters_[next].id);
    standing = stand(now_ns, line_per_user_ ? look(now_ns, request, Scope::user).ready_ns : now_ns);
  }
  if (standing == line.standing && arrival == line.arrival) return;
  auto& through = tenants_[line.tenant].lines;
  std::set<Through>::node_type place;
  if (line.standing.stand == Stand::through) place = through.extract({line.arrival, number});
  if (standing.stand == Stand::through) put(through, std::move(place), {arrival, number});
  line.arrival = arrival;
  if (standing.stand == Stand::held && standing.ready_ns < kNever) {
    ready_timers_.set({standing.ready_ns, ++line.stamp, 2 * number});
  }
  line.standing = standing;
  refresh_tenant(now_ns, line.tenant);
}

void WaitingRoom::refresh_tenant(std::int64_t now_ns, std::uint32_t number) {
  Tenant& tenant = tenants_[number];
  Standing standing{Stand::empty, kNever};
  std::uint64_t arrival = 0;
  if (!tenant.lines.empty()) {
    arrival = tenant.lines.begin()->first;
    const Line& line = lines_[tenant.lines.begin()->second];
    standing =
        stand(now_ns, look(now_ns, requests_[waiters_[line.first].id], Scope::tenant).ready_ns);
  }
  if (standing == tenant.standing && arrival == tenant.arrival) return;
  const bool was_through = tenant.standing.stand == Stand::through;
  const bool is_through = standing.stand == Stand::through;
  tenant.standing = standing;
  tenant.arrival = arrival;
  if (standing.stand == Stand::held && standing.ready_ns < kNever) {
    ready_timers_.set({standing.ready_ns, ++tenant.stamp, 2 * number + 1});
  }
  if (is_through && !was_through && order_ == QueueOrder::fair) forget_credit(number);
  std::set<Rank>::node_type place;
  if (was_through) place = in_order_.extract(ranks_[number]);
  if (is_through) {
    ranks_[number] = {rank_key(number), arrival, number};
    put(in_order_, std::move(place), ranks_[number]);
  }
  refresh_fleet(now_ns);
}

/// Finds who goes next, and when. Who comes first in order holds up those behind it, but only at
/// the throttles that hold itself: a tenant that these don't look at has nothing to wait for.
void WaitingRoom::refresh_fleet(std::int64_t now_ns) {
  best_ = kNone;
  best_ready_ns_ = kNever;
  best_held_by_ = kNoGate;
  look_again_ns_ = kNever;
  std::uint32_t holding = 0;
  std::int64_t next_ns = kNever;  // when one of those that hold does so no more
  bool somebody_behind = false;
  for (const Rank& rank : in_order_) {
    Tenant& tenant = tenants_[rank.tenant];
    tenant.held_by = 0;
    if ((tenant.fleet_gates & holding) != 0) {
      somebody_behind = true;
      if ((common_gates_ & holding) != 0) break;  // so is everybody else
      continue;
    }
    const Line& line = lines_[tenant.lines.begin()->second];
    const Look first = look(now_ns, requests_[waiters_[line.first].id], Scope::fleet);
    tenant.held_by = first.holding;
    holding |= first.holding;
    next_ns = std::min(next_ns, first.next_ns);
    if (best_held_by_ == kNoGate) best_held_by_ = first.held_by;
    if (best_ == kNone || first.ready_ns < best_ready_ns_) {
      best_ = rank.tenant;
      best_ready_ns_ = first.ready_ns;
    }
    if (best_ready_ns_ <= now_ns) return;
  }
  if (somebody_behind) look_again_ns_ = next_ns;
}

double WaitingRoom::rank_key(std::uint32_t tenant) const {
  switch (order_) {
    case QueueOrder::fifo:
      return 0;
    case QueueOrder::priority:
      return -static_cast<double>(tenants_[tenant].priority);
    case QueueOrder::fair:
      return tenants_[tenant].served;
  }
  return 0;
}

/// A tenant that was not in the order of the fleet has no more credit than the one there that has
/// been served least, or else than the one that was admitted last: it had no more credit than
/// anybody then. (Whoever merely ends may have been away since long ago.)
void WaitingRoom::forget_credit(std::uint32_t tenant) {
  if (in_order_.contains(ranks_[tenant])) return;
  double least = 0;
  if (!in_order_.empty()) {
    least = in_order_.begin()->key;
  } else if (last_admitted_ != kNone) {
    least = tenants_[last_admitted_].served;
  }
  tenants_[tenant].served = std::max(tenants_[tenant].served, least);
}

void WaitingRoom::serve(std::uint32_t number, double tokens) {
  if (order_ != QueueOrder::fair) return;
  Tenant& tenant = tenants_[number];
  tenant.served += tokens / tenant.weight;
  if (tenant.standing.stand != Stand::through) return;
  auto place = in_order_.extract(ranks_[number]);
  ranks_[number].key = tenant.served;
  put(in_order_, std::move(place), ranks_[number]);
}

// ---------------------------------------------------------------------------------- time passes

WaitingRoom::Standing WaitingRoom::stand(std::int64_t now_ns, std::int64_t ready_ns) {
  if (ready_ns <= now_ns) return {Stand::through, 0};
  return {Stand::held, ready_ns};
}

bool WaitingRoom::is_stale(const Timers::Timer& timer) const {
  const std::uint32_t number = timer.index / 2;
  if (timer.index % 2 == 0) {
    return lines_[number].stamp != timer.stamp || lines_[number].standing.stand != Stand::held;
  }
  return tenants_[number].stamp != timer.stamp || tenants_[number].standing.stand != Stand::held;
}

/// Looks at the lines and tenants that are ready by `at_ns`.
void WaitingRoom::pass_timers(std::int64_t at_ns) {
  while (ready_timers_.next_ns() <= at_ns) {
    const Timers::Timer timer = ready_timers_.first();
    ready_timers_.pop();
    if (is_stale(timer)) continue;
    if (timer.index % 2 == 0) {
      refresh_line(at_ns, timer.index / 2);
    } else {
      refresh_tenant(at_ns, timer.index / 2);
    }
  }
}

void WaitingRoom::find_next_event() {
  while (!give_ups_.empty() && is_over(give_ups_.first())) give_ups_.pop();
  while (!ready_timers_.empty() && is_stale(ready_timers_.first())) ready_timers_.pop();
  next_event_ns_ =
      std::min({best_ready_ns_, look_again_ns_, ready_timers_.next_ns(), give_ups_.next_ns()});
}

}  // namespace tokenlift
