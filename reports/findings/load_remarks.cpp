#include "reports/findings/load_remarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/text/figure.hpp"

namespace tokenlift {

namespace {

constexpr double kOtherLoad = 0.1;
/// Standard errors of the difference, if requests came independently of each other: bursts make it
/// larger, and few bursts are no other load.
constexpr double kBeyondChance = 6;

/// Two counts of what comes by chance over so much time differ by more than chance and a tenth.
bool differ(double one, double one_s, double other, double other_s) {
  if (one <= 0 || other <= 0) return one + other > kBeyondChance * kBeyondChance;
  const double ratio = (one / one_s) / (other / other_s);
  const double error = std::sqrt(1 / one + 1 / other);
  return std::abs(std::log(ratio)) >= std::max(std::log1p(kOtherLoad), kBeyondChance * error);
}

double length_s(const PhaseSummary& phase) {
  return static_cast<double>(phase.end_ns - phase.begin_ns) / 1e9;
}

/// Requests due of the tenants that do not wait for answers before they ask.
double due_in_open_loop(const Run& run, std::string_view phase) {
  double due = 0;
  for (const TenantRecord& tenant : run.tenants) {
    if (!tenant.open_loop) continue;
    due += static_cast<double>(tenant.phases.at(*find_phase(run, phase)).counts.due);
  }
  return due;
}

}  // namespace

OtherLoad other_load(const TrialReport& report) {
  if (!report.lift || report.trial.control) return {};
  const PhaseSummary* const before = find_phase(report.phases, "before");
  const PhaseSummary* const after = find_phase(report.phases, "after");
  if (before == nullptr || after == nullptr || before->counts.due == 0 || after->counts.due == 0) {
    return {};
  }
  OtherLoad load;
  load.before_per_s = *before->rates.offered_requests_per_s;
  load.after_per_s = *after->rates.offered_requests_per_s;
  const double then_s = length_s(*before);
  const double now_s = length_s(*after);
  load.differs = differ(static_cast<double>(after->counts.due), now_s,
                        static_cast<double>(before->counts.due), then_s);
  const Run& run = report.trial.lifted.pooled;
  load.by_itself = load.differs && differ(due_in_open_loop(run, "after"), now_s,
                                          due_in_open_loop(run, "before"), then_s);
  return load;
}

bool load_changes_within(const TrialReport& report, std::string_view phase) {
  const auto thirds = due_in_thirds(report.trial.lifted.pooled, phase);
  if (!thirds) return false;
  const auto [least, most] = std::ranges::minmax(*thirds);
  return differ(most, 1, least, 1);
}

std::vector<std::string> load_remarks(const TrialReport& report) {
  const OtherLoad load = other_load(report);
  if (!load.differs || load.by_itself) return {};  // the verdict says what comes by itself
  return {fmt::format(
      "{} was asked for in 'after' than in 'before': {} and {} requests/s were due. As far as that "
      "is not the doing of the change, it is part of what differs; `--control` plays the same load "
      "without the change.",
      load.after_per_s > load.before_per_s ? "More" : "Less", figure(load.after_per_s),
      figure(load.before_per_s))};
}

}  // namespace tokenlift
