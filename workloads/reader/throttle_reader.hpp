#pragma once
// Reads [[throttle]]: one function for the parameters that a kind has, which events can set, too.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift {

/// A throttle as far as it could be read: what events are held against.
struct KnownThrottle {
  std::string name;
  std::optional<ThrottleKind> kind;  ///< nothing where its word is none
  std::optional<Throttle> sound;     ///< nothing where anything of it is wrong
};

/// A plain number of units that must hold the largest request of throttle `throttle` (an index).
struct PlacedSize {
  std::size_t throttle = 0;
  std::string key;
  double units = 0;
  Place place;
};

/// True if the kind has the key, or is not known. If not, and it is there: a mistake.
bool kind_uses(TableReader& table, const std::optional<ThrottleKind>& kind, const ThrottleKey& key);

/// Its `rate` and `load`, as far as the kind has them.
Rate read_rate(TableReader& table, const std::optional<ThrottleKind>& kind);

/// Seconds of the rate, or a plain number of units.
std::optional<Burst> read_burst(TableReader& table);

/// Everything that a throttle of this kind can have changed, as far as it is there. Other kinds'
/// parameters are mistakes, and none is where the kind is not known.
Settings read_settings(TableReader& table, std::optional<ThrottleKind> kind);

/// Those of the settings that must hold the largest request.
void note_sizes(const TableReader& table, const Settings& settings, const Throttle& throttle,
                std::size_t index, std::vector<PlacedSize>& sizes);

/// `charge` is about output: a mistake where the unit has none.
void check_charge(TableReader& table, const Settings& settings, Unit unit);

class ThrottleReader {
 public:
  ThrottleReader(Document& document, const std::vector<std::string>& tenant_names)
      : document_(document), tenant_names_(tenant_names) {}

  Throttle read(TableReader& table);

  const std::vector<KnownThrottle>& known() const { return known_; }
  std::vector<PlacedSize>& sizes() { return sizes_; }

 private:
  static void read_follows(TableReader& table, std::optional<ThrottleKind> kind,
                           Throttle& throttle);
  std::vector<PeakHours> read_schedule(TableReader& table, std::optional<ThrottleKind> kind);
  PeakHours read_peak_hours(TableReader& table);

  Document& document_;
  const std::vector<std::string>& tenant_names_;
  std::vector<KnownThrottle> known_;
  std::vector<PlacedSize> sizes_;
};

}  // namespace tokenlift
