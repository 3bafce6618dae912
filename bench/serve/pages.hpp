#pragma once
// What the server says of itself: figures for machines.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/serve/lateness.hpp"
#include "bench/throttle/gate.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A histogram as Prometheus has it, in seconds.
class TimeCounts {
 public:
  static constexpr std::array<double, 16> kBoundsS = {
      0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 60.0};
  void count(std::int64_t ns);
  /// `name` with its unit; `labels` without braces.
  void append(const std::string& name, const std::string& labels, std::string& out) const;

 private:
  std::array<std::uint64_t, kBoundsS.size() + 1> counts_{};
  double sum_s_ = 0;
};

/// Of a tenant, since the begin.
struct TenantFigures {
  std::uint64_t completed = 0;
  std::uint64_t refused = 0;
  std::uint64_t overloaded = 0;
  std::uint64_t output_tokens = 0;
};

/// `"lifted":false,"left":3,"most":5,` and so on: how a throttle stands, as the inside of an object
/// of JSON. What is not known is null.
std::string level_json(const GateLevel& level);

struct ServerFigures {
  std::string scenario;
  std::string engine;
  std::string model;
  std::int64_t now_ns = 0;
  std::int64_t running = 0;  ///< let through by the throttles
  std::int64_t waiting = 0;  ///< for the throttles
  std::int64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t stopped = 0;  ///< ended by themselves,
  std::uint64_t cut_off = 0;  ///< ... at their max_tokens,
  std::uint64_t hung_up = 0;  ///< ... because their client went
  std::uint64_t refused = 0;
  std::uint64_t overloaded = 0;  ///< 503 or 529
  std::uint64_t prompt_tokens = 0;
  std::uint64_t output_tokens = 0;
  TimeCounts ttft, gaps, e2e;
  Lateness lateness;
  std::vector<TenantFigures> tenants;
  // As they were when somebody asked last:
  std::vector<GateLevel> levels;  ///< by throttle
  CacheUse cache_use;
  std::int64_t replicas = 0;        ///< that serve
  std::vector<std::string> events;  ///< that came, as objects of JSON on a line
};

/// The text format of Prometheus, with the names of vLLM. `caches_prefixes`: some site of the fleet
/// does.
std::string metrics_text(const ServerFigures& figures, bool caches_prefixes);

/// One object of JSON.
std::string state_json(const ServerFigures& figures, const std::vector<Throttle>& throttles);

}  // namespace tokenlift
