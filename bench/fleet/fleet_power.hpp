#pragma once
// The power of a fleet in virtual time: what its replicas draw, and who holds its sites to their
// limits.

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "bench/fleet/power_control.hpp"
#include "bench/fleet/site_power.hpp"
#include "bench/record/draw_record.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What was recorded of a site by the time of a control instant.
struct DrawnSoFar {
  __int128 above_mw_ns = 0;
  __int128 powered_ns = 0;  ///< of replicas that serve no more

  void add(const DrawRecord& record, std::size_t site) {
    above_mw_ns += record.above_mw_ns(site);
    powered_ns += record.powered_ns(site);
  }
};

class FleetPower {
 public:
  explicit FleetPower(const Scenario& scenario);

  /// nullptr where the site states none.
  const SitePower* of_site(std::size_t site) const {
    return tables_[site] ? &*tables_[site] : nullptr;
  }
  /// Some site has a limit.
  bool controls() const { return next_ns_ != kNever; }
  /// The next control instant of any site; kNever where none has a limit.
  std::int64_t next_ns() const { return next_ns_; }
  /// Calls control(site, at_ns) at each control instant up to `until_ns`, in order of time.
  template <typename Control>
  void control_until(std::int64_t until_ns, Control control) {
    for (; next_ns_ <= until_ns; pass()) {
      for (const std::size_t site : due_sites()) control(site, next_ns_);
    }
  }
  SiteView view_of(std::size_t site) const;
  const HeldBack& held_back(std::size_t site) const { return held_back_[site]; }

  /// It is the control instant of a site, whose replicas do what `view` says. True if what holds
  /// from now on is another than before.
  bool control(std::size_t site, const SiteView& view, const DrawnSoFar& drawn, DrawRecord& record);

  /// Adds what is only known where a run ends, or is looked at; everything else is recorded.
  void stop(std::int64_t end_ns, DrawRecord& record) const;

 private:
  /// The sites whose control instant is the next one.
  std::vector<std::size_t> due_sites() const;
  /// All due sites have been controlled.
  void pass();
  std::int64_t booting(std::size_t site, std::int64_t at_ns) const;
  std::int64_t booted_ns(std::size_t site, std::int64_t until_ns) const;

  const Scenario& scenario_;
  std::deque<std::optional<SitePower>> tables_;  // by site, as all below
  std::vector<std::optional<PowerControl>> controls_;
  std::vector<HeldBack> held_back_;
  std::vector<BootSpan> boots_;
  std::int64_t next_ns_ = kNever;
};

}  // namespace tokenlift
