#pragma once
// What a search for better settings has found, as every format lays it out. Filled by the tuner;
// nothing here searches.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/analysis/interval.hpp"
#include "reports/findings/suite_report.hpp"

namespace tokenlift {

/// A figure of report.json that is to be as large, or as small, as can be.
struct TuningAim {
  std::string path;  ///< "goodput.before"
  bool maximize = true;
};

/// One constraint of one candidate.
struct ConstraintResult {
  std::optional<double> value;  ///< absent: see `reason`
  bool met = false;
  double violation = 0;  ///< 0 where met; else by how much of the bound it is missed: 0.2 = 20 %
  std::string reason = {};
  double room = 0;  ///< where met: how much of the bound lies between
};

/// What was measured of one setting; of a candidate that is no scenario only `failure` is set.
struct TuningFigures {
  std::uint64_t runs = 0;           ///< pooled
  double length_share = 1;          ///< of the scenario's length that they had, 0 .. 1
  std::uint64_t requests = 0;       ///< simulated, all runs together
  std::optional<double> objective;  ///< pooled; absent: see `reason`
  std::string reason = {};
  std::vector<double> objective_by_run = {};  ///< of runs that have it, in order of their seeds
  std::vector<ConstraintResult> constraints = {};  ///< as TuningReport::constraints
  // Of the judged phase, whatever the objective:
  std::optional<double> throughput_tokens_per_s;
  std::optional<double> goodput_tokens_per_s;
  std::optional<double> attainment;  ///< 0 .. 1
  std::optional<double> unserved;    ///< share of the requests due that got no answer, 0 .. 1
  std::optional<double> ttft_p50_ms;
  std::optional<double> ttft_p99_ms;
  std::string failure = {};  ///< why there is nothing

  /// Has an objective, and meets every constraint.
  bool feasible() const;
  /// The sum over all constraints; infinite of what has no objective.
  double violation() const;
};

/// A setting that was tried, as judged by the most runs that it got.
struct TuningCandidate {
  std::vector<double> point;          ///< a position for each parameter, 0 .. 1; empty: as present
  std::vector<std::string> values;    ///< as --set takes them, one for each parameter
  std::vector<std::string> settings;  ///< KEY=VALUE, for --set: all that makes it from the scenario
  std::string stage;  ///< in which it was drawn: "present", "whole range", "zoom 1", ...
  TuningFigures figures;
  bool pareto = false;  ///< no feasible other has more goodput, less p99 TTFT and fewer unserved
};

/// One point of the response of the objective to one parameter, the others as recommended.
struct ResponsePoint {
  double position = 0;  ///< 0 .. 1
  std::string value;
  std::optional<double> objective;
  bool feasible = false;
};

struct TunedParameter {
  std::string key;     ///< as --set takes it
  std::string scale;   ///< "linear", "log", "integer", "log_integer" or "choice"
  std::string lowest;  ///< as --set takes it; of a choice empty
  std::string highest;
  std::vector<std::string> choices = {};
  std::string reason = {};                      ///< why this range; empty: the scenario says it
  std::optional<std::string> present;           ///< absent: the scenario does not say
  std::optional<double> present_position = {};  ///< absent also where it is out of range
  // Where something is recommended:
  std::string recommended = {};
  /// Share of the objective's variance over the whole range that goes with this parameter alone,
  /// 0 .. 1. Absent: too few points, or nothing varies.
  std::optional<double> sensitivity = {};
  std::optional<double> sensitivity_error = {};  ///< its standard error
  std::vector<ResponsePoint> response = {};      ///< in order of position
  /// What stays feasible and within 2 % of the recommended objective around it.
  std::string tolerated_low = {}, tolerated_high = {};
  std::vector<std::string> words = {};  ///< the key word by word, names without their quotes
};

/// A finalist, and what became of it when things were not as the scenario says.
struct StressResult {
  std::string name;  ///< "as it is", "load +10 %", "outputs 20 % longer", ...
  std::optional<double> objective;
  double violation = 0;    ///< sum over all constraints
  std::uint64_t runs = 0;  ///< that this is of; 0: not known
};
struct Finalist {
  std::size_t candidate = 0;  ///< index
  Estimate to_best = {};      ///< objective / that of the best of them, from runs of the same seeds
  std::string outcome = {};   ///< "winner", "as good within 1 %", "worse: left after 8 runs", ...
  std::vector<StressResult> stress = {};
};

/// Present against recommended, from runs of the same seeds.
struct TuningChange {
  std::string name;  ///< "goodput", "throughput", "attainment", "unserved", "TTFT p50", "TTFT p99"
  std::string unit;  ///< "tokens/s", "share" or "ms"
  bool higher_is_better = true;
  std::optional<double> present;
  std::optional<double> recommended;
  bool is_difference = false;  ///< `change` is recommended - present, else the ratio
  Estimate change;
};

/// The objective along the run, of the present setting and of the recommended one.
struct TuningSeries {
  std::string label;
  CaseLine goodput_line;  ///< tokens/s
  CaseLine ttft_line;     ///< p50, ms, by when requests were due
};

/// One setting on engine threads.
struct VerifiedArm {
  std::size_t candidate = 0;
  std::string label;                      ///< "present", "recommended", "second", "third"
  std::optional<double> predicted;        ///< objective, as simulated
  std::optional<double> measured;         ///< pooled over its runs
  std::optional<Interval> interval = {};  ///< 95 %, over runs
  std::vector<double> measured_by_run = {};
  std::vector<ConstraintResult> constraints = {};
  std::vector<std::string> validity = {};  ///< as of TrialReport; empty: valid
};
struct Verification {
  std::uint64_t runs = 0;                  ///< of each arm
  std::vector<VerifiedArm> arms;           ///< the present setting first, then by rank
  bool valid = true;                       ///< every arm is a measurement
  std::vector<std::string> refusals = {};  ///< why nothing is recommended; empty: it holds
};

/// More than the scenario has of something, as it was simulated.
struct Remedy {
  std::size_t candidate = 0;    ///< the setting that it was tried with; index
  double fleet = 1;             ///< so many times the replicas
  std::int64_t replicas = 0;    ///< and so many these are; 0: as many as there are
  double limits = 1;            ///< so many times the rates, bursts and limits
  std::string throttle = {};    ///< of this throttle; empty: of all
  bool meets = false;           ///< all constraints
  std::optional<double> value;  ///< of Infeasible::constraint; absent where it has none
};

/// Where no setting meets all constraints.
struct Infeasible {
  std::size_t candidate = 0;          ///< the one that misses least
  std::size_t constraint = 0;         ///< the one that it misses most; index
  std::vector<Remedy> remedies = {};  ///< those that do it first; only what was simulated
  std::string reason = {};            ///< without any: why
};

/// How the search went, stage by stage.
struct TuningStage {
  std::string name;  ///< as of TuningCandidate, or "finalists", "stress", "response"
  std::size_t candidates = 0;
  std::uint64_t runs = 0;  ///< simulated in it
  std::uint64_t requests = 0;
};

struct TuningReport {
  std::string scenario;
  std::string description = {};
  std::vector<std::string> command = {};
  std::string tokenlift_version = {};
  std::string started_at = {};  ///< UTC, ISO 8601
  std::uint64_t seed = 0;
  bool of_lift = false;  ///< searched is how the lift happens
  std::string phase;     ///< that is judged
  std::optional<double> capacity_tokens_per_s = {};
  TuningAim aim;
  std::vector<std::string> constraints = {};  ///< as written, and the floors
  std::vector<std::string> floors = {};       ///< of these, what no tenant is to lose unasked
  std::vector<TunedParameter> parameters;
  std::vector<TuningCandidate> candidates;      ///< the present setting first
  std::optional<std::size_t> recommended = {};  ///< index; absent: nothing is feasible, or refused
  std::optional<std::size_t> best = {};         ///< what the search found, also where refused
  std::vector<Finalist> finalists = {};
  std::vector<TuningChange> changes = {};
  std::uint64_t runs_of_changes = 0;  ///< of either setting, which `changes` rest on
  /// Whose attainment falls with what is recommended: "tenant 'a' loses: its attainment falls from
  /// 99.0 to 97.4 %".
  std::vector<std::string> losers = {};
  /// What holds the recommended setting back, or the one that misses least; a sentence each.
  std::vector<std::string> binding = {};
  std::string toml = {};                  ///< [[throttle]] (or [[event]]) to paste
  std::vector<TuningSeries> series = {};  ///< present, recommended
  std::optional<Infeasible> infeasible = {};
  std::optional<Verification> verification = {};
  std::vector<TuningStage> stages = {};
  std::uint64_t budget_requests = 0;  ///< 0: by time
  std::uint64_t requests = 0;         ///< simulated in all
  double elapsed_s = 0;               ///< simulating; verification is not in it
  bool interrupted = false;           ///< stopped before its end: the best so far
};

/// A search in three sentences for whoever decides and reads no further: what was done, what came
/// out and how sure that is, what it means for the decision. Empty where nothing was tried.
std::vector<std::string> tuning_answer(const TuningReport& report);

/// One sentence: what is recommended and what it gains, or why nothing is.
std::string tuning_verdict(const TuningReport& report);

}  // namespace tokenlift
