#pragma once
// A suite's cases, each in brief, as every format of the report over the suite lays them out.
//
// A case keeps what the matrix shows and lets its runs go: a few KB, so that a thousand cases fit.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/analysis/gain.hpp"
#include "reports/findings/report.hpp"

namespace tokenlift {

enum class CaseStatus : std::uint8_t {
  done,
  invalid,      ///< it ran, and is not a measurement
  failed,       ///< it ended with an error
  interrupted,  ///< stopped before its end
  not_run,
};
/// "done", "invalid", "failed", "interrupted" or "not run".
std::string_view name_of(CaseStatus status);
std::optional<CaseStatus> case_status(std::string_view name);

struct ObjectiveResult {
  std::string text;                  ///< as the user wrote it: "ttft.p99_ms.after <= 500"
  bool met = false;                  ///< never true of a value that is absent
  std::optional<double> value;       ///< in the unit of the bound
  std::string reason = {};           ///< of a value that is absent: why
  std::optional<double> bound = {};  ///< as in the text
};

/// What the matrix shows of one phase. Absent: the sample does not support it.
struct CasePhase {
  std::string name;
  std::optional<double> throughput_tokens_per_s;
  std::optional<double> goodput_tokens_per_s;
  std::optional<double> attainment;  ///< 0 .. 1
  std::optional<double> ttft_p50_ms;
  std::optional<double> ttft_p99_ms;
  std::optional<double> tpot_p50_ms;
  std::optional<double> tpot_p99_ms;
  std::optional<double> itl_p99_ms;
};

/// A figure over time: value i is of [i * step_s, (i + 1) * step_s). Absent: nothing was due then.
struct CaseLine {
  double step_s = 0;
  std::vector<std::optional<double>> values;  ///< at most kMostCasePoints
};
inline constexpr std::size_t kMostCasePoints = 60;

/// Of a case that is a sweep, what it found.
struct CaseSweep {
  std::vector<std::string> sentences = {};
  std::size_t points = 0;
  std::optional<double> knee = {}, saturated_from = {};
  std::vector<std::pair<std::string, std::string>> answers = {};  ///< "most KEY", the value
  std::optional<double> most_tokens_per_s = {};  ///< throughput of the point that has the most
};

struct CaseReport {
  std::string name;    ///< parts with '=' are settings; cases that differ in these only are a group
  std::string folder;  ///< of its runs and its report.html, from the suite's folder; may be empty
  CaseStatus status = CaseStatus::not_run;
  std::string failure = {};  ///< why it has failed or stopped
  std::string engine = {};
  std::uint64_t runs = 0;
  // As of its TrialReport; empty where nothing ran.
  std::string verdict = {};
  std::vector<std::string> validity = {};
  std::vector<CasePhase> phases = {};
  std::optional<Gain> goodput = {};  ///< absent without a lift
  std::optional<double> drain_s = {};
  std::optional<double> lift_s = {};    ///< when it happened
  CaseLine goodput_line = {};           ///< tokens/s
  CaseLine ttft_line = {};              ///< p50, ms, by when requests were due
  std::optional<CaseSweep> sweep = {};  ///< then it has no phases
  /// Of a case without figures: values are absent, and the reason says so.
  std::vector<ObjectiveResult> objectives = {};
  double elapsed_s = 0;  ///< on the clock on the wall, all its runs together
};

/// The case of that trial: done, invalid or interrupted, without objectives and time.
CaseReport case_report(const TrialReport& trial, std::string name, std::string folder);

/// The phase of that name; nullptr where there is none.
const CasePhase* find_phase(const CaseReport& report, std::string_view name);

/// The phases whose figures a matrix gives: before and after the lift, or the last one alone.
struct ShownPhases {
  const CasePhase* before = nullptr;
  const CasePhase* after = nullptr;
};
ShownPhases shown_phases(const CaseReport& report);

std::size_t missed_objectives(const CaseReport& report);

/// "lift/rate=2/seed=1": the base "lift" with the settings "rate=2/seed=1".
struct CaseName {
  std::string base, settings;
};
CaseName parts_of(std::string_view name);

struct SuiteReport {
  std::string name;
  std::string description = {};
  std::vector<std::string> command = {};
  std::string tokenlift_version = {};
  std::string started_at = {};  ///< UTC, ISO 8601
  std::vector<CaseReport> cases;
  std::vector<std::string> remarks = {};  ///< what so many runs can show; how it compares
  std::vector<std::string> columns = {};  ///< of its table, as of suite_columns(); empty: the usual
};

struct SuiteCounts {
  std::size_t done = 0, invalid = 0, failed = 0, interrupted = 0, not_run = 0;  ///< cases
  std::size_t met = 0, objectives = 0;
  /// Every case is done and every objective met.
  bool all_well() const;
};
SuiteCounts counts_of(const SuiteReport& suite);

/// "12 cases: 10 done, 1 invalid, 1 failed; 19 of 20 objectives met."
std::string suite_verdict(const SuiteReport& suite);

/// A suite in three sentences for whoever decides and reads no further: what was done, what came
/// out and how sure that is, what it means for the decision. Empty without cases.
std::vector<std::string> suite_answer(const SuiteReport& suite);

/// What stands beside its name: "tokenlift 0.1.0", when it began.
std::vector<std::string> facts_of(const SuiteReport& suite);

/// What is not well, case by case: failures, failed checks, objectives that are not met.
struct CaseMessage {
  std::string name;
  std::vector<std::string> lines;  ///< at least one; of failed checks one each
};
std::vector<CaseMessage> messages_of(const SuiteReport& suite);

/// "it is 612", or "no value (p99: needs 1000 samples, has 480)".
std::string value_text(const ObjectiveResult& objective);
/// "ttft.p99_ms.after <= 500 is not met: it is 612".
std::string missed_text(const ObjectiveResult& objective);

}  // namespace tokenlift
