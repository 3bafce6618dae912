#pragma once
// The server: connections, what they ask, and what they are answered, as the loop's door.
//
// All of it happens on the loop's thread: what comes is read within the clock's wait(), what the
// loop tells is written down at once and sent when it pauses, so that all of an instant that goes
// to one client goes in one write.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/run/door.hpp"
#include "bench/run/run_so_far.hpp"
#include "bench/serve/api_request.hpp"
#include "bench/serve/lateness.hpp"
#include "bench/serve/listener.hpp"
#include "bench/serve/live.hpp"
#include "bench/serve/pages.hpp"
#include "bench/serve/peer.hpp"
#include "bench/serve/request_head.hpp"
#include "bench/serve/serve_clock.hpp"
#include "bench/serve/tenants.hpp"
#include "bench/serve/timetable.hpp"
#include "bench/wire/deadlines.hpp"

namespace tokenlift {

/// How long a client may take.
struct ClientTimes {
  std::int64_t head_ns =
      10'000'000'000;  ///< for a head; a new connection with the handshake of TLS
  std::int64_t body_ns = 60'000'000'000;  ///< for the body behind it
  std::int64_t idle_ns = 75'000'000'000;  ///< until it asks again
};

struct ServerSettings {
  ListenAddress listen;
  Keys keys;                              ///< of clients; empty: nobody needs one
  Keys admin_keys;                        ///< for events; empty: a client's will do
  std::shared_ptr<const TlsContext> tls;  ///< null: plain
  bool plays_load = false;                ///< the scenario's tenants ask as well
  ClientTimes times;
};

/// So many connections may watch the live figures at once.
inline constexpr std::size_t kMostWatchers = 64;

/// No body is longer: a million tokens of prompt in text are 4 MB.
inline constexpr std::size_t kMostBodyBytes = std::size_t{16} << 20;

class Server final : public Door, private Peer::Owner {
 public:
  /// `scenario`: scenario_at_door(). Listens from now on. Throws EndpointError.
  Server(const Scenario& scenario, ServerSettings settings, ServeClock& clock,
         Timetable& timetable);
  ~Server();

  std::uint16_t port() const { return listener_.port(); }
  bool is_loopback() const { return listener_.is_loopback(); }
  /// Sends what is still to be sent, for a second at most, and ends all connections.
  void finish();

  std::optional<IncomingRequest> next_request() override;
  std::optional<RequestId> next_hang_up() override;
  std::optional<Replan> next_event(std::int64_t now_ns, bool measuring) override;
  void begun(std::uint32_t caller, RequestId id) override;
  void admitted(RequestId id, std::span<const GateStanding> standings,
                std::int64_t now_ns) override;
  void prefetch(RequestId id) override;
  void token(RequestId id, std::int32_t token, std::int64_t due_ns, std::int64_t now_ns) override;
  void completed(RequestId id, const Request& request, std::int64_t now_ns) override;
  void refused(RequestId id, const Decision& decision, std::span<const GateStanding> standings,
               std::int64_t now_ns) override;
  void lost(RequestId id, std::int64_t now_ns) override;
  void pause(std::int64_t now_ns) override;
  void close() override;
  std::int64_t next_ns() const override;
  void gauges(const Gauges& gauges) override;
  void show(const RunSoFar* run) override { run_ = run; }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffU;
  using Asked = std::pair<std::uint32_t, std::uint64_t>;  // a peer's number and stamp

  void take(int socket);
  void wants_to_shake_hands(Peer& peer) override;
  void received(Peer& peer) override;
  void gone(Peer& peer) override;

  void shake_hands();
  bool take_request(Peer& peer);
  bool take_head(Peer& peer);
  bool take_body(Peer& peer, std::size_t& bytes);
  void turn_off(Peer& peer, const ErrorText& error);
  void handle(Peer& peer, const RequestHead& head, std::string_view body);
  bool is_allowed(Peer& peer, const RequestHead& head);
  void ask(Peer& peer, Dialect dialect, const RequestHead& head, std::string_view body);
  void post_event(Peer& peer, const RequestHead& head, std::string_view body);
  void watch(Peer& peer, const RequestHead& head);
  void ask_for_report(Peer& peer, const RequestHead& head);
  void answer_reports();
  void look();
  void answer(Peer& peer, std::string_view type, std::string_view body,
              std::string_view fields = {});
  void refuse(Peer& peer, const ErrorText& error, std::string_view fields = {});
  bool names_us(std::string_view model) const;
  std::string models_json() const;

  Peer* peer_at(const Asked& asked, Turn::State state);
  Peer* peer_of(RequestId id);
  Peer* release(RequestId id);
  void end_turn(Peer& peer);
  void count_overloaded(const Turn& turn);
  void turn_down(Peer& peer, bool overloaded, const ErrorText& error, const std::string& fields);
  void expect(Peer& peer, std::int64_t within_ns);
  void look_at_timers(std::int64_t now_ns);
  void soil(Peer& peer);
  void look_at_run_queue(std::int64_t now_ns);
  void note_lateness(Peer& peer);

  const Scenario& scenario_;
  ServerSettings settings_;
  ServeClock& clock_;
  Timetable& timetable_;
  TenantDesk tenants_;
  ApiReader reader_;
  std::vector<std::unique_ptr<Peer>> peers_;  // by number
  std::vector<std::uint32_t> free_, left_;    // numbers; those that left are free after the pause
  std::vector<std::uint32_t> dirty_;
  std::vector<Asked> again_;            // they may have asked more than was looked at
  std::vector<std::uint32_t> peer_of_;  // by request
  std::deque<Asked> asked_, posted_, reports_;
  std::deque<Asked> hands_;  // to be shaken
  std::deque<RequestId> hang_ups_;
  Deadlines timers_;
  std::uint64_t stamps_ = 0;
  std::uint64_t replies_ = 0;
  bool closing_ = false;
  const RunSoFar* run_ = nullptr;  // while there is one
  ReportDesk desk_;
  Asked reading_;  // who waits for what the desk writes
  bool caches_prefixes_ = false;
  ServerFigures figures_;
  LiveFigures live_;
  RunQueue run_queue_;
  std::vector<Asked> watchers_;
  Listener listener_;  // the last: it takes connections from when it is there
};

}  // namespace tokenlift
