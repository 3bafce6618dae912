#include "reports/findings/sweep_costs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// What the value that was found costs an hour; nothing where it is not known.
std::optional<std::string> cost_words(const SweepReport& report, const SweepFind& find) {
  if (find.outcome != FindOutcome::found) return std::nullopt;
  for (const FindTry& tried : find.tries) {
    if (tried.point.values.empty() || tried.point.values[0] != find.value) continue;
    const Estimate* const hour = figure_of(report, tried.point, "usd_per_hour");
    const Estimate* const tokens = figure_of(report, tried.point, "usd_per_m_output_tokens");
    if (hour == nullptr) return std::nullopt;
    return fmt::format("${} an hour{}{}", figure(*hour->value),
                       tokens == nullptr ? ""
                                         : fmt::format(" (${} for a million output tokens)",
                                                       figure(*tokens->value)),
                       find.name.empty() ? "" : " " + find.name);
  }
  return std::nullopt;
}

/// Of what was tried, what differs costs the same an hour.
bool costs_the_same_anyhow(const SweepReport& report) {
  std::vector<double> hours;
  for (const SweepFind& find : report.finds) {
    for (const FindTry& tried : find.tries) {
      const Estimate* const hour = figure_of(report, tried.point, "usd_per_hour");
      if (hour != nullptr) hours.push_back(*hour->value);
    }
  }
  constexpr double kSame = 1e-3;  // as far as figures are shown
  return hours.size() > 1 && std::all_of(hours.begin(), hours.end(), [&](double hour) {
           return std::abs(hour - hours[0]) <= kSame * std::abs(hours[0]);
         });
}

/// What a million tokens cost beyond what the same use costs on demand.
std::optional<double> beyond_on_demand(const SweepReport& report, const SweepPoint& point) {
  const Estimate* const cost = figure_of(report, point, "usd_per_m_output_tokens");
  const Estimate* const rent = figure_of(report, point, "on_demand_usd_per_m_output_tokens");
  if (cost == nullptr || rent == nullptr) return std::nullopt;
  return *cost->value - *rent->value;
}

}  // namespace

std::string cost_sentence(const SweepReport& report) {
  std::vector<std::string> costs;
  for (const SweepFind& find : report.finds) {
    if (const auto words = cost_words(report, find)) costs.push_back(*words);
  }
  if (costs.empty()) return "";
  return fmt::format("What was found costs {}{}.", listed(costs, "and"),
                     costs_the_same_anyhow(report)
                         ? ": an hour costs the same at all values that were tried, as the price "
                           "is stated"
                         : "");
}

std::string contract_sentence(const SweepReport& report) {
  if (report.axes.size() != 1 || !report.axes[0].numeric) return "";
  const std::string& key = report.axes[0].key;
  std::vector<std::string> crossings;
  std::optional<double> last;
  double last_number = 0;
  for (const SweepPoint& point : report.points) {
    const std::optional<double> beyond = beyond_on_demand(report, point);
    if (!beyond) continue;
    const double number = point.numbers[0];
    if (last && (*last > 0) != (*beyond > 0)) {
      const double at = last_number + (number - last_number) * *last / (*last - *beyond);
      crossings.push_back(fmt::format("{} the same use on demand from {} = {} on",
                                      *beyond > 0 ? "dearer than" : "cheaper than", key,
                                      figure(at)));
    }
    last = beyond;
    last_number = number;
  }
  if (!last) return "";
  if (crossings.empty()) {
    return fmt::format("The contract is {} than the same use on demand at every point.",
                       *last > 0 ? "dearer" : "cheaper");
  }
  return fmt::format("The contract is {}: there the costs of a token cross.",
                     listed(crossings, "and"));
}

}  // namespace tokenlift
