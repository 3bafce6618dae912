#include "bench/tune/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <utility>

namespace tokenlift {

namespace {

// How the budget is spent: up to these shares of it.
constexpr double kFirstGeneration = 0.25;
constexpr double kExploring = 0.6;
constexpr double kLastOfExploring = 0.05;  // beyond it, for a generation that has begun

constexpr std::size_t kFewestPoints = 8;  // of the first generation; a power of two
constexpr std::size_t kMostPoints = 1024;
constexpr std::size_t kPointsByTime = 64;
constexpr std::size_t kKept = 4;  // one of so many gets to the next rung
// Batches of points of which a model expects most.
constexpr const char* kModelled = "where most is expected";
constexpr std::uint64_t kRunsOfModelled = 2;  // at least: more points tell more than more runs
constexpr std::size_t kBatchesOfFirst = 4;    // the first generation is as large as so many
constexpr std::size_t kSmallestBatch = 4;
constexpr std::size_t kLargestBatch = 64;
constexpr std::size_t kBarrenBatches = 8;  // none of whose points is a scenario
/// Of so many candidates each batch is chosen: of the whole range, and around each of the best few
/// in boxes of these half widths.
constexpr std::size_t kPointsOfRange = 128;
constexpr std::size_t kElite = 4;
constexpr std::size_t kPointsAround = 32;
constexpr std::array<double, 3> kHalfWidths = {0.2, 0.07, 0.02};
/// Right beside the best, by turns.
constexpr std::array<double, 4> kBesideBest = {0.06, 0.02, 0.006, 0.002};
constexpr double kSameMean = 1e-3;  // of the objective: what a model does not tell apart
constexpr double kLeastStep = 1e-300;
/// A model takes the third power of what it is made of.
constexpr std::size_t kModelledBest = 96;
constexpr std::size_t kModelledRest = 32;

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
  const auto after = static_cast<double>(kFinalists + 1 + space_.dimensions + kRunsOfChanges);
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

/// Whether a rung of the ladder takes no more than the one below: then its figures are there.
bool TuningSearch::is_as_before(std::size_t rung) const {
  return rung > 0 && ladder_[rung] == ladder_[rung - 1];
}

/// In requests, as many as the present setting takes.
double TuningSearch::cost_of_generation(std::size_t size) const {
  double runs = 0;
  for (std::size_t rung = 0; rung < ladder_.size(); ++rung) {
    if (is_as_before(rung)) continue;
    runs += static_cast<double>(size * ladder_[rung].runs) * ladder_[rung].length_share;
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
  const std::uint64_t runs = chosen.length_share < 1 ? 1 : chosen.runs;
  ladder_ = {chosen, Effort{std::max(runs, kRunsOfModelled), 1}};
  require_room();
  return true;
}

/// The whole range, then batch by batch where a model of all that was tried expects most.
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
  if (!first_generation(size)) return;
  const std::size_t batch = std::clamp(size / kBatchesOfFirst, kSmallestBatch, kLargestBatch);
  const Effort& effort = ladder_.back();
  const double runs = static_cast<double>(batch * effort.runs) * effort.length_share;
  std::size_t barren = 0;
  while (barren < kBarrenBatches && fits(runs * requests_of_a_run_, share)) {
    const Indices points = where_most_is_expected(batch);
    if (points.empty()) return;  // the range has no further points
    const std::uint64_t before = requests_;
    if (!judge(kModelled, points, effort, ladder_.size() - 1)) return;
    stages_.back().candidates += points.size();
    barren += requests_ == before ? 1 : 0;
  }
}

/// What points were worth, the best first, comparable: of what had more runs than others without
/// what these runs have added to all. What is not feasible, or no scenario, is worth least, and so
/// is the worse half: what a model is to learn is the upper half, and not the depth of a cliff.
std::vector<TuningSearch::Valued> TuningSearch::valued() const {
  const double sign = space_.maximize ? 1 : -1;
  std::array<double, 2> added = {}, counts = {};
  bool some_feasible = false;
  for (const Candidate& each : candidates_) {
    if (each.point.empty() || !each.figures.feasible()) continue;
    some_feasible = true;
    if (!each.first.feasible()) continue;
    added.at(each.rung) += sign * (*each.figures.objective - *each.first.objective);
    ++counts.at(each.rung);
  }
  std::vector<Valued> all;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& each = candidates_[i];
    if (each.point.empty()) continue;
    double value = some_feasible ? -INFINITY : -each.figures.violation();
    if (each.figures.feasible()) {
      value = sign * *each.figures.objective -
              added.at(each.rung) / std::max(counts.at(each.rung), 1.0);
    }
    all.push_back({i, value});
  }
  std::ranges::stable_sort(all, std::greater<>{}, &Valued::value);
  const auto finite = static_cast<std::size_t>(
      std::ranges::count_if(all, [](const Valued& each) { return std::isfinite(each.value); }));
  const double least = finite == 0 ? 0 : all[std::min(all.size() / 2, finite - 1)].value;
  for (Valued& each : all) each.value = std::max(each.value, least);
  return all;
}

/// Of all that was tried, or of so many: the best, and evenly of the rest.
Surrogate TuningSearch::model_of(const std::vector<Valued>& values) const {
  std::vector<Observation> observations;
  const std::size_t rest = values.size() - std::min(values.size(), kModelledBest);
  const std::size_t step = std::max<std::size_t>(1, (rest + kModelledRest - 1) / kModelledRest);
  for (std::size_t i = 0; i < values.size(); i += i < kModelledBest ? 1 : step) {
    const Candidate& candidate = candidates_[values[i].index];
    const double runs = std::max(static_cast<double>(candidate.figures.runs), 1.0);
    observations.push_back({candidate.point, values[i].value, runs});
  }
  return Surrogate(std::move(observations));
}

/// New candidates: those of which a model expects most, out of points of the whole range and around
/// the best, and some right beside the very best, since the best often lies at a cliff, which no
/// model of this kind follows. None where there is none that was not tried.
TuningSearch::Indices TuningSearch::where_most_is_expected(std::size_t size) {
  const std::vector<Valued> values = valued();
  std::set<std::string> names;
  for (const Candidate& each : candidates_) names.insert(each.name);
  std::vector<std::vector<double>> points, beside;
  const auto add = [&](const std::vector<double>& point, std::vector<std::vector<double>>& to) {
    std::vector<double> snapped = space_.snap(point);
    if (names.insert(space_.name(snapped)).second) to.push_back(std::move(snapped));
  };
  const auto near = [&](std::size_t elite, double half_width) {
    const std::vector<double>& centre = candidates_[values[elite].index].point;
    std::vector<double> point = sobol_.next();
    for (std::size_t d = 0; d < point.size(); ++d) {
      point[d] = std::clamp(centre[d] + (2 * point[d] - 1) * half_width, 0.0, 1.0);
    }
    return point;
  };
  for (std::size_t i = 0; i < std::max<std::size_t>(1, size / kBatchesOfFirst); ++i) {
    add(near(0, kBesideBest.at(beside_++ % kBesideBest.size())), beside);
  }
  for (const std::vector<double>& point : whole_range(kPointsOfRange)) add(point, points);
  for (std::size_t elite = 0; elite < std::min(kElite, values.size()); ++elite) {
    for (std::size_t i = 0; i < kPointsAround; ++i) {
      add(near(elite, kHalfWidths.at(i % kHalfWidths.size())), points);
    }
  }
  Indices placed;
  for (const std::vector<double>& point : beside) placed.push_back(place(kModelled, point));
  const std::size_t rest = size - std::min(size, placed.size());
  for (const std::size_t i : model_of(values).most_promising(points, rest)) {
    placed.push_back(place(kModelled, points[i]));
  }
  return placed;
}

/// All that were simulated, by turns the best by what their runs say, and of the feasible ones that
/// of which most is expected: what a few runs say is chance, too, of which a model takes some out,
/// and a model is wrong where the ground falls away.
TuningSearch::Indices TuningSearch::most_hopeful() const {
  Indices by_runs = ranked();
  Indices by_model;
  std::ranges::copy_if(by_runs, std::back_inserter(by_model), [&](std::size_t index) {
    return !candidates_[index].point.empty() && candidates_[index].figures.feasible();
  });
  if (by_model.empty()) return by_runs;
  const Surrogate model = model_of(valued());
  // In steps, so that what lies on a plateau keeps its order, in which neighbours are far apart.
  const double step =
      kSameMean * std::abs(*candidates_[by_model.front()].figures.objective) + kLeastStep;
  std::map<std::size_t, double> mean;
  for (const std::size_t index : by_model) {
    mean[index] = std::round(model.at(candidates_[index].point).mean / step);
  }
  std::ranges::stable_sort(
      by_model, [&](std::size_t one, std::size_t other) { return mean[one] > mean[other]; });
  Indices both;
  const auto add = [&](std::size_t index) {
    if (std::ranges::find(both, index) == both.end()) both.push_back(index);
  };
  for (std::size_t i = 0; i < by_runs.size(); ++i) {
    if (i < by_model.size()) add(by_model[i]);
    add(by_runs[i]);
  }
  return both;
}

std::vector<std::vector<double>> TuningSearch::whole_range(std::size_t size) {
  std::vector<std::vector<double>> points;
  while (points.size() < size) points.push_back(sobol_.next());
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

/// Points that fill the whole range, by successive halving: all with little effort, the best third
/// with more, the best of these with most. False where not all were simulated.
bool TuningSearch::first_generation(std::size_t size) {
  Indices alive;
  for (const std::vector<double>& point : whole_range(size)) {
    const std::size_t before = candidates_.size();
    if (place(kWholeRange, point) == before) alive.push_back(before);
  }
  if (alive.empty()) return true;
  for (std::size_t rung = 0; rung < ladder_.size(); ++rung) {
    if (is_as_before(rung)) {
      for (const std::size_t index : alive) candidates_[index].rung = rung;
    } else if (!judge(kWholeRange, alive, ladder_[rung], rung)) {
      return false;
    }
    if (rung == 0) stages_.back().candidates += alive.size();
    sort(alive);
    alive.resize(kept_of(alive.size()));
  }
  return true;
}

}  // namespace tokenlift
