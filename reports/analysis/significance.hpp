#pragma once
// Do two sets of runs differ, and how many runs would it take to see that? Tests at the level of
// runs: requests of one run are not independent, runs are.
//
// A change is tested against the largest one that does not matter (`negligible`), not against none:
// a difference that is certain and that nobody cares for is then no finding, and figures that never
// vary need no exception.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace tokenlift {

/// By how much a figure differs between two sets of runs, and how sure that is.
struct Shift {
  double value = 0;           ///< contender - base; of logarithms: that of the ratio
  double standard_error = 0;  ///< of `value`; 0: the runs do not vary
  double degrees = 0;         ///< of freedom; 0: too few runs for a standard error
  double deviation = 0;       ///< of a run (pooled over both sets), or of a pair's difference
  std::size_t base_runs = 0;
  std::size_t contender_runs = 0;  ///< as many where they are paired
  bool paired = false;
  double borrowed = 0;       ///< of `degrees`: those that like figures lent
  double own_deviation = 0;  ///< what `deviation` was before they did
};

/// Of independent sets, of at least one run each: the difference of the means, its error and
/// degrees of freedom after Welch and Satterthwaite.
Shift shift_of(std::span<const double> base, std::span<const double> contender);

/// Of runs that belong together, in the same order: the mean of their differences.
Shift paired_shift(std::span<const double> base, std::span<const double> contender);

/// What a test looks for.
struct TestSize {
  double negligible = 0;  ///< a shift of up to this is none, >= 0
  double sought = 0;      ///< a shift that must not be missed, > negligible
  double level = 0;       ///< of the test, two-sided, 0 .. 1
};

/// The chance of so large a shift, on either side, where the true one is at most negligible. 0 or 1
/// where the runs do not vary. Needs degrees > 0.
double p_value(const Shift& shift, double negligible);

/// The chance of so low a shift, or a lower one, where the true one is `sought`: what excludes that
/// it is as high. 0 or 1 where the runs do not vary. Needs degrees > 0.
double p_of_as_high(const Shift& shift, double sought);

/// The shift is at most so high, with confidence 1 - level. Needs degrees > 0.
double highest(const Shift& shift, double level);

/// How often runs that vary as these would show a shift as large as sought.
double power(const Shift& shift, const TestSize& size);

// ------------------------------------------------------------------- what like figures lend

/// How the variances of like figures are spread: as if each had been measured with so many degrees
/// of freedom more, which found `variance`.
struct VariancePrior {
  double degrees = 0;  ///< 0: they have nothing in common, or there is one
  double variance = 0;
};

/// Of the shifts that vary, which are of one figure in several cases: degrees and variance from the
/// mean and the variance of the logarithms (Smyth, Linear Models and Empirical Bayes Methods for
/// Assessing Differential Expression in Microarray Experiments, Statistical Applications in
/// Genetics and Molecular Biology 3, 2004, section 6.2). Few cases tell badly how much they have in
/// common: what they lend counts for no more than it does with confidence kDeviationConfidence, and
/// for no more than they have themselves.
VariancePrior prior_of(std::span<const Shift> shifts);

/// With the variance between its own and that of the others, weighted by degrees of freedom. A
/// shift without variance stays as it is.
Shift moderated(const Shift& shift, const VariancePrior& prior);

/// Each moderated by what all of them have in common; but what varies so much more than the others
/// that it is none of them borrows accordingly little: as many degrees as the chance of so large a
/// variance among the others is a share of how many are as large, at most all (Phipson, Lee,
/// Majewski, Alexander and Smyth, Robust Hyperparameter Estimation Protects against Hypervariable
/// Genes, Annals of Applied Statistics 10, 2016, section 4).
std::vector<Shift> moderated(std::span<const Shift> shifts);

/// A change as large as sought is to be shown with this probability ...
inline constexpr double kPower = 0.9;
/// ... and the deviation, which few runs tell badly, is taken as high as it is with this confidence
/// at most (Browne, On the Use of a Pilot Sample for Sample Size Determination, Statistics in
/// Medicine 14, 1995): a pilot of 3 + 3 runs asks for 2.4 times the runs that its own deviation
/// would.
inline constexpr double kDeviationConfidence = 0.8;
/// More runs than these are not asked for.
inline constexpr std::size_t kMostRunsNeeded = 10'000;

/// Runs on either side (pairs) to show a shift as large as sought with kPower. Absent: more than
/// kMostRunsNeeded.
std::optional<std::size_t> runs_needed(const Shift& shift, const TestSize& size);

/// A figure that is to be decided, whatever its true shift: whether it is worse, and where it is
/// not, that it is not worse by much.
struct GatedShift {
  Shift shift;
  TestSize worse;     ///< a shift as large as `sought` is to be shown
  TestSize excluded;  ///< where there is none, one of `sought` is to be excluded; level one-sided
};

/// Runs on either side (pairs) with which each is shown to be worse, were it so, with kPower, and
/// none of them stays open, were nothing different, with kPower for all of them together. Absent:
/// more than kMostRunsNeeded.
std::optional<std::size_t> runs_needed(std::span<const GatedShift> figures);

/// The smallest shift that so many runs on either side (pairs) show with kPower, at this level.
double least_shown(const Shift& shift, std::size_t runs, double negligible, double level);

/// p values corrected for there being several, in the same order (Holm, A Simple Sequentially
/// Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979): the chance that
/// any of those at or under a level is there by chance is at most the level, however they depend on
/// each other.
std::vector<double> holm(std::span<const double> p_values);

/// What each p value is held to by Holm: those at or under their level are the ones that holm()
/// puts at or under `level`. All that follow the first above its level have the level of that one.
std::vector<double> holm_levels(std::span<const double> p_values, double level);

}  // namespace tokenlift
