#include "bench/run/readiness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/machine/host.hpp"
#include "reports/text/figure.hpp"
#include "workloads/decoder/random_weights.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/samples.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/scenario/engine.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

// What the loop takes beside the replicas, of a core, with room for a busy moment.
constexpr double kLoopCores = 0.25;
// A lighter decoder is suggested where by its weights it would be enough with so much to spare:
// it is not faster by all of what it is lighter.
constexpr double kSpareSpeed = 2;

/// Weights that a token is multiplied with.
double weights_of(const DecoderShape& shape) {
  double count = 0;
  for (std::size_t i = 0; i < kMultiplied; ++i) {
    const auto matrix = static_cast<Matrix>(i);
    const MatrixSize size = matrix_size(shape, matrix);
    count += static_cast<double>(size.inputs * size.outputs * matrix_copies(shape, matrix));
  }
  return count;
}

/// The heaviest built-in decoder that is lighter than the site's by this factor, with room to
/// spare; empty if there is none.
std::string lighter_profile(const Site& site, double factor) {
  const Profile* const present = find_profile(site.profile);
  if (present == nullptr || !present->decoder) return "";
  const double most = weights_of(*present->decoder) / (kSpareSpeed * factor);
  std::string name;
  double heaviest = 0;
  for (const Profile& profile : builtin_profiles()) {
    if (!profile.decoder) continue;
    const double weights = weights_of(*profile.decoder);
    if (weights > most || weights < heaviest) continue;
    heaviest = weights;
    name = profile.name;
  }
  return name;
}

/// "--set KEY=VALUE --set KEY=VALUE"
std::string set_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "--set " : " --set ") + word;
  return text;
}

}  // namespace

void require_measured(const std::optional<Capacity>& capacity) {
  if (!capacity) {
    throw NotMeasurable(
        "nothing was run: the fleet is too slow for its capacity to be measured: in 20 s a site "
        "has not computed both prompts and output. Take a profile of fewer weights, or shorter "
        "prompts");
  }
  if (capacity->interference.value_or(0) <= kMostInterference) return;
  throw NotMeasurable(fmt::format(
      "nothing was run: other processes or the hypervisor took {:.0f} % of the machine (limit "
      "{:.0f} %) while the capacity of the fleet was measured, so it is not known, and a run would "
      "hardly be valid. Stop what else runs (`top` shows it), or wait until it is over. To run all "
      "the same state a capacity, as --set fleet.capacity={}, which was left of it",
      100 * *capacity->interference, 100 * kMostInterference,
      format_rate(std::round(capacity->tokens_per_s))));
}

void require_enough_requests(const Scenario& resolved) {
  const std::vector<ShortPhase> phases = short_phases(resolved);
  if (phases.empty()) return;
  std::vector<std::string> counts;
  double factor = 1;
  for (const ShortPhase& phase : phases) {
    counts.push_back(fmt::format("{} {:.0f} requests fall into '{}'",
                                 phase.at_most ? "at most" : "about", phase.requests, phase.name));
    factor = std::max(factor, kFewestRequests / phase.requests);
  }
  std::vector<std::string> ways;
  const std::vector<std::string> lengths = longer_run(resolved);
  if (!lengths.empty()) ways.push_back("run longer: " + set_words(lengths));
  std::vector<std::string> profiles;
  for (const Site& site : resolved.fleet.sites) {
    const std::string name = lighter_profile(site, factor);
    if (!name.empty()) profiles.push_back(fmt::format("fleet.site.{}.profile={}", site.name, name));
  }
  if (!profiles.empty()) ways.push_back("take a lighter decoder: " + set_words(profiles));
  ways.emplace_back("state a capacity (fleet.capacity) to run all the same");
  throw NotMeasurable(fmt::format(
      "nothing was run: this fleet generates {} tokens/s, so that {}, and a valid run needs {} "
      "there. To do: {}",
      figure(resolved.fleet.capacity_tokens_per_s.value_or(0)), listed(counts, "and"),
      kFewestRequests, listed(ways, "or")));
}

std::optional<Check> check_cpu_quota(const Scenario& scenario, std::optional<double> quota,
                                     std::size_t cores) {
  if (!quota || !traits_of(scenario.run.engine).computes) return std::nullopt;
  const std::int64_t replicas = replica_count(scenario);
  const double needed =
      std::min(static_cast<double>(cores), static_cast<double>(replicas) + kLoopCores);
  Check check{"cpu_quota", quota, needed, *quota >= needed, {}};
  if (!check.passed) {
    check.advice = fmt::format(
        "a CPU quota (cpu.max of the control group) gives this process {:.3g} cores, and its {} "
        "replicas and the harness keep {:.3g} busy: when the quota is used up all stand still, so "
        "latencies tell of the quota and not of the fleet. Run without it (a container: without "
        "--cpus), or with fewer replicas",
        *quota, replicas, needed);
  }
  return check;
}

}  // namespace tokenlift
