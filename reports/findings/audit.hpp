#pragma once
// What a client saw of a server, against what happened there.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reports/record/request_rows.hpp"
#include "reports/record/run.hpp"
#include "reports/record/run_view.hpp"

namespace tokenlift {

/// A latency agrees where client and server differ by no more than a share of the server's and a
/// length of time: the mean and p50 by 2 % + 0.3 ms, other percentiles by 5 % + 1 ms.
inline constexpr double kMiddleShare = 0.02;
inline constexpr double kMiddleNs = 0.3e6;
inline constexpr double kTailShare = 0.05;
inline constexpr double kTailNs = 1e6;

/// One of the two ends.
struct AuditedClient {
  RunView view;
  bool ours = false;                                 ///< tokenlift run
  bool has_throttles = false;                        ///< of its own: what they refuse is never sent
  std::optional<std::vector<RequestRow>> rows = {};  ///< its requests, where it logged them
};
struct AuditedServer {
  std::string scenario;
  RunView view;
  bool valid = true;
  std::optional<std::vector<RequestRow>> rows = {};
};

enum class AuditReading : std::uint8_t { agrees, differs, not_judged };
std::string_view name_of(AuditReading reading);

struct AuditFigure {
  std::string name;      ///< "TTFT p50"
  bool is_time = false;  ///< in ns; else a number of requests, attempts or tokens
  std::optional<double> client, server;
  double allowed = 0;  ///< difference
  AuditReading reading = AuditReading::not_judged;
};

/// By how much more the client saw than the server of the requests that both have.
struct AuditDelay {
  std::string name;
  double least_ns = 0, p50_ns = 0, p99_ns = 0, most_ns = 0;
};

/// Request by request, by their names on the wire.
struct AuditPairs {
  std::uint64_t attempts = 0;       ///< that the client made
  std::uint64_t arrived = 0;        ///< of these, known to the server
  std::uint64_t ambiguous = 0;      ///< of these, left out: the server had several of that name
  std::uint64_t others = 0;         ///< requests of the server that are not of this client
  std::uint64_t served = 0;         ///< on both sides
  std::uint64_t client_only = 0;    ///< served, says the client alone
  std::uint64_t server_only = 0;    ///< served, says the server alone
  std::uint64_t undecided = 0;      ///< in flight when the client's run ended
  std::uint64_t refused = 0;        ///< attempts, by the server
  std::uint64_t lost = 0;           ///< attempts whose replica went: refused, or broken off
  std::uint64_t other_lengths = 0;  ///< served on both sides, with other numbers of tokens
  std::vector<AuditDelay> delays;
};

struct Audit {
  std::string client;    ///< which tool
  std::string scenario;  ///< that was served
  std::vector<AuditFigure> figures;
  std::optional<AuditPairs> pairs;
  std::vector<std::string> sentences;

  bool agrees() const;  ///< nothing differs
};

/// Request by request where both have logs, else by counts and distributions. Throws
/// std::invalid_argument where the logs have no attempt in common: they are of different runs.
Audit make_audit(const AuditedClient& client, const AuditedServer& server);

}  // namespace tokenlift
