#include "reports/findings/load_remarks.hpp"

#include <fmt/format.h>

#include <cmath>

#include "reports/text/figure.hpp"

namespace tokenlift {

namespace {

constexpr double kOtherLoad = 0.1;
/// Standard errors of the difference, if requests came independently of each other: bursts make it
/// larger, and few bursts are no other load.
constexpr double kBeyondChance = 6;

}  // namespace

std::vector<std::string> load_remarks(const TrialReport& report) {
  if (!report.lift || report.trial.control) return {};
  const PhaseSummary* const before = find_phase(report.phases, "before");
  const PhaseSummary* const after = find_phase(report.phases, "after");
  if (before == nullptr || after == nullptr) return {};
  const std::optional<double> then_per_s = before->rates.offered_requests_per_s;
  const std::optional<double> now_per_s = after->rates.offered_requests_per_s;
  if (!then_per_s || !now_per_s || *then_per_s <= 0 || *now_per_s <= 0) return {};
  const double ratio = *now_per_s / *then_per_s;
  const double error = std::sqrt(1 / static_cast<double>(before->counts.due) +
                                 1 / static_cast<double>(after->counts.due));
  if (std::abs(std::log(ratio)) < std::max(std::log1p(kOtherLoad), kBeyondChance * error))
    return {};
  return {fmt::format(
      "{} was asked for in 'after' than in 'before': {} and {} requests/s were due. As far as that "
      "is not the doing of the change, it is part of what differs; `--control` plays the same load "
      "without the change.",
      ratio > 1 ? "More" : "Less", figure(*now_per_s), figure(*then_per_s))};
}

}  // namespace tokenlift
