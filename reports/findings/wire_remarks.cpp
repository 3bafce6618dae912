#include "reports/findings/wire_remarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "reports/findings/wire_table.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

using Remarks = std::vector<std::string>;

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Of all measured phases.
struct Sums {
  Counts counts;
  std::uint64_t attempts = 0;
  std::uint64_t denied = 0;
  std::uint64_t overloaded = 0;
};
Sums sums_of(const TrialReport& report) {
  Sums sums;
  for (const PhaseSummary& phase : report.phases) {
    merge(sums.counts, phase.counts);
    sums.attempts += phase.attempts;
    sums.denied += phase.denied;
    sums.overloaded += phase.overloaded;
  }
  return sums;
}

/// ", most attempts by 'cut' (the connection was closed)"; empty where it is not known.
std::string commonest_failure(const WireRecord& wire) {
  const auto most = std::ranges::max_element(wire.failures, {}, &FailureRecord::count);
  if (most == wire.failures.end()) return "";
  return fmt::format(", most attempts by '{}'{}", most->kind,
                     most->example.empty() ? "" : " (" + most->example + ")");
}

/// An endpoint that did one thing only is said to have done that, and nothing else is said of it.
bool remark_on_all(const Run& run, const Sums& sums, Remarks& remarks) {
  const Counts& counts = sums.counts;
  if (counts.due == 0 || counts.completed > 0) return false;
  if (counts.failed == counts.due) {
    remarks.push_back(fmt::format("The endpoint served nothing: every request failed{}.",
                                  commonest_failure(*run.wire)));
    return true;
  }
  if (counts.failed > 0 || !run.wire->failures.empty()) return false;
  if (sums.denied + sums.overloaded == 0 && counts.rejected == 0) {
    remarks.push_back(fmt::format(
        "The endpoint never answered: none of the {} requests that were due got a status.",
        whole_figure(counts.due)));
    return true;
  }
  if (sums.denied + sums.overloaded < counts.due) return false;
  remarks.push_back(
      fmt::format("The endpoint refused every request{}: a limit of 0, or a key that has none.",
                  sums.denied == 0 ? " as overloaded (503 or 529)" : ""));
  return true;
}

/// "x in 'before' and y in 'after'" of those phases in which something was due.
std::string by_phase(const TrialReport& report, std::uint64_t PhaseSummary::*count) {
  std::vector<std::string> clauses;
  for (const PhaseSummary& phase : report.phases) {
    if (phase.name == "transition" || phase.counts.due == 0) continue;
    clauses.push_back(fmt::format(
        "{} in '{}'", percent_figure(share(phase.*count, phase.counts.due)), phase.name));
  }
  return listed(clauses, "and");
}

void remark_on_refusals(const TrialReport& report, const Sums& sums, Remarks& remarks) {
  const Run& run = report.trial.lifted.pooled;
  if (sums.denied > 0) {
    remarks.push_back(
        fmt::format("Of first attempts the endpoint denied {} by its own limit (429).",
                    by_phase(report, &PhaseSummary::denied)));
  }
  if (sums.overloaded > 0) {
    remarks.push_back(
        fmt::format("Of first attempts the endpoint refused {} as overloaded (503 or 529): by "
                    "definition those stand for everybody's load; some servers answer so at a "
                    "limit, too.",
                    by_phase(report, &PhaseSummary::overloaded)));
  }
  if (sums.denied + sums.overloaded > 0 || sums.counts.completed == 0) return;
  const bool expected = run.throttles.empty() || (run.lift && happened_elsewhere(*run.lift));
  if (!expected) return;
  remarks.emplace_back(
      "The endpoint never refused: it has no limit that refuses, or this load stayed below it. "
      "What "
      "it holds back without refusing is in the service TTFT.");
}

void remark_on_failures(const Run& run, const Sums& sums, Remarks& remarks) {
  const std::uint64_t failed = sums.counts.failed;
  if (failed == 0) return;
  remarks.push_back(fmt::format("{} {} failed, {} of those due{}.", whole_figure(failed),
                                failed == 1 ? "request" : "requests",
                                percent_figure(share(failed, sums.counts.due)),
                                commonest_failure(*run.wire)));
}

/// Who gave up on refusals, in the state that the run ended in.
void remark_on_given_up(const TrialReport& report, Remarks& remarks) {
  const Run& run = report.trial.lifted.pooled;
  const PhaseSummary* const phase = find_phase(report.phases, run.lift ? "after" : "steady");
  if (phase == nullptr || phase->counts.rejected == 0) return;
  const std::size_t index = *find_phase(run, phase->name);
  std::uint64_t by_throttles = 0;
  for (const ThrottleRecord& throttle : run.throttles) {
    by_throttles += throttle.phases.at(index).rejected;
  }
  const double gave_up = share(phase->counts.rejected, phase->counts.due);
  if (by_throttles > 0 || gave_up < kBinds) return;
  remarks.push_back(fmt::format(
      "{} of the requests due in '{}' were rejected for good: the endpoint refused all their "
      "attempts.",
      percent_figure(gave_up), phase->name));
}

/// How far tokens and gaps are known.
void remark_on_tokens(const WireRecord& wire, Remarks& remarks) {
  constexpr double kSomeReads = 0.1;
  constexpr double kSomeTokens = 0.01;
  constexpr double kMorePerChunk = 1.05;
  constexpr double kOtherPrompts = 0.05;
  const double several = share(wire.reads_with_several, wire.reads);
  if (several > kSomeReads) {
    remarks.push_back(fmt::format(
        "{} of the reads held several chunks, which came together: between those ITL is 0.",
        percent_figure(several)));
  }
  const std::optional<double> per_chunk = tokens_per_chunk(wire);
  if (per_chunk && *per_chunk > kMorePerChunk) {
    remarks.push_back(
        fmt::format("A chunk held {} tokens on average: ITL is of chunks, TPOT of tokens.",
                    figure(*per_chunk)));
  }
  const double late = share(wire.placed_late_tokens, wire.got_tokens);
  if (late > kSomeTokens) {
    remarks.push_back(
        fmt::format("{} of the output tokens were not seen as chunks, and count when their "
                    "request's last one came: throughput over time is that much too late.",
                    percent_figure(late)));
  }
  if (wire.without_usage > 0) {
    remarks.push_back(fmt::format("{} {} came without usage: their tokens are a count of chunks.",
                                  whole_figure(wire.without_usage),
                                  wire.without_usage == 1 ? "reply" : "replies"));
  }
  if (wire.asked_prompt_tokens == 0) return;
  const double prompts = share(wire.got_prompt_tokens, wire.asked_prompt_tokens);
  if (prompts > 1 - kOtherPrompts && prompts < 1 + kOtherPrompts) return;
  remarks.push_back(fmt::format(
      "By usage prompts had {} of the tokens that the scenario states: the endpoint counts their "
      "words differently.",
      percent_figure(prompts)));
}

/// The change came somewhere in the time that the call took.
void remark_on_instant(const Run& run, Remarks& remarks) {
  if (!run.lift || !run.lift->at_ns || !run.lift->call_ns) return;
  if (*run.lift->call_ns <= std::max<std::int64_t>(run.series.bin_ns, 1)) return;
  remarks.push_back(
      fmt::format("The {} took {}: the change came at some instant in that time, and counts from "
                  "its end on.",
                  run.lift->kind, duration_figure(*run.lift->call_ns)));
}

}  // namespace

std::vector<std::string> wire_remarks(const TrialReport& report) {
  Remarks remarks;
  const Run& run = report.trial.lifted.pooled;
  if (run.sending_bound) {
    remarks.push_back(
        fmt::format("Nothing was sent after {} s: the bound of {} was reached (run.stop_after).",
                    second_figure(run.sending_bound->at_ns),
                    run.sending_bound->bound == "requests" ? "requests" : "output tokens"));
  }
  if (!run.wire) return remarks;
  const Sums sums = sums_of(report);
  if (remark_on_all(run, sums, remarks)) return remarks;
  remark_on_refusals(report, sums, remarks);
  remark_on_failures(run, sums, remarks);
  remark_on_given_up(report, remarks);
  remark_on_tokens(*run.wire, remarks);
  remark_on_instant(run, remarks);
  return remarks;
}

}  // namespace tokenlift
