#pragma once
// What the sites draw, by phase and over time.
//
// A replica that serves or boots draws what its accelerators draw idle and the rest of its servers;
// in a step it draws more by a number of mW that does not change while it lasts. So energy is a sum
// of mW x ns, over instants in whole ns, as the time that replicas are busy is: a run of steps with
// one batch leaves what its steps would have left one by one.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "bench/record/grid_cursor.hpp"
#include "bench/record/recording_grid.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// Of the replicas of one worker, or of several merged: integers, so that the order makes no
/// difference. Nothing is recorded where the grid has no sites.
class DrawRecord {
 public:
  explicit DrawRecord(const RecordingGrid& grid);

  bool any() const { return !sites_.empty(); }
  /// Some site states power.
  bool any_power() const;

  /// What replicas draw in a step.
  struct StepPower {
    std::int64_t above_mw = 0;       ///< more than idle, each of them
    bool held_back = false;          ///< by a limit of the site,
    std::int64_t slow_milli = 1000;  ///< so that it takes so many thousandths of its time
    std::int64_t replicas = 1;
  };
  void drew(std::uint16_t site, const StepPower& power, std::int64_t begin_ns, std::int64_t end_ns);
  /// Replicas served so long.
  void served(std::size_t site, std::int64_t begin_ns, std::int64_t end_ns,
              std::int64_t replicas = 1);
  /// A replica booted so long.
  void booted(std::size_t site, std::int64_t begin_ns, std::int64_t end_ns);

  /// From `begin_ns` to `end_ns`, up to a control interval, a site was held to `limit_mw`, drew
  /// `mean_mw`, of which `taken_mw` did not come from its battery, and that went from one charge to
  /// another (mW x ns).
  struct Interval {
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = 0;
    std::int64_t limit_mw = 0;
    std::int64_t mean_mw = 0;
    std::int64_t taken_mw = 0;
    __int128 stored_from = 0;
    __int128 stored_to = 0;
  };
  void controlled(std::size_t site, const Interval& interval);

  /// Adds all that `other` recorded.
  void merge(const DrawRecord& other);
  void borders_moved() { at_ = {}; }

  /// So far, of what the accelerators drew above idle, in mW x ns; and how long replicas served or
  /// booted.
  __int128 above_mw_ns(std::size_t site) const;
  __int128 powered_ns(std::size_t site) const;

  /// What the sites drew in a phase; of a run that ended at `end_ns`.
  std::vector<SiteDraw> of_phase(std::uint32_t phase, std::int64_t end_ns) const;
  /// site_power_w, power_limit_w and battery_wh, as far as they are stated: means over the bins.
  std::vector<Column> columns(std::int64_t end_ns) const;

 private:
  struct PhaseDraw {
    __int128 replica_ns = 0;
    __int128 powered_ns = 0;
    __int128 above_mw_ns = 0;
    __int128 held_back_ns = 0;
    std::map<std::int64_t, __int128> lost_by_slow;  // time in steps, by how much longer they took
    std::int64_t largest_mw = 0;
    __int128 exceeded_ns = 0;
    std::int64_t exceeded_mw = 0;
  };
  struct SiteRecord {
    std::vector<PhaseDraw> phases;
    std::vector<__int128> above_mw_ns;  // by bin
    // Powered in the whole bin: what changes from the bin before. And those powered in a part of
    // it, how long.
    std::vector<std::int64_t> powered_change;
    std::vector<std::int64_t> powered_part_ns;
    std::vector<__int128> limit_mw_ns;  // by bin; empty where there is none
    std::vector<__int128> stored;       // mWh x ns, by bin; empty without a battery
  };

  /// The parts of [begin_ns, end_ns) in each bin.
  template <typename Add>
  void for_each_bin(std::int64_t begin_ns, std::int64_t end_ns, Add add) const;
  static void add_held_back(const StepPower& power, std::int64_t length_ns, PhaseDraw& phase);
  void powered(std::size_t site, std::int64_t begin_ns, std::int64_t end_ns, std::int64_t replicas);
  /// Of all that a site drew in each bin, in mW x ns.
  std::vector<__int128> drawn_by_bin(std::size_t site, std::size_t bins) const;
  std::int64_t largest_mw(std::size_t site, std::uint32_t phase, std::int64_t end_ns) const;

  const RecordingGrid* grid_;
  GridCursor at_;
  std::vector<SiteRecord> sites_;
};

}  // namespace tokenlift
