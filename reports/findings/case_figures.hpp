#pragma once
// What of a set of runs is compared with another: one figure per run of each metric and phase.
//
// Compared are `before` and `after`, or `steady`, in full: they are what a lift is about and do not
// depend on how long `settle` is. Of `transition`, which does, only what users felt (goodput,
// attainment, p99 of TTFT), and the drain time. More lines would find no more and, as every
// comparison is paid for by the correction for their number, ask for more runs. So few of them are
// primary, and these alone fail a gate: of `after` or `steady` throughput, goodput, attainment, p50
// and p99 of TTFT, and p99 of ITL, unless others are chosen.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/trial.hpp"

namespace tokenlift {

/// How figures of a metric compare.
enum class FigureScale {
  ratio,       ///< contender / base
  share,       ///< contender - base, of figures 0 .. 1
  of_a_whole,  ///< ratio; where a run has less than a tenth of the whole, the difference over it
};

/// The tenth: 4 tokens/s of goodput, of 1,845 that were made, may be twice as many another day.
inline constexpr double kLeastOfWhole = 0.1;

struct RunFigure {
  std::uint64_t seed = 0;
  double value = 0;
  double grain = 0;  ///< how well a run tells it: the width of a bucket or a bin
};

/// The phases that last, of which a run has one: what is gated is of theirs.
bool is_lasting(std::string_view phase);

/// One metric of one phase in all runs that have it.
struct FigureSet {
  std::string phase;  ///< "before", "transition", "after", "steady", or "lift" for what is of none
  std::string name;   ///< "throughput", "ttft p50", ... as of Gain; "gain of goodput", "drain time"
  std::string unit;   ///< "tokens/s", "share", "ns" or "after/before"
  bool higher_is_better = true;
  bool judged = true;    ///< a gain is not: it falls when `before` gets better
  bool primary = false;  ///< gated where none are chosen; else explored
  FigureScale scale = FigureScale::ratio;
  std::vector<RunFigure> runs;
  double whole = 0;       ///< of_a_whole: its mean over the runs
  std::string missing;    ///< why runs lack it; empty: none does
  bool unserved = false;  ///< a percentile that hides requests which were not served
};

/// A set of runs, without what takes memory.
struct CaseFigures {
  std::size_t runs = 0;
  std::vector<std::uint64_t> seeds;
  bool without_chance = false;     ///< as of Arm
  std::vector<FigureSet> figures;  ///< the same metrics in the same order for the same phases
  std::string problem;             ///< why it is no measurement: not valid, interrupted; else empty
  std::vector<std::string> left_out;  ///< as of Trial
};

/// The percentiles of a phase that are among the figures: "ttft p50", ...
std::vector<std::string> compared_percentiles(std::string_view phase);

/// What may be chosen to be gated, as users write it: "throughput", ..., "ttft_p50", ...
std::vector<std::string> gate_names();

/// Whether a figure is gated where these of gate_names() are chosen; none: the usual ones.
bool is_gated(const FigureSet& set, const std::vector<std::string>& chosen);

/// Of the runs with the lift; a control is not looked at.
CaseFigures case_figures(const Trial& trial);

}  // namespace tokenlift
