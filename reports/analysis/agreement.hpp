#pragma once
// How well simulated runs agree with real ones of the same scenario: figure by figure, with goals.

#include <optional>
#include <string>
#include <vector>

#include "reports/record/run.hpp"
#include "reports/text/text_table.hpp"

namespace tokenlift {

/// One figure of one phase, real and simulated, in `unit`. Absent where the sample does not support
/// it.
struct AgreementRow {
  std::string phase;
  std::string figure;
  std::string unit;
  std::optional<double> real;
  std::optional<double> simulated;
  /// Of the real fleet in this phase, 0 .. 1. Near 1 queues multiply small errors in the cost of a
  /// step: what is a few percent of throughput there can be a factor of latency.
  std::optional<double> utilisation;
  std::optional<double> goal;  ///< the relative difference allowed, where one is set
  /// Simulated within the goal; absent where there is no goal or not both figures. Of a real figure
  /// of 0 a share allows nothing: a goodput is then held to that share of the throughput, anything
  /// else to 0.
  std::optional<bool> met;
};

/// The goals: 5 % for throughput and goodput, 10 % for p50 and 20 % for p99 of TTFT.
inline constexpr double kRateGoal = 0.05;
inline constexpr double kTtftMedianGoal = 0.10;
inline constexpr double kTtftTailGoal = 0.20;

/// Rows of every phase that both runs have, in the real run's order. Pooled runs are compared like
/// single ones.
std::vector<AgreementRow> agreement(const Run& real, const Run& simulated);

/// True if no goal is missed.
bool goals_met(const std::vector<AgreementRow>& rows);

/// A table of the rows, and how many goals were met.
std::string to_text(const std::vector<AgreementRow>& rows, const TextStyle& style);

}  // namespace tokenlift
