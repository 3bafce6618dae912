#include "workloads/plan/drain_doubts.hpp"

#include <algorithm>
#include <set>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/load.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

// Of a window: about as much as it lasts is what the drain is uncertain by.
constexpr std::int64_t kShortWindowNs = 1'000'000'000;

std::string quoted(const std::string& name) {
  return "'" + name + "'";
}

GivingUp giving_up(const Tenant& tenant) {
  GivingUp result;
  if (tenant.deadline_ns) result.after_s = to_s(*tenant.deadline_ns);
  if (!tenant.patience) return result;
  const double mean_s = to_s(tenant.patience->mean_ns);
  if (tenant.patience->distribution == WaitDistribution::exponential) {
    result.patience_mean_s = mean_s;
  } else {
    result.after_s = std::min(result.after_s.value_or(mean_s), mean_s);
  }
  return result;
}

// The throttles as they are after all that changes up to an instant; without those that are lifted,
// or that only watch.
std::vector<Throttle> throttles_in_force(const Scenario& resolved, std::int64_t until_ns) {
  std::vector<std::optional<Throttle>> all(resolved.throttles.begin(), resolved.throttles.end());
  for (const Change& change : plan_changes(resolved)) {
    if (change.at_ns > until_ns) break;
    all[change.throttle].reset();
    if (!change.lifted) all[change.throttle] = change.settings;
  }
  std::vector<Throttle> in_force;
  for (const std::optional<Throttle>& one : all) {
    if (one && one->mode != Mode::shadow) in_force.push_back(*one);
  }
  return in_force;
}

// Each as it is at any time up to an instant, while it holds anybody back.
std::vector<Throttle> throttles_until(const Scenario& resolved, std::int64_t until_ns) {
  std::vector<Throttle> all = resolved.throttles;
  for (const Change& change : plan_changes(resolved)) {
    if (change.at_ns <= until_ns && !change.lifted) all.push_back(change.settings);
  }
  std::erase_if(all, [](const Throttle& throttle) { return throttle.mode == Mode::shadow; });
  return all;
}

bool limits_flight(const Throttle& throttle) {
  const KindTraits& kind = traits_of(throttle.kind);
  return kind.counts_in_flight && !kind.limits_queue;
}

// Whether no more than so many requests of the tenant are in the system, however slow the fleet is:
// a limit on those in flight, in front of which nobody waits for ever.
bool is_bounded(const Tenant& tenant, const std::vector<Throttle>& in_force) {
  bool held = false;
  bool gives_up = tenant.patience || tenant.deadline_ns;
  for (const Throttle& throttle : in_force) {
    if (!looks_at(throttle, tenant)) continue;
    const bool of_queue = traits_of(throttle.kind).limits_queue;
    const bool of_flight = limits_flight(throttle);
    held = held || of_flight;
    gives_up = gives_up || throttle.max_wait_ns || (of_queue && throttle.limit) ||
               (of_flight && throttle.when_full == WhenFull::reject);
  }
  return held && gives_up;
}

// A limit on requests in flight that the batches of all replicas never fill: twice as many.
bool has_places_to_spare(const Throttle& throttle, const Scenario& resolved) {
  if (throttle.kind != ThrottleKind::concurrency || throttle.unit != Unit::requests ||
      throttle.scope != Scope::fleet || traits_of(resolved.run.engine).remote) {
    return false;
  }
  double places = 0;
  for (const Site& site : resolved.fleet.sites) {
    places +=
        static_cast<double>(site.replicas + site.spares) * static_cast<double>(site.max_batch);
  }
  return throttle.limit && *throttle.limit >= 2 * places;
}

std::string doubt_of_flight(const Scenario& resolved, std::int64_t until_ns) {
  for (const Throttle& throttle : throttles_until(resolved, until_ns)) {
    if (traits_of(throttle.kind).limits_rise) {
      return quoted(throttle.name) + " limits how fast use rises";
    }
    if (limits_flight(throttle) && !has_places_to_spare(throttle, resolved)) {
      return quoted(throttle.name) + " limits what is in flight";
    }
  }
  return "";
}

// Who is refused and tries again is a backlog that no queue shows.
std::string doubt_of_refusals(const Scenario& resolved, const HeldBack& held,
                              std::int64_t until_ns) {
  std::set<std::string> refusing;
  for (const Throttle& throttle : throttles_until(resolved, until_ns)) {
    if (throttle.when_full == WhenFull::reject) refusing.insert(throttle.name);
  }
  for (const Tenant& tenant : resolved.tenants) {
    if (tenant.retry.policy == RetryPolicy::none) continue;
    bool refused = held.is_full;
    for (std::size_t i = 0; i < resolved.throttles.size(); ++i) {
      const Throttle& throttle = resolved.throttles[i];
      refused = refused || (held.throttles[i] && refusing.contains(throttle.name) &&
                            looks_at(throttle, tenant));
    }
    if (refused) return "clients of tenant " + quoted(tenant.name) + " that are refused come back";
  }
  return "";
}

// The model has one queue, in front of the narrowest limit, which lets pass as much at any time.
std::string doubt_of_queues(const Scenario& resolved, const HeldBack& held) {
  const Throttle* first = nullptr;
  for (std::size_t i = 0; i < resolved.throttles.size(); ++i) {
    const Throttle& throttle = resolved.throttles[i];
    if (!held.throttles[i] || throttle.when_full == WhenFull::reject) continue;
    if (first != nullptr && first->tenants != throttle.tenants) {
      return quoted(first->name) + " and " + quoted(throttle.name) + " hold back different tenants";
    }
    first = &throttle;
    if (held.waits && traits_of(throttle.kind).has_windows && throttle.window_ns > kShortWindowNs) {
      return quoted(throttle.name) + " counts in windows of " + format_duration(throttle.window_ns);
    }
    if (held.waits && !giving_up_alike(resolved, throttle) &&
        std::ranges::any_of(resolved.tenants, [&](const Tenant& tenant) {
          return looks_at(throttle, tenant) && (tenant.patience || tenant.deadline_ns);
        })) {
      return "users do not all wait as long at " + quoted(throttle.name);
    }
  }
  return "";
}

// Where each tenant has a limit of its own, room that one leaves is of no use to another.
std::string doubt_of_own_limits(const Scenario& resolved) {
  const bool some = std::ranges::any_of(
      resolved.throttles, [](const Throttle& throttle) { return throttle.scope != Scope::fleet; });
  if (!some || resolved.tenants.size() < 2) return "";
  const auto binds = [](const ThrottleLoad& load) {
    const double none = load.offered_per_s;
    return load.offered_per_s >
           std::min(load.limit_per_s.value_or(none), load.limit_after_per_s.value_or(none));
  };
  const std::vector<ThrottleLoad> loads = throttle_loads(resolved);
  const ThrottleLoad* first = nullptr;  // of the same throttle
  for (const ThrottleLoad& load : loads) {
    if (first == nullptr || first->throttle != load.throttle) first = &load;
    if (binds(*first) == binds(load)) continue;
    const bool first_does = binds(*first);
    return quoted(load.throttle) + " holds back tenant " +
           quoted(first_does ? first->tenant : load.tenant) + ", and not " +
           quoted(first_does ? load.tenant : first->tenant);
  }
  return "";
}

bool is_slow(const Event& event, const Scenario& resolved, double until_s) {
  return event.kind == EventKind::slow && !event.taken_out &&
         to_s(begin_ns(resolved, event)) <= until_s;
}

// What keeps the fleet from doing its capacity.
std::string doubt_of_fleet(const Scenario& resolved, double until_s) {
  if (std::ranges::any_of(resolved.events,
                          [&](const Event& e) { return is_slow(e, resolved, until_s); })) {
    return "replicas are slow";
  }
  if (power_may_hold_back(resolved)) return "a limit of power may hold replicas back";
  const RouterPolicy router = resolved.fleet.router;
  if (const Tenant* const confined = confined_tenant(resolved)) {
    return "tenant " + quoted(confined->name) + " may use only some sites";
  }
  for (const Site& site : resolved.fleet.sites) {
    if (router == RouterPolicy::spill && site.max_in_flight &&
        *site.max_in_flight < site.replicas * site.max_batch) {
      return "site " + quoted(site.name) + " takes only so many requests at once";
    }
  }
  const bool blind = router == RouterPolicy::round_robin || router == RouterPolicy::random ||
                     router == RouterPolicy::session_affinity;
  if (!blind || sites_alike(resolved)) return "";
  return "router " + quoted(std::string(name_of(router))) +
         " does not look at how fast a replica is";
}

// Where the backlog stays: at a limit whose queue does not grow for ever, or in a system that holds
// no more.
std::string doubt_of_never(const Scenario& resolved, const MeasuredSpan& span,
                           const HeldBack& held) {
  if (held.narrowest_throttle) {
    const Stage& stage = held.narrowest;
    const Throttle& throttle = resolved.throttles[*held.narrowest_throttle];
    const bool bounded =
        stage.max_wait_s || stage.most_waiting_tokens || !waits_without_end(resolved, throttle);
    return bounded ? quoted(throttle.name) + " holds requests back after it, too" : "";
  }
  const bool grows =
      unbounded_tokens_per_s(resolved, span.end_ns) > held.narrowest.limit_tokens_per_s;
  return grows ? "" : doubt_of_flight(resolved, span.end_ns);
}

}  // namespace

std::optional<GivingUp> giving_up_alike(const Scenario& resolved, const Throttle& throttle) {
  std::optional<GivingUp> all;
  for (const Tenant& tenant : resolved.tenants) {
    if (!looks_at(throttle, tenant)) continue;
    const GivingUp own = giving_up(tenant);
    if (all && *all != own) return std::nullopt;
    all = own;
  }
  if (!all || *all == GivingUp{}) return std::nullopt;
  return all;
}

bool waits_without_end(const Scenario& resolved, const Throttle& throttle) {
  return std::ranges::any_of(resolved.tenants, [&](const Tenant& tenant) {
    return looks_at(throttle, tenant) && !tenant.arrivals.think && !tenant.patience &&
           !tenant.deadline_ns;
  });
}

double unbounded_tokens_per_s(const Scenario& resolved, std::int64_t at_ns) {
  const std::vector<Throttle> in_force = throttles_in_force(resolved, at_ns);
  const std::vector<TenantLoad> loads = tenant_loads(resolved);
  double tokens_per_s = 0;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    if (loads[i].closed || is_bounded(resolved.tenants[i], in_force)) continue;
    tokens_per_s += loads[i].tokens_per_s;
  }
  return tokens_per_s;
}

std::string doubt_of_rates(const Scenario& resolved) {
  for (const Tenant& tenant : resolved.tenants) {
    if (load_changes(tenant, resolved)) {
      return "the load of tenant " + quoted(tenant.name) + " changes by itself";
    }
  }
  const bool cached = traits_of(resolved.run.engine).remote ||
                      std::ranges::any_of(resolved.fleet.sites, [](const Site& site) {
                        return site.prefix_cache_tokens > 0;
                      });
  for (const Throttle& throttle : resolved.throttles) {
    const bool of_input = throttle.unit == Unit::input_tokens || throttle.unit == Unit::tokens;
    if (throttle.exempt_cached && of_input && cached) {
      return quoted(throttle.name) + " does not charge cached input";
    }
  }
  return "";
}

std::string drain_doubt(const Scenario& resolved, const MeasuredSpan& span, const HeldBack& held,
                        std::optional<double> model_s) {
  std::string doubt = doubt_of_rates(resolved);
  if (!doubt.empty()) return doubt;
  if (!model_s) return doubt_of_never(resolved, span, held);
  doubt = doubt_of_flight(resolved, span.end_ns);
  if (doubt.empty()) doubt = doubt_of_refusals(resolved, held, span.end_ns);
  if (doubt.empty()) doubt = doubt_of_queues(resolved, held);
  if (doubt.empty()) doubt = doubt_of_own_limits(resolved);
  if (doubt.empty()) doubt = doubt_of_fleet(resolved, to_s(span.end_ns) + *model_s);
  const bool closed = std::ranges::any_of(
      resolved.tenants, [](const Tenant& tenant) { return tenant.arrivals.think.has_value(); });
  if (doubt.empty() && closed && held.waits) {
    doubt = "closed tenants ask no faster than they are answered";
  }
  return doubt;
}

}  // namespace tokenlift
