#pragma once
// What the replicas of each site in virtual time have in common, and which of them serve since
// when.

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "bench/fleet/fleet_power.hpp"
#include "bench/fleet/site_model.hpp"
#include "bench/record/token_record.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class Roster {
 public:
  explicit Roster(const Scenario& scenario);

  std::size_t replicas() const { return since_ns_.size(); }
  /// Calls visit(model) for each replica, in the order of their numbers.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t site = 0; site < models_.size(); ++site) {
      for (std::int64_t i = 0; i < places_[site]; ++i) visit(models_[site]);
    }
  }
  bool distant() const { return distant_; }
  /// At the usual pace.
  const SiteModel& model_of(std::uint32_t replica) const {
    return models_.size() == 1 ? models_[0] : models_[site_of(scenario_, replica)];
  }
  FleetPower& power() { return power_; }
  const FleetPower& power() const { return power_; }

  /// From now on a replica has the pace that the change says.
  void set_pace(const ReplicaChange& change);
  /// At the pace of the replica, held back as its site is. Not from several threads.
  const SiteModel& model_now(std::uint32_t replica);

  /// The numbers of the replicas of a site: [begin, end).
  std::pair<std::uint32_t, std::uint32_t> range_of(std::size_t site) const;

  void serve(std::uint32_t replica, std::int64_t now_ns) {
    if (since_ns_[replica] == kNever) since_ns_[replica] = now_ns;
    leaving_[replica] = 0;
  }
  /// It goes when it is empty.
  void leave(std::uint32_t replica) { leaving_[replica] = 1; }
  bool leaving(std::uint32_t replica) const { return leaving_[replica] != 0; }
  /// kNever: it does not serve.
  std::int64_t since_ns(std::uint32_t replica) const { return since_ns_[replica]; }
  void gone(std::uint32_t replica, std::int64_t at_ns, TokenRecord& record) {
    leaving_[replica] = 0;
    record_service(replica, at_ns, record);
    since_ns_[replica] = kNever;
  }
  /// Those that still serve.
  void stop(std::int64_t end_ns, TokenRecord& record) const {
    for (std::uint32_t i = 0; i < since_ns_.size(); ++i) record_service(i, end_ns, record);
  }

 private:
  /// In millionths of what steps usually take.
  struct Pace {
    std::int64_t decode_ppm = 1'000'000;
    std::int64_t prefill_ppm = 1'000'000;
    auto operator<=>(const Pace&) const = default;
  };
  /// What a model is made of.
  struct Making {
    std::size_t site = 0;
    Pace pace;
    HeldBack held_back;
    bool operator<(const Making& other) const {
      return std::tie(site, pace, held_back.slow_milli, held_back.max_batch) <
             std::tie(other.site, other.pace, other.held_back.slow_milli,
                      other.held_back.max_batch);
    }
  };

  SiteModel model(const Making& making) const;
  void record_service(std::uint32_t replica, std::int64_t end_ns, TokenRecord& record) const;

  const Scenario& scenario_;
  FleetPower power_;
  std::vector<SiteModel> models_;
  std::vector<std::int64_t> places_;
  std::map<std::uint32_t, Pace> paces_;  // of replicas that have another than the usual
  std::map<Making, SiteModel> made_;
  bool distant_ = false;
  std::vector<std::int64_t> since_ns_;  // by replica; kNever: it does not serve
  std::vector<std::uint8_t> leaving_;   // not bits: each is written by the worker of its shard
};

}  // namespace tokenlift
