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
constexpr double kLastOfExploring = 0.05;  // beyond it, for a generation that has begun

constexpr std::size_t kFewestPoints = 8;  // of the first generation; a power of two
constexpr std::size_t kMostPoints = 1024;
constexpr std::size_t kPointsByTime = 64;
constexpr std::size_t kKept = 3;  // one of so many gets to the next rung
constexpr std::size_t kElite = 4;
/// Half of the width of the boxes around the best, generation by generation.
constexpr std::array<double, 3> kHalfWidths = {0.15, 0.06, 0.025};

constexpr std::size_t kPointsAlong = 5;  // a parameter

/// Of attempts that are made side by side the budget has room for as many times what they are known
/// to take: what another setting takes is known only afterwards.
constexpr double kUnknown = 4;
constexpr double kNearlyKnown = 1.1;
constexpr std::size_t kFewAttempts = 4;

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

TuningSearch::TuningSearch(SearchSpace space, TuningBudget budget, WorkPool& pool,
                           const std::atomic<bool>& stop, Watch watch)
    : space_(std::move(space)),
      budget_(budget),
      pool_(pool),
      stop_(stop),
      watch_(std::move(watch)),
      sobol_(space_.dimensions, space_.seed) {}

void TuningSearch::run() {
  searching_ = true;
  if (begin()) {
    explore();
    // Those that it did not get to.
    std::erase_if(candidates_, [](const Candidate& each) {
      return each.figures.runs == 0 && each.figures.failure.empty();
    });
    if (!stopped()) choose();
  }
  searching_ = false;
  share_open_ = 1;
  interrupted_ = stop_.load(std::memory_order_relaxed);
  require_room();
  std::erase_if(finalists_, [](const Finalist& each) { return each.outcome.empty(); });
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

/// A share of the budget, or less where so many runs are still to follow.
double TuningSearch::share_before(double share, std::size_t runs) const {
  if (!budget_.requests) return share;
  const double kept = static_cast<double>(runs) * requests_of_a_run_ * kNearlyKnown;
  return std::min(share, 1 - kept / static_cast<double>(*budget_.requests));
}

/// Throws BudgetTooSmall where the budget does not suffice for the smallest search.
void TuningSearch::require_room() const {
  if (interrupted_) return;
  const double after = static_cast<double>(kFinalists + 1 + space_.dimensions + kRunsOfChanges);
  const double least = static_cast<double>(requests_) + cost_of_generation(kFewestPoints) +
                       after * requests_of_a_run_ * kNearlyKnown;
  if (budget_.requests && searching_ && static_cast<double>(*budget_.requests) < least) {
    throw BudgetTooSmall(
        fmt::format("a budget of {} requests is too small: a run has some {:.0f}, and the smallest "
                    "search, of {} settings, takes {:.0f}",
                    *budget_.requests, requests_of_a_run_, kFewestPoints, std::ceil(least)));
  }
  if (searching_) return;
  const auto is_judged = [](const Candidate& each) { return each.figures.runs > 0; };
  const auto judged = std::ranges::count_if(candidates_, is_judged);
  if (budget_.requests && judged == 0) {
    throw BudgetTooSmall(fmt::format(
        "a budget of {} requests is too small: looking at what tenants have now takes {}",
        *budget_.requests, requests_));
  }
  if (!budget_.time_s || judged > 1) return;
  std::string why = "not even the present setting was simulated";
  if (judged == 1) {
    const double least_s = elapsed_s() * least / static_cast<double>(requests_);
    why = fmt::format("the smallest search, of {} settings, takes some {:.0f} s", kFewestPoints,
                      std::ceil(least_s));
  }
  throw BudgetTooSmall(fmt::format("{:.3g} s are too short: {}", *budget_.time_s, why));
}

double TuningSearch::cost_of(const Attempt& attempt) const {
  return static_cast<double>(attempt.effort.runs) * attempt.effort.length_share * most_of_a_run_;
}

/// How many of the attempts, from the first on, are made before what is left is looked at again; 0
/// where the budget has no room for any.
std::size_t TuningSearch::count_that_fits(std::span<const Attempt> attempts) const {
  if (!budget_.requests) return attempts.size();
  double cost = 0;
  std::size_t count = 0;
  for (; count < attempts.size(); ++count) {
    cost += cost_of(attempts[count]);
    if (!fits(cost * (count < kFewAttempts ? kNearlyKnown : kUnknown), share_open_)) break;
  }
  return count;
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
  stage_of(stage);
  std::vector<std::optional<TuningFigures>> results(attempts.size());
  std::mutex mutex;
  std::size_t done = 0;
  for (std::size_t first = 0; first < attempts.size();) {
    const std::size_t count = count_that_fits(std::span(attempts).subspan(first));
    if (count == 0) break;
    WorkItems work;
    work.count = count;
    const auto note = [&](std::size_t i, std::optional<TuningFigures> figures) {
      results[i] = std::move(figures);
      if (!results[i]) return;
      const std::lock_guard lock(mutex);
      requests_ += results[i]->requests;
      stages_.back().runs += results[i]->runs;
      stages_.back().requests += results[i]->requests;
      if (watch_) watch_(*this, ++done, attempts.size());
    };
    work.here = [&](std::size_t at) {
      if (!stopped()) note(first + at, space_.simulate(attempts[first + at]));
    };
    if (const std::optional<AttemptsElsewhere>& others = space_.elsewhere) {
      const auto pack = [&](std::size_t at) {
        return stopped() ? std::nullopt : others->pack(attempts[first + at]);
      };
      const auto keep = [&](std::size_t at, const WorkResult& reply) {
        note(first + at, others->keep(attempts[first + at], reply));
      };
      work.elsewhere = WorkElsewhere{others->kind, pack, keep, others->stop};
    }
    pool_.run(work);
    for (std::size_t i = first; i < first + count; ++i) {
      if (!results[i] || results[i]->runs == 0) continue;
      const double runs = static_cast<double>(results[i]->runs) * attempts[i].effort.length_share;
      whole_runs_ += runs;
      most_of_a_run_ = std::max(most_of_a_run_, static_cast<double>(results[i]->requests) / runs);
    }
    first += count;
  }
  if (whole_runs_ > 0) {
    requests_of_a_run_ = std::max(requests_of_a_run_, static_cast<double>(requests_) / whole_runs_);
  }
  return results;
}

/// The stage of that name, which is under way from now on.
TuningStage& TuningSearch::stage_of(const std::string& name) {
  const auto same = std::ranges::find(stages_, name, &TuningStage::name);
  if (same == stages_.end()) return stages_.emplace_back(TuningStage{name, 0, 0, 0});
  std::rotate(same, same + 1, stages_.end());  // the last one is under way
  return stages_.back();
}

void TuningSearch::charge(const std::string& stage, std::size_t candidates, std::uint64_t runs,
                          std::uint64_t requests) {
  TuningStage& its = stage_of(stage);
  its.candidates += candidates;
  its.runs += runs;
  its.requests += requests;
  requests_ += requests;
  whole_runs_ += static_cast<double>(runs);
}

/// Candidates, each with the figures of that effort from now on. False where not all were
/// simulated: it was stopped, or the budget is spent.
bool TuningSearch::judge(const std::string& stage, const Indices& indices, const Effort& effort,
                         std::size_t rung, bool by_run) {
  std::vector<Attempt> attempts;
  for (const std::size_t index : indices) {
    attempts.push_back({candidates_[index].point, effort, Stress::none, by_run});
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
    // A budget that has room for the smallest search is not spent on the present setting.
    const double next = 2 * static_cast<double>(effort.runs) * requests_of_a_run_;
    if (budget_.requests && !fits(next + cost_of_generation(kFewestPoints), kExploring)) break;
  }
  stages_.back().candidates = 1;
  if (!budget_.requests && !budget_.time_s) {
    const double runs =
        std::clamp(kDefaultRequests / requests_of_a_run_, kFewestRuns, kDefaultRuns);
    budget_.requests = std::llround(runs * requests_of_a_run_);
  }
  const std::uint64_t runs = chosen.length_share < 1 ? 1 : 2 * chosen.runs;
  ladder_ = {chosen, Effort{runs, 1}, Effort{2 * runs, 1}};
  require_room();
  return true;
}

/// The whole range, then smaller and smaller boxes around the best, and again while the budget
/// allows.
void TuningSearch::explore() {
  const double share =
      share_before(kExploring, kFinalists + 1 + space_.dimensions + kRunsOfChanges);
  share_open_ = share_before(kExploring + kLastOfExploring,
                             kFinalists + 1 + space_.dimensions + kRunsOfChanges);
  std::size_t size = kPointsByTime;
  if (budget_.requests) {
    const double most = kFirstGeneration * static_cast<double>(*budget_.requests);
    size = kFewestPoints;
    while (2 * size <= kMostPoints && cost_of_generation(2 * size) <= most) size *= 2;
  }
  for (int round = 1;; ++round) {
    const std::size_t before = candidates_.size();
    const std::string again = round == 1 ? "" : fmt::format(", round {}", round);
    if (round > 1 && !fits(cost_of_generation(size), share)) return;
    if (!generation(kWholeRange + again, whole_range(size))) return;
    if (!fits(cost_of_generation(kPointsAlong * space_.dimensions), share)) return;
    if (!generation("along each parameter" + again, along_each_parameter(0))) return;
    const std::size_t near = std::max<std::size_t>(size / 4, kElite);
    for (std::size_t i = 0; i < kHalfWidths.size(); ++i) {
      if (!fits(cost_of_generation(near), share)) return;
      const std::string stage = fmt::format("around the best, {}{}", i + 1, again);
      if (!generation(stage, around_the_best(near, kHalfWidths[i]))) return;
    }
    if (!fits(cost_of_generation(kPointsAlong * space_.dimensions), share)) return;
    if (!generation("along each parameter, from there" + again, along_each_parameter(0.5))) return;
    if (candidates_.size() == before) return;  // the range has no further points
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
/// most. False where not all were simulated.
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

}  // namespace tokenlift
