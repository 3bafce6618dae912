#pragma once
// The fleet over time, as the scenario plans it: which replicas serve when, and at what pace.
// Events, random failures with their repairs, and sites that come and go by themselves; all of it
// is known before the run.
//
// The rules, where the language leaves something open:
//
// - A place for a replica is taken from when its `join` begins (or from the start) until it goes. A
//   `join` takes the lowest places that are free, a `leave` the highest that are taken and have not
//   been given notice: failed replicas and those that still boot go, too, and are not repaired.
// - `fail` and `slow` draw among the replicas that serve, by seed, site and instant. A share is
//   rounded to whole replicas, one at least.
// - Each accelerator fails at instants of its own that are drawn for the whole run; those at which
//   its replica does not serve have no effect. So nothing that an event adds moves a failure.
// - When a replica fails, the lowest free spare of its site boots in its stead, and takes no more
// as
//   soon as that replica serves again (or goes for good). Spares that serve fail like others.
// - A site that is away takes its replicas out and brings them back at once, without a boot; who
//   boots or is repaired meanwhile goes on with that.
// - Of several `slow`s of a replica the latest counts; when it ends, the pace is the usual one. A
//   replica that has failed or gone comes back at its usual pace.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What happens to one replica at `at_ns`. Replicas are numbered over all sites in their order,
/// each with `replicas` and then `spares` of them.
struct ReplicaChange {
  enum class Kind : std::uint8_t {
    serve,  ///< it takes requests from now on (its boot, if any, has ended)
    leave,  ///< it takes no more; what becomes of those in flight says `in_flight`
    fail,   ///< likewise, and the step under way is cut
    pace    ///< from the end of the step under way on its steps take other times
  };
  std::int64_t at_ns = 0;
  std::uint32_t replica = 0;
  Kind kind = Kind::serve;
  InFlight in_flight = InFlight::finish;  ///< leave, fail
  std::int64_t decode_ppm = 1'000'000;    ///< pace: of what is usual
  std::int64_t prefill_ppm = 1'000'000;
  std::optional<std::size_t> event;  ///< whose doing it is, among Scenario::events; absent: chance,
                                     ///< a repair, a spare, or the site itself
  /// It is about the work for this job, among Scenario::jobs: serve takes it up, leave lays it down
  /// at the end of the step under way, fail cuts that. Absent: it is about what tenants ask for.
  std::optional<std::size_t> job = {};
  bool operator==(const ReplicaChange&) const = default;
};

/// A request reaches a site `out_ns` after it was sent there, and its user learns of what happens
/// there `back_ns` later.
struct Distance {
  std::int64_t out_ns = 0;
  std::int64_t back_ns = 0;
};
inline Distance distance_of(const Site& site) {
  const std::int64_t out_ns = (site.rtt_ns + 1) / 2;
  return {out_ns, site.rtt_ns - out_ns};
}

/// All places for replicas: those of `replicas` and `spares`.
std::int64_t replica_places(const Site& site);
std::int64_t replica_places(const Scenario& scenario);
/// The site of a replica's number.
std::size_t site_of(const Scenario& scenario, std::uint32_t replica);
/// The index of the site of that name, which there must be.
std::size_t site_named(const Scenario& scenario, std::string_view name);
/// The numbers of the replicas that a job has when no tenant needs them: [begin, end). Of a site's
/// `replicas` the last ones; of several jobs there the first one's are the last.
struct JobPlaces {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};
/// By job.
std::vector<JobPlaces> job_places(const Scenario& scenario);
/// By replica: the job whose it is, or nothing. Empty where there are no jobs.
std::vector<std::optional<std::size_t>> job_of_replicas(const Scenario& scenario);

/// By replica: is it there at 0, and its site not away?
std::vector<bool> there_at_start(const Scenario& scenario);
/// By replica: does it serve tenants at 0? Those of jobs do not.
std::vector<bool> serving_at_start(const Scenario& scenario);
/// The same, counted by site.
std::vector<std::int64_t> replicas_at_start(const Scenario& scenario);

/// The event is about a site: join, leave, fail, slow, power or battery.
bool changes_fleet(const Event& event);
/// It is about the replicas of a site: join, leave, fail or slow.
bool changes_replicas(const Event& event);

/// When the i-th of `count` comes or goes, of those that do so over a time: the first at its begin,
/// the last at its end.
std::int64_t spread_ns(std::int64_t over_ns, std::int64_t i, std::int64_t count);

/// Anything can happen to a replica: an event, a failure, a site that comes and goes, or a job that
/// yields some.
bool fleet_changes(const Scenario& scenario);

/// The run plans no more changes of replicas than this, about (expected_changes()).
inline constexpr double kMostReplicaChanges = 2'000'000;
/// How many changes the plan will have, at most where chance has no part in it, else about.
double expected_changes(const Scenario& scenario);

/// Up to the end of the cooldown, in order of time. At one instant what is no event's doing comes
/// first, then the events in their order, and of each its replicas in theirs; what follows from a
/// change at the same instant comes behind it. Of each replica serve and leave (or fail) take
/// turns. Empty where the fleet does not change. O(changes x log), and of each event O(places of
/// its site). What jobs yield is no part of it: that is decided while the run goes on.
std::vector<ReplicaChange> plan_fleet(const Scenario& scenario);

/// A replica of a site boots: from when it joins or is repaired until it serves, or goes before.
struct BootSpan {
  std::size_t site = 0;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  bool operator==(const BootSpan&) const = default;
};
/// In the order in which they begin; of sites that need no time for it none.
std::vector<BootSpan> boots_over_time(const Scenario& scenario);

/// How many replicas of each site serve tenants from `at_ns` on, at their usual pace or not.
struct ServingSpan {
  std::int64_t at_ns = 0;
  std::vector<std::int64_t> replicas;  ///< by site
  bool slowed = false;                 ///< some of them have another pace than the usual one
  bool operator==(const ServingSpan&) const = default;
};
/// From 0 on, in order of time; at least one. Whatever happens at one instant is one span, also
/// where its counts are those of the one before. As if no job yielded any.
std::vector<ServingSpan> serving_over_time(const Scenario& scenario);

/// The same of how many replicas are there, whether they serve or not: from when each joins (its
/// boot included) until it has left, those of jobs among them. Neither failures and repairs nor a
/// site that is away make a difference, and spares do not count.
std::vector<ServingSpan> there_over_time(const Scenario& scenario);

}  // namespace tokenlift
