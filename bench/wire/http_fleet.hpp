#pragma once
// The fleet that is elsewhere: work is sent to endpoints, and what came back is news.
//
// A site is one replica of the fleet. An attempt is a request on a connection of its own; what it
// asks for is in proportion to the scenario's lengths, what came is as the endpoint counts it
// (usage). The next turn of a session sends the text that came back; a turn that failed or was cut
// ends its session (Clients::follow_up). Everything happens within the clock's wait, on the loop's
// thread.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/record/recording_grid.hpp"
#include "bench/record/token_record.hpp"
#include "bench/wire/answer.hpp"
#include "bench/wire/connection_pool.hpp"
#include "bench/wire/conversations.hpp"
#include "bench/wire/deadlines.hpp"
#include "bench/wire/delta.hpp"
#include "bench/wire/metrics_scraper.hpp"
#include "bench/wire/prompt.hpp"
#include "bench/wire/request_text.hpp"
#include "bench/wire/secrets.hpp"
#include "bench/wire/server_gauges.hpp"
#include "bench/wire/wire_clock.hpp"
#include "reports/record/wire_record.hpp"
#include "workloads/requests/session_plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class HttpFleet final : public Fleet, private ConnectionPool::Client, private Connection::User {
 public:
  /// Looks up names and reads keys, certificates and prompts: throws EndpointError and
  /// ScenarioError. `scenario`, `grid` and `clock` must outlive it.
  HttpFleet(const Scenario& scenario, const RecordingGrid& grid, WireClock& clock);
  ~HttpFleet() override;

  void submit(const Work& work, std::uint32_t site, std::int64_t now_ns) override;
  std::span<const News> advance(std::int64_t until_ns) override;
  const Reply& reply(RequestId id) const override { return replies_[id]; }
  std::int64_t next_event_ns() const override;
  std::int64_t open_tokens() const override { return open_tokens_; }
  void stop(std::int64_t end_ns, TokenRecord& record) override;

  void conversation_ended(std::uint64_t conversation) override {
    conversations_.ended(conversation);
  }
  /// Of answers that are kept for the next turns of their conversations.
  std::size_t kept_answer_bytes() const { return conversations_.answer_bytes(); }
  void borders_moved() override { tokens_.borders_moved(); }
  std::optional<WireRecord> wire() override;

 private:
  struct Attempt;
  struct SiteState;
  struct TenantState;

  void assigned(std::uint32_t who, Connection& connection, bool used_before,
                std::int64_t now_ns) override;
  void unconnected(std::uint32_t who, const Connection::Ended& why, std::int64_t now_ns) override;
  void connected(Connection&, std::int64_t) override {}  // the pool connects
  void received(Connection& connection, std::string_view bytes, std::int64_t now_ns) override;
  void ended(Connection& connection, const Connection::Ended& how, std::int64_t now_ns) override;

  std::uint32_t add_attempt();
  void write_request(const Attempt& attempt, std::string& out);
  void set_deadline(std::uint32_t who, std::int64_t at_ns);
  void look_at_deadlines(std::int64_t now_ns);
  void expire(std::uint32_t who, std::int64_t now_ns);

  void note_admitted(Attempt& attempt) const;
  void take_head(Attempt& attempt, std::int64_t now_ns);
  void count_tokens(Attempt& attempt, std::int64_t now_ns);
  void settle(std::uint32_t who, std::int64_t now_ns);
  bool spill(std::uint32_t who, std::int64_t now_ns);
  void complete(Attempt& attempt);
  bool may_go_on(const Work& work) const;
  void note_said(Attempt& attempt);
  std::int64_t system_tokens(const Work& work) const;
  void measure_words(const Attempt& attempt);
  void freeze_words(std::int64_t now_ns);
  void tell(Attempt& attempt, NewsKind kind, std::int64_t at_ns, std::int32_t count);
  void release(Attempt& attempt, std::int64_t now_ns);
  void let_go(std::uint32_t who, std::int64_t now_ns);

  const Scenario& scenario_;
  WireClock& clock_;
  Secrets secrets_;
  std::deque<TenantState> tenants_;
  std::deque<SiteState> sites_;
  ServerGauges gauges_;
  std::deque<MetricsScraper> scrapers_;
  Conversations conversations_;
  std::deque<Attempt> attempts_;  // by number; they stay where they are
  std::vector<std::uint32_t> free_;
  Deadlines deadlines_;
  std::vector<Reply> replies_;             // by request
  std::array<std::vector<News>, 2> news_;  // one is filled while the loop reads the other
  std::size_t filling_ = 0;
  TokenRecord tokens_;
  WireRecord wire_;
  std::map<std::string, FailureRecord, std::less<>> failures_;
  std::int64_t open_tokens_ = 0;  // deltas of attempts of which the loop has not been told
  std::int64_t end_ns_ = 0;
  bool words_are_frozen_ = false;
};

/// Throws EndpointError or ScenarioError for what would fail when a run of the scenario begins:
/// names without an address, keys, certificates and prompts that cannot be read. Not for other
/// engines.
void require_endpoints(const Scenario& scenario);

}  // namespace tokenlift
