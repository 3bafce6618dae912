#pragma once
// What the sites of a scenario draw and may draw, as far as it is known before the run.
//
// A site draws PUE x (its accelerators + the rest of their servers), for all replicas that serve or
// boot. One that serves and is in no step, or boots, draws what its accelerators draw idle; one
// that does neither draws nothing.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What one replica of a site draws whatever its steps, all its accelerators together, in mW.
struct ReplicaPower {
  std::int64_t accelerators = 1;
  std::int64_t idle_mw = 0;
  std::int64_t rest_mw = 0;  ///< the rest of its servers, also while it computes
  std::int64_t pue_ppm = 1'000'000;
  bool limited = false;  ///< the site has a limit of power
  bool battery = false;
  std::int64_t control_ns = 0;
};

/// Of the profile of a site that states power; nothing where it states none.
std::optional<ReplicaPower> replica_power(const Scenario& scenario, const Site& site);

/// Some site states power: what sites draw is recorded.
bool states_power(const Scenario& scenario);

/// What a site may draw over time: its limit, and what events make of it. Of several events the
/// latest counts; when it ends, the site's own limit holds again.
class LimitCourse {
 public:
  /// The site has a limit.
  LimitCourse(const Scenario& scenario, const Site& site);
  std::int64_t at(std::int64_t at_ns) const;
  std::int64_t least_mw() const;  ///< of all times

 private:
  struct Part {
    std::int64_t begin_ns = 0;
    std::int64_t from_mw = 0;
    std::int64_t to_mw = 0;
    std::int64_t over_ns = 0;
  };
  std::vector<Part> parts_;  // in order of time, the first from 0 on
};

/// From `at_ns` on a site has another battery, full.
struct BatteryChange {
  std::int64_t at_ns = 0;
  Battery battery;
};
/// By events that happen, in order of time.
std::vector<BatteryChange> battery_changes(const Scenario& scenario, const Site& site);

/// What a site draws with all its replicas there, in mW; no more than 10^18.
struct SiteBounds {
  std::int64_t idle_mw = 0;       ///< nobody computes
  std::int64_t nameplate_mw = 0;  ///< every board draws what its datasheet says, at most
};
/// Of each site that states power, and of all of them, what it draws idle and at its nameplate and
/// whether that fits its limit, and what of it is assumed: a sentence each.
std::vector<std::string> power_notes(const Scenario& scenario);

/// Nothing where it states no power.
std::optional<SiteBounds> site_bounds(const Scenario& scenario, const Site& site);

/// Some site may at some time draw less than its boards do at most, so that its replicas may not
/// do their capacity.
bool power_may_hold_back(const Scenario& scenario);

}  // namespace tokenlift
