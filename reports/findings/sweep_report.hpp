#pragma once
// What a sweep has found: a scenario run at many points of one or several of its keys, and the
// largest or smallest value of a key with which objectives are met.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/interval.hpp"
#include "reports/findings/case_figures.hpp"

namespace tokenlift {

/// A key that changes from point to point.
struct SweepAxis {
  std::string key;        ///< as for --set: "tenant.users.arrivals.load"
  std::string unit = {};  ///< of its numbers: "s", "1/s" or empty
  bool numeric = true;    ///< else its values are words, in the order in which they were given
};

enum class PointState : std::uint8_t {
  steady,
  saturated,  ///< the backlog grows: latencies have no value that lasts
  failed,     ///< there is no such scenario, or it could not be run
  interrupted
};
/// "steady", "saturated", "failed" or "interrupted".
std::string_view name_of(PointState state);
std::optional<PointState> point_state(std::string_view name);

/// What the replicas of a point are, where they are all of one kind.
struct PointFleet {
  std::string profile = {};      ///< empty: they are not of one kind, or remote
  std::string accelerator = {};  ///< "H100 SXM5 80 GB"; empty where the profile does not say
  std::int64_t accelerators_per_replica = 0;
  double bytes_per_parameter = 0;  ///< 0 where the profile does not say
  std::int64_t replicas = 0;       ///< at the start
};

struct SweepPoint {
  std::vector<std::string> values = {};  ///< of each axis, as --set takes them
  /// The same as numbers, durations in s, rates per s; the place in the list where they are words.
  std::vector<double> numbers = {};
  PointState state = PointState::steady;
  std::string failure = {};  ///< why it has failed
  bool valid = true;         ///< every check of validity passed; of a saturated point not asked
  std::vector<std::string> failed_checks = {};  ///< their names, where one did not
  bool refined = false;    ///< it was added where the curve bends, or an objective is crossed
  bool shortened = false;  ///< a first run, of a part of the time, was enough, and is all
  /// The load is another at the end of the phase than at its begin: whether it is saturated was not
  /// asked, and its figures are of the load as it went.
  bool load_changes = false;
  std::uint64_t runs = 0;                            ///< that its figures are of
  std::uint64_t requests = 0;                        ///< due in all runs that were made for it
  std::optional<double> capacity_tokens_per_s = {};  ///< of its fleet under its mix; where it
                                                     ///< changes, the mean over the phase
  std::optional<double> accelerators = {};           ///< of its fleet, where profiles say it
  std::optional<double> prompt_tokens = {};          ///< mean over the requests due in the phase
  std::optional<double> output_tokens = {};          ///< the same
  PointFleet fleet = {};
  std::vector<Estimate> figures = {};  ///< as SweepReport::figures
  /// By run, as of a case of a suite, for who compares the point with that of another sweep. Of a
  /// saturated point only what lasts.
  CaseFigures by_run = {};
};

enum class FindOutcome : std::uint8_t {
  found,
  all_hold,    ///< the objectives are met in the whole range
  none_holds,  ///< they are met nowhere in it
  interrupted,
  not_known  ///< where it would be decided, a figure has no value
};
/// "found", "all hold", "none holds", "interrupted" or "not known".
std::string_view name_of(FindOutcome outcome);
std::optional<FindOutcome> find_outcome(std::string_view name);

/// One value that a find has tried; its point has the figures of all objectives.
struct FindTry {
  SweepPoint point;
  bool holds = false;  ///< all objectives are met
  /// Every figure's interval lies on one side of its bound, or the point is saturated.
  bool sure = false;
  bool known = true;  ///< whether they are met; else a figure has no value
};

/// The largest or smallest value of a key with which objectives are met.
struct SweepFind {
  std::string name = {};  ///< what it was asked for: "at the scenario's load"; may be empty
  SweepAxis axis = {};
  bool most = true;                          ///< else the least
  std::string low = {}, high = {};           ///< the range, as --set takes it
  std::vector<std::string> objectives = {};  ///< complete: "ttft.p99_ms.steady <= 500"
  FindOutcome outcome = FindOutcome::interrupted;
  std::string value = {};                 ///< as --set takes it; empty unless found
  std::optional<double> number = {};      ///< the same, as SweepPoint::numbers
  std::optional<Interval> interval = {};  ///< 95 %, within the range
  /// The values at which the objectives are met where they should not be, or the other way round.
  std::vector<std::string> against_order = {};
  /// Paths of the objectives that are unknown at a value, having none there.
  std::vector<std::string> unknown_figures = {};
  std::vector<FindTry> tries = {};  ///< in the order of the values
};

struct SweepReport {
  std::string scenario;
  std::string description = {};
  std::vector<std::string> command = {};
  std::string tokenlift_version = {};
  std::string started_at = {};  ///< UTC, ISO 8601
  std::string engine = {};
  std::uint64_t seed = 0;
  std::uint64_t repetitions = 0;             ///< of each point
  std::string phase = {};                    ///< whose figures these are, unless they say
  std::string settings_digest = {};          ///< tells whether points are of the same scenario
  std::string scenario_json = {};            ///< of the first point, as parsed; empty: not known
  std::vector<SweepAxis> axes = {};          ///< the first two span a grid, others are panels
  std::vector<std::string> figures = {};     ///< paths, as objectives name them
  std::vector<std::string> objectives = {};  ///< whose crossing is marked
  std::vector<SweepPoint> points = {};       ///< in the order of their values
  std::vector<SweepFind> finds = {};
  std::vector<std::string> remarks = {};
  /// Tenants whose load is another at the end of the phase than at its begin, by their shapes.
  /// Points may have another one (SweepPoint::load_changes).
  std::vector<std::string> changing_load = {};
  bool interrupted = false;
  std::uint64_t requests = 0;  ///< in all runs
  double elapsed_s = 0;
};

/// The place of "WHAT.PHASE" among the figures; nothing where it is not there.
std::optional<std::size_t> figure_index(const SweepReport& report, std::string_view what);
/// The figure of a point, if it has a value.
const Estimate* figure_of(const SweepReport& report, const SweepPoint& point,
                          std::string_view what);

/// Where a curve of latency over one numeric axis turns from flat to steep.
struct Knee {
  double at = 0;
  double from = 0, to = 0;  ///< the points on either side
  double rise_before = 1;   ///< latency at the knee / at the first point
  double rise_after = 1;    ///< at the last steady point / at the knee
  std::string what = {};    ///< "e2e.p50_ms"
  /// Where it would lie if the last steady point were not there, where that is no neighbour: then
  /// it says as much about where the curve ends as about the fleet.
  std::optional<double> without_last = {};
  double last = 0;  ///< the last steady point
};
/// Of the median of TTFT over the steady points (or, if that has none, of e2e), on a logarithmic
/// axis: the point that lies furthest below the straight line from the first to the last one.
/// Nothing where the axis has no numbers, there are fewer than five steady points, the latency does
/// not double, or no point lies at least kLeastKnee of the rise below that line.
std::optional<Knee> knee_of(const SweepReport& report);
inline constexpr double kLeastKnee = 0.2;

/// A grid of its first two axes, at one combination of the values of the others.
struct SweepPanel {
  std::string label = {};  ///< "router random, replicas 4"; empty where there are no others
  SweepReport report;      ///< with two axes at most, and the points of the panel
};
/// In the order of the points. One, the report itself, where there are two axes or less.
std::vector<SweepPanel> panels_of(const SweepReport& report);

/// "load" of "tenant.users.arrivals.load": the key's last word.
std::string short_name(const SweepAxis& axis);

/// Points of one numeric axis that are saturated, one after the other.
struct SaturatedStretch {
  const SweepPoint* first = nullptr;
  const SweepPoint* last = nullptr;
  const SweepPoint* before = nullptr;  ///< the steady one before it, if there is one
  const SweepPoint* after = nullptr;   ///< and after it
};
/// In the order of the axis; points that failed are passed over. Empty where the axis has no
/// numbers, or there are two.
std::vector<SaturatedStretch> saturated_stretches(const SweepReport& report);

/// "The most tenant.users.arrivals.load with ttft.p99_ms.steady <= 500 is 0.812 (95 % interval 0.79
/// to 0.83)", or in which direction it lies.
std::string sentence_of(const SweepFind& find);

/// The value that was found; "> 64" where it lies beyond the range.
std::string answer_of(const SweepFind& find);

/// What came out, in a sentence each: what was found, the knee, where it saturates.
std::vector<std::string> sweep_sentences(const SweepReport& report);

/// The first value from which on all points are saturated, of one numeric axis; nothing where no
/// such stretch reaches the end.
std::optional<double> saturated_from(const SweepReport& report);

/// A figure of a whole sweep, as objectives of suites name it: "knee", "saturated_from", "found"
/// (or "found.2": of several searches the second). In the unit of the axis: durations in s, rates
/// per s.
struct SweepFigureValue {
  std::optional<double> value = {};
  /// It is no value, but the end of the range beyond which it lies: of most at this or more, of
  /// least at this or less.
  bool is_end = false;
  bool most = true;         ///< of is_end
  std::string reason = {};  ///< of a value that is absent: why
};
SweepFigureValue sweep_figure(const SweepReport& report, const std::string& path);

/// Empty if a sweep over so many axes with so many searches has a figure of that path; else what is
/// wrong.
std::string sweep_figure_problem(const std::string& path, std::size_t axes, std::size_t finds);

/// How many points there are, and of which kind.
std::string sweep_status(const SweepReport& report);

/// Nothing failed or was interrupted, and what was searched was found.
bool all_well(const SweepReport& report);

}  // namespace tokenlift
