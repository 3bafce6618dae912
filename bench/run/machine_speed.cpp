#include "bench/run/machine_speed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/record/check_names.hpp"

namespace tokenlift {

namespace {

double mean_ns(const PartCosts& costs) {
  return costs.ns / static_cast<double>(costs.count);
}

/// The squared standard error of the mean, of two at least.
double mean_variance(const PartCosts& costs) {
  const auto count = static_cast<double>(costs.count);
  const double squares = costs.square_ns2 - costs.ns * costs.ns / count;
  return std::max(squares, 0.0) / (count - 1) / count;
}

/// Two stretches of time that are compared.
struct Comparison {
  const StepCosts* now;
  const StepCosts* then;
  std::string when;  // "in 'after' than in 'before'"
  const char* consequence;
};

std::vector<Comparison> comparisons(const std::vector<PhaseCosts>& phases,
                                    const StepCosts& capacity) {
  std::vector<Comparison> all;
  const PhaseCosts* before = nullptr;
  for (const PhaseCosts& phase : phases) {
    if (!capacity.kinds.empty()) {
      all.push_back({&phase.costs, &capacity,
                     fmt::format("in '{}' than while its capacity was measured", phase.name),
                     "so that a load is not the share of the capacity that it is called: run on a "
                     "quiet machine, or state the capacity (fleet.capacity)"});
    }
    if (phase.name == "before") before = &phase;
    if (phase.name == "after" && before != nullptr) {
      all.push_back({&phase.costs, &before->costs, "in 'after' than in 'before'",
                     "so that what the change did cannot be told from what the machine did: run "
                     "again on a quiet machine"});
    }
  }
  return all;
}

}  // namespace

std::optional<RelativeSpeed> relative_speed(const StepCosts& now, const StepCosts& then) {
  double now_ns = 0;
  double then_ns = 0;
  double now_variance = 0;
  double then_variance = 0;
  for (const auto& [kind, mine] : now.kinds) {
    const auto found = then.kinds.find(kind);
    if (found == then.kinds.end() || mine.count < 2 || found->second.count < 2) continue;
    const PartCosts& other = found->second;
    const auto n = static_cast<double>(mine.count);
    const auto m = static_cast<double>(other.count);
    const double weight = n * m / (n + m);
    now_ns += weight * mean_ns(mine);
    then_ns += weight * mean_ns(other);
    now_variance += weight * weight * mean_variance(mine);
    then_variance += weight * weight * mean_variance(other);
  }
  if (now_ns <= 0 || then_ns <= 0) return std::nullopt;
  const double speed = then_ns / now_ns;
  return RelativeSpeed{speed, speed * std::sqrt(now_variance / (now_ns * now_ns) +
                                                then_variance / (then_ns * then_ns))};
}

std::optional<Check> check_machine_speed(const std::vector<PhaseCosts>& phases,
                                         const StepCosts& capacity) {
  const std::vector<Comparison> all = comparisons(phases, capacity);
  if (all.empty()) return std::nullopt;
  Check check{kMachineSpeedCheck, std::nullopt, kMostSpeedChange, true, {}};
  for (const Comparison& each : all) {
    const std::optional<RelativeSpeed> speed = relative_speed(*each.now, *each.then);
    if (!speed || speed->standard_error > kMostSpeedError) continue;
    const double change = std::abs(speed->value - 1);
    if (check.value && change <= *check.value) continue;
    check.value = change;
    check.passed = change <= check.limit;
    if (check.passed) continue;
    check.advice = fmt::format("the machine was {:.0f} % {} {}, {}", 100 * change,
                               speed->value < 1 ? "slower" : "faster", each.when, each.consequence);
  }
  if (!check.value) {
    check.advice =
        "not checked: too few steps computed the same at two times to compare their speed";
  }
  return check;
}

}  // namespace tokenlift
