#pragma once
// The connections to one endpoint: one for each request in flight, idle ones used again, the last
// one first.
//
// New ones are opened a few at a time, so that a burst neither overruns the queue of who listens
// nor spends a second on handshakes. What is idle is watched: one that the other side closes is
// dropped before anybody sends on it, and who was given one that turns out to be closed asks for a
// fresh one.

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "bench/record/request.hpp"
#include "bench/wire/connection.hpp"
#include "bench/wire/origin.hpp"
#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

class ConnectionPool final : private Connection::User {
 public:
  static constexpr std::int64_t kLongestIdleNs = 4'000'000'000;  // servers drop them after 5 s
  static constexpr std::size_t kMostConnecting = 64;
  static constexpr std::size_t kMostHandshakes = 16;

  /// Who asks, by number.
  class Client {
   public:
    /// Here it is. Its user is still the pool.
    virtual void assigned(std::uint32_t who, Connection& connection, bool used_before,
                          std::int64_t now_ns) = 0;
    /// There will be none.
    virtual void unconnected(std::uint32_t who, const Connection::Ended& why,
                             std::int64_t now_ns) = 0;

   protected:
    ~Client() = default;
  };

  ConnectionPool(WireClock& clock, Origin origin, std::int64_t connect_timeout_ns, Client& client);

  /// The client is told of a connection, perhaps before this returns. `fresh`: one that nobody has
  /// used.
  void ask(std::uint32_t who, bool fresh, std::int64_t now_ns);
  /// A connection that was assigned is free once more.
  void give_back(Connection& connection, std::int64_t now_ns);
  /// A connection that was assigned is not to be used again; closes it.
  void discard(Connection& connection);

  /// Drops who has been idle for too long, and who does not connect in time. To be called often,
  /// and never by a connection.
  void look(std::int64_t now_ns);
  /// When that has something to do.
  std::int64_t next_ns() const;

  const Origin& origin() const { return origin_; }
  std::uint64_t opened() const { return opened_; }
  std::size_t idle() const { return idle_.size(); }

 private:
  struct Waiting {
    std::uint32_t who;
    std::int64_t since_ns;
  };
  struct Idle {
    Connection* connection;
    std::int64_t since_ns;
  };

  void connected(Connection& connection, std::int64_t now_ns) override;
  void received(Connection& connection, std::string_view bytes, std::int64_t now_ns) override;
  void ended(Connection& connection, const Connection::Ended& how, std::int64_t now_ns) override;
  void connect();
  void fail_first(const Connection::Ended& how, std::int64_t now_ns);
  void retire(Connection& connection);

  WireClock& clock_;
  Origin origin_;
  std::int64_t connect_timeout_ns_;
  Client& client_;
  std::deque<Waiting> fresh_;  // who must have a new one; they go first
  std::deque<Waiting> waiting_;
  std::deque<Connection*> connecting_;  // in the order in which they began
  std::deque<Idle> idle_;               // the one used last is the last
  std::unordered_map<Connection*, std::unique_ptr<Connection>> all_;
  std::vector<std::unique_ptr<Connection>> retired_;  // closed; destroyed when nobody calls
  std::uint64_t opened_ = 0;
};

}  // namespace tokenlift
