#include "reports/findings/fleet_remarks.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "reports/findings/meanwhile.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// What it was like while a change of the fleet lasted.
void remark_on_meantime(const TrialReport& report, std::vector<std::string>& remarks) {
  const PhaseSummary* const phase = find_phase(report.phases, "transition");
  if (phase == nullptr || phase->counts.due == 0) return;
  std::vector<std::string> clauses;
  if (phase->rates.throughput_tokens_per_s) {
    clauses.push_back(
        fmt::format("throughput {} tokens/s", figure(*phase->rates.throughput_tokens_per_s)));
  }
  if (phase->rates.attainment) {
    clauses.push_back(fmt::format("attainment {}", percent_figure(*phase->rates.attainment)));
  }
  if (const std::optional<std::int64_t> ttft_ns = phase->of(Metric::ttft).at(500)) {
    clauses.push_back(fmt::format("TTFT p50 {}", duration_figure(*ttft_ns)));
  }
  if (clauses.empty()) return;
  remarks.push_back(fmt::format("In the transition ({}–{} s): {}.", second_figure(phase->begin_ns),
                                second_figure(phase->end_ns), listed(clauses, "and")));
}

/// Requests that went down with a replica.
void remark_on_failed(const TrialReport& report, std::vector<std::string>& remarks) {
  std::uint64_t all = 0;
  std::vector<std::string> clauses;
  for (const PhaseSummary& phase : report.phases) {
    if (phase.counts.failed == 0) continue;
    all += phase.counts.failed;
    clauses.push_back(fmt::format("{} in '{}'", whole_figure(phase.counts.failed), phase.name));
  }
  if (all == 0) return;
  remarks.push_back(fmt::format("{} {} failed with what served them: {}.", whole_figure(all),
                                all == 1 ? "request" : "requests", listed(clauses, "and")));
}

/// What else changed while it was measured.
void remark_on_others(const Run& run, std::vector<std::string>& remarks) {
  const std::vector<std::string> clauses = changes_beside(run);
  if (clauses.empty()) return;
  remarks.push_back(fmt::format("{} the measured time {}.", run.lift ? "Also within" : "Within",
                                listed(clauses, "and")));
}

}  // namespace

std::vector<std::string> fleet_remarks(const TrialReport& report) {
  std::vector<std::string> remarks;
  const Run& run = report.trial.lifted.pooled;
  const bool measured = report.lift && !report.lift->fleet.empty();
  if (measured) remark_on_meantime(report, remarks);
  remark_on_others(run, remarks);
  if (measured || run.fleet.compositions.size() > 1) remark_on_failed(report, remarks);
  return remarks;
}

}  // namespace tokenlift
