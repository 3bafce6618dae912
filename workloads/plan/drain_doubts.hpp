#pragma once
// Why the fluid model cannot tell how long a backlog drains: what decides it, and is not in the
// model.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/plan/fluid.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// How the tenants of a throttle leave its queue by themselves.
struct GivingUp {
  std::optional<double> after_s;          ///< by their deadline or constant patience
  std::optional<double> patience_mean_s;  ///< of exponential patience
  bool operator==(const GivingUp&) const = default;
};
/// Of all whom the throttle looks at; nothing where they do not all do it alike, or nobody does.
std::optional<GivingUp> giving_up_alike(const Scenario& resolved, const Throttle& throttle);

/// True if requests of some tenant wait for ever if the throttle does not let them through.
bool waits_without_end(const Scenario& resolved, const Throttle& throttle);

/// Output tokens/s of who asks on, however many wait in the fleet: not of closed tenants, nor of
/// those whom a limit on what is in flight holds back, in front of which nobody waits for ever.
double unbounded_tokens_per_s(const Scenario& resolved, std::int64_t at_ns);

/// What is wrong with the mean rates of tenants, so that neither a backlog nor that one grows can
/// be told from them: a load that changes by itself, or a throttle that does not charge what caches
/// hold. A clause; empty: nothing.
std::string doubt_of_rates(const Scenario& resolved);

/// What the fluid met on its way.
struct HeldBack {
  std::vector<bool> throttles;  ///< by index: more was offered than it lets pass
  bool is_full = false;         ///< as much waited as a queue_limit lets wait
  bool waits = false;           ///< there was a backlog where the measured span begins or ends
  Stage narrowest;              ///< in the end
  std::optional<std::size_t> narrowest_throttle;  ///< nothing: the fleet
};

/// Why the drain is not known, as a clause; empty: it is. `model_s` is what the model says, nothing
/// for never. What only slows the fleet down does not make a backlog drain that never does.
std::string drain_doubt(const Scenario& resolved, const MeasuredSpan& span, const HeldBack& held,
                        std::optional<double> model_s);

}  // namespace tokenlift
