#pragma once
// The jobs of a fleet in virtual time, each at the pace of its replicas and of its site.

#include <cstdint>
#include <vector>

#include "bench/fleet/fleet_power.hpp"
#include "bench/fleet/training_job.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift {

class TrainingJobs {
 public:
  /// They have their replicas that are there at 0.
  TrainingJobs(const Scenario& scenario, const FleetPower& power, TokenRecord& record);

  bool any() const { return !jobs_.empty(); }
  /// Those of a site go on until `until_ns`, or all.
  void advance_on(std::size_t site, std::int64_t until_ns, const FleetPower& power,
                  TokenRecord& record);
  void advance(std::int64_t until_ns, const FleetPower& power, TokenRecord& record);
  /// Does what the change says, which has a job.
  void apply(const ReplicaChange& change, std::int64_t now_ns, const FleetPower& power,
             TokenRecord& record);
  /// When the step of a job that is under way at `now_ns` ends; `now_ns` where none is.
  std::int64_t border_ns(std::size_t job, std::int64_t now_ns, const FleetPower& power,
                         TokenRecord& record);
  /// What those of a site would draw until the next control instant.
  void add_to(std::size_t site, SiteView& view) const;

 private:
  struct Placed {
    std::size_t site;
    TrainingJob job;
  };
  static void advance(Placed& placed, std::int64_t until_ns, const FleetPower& power,
                      TokenRecord& record);

  std::vector<Placed> jobs_;
};

}  // namespace tokenlift
