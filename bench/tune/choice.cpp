// What TuningSearch does with what it has explored: the last few against one another, under stress,
// and with as little changed as possible.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "bench/tune/search.hpp"

namespace tokenlift {

namespace {

// Up to these shares of the budget.
constexpr double kComparing = 0.75;
constexpr double kStressing = 0.82;
constexpr double kSimplifying = 0.9;
constexpr std::size_t kUnderStress = 4;
constexpr int kComparisons = 3;
constexpr int kRefills = 2;
constexpr const char* kSimpler = "as little as possible";
/// Misses that differ by less are the same.
constexpr double kSameViolation = 0.01;

}  // namespace

Finalist& TuningSearch::finalist(std::size_t candidate) {
  const auto found = std::ranges::find(finalists_, candidate, &Finalist::candidate);
  if (found != finalists_.end()) return *found;
  return finalists_.emplace_back(Finalist{candidate});
}

/// The best few against one another and the present setting, then under stress. False where not all
/// were simulated.
bool TuningSearch::choose() {
  Indices alive;
  share_open_ = share_before(1, space_.dimensions + kRunsOfChanges);
  if (!compare(alive)) return false;
  best_ = alive.front();
  const bool feasible = candidates_[*best_].figures.feasible();
  if (feasible) {
    if (alive.size() > kUnderStress) alive = far_apart(alive, kUnderStress);
    if (!stress(alive)) return false;
    best_ = most_robust(alive);
    finalist(*best_).outcome =
        alive.size() > 1 ? "recommended: the best of them under stress" : "recommended";
    share_open_ = share_before(1, kRunsOfChanges);
    simplify();
  }
  const auto place = [&](const Finalist& each) {
    const auto at = std::ranges::find(alive, each.candidate);
    return each.candidate == *best_ ? -1 : at - alive.begin();
  };
  std::ranges::stable_sort(finalists_, {}, place);
  return true;
}

/// So many of those that are as good: the first, the present setting where it is among them, and
/// then each time the one that is farthest from all of these: what is near does alike under stress.
TuningSearch::Indices TuningSearch::far_apart(const Indices& alive, std::size_t count) const {
  Indices taken = {alive.front()};
  if (alive.front() != 0 && std::ranges::find(alive, 0U) != alive.end()) taken.push_back(0);
  const auto apart = [&](std::size_t one, std::size_t other) {
    const std::vector<double>&a = candidates_[one].point, &b = candidates_[other].point;
    double squared = 0;
    for (std::size_t d = 0; d < std::min(a.size(), b.size()); ++d) {
      squared += (a[d] - b[d]) * (a[d] - b[d]);
    }
    return a.empty() || b.empty() ? INFINITY : squared;
  };
  while (taken.size() < count) {
    std::optional<std::size_t> farthest;
    double most = -1;
    for (const std::size_t index : alive) {
      if (std::ranges::find(taken, index) != taken.end()) continue;
      double least = INFINITY;
      for (const std::size_t other : taken) least = std::min(least, apart(index, other));
      if (least <= most) continue;
      farthest = index;
      most = least;
    }
    taken.push_back(*farthest);
  }
  return taken;
}

/// Leaves those that are feasible and as good as the best, the best first.
bool TuningSearch::compare(Indices& alive) {
  Indices waiting = most_hopeful();
  std::erase(waiting, 0);
  const auto take = [&] {
    const std::size_t count = std::min(kFinalists, waiting.size());
    alive.assign(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
    alive.push_back(0);
  };
  take();
  int refills = 0;
  std::size_t rung = ladder_.size();
  std::uint64_t runs = std::max(kRunsToCompare, ladder_.back().runs);
  for (int i = 0; i < kComparisons;) {
    std::optional<Effort> effort = affordable(alive.size(), kComparing, runs);
    if (i > 0 && effort != Effort{runs, 1}) break;
    if (!effort) effort = Effort{1, 1};  // room was kept for it
    if (!judge("finalists", alive, *effort, rung++, true)) return false;
    for (const std::size_t index : alive) finalist(index);
    stages_.back().candidates = finalists_.size();
    const bool decided = drop_the_worse(alive, effort->runs);
    const bool feasible = candidates_[alive.front()].figures.feasible();
    if (!feasible && !waiting.empty() && candidates_[waiting.front()].figures.feasible() &&
        refills++ < kRefills) {
      take();
      continue;
    }
    if (decided) break;
    ++i;
    runs *= 2;
  }
  drop_what_seems_worse(alive);
  return true;
}

/// Of those that so many runs do not tell from the best, what seems to be worse, goes too: stress
/// is to choose among settings that are as good as things are, and a few runs leave all undecided.
void TuningSearch::drop_what_seems_worse(Indices& alive) {
  const TuningFigures& best = candidates_[alive.front()].figures;
  if (!best.feasible()) return;
  const double indifferent = kIndifference * std::abs(*best.objective);
  std::erase_if(alive, [&](std::size_t index) {
    const TuningFigures& its = candidates_[index].figures;
    // The best is the first of them, whichever way is better.
    if (std::abs(*its.objective - *best.objective) <= indifferent) return false;
    finalist(index).outcome =
        fmt::format("seems worse, in {} that do not decide it", runs_figure(its.runs));
    return true;
  });
}

/// Sorts, says of each how it compares with the first, and lets the worse ones go. True if that is
/// known of all. Each was to have so many runs; of those whose seed makes no difference one was
/// enough, and how they differ is certain.
bool TuningSearch::drop_the_worse(Indices& alive, std::uint64_t runs) {
  sort(alive);
  const TuningFigures& best = candidates_[alive.front()].figures;
  const double sign = space_.maximize ? 1 : -1;
  const double indifferent = kIndifference * std::abs(best.objective.value_or(0));
  bool decided = true;
  std::erase_if(alive, [&](std::size_t index) {
    const TuningFigures& figures = candidates_[index].figures;
    Finalist& its = finalist(index);
    const auto leave_open = [&] {
      its.outcome = "undecided";
      return decided = false;
    };
    if (!figures.feasible()) {
      its.outcome =
          fmt::format("misses constraints by {:.3g} %, in {}",
                      100 * std::min(figures.violation(), 1e9), runs_figure(figures.runs));
      return best.feasible();
    }
    if (index == alive.front()) {
      its.outcome = "the best as things are";
      return false;
    }
    const std::vector<double>&one = best.objective_by_run, &other = figures.objective_by_run;
    const bool certain = runs > 1 && best.runs == 1 && figures.runs == 1;
    if (certain && one.size() == 1 && other.size() == 1) {
      its.to_best = ratio_over_runs(one, other);
      its.to_best.reason = "1 run, which is the same for any seed";
      const bool worse = sign * (one[0] - other[0]) > indifferent;
      its.outcome = worse ? "worse, in any run" : "as good, within 1 %";
      return worse;
    }
    if (one.size() != other.size() || one.size() < kLeastRuns) return leave_open();
    its.to_best = ratio_over_runs(one, other);
    const Estimate difference = difference_over_runs(one, other);
    if (!difference.interval) return leave_open();
    const Interval interval = *difference.interval;
    const double best_case = sign > 0 ? interval.high : -interval.low;
    const double worst_case = sign > 0 ? interval.low : -interval.high;
    if (best_case < 0 && sign * *difference.value < -indifferent) {
      its.outcome = fmt::format("worse, in {}", runs_figure(figures.runs));
      return true;
    }
    if (worst_case < -indifferent) return leave_open();
    its.outcome = "as good, within 1 %";
    return false;
  });
  return decided;
}

/// As far as the budget has room for it. False where not all were simulated.
bool TuningSearch::stress(const Indices& alive) {
  Indices tried = alive;
  if (std::ranges::find(tried, 0U) == tried.end()) tried.push_back(0);
  const auto effort =
      affordable(tried.size() * kStresses.size(),
                 share_before(kStressing, space_.dimensions + kRunsOfChanges), kRunsToCompare);
  if (effort) stress_ = *effort;
  return stress_each(tried);
}

bool TuningSearch::stress_each(const Indices& tried) {
  std::vector<Attempt> attempts;
  Indices owners;
  for (const std::size_t index : tried) {
    const TuningFigures& figures = candidates_[index].figures;
    finalist(index).stress = {
        {std::string(name_of(Stress::none)), figures.objective, figures.violation(), figures.runs}};
    if (!stress_) continue;
    for (const Stress stress : kStresses) {
      attempts.push_back({candidates_[index].point, *stress_, stress, false});
      owners.push_back(index);
    }
  }
  if (attempts.empty()) return true;
  const auto results = simulate("stress", attempts);
  stages_.back().candidates += tried.size();
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (!results[i]) return false;
    if (results[i]->runs == 0 && results[i]->failure.empty()) continue;  // it makes no difference
    finalist(owners[i]).stress.push_back({std::string(name_of(attempts[i].stress)),
                                          results[i]->objective, results[i]->violation(),
                                          results[i]->runs});
  }
  return true;
}

TuningSearch::Worst TuningSearch::worst_of(std::size_t candidate) const {
  const double sign = space_.maximize ? 1 : -1;
  const auto its = std::ranges::find(finalists_, candidate, &Finalist::candidate);
  Worst worst{0, INFINITY};
  for (const StressResult& each : its->stress) {
    worst.violation = std::max(worst.violation, each.violation);
    worst.objective =
        std::min(worst.objective, each.objective ? sign * *each.objective : -INFINITY);
  }
  return worst;
}

/// By the worst that stress makes of each. Where that tells nothing, the present setting stays, or
/// whoever was the best.
std::size_t TuningSearch::most_robust(const Indices& alive) const {
  const bool present = std::ranges::find(alive, 0U) != alive.end();
  std::size_t champion = present ? 0 : alive.front();
  for (const std::size_t index : alive) {
    const Worst worst = worst_of(index), held = worst_of(champion);
    if (worst.violation > held.violation + kSameViolation) continue;
    const bool misses_less = worst.violation < held.violation - kSameViolation;
    const double indifferent = kIndifference * std::abs(held.objective);
    if (misses_less || worst.objective > held.objective + indifferent) champion = index;
  }
  return champion;
}

/// Whether nobody would mind the one in the place of the other, which has these figures of as many
/// runs: as things are and, where both have been through it, under stress.
bool TuningSearch::is_as_good(std::size_t candidate, std::size_t other, const TuningFigures& held,
                              bool under_stress) const {
  const TuningFigures& its = candidates_[candidate].figures;
  if (!its.objective || !held.objective) return false;
  // By few runs what was found may miss a constraint, too.
  if (!its.feasible() && its.violation() > held.violation()) return false;
  const double sign = space_.maximize ? 1 : -1;
  const auto as_good = [](double one, double than) {
    return one >= than - kIndifference * std::abs(than);
  };
  if (!as_good(sign * *its.objective, sign * *held.objective)) return false;
  if (!under_stress) return true;
  const Worst worst = worst_of(candidate), worst_held = worst_of(other);
  return worst.violation <= worst_held.violation + kSameViolation &&
         as_good(worst.objective, worst_held.objective);
}

/// In how many parameters that have a present value the best differs from it.
std::size_t TuningSearch::differing() const {
  const std::vector<double>& point = candidates_[*best_].point;
  std::size_t count = 0;
  for (std::size_t i = 0; i < std::min(point.size(), space_.present.size()); ++i) {
    count += space_.present[i] && point[i] != *space_.present[i] ? 1 : 0;
  }
  return count;
}

/// Where everything is as at present, that is the present setting.
std::size_t TuningSearch::place_simpler(const std::vector<double>& point) {
  bool is_present = point.size() == space_.present.size();
  for (std::size_t i = 0; is_present && i < point.size(); ++i) {
    is_present = space_.present[i] && point[i] == *space_.present[i];
  }
  return is_present ? 0 : place(kSimpler, point);
}

/// What makes no difference stays as it is: one parameter after the other is put back to the
/// present value, as long as that is as good as what was found. By as many runs as the budget has
/// room for, and by one in any case. False where not all were simulated.
bool TuningSearch::simplify() {
  const std::size_t found = *best_;
  const std::size_t changes = differing();
  if (changes == 0) return true;
  const std::uint64_t under_stress = stress_ ? stress_->runs * kStresses.size() : 0;
  std::uint64_t runs = candidates_[found].figures.runs;
  const auto cost = [&](std::uint64_t each) {
    return static_cast<double>(changes * each) * requests_of_a_run_;
  };
  const bool stressed = under_stress > 0 && fits(cost(runs + under_stress), kSimplifying);
  const std::uint64_t all = runs;
  while (!stressed && runs > 1 && !fits(cost(runs) * 2, kSimplifying)) runs /= 2;
  TuningFigures held = candidates_[found].figures;
  if (runs < all) {
    auto again = simulate(kSimpler, {{candidates_[found].point, {runs, 1}, Stress::none, true}});
    if (!again[0]) return false;
    held = std::move(*again[0]);
  }
  const std::vector<double> original = candidates_[found].point;
  for (std::size_t i = 0; i < original.size() && i < space_.present.size(); ++i) {
    std::vector<double> point = candidates_[*best_].point;
    if (!space_.present[i] || point.empty() || point[i] == *space_.present[i]) continue;
    point[i] = *space_.present[i];
    const std::size_t simpler = place_simpler(point);
    const bool done = judge(kSimpler, {simpler}, {runs, 1}, ladder_.size(), true) &&
                      (!stressed || stress_each({simpler}));
    if (!done) return false;
    finalist(simpler);
    if (!is_as_good(simpler, found, held, stressed)) continue;
    finalist(*best_).outcome = *best_ == found ? "changes more, and is no better" : "";
    best_ = simpler;
    finalist(simpler).outcome = "recommended: as good, and changes less";
  }
  return true;
}

}  // namespace tokenlift
