#pragma once
// Where the time to the first token went.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// Mean TTFT of the requests that completed, by where the time went: the parts add up to it.
struct TimeSplit {
  std::string phase;
  std::uint64_t requests = 0;
  double ttft_ns = 0;
  double generator_lag_ns = 0;
  double throttle_wait_ns = 0;
  double network_ns = 0;  ///< 0 where sites are at no distance
  double queue_wait_ns = 0;
  double prefill_ns = 0;
  double service_ns = 0;  ///< of endpoints, which tell no more: all from admission on
};

/// The parts, as they follow one another.
struct TimePart {
  const char* name;
  double TimeSplit::*ns;
};
inline constexpr std::array<TimePart, 5> kTimeParts = {
    {{"generator lag", &TimeSplit::generator_lag_ns},
     {"throttle wait", &TimeSplit::throttle_wait_ns},
     {"network", &TimeSplit::network_ns},
     {"queue wait", &TimeSplit::queue_wait_ns},
     {"prefill", &TimeSplit::prefill_ns}}};
/// The same of endpoints.
inline constexpr std::array<TimePart, 3> kEndpointParts = {
    {{"generator lag", &TimeSplit::generator_lag_ns},
     {"throttle wait", &TimeSplit::throttle_wait_ns},
     {"service", &TimeSplit::service_ns}}};
/// What reports show of them: all, but for a network that took no time in any of the phases; of
/// endpoints their own.
std::vector<TimePart> shown_parts(const std::vector<TimeSplit>& phases);

/// By phase.
std::vector<TimeSplit> time_split(const Run& run);

}  // namespace tokenlift
