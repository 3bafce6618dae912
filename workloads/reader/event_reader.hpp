#pragma once
// Reads [[event]]: a throttle is lifted, set, restored, or moved over a time, the fleet changes, or
// something happens elsewhere.

#include <string>
#include <string_view>
#include <vector>

#include "workloads/reader/fleet_event_reader.hpp"
#include "workloads/reader/table_reader.hpp"
#include "workloads/reader/throttle_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class EventReader {
 public:
  /// `scenario` has its run and its fleet; its engine is nothing where it is not known. `throttles`
  /// are its throttles; `sizes` gets the numbers of units that must hold the largest request.
  /// `folder` is where relative paths begin.
  EventReader(Document& document, const std::string& folder, const Scenario& scenario,
              std::optional<Engine> engine, const std::vector<KnownThrottle>& throttles,
              std::vector<PlacedSize>& sizes)
      : document_(document),
        folder_(folder),
        run_(scenario.run),
        engine_(engine),
        throttles_(throttles),
        sizes_(sizes),
        fleet_events_(scenario) {}

  Event read(TableReader& table);

 private:
  void read_at(TableReader& table, Event& event);
  void check_actions(TableReader& table, const Event& event);
  void read_set(TableReader table, Event& event);
  void read_restore(TableReader& table, Event& event);
  void read_ramp(TableReader table, Event& event);
  void read_end(TableReader& ramp, std::string_view key, const KnownThrottle* known, Rate& rate,
                std::optional<double>& limit);
  const KnownThrottle* throttle_named(TableReader& table, std::string_view key, Event& event);
  void note(const TableReader& table, const Event& event, const KnownThrottle* known);

  Document& document_;
  const std::string& folder_;
  const RunSettings& run_;
  std::optional<Engine> engine_;
  const std::vector<KnownThrottle>& throttles_;
  std::vector<PlacedSize>& sizes_;
  FleetEventReader fleet_events_;
};

}  // namespace tokenlift
