// Does a gate say what it should, with as many runs as it asks for? Suites of five cases whose
// figures are drawn: what a run has is known, and how much runs vary, from figure to figure and
// from case to case.
//
// Seeds are fixed. Fewer of each by default; 200 and more, and a table of what came out:
//
//   TOKENLIFT_EXPERIMENTS=400 build/release/tests/reports_findings_statistics_test

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "reports/findings/comparison.hpp"
#include "tests/reports/analysis/noise.hpp"

namespace tokenlift::gates_test {
namespace {

constexpr std::size_t kCases = 5;
constexpr std::size_t kPilotRuns = 3;

int experiments() {
  const char* const stated = std::getenv("TOKENLIFT_EXPERIMENTS");
  return stated == nullptr ? 12 : std::max(12, std::atoi(stated));
}

struct FigureLaw {
  const char* name;
  const char* unit;
  bool higher_is_better;
  FigureScale scale;
  double mean;
  double deviation;  ///< of a run: of its logarithm, or of the share
};
constexpr std::array<FigureLaw, 6> kFigures = {{
    {"throughput", "tokens/s", true, FigureScale::ratio, 30'000, 0.002},
    {"goodput", "tokens/s", true, FigureScale::of_a_whole, 28'000, 0.008},
    {"attainment", "share", true, FigureScale::share, 0.9, 0.006},
    {"ttft p50", "ns", false, FigureScale::ratio, 3e7, 0.012},
    {"ttft p99", "ns", false, FigureScale::ratio, 9e7, 0.03},
    {"itl p99", "ns", false, FigureScale::ratio, 2.5e7, 0.008},
}};

/// How much runs vary in each case, as a multiple of the figure's deviation.
struct SpreadLaw {
  std::string name;
  double (*of)(Noise& noise, std::size_t one);
};
const std::vector<SpreadLaw>& spread_laws() {
  static const std::vector<SpreadLaw> laws = {
      {"alike", [](Noise&, std::size_t) { return 1.0; }},
      {"a factor of 2 about",
       [](Noise& noise, std::size_t) { return std::exp(0.7 * noise.normal()); }},
      {"a factor of 30 in all",
       [](Noise&, std::size_t one) { return std::pow(30.0, static_cast<double>(one) / 4) / 10; }},
      {"one of three times", [](Noise&, std::size_t one) { return one == 4 ? 3.0 : 1.0; }},
  };
  return laws;
}

/// By how much what the contender does differs: the logarithm of a ratio, or points of a share.
struct Planted {
  const char* figure = "";
  std::size_t in_case = 0;
  double by = 0;
};

/// A suite's cases: how much their figures vary.
class SuiteLaw {
 public:
  SuiteLaw(const SpreadLaw& law, Noise& noise) {
    for (std::size_t one = 0; one < kCases; ++one) {
      for (double& spread : spreads_[one]) spread = law.of(noise, one);
    }
  }

  CaseFigures runs(Noise& noise, std::size_t one, std::size_t count, std::uint64_t first_seed,
                   const Planted& planted, double correlation) const {
    CaseFigures side;
    side.runs = count;
    for (std::size_t i = 0; i < count; ++i) side.seeds.push_back(first_seed + i);
    for (const FigureLaw& law : kFigures) side.figures.push_back(set_of(law));
    for (std::size_t i = 0; i < count; ++i) {
      // What a seed does to all its figures, and to both sides where they have the same.
      Noise of_seed(1'000 * (first_seed + i) + one + 1);
      const double busy = noise.normal();
      for (std::size_t f = 0; f < kFigures.size(); ++f) {
        const double own = 0.6 * busy + 0.8 * noise.normal();
        const double at =
            std::sqrt(correlation) * of_seed.normal() + std::sqrt(1 - correlation) * own;
        side.figures[f].runs.push_back(
            {first_seed + i, value_of(kFigures[f], one, f, at, planted), 0});
      }
    }
    return side;
  }

 private:
  static FigureSet set_of(const FigureLaw& law) {
    FigureSet set;
    set.phase = "after";
    set.name = law.name;
    set.unit = law.unit;
    set.higher_is_better = law.higher_is_better;
    set.scale = law.scale;
    set.primary = true;
    set.whole = 30'000;
    return set;
  }

  double value_of(const FigureLaw& law, std::size_t one, std::size_t f, double at,
                  const Planted& planted) const {
    const bool here = one == planted.in_case && planted.figure == std::string(law.name);
    const double away = law.deviation * spreads_[one][f] * at +
                        (here ? planted.by * (law.higher_is_better ? -1 : 1) : 0);
    return law.scale == FigureScale::share ? law.mean + away : law.mean * std::exp(away);
  }

  std::array<std::array<double, kFigures.size()>, kCases> spreads_ = {};
};

struct Outcome {
  bool worse = false;
  bool open = false;
  std::size_t runs = 0;  ///< that were made in the end, on either side
};

/// A pilot, and where it is open as many runs as it asks for, all of them anew.
Outcome gated(const SpreadLaw& law, const Planted& planted, bool same_seeds, int experiment) {
  Noise noise(static_cast<std::uint64_t>(experiment) * 7'919 + 17);
  const SuiteLaw suite(law, noise);
  std::uint64_t seed = 1;
  const auto made = [&](std::size_t runs) {
    const double correlation = same_seeds ? 0.5 : 0;
    std::vector<ComparedCase> cases;
    for (std::size_t one = 0; one < kCases; ++one) {
      const std::uint64_t other = same_seeds ? seed : seed + 50'000;
      cases.push_back({"case" + std::to_string(one),
                       suite.runs(noise, one, runs, seed, {}, correlation),
                       suite.runs(noise, one, runs, other, planted, correlation),
                       {}});
    }
    seed += 100'000;
    return compare(cases, {});
  };
  Comparison comparison = made(kPilotRuns);
  std::size_t runs = kPilotRuns;
  if (comparison.primary(Reading::worse) == 0 && comparison.runs_needed != 0U) {
    runs = comparison.runs_needed.value();
    comparison = made(runs);
  }
  return {comparison.primary(Reading::worse) > 0, comparison.primary(Reading::open) > 0, runs};
}

struct Tally {
  int worse = 0, open = 0, worse_or_open = 0;
  std::vector<std::size_t> runs;
};

Tally tally_of(const std::string& what, const SpreadLaw& law, const Planted& planted,
               bool same_seeds) {
  Tally tally;
  for (int i = 0; i < experiments(); ++i) {
    const Outcome outcome = gated(law, planted, same_seeds, i);
    tally.worse += outcome.worse ? 1 : 0;
    tally.open += !outcome.worse && outcome.open ? 1 : 0;
    tally.worse_or_open += outcome.worse || outcome.open ? 1 : 0;
    tally.runs.push_back(outcome.runs);
  }
  std::sort(tally.runs.begin(), tally.runs.end());
  std::printf("%-24s %-22s %s seeds: %3d worse, %3d open of %d; runs: median %zu, at most %zu\n",
              what.c_str(), law.name.c_str(), same_seeds ? "same " : "other", tally.worse,
              tally.open, experiments(), tally.runs[tally.runs.size() / 2], tally.runs.back());
  std::fflush(stdout);
  return tally;
}

/// `share` of the experiments, and what chance adds to it once in a hundred.
int at_most(double share) {
  const double n = experiments();
  return static_cast<int>(std::floor(share * n + 2.33 * std::sqrt(share * (1 - share) * n)));
}
int at_least(double share) {
  return experiments() - at_most(1 - share);
}

/// Two of the four laws with the same seeds and two with others, unless experiments are asked for.
std::vector<SpreadLaw> laws_of(bool same_seeds) {
  const std::vector<SpreadLaw>& all = spread_laws();
  if (std::getenv("TOKENLIFT_EXPERIMENTS") != nullptr) return all;
  const auto middle = all.begin() + 2;
  return same_seeds ? std::vector(middle, all.end()) : std::vector(all.begin(), middle);
}

class Gates : public testing::TestWithParam<bool> {};

TEST_P(Gates, OfWhatIsTheSameHardlyAnyFailsAndFewStayOpen) {
  for (const SpreadLaw& law : laws_of(GetParam())) {
    const Tally tally = tally_of("nothing changed", law, {}, GetParam());
    EXPECT_LE(tally.worse, at_most(0.05)) << law.name;
    EXPECT_LE(tally.open, at_most(0.10)) << law.name;
  }
}

TEST_P(Gates, NoneIsPassedByAWorseningOfTheSizeThatIsLookedFor) {
  for (const SpreadLaw& law : laws_of(GetParam())) {
    for (const char* const figure : {"ttft p50", "ttft p99"}) {
      const Tally tally = tally_of(std::string(figure) + " 10 % worse", law,
                                   {figure, 4, std::log(1.1)}, GetParam());
      EXPECT_GE(tally.worse_or_open, at_least(0.95)) << law.name << ", " << figure;
    }
  }
}

TEST_P(Gates, OneAndAHalfTimesThatIsCalledWorse) {
  for (const SpreadLaw& law : laws_of(GetParam())) {
    for (const char* const figure : {"ttft p50", "ttft p99"}) {
      const Tally tally = tally_of(std::string(figure) + " 15 % worse", law,
                                   {figure, 4, std::log(1.15)}, GetParam());
      EXPECT_GE(tally.worse, at_least(0.90)) << law.name << ", " << figure;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Comparison, Gates, testing::Bool(),
                         [](const auto& of) { return of.param ? "SameSeeds" : "OtherSeeds"; });

}  // namespace
}  // namespace tokenlift::gates_test
