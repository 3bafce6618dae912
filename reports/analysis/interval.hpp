#pragma once
// Figures and how sure they are: 95 % intervals over runs, or over blocks of one run.
//
// Requests of one run are not independent, so the unit is the run. Means and rates: Student's t on
// the logarithms of the runs' figures. Percentiles: a jackknife over runs of the pooled percentile,
// on logarithms. Within one run: means of blocks that are long against the autocorrelation time
// (blocks.hpp). Where nothing supports an interval there is none, and the reason says what would.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/record/histogram.hpp"

namespace tokenlift {

/// Sums and quotients of doubles are good to this, relative to their size: a difference that is
/// less is none.
inline constexpr double kRounding = 1e-12;

struct Interval {
  double low = 0;
  double high = 0;
  bool holds(double value) const { return low <= value && value <= high; }
  bool operator==(const Interval&) const = default;
};

/// How the reason of an Estimate begins where the runs lack its phase.
inline constexpr std::string_view kNoPhase = "there is no phase ";

/// A ratio or a difference, with what supports it.
struct Estimate {
  std::optional<double> value;       ///< absent: not enough data, see `reason`
  std::optional<Interval> interval;  ///< 95 %
  /// What the interval rests on: "5 runs", "1 run: 24 blocks of 0.5 s, effective sample size 31".
  std::string basis;
  /// Without an interval: why, and how many repetitions or which length would give one.
  std::string reason;
};

/// An interval needs at least so many repetitions (pairs): with two, Student's t at 95 % is 12.7.
inline constexpr std::size_t kLeastRuns = 3;

/// Of some values (at least one): their mean, and its standard error, 0 for a single one.
struct Spread {
  double mean = 0;
  double standard_error = 0;
};
Spread spread_of(std::span<const double> values);

/// The quantile of Student's t that 97.5 % lie below: half an interval is so many standard errors.
/// `degrees` > 0.
double t_quantile(double degrees);

/// `value` within t_quantile(degrees) standard errors, and `slack` on either side that is no chance
/// (a resolution). Nothing but finite figures leaves: else there is no value, or no interval, with
/// the reason.
Estimate estimate_of(double value, double standard_error, double degrees, std::string basis,
                     double slack = 0);
/// The same of a logarithm: the estimate is exp of it.
Estimate estimate_of_log(double log, double standard_error, double degrees, std::string basis,
                         double slack = 0);
Estimate estimate_without_interval(double value, std::string basis, std::string reason);

/// after / before, where each run has one figure of both, in the same order: the geometric mean of
/// the runs' ratios, by t on their logarithms with n - 1 degrees of freedom. All must be above 0.
Estimate ratio_over_runs(std::span<const double> before, std::span<const double> after);

/// after - before, the same way on the figures as they are.
Estimate difference_over_runs(std::span<const double> before, std::span<const double> after);

/// What an interval of a share, or of a difference or ratio of shares, is held to: no bound that no
/// share can have, and never of zero width. Where all runs have 0 or 100 % nothing tells how much
/// they may differ; the rule of three then bounds what is rarer than can be seen: in n requests
/// without one of a kind, 3 / n of them at most (95 %).
struct ShareLimits {
  double least = 0;  ///< of the estimate: 0 of shares and ratios, -1 of differences
  double most = 1;   ///< 1 of shares and differences; infinite of ratios
  double requests = 0;
};
Estimate within_limits(Estimate estimate, const ShareLimits& limits);

/// "1 run", "5 runs".
std::string runs_figure(std::size_t runs);

}  // namespace tokenlift
