#pragma once
// Dates, time zones and the hours of the day: when a run takes place, and what its clocks show.
//
// A run's own time is nanoseconds from its start; here it meets the calendar. Zones other than UTC
// come from the system's time zone database (package tzdata), through Howard Hinnant's date
// library.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/scenario.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

/// Dates of a run are within these years.
inline constexpr int kFirstYear = 1970;
inline constexpr int kLastYear = 2199;

/// What is wrong with the name of a time zone, and what to do about it. Nothing: it is known. "UTC"
/// always is, without a database.
struct ZoneProblem {
  std::string message;
  std::string advice;
};
std::optional<ZoneProblem> time_zone_problem(const std::string& time_zone);

/// "2026-05-04T05:00", in local time of the zone; seconds may follow, and "Z" for UTC. A blank does
/// for the T, and a date alone is its midnight. Seconds since 1970 UTC. A local time that the
/// clocks skip is the instant at which they do, of one that they show twice the first counts. The
/// zone must be known.
Quantity<std::int64_t> parse_instant_s(std::string_view text, const std::string& time_zone);

/// "2026-05-04T12:00:00Z": reads back equal in any zone.
std::string format_instant(std::int64_t since_1970_s);

/// "05:00" or "05:00:30" in seconds since midnight; "24:00" is the end of the day.
Quantity<std::int64_t> parse_time_of_day_s(std::string_view text);
/// "05:00", with seconds where they are not 0.
std::string format_time_of_day(std::int64_t since_midnight_s);

/// When the run starts, in seconds since 1970 UTC: as stated, or else midnight at the begin of
/// Monday, 2026-01-05, in its time zone.
std::int64_t start_s(const RunSettings& run);

/// From `at_ns` of the run on, a unit counts as `drain`.
struct PeakBorder {
  std::int64_t at_ns = 0;
  double drain = 1;
  bool operator==(const PeakBorder&) const = default;
};

/// The borders of peak hours from the start of the run to the end of its cooldown, in order; one at
/// 0 only where hours are in force then. Hours are those on the clock on the wall, so that a day on
/// which the clocks change has longer or shorter ones. Where several are in force the largest drain
/// counts; neighbours of equal drain have no border between them.
std::vector<PeakBorder> peak_borders(const std::vector<PeakHours>& schedule,
                                     const RunSettings& run);

/// What a unit can come to at most: the largest drain of the schedule, and 1 at least.
double largest_drain(const std::vector<PeakHours>& schedule);

/// The clocks are set forward by `by_ns`, or back where it is negative.
struct ClockChange {
  std::int64_t at_ns = 0;
  std::int64_t by_ns = 0;
  bool operator==(const ClockChange&) const = default;
};

/// What the clock on the wall shows during a run, as time since a local midnight.
struct LocalClock {
  /// The instant, at or before 0, of the last local midnight at or before the start of the run.
  std::int64_t midnight_ns = 0;
  std::vector<ClockChange> changes;  ///< after that midnight, in order
};

/// To the end of the run's cooldown.
LocalClock local_clock(const RunSettings& run);

}  // namespace tokenlift
