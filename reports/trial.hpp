#pragma once
// What a report is made of: runs of one experiment, with the lift and, as a control, without it.
//
// Repetitions are pooled for what is shown, and each is kept in brief for what is concluded from
// how much they differ.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/histogram.hpp"
#include "reports/run.hpp"

namespace tokenlift {

/// One phase of one run, over the fleet. Histograms are kept by their buckets: a few KB each, so
/// that thousands of repetitions fit into memory.
struct PhaseBrief {
  double length_s = 0;
  Counts counts;
  std::uint64_t slo_met = 0;
  std::uint64_t output_tokens = 0;   ///< produced while the phase lasted
  std::uint64_t goodput_tokens = 0;  ///< of requests due in it that met all objectives
  std::array<std::vector<BucketCount>, kMetrics> latency;

  const std::vector<BucketCount>& of(Metric metric) const {
    return latency[static_cast<std::size_t>(metric)];
  }
};

struct RunBrief {
  std::uint64_t seed = 0;
  std::optional<LiftRecord> lift;
  std::vector<PhaseBrief> phases;  ///< as Run::phases
};

/// Repetitions of one scenario.
struct Arm {
  Run pooled;
  std::vector<RunBrief> runs;  ///< in the order in which they were added

  explicit Arm(Run first);
  /// Pools another repetition. Throws RunMismatch, and then nothing has changed.
  void add(const Run& run);
};

/// One column of a report.
struct Trial {
  std::string label;           ///< what it is called beside others: its folder, or its scenario
  Arm lifted;                  ///< with the lift (or whatever the measured event is)
  std::optional<Arm> control;  ///< the same seeds with the measured event taken out
};

/// Pools runs, lifted ones and controls apart, in their order. Throws RunMismatch where they cannot
/// be pooled, or are all controls; std::invalid_argument where there is none.
Trial make_trial(std::string label, const std::vector<Run>& runs);

}  // namespace tokenlift
