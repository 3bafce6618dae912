#include "reports/findings/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "reports/findings/audit_words.hpp"

namespace tokenlift {

namespace {

constexpr std::array kMetricsOfBoth = {Metric::ttft, Metric::tpot, Metric::itl, Metric::e2e};

std::string_view short_name(Metric metric) {
  switch (metric) {
    case Metric::ttft:
      return "TTFT";
    case Metric::tpot:
      return "TPOT";
    case Metric::itl:
      return "ITL";
    default:
      return "end to end";
  }
}

// ------------------------------------------------------------------------------ request by request

/// A request that both have.
struct Pair {
  const RequestRow* client;
  const RequestRow* server;
};

using ByName = std::unordered_map<std::string_view, std::vector<const RequestRow*>>;

/// The names of all attempts of a request end with their numbers: of the last one its name is
/// known.
std::string attempt_of(const RequestRow& row, std::uint64_t attempt) {
  return row.request_id.substr(0, row.request_id.rfind('-') + 1) + std::to_string(attempt);
}

AuditDelay delay_of(std::string name, std::vector<double>& differences_ns) {
  std::sort(differences_ns.begin(), differences_ns.end());
  const auto at = [&](double quantile) {
    const auto rank = std::ceil(quantile * static_cast<double>(differences_ns.size()));
    return differences_ns[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  };
  return {std::move(name), at(0), at(0.5), at(0.99), at(1)};
}

void add_delays(const std::vector<Pair>& pairs, AuditPairs& to) {
  std::vector<double> ttft;
  std::vector<double> tpot;
  std::vector<double> e2e;
  for (const auto& [client, server] : pairs) {
    const auto since = [](std::int64_t end_ns, std::int64_t begin_ns) {
      return static_cast<double>(end_ns - begin_ns);
    };
    ttft.push_back(since(client->first_token_ns, client->admitted_ns) -
                   since(server->first_token_ns, server->due_ns));
    e2e.push_back(since(client->last_token_ns, client->admitted_ns) -
                  since(server->last_token_ns, server->due_ns));
    const auto client_tpot = client->tpot_ns();
    const auto server_tpot = server->tpot_ns();
    if (client_tpot && server_tpot) tpot.push_back(*client_tpot - *server_tpot);
  }
  if (!ttft.empty()) to.delays.push_back(delay_of("TTFT", ttft));
  if (!tpot.empty()) to.delays.push_back(delay_of("TPOT", tpot));
  if (!e2e.empty()) to.delays.push_back(delay_of("end to end", e2e));
}

/// Looks up every attempt of the client. The pairs are of requests that both say were served.
std::vector<Pair> pair_up(const std::vector<RequestRow>& client,
                          const std::vector<RequestRow>& server, AuditPairs& counts) {
  ByName by_name;
  for (const RequestRow& row : server) by_name[row.request_id].push_back(&row);
  std::vector<Pair> pairs;
  std::uint64_t found = 0;  // rows of the server
  for (const RequestRow& row : client) {
    if (row.sent_ns < 0) continue;  // it was due, and the run ended
    for (std::uint64_t attempt = 1; attempt <= row.attempts; ++attempt) {
      ++counts.attempts;
      const bool last = attempt == row.attempts;
      const bool served = last && row.served();
      const auto known = by_name.find(last ? std::string_view(row.request_id)
                                           : std::string_view(attempt_of(row, attempt)));
      if (known == by_name.end()) {
        if (served) ++counts.client_only;
        continue;
      }
      ++counts.arrived;
      found += known->second.size();
      if (known->second.size() > 1) {
        ++counts.ambiguous;
        continue;
      }
      const RequestRow& there = *known->second.front();
      if (served && there.served()) {
        ++counts.served;
        if (row.output_tokens != there.output_tokens) ++counts.other_lengths;
        pairs.push_back({&row, &there});
      } else if (served) {
        ++counts.client_only;
      } else if (last && row.outcome == "in_flight") {
        ++counts.undecided;
      } else if (there.served()) {
        ++counts.server_only;
      }
      const bool expired = there.outcome == "expired" && !there.served();
      if (there.outcome == "rejected" || expired) ++counts.refused;
      if (there.outcome == "failed") ++counts.lost;
    }
  }
  counts.others = server.size() - std::min<std::uint64_t>(found, server.size());
  return pairs;
}

// ------------------------------------------------------------------------------------- the figures

AuditReading read_as(bool agrees) {
  return agrees ? AuditReading::agrees : AuditReading::differs;
}

class Figures {
 public:
  explicit Figures(Audit& audit) : audit_(audit) {}

  enum class Rule { equal, client_has_no_more, none };
  void count(std::string name, std::optional<std::uint64_t> client,
             std::optional<std::uint64_t> server, Rule rule = Rule::equal) {
    if (!client && !server) return;
    AuditFigure figure{std::move(name), false, {}, {}, 0, AuditReading::not_judged};
    if (client) figure.client = static_cast<double>(*client);
    if (server) figure.server = static_cast<double>(*server);
    if (client && server && rule != Rule::none) {
      figure.reading = read_as(rule == Rule::equal ? *client == *server : *client <= *server);
    }
    audit_.figures.push_back(std::move(figure));
  }

  /// `requests`: so many are behind them. A percentile beyond which fewer than 10 lie tells
  /// nothing.
  void latencies(const RunView& client, const RunView& server, std::uint64_t requests) {
    for (const Metric metric : kMetricsOfBoth) {
      for (const Statistic statistic :
           {Statistic::mean, Statistic::p50, Statistic::p90, Statistic::p95, Statistic::p99}) {
        const auto seen = client.latency_ns(metric, statistic);
        const auto happened = server.latency_ns(metric, statistic);
        if (!seen || !happened) continue;
        constexpr double kFewestBeyond = 10;
        const double beyond =
            static_cast<double>(requests) * (1 - quantile_of(statistic).value_or(0));
        const bool middle = statistic == Statistic::mean || statistic == Statistic::p50;
        AuditFigure figure{fmt::format("{} {}", short_name(metric), name_of(statistic)),
                           true,
                           seen,
                           happened,
                           0,
                           AuditReading::not_judged};
        figure.allowed =
            middle ? kMiddleShare * *happened + kMiddleNs : kTailShare * *happened + kTailNs;
        if (beyond >= kFewestBeyond) {
          figure.reading = read_as(std::abs(*seen - *happened) <= figure.allowed);
        }
        audit_.figures.push_back(std::move(figure));
      }
    }
  }

 private:
  Audit& audit_;
};

std::vector<RequestRow> rows_of(const std::vector<Pair>& pairs, const RequestRow* Pair::*side) {
  std::vector<RequestRow> rows;
  rows.reserve(pairs.size());
  for (const Pair& pair : pairs) rows.push_back(*(pair.*side));
  return rows;
}

void audit_pairs(const AuditedClient& client, const AuditedServer& server, Audit& audit) {
  AuditPairs& counts = audit.pairs.emplace();
  const std::vector<Pair> pairs = pair_up(*client.rows, *server.rows, counts);
  if (counts.arrived == 0) {
    throw std::invalid_argument(
        "no attempt of the client is in the server's log: they are of different runs");
  }
  add_delays(pairs, counts);
  Figures figures(audit);
  // What its own throttles refuse never leaves the client.
  figures.count("attempts", counts.attempts, counts.arrived,
                client.has_throttles ? Figures::Rule::none : Figures::Rule::equal);
  figures.count("served", counts.served + counts.client_only, counts.served + counts.server_only);
  const bool alone = counts.ambiguous == 0;
  figures.count("refused attempts", client.view.refused, counts.refused,
                alone && counts.lost == 0 ? Figures::Rule::equal : Figures::Rule::none);
  std::uint64_t seen_tokens = 0;
  std::uint64_t sent_tokens = 0;
  for (const auto& [seen, sent] : pairs) {
    seen_tokens += static_cast<std::uint64_t>(seen->output_tokens);
    sent_tokens += static_cast<std::uint64_t>(sent->output_tokens);
  }
  figures.count("output tokens", seen_tokens, sent_tokens);
  RunView seen = client.view;
  RunView happened = server.view;
  const auto keep_gaps = [&](RunView& view) {
    // Gaps are known of all requests of a run together.
    std::erase_if(view.latencies, [&](const LatencyFigure& figure) {
      return figure.metric != Metric::itl || counts.others > 0 || !alone;
    });
  };
  const auto put = [](RunView& view, const std::vector<RequestRow>& rows, Begin begin) {
    for (const LatencyFigure& figure : latencies_of(rows, begin)) view.latencies.push_back(figure);
  };
  keep_gaps(seen);
  keep_gaps(happened);
  put(seen, rows_of(pairs, &Pair::client), Begin::admitted);
  put(happened, rows_of(pairs, &Pair::server), Begin::due);
  figures.latencies(seen, happened, pairs.size());
}

void audit_distributions(const AuditedClient& client, const AuditedServer& server, Audit& audit) {
  Figures figures(audit);
  const RunView& seen = client.view;
  const RunView& happened = server.view;
  // Other tools warm the server up, or ask whether it is there, and do not count that.
  const auto rule = client.ours ? Figures::Rule::equal : Figures::Rule::client_has_no_more;
  figures.count("completed", seen.completed, happened.completed, rule);
  figures.count("not completed", seen.failed, happened.failed,
                client.ours ? Figures::Rule::none : Figures::Rule::equal);
  figures.count("refused attempts", seen.refused, happened.refused);
  const bool same = seen.completed == happened.completed;
  figures.count("output tokens", seen.output_tokens, happened.output_tokens,
                same ? Figures::Rule::equal : Figures::Rule::client_has_no_more);
  figures.latencies(seen, happened,
                    std::min(seen.completed.value_or(0), happened.completed.value_or(0)));
}

}  // namespace

std::string_view name_of(AuditReading reading) {
  constexpr std::array<std::string_view, 3> kNames = {"agrees", "differs", "not judged"};
  return kNames[static_cast<std::size_t>(reading)];
}

bool Audit::agrees() const {
  return std::ranges::none_of(
      figures, [](const AuditFigure& one) { return one.reading == AuditReading::differs; });
}

Audit make_audit(const AuditedClient& client, const AuditedServer& server) {
  Audit audit;
  audit.client = client.view.maker;
  audit.scenario = server.scenario;
  if (client.rows && server.rows) {
    audit_pairs(client, server, audit);
  } else {
    audit_distributions(client, server, audit);
  }
  audit.sentences = audit_sentences(audit, client, server);
  return audit;
}

}  // namespace tokenlift
