#pragma once
// What the tenants ask for on average, before anything runs.

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/plan/plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A tenant's sessions as they would be if every turn were served, from some thousand of them drawn
/// with keys of their own: within about 1 %. Without sessions every request is a turn.
struct SessionMeans {
  double turns = 1;
  double prompt_tokens = 0;  ///< of a turn, with all that came before it
};
SessionMeans session_means(const Tenant& tenant);

/// How long after their session's begin its turns are due if every answer comes at once: of all
/// turns of the same sessions, in ascending order. Not of a trace.
std::vector<std::int64_t> turn_instants_ns(const Tenant& tenant);

/// Mean requests/s over the run: sessions/s times their turns, a trace's requests / its span, or
/// what `closed` users can ask for at most: as if every answer came at once. A load of a capacity
/// that is not known counts as if that were 1.
double request_rate_per_s(const Tenant& tenant, const Scenario& scenario);

/// Those that ask for another rate in the last third of the phase that lasts (`after`, or `steady`)
/// than in its first, by more than a tenth, as their shapes say; not by the chance of mmpp.
std::vector<std::string> tenants_of_changing_load(const Scenario& scenario);

/// True if the tenant's rate is not the same all the time: its shape, or its trace, or
/// conversations that all begin in the run and have not gone on for long enough when what is
/// measured begins.
bool load_changes(const Tenant& tenant, const Scenario& scenario);

/// Requests that are due in [begin_ns, end_ns) on average, by rate and shape. Of a trace as if its
/// requests came evenly.
double requests_between(const Tenant& tenant, const Scenario& scenario, std::int64_t begin_ns,
                        std::int64_t end_ns);

/// The share of a tenant's requests/s that come when its conversations have begun for so long: 1
/// without sessions, and of closed tenants.
double share_of_young_sessions(const Tenant& tenant, std::int64_t after_ns);
/// From this share on nearly all of them do.
inline constexpr double kNearlyAllTurns = 0.98;

/// True if the throttle looks at the tenant's requests.
bool looks_at(const Throttle& throttle, const Tenant& tenant);

/// True if the site may serve the tenant's requests.
bool may_use(const Tenant& tenant, const Site& site);

/// The first tenant that some site may not serve; nullptr: every site may serve all.
const Tenant* confined_tenant(const Scenario& scenario);

/// True if the job yields its replicas to the tenant's requests: its priority is as large or
/// larger, and it may use the job's site.
bool goes_before(const Tenant& tenant, const Job& job);

/// True if the job looks at what tenants need before nothing more is sent: at each multiple of its
/// control.
bool looks_in_time(const Job& job, const Scenario& scenario);

/// True if some job may yield replicas of the site to tenants, so that how many serve there is not
/// known before the run.
bool may_be_yielded(const Scenario& scenario, const Site& site);
/// ... of any site.
bool may_be_yielded(const Scenario& scenario);

/// The mix of the requests that a throttle looks at.
Mix request_mix(const Scenario& scenario, const Throttle& throttle);

/// Output tokens that come with one unit of the mix.
double output_tokens_per_unit(Unit unit, const Mix& mix);

/// Output tokens/s that are asked for by tenants that don't wait for answers, and by those that do
/// (`closed`), at most.
struct Offered {
  double open_tokens_per_s = 0;
  double closed_tokens_per_s = 0;
  double total() const { return open_tokens_per_s + closed_tokens_per_s; }
};
Offered offered(const Scenario& scenario);

}  // namespace tokenlift
