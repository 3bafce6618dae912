#pragma once
// Reads what an [[event]] changes of the fleet: replicas of a site join, leave, fail or slow down,
// or it may draw less power.

#include <array>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What an event may do to the fleet.
inline constexpr std::array kFleetEvents = {EventKind::join, EventKind::leave, EventKind::fail,
                                            EventKind::slow, EventKind::power, EventKind::battery};

class FleetEventReader {
 public:
  /// `scenario` has its run and its fleet.
  explicit FleetEventReader(const Scenario& scenario) : scenario_(scenario) {}

  /// Those of kFleetEvents that are there. A site that is none leaves the
  /// event without a site.
  void read(TableReader& table, Event& event);

 private:
  const Site* read_site(TableReader& action, Event& event);
  void read_join(TableReader action, Event& event);
  void read_leave(TableReader action, Event& event);
  void read_fail(TableReader action, Event& event);
  void read_slow(TableReader action, Event& event);
  void read_power(TableReader action, Event& event);
  void read_new_battery(TableReader action, Event& event);
  void require_limit(TableReader& action, const Site* site) const;
  void read_those_serving(TableReader& action, const Site* site, Event& event);
  void check_end(TableReader& action, std::string_view key, const Event& event);

  const Scenario& scenario_;
};

}  // namespace tokenlift
