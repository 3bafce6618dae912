#pragma once
// The waiting room, said as plainly as it can be: one list of those who wait, in order of arrival,
// and whoever may go is looked for among all of them, at every instant at which anything may be
// different. Nothing is kept that could go stale. Orders fifo and priority.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "bench/throttle/waiting_room.hpp"
#include "workloads/plan/demand.hpp"

namespace tokenlift {

class ReferenceRoom {
 public:
  ReferenceRoom(const Scenario& resolved, RequestTable& requests, std::span<ThrottleCounts> counts)
      : scenario_(resolved), requests_(requests), counts_(counts), population_(resolved) {
    for (const Throttle& throttle : resolved.throttles) {
      const std::size_t keys = throttle.scope == Scope::fleet    ? 1
                               : throttle.scope == Scope::tenant ? resolved.tenants.size()
                                                                 : population_.count();
      gates_.push_back({throttle, make_limiter(throttle, keys), false, kMicro});
      if (throttle.scope == Scope::user && !is_queue_limit(gates_.back())) line_per_user_ = true;
    }
  }

  Decision arrive(std::int64_t now_ns, RequestId id, const Patience& patience = {}) {
    now_ns_ = std::max(now_ns_, now_ns);
    const Request& request = requests_[id];
    const Decision decision = rule(now_ns, request, /*arriving=*/true);
    if (decision.verdict == Verdict::rejected) return decision;
    waiters_.push_back({id, ++arrivals_, now_ns, patience});
    if (decision.verdict == Verdict::admitted && first_to_go(now_ns) == waiters_.size() - 1) {
      waiters_.pop_back();
      take(now_ns, id);
      return decision;
    }
    if (!enters(now_ns, id)) {
      waiters_.pop_back();
      return {Verdict::rejected, std::nullopt, false};
    }
    return {Verdict::waiting, std::nullopt, false};
  }

  std::optional<WaitingRoom::Released> release(std::int64_t now_ns) {
    const std::int64_t at_ns = next_event_ns();
    if (at_ns > now_ns) return std::nullopt;
    now_ns_ = at_ns;
    const std::optional<std::size_t> goes = first_to_go(at_ns);
    if (!goes) return give_up(at_ns);
    const RequestId id = waiters_[*goes].id;
    const Decision decision = rule(at_ns, requests_[id], /*arriving=*/false);
    if (decision.verdict == Verdict::admitted) take(at_ns, id);
    leave(at_ns, *goes);
    return WaitingRoom::Released{id, decision};
  }

  /// The first instant at which somebody goes or gives up, if nothing but time passes.
  std::int64_t next_event_ns() const {
    std::int64_t first_ns = kNever;
    std::set<std::int64_t> instants{now_ns_};
    for (const Waiter& waiter : waiters_) {
      first_ns = std::min(first_ns, until_ns(waiter));
      const Request& request = requests_[waiter.id];
      for (const Gate& gate : gates_) {
        if (holds(gate) && looks_at(gate, request))
          instants.insert(ready_ns(now_ns_, gate, request));
      }
    }
    for (const std::int64_t instant_ns : instants) {
      if (instant_ns > first_ns || instant_ns == kNever) break;
      if (first_to_go(instant_ns)) return instant_ns;
    }
    return std::max(first_ns, now_ns_);
  }

  void scheduled(std::int64_t now_ns, RequestId id, std::int32_t cached_tokens) {
    now_ns_ = std::max(now_ns_, now_ns);
    for (Taken& taken : taken_[id]) {
      Gate& gate = gates_[taken.gate];
      if (!gate.settings.exempt_cached || cached_tokens == 0) continue;
      const Micro units = cached_tokens * taken.drain;
      gate.limiter->refund(now_ns, key(gate, requests_[id]), taken.at_ns, units);
      counts_[taken.gate].refunded_micro += units;
      taken.reserved -= units;
    }
  }

  void settle(std::int64_t now_ns, RequestId id, const Service& service) {
    now_ns_ = std::max(now_ns_, now_ns);
    const Request& request = requests_[id];
    for (const Taken& taken : taken_[id]) {
      Gate& gate = gates_[taken.gate];
      const std::int64_t exempt = gate.settings.exempt_cached ? service.cached_tokens : 0;
      const Micro used = units(gate, request.prompt_tokens - exempt, service.output_tokens);
      gate.limiter->settle(
          now_ns, key(gate, request),
          {taken.at_ns, taken.reserved, used * taken.drain, service.service_ttft_ns});
      const Micro unused = taken.reserved - used * taken.drain;
      (unused > 0 ? counts_[taken.gate].refunded_micro : counts_[taken.gate].taken_micro) +=
          std::abs(unused);
    }
    taken_.erase(id);
  }

  void apply(std::int64_t now_ns, std::span<const Change> changes) {
    now_ns_ = std::max(now_ns_, now_ns);
    for (const Change& change : changes) {
      Gate& gate = gates_[change.throttle];
      gate.settings = change.settings;
      gate.lifted = change.lifted;
      gate.drain = static_cast<Micro>(change.drain * 1e6);
      gate.limiter->set(now_ns, change.settings, change.lifted, change.inherit);
    }
  }

  std::size_t waiting() const { return waiters_.size(); }
  const Limiter& limiter(std::size_t throttle) const { return *gates_[throttle].limiter; }

 private:
  struct Gate {
    Throttle settings;
    std::unique_ptr<Limiter> limiter;
    bool lifted;
    Micro drain;
  };
  struct Waiter {
    RequestId id;
    std::uint64_t arrival;
    std::int64_t joined_ns;
    Patience patience;
  };
  /// What a request took of a throttle, as it was charged then.
  struct Taken {
    std::size_t gate;
    std::int64_t at_ns;
    Micro drain;
    Micro reserved;
  };

  static bool is_queue_limit(const Gate& gate) {
    return traits_of(gate.settings.kind).limits_queue;
  }
  static bool holds(const Gate& gate) {
    return !is_queue_limit(gate) && gate.settings.mode == Mode::enforce &&
           gate.settings.when_full == WhenFull::queue;
  }
  bool looks_at(const Gate& gate, const Request& request) const {
    return tokenlift::looks_at(gate.settings, scenario_.tenants[request.tenant]);
  }
  std::uint32_t user(const Request& request) const {
    return population_.user(static_cast<std::uint32_t>(request.tenant), request.number);
  }
  Key key(const Gate& gate, const Request& request) const {
    if (gate.settings.scope == Scope::fleet) return 0;
    return gate.settings.scope == Scope::user ? user(request) : static_cast<Key>(request.tenant);
  }
  static Micro units(const Gate& gate, std::int64_t input, std::int64_t output) {
    if (gate.settings.unit == Unit::requests) return 1;
    return (gate.settings.unit == Unit::output_tokens ? 0 : input) +
           (gate.settings.unit == Unit::input_tokens ? 0 : output);
  }
  static Micro cost(const Gate& gate, const Request& request) {
    const bool after = gate.settings.charge == Charge::after;
    return units(gate, request.prompt_tokens, after ? 0 : request.max_tokens) * gate.drain;
  }
  std::int64_t ready_ns(std::int64_t at_ns, const Gate& gate, const Request& request) const {
    return gate.limiter->ready_at(at_ns, key(gate, request), cost(gate, request));
  }
  bool never_passes(std::int64_t at_ns, const Gate& gate, const Request& request) const {
    return ready_ns(at_ns, gate, request) == kNever && !gate.limiter->fits(cost(gate, request));
  }

  Decision rule(std::int64_t at_ns, const Request& request, bool arriving) {
    bool held = false;
    bool refused = false;
    bool permanent = false;
    std::int64_t retry_ns = at_ns;
    for (std::size_t g = 0; g < gates_.size(); ++g) {
      const Gate& gate = gates_[g];
      if (is_queue_limit(gate) || !looks_at(gate, request)) continue;
      const std::int64_t passes_ns = ready_ns(at_ns, gate, request);
      if (passes_ns <= at_ns) continue;
      if (gate.settings.mode == Mode::shadow) {
        if (arriving) ++counts_[g].shadowed;
      } else if (never_passes(at_ns, gate, request) || !holds(gate)) {
        permanent = permanent || never_passes(at_ns, gate, request);
        refused = true;
        retry_ns = std::max(retry_ns, passes_ns);
        ++counts_[g].rejected;
      } else {
        held = true;
      }
    }
    if (!refused) return {held ? Verdict::waiting : Verdict::admitted, std::nullopt, false};
    Decision decision{Verdict::rejected, std::nullopt, permanent};
    if (retry_ns < kNever) decision.retry_at_ns = retry_ns;
    return decision;
  }

  void take(std::int64_t at_ns, RequestId id) {
    Request& request = requests_[id];
    request.admitted_ns = at_ns;
    for (std::size_t g = 0; g < gates_.size(); ++g) {
      Gate& gate = gates_[g];
      if (is_queue_limit(gate) || !looks_at(gate, request)) continue;
      if (ready_ns(at_ns, gate, request) > at_ns) continue;  // a shadow
      ++counts_[g].admitted;
      const Micro taken = cost(gate, request);
      if (!gate.limiter->take(at_ns, key(gate, request), taken)) continue;
      counts_[g].taken_micro += taken;
      taken_[id].push_back({g, at_ns, gate.drain, taken});
    }
  }

  /// Throttles of a scope that hold it at this instant; none that never lets it through, so that it
  /// is told so.
  std::set<std::size_t> held_by(std::int64_t at_ns, const Request& request, Scope scope) const {
    std::set<std::size_t> holding;
    for (std::size_t g = 0; g < gates_.size(); ++g) {
      const Gate& gate = gates_[g];
      if (gate.settings.scope != scope || !holds(gate) || !looks_at(gate, request)) continue;
      if (never_passes(at_ns, gate, request)) return {};
      if (ready_ns(at_ns, gate, request) > at_ns) holding.insert(g);
    }
    return holding;
  }

  /// Of each tenant the first one that is through the throttles of its user and of the tenant.
  std::vector<std::size_t> firsts(std::int64_t at_ns) const {
    std::vector<std::size_t> result;
    for (std::uint32_t tenant = 0; tenant < scenario_.tenants.size(); ++tenant) {
      std::set<std::uint32_t> lines;
      for (std::size_t w = 0; w < waiters_.size(); ++w) {
        const Request& request = requests_[waiters_[w].id];
        if (request.tenant != tenant) continue;
        if (!lines.insert(line_per_user_ ? user(request) : 0).second) continue;
        if (!held_by(at_ns, request, Scope::user).empty()) continue;
        if (held_by(at_ns, request, Scope::tenant).empty()) result.push_back(w);
        break;
      }
    }
    std::ranges::sort(result, [this](std::size_t a, std::size_t b) { return goes_before(a, b); });
    return result;
  }

  /// Of those who wait the one that goes at this instant, if any: in order, but whom a throttle of
  /// the fleet holds lets pass those whom it does not look at.
  std::optional<std::size_t> first_to_go(std::int64_t at_ns) const {
    std::set<std::size_t> holding;
    for (const std::size_t w : firsts(at_ns)) {
      const Request& request = requests_[waiters_[w].id];
      const auto behind = [&](std::size_t g) { return looks_at(gates_[g], request); };
      if (std::ranges::any_of(holding, behind)) continue;
      const std::set<std::size_t> own = held_by(at_ns, request, Scope::fleet);
      if (own.empty()) return w;
      holding.insert(own.begin(), own.end());
    }
    return std::nullopt;
  }

  bool goes_before(std::size_t a, std::size_t b) const {
    const auto priority = [&](std::size_t w) {
      return scenario_.tenants[requests_[waiters_[w].id].tenant].priority;
    };
    if (scenario_.queue_order == QueueOrder::priority && priority(a) != priority(b)) {
      return priority(a) > priority(b);
    }
    return waiters_[a].arrival < waiters_[b].arrival;
  }

  bool enters(std::int64_t at_ns, RequestId id) {
    const Request& request = requests_[id];
    std::vector<std::size_t> passed;
    bool refused = false;
    for (std::size_t g = 0; g < gates_.size(); ++g) {
      Gate& gate = gates_[g];
      if (!is_queue_limit(gate) || !looks_at(gate, request)) continue;
      if (ready_ns(at_ns, gate, request) <= at_ns) {
        passed.push_back(g);
      } else if (gate.settings.mode == Mode::shadow) {
        ++counts_[g].shadowed;
      } else {
        ++counts_[g].rejected;
        refused = true;
      }
    }
    if (refused) return false;
    for (const std::size_t g : passed) {
      ++counts_[g].admitted;
      const Micro taken = cost(gates_[g], request);
      gates_[g].limiter->take(at_ns, key(gates_[g], request), taken);
      counts_[g].taken_micro += taken;
      places_[id].push_back({g, at_ns, kMicro, taken});
    }
    return true;
  }

  void leave(std::int64_t at_ns, std::size_t waiter) {
    const RequestId id = waiters_[waiter].id;
    for (const Taken& place : places_[id]) {
      gates_[place.gate].limiter->settle(at_ns, key(gates_[place.gate], requests_[id]),
                                         {at_ns, place.reserved, place.reserved, -1});
    }
    places_.erase(id);
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(waiter));
  }

  /// When it gives up, as things stand.
  std::int64_t until_ns(const Waiter& waiter) const {
    std::int64_t until_ns = waiter.patience.until_ns;
    for (const Gate& gate : gates_) {
      if (!looks_at(gate, requests_[waiter.id]) || gate.lifted) continue;
      if (!gate.settings.max_wait_ns || gate.settings.mode != Mode::enforce) continue;
      if (!is_queue_limit(gate) && gate.settings.when_full != WhenFull::queue) continue;
      until_ns = std::min(until_ns, waiter.joined_ns + *gate.settings.max_wait_ns);
    }
    return until_ns;
  }

  std::optional<WaitingRoom::Released> give_up(std::int64_t at_ns) {
    std::size_t first = 0;
    for (std::size_t w = 0; w < waiters_.size(); ++w) {
      // Whom a change allows less than they have waited go at the change, by arrival.
      if (std::max(until_ns(waiters_[w]), at_ns) < std::max(until_ns(waiters_[first]), at_ns)) {
        first = w;
      }
    }
    WaitingRoom::Released gone{waiters_[first].id, {}};
    const Patience& patience = waiters_[first].patience;
    gone.decision.verdict = at_ns < patience.until_ns ? Verdict::expired : patience.then;
    leave(at_ns, first);
    return gone;
  }

  const Scenario& scenario_;
  RequestTable& requests_;
  std::span<ThrottleCounts> counts_;
  Population population_;
  std::vector<Gate> gates_;
  bool line_per_user_ = false;
  std::vector<Waiter> waiters_;
  std::uint64_t arrivals_ = 0;
  std::map<RequestId, std::vector<Taken>> taken_;   // by whom was let through
  std::map<RequestId, std::vector<Taken>> places_;  // by whom waits: of limits on the queue
  std::int64_t now_ns_ = 0;
};

}  // namespace tokenlift
