#include "bench/tune/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <utility>

namespace tokenlift {

namespace {

// How the budget is spent: up to these shares of it.
constexpr double kFirstGeneration = 0.35;
constexpr double kExploring = 0.6;
constexpr double kComparing = 0.7;
constexpr double kStressing = 0.82;
constexpr double kSimplifying = 0.9;

constexpr std::size_t kFewestPoints = 8;  // of the first generation; a power of two
constexpr std::size_t kMostPoints = 1024;
constexpr std::size_t kPointsByTime = 64;
constexpr std::size_t kKept = 3;  // one of so many gets to the next rung
constexpr std::size_t kElite = 4;
/// Half of the width of the boxes around the best, generation by generation.
constexpr std::array<double, 3> kHalfWidths = {0.15, 0.06, 0.025};

constexpr std::size_t kFinalists = 6;
constexpr std::size_t kUnderStress = 4;
constexpr std::uint64_t kRunsToCompare = 8;  // and twice and four times that
constexpr int kComparisons = 3;
constexpr std::size_t kPointsAlong = 5;  // a parameter
constexpr int kRefills = 2;
constexpr const char* kSimpler = "as little as possible";
/// Misses that differ by less are the same.
constexpr double kSameViolation = 0.01;

/// What the present setting has to have for candidates to be told apart.
constexpr double kLeastRequests = 1000;

/// Rounded up, and 1 at least.
std::size_t kept_of(std::size_t size) {
  return std::max<std::size_t>(1, (size + kKept - 1) / kKept);
}

/// The p99 that users are told is worth so many runs in the first place, where it is not judged.
constexpr std::uint64_t kRunsForP99 = 2;

/// 2: all that is judged, and the p99; 1: all that is judged.
int completeness(const TuningFigures& figures) {
  const bool judged = figures.objective &&
                      std::ranges::all_of(figures.constraints, [](const ConstraintResult& each) {
                        return each.value.has_value();
                      });
  if (!judged || static_cast<double>(figures.requests) < kLeastRequests) return 0;
  return figures.ttft_p99_ms && figures.runs <= kRunsForP99 ? 2 : 1;
}

}  // namespace

bool is_better(const TuningFigures& one, const TuningFigures& other, bool maximize) {
  if (one.feasible() != other.feasible()) return one.feasible();
  if (!one.feasible() && one.violation() != other.violation()) {
    return one.violation() < other.violation();
  }
  if (one.objective.has_value() != other.objective.has_value()) return one.objective.has_value();
  if (!one.objective) return false;
  return maximize ? *one.objective > *other.objective : *one.objective < *other.objective;
}

TuningSearch::TuningSearch(SearchSpace space, TuningBudget budget, Workers& workers,
                           const std::atomic<bool>& stop, Watch watch)
    : space_(std::move(space)),
      budget_(budget),
      workers_(workers),
      stop_(stop),
      watch_(std::move(watch)),
      sobol_(space_.dimensions, space_.seed) {}

void TuningSearch::run() {
  searching_ = true;
  if (begin() && explore()) choose();
  searching_ = false;
  interrupted_ = stop_.load(std::memory_order_relaxed);
  std::erase_if(finalists_, [](const Finalist& each) { return each.outcome.empty(); });
  if (finalists_.empty()) {  // those that it did not get to
    std::erase_if(candidates_, [](const Candidate& each) {
      return each.figures.runs == 0 && each.figures.failure.empty();
    });
  }
  if (best_ || candidates_.size() < 2) return;
  const Indices order = ranked();
  if (!order.empty()) best_ = order.front();
}

// ------------------------------------------------------------------------------------ the budget

double TuningSearch::elapsed_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

double TuningSearch::share_used() const {
  if (budget_.time_s) return elapsed_s() / *budget_.time_s;
  if (!budget_.requests) return 0;
  return static_cast<double>(requests_) / static_cast<double>(*budget_.requests);
}

bool TuningSearch::stopped() const {
  const bool late = searching_ && budget_.time_s && elapsed_s() > *budget_.time_s;
  return late || stop_.load(std::memory_order_relaxed);
}

/// Whether so many requests more stay within a share of the budget; of a time, by the speed so far.
bool TuningSearch::fits(double requests, double share) const {
  const auto spent = static_cast<double>(requests_);
  if (budget_.requests) return spent + requests <= share * static_cast<double>(*budget_.requests);
  return elapsed_s() * (1 + requests / std::max(spent, 1.0)) <= share * *budget_.time_s;
}

std::optional<Effort> TuningSearch::affordable(std::size_t attempts, double share,
                                               std::uint64_t most_runs) const {
  for (std::uint64_t runs = most_runs; runs > 0; runs /= 2) {
    const double cost = static_cast<double>(attempts * runs) * requests_of_a_run_;
    if (fits(cost, share)) return Effort{runs, 1};
  }
  return std::nullopt;
}

/// In requests, as many as the present setting takes.
double TuningSearch::cost_of_generation(std::size_t size) const {
  double runs = 0;
  for (const Effort& effort : ladder_) {
    runs += static_cast<double>(size * effort.runs) * effort.length_share;
    size = kept_of(size);
  }
  return runs * requests_of_a_run_;
}

// ------------------------------------------------------------------------------------ simulating

std::vector<std::optional<TuningFigures>> TuningSearch::simulate(
    const std::string& stage, const std::vector<Attempt>& attempts) {
  if (attempts.empty()) return {};
  const auto same = std::ranges::find(stages_, stage, &TuningStage::name);
  if (same == stages_.end()) {
    stages_.push_back({stage, 0, 0, 0});
  } else {
    std::rotate(same, same + 1, stages_.end());  // the last one is under way
  }
  std::vector<std::optional<TuningFigures>> results(attempts.size());
  std::mutex mutex;
  std::size_t done = 0;
  workers_.run(attempts.size(), [&](std::size_t i) {
    if (stopped()) return;
    results[i] = space_.simulate(attempts[i]);
    if (!results[i]) return;
    const std::lock_guard lock(mutex);
    requests_ += results[i]->requests;
    stages_.back().runs += results[i]->runs;
    stages_.back().requests += results[i]->requests;
    if (watch_) watch_(*this, ++done, attempts.size());
  });
  return results;
}

/// Candidates, each with the figures of that effort from now on. False if it was stopped.
bool TuningSearch::judge(const std::string& stage, const Indices& indices, const Effort& effort,
                         std::size_t rung, bool by_run) {
  std::vector<Attempt> attempts;
  for (const std::size_t index : indices) {
    attempts.push_back({candidates_[index].point, effort, Stress::none, 1, by_run});
  }
  std::vector<std::optional<TuningFigures>> results = simulate(stage, attempts);
  bool all = true;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    all = all && results[i].has_value();
    if (!results[i]) continue;
    Candidate& candidate = candidates_[indices[i]];
    if (rung == 0) candidate.first = *results[i];
    candidate.figures = std::move(*results[i]);
    candidate.rung = rung;
  }
  return all;
}

void TuningSearch::sort(Indices& indices) const {
  std::ranges::stable_sort(indices, [&](std::size_t one, std::size_t other) {
    return is_better(candidates_[one].figures, candidates_[other].figures, space_.maximize);
  });
}

TuningSearch::Indices TuningSearch::ranked() const {
  Indices indices;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].figures.runs > 0) indices.push_back(i);
  }
  sort(indices);
  std::ranges::stable_sort(indices, [&](std::size_t one, std::size_t other) {
    const bool is_feasible = candidates_[one].figures.feasible();
    if (is_feasible != candidates_[other].figures.feasible()) return is_feasible;
    return candidates_[one].rung > candidates_[other].rung;
  });
  return indices;
}

// ------------------------------------------------------------------------------------- exploring

/// The present setting, with more and more effort until it has all figures: that is where the
/// ladder begins.
bool TuningSearch::begin() {
  std::vector<Effort> efforts;
  if (space_.can_be_shortened) efforts = {{1, 0.25}, {1, 0.5}};
  for (std::uint64_t runs = 1; runs <= kRunsToCompare; runs *= 2) efforts.push_back({runs, 1});
  candidates_.push_back({{}, space_.name({}), "present", {}, {}, 0});
  Effort chosen = {1, 1};  // where it never has all
  int best = 0;
  for (const Effort& effort : efforts) {
    if (!judge("present", {0}, effort, 0)) return false;
    const TuningFigures& figures = candidates_[0].figures;
    requests_of_a_run_ = static_cast<double>(std::max<std::uint64_t>(figures.requests, 1)) /
                         (static_cast<double>(effort.runs) * effort.length_share);
    if (const int complete = completeness(figures); complete > best) {
      best = complete;
      chosen = effort;
    }
    if (best == 2 || (best == 1 && effort.runs >= kRunsForP99)) break;
  }
  stages_.back().candidates = 1;
  if (!budget_.requests && !budget_.time_s) {
    const double runs =
        std::clamp(kDefaultRequests / requests_of_a_run_, kFewestRuns, kDefaultRuns);
    budget_.requests = std::llround(runs * requests_of_a_run_);
  }
  const std::uint64_t runs = chosen.length_share < 1 ? 1 : 2 * chosen.runs;
  ladder_ = {chosen, Effort{runs, 1}, Effort{2 * runs, 1}};
  const double smallest = cost_of_generation(kFewestPoints) / kExploring;
  if (budget_.requests && static_cast<double>(*budget_.requests) < smallest) {
    throw BudgetTooSmall(
        fmt::format("a budget of {} requests is too small: a run has some {:.0f}, and the smallest "
                    "search, of {} "
                    "settings, takes {:.0f}",
                    *budget_.requests, requests_of_a_run_, kFewestPoints, std::ceil(smallest)));
  }
  return true;
}

/// The whole range, then smaller and smaller boxes around the best, and again while the budget
/// allows.
bool TuningSearch::explore() {
  std::size_t size = kPointsByTime;
  if (budget_.requests) {
    const double most = kFirstGeneration * static_cast<double>(*budget_.requests);
    size = kFewestPoints;
    while (2 * size <= kMostPoints && cost_of_generation(2 * size) <= most) size *= 2;
  }
  for (int round = 1;; ++round) {
    const std::size_t before = candidates_.size();
    const std::string again = round == 1 ? "" : fmt::format(", round {}", round);
    if (round > 1 && !fits(cost_of_generation(size), kExploring)) return true;
    if (!generation(kWholeRange + again, whole_range(size))) return false;
    if (!fits(cost_of_generation(kPointsAlong * space_.dimensions), kExploring)) return true;
    if (!generation("along each parameter" + again, along_each_parameter(0))) return false;
    const std::size_t near = std::max<std::size_t>(size / 4, kElite);
    for (std::size_t i = 0; i < kHalfWidths.size(); ++i) {
      if (!fits(cost_of_generation(near), kExploring)) return true;
      const std::string stage = fmt::format("around the best, {}{}", i + 1, again);
      if (!generation(stage, around_the_best(near, kHalfWidths[i]))) return false;
    }
    if (!fits(cost_of_generation(kPointsAlong * space_.dimensions), kExploring)) return true;
    if (!generation("along each parameter, from there" + again, along_each_parameter(0.5))) {
      return false;
    }
    if (candidates_.size() == before) return true;  // the range has no further points
  }
}

std::vector<std::vector<double>> TuningSearch::whole_range(std::size_t size) {
  std::vector<std::vector<double>> points;
  while (points.size() < size) points.push_back(sobol_.next());
  return points;
}

std::vector<std::vector<double>> TuningSearch::around_the_best(std::size_t size,
                                                               double half_width) {
  Indices elite = ranked();
  std::erase_if(elite, [&](std::size_t index) { return candidates_[index].point.empty(); });
  if (elite.size() > kElite) elite.resize(kElite);
  std::vector<std::vector<double>> points;
  for (std::size_t i = 0; i < size && !elite.empty(); ++i) {
    std::vector<double> point = sobol_.next();
    const std::vector<double>& centre = candidates_[elite[i % elite.size()]].point;
    for (std::size_t d = 0; d < point.size(); ++d) {
      point[d] = std::clamp(centre[d] + (2 * point[d] - 1) * half_width, 0.0, 1.0);
    }
    points.push_back(std::move(point));
  }
  return points;
}

/// From the best so far, one parameter at a time over its whole range: its ends and what lies
/// evenly between them, or, with an offset of a half, what lies between these.
std::vector<std::vector<double>> TuningSearch::along_each_parameter(double offset) const {
  std::vector<std::vector<double>> points;
  for (const std::size_t index : ranked()) {
    const std::vector<double>& best = candidates_[index].point;
    if (best.empty()) continue;
    for (std::size_t d = 0; d < best.size(); ++d) {
      for (std::size_t i = 0; i < kPointsAlong; ++i) {
        points.push_back(best);
        points.back()[d] = std::min((static_cast<double>(i) + offset) / (kPointsAlong - 1), 1.0);
      }
    }
    break;
  }
  return points;
}

/// The index of the candidate, which is added where it is none yet.
std::size_t TuningSearch::place(const std::string& stage, const std::vector<double>& point) {
  std::vector<double> snapped = space_.snap(point);
  std::string name = space_.name(snapped);
  const auto found = std::ranges::find(candidates_, name, &Candidate::name);
  const auto index = static_cast<std::size_t>(found - candidates_.begin());
  if (found == candidates_.end()) {
    candidates_.push_back({std::move(snapped), std::move(name), stage, {}, {}, 0});
  }
  return index;
}

/// Successive halving: all with little effort, the best third with more, the best of these with
/// most. False if it was stopped.
bool TuningSearch::generation(const std::string& stage,
                              const std::vector<std::vector<double>>& points) {
  Indices alive;
  for (const std::vector<double>& point : points) {
    const std::size_t before = candidates_.size();
    if (place(stage, point) == before) alive.push_back(before);
  }
  if (alive.empty()) return true;
  for (std::size_t rung = 0; rung < ladder_.size(); ++rung) {
    if (!judge(stage, alive, ladder_[rung], rung)) return false;
    if (rung == 0) stages_.back().candidates += alive.size();
    sort(alive);
    alive.resize(kept_of(alive.size()));
  }
  return true;
}

// -------------------------------------------------------------------------------------- the last

Finalist& TuningSearch::finalist(std::size_t candidate) {
  const auto found = std::ranges::find(finalists_, candidate, &Finalist::candidate);
  if (found != finalists_.end()) return *found;
  return finalists_.emplace_back(Finalist{candidate});
}

/// The best few against one another and the present setting, then under stress. False if it was
/// stopped.
bool TuningSearch::choose() {
  Indices alive;
  if (!compare(alive)) return false;
  best_ = alive.front();
  const bool feasible = candidates_[*best_].figures.feasible();
  if (feasible) {
    if (alive.size() > kUnderStress) {
      const bool present = std::ranges::find(alive, 0U) != alive.end();
      alive.resize(kUnderStress);
      if (present && std::ranges::find(alive, 0U) == alive.end()) alive.back() = 0;
    }
    if (!stress(alive)) return false;
    best_ = most_robust(alive);
    finalist(*best_).outcome =
        alive.size() > 1 ? "recommended: the best of them under stress" : "recommended";
    if (!simplify()) return false;
  }
  const auto place = [&](const Finalist& each) {
    const auto at = std::ranges::find(alive, each.candidate);
    return each.candidate == *best_ ? -1 : at - alive.begin();
  };
  std::ranges::stable_sort(finalists_, {}, place);
  return true;
}

/// Leaves those that are feasible and as good as the best, the best first.
bool TuningSearch::compare(Indices& alive) {
  Indices waiting = ranked();
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
    if (!effort) effort = Effort{1, 1};  // the last ones are looked at in any case
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
  return true;
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

/// As far as the budget has room for it. False if it was stopped.
bool TuningSearch::stress(const Indices& alive) {
  Indices tried = alive;
  if (std::ranges::find(tried, 0U) == tried.end()) tried.push_back(0);
  const auto effort = affordable(tried.size() * kStresses.size(), kStressing, kRunsToCompare);
  if (effort) stress_ = *effort;
  return stress_each(tried);
}

bool TuningSearch::stress_each(const Indices& tried) {
  std::vector<Attempt> attempts;
  Indices owners;
  for (const std::size_t index : tried) {
    const TuningFigures& figures = candidates_[index].figures;
    finalist(index).stress = {
        {std::string(name_of(Stress::none)), figures.objective, figures.violation()}};
    if (!stress_) continue;
    for (const Stress stress : kStresses) {
      attempts.push_back({candidates_[index].point, *stress_, stress, 1, false});
      owners.push_back(index);
    }
  }
  if (attempts.empty()) return true;
  const auto results = simulate("stress", attempts);
  stages_.back().candidates += tried.size();
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (!results[i]) return false;
    if (results[i]->runs == 0 && results[i]->failure.empty()) continue;  // it makes no difference
    finalist(owners[i]).stress.push_back(
        {std::string(name_of(attempts[i].stress)), results[i]->objective, results[i]->violation()});
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

/// Whether nobody would mind the one in the place of the other, as things are and under stress.
bool TuningSearch::is_as_good(std::size_t candidate, std::size_t other) const {
  const TuningFigures &its = candidates_[candidate].figures, &held = candidates_[other].figures;
  if (!its.feasible() || !its.objective) return false;
  const double sign = space_.maximize ? 1 : -1;
  const auto as_good = [](double one, double than) {
    return one >= than - kIndifference * std::abs(than);
  };
  const Worst worst = worst_of(candidate), worst_held = worst_of(other);
  return as_good(sign * *its.objective, sign * *held.objective) &&
         worst.violation <= worst_held.violation + kSameViolation &&
         as_good(worst.objective, worst_held.objective);
}

/// What makes no difference stays as it is: one parameter after the other is put back to the
/// present value, as long as that is as good as what was found. False if it was stopped.
bool TuningSearch::simplify() {
  const std::size_t found = *best_;
  const std::vector<double> original = candidates_[found].point;
  const Effort effort{candidates_[found].figures.runs, 1};
  const std::uint64_t runs = effort.runs + (stress_ ? stress_->runs * kStresses.size() : 0);
  for (std::size_t i = 0; i < original.size() && i < space_.present.size(); ++i) {
    std::vector<double> point = candidates_[*best_].point;
    if (!space_.present[i] || point[i] == *space_.present[i]) continue;
    if (!fits(static_cast<double>(runs) * requests_of_a_run_, kSimplifying)) break;
    point[i] = *space_.present[i];
    const std::size_t simpler = place(kSimpler, point);
    const bool done =
        judge(kSimpler, {simpler}, effort, ladder_.size(), true) && stress_each({simpler});
    if (!done) return false;
    if (!is_as_good(simpler, found)) continue;
    finalist(*best_).outcome = *best_ == found ? "changes more, and is no better" : "";
    best_ = simpler;
    finalist(simpler).outcome = "recommended: as good, and changes less";
  }
  return true;
}

}  // namespace tokenlift
