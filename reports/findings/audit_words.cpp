#include "reports/findings/audit_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "reports/text/figure.hpp"

namespace tokenlift {

namespace {

const AuditFigure* compared(const Audit& audit, std::string_view name) {
  const auto found = std::ranges::find(audit.figures, name, &AuditFigure::name);
  return found == audit.figures.end() || !found->client || !found->server ? nullptr : &*found;
}

std::string so_many_requests(std::uint64_t count) {
  return fmt::format("{} {}", whole_figure(count), count == 1 ? "request" : "requests");
}

std::string so_many_attempts(std::uint64_t count) {
  return fmt::format("{} {}", whole_figure(count), count == 1 ? "attempt" : "attempts");
}

void say_who_arrived(const Audit& audit, const AuditedClient& client,
                     std::vector<std::string>& say) {
  const AuditPairs& pairs = *audit.pairs;
  const std::uint64_t lost = pairs.attempts - pairs.arrived;
  if (lost == 0) {
    say.push_back(fmt::format("The server knows every one of the client's {}.",
                              so_many_attempts(pairs.attempts)));
  } else {
    say.push_back(fmt::format(
        "{} of the client's {} are not in the server's log: {}.", whole_figure(lost),
        so_many_attempts(pairs.attempts),
        client.has_throttles
            ? "throttles of the client's own scenario refused them, or they were lost on the way"
            : "they were lost on the way, or the server turned them away before it read what they "
              "ask (a wrong request, or while it shut down)"));
  }
  if (pairs.ambiguous > 0) {
    say.push_back(fmt::format(
        "Of {} the server has several by the same name, so that nobody can tell them apart: a "
        "scenario was played twice with one seed. They are left out.",
        so_many_attempts(pairs.ambiguous)));
  }
  if (pairs.others > 0) {
    say.push_back(
        fmt::format("The server's log has {} of other clients or runs besides; gaps "
                    "between tokens (ITL) are known of all together, and not compared.",
                    so_many_requests(pairs.others)));
  }
}

void say_how_they_ended(const AuditPairs& pairs, std::vector<std::string>& say) {
  if (pairs.client_only > 0) {
    say.push_back(
        fmt::format("The client says of {} that the server served them, and the server "
                    "does not: one of the two logs is wrong, or of another run.",
                    so_many_requests(pairs.client_only)));
  }
  if (pairs.server_only > 0) {
    say.push_back(
        fmt::format("The server served {} that did not complete at the client: it broke "
                    "them off, or lost what came.",
                    so_many_requests(pairs.server_only)));
  }
  if (pairs.undecided > 0) {
    say.push_back(
        fmt::format("{} were in flight when the client's run ended: what became of them "
                    "at the server is not compared.",
                    so_many_requests(pairs.undecided)));
  }
  if (pairs.other_lengths > 0) {
    say.push_back(fmt::format("Of {} client and server count different numbers of output tokens.",
                              so_many_requests(pairs.other_lengths)));
  }
  const bool same = pairs.client_only + pairs.server_only + pairs.other_lengths == 0;
  if (same && pairs.served > 0) {
    say.push_back(
        fmt::format("{} were served, on both sides the same ones with the same numbers "
                    "of tokens.",
                    so_many_requests(pairs.served)));
  }
}

/// Of the requests that both have, one by one.
void say_how_late(const AuditPairs& pairs, std::vector<std::string>& say) {
  const auto ttft = std::ranges::find(pairs.delays, "TTFT", &AuditDelay::name);
  if (ttft == pairs.delays.end()) return;
  if (ttft->least_ns < 0) {
    say.push_back(fmt::format(
        "The client saw a first token {} sooner than the server says it came: the clock of a "
        "request begins at the client later than at the server, or one of the clocks is wrong.",
        duration_figure(-ttft->least_ns)));
    return;
  }
  say.push_back(
      fmt::format("The client's TTFT is larger by {} at p50 of the requests, by {} at p99 "
                  "and by {} at most: the network there and back, and how late client "
                  "and server came to read.",
                  duration_figure(ttft->p50_ns), duration_figure(ttft->p99_ns),
                  duration_figure(ttft->most_ns)));
}

/// Of two distributions: nobody knows which request is which.
void say_ttft(const Audit& audit, std::vector<std::string>& say) {
  const AuditFigure* const p50 = compared(audit, "TTFT p50");
  if (p50 == nullptr) return;
  const double more_ns = *p50->client - *p50->server;
  if (more_ns >= 0) {
    say.push_back(
        fmt::format("The client's TTFT p50 is larger by {}: the network there and back, "
                    "and how late client and server came to read.",
                    duration_figure(more_ns)));
  } else {
    say.push_back(
        fmt::format("The client's TTFT p50 is smaller by {} than what happened: it is of "
                    "other requests, or its clock begins after the request was sent.",
                    duration_figure(-more_ns)));
  }
}

/// A client that reads seldom finds several tokens, and no gaps between them.
void say_gaps(const Audit& audit, std::vector<std::string>& say) {
  const AuditFigure* const p50 = compared(audit, "ITL p50");
  if (p50 == nullptr || *p50->client >= *p50->server / 2) return;
  say.push_back(fmt::format(
      "Half of the client's gaps between tokens are below {}, and half of the server's are below "
      "{}: the client found several tokens at once when it came to read.",
      duration_figure(*p50->client), duration_figure(*p50->server)));
}

void say_counts(const Audit& audit, const AuditedClient& client, std::vector<std::string>& say) {
  const AuditFigure* const completed = compared(audit, "completed");
  if (completed != nullptr && *completed->client > *completed->server) {
    say.push_back(fmt::format(
        "The client counts {} as completed that the server did not complete.",
        so_many_requests(static_cast<std::uint64_t>(*completed->client - *completed->server))));
  }
  if (completed != nullptr && *completed->client < *completed->server) {
    say.push_back(fmt::format(
        "The server completed {} more than the client counts{}.",
        so_many_requests(static_cast<std::uint64_t>(*completed->server - *completed->client)),
        client.ours ? "" : ": its warm-up or its test of the server, or other clients"));
  }
  const AuditFigure* const failed = compared(audit, "not completed");
  if (!client.ours && failed != nullptr && *failed->client != *failed->server) {
    say.push_back(fmt::format(
        "Of the server's requests {} did not complete (refused, cut or not through), and the "
        "client counts {}{}.",
        whole_figure(static_cast<std::uint64_t>(*failed->server)),
        whole_figure(static_cast<std::uint64_t>(*failed->client)),
        *failed->client < *failed->server ? ": it tried again and does not say so, or left them out"
                                          : ": some never reached the server"));
  }
}

std::string value_text(const AuditFigure& figure, const std::optional<double>& value) {
  if (!value) return kAbsent;
  if (figure.is_time) return duration_figure(*value);
  return whole_figure(static_cast<std::uint64_t>(*value));
}

std::string difference_text(const AuditFigure& figure) {
  if (!figure.client || !figure.server) return kAbsent;
  const double difference = *figure.client - *figure.server;
  const std::string size = value_text(figure, std::abs(difference));
  return difference == 0 ? size : (difference > 0 ? "+" : "-") + size;
}

}  // namespace

std::vector<std::string> audit_sentences(const Audit& audit, const AuditedClient& client,
                                         const AuditedServer& server) {
  std::vector<std::string> say;
  if (audit.pairs) {
    say_who_arrived(audit, client, say);
    say_how_they_ended(*audit.pairs, say);
    say_how_late(*audit.pairs, say);
  } else {
    say_counts(audit, client, say);
    say_ttft(audit, say);
  }
  say_gaps(audit, say);
  if (client.ours && !audit.pairs) {
    say.emplace_back(
        "Logs of requests (--records of run and of serve) would tell request by request.");
  }
  if (!server.valid) {
    say.emplace_back("The server's own run did not pass all checks: its report says which.");
  }
  return say;
}

std::string audit_verdict(const Audit& audit) {
  std::vector<std::string> differ;
  bool judged = false;
  for (const AuditFigure& figure : audit.figures) {
    if (figure.reading == AuditReading::differs) differ.push_back(figure.name);
    judged = judged || figure.reading != AuditReading::not_judged;
  }
  if (!judged) return "There is too little to judge by.";
  if (differ.empty()) return "What the client says agrees with what happened at the server.";
  return fmt::format("What the client says differs from what happened at the server: {}.",
                     listed(differ, "and"));
}

Table audit_figures_table(const Audit& audit) {
  Table table;
  table.title = "Client and server";
  table.head_rows = 1;
  table.rows = {{{"figure"}, {"client"}, {"server"}, {"client - server"}, {"reading"}}};
  for (const AuditFigure& figure : audit.figures) {
    Cell reading{std::string(name_of(figure.reading))};
    if (figure.reading == AuditReading::differs) reading.ink = Ink::red;
    table.rows.push_back({{figure.name},
                          {value_text(figure, figure.client)},
                          {value_text(figure, figure.server)},
                          {difference_text(figure)},
                          reading});
  }
  table.notes = {
      "Means and medians agree within 2 % + 0.3 ms, other percentiles within 5 % + 1 ms. A "
      "percentile beyond which fewer than 10 requests lie is not judged."};
  return table;
}

Table audit_delays_table(const Audit& audit) {
  Table table;
  table.title = "Of each request, client - server";
  table.head_rows = 1;
  if (!audit.pairs || audit.pairs->delays.empty()) return table;
  table.rows = {{{"of"}, {"least"}, {"p50"}, {"p99"}, {"most"}}};
  for (const AuditDelay& delay : audit.pairs->delays) {
    std::vector<Cell> row = {{delay.name}};
    for (const double ns : {delay.least_ns, delay.p50_ns, delay.p99_ns, delay.most_ns}) {
      row.push_back({(ns < 0 ? "-" : "") + duration_figure(std::abs(ns))});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace tokenlift
