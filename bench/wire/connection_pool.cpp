#include "bench/wire/connection_pool.hpp"

#include <algorithm>
#include <utility>

namespace tokenlift {

ConnectionPool::ConnectionPool(WireClock& clock, Origin origin, std::int64_t connect_timeout_ns,
                               Client& client)
    : clock_(clock),
      origin_(std::move(origin)),
      connect_timeout_ns_(connect_timeout_ns),
      client_(client) {}

void ConnectionPool::ask(std::uint32_t who, bool fresh, std::int64_t now_ns) {
  if (!fresh && waiting_.empty() && !idle_.empty()) {
    Connection& connection = *idle_.back().connection;
    idle_.pop_back();
    client_.assigned(who, connection, /*used_before=*/true, now_ns);
    return;
  }
  (fresh ? fresh_ : waiting_).push_back({who, now_ns});
  connect();
}

void ConnectionPool::give_back(Connection& connection, std::int64_t now_ns) {
  connection.use(*this);
  if (waiting_.empty()) {
    idle_.push_back({&connection, now_ns});
    return;
  }
  const std::uint32_t who = waiting_.front().who;
  waiting_.pop_front();
  client_.assigned(who, connection, /*used_before=*/true, now_ns);
}

void ConnectionPool::discard(Connection& connection) {
  retire(connection);
}

/// As many at once as who waits can use, and no more than are allowed.
void ConnectionPool::connect() {
  const std::size_t most = origin_.tls != nullptr ? kMostHandshakes : kMostConnecting;
  while (connecting_.size() < std::min(most, fresh_.size() + waiting_.size())) {
    Connection::User& user = *this;
    auto connection = std::make_unique<Connection>(clock_, origin_, user);
    Connection* const begun = connection.get();
    all_.emplace(begun, std::move(connection));
    connecting_.push_back(begun);
  }
}

void ConnectionPool::connected(Connection& connection, std::int64_t now_ns) {
  std::erase(connecting_, &connection);
  ++opened_;
  std::deque<Waiting>& line = fresh_.empty() ? waiting_ : fresh_;
  if (line.empty()) {
    idle_.push_back({&connection, now_ns});
  } else {
    const std::uint32_t who = line.front().who;
    line.pop_front();
    client_.assigned(who, connection, /*used_before=*/false, now_ns);
  }
  connect();
}

/// Nobody has asked for anything: whatever comes, it is not to be used.
void ConnectionPool::received(Connection& connection, std::string_view, std::int64_t) {
  std::erase_if(idle_, [&](const Idle& idle) { return idle.connection == &connection; });
  retire(connection);
}

void ConnectionPool::ended(Connection& connection, const Connection::Ended& how,
                           std::int64_t now_ns) {
  const bool was_connecting = std::erase(connecting_, &connection) > 0;
  std::erase_if(idle_, [&](const Idle& idle) { return idle.connection == &connection; });
  retire(connection);
  if (!was_connecting) return;
  fail_first(how, now_ns);
  connect();
}

/// One connection that failed is one request that failed, and all that wait for as long as one may.
void ConnectionPool::fail_first(const Connection::Ended& how, std::int64_t now_ns) {
  bool first = true;
  for (std::deque<Waiting>* const line : {&fresh_, &waiting_}) {
    while (!line->empty() && (first || now_ns - line->front().since_ns > connect_timeout_ns_)) {
      const std::uint32_t who = line->front().who;
      line->pop_front();
      first = false;
      client_.unconnected(who, how, now_ns);
    }
  }
}

void ConnectionPool::retire(Connection& connection) {
  connection.close();
  auto found = all_.extract(&connection);
  if (found) retired_.push_back(std::move(found.mapped()));
}

void ConnectionPool::look(std::int64_t now_ns) {
  retired_.clear();
  while (!idle_.empty() && now_ns - idle_.front().since_ns >= kLongestIdleNs) {
    Connection& connection = *idle_.front().connection;
    idle_.pop_front();
    retire(connection);
  }
  while (!connecting_.empty() && now_ns - connecting_.front()->begun_ns() >= connect_timeout_ns_) {
    Connection& connection = *connecting_.front();
    connecting_.pop_front();
    retire(connection);
    fail_first({Failure::connect_timeout, false, "no connection within timeouts.connect"}, now_ns);
    connect();
  }
}

std::int64_t ConnectionPool::next_ns() const {
  std::int64_t next_ns = kNever;
  if (!idle_.empty()) next_ns = idle_.front().since_ns + kLongestIdleNs;
  if (!connecting_.empty()) {
    next_ns = std::min(next_ns, connecting_.front()->begun_ns() + connect_timeout_ns_);
  }
  return next_ns;
}

}  // namespace tokenlift
