#include "bench/tune/remedies.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

constexpr double kCloseEnough = 1.05;
/// So many throttles are tried one by one: those that come first.
constexpr std::size_t kMostThrottles = 4;

/// What of a scenario is made larger.
struct Way {
  bool fleet = false;
  bool limits = false;
  std::string throttle = {};  ///< whose limits; empty: those of all

  Enlargement by(double factor) const {
    return {fleet ? factor : 1, limits ? factor : 1, throttle};
  }
  /// Changes one thing.
  bool is_single() const { return fleet != limits && !(limits && throttle.empty()); }
};

/// One way, as far as it was tried.
struct Try {
  Way way;
  double unmet = 1;   ///< the largest factor that does not do
  double enough = 0;  ///< the smallest that does; 0: none
  std::optional<Remedy> told = {};
};

std::vector<Try> ways_of(const Scenario& scenario) {
  std::vector<std::string> enforced;
  for (const Throttle& throttle : scenario.throttles) {
    if (throttle.mode == Mode::enforce) enforced.push_back(throttle.name);
  }
  std::vector<Try> ways = {{{true, false}}};
  for (std::size_t i = 0; i < std::min(enforced.size(), kMostThrottles); ++i) {
    ways.push_back({{false, true, enforced[i]}});
  }
  if (enforced.size() > 1) ways.push_back({{false, true}});
  if (!enforced.empty()) ways.push_back({{true, true}});
  return ways;
}

Remedy remedy_of(const RemedySearch& search, const Way& way, double factor, std::size_t candidate,
                 const TuningFigures& figures) {
  Remedy remedy;
  remedy.candidate = search.candidates[candidate];
  if (way.fleet) {
    remedy.replicas = enlarged_replicas(*search.scenario, factor);
    remedy.fleet =
        static_cast<double>(remedy.replicas) / static_cast<double>(replica_count(*search.scenario));
  }
  if (way.limits) remedy.limits = factor;
  remedy.throttle = way.throttle;
  remedy.meets = figures.feasible();
  if (search.constraint < figures.constraints.size()) {
    remedy.value = figures.constraints[search.constraint].value;
  }
  return remedy;
}

/// Each of the tries with its own factor, in one go. False where the budget had no room for one.
bool attempt(const RemedySearch& search, const std::vector<std::pair<Try*, double>>& tries) {
  std::vector<Attempt> attempts;
  for (const auto& [each, factor] : tries) {
    for (const std::vector<double>& point : search.points) {
      attempts.push_back({point, {}, Stress::none, false, each->way.by(factor)});
    }
  }
  const auto results = search.simulate(attempts);
  bool all = true;
  std::size_t next = 0;
  for (const auto& [each, factor] : tries) {
    const std::size_t first = next;
    next += search.points.size();
    if (!results[first]) {
      all = false;
      continue;
    }
    std::size_t chosen = 0;
    for (std::size_t i = search.points.size(); i-- > 0;) {
      if (results[first + i] && results[first + i]->feasible()) chosen = i;
    }
    const TuningFigures& figures = *results[first + chosen];
    // What did it stays told where less of it does not.
    if (figures.feasible()) {
      each->enough = factor;
    } else {
      each->unmet = factor;
    }
    if (figures.feasible() || each->enough == 0) {
      each->told = remedy_of(search, each->way, factor, chosen, figures);
    }
  }
  return all;
}

void narrow(const RemedySearch& search, Try& each) {
  while (each.enough / each.unmet > kCloseEnough) {
    const double middle = std::sqrt(each.enough * each.unmet);
    // Replicas are whole: what is no other fleet needs no simulation.
    const auto replicas = [&](double factor) {
      return enlarged_replicas(*search.scenario, factor);
    };
    if (each.way.is_single() && each.way.fleet &&
        (replicas(middle) == replicas(each.enough) || replicas(middle) == replicas(each.unmet))) {
      return;
    }
    if (!attempt(search, {{&each, middle}})) return;
  }
}

}  // namespace

std::vector<Remedy> find_remedies(const RemedySearch& search) {
  std::vector<Try> ways = ways_of(*search.scenario);
  const auto does_it = [](const Try& each) { return each.enough > 0; };
  for (int factor = 2; factor <= kMostEnlarged; factor *= 2) {
    std::vector<std::pair<Try*, double>> tries;
    for (Try& each : ways) tries.emplace_back(&each, factor);
    if (!attempt(search, tries) || std::ranges::any_of(ways, does_it)) break;
  }
  // Where one thing does it, nobody needs several.
  if (std::ranges::any_of(ways,
                          [&](const Try& each) { return does_it(each) && each.way.is_single(); })) {
    std::erase_if(ways, [](const Try& each) { return !each.way.is_single(); });
  } else if (std::ranges::any_of(
                 ways, [&](const Try& each) { return does_it(each) && !each.way.fleet; })) {
    std::erase_if(ways, [](const Try& each) { return each.way.fleet && each.way.limits; });
  }
  std::ranges::stable_sort(ways, {}, [&](const Try& each) { return !does_it(each); });
  std::vector<Remedy> remedies;
  for (Try& each : ways) {
    if (does_it(each)) narrow(search, each);
    if (each.told) remedies.push_back(*each.told);
  }
  return remedies;
}

}  // namespace tokenlift
