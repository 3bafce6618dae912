// Audits: what is told of a client that saw all, of one that did not, and of logs that do not fit.

#include "reports/findings/audit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "reports/findings/audit_words.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/json/json_audit.hpp"
#include "reports/page/audit_page.hpp"
#include "tests/reports/json/schema.hpp"
#include "tests/reports/record/sample_runs.hpp"
#include "tests/reports/record/wire_runs.hpp"

namespace tokenlift::audit_test {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::uint64_t kRequests = 1000;

std::string name_of_attempt(std::uint64_t number, std::uint64_t attempt) {
  return "tokenlift-1-0-" + std::to_string(number) + "-" + std::to_string(attempt);
}

/// Served: its first token 20 ms and its last 90 ms after it reached the server, 8 tokens.
RequestRow at_server(std::uint64_t number, std::uint64_t attempt = 1) {
  RequestRow row;
  row.request_id = name_of_attempt(number, attempt);
  row.outcome = "completed";
  row.output_tokens = 8;
  row.due_ns = row.sent_ns = row.admitted_ns = static_cast<std::int64_t>(number) * kMs;
  row.first_token_ns = row.due_ns + 20 * kMs;
  row.last_token_ns = row.due_ns + 90 * kMs;
  return row;
}

/// The same at its client, whose clock began 5 s earlier: it saw each token 0.1 ms later.
RequestRow at_client(std::uint64_t number, std::uint64_t attempts = 1) {
  RequestRow row = at_server(number, attempts);
  row.attempts = attempts;
  const std::int64_t shift_ns = 5000 * kMs;
  row.due_ns += shift_ns - 30 * kMs;  // it waited for its client, who was late
  row.sent_ns += shift_ns;
  row.admitted_ns += shift_ns;
  row.first_token_ns += shift_ns + kMs / 10;
  row.last_token_ns += shift_ns + kMs / 10;
  return row;
}

void leave_unserved(RequestRow& row, const std::string& outcome) {
  row.outcome = outcome;
  row.first_token_ns = row.last_token_ns = -1;
}

struct Ends {
  AuditedClient client;
  AuditedServer server;
};

Ends logged() {
  Ends ends;
  ends.client.ours = true;
  ends.client.view.maker = "tokenlift";
  ends.client.view.refused = 0;
  ends.client.rows.emplace();
  ends.server.scenario = "served";
  ends.server.rows.emplace();
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    ends.client.rows->push_back(at_client(i));
    ends.server.rows->push_back(at_server(i));
  }
  return ends;
}

Audit audit_of(const Ends& ends) {
  return make_audit(ends.client, ends.server);
}

const AuditFigure& figure(const Audit& audit, const std::string& name) {
  const auto found = std::ranges::find(audit.figures, name, &AuditFigure::name);
  if (found == audit.figures.end()) throw std::out_of_range(name);
  return *found;
}

bool says(const Audit& audit, const std::string& words) {
  return std::ranges::any_of(audit.sentences, [&](const std::string& sentence) {
    return sentence.find(words) != std::string::npos;
  });
}

TEST(Audit, OfLogsThatFitSaysByHowMuchLaterTheClientSawEach) {
  const Audit audit = audit_of(logged());
  EXPECT_TRUE(audit.agrees()) << audit_verdict(audit);
  ASSERT_TRUE(audit.pairs);
  EXPECT_EQ(audit.pairs->attempts, kRequests);
  EXPECT_EQ(audit.pairs->arrived, kRequests);
  EXPECT_EQ(audit.pairs->served, kRequests);
  EXPECT_EQ(audit.pairs->others, 0U);
  ASSERT_EQ(audit.pairs->delays.size(), 3U);
  EXPECT_EQ(audit.pairs->delays[0].name, "TTFT");
  EXPECT_DOUBLE_EQ(audit.pairs->delays[0].least_ns, 0.1e6);
  EXPECT_DOUBLE_EQ(audit.pairs->delays[0].most_ns, 0.1e6);
  EXPECT_DOUBLE_EQ(audit.pairs->delays[1].p50_ns, 0) << "TPOT: all tokens are as late";
  EXPECT_DOUBLE_EQ(audit.pairs->delays[2].p99_ns, 0.1e6);
  EXPECT_DOUBLE_EQ(*figure(audit, "TTFT p50").client, 20.1e6);
  EXPECT_DOUBLE_EQ(*figure(audit, "TTFT p50").server, 20e6);
  EXPECT_DOUBLE_EQ(*figure(audit, "end to end mean").client, 90.1e6);
  EXPECT_DOUBLE_EQ(*figure(audit, "TPOT p99").client, 10e6);
  EXPECT_EQ(*figure(audit, "output tokens").client, 8.0 * kRequests);
  EXPECT_TRUE(says(audit, "larger by 100 µs at p50 of the requests, by 100 µs at p99"));
  EXPECT_TRUE(says(audit, "The server knows every one of the client's 1,000 attempts"));
}

TEST(Audit, TellsOfWhatWasLostBrokenOffAndCountedOtherwise) {
  Ends ends = logged();
  auto& server = *ends.server.rows;
  leave_unserved((*ends.client.rows)[3], "failed");  // the server served it all the same
  leave_unserved(server[4], "cancelled");            // the client says that it was served
  (*ends.client.rows)[5].output_tokens = 7;
  leave_unserved((*ends.client.rows)[6], "in_flight");
  server.erase(server.begin() + 10, server.begin() + 12);
  for (std::uint64_t i = 10; i < 12; ++i) leave_unserved((*ends.client.rows)[i], "failed");
  server.push_back(at_server(99'999));  // another client's
  const Audit audit = audit_of(ends);
  EXPECT_EQ(audit.pairs->arrived, kRequests - 2);
  EXPECT_EQ(audit.pairs->server_only, 1U);
  EXPECT_EQ(audit.pairs->client_only, 1U);
  EXPECT_EQ(audit.pairs->undecided, 1U);
  EXPECT_EQ(audit.pairs->other_lengths, 1U);
  EXPECT_EQ(audit.pairs->others, 1U);
  EXPECT_FALSE(audit.agrees());
  EXPECT_EQ(figure(audit, "attempts").reading, AuditReading::differs);
  EXPECT_EQ(figure(audit, "output tokens").reading, AuditReading::differs);
  EXPECT_TRUE(says(audit,
                   "2 of the client's 1,000 attempts are not in the server's log: they were "
                   "lost on the way"));
  EXPECT_TRUE(says(audit, "The server served 1 request that did not complete at the client"));
  EXPECT_TRUE(says(audit, "The client says of 1 request that the server served them"));
  EXPECT_TRUE(says(audit, "The server's log has 1 request of other clients"));
  EXPECT_NE(audit_verdict(audit).find("attempts and output tokens"), std::string::npos);
}

TEST(Audit, FindsEveryAttemptByItsName) {
  Ends ends = logged();
  // The first attempt of number 7 was refused, its second one waited too long, its third was
  // served.
  (*ends.client.rows)[7] = at_client(7, 3);
  (*ends.server.rows)[7] = at_server(7, 3);
  RequestRow rejected = at_server(7, 1);
  leave_unserved(rejected, "rejected");
  RequestRow expired = at_server(7, 2);
  leave_unserved(expired, "expired");
  ends.server.rows->insert(ends.server.rows->end(), {rejected, expired});
  ends.client.view.refused = 2;
  Audit audit = audit_of(ends);
  EXPECT_TRUE(audit.agrees()) << audit_verdict(audit);
  EXPECT_EQ(audit.pairs->attempts, kRequests + 2);
  EXPECT_EQ(audit.pairs->refused, 2U);
  ends.client.view.refused = 3;
  audit = audit_of(ends);
  EXPECT_EQ(figure(audit, "refused attempts").reading, AuditReading::differs);
  // What the client's own throttles refused was never sent.
  ends.client.view.refused = 2;
  ends.client.has_throttles = true;
  (*ends.client.rows)[8].attempts = 2;
  (*ends.client.rows)[8].request_id = name_of_attempt(8, 2);
  (*ends.server.rows)[8].request_id = name_of_attempt(8, 2);
  audit = audit_of(ends);
  EXPECT_TRUE(audit.agrees()) << audit_verdict(audit);
  EXPECT_TRUE(says(audit,
                   "1 of the client's 1,003 attempts are not in the server's log: throttles "
                   "of the client's own scenario"));
}

TEST(Audit, LeavesOutNamesThatTheServerHasTwice) {
  Ends ends = logged();
  ends.server.rows->push_back(at_server(5));
  const Audit audit = audit_of(ends);
  EXPECT_EQ(audit.pairs->ambiguous, 1U);
  EXPECT_EQ(audit.pairs->served, kRequests - 1);
  EXPECT_EQ(audit.pairs->others, 0U);
  EXPECT_TRUE(audit.agrees());
  EXPECT_TRUE(says(audit, "played twice with one seed"));
}

TEST(Audit, OfLogsOfDifferentRunsIsNone) {
  Ends ends = logged();
  for (RequestRow& row : *ends.server.rows) row.request_id = "req-1";
  EXPECT_THROW(audit_of(ends), std::invalid_argument);
}

TEST(Audit, SaysWhereAClientsClockBeginsTooLate) {
  Ends ends = logged();
  (*ends.client.rows)[9].admitted_ns += 10 * kMs;
  EXPECT_TRUE(says(audit_of(ends), "saw a first token 9.90 ms sooner than the server says"));
}

// -------------------------------------------------------------------------------- by distributions

Ends counted() {
  Ends ends;
  ends.client.view.maker = "vLLM bench";
  ends.client.view.completed = kRequests;
  ends.client.view.failed = 0;
  ends.server.scenario = "served";
  ends.server.view.completed = kRequests;
  ends.server.view.failed = 0;
  for (RunView* const view : {&ends.client.view, &ends.server.view}) {
    view->latencies = {{Metric::ttft, Statistic::p50, 20e6},
                       {Metric::ttft, Statistic::p99, 60e6},
                       {Metric::itl, Statistic::p50, 6.7e6}};
  }
  return ends;
}

TEST(Audit, HoldsDistributionsAgainstStatedLimits) {
  Ends ends = counted();
  auto& seen = ends.client.view.latencies;
  seen[0].ns = 20e6 + 0.7e6;  // 2 % + 0.3 ms
  seen[1].ns = 60e6 + 4e6;    // 5 % + 1 ms
  EXPECT_TRUE(audit_of(ends).agrees());
  EXPECT_TRUE(says(audit_of(ends), "The client's TTFT p50 is larger by 700 µs"));
  seen[0].ns = 20e6 + 0.71e6;
  EXPECT_EQ(audit_verdict(audit_of(ends)),
            "What the client says differs from what happened at the server: TTFT p50.");
  seen[0].ns = 20e6;
  seen[1].ns = 60e6 + 4.1e6;
  EXPECT_FALSE(audit_of(ends).agrees());
  ends.client.view.completed = ends.server.view.completed = 999;  // fewer than 10 lie beyond p99
  EXPECT_TRUE(audit_of(ends).agrees());
  EXPECT_EQ(figure(audit_of(ends), "TTFT p99").reading, AuditReading::not_judged);
}

TEST(Audit, TellsOfAClientThatFindsSeveralTokensAtOnce) {
  Ends ends = counted();
  ends.client.view.latencies[2].ns = 0.01e6;
  const Audit audit = audit_of(ends);
  EXPECT_EQ(figure(audit, "ITL p50").reading, AuditReading::differs);
  EXPECT_TRUE(says(audit,
                   "gaps between tokens are below 10.0 µs, and half of the server's are "
                   "below 6.70 ms"));
}

TEST(Audit, TellsOfCountsThatDiffer) {
  Ends ends = counted();
  ends.server.view.completed = kRequests + 1;  // vLLM's bench asks once before it begins
  EXPECT_TRUE(audit_of(ends).agrees());
  EXPECT_TRUE(says(audit_of(ends), "The server completed 1 request more than the client counts"));
  ends.server.view.completed = kRequests - 1;
  EXPECT_FALSE(audit_of(ends).agrees());
  EXPECT_TRUE(says(audit_of(ends), "counts 1 request as completed that the server did not"));
  ends = counted();
  ends.server.view.failed = 500;
  EXPECT_FALSE(audit_of(ends).agrees());
  EXPECT_TRUE(says(audit_of(ends),
                   "500 did not complete (refused, cut or not through), and the "
                   "client counts 0: it tried again and does not say so"));
}

TEST(Audit, ViewsOfRunsAreWhatTheyRecorded) {
  const auto run = endpoint_run();
  const RunView client = client_view(run);
  EXPECT_EQ(client.completed, run.totals.completed);
  EXPECT_TRUE(client.latency_ns(Metric::ttft, Statistic::p50));
  EXPECT_FALSE(client.latency_ns(Metric::e2e, Statistic::p50)) << "some were refused or held";
  const auto served = lift_run();
  const RunView server = server_view(served);
  EXPECT_EQ(server.failed, served.totals.due - served.totals.completed);
  PhaseRecord all;
  for (const PhaseRecord& phase : served.tenants[0].phases) merge(all, phase);
  EXPECT_EQ(server.latency_ns(Metric::ttft, Statistic::p99),
            static_cast<double>(all.of(Metric::ttft).value_at(0.99)));
  EXPECT_EQ(server.latency_ns(Metric::ttft, Statistic::mean), all.of(Metric::ttft).mean_ns());
}

TEST(Audit, IsShownAsTextAndAsJson) {
  const std::string text = to_text(audit_page(audit_of(logged())), TextStyle());
  for (const char* words : {"served, audited", "TTFT p50", "20.1 ms", "+100 µs", "agrees",
                            "Of each request, client - server"}) {
    EXPECT_NE(text.find(words), std::string::npos) << words << " in\n" << text;
  }
  const std::string json = to_json(audit_of(logged()));
  for (const char* words : {R"("schema": "tokenlift.audit/1")", R"("agrees": true)",
                            R"("name": "TTFT p50")", R"("attempts": 1000)"}) {
    EXPECT_NE(json.find(words), std::string::npos) << words << " in\n" << json;
  }
  EXPECT_EQ(validate_json("audit.schema.json", {json}), 0);
}

}  // namespace
}  // namespace tokenlift::audit_test
