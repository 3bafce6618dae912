#pragma once
// What plays a scenario: the engines, a row each, and what is true of them.

#include <array>
#include <cstdlib>
#include <string_view>

namespace tokenlift {

enum class Engine { threads, simulated, null, http };

/// An engine. What depends on the engine asks for the trait that it depends on, not for the name.
struct EngineTraits {
  Engine engine;
  std::string_view name;  ///< in the scenario language
  std::string_view does;  ///< in a word or two
  /// Time jumps from event to event, and a cost model says what a step takes: every run of a seed
  /// is the same, on any machine. Else time is real.
  bool simulated;
  /// The decoder computes each step on this machine: replicas share its cores.
  bool computes;
  /// Replicas serve, and can come, go, fail and slow down.
  bool has_replicas;
  /// Sites are endpoints elsewhere: what is known of them is what they say.
  bool remote;
};

// clang-format off
inline constexpr auto kEngines = std::to_array<EngineTraits>({
    // engine            name       does                 simulated  computes  has_replicas  remote
    {Engine::threads,   "threads", "compute",           false,     true,     true,         false},
    {Engine::simulated, "virtual", "simulate",          true,      false,    true,         false},
    {Engine::null,      "null",    "the harness alone", false,     false,    false,        false},
    {Engine::http,      "http",    "ask endpoints",     false,     false,    false,        true},
});
// clang-format on

constexpr const EngineTraits& traits_of(Engine engine) {
  for (const EngineTraits& traits : kEngines) {
    if (traits.engine == engine) return traits;
  }
  std::abort();  // a value outside its enumeration
}

/// The fleet's capacity can be found: computed where time is simulated, measured where it is not.
constexpr bool has_capacity(Engine engine) {
  return traits_of(engine).simulated || traits_of(engine).computes;
}

}  // namespace tokenlift
