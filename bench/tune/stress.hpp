#pragma once
// What a scenario is when things are not as it says: for the finalists of a search, which are
// judged by their worst case; and how it would do with a larger fleet, or with wider limits.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

enum class Stress { none, more_load, less_load, longer_outputs, retries };
inline constexpr std::array<Stress, 4> kStresses = {Stress::more_load, Stress::less_load,
                                                    Stress::longer_outputs, Stress::retries};
/// "as it is", "load +10 %", "load -10 %", "outputs 20 % longer", "retries on".
std::string_view name_of(Stress stress);

/// The scenario (resolved: throttles stay as they are) under the stress. Nothing where it makes no
/// difference: nobody's outputs can get longer than max_tokens, nothing rejects, or all who are
/// rejected retry anyhow.
///
/// Load: rates, the speed of traces, or the number of closed users times 1.1 or 0.9. Outputs: means
/// times 1.2, as far as max_tokens has room (a trace's stay as they are). Retries: exponential
/// back-off as by default, of clients that give up at once.
std::optional<Scenario> stressed(const Scenario& resolved, Stress stress);

/// The scenario (resolved) with so many times its load: rates, the speed of traces, or the number
/// of closed users (rounded, one at least).
Scenario with_load(Scenario resolved, double factor);

/// So many times what the scenario has. Fleet and limits are apart: which of them holds a scenario
/// back is told by the one that helps.
struct Enlargement {
  double fleet = 1;   ///< >= 1: replicas of each site, rounded up
  double limits = 1;  ///< rates, bursts and limits of throttles, and of events that set them
  std::string throttle = {};  ///< whose limits; empty: those of all
  bool operator==(const Enlargement&) const = default;
};

/// The scenario (resolved) so much larger.
Scenario enlarged(const Scenario& resolved, const Enlargement& enlargement);

/// Of the sites with `factor` times their replicas, each rounded up.
std::int64_t enlarged_replicas(const Scenario& scenario, double factor);

}  // namespace tokenlift
