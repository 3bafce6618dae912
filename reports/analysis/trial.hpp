#pragma once
// What a report is made of: runs of one experiment, with the lift and, as a control, without it.
//
// Repetitions are pooled for what is shown, and each is kept in brief for what is concluded from
// how much they differ.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/analysis/fairness.hpp"
#include "reports/record/histogram.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// One phase of one run, over the fleet. Histograms are kept by their buckets: a few KB each, so
/// that thousands of repetitions fit into memory.
struct PhaseBrief {
  double length_s = 0;
  Counts counts;
  std::uint64_t slo_met = 0;
  bool judged = true;                 ///< there were objectives to meet
  std::uint64_t output_tokens = 0;    ///< produced while the phase lasted
  std::uint64_t goodput_tokens = 0;   ///< of requests due in it that met all objectives
  std::optional<double> usd = {};     ///< what it cost; absent where no price is stated
  std::optional<double> joules = {};  ///< of all that sites drew; absent where none states power
  std::array<std::vector<BucketCount>, kMetrics> latency;

  const std::vector<BucketCount>& of(Metric metric) const {
    return latency[static_cast<std::size_t>(metric)];
  }

  // Rates are absent where the phase has no length, shares (0 .. 1) where nobody was due, and
  // attainment where there were no objectives.
  std::optional<double> throughput_tokens_per_s() const;
  std::optional<double> goodput_tokens_per_s() const;
  std::optional<double> attainment() const;
  std::optional<double> unserved() const;  ///< of the requests due
  // Of a token; absent where nothing was made, or nothing is known of costs.
  std::optional<double> usd_per_m_output_tokens() const;
  std::optional<double> usd_per_m_goodput_tokens() const;
  std::optional<double> j_per_output_token() const;

  bool operator==(const PhaseBrief&) const = default;
};

struct RunBrief {
  std::uint64_t seed = 0;
  std::optional<LiftRecord> lift;
  std::optional<std::int64_t> drain_ns;  ///< drain.hpp; absent: nothing waited, or did not drain
  std::vector<PhaseBrief> phases;        ///< as Run::phases
  std::optional<Unfairness> unfairness;
  std::vector<Starvation> starvation;
};

/// Repetitions of one scenario.
struct Arm {
  Run pooled;
  std::vector<RunBrief> runs;  ///< in the order in which they were added
  /// Of other seeds, that are not among `runs` because they agree with one in every count and
  /// latency.
  std::size_t equal_runs = 0;
  /// Other seeds make no other run.
  bool without_chance() const { return runs.size() == 1 && equal_runs > 0; }

  explicit Arm(Run first);
  /// Pools another repetition. Throws RunMismatch, and then nothing has changed.
  void add(const Run& run);
};

/// One column of a report.
struct Trial {
  std::string label;           ///< what it is called beside others: its folder, or its scenario
  Arm lifted;                  ///< with the lift (or whatever the measured event is)
  std::optional<Arm> control;  ///< the same seeds with the measured event taken out
  std::vector<std::string> left_out = {};  ///< "NAME: why", of each run that was not pooled
  bool interrupted = false;                ///< a run was, pooled or not
};

/// Takes runs one by one and pools what can be: lifted ones and controls apart.
///
/// Left out are runs that were interrupted, which know less of their last phases than the others
/// (where every lifted run was, the first is shown by itself), and repetitions of nothing new: a
/// seed that the arm already has, where it is simulated or all that was counted is equal; and
/// simulated runs of any seed that agree in every count and latency, as those of a trace or of
/// constant arrivals do: they are one run.
class Pool {
 public:
  /// `name` is what messages call the run. False where it is left out. Throws RunMismatch where it
  /// is no repetition of those before it; then nothing has changed.
  bool add(const std::string& name, Run run);

  /// All that was added. Throws RunMismatch where all runs are controls, or there is none, or the
  /// arms have different phases.
  Trial take(std::string label);

 private:
  struct Side {
    std::optional<Arm> arm;
    std::optional<Run> cut_short;  // the first that was interrupted
    std::string cut_short_name;
    std::vector<std::string> equal;  // the names of those that agree with one before
  };
  void tell_of_equal_runs(const Side& side);

  Side lifted_;
  Side control_;
  std::vector<std::string> left_out_;
  bool interrupted_ = false;
};

/// Pools runs in their order. Throws RunMismatch.
Trial make_trial(std::string label, const std::vector<Run>& runs);

}  // namespace tokenlift
