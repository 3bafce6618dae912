#pragma once
// Events that change nothing of a throttle, each seen as what the ones before it left.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

struct IdleEvent {
  std::size_t event = 0;  ///< among Scenario::events
  std::int64_t at_ns = 0;
  /// What is said of it behind "the event at 20s ": "changes nothing: throttle 'a' is lifted
  /// already".
  std::string what;
  /// It changes settings, of a throttle that is out of force before it and after it: that refuses
  /// and holds nothing, but may be seen in shadow.
  bool changes_settings = false;
};

/// In order of time. An event that has a throttle begin anew (inherit = "reset") changes something.
std::vector<IdleEvent> idle_events(const Scenario& resolved);

}  // namespace tokenlift
