#include "reports/findings/tuning_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "reports/analysis/pooled_percentile.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/findings/tuning_words.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// From here on a throttle binds, a fleet is full, a constraint is just met.
constexpr double kBindingShare = 0.05;
constexpr double kLittleHeadroom = 0.1;
constexpr double kJustMet = 0.05;
constexpr double kAtTheEnd = 0.02;
/// A tenant has lost whose attainment falls by so much.
constexpr double kNoticed = 0.005;

struct Rate {
  const char* name;
  const char* unit;
  bool higher_is_better;
  std::optional<double> (PhaseBrief::*of)() const;
  std::optional<double> (*pooled)(const PhaseSummary&);
};
constexpr std::array<Rate, 4> kRates = {{
    {"goodput", "tokens/s", true, &PhaseBrief::goodput_tokens_per_s,
     [](const PhaseSummary& phase) { return phase.rates.goodput_tokens_per_s; }},
    {"throughput", "tokens/s", true, &PhaseBrief::throughput_tokens_per_s,
     [](const PhaseSummary& phase) { return phase.rates.throughput_tokens_per_s; }},
    {"attainment", "share", true, &PhaseBrief::attainment,
     [](const PhaseSummary& phase) { return phase.rates.attainment; }},
    {"unserved", "share", false, &PhaseBrief::unserved,
     [](const PhaseSummary& phase) { return phase.unserved(); }},
}};

using RunBriefs = std::vector<RunBrief>;

/// Of two settings, each run's figure in runs that have both.
TuningChange change_of_rate(const Rate& rate, const RunBriefs& present,
                            const RunBriefs& recommended, std::size_t phase) {
  TuningChange change{rate.name, rate.unit, rate.higher_is_better, {}, {}, false, {}};
  std::vector<double> before, after;
  for (std::size_t i = 0; i < std::min(present.size(), recommended.size()); ++i) {
    const PhaseBrief &one = present[i].phases[phase], &other = recommended[i].phases[phase];
    if (one.counts.due == 0 || other.counts.due == 0) continue;
    const std::optional<double> old_figure = (one.*rate.of)(), new_figure = (other.*rate.of)();
    if (!old_figure || !new_figure) continue;
    before.push_back(*old_figure);
    after.push_back(*new_figure);
  }
  const auto zero = [](double value) { return value == 0; };
  change.is_difference = std::string_view(rate.unit) == "share" ||
                         std::ranges::any_of(before, zero) || std::ranges::any_of(after, zero);
  change.change =
      change.is_difference ? difference_over_runs(before, after) : ratio_over_runs(before, after);
  return change;
}

TuningChange change_of_ttft(int permille, const RunBriefs& present, const RunBriefs& recommended,
                            std::size_t phase) {
  TuningChange change;
  change.name = fmt::format("TTFT {}", percentile_name(permille));
  change.unit = "ms";
  change.higher_is_better = false;
  std::vector<RunPair> pairs;
  for (std::size_t i = 0; i < std::min(present.size(), recommended.size()); ++i) {
    pairs.push_back(
        {present[i].phases[phase].of(Metric::ttft), recommended[i].phases[phase].of(Metric::ttft)});
  }
  change.change = percentile_ratio(pairs, permille);
  return change;
}

// ------------------------------------------------------------------------------------- binding

using Reach = std::vector<std::vector<std::string>>;

/// Of the attempts of those whose requests it looks at, what a throttle holds and refuses.
struct ThrottleShares {
  double held = 0;
  double refused = 0;
  bool binds() const { return held + refused >= kBindingShare; }
};

bool looks_at(const std::vector<std::string>& tenants, const std::string& tenant) {
  return tenants.empty() || std::ranges::find(tenants, tenant) != tenants.end();
}

/// Nothing of a throttle that only counts, and where nobody asked.
std::optional<ThrottleShares> shares_of(const Run& run, std::size_t throttle, std::size_t phase,
                                        const Reach& reach) {
  if (run.throttles[throttle].mode != "enforce") return std::nullopt;
  std::uint64_t attempts = 0;
  for (const TenantRecord& tenant : run.tenants) {
    if (looks_at(reach[throttle], tenant.name)) attempts += tenant.phases[phase].attempts;
  }
  if (attempts == 0) return std::nullopt;
  const ThrottleCounts& counts = run.throttles[throttle].phases[phase];
  // Attempts count for the phase in which their request was due, what holds them when it does.
  const auto share = [&](std::uint64_t count) {
    return std::min(1.0, static_cast<double>(count) / static_cast<double>(attempts));
  };
  return ThrottleShares{share(counts.held), share(counts.rejected)};
}

void add_throttles(const Run& run, std::size_t phase, const Reach& reach,
                   std::vector<std::string>& binding) {
  for (std::size_t i = 0; i < run.throttles.size(); ++i) {
    const std::optional<ThrottleShares> shares = shares_of(run, i, phase, reach);
    if (!shares) continue;
    const std::string whose =
        reach[i].empty() ? "the attempts" : "the attempts of " + listed(reach[i], "and");
    binding.push_back(fmt::format("The throttle '{}' {}holds {} and refuses {} of {}.",
                                  run.throttles[i].name, shares->binds() ? "" : "hardly binds: it ",
                                  percent_figure(shares->held), percent_figure(shares->refused),
                                  whose));
  }
}

/// Whom throttles hold or refuse, and which of them may have: where there are several tenants.
void add_tenants(const Run& run, std::size_t phase, const Reach& reach,
                 std::vector<std::string>& binding) {
  if (run.tenants.size() < 2) return;
  for (const TenantRecord& tenant : run.tenants) {
    const PhaseRecord& record = tenant.phases[phase];
    if (record.counts.due == 0) continue;
    const double share = static_cast<double>(record.held) / static_cast<double>(record.counts.due);
    if (share < kBindingShare) continue;
    std::vector<std::string> by;
    for (std::size_t i = 0; i < run.throttles.size(); ++i) {
      if (!looks_at(reach[i], tenant.name)) continue;
      const std::optional<ThrottleShares> shares = shares_of(run, i, phase, reach);
      if (shares && shares->binds()) by.push_back("'" + run.throttles[i].name + "'");
    }
    binding.push_back(fmt::format(
        "Of the requests of tenant '{}' {} are held or refused at first{}.", tenant.name,
        percent_figure(std::min(share, 1.0)), by.empty() ? "" : ", by " + listed(by, "or")));
  }
}

/// What is recommended, or misses least.
const TuningCandidate& subject_of(const TuningReport& report) {
  return report.candidates[report.best ? *report.best : report.infeasible->candidate];
}

void add_constraints(const TuningReport& report, std::vector<std::string>& binding) {
  const TuningFigures& figures = subject_of(report).figures;
  for (std::size_t i = 0; i < figures.constraints.size(); ++i) {
    const ConstraintResult& constraint = figures.constraints[i];
    if (!constraint.met || constraint.room > kJustMet) continue;
    // Where nobody gains and nobody loses a floor is a little below: nothing is held back by it.
    if (std::ranges::find(report.floors, report.constraints[i]) != report.floors.end()) continue;
    binding.push_back(fmt::format("The constraint {} leaves no room: it is {}.",
                                  report.constraints[i], figure(*constraint.value)));
  }
}

void add_ends_of_ranges(const TuningReport& report, std::vector<std::string>& binding) {
  const std::vector<double>& point = subject_of(report).point;
  for (std::size_t i = 0; i < point.size(); ++i) {
    const TunedParameter& parameter = report.parameters[i];
    // What stays as it is was not pushed there.
    if (!parameter.choices.empty() || point[i] == parameter.present_position) continue;
    if (point[i] > kAtTheEnd && point[i] < 1 - kAtTheEnd) continue;
    binding.push_back(
        fmt::format("{} is at the {} end of its range, {}: what lies beyond was not "
                    "tried.",
                    parameter.key, point[i] < 0.5 ? "lower" : "upper",
                    point[i] < 0.5 ? parameter.lowest : parameter.highest));
  }
}

}  // namespace

std::vector<TuningChange> tuning_changes(const Trial& present, const Trial& recommended,
                                         std::string_view phase) {
  const Run &before = present.lifted.pooled, &after = recommended.lifted.pooled;
  const std::optional<std::size_t> index = find_phase(before, phase);
  if (!index || find_phase(after, phase) != index) return {};
  const PhaseSummary one = summarize_fleet(before)[*index];
  const PhaseSummary other = summarize_fleet(after)[*index];
  std::vector<TuningChange> changes;
  for (const Rate& rate : kRates) {
    changes.push_back(change_of_rate(rate, present.lifted.runs, recommended.lifted.runs, *index));
    changes.back().present = rate.pooled(one);
    changes.back().recommended = rate.pooled(other);
  }
  for (const int permille : {500, 990}) {
    changes.push_back(
        change_of_ttft(permille, present.lifted.runs, recommended.lifted.runs, *index));
    changes.back().present = one.ttft_ms(permille);
    changes.back().recommended = other.ttft_ms(permille);
  }
  return changes;
}

TuningChange change_of_objective(const TuningAim& aim, const TuningFigures& present,
                                 const TuningFigures& recommended) {
  const std::string unit(aim_unit(aim.path).name);
  TuningChange change{aim.path,
                      unit == "%" ? "share" : unit,
                      aim.maximize,
                      present.objective,
                      recommended.objective,
                      true,
                      {}};
  const std::vector<double>&one = present.objective_by_run, &other = recommended.objective_by_run;
  if (one.size() == other.size()) {
    change.change = difference_over_runs(one, other);
  } else if (present.objective && recommended.objective) {
    change.change =
        estimate_without_interval(*recommended.objective - *present.objective,
                                  runs_figure(recommended.runs), "not every run has this figure");
  }
  return change;
}

std::vector<std::string> losers_of(const Trial& present, const Trial& recommended,
                                   std::string_view phase) {
  const Run &before = present.lifted.pooled, &after = recommended.lifted.pooled;
  const std::optional<std::size_t> index = find_phase(before, phase);
  std::vector<std::string> losers;
  if (!index || find_phase(after, phase) != index) return losers;
  for (const TenantRecord& tenant : before.tenants) {
    const auto other = std::ranges::find(after.tenants, tenant.name, &TenantRecord::name);
    if (other == after.tenants.end()) continue;
    const auto old_share = summarize_tenant(before, tenant)[*index].rates.attainment;
    const auto new_share = summarize_tenant(after, *other)[*index].rates.attainment;
    if (!old_share || !new_share || *old_share - *new_share < kNoticed) continue;
    losers.push_back(fmt::format("tenant '{}' loses: its attainment falls from {} to {}",
                                 tenant.name, percent_figure(*old_share),
                                 percent_figure(*new_share)));
  }
  return losers;
}

std::vector<std::string> binding_of(const Run& run, std::string_view phase,
                                    const std::vector<std::vector<std::string>>& reach,
                                    const TuningReport& report) {
  std::vector<std::string> binding;
  if (const std::optional<std::size_t> index = find_phase(run, phase)) {
    const PhaseSummary summary = summarize_fleet(run)[*index];
    add_throttles(run, *index, reach, binding);
    add_tenants(run, *index, reach, binding);
    if (summary.rates.headroom && *summary.rates.headroom <= kLittleHeadroom) {
      binding.push_back(fmt::format("The fleet has a headroom of {}.",
                                    percent_figure(std::max(*summary.rates.headroom, 0.0))));
    }
  }
  add_constraints(report, binding);
  add_ends_of_ranges(report, binding);
  return binding;
}

}  // namespace tokenlift
