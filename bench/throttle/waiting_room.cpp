#include "bench/throttle/waiting_room.hpp"

#include <algorithm>

namespace tokenlift {

namespace {

constexpr std::size_t kFewTimers = 64;

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

}  // namespace

WaitingRoom::WaitingRoom(const Scenario& resolved, RequestTable& requests,
                         std::span<ThrottleCounts> counts)
    : requests_(requests),
      gates_(resolved, requests, counts),
      order_(resolved.queue_order),
      line_per_user_(gates_.have_states_of_users()),
      tenants_(resolved.tenants.size()),
      waiting_by_tenant_(resolved.tenants.size()),
      ranks_(resolved.tenants.size()) {
  for (std::uint32_t t = 0; t < tenants_.size(); ++t) {
    tenants_[t].priority = resolved.tenants[t].priority;
    tenants_[t].weight = resolved.tenants[t].weight;
    tenants_[t].fleet_gates = gates_.fleet_gates(t);
    common_gates_ &= tenants_[t].fleet_gates;
  }
}

// ---------------------------------------------------------------------------- coming and going

/// Whether no request waits before a new one that no throttle holds: in its line, in its tenant, or
/// at the throttles that hold the tenants before it in the order of the fleet.
bool WaitingRoom::goes_first(std::int64_t now_ns, const Request& request) {
  if (waiting_ == 0) return true;
  const auto number = static_cast<std::uint32_t>(request.tenant);
  const Tenant& tenant = tenants_[number];
  if (!tenant.lines.empty()) return false;
  const auto line = line_numbers_.find(line_key(request));
  if (line != line_numbers_.end() && lines_[line->second].first != kNone) return false;
  refresh_fleet(now_ns);  // a throttle that held a request may not do so any more
  const Rank rank{rank_key(number), arrivals_ + 1, number};
  // Its first request may go, and has not been asked to: the clock is late.
  if (best_ready_ns_ <= now_ns && ranks_[best_] < rank) return false;
  for (auto before = in_order_.begin(); before != in_order_.end() && *before < rank; ++before) {
    if ((tenants_[before->tenant].held_by & tenant.fleet_gates) != 0) return false;
  }
  return true;
}

/// For a request that is held by nothing but the requests before it: the gate that holds those.
std::uint8_t WaitingRoom::gate_before(std::int64_t now_ns, const Request& request) {
  const auto held = [&](std::uint32_t line, Scope scope) {
    return gates_.look(now_ns, requests_[waiters_[lines_[line].first].id], scope).held_by;
  };
  const auto line = line_numbers_.find(line_key(request));
  if (line != line_numbers_.end() && lines_[line->second].first != kNone) {
    if (const std::uint8_t g = held(line->second, Scope::user); g != Gates::kNoGate) return g;
  }
  const Tenant& tenant = tenants_[request.tenant];
  if (!tenant.lines.empty()) {
    if (const std::uint8_t g = held(tenant.lines.begin()->second, Scope::tenant);
        g != Gates::kNoGate) {
      return g;
    }
  }
  refresh_fleet(now_ns);
  return best_held_by_;
}

Decision WaitingRoom::arrive(std::int64_t now_ns, RequestId id, const Patience& patience) {
  Request& request = requests_[id];
  const Gates::Ruling ruling = gates_.rule(now_ns, request, /*arriving=*/true);
  if (ruling.decision.verdict == Verdict::rejected) return ruling.decision;
  if (order_ == QueueOrder::fair) forget_credit(static_cast<std::uint32_t>(request.tenant));
  if (ruling.decision.verdict == Verdict::admitted && goes_first(now_ns, request)) {
    admit(now_ns, id, ruling);
    return ruling.decision;
  }
  const std::uint8_t held_by =
      ruling.held_by != Gates::kNoGate ? ruling.held_by : gate_before(now_ns, request);
  if (!gates_.enter_queue(now_ns, request)) return {Verdict::rejected, std::nullopt, false, true};
  if (held_by != Gates::kNoGate) gates_.count_held(held_by);
  join(now_ns, id, patience);
  find_next_event();
  return {Verdict::waiting, std::nullopt, false};
}

std::optional<WaitingRoom::Released> WaitingRoom::release(std::int64_t now_ns) {
  while (next_event_ns_ <= now_ns) {
    // The clock may be late. Everything is decided as of the instant at which it was due: a request
    // that would have been admitted in time does not expire, and neither do those behind it.
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

bool WaitingRoom::withdraw(std::int64_t now_ns, RequestId id) {
  const auto line = line_numbers_.find(line_key(requests_[id]));
  if (line == line_numbers_.end()) return false;
  std::uint32_t number = lines_[line->second].first;
  while (number != kNone && waiters_[number].id != id) number = waiters_[number].after;
  if (number == kNone) return false;
  leave(now_ns, number);
  find_next_event();
  return true;
}

/// The first request in order is admitted, or rejected because it never can be; nothing if a
/// throttle that was ready is so no more.
std::optional<WaitingRoom::Released> WaitingRoom::release_best(std::int64_t at_ns) {
  const std::uint32_t tenant = best_;
  const std::uint32_t line = tenants_[tenant].lines.begin()->second;
  const std::uint32_t waiter = lines_[line].first;
  const RequestId id = waiters_[waiter].id;
  const Gates::Ruling ruling = gates_.rule(at_ns, requests_[id], /*arriving=*/false);
  if (ruling.decision.verdict == Verdict::waiting) {
    refresh_line(at_ns, line);
    refresh_tenant(at_ns, tenant);
    refresh_fleet(at_ns);
    return std::nullopt;
  }
  if (ruling.decision.verdict == Verdict::admitted) admit(at_ns, id, ruling);
  leave(at_ns, waiter);
  return Released{id, ruling.decision};
}

void WaitingRoom::admit(std::int64_t now_ns, RequestId id, const Gates::Ruling& ruling) {
  gates_.take(now_ns, id, ruling);
  const Request& request = requests_[id];
  const auto tenant = static_cast<std::uint32_t>(request.tenant);
  serve(tenant, request.prompt_tokens);
  last_admitted_ = tenant;
}

// ------------------------------------------------------- what may let a waiting request through

void WaitingRoom::scheduled(std::int64_t now_ns, RequestId id, std::int32_t cached_tokens) {
  if (cached_tokens == 0) return;
  gates_.refund(now_ns, id, cached_tokens);
  look_again(now_ns, requests_[id]);
}

void WaitingRoom::settle(std::int64_t now_ns, RequestId id, const Service& service) {
  const Request& request = requests_[id];
  const bool held = request.reserved_by != 0;
  gates_.settle(now_ns, id, service);
  if (!held && order_ != QueueOrder::fair) return;
  serve(static_cast<std::uint32_t>(request.tenant), static_cast<double>(service.output_tokens));
  look_again(now_ns, request);
}

/// Units went back to the throttles of this request: those that wait for the same throttles may go.
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

void WaitingRoom::apply(std::int64_t now_ns, std::span<const Change> changes) {
  const bool waits_change = gates_.apply(now_ns, changes);
  for (std::uint32_t line = 0; line < lines_.size(); ++line) {
    // The longest wait that is allowed now holds for those who wait already.
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
  return line_per_user_ ? gates_.user_of(request) : tenant;
}

/// Whether the limits on the queue itself leave room; then it is taken.
/// By all throttles that make it wait, and by the limits on the queue.
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

/// When a waiter gives up: its client's patience, or the longest wait that is allowed now.
void WaitingRoom::set_give_up(std::int64_t now_ns, std::uint32_t number) {
  Waiter& waiter = waiters_[number];
  const std::int64_t longest_ns = gates_.longest_wait_ns(requests_[waiter.id]);
  const std::int64_t expires_ns =
      longest_ns < kNever - waiter.joined_ns ? waiter.joined_ns + longest_ns : kNever;
  // A waiter that has waited longer than a change allows leaves at the change.
  const std::int64_t until_ns = std::max(std::min(expires_ns, waiter.patience.until_ns), now_ns);
  if (until_ns == waiter.until_ns) return;
  waiter.until_ns = until_ns;
  if (until_ns == kNever) return;
  // Timers of waiters that have left stay behind: no more of them than there are waiters.
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
  gates_.leave_queue(now_ns, request);
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
    // Requests of a long line lie anywhere in memory.
    const std::uint32_t next = waiters_[line.first].after;
    if (next != kNone) requests_.prefetch(waiters_[next].id);
    standing =
        stand(now_ns, line_per_user_ ? gates_.look(now_ns, request, Scope::user).ready_ns : now_ns);
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
    standing = stand(
        now_ns, gates_.look(now_ns, requests_[waiters_[line.first].id], Scope::tenant).ready_ns);
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

/// Finds the tenant whose first request goes next, and when. The tenants before another in order
/// hold it up, but only at the throttles that hold themselves: a tenant that those throttles don't
/// look at has nothing to wait for.
void WaitingRoom::refresh_fleet(std::int64_t now_ns) {
  best_ = kNone;
  best_ready_ns_ = kNever;
  best_held_by_ = Gates::kNoGate;
  look_again_ns_ = kNever;
  std::uint32_t holding = 0;
  std::int64_t next_ns = kNever;  // when one of these gates holds its request no more
  bool some_held_up = false;
  for (const Rank& rank : in_order_) {
    Tenant& tenant = tenants_[rank.tenant];
    tenant.held_by = 0;
    if ((tenant.fleet_gates & holding) != 0) {
      some_held_up = true;
      if ((common_gates_ & holding) != 0) break;  // and so are all tenants that follow
      continue;
    }
    const Line& line = lines_[tenant.lines.begin()->second];
    const Gates::Look first = gates_.look(now_ns, requests_[waiters_[line.first].id], Scope::fleet);
    tenant.held_by = first.holding;
    holding |= first.holding;
    next_ns = std::min(next_ns, first.next_ns);
    if (best_held_by_ == Gates::kNoGate) best_held_by_ = first.held_by;
    if (best_ == kNone || first.ready_ns < best_ready_ns_) {
      best_ = rank.tenant;
      best_ready_ns_ = first.ready_ns;
    }
    if (best_ready_ns_ <= now_ns) return;
  }
  if (some_held_up) look_again_ns_ = next_ns;
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

/// A tenant that was not in the order of the fleet gets no credit for its absence: it counts as
/// served at least as much as the tenant there that has been served least, or else as the tenant
/// that was admitted last. (Not as the tenant whose request ended last, which may have been away
/// for long.)
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
