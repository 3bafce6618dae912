#pragma once
// What holds a site to its limit of power: looks at what the site draws at control instants, and
// says how much longer steps take until the next one, or how large batches are.
//
// A step that is slowed by s takes s times as long and draws idle + (P - idle) / s. At a control
// instant all replicas of the site get the least s with which the steps under way would keep what
// the site may draw: its limit, and what its battery can add until the next instant. What begins
// later may draw more, until the next instant sees it: the battery, if there is one, makes up for
// it. In between the battery is emptied by what is drawn above the limit, and filled with what is
// left below it, both no faster than its power.
//
// A pure state machine: instants and draws come in, nothing is read or drawn.

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/fleet/site_power.hpp"
#include "bench/record/draw_record.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A store of energy, in mW x ns. What is in it is never less than nothing, nor more than it holds.
class BatteryCharge {
 public:
  /// Full.
  explicit BatteryCharge(const Battery& battery);

  __int128 stored() const { return stored_; }
  __int128 capacity() const { return capacity_; }
  /// What it can add for so long, in mW.
  std::int64_t available_mw(std::int64_t length_ns) const;
  /// For so long a site drew `mean_mw`, where `limit_mw` was its limit. Returns what of it did not
  /// come from the battery, as a mean in mW; what fills the battery comes on top, below the limit.
  std::int64_t pass(std::int64_t length_ns, std::int64_t mean_mw, std::int64_t limit_mw);

 private:
  std::int64_t power_mw_;
  __int128 capacity_;
  __int128 stored_;
};

/// What the steps under way on the replicas of a site would draw, and have drawn.
class SiteView {
 public:
  /// `by_batch`: the batches matter (WhenOver::batch), up to `max_batch`.
  explicit SiteView(const SitePower* power = nullptr, std::int64_t max_batch = 0,
                    bool by_batch = false);

  /// Of a replica that serves, at `now_ns`.
  void add(const StepDraw& step, std::int64_t now_ns, std::int64_t serving_since_ns);
  /// Of replicas of a job, whose draw and time so far is recorded. They compute, or will soon.
  void add_job(std::int64_t replicas);
  void merge(const SiteView& other);

  /// More than idle, with nothing held back.
  __int128 demand_mw() const { return demand_mw_; }
  /// The same with batches of `max_batch` at most.
  __int128 demand_mw(std::int64_t max_batch) const;
  std::int64_t replicas() const { return replicas_; }
  /// What was drawn and is not recorded yet, more than idle, in mW x ns; and how long replicas have
  /// served that is not recorded yet.
  __int128 above_mw_ns() const { return above_mw_ns_; }
  __int128 served_ns() const { return served_ns_; }

 private:
  const SitePower* power_;
  __int128 demand_mw_ = 0;
  __int128 above_mw_ns_ = 0;
  __int128 served_ns_ = 0;
  std::int64_t replicas_ = 0;
  std::int64_t chunks_ = 0;             // replicas whose step has one
  std::vector<std::int64_t> by_batch_;  // replicas that would decode so many; empty: not counted
};

/// Of one site with a limit.
class PowerControl {
 public:
  PowerControl(const Scenario& scenario, std::size_t site);

  /// The next control instant; the first is 0, before anything is drawn.
  std::int64_t next_ns() const { return next_ns_; }
  const HeldBack& held_back() const { return held_back_; }
  const std::optional<BatteryCharge>& battery() const { return battery_; }

  /// At the control instant `view` is what the replicas do; `above_mw_ns` and `powered_ns` are all
  /// that the site has drawn more than idle up to it, and how long its replicas have served or
  /// booted; `booting` do so now. True if what holds from now on is another than before.
  bool control(const SiteView& view, __int128 above_mw_ns, __int128 powered_ns,
               std::int64_t booting, DrawRecord& record);
  /// The run ends, at the latest at the next control instant.
  void stop(std::int64_t end_ns, __int128 above_mw_ns, __int128 powered_ns, DrawRecord& record);

 private:
  /// The batteries that have come by now.
  void change_battery(std::int64_t now_ns);
  void account(std::int64_t now_ns, __int128 above_mw_ns, __int128 powered_ns, DrawRecord& record);
  HeldBack least(const SiteView& view, std::int64_t booting) const;

  std::size_t site_;
  ReplicaPower power_;
  LimitCourse course_;
  WhenOver when_over_;
  std::int64_t max_batch_;
  std::optional<BatteryCharge> battery_;
  std::vector<BatteryChange> battery_changes_;
  std::size_t next_battery_ = 0;
  std::int64_t since_ns_ = 0;  // the last control instant
  std::int64_t next_ns_ = 0;
  std::int64_t limit_mw_ = 0;  // that holds since then
  __int128 drawn_mw_ns_ = 0;   // without PUE, up to then
  HeldBack held_back_;
};

}  // namespace tokenlift
