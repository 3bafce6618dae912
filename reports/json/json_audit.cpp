#include "reports/json/json_audit.hpp"

#include "reports/findings/audit_words.hpp"
#include "reports/json/json_value.hpp"

namespace tokenlift {

namespace {

Json json_of(const AuditFigure& figure) {
  const double scale = figure.is_time ? 1e-6 : 1;
  std::optional<double> difference;
  if (figure.client && figure.server) difference = *figure.client - *figure.server;
  return {{"name", figure.name},
          {"unit", figure.is_time ? Json("ms") : Json(nullptr)},
          {"client", scaled(figure.client, scale)},
          {"server", scaled(figure.server, scale)},
          {"difference", scaled(difference, scale)},
          {"allowed", figure.allowed * scale},
          {"reading", name_of(figure.reading)}};
}

Json json_of(const AuditPairs& pairs) {
  Json delays = Json::array();
  for (const AuditDelay& delay : pairs.delays) {
    delays.push_back({{"name", delay.name},
                      {"least_ms", delay.least_ns / 1e6},
                      {"p50_ms", delay.p50_ns / 1e6},
                      {"p99_ms", delay.p99_ns / 1e6},
                      {"most_ms", delay.most_ns / 1e6}});
  }
  return {{"attempts", pairs.attempts},
          {"arrived", pairs.arrived},
          {"ambiguous", pairs.ambiguous},
          {"other_requests", pairs.others},
          {"served", pairs.served},
          {"served_says_client", pairs.client_only},
          {"served_says_server", pairs.server_only},
          {"undecided", pairs.undecided},
          {"refused", pairs.refused},
          {"other_lengths", pairs.other_lengths},
          {"delays", std::move(delays)}};
}

}  // namespace

std::string to_json(const Audit& audit) {
  Json figures = Json::array();
  for (const AuditFigure& figure : audit.figures) figures.push_back(json_of(figure));
  return document({{"schema", kAuditSchema},
                   {"client", audit.client},
                   {"served", audit.scenario},
                   {"agrees", audit.agrees()},
                   {"verdict", audit_verdict(audit)},
                   {"sentences", audit.sentences},
                   {"figures", std::move(figures)},
                   {"requests", audit.pairs ? json_of(*audit.pairs) : Json(nullptr)}});
}

}  // namespace tokenlift
