#pragma once
// A run as one end of the wire saw it, in the terms that all load generators have in common: what
// an audit compares.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/record/request_rows.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

enum class Statistic : std::uint8_t { mean, p50, p90, p95, p99 };
/// "mean", "p50", ...
std::string_view name_of(Statistic statistic);
/// As a share of 1; of the mean none.
std::optional<double> quantile_of(Statistic statistic);

/// One figure of a latency: of ttft, from the instant at which the request was sent, or reached the
/// server; of tpot and itl; of e2e, from the same instant as ttft.
struct LatencyFigure {
  Metric metric = Metric::ttft;
  Statistic statistic = Statistic::mean;
  double ns = 0;
};

struct RunView {
  std::string maker;  ///< "tokenlift", "vLLM bench", "GuideLLM" or "AIPerf"
  std::optional<std::uint64_t> completed;
  /// Did not complete, whatever the reason. Of who tries again and counts one outcome for all
  /// attempts: of its requests.
  std::optional<std::uint64_t> failed;
  std::optional<std::uint64_t> refused;        ///< attempts
  std::optional<std::uint64_t> output_tokens;  ///< of those that completed
  std::vector<LatencyFigure> latencies;

  std::optional<double> latency_ns(Metric metric, Statistic statistic) const;
};

/// A run of engine http as its client saw it: ttft is its service_ttft, since the server does not
/// know when a request was due. e2e, which is from due on, only where no attempt was refused or
/// held.
RunView client_view(const Run& run);

/// What was served (`tokenlift serve`).
RunView server_view(const Run& run);

/// Of these requests, which were served: ttft and e2e from `begin` on. No itl: a log of requests
/// does not have it.
enum class Begin : std::uint8_t { admitted, due };
std::vector<LatencyFigure> latencies_of(std::span<const RequestRow> served, Begin begin);

}  // namespace tokenlift
