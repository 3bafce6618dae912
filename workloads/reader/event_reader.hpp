#pragma once
// Reads [[event]]: a throttle is lifted, set, restored, or moved over a time.

#include <string>
#include <string_view>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/reader/throttle_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class EventReader {
 public:
  /// `throttles` are those of the scenario; `sizes` gets the numbers of units that must hold the
  /// largest request.
  EventReader(Document& document, const RunSettings& run,
              const std::vector<KnownThrottle>& throttles, std::vector<PlacedSize>& sizes)
      : document_(document), run_(run), throttles_(throttles), sizes_(sizes) {}

  Event read(TableReader& table);

 private:
  void read_at(TableReader& table, Event& event);
  void read_set(TableReader table, Event& event);
  void read_restore(TableReader& table, Event& event);
  void read_ramp(TableReader table, Event& event);
  void read_end(TableReader& ramp, std::string_view key, const KnownThrottle* known, Rate& rate,
                std::optional<double>& limit);
  void read_measure(TableReader& table, Event& event);
  const KnownThrottle* throttle_named(TableReader& table, std::string_view key, Event& event);
  void note(const TableReader& table, const Event& event, const KnownThrottle* known);

  Document& document_;
  const RunSettings& run_;
  const std::vector<KnownThrottle>& throttles_;
  std::vector<PlacedSize>& sizes_;
  bool measured_event_seen_ = false;
};

}  // namespace tokenlift
