#include "bench/run/jobs.hpp"

#include <algorithm>
#include <utility>

namespace tokenlift {

Jobs::Jobs(const Scenario& scenario)
    : scenario_(scenario),
      places_(job_places(scenario)),
      job_of_(job_of_replicas(scenario)),
      has_(job_of_.size(), Has::job) {
  if (any()) there_ = there_at_start(scenario);
}

ReplicaChange Jobs::change_of(std::uint32_t replica, ReplicaChange::Kind kind, bool of_job) const {
  ReplicaChange change;
  change.replica = replica;
  change.kind = kind;
  if (of_job) change.job = job_of_[replica];
  return change;
}

std::vector<ReplicaChange> Jobs::meaning(const ReplicaChange& planned) {
  const std::optional<std::size_t> job = job_of(planned.replica);
  if (!job) return {planned};
  ReplicaChange of_job = planned;
  of_job.job = job;
  if (planned.kind == ReplicaChange::Kind::pace) return {planned, of_job};
  const bool serves = planned.kind == ReplicaChange::Kind::serve;
  there_[planned.replica] = serves;
  const Has who = has_[planned.replica];
  return {who == Has::tenants || who == Has::closed ? planned : of_job};
}

std::int64_t Jobs::count(std::size_t job, Has who) const {
  return std::count(has_.begin() + places_[job].begin, has_.begin() + places_[job].end, who);
}

std::vector<Jobs::Decision> Jobs::look(std::size_t job, const JobNeed& need) {
  const Job& its = scenario_.jobs[job];
  const std::int64_t max_batch = scenario_.fleet.sites[site_named(scenario_, its.site)].max_batch;
  const auto [begin, end] = places_[job];
  std::vector<Decision> decisions;
  std::int64_t places = need.places + count(job, Has::given_up) * max_batch;
  if (need.requests > places) {
    const std::int64_t lent = count(job, Has::given_up) + count(job, Has::tenants);
    std::int64_t wanted =
        std::min((need.requests - places + max_batch - 1) / max_batch, its.yields - lent);
    for (const Has from : {Has::closed, Has::job}) {
      for (std::uint32_t i = begin; i < end && wanted > 0; ++i) {
        if (has_[i] != from || !there_[i]) continue;
        has_[i] = from == Has::closed ? Has::tenants : Has::given_up;
        decisions.push_back({i, from == Has::closed ? Step::keep_open : Step::give_up});
        --wanted;
      }
    }
    return decisions;
  }
  for (std::uint32_t i = end; i-- > begin;) {
    if (has_[i] != Has::tenants || !there_[i]) continue;
    places -= max_batch;
    if (2 * need.requests > places) break;
    has_[i] = Has::closed;
    decisions.push_back({i, Step::close});
  }
  return decisions;
}

std::vector<std::uint32_t> Jobs::closed(std::size_t job) const {
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = places_[job].begin; i < places_[job].end; ++i) {
    if (has_[i] == Has::closed) all.push_back(i);
  }
  return all;
}

std::vector<ReplicaChange> Jobs::take_back(std::uint32_t replica) {
  has_[replica] = Has::job;
  if (!there_[replica]) return {};
  return {change_of(replica, ReplicaChange::Kind::leave, false),
          change_of(replica, ReplicaChange::Kind::serve, true)};
}

std::vector<ReplicaChange> Jobs::hand_over(std::size_t job) {
  std::vector<ReplicaChange> changes;
  for (std::uint32_t i = places_[job].begin; i < places_[job].end; ++i) {
    if (has_[i] != Has::given_up) continue;
    has_[i] = Has::tenants;
    if (there_[i]) changes.push_back(change_of(i, ReplicaChange::Kind::serve, false));
  }
  return changes;
}

}  // namespace tokenlift
