#pragma once
// How a lift may happen: what the measured event leads to, in one step or several, or along a line.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// The values of kLiftShape that are searched where nothing is said.
inline constexpr std::array<std::string_view, 5> kLiftShapes = {"at_once", "linear", "2_steps",
                                                                "4_steps", "8_steps"};
/// Also with other numbers of steps.
bool is_lift_shape(std::string_view word);

/// It is one of kLiftShape, kLiftLength and kLiftInherit.
bool is_lift_key(std::string_view key);

/// What is said of a lift; what is not stays as the event has it.
struct LiftCourse {
  std::optional<std::string> shape;  ///< is_lift_shape()
  std::optional<std::int64_t> over_ns;
  std::optional<Inherit> inherit;  ///< no matter to a throttle that is lifted at once
};

/// A ramp to where the event leads: of a lift to the fleet's whole capacity, or to all places in
/// its batches. Nothing where no number says how much its throttle lets through: a lift of a
/// queue_limit or an acceleration_limit, a set of something else.
std::optional<Event> ramp_of(const Scenario& scenario, const Event& event);

/// The words for --set that make the measured event happen so. Its transition ends `settle` after
/// the slowest one, of `longest_ns`, has; without run.settle, and at the latest, where the run
/// ends. A ramp that has brought a throttle to where the event leads is followed by the event
/// itself if that does more: it lifts, restores, or sets other parameters.
std::vector<std::string> lift_words(const Scenario& scenario, const LiftCourse& course,
                                    std::int64_t longest_ns);

/// What the event is like already: its shape, length and inherit; nothing for other keys.
std::optional<std::string> present_course(const Scenario& scenario, const std::string& key);

}  // namespace tokenlift
