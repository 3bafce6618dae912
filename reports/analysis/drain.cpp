#include "reports/analysis/drain.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "reports/analysis/fleet_change.hpp"

namespace tokenlift {
namespace {

using Gauge = std::vector<std::int64_t>;

std::int64_t median(std::vector<std::int64_t> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::int64_t usual_of(const Gauge& gauge, const BinRange& bins) {
  return median({gauge.begin() + static_cast<std::ptrdiff_t>(bins.begin),
                 gauge.begin() + static_cast<std::ptrdiff_t>(bins.end)});
}

/// Until the gauge is at or under its median in `after`; 0 where it was when the lift came.
Delay until_usual(const Run& run, const Gauge& gauge, const BinRange& after) {
  const std::int64_t usual = usual_of(gauge, after);
  const std::int64_t bin_ns = run.series.bin_ns;
  const std::int64_t lift_ns = *run.lift->at_ns;
  // A gauge is that of the end of its bin: the one before the lift is what the lift meets.
  const auto lift_bin = static_cast<std::size_t>(lift_ns / bin_ns);
  if (lift_bin > 0 && gauge[lift_bin - 1] <= usual) return {0, ""};
  for (std::size_t bin = lift_bin; bin < after.end; ++bin) {
    if (gauge[bin] > usual) continue;
    return {static_cast<std::int64_t>(bin + 1) * bin_ns - lift_ns, ""};
  }
  return {std::nullopt, "the backlog did not drain while it was measured"};
}

/// At the throttle and in back-off; empty where that was not recorded.
Gauge waiting_requests(const Run& run) {
  const Gauge* const waiting = find_column(run.series.columns, "waiting_requests");
  const Gauge* const backoff = find_column(run.series.columns, "backoff_requests");
  if (waiting == nullptr) return {};
  Gauge sum = *waiting;
  for (std::size_t bin = 0; backoff != nullptr && bin < sum.size(); ++bin) {
    sum[bin] += (*backoff)[bin];
  }
  return sum;
}

constexpr std::size_t kParts = 10;
constexpr double kLeastAdded = 10;  // requests, of all runs together
constexpr double kLeastRise = 0.1;  // of the whole rise, in either half

/// A straight line through the means of the parts.
struct Line {
  double slope = 0;  ///< per part
  double standard_error = 0;
};
Line line_through(const std::array<double, kParts>& means) {
  const double middle = (static_cast<double>(kParts) - 1) / 2;
  double mean = 0;
  for (const double each : means) mean += each / static_cast<double>(kParts);
  double xx = 0;
  double xy = 0;
  for (std::size_t i = 0; i < kParts; ++i) {
    const double x = static_cast<double>(i) - middle;
    xx += x * x;
    xy += x * (means[i] - mean);
  }
  const double slope = xy / xx;
  double residues = 0;
  for (std::size_t i = 0; i < kParts; ++i) {
    const double off = means[i] - mean - slope * (static_cast<double>(i) - middle);
    residues += off * off;
  }
  return {slope, std::sqrt(residues / static_cast<double>(kParts - 2) / xx)};
}

/// In both halves of the phase, between the means of its thirds: the tenths of a queue depend on
/// each other, so that a single burst, or a rise that levels off, looks like a line, too.
bool rises_throughout(const std::array<double, kParts>& means) {
  const double first = (means[0] + means[1] + means[2]) / 3;
  const double middle = (means[3] + means[4] + means[5] + means[6]) / 4;
  const double last = (means[7] + means[8] + means[9]) / 3;
  const double least = kLeastRise * (last - first);
  return last > first && middle - first >= least && last - middle >= least;
}

}  // namespace

Delay drain_time(const Run& run) {
  const Gauge* const in_system = find_column(run.series.columns, "in_system_requests");
  const std::optional<std::size_t> phase = find_phase(run, "after");
  BinRange after;
  if (in_system != nullptr && phase && run.series.bin_ns > 0) {
    after = bins_within(run.phases[*phase], run.series.bin_ns, in_system->size());
  }
  if (after.begin == after.end) {
    return {std::nullopt, "the median backlog of 'after', to which it drains, is not known"};
  }
  Delay drain = until_usual(run, *in_system, after);
  const bool waited = run.lift->waiting_requests + run.lift->backoff_requests > 0;
  if (!waited || drain.ns != 0) return drain;
  const Gauge waiting = waiting_requests(run);
  Delay waited_for = waiting.empty() ? drain : until_usual(run, waiting, after);
  if (waited_for.ns != 0) return waited_for;
  return {std::nullopt, "in 'after' no fewer requests wait than did at the change"};
}

Departure departure(const Run& run, std::int64_t drain_ns, std::int64_t tokens,
                    std::int64_t requests, const std::optional<double>& fluid_s) {
  constexpr double kMany = 0.05;
  const std::int64_t bin_ns = run.series.bin_ns;
  if (bin_ns == 0) return {};
  const auto first = static_cast<std::size_t>(*run.lift->at_ns / bin_ns);
  const auto last = static_cast<std::size_t>((*run.lift->at_ns + drain_ns - 1) / bin_ns);
  const auto runs = static_cast<double>(run.runs);
  const auto until_then = [&](const char* name) -> std::optional<double> {
    const Gauge* const column = find_column(run.series.columns, name);
    if (column == nullptr) return std::nullopt;
    double sum = 0;
    for (std::size_t bin = first; bin <= last && bin < column->size(); ++bin) {
      sum += static_cast<double>((*column)[bin]);
    }
    return sum / runs;
  };
  double gave_up = 0;
  for (const char* const name : {"rejected_requests", "expired_requests", "cancelled_requests"}) {
    gave_up += until_then(name).value_or(0);
  }
  if (requests > 0 && gave_up >= kMany * static_cast<double>(requests)) {
    return {Departure::How::gave_up, static_cast<std::uint64_t>(std::llround(gave_up))};
  }
  const double drain_s = static_cast<double>(drain_ns) / 1e9;
  if (tokens <= 0 || (fluid_s && *fluid_s * kOtherCause < drain_s)) {
    return {Departure::How::unknown, 0};
  }
  const std::optional<double> made = until_then("output_tokens");
  if (!made || *made >= static_cast<double>(tokens)) return {};
  const Gauge waiting = waiting_requests(run);
  const bool nobody = !changes_fleet(*run.lift) && last < waiting.size() && waiting[last] == 0;
  return {nobody ? Departure::How::let_in : Departure::How::unknown, 0};
}

std::optional<BacklogTrend> backlog_trend(const Run& run, std::size_t phase, double least_share) {
  const Gauge* const in_system = find_column(run.series.columns, "in_system_requests");
  if (in_system == nullptr || run.series.bin_ns == 0) return std::nullopt;
  const BinRange bins = bins_within(run.phases[phase], run.series.bin_ns, in_system->size());
  const std::size_t width = (bins.end - bins.begin) / kParts;
  if (width < 2) return std::nullopt;
  std::array<double, kParts> means = {};
  for (std::size_t part = 0; part < kParts; ++part) {
    for (std::size_t i = 0; i < width; ++i) {
      means[part] += static_cast<double>((*in_system)[bins.begin + part * width + i]);
    }
    means[part] /= static_cast<double>(width) * static_cast<double>(run.runs);
  }
  const Line line = line_through(means);
  const double added = line.slope * static_cast<double>(kParts);
  const auto runs = static_cast<double>(run.runs);
  const double due =
      static_cast<double>(fleet_record(run, phase).counts.due) / static_cast<double>(run.runs);
  return BacklogTrend{means.front(), means.back(),
                      line.slope > 0 && line.slope >= 4 * line.standard_error &&
                          added >= least_share * due && added * runs >= kLeastAdded &&
                          rises_throughout(means)};
}

}  // namespace tokenlift
