#pragma once
// Who has the replicas of jobs: the job, or tenants while they need them. Decides; does nothing.
//
// At each look (multiples of Job::control_ns) the requests are counted of the tenants that go
// before the job: those that were let through and have not ended. Where they are more than the
// places in all batches that serve these tenants, the job gives up as many replicas as the others
// would fill, up to Job::yields, each at the end of the step under way. Where they would fill no
// more than half of the places that are left without one of those replicas, that one takes no more
// requests, and is the job's again from the look on at which its last one has ended.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What a look sees.
struct JobNeed {
  std::int64_t requests = 0;  ///< of tenants that go before the job
  std::int64_t places = 0;    ///< in all batches that serve them
};

class Jobs {
 public:
  explicit Jobs(const Scenario& scenario);

  bool any() const { return !scenario_.jobs.empty(); }
  /// Nothing: the replica is of no job.
  std::optional<std::size_t> job_of(std::uint32_t replica) const {
    return job_of_.empty() ? std::nullopt : job_of_[replica];
  }

  /// What a planned change means: for whom a replica of a job works comes with it. In order.
  std::vector<ReplicaChange> meaning(const ReplicaChange& planned);

  /// What the job does about what tenants need.
  enum class Step : std::uint8_t {
    give_up,    ///< the job lays it down at the end of its step, and then it serves: hand_over()
    keep_open,  ///< it was to take no more requests, and goes on
    close       ///< it takes no more requests
  };
  struct Decision {
    std::uint32_t replica = 0;
    Step step = Step::give_up;
  };
  std::vector<Decision> look(std::size_t job, const JobNeed& need);

  /// It takes no more requests, and is the job's again once it has none.
  bool is_closed(std::uint32_t replica) const {
    return !has_.empty() && has_[replica] == Has::closed;
  }
  /// Some replicas of the job are to be handed over.
  bool gives_up(std::size_t job) const { return count(job, Has::given_up) > 0; }
  /// All closed ones of a job.
  std::vector<std::uint32_t> closed(std::size_t job) const;
  /// A closed replica is empty. The changes: it serves no more, and works for the job.
  std::vector<ReplicaChange> take_back(std::uint32_t replica);
  /// The step has ended: the changes by which what was given up in it serves tenants.
  std::vector<ReplicaChange> hand_over(std::size_t job);

 private:
  enum class Has : std::uint8_t { job, given_up, tenants, closed };
  /// Of the job's replicas.
  std::int64_t count(std::size_t job, Has who) const;
  ReplicaChange change_of(std::uint32_t replica, ReplicaChange::Kind kind, bool of_job) const;

  const Scenario& scenario_;
  std::vector<JobPlaces> places_;
  std::vector<std::optional<std::size_t>> job_of_;  // by replica
  std::vector<Has> has_;                            // by replica: who has it
  std::vector<bool> there_;                         // by replica: as it is planned
};

}  // namespace tokenlift
