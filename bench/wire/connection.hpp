#pragma once
// A connection to an endpoint, plain or TLS, that never blocks.
//
// Its user is told when it is there, what came, and how it ended; within these calls the user may
// write, close it and hand it to another user, but not destroy it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bench/wire/failure.hpp"
#include "bench/wire/origin.hpp"
#include "bench/wire/tls.hpp"
#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

class Connection final : private Watcher {
 public:
  /// How it ended.
  struct Ended {
    Failure failure = Failure::reset;  ///< no_connection, tls, no_descriptors, or reset
    bool in_order = false;             ///< the other side said that no more comes
    std::string message;               ///< what the system said of it
  };
  class User {
   public:
    virtual void connected(Connection& connection, std::int64_t now_ns) = 0;
    /// All that there was to read at an instant, the one of the call.
    virtual void received(Connection& connection, std::string_view bytes, std::int64_t now_ns) = 0;
    /// It is closed.
    virtual void ended(Connection& connection, const Ended& how, std::int64_t now_ns) = 0;

   protected:
    ~User() = default;
  };

  /// Begins to connect to the origin: to its addresses in turn, from the preferred one on, until
  /// one answers. `user` is told of nothing before this has returned. The origin must outlive it.
  Connection(WireClock& clock, Origin& origin, User& user);
  ~Connection() { close(); }

  /// From now on it is this user's, who has that number for it, and looks at these bytes whenever
  /// something is received.
  void use(User& user, std::uint32_t number = 0, std::span<const char> looked_at = {}) {
    user_ = &user;
    number_ = number;
    look_at(looked_at);
  }
  std::uint32_t number() const { return number_; }

  /// Sends all of it, in its time; `bytes` must be there until the first ones of the answer are.
  /// Errors show when it is read.
  void write(std::string_view bytes);
  /// When the first byte of the last write() was sent; negative: not yet.
  std::int64_t first_written_ns() const { return first_written_ns_; }

  void close();
  bool is_open() const { return state_ == State::open; }
  /// For another request, once the answer is complete: not where it was answered too early.
  bool is_reusable() const { return is_open() && !answered_early_; }
  std::int64_t begun_ns() const { return begun_ns_; }
  const Origin& origin() const { return origin_; }

 private:
  enum class State : std::uint8_t { connecting, shaking_hands, open, closed };

  void ready(bool readable, bool writable) override;
  void connect_next();
  bool try_address(const Address& address);
  void note_error(int error);
  void finish_connecting();
  void shake_hands();
  void open();
  void send_rest();
  void receive();
  bool read_some(std::size_t& held, Ended& ended);
  void watch(Watch what);
  void end(const Ended& ended);

  WireClock& clock_;
  Origin& origin_;
  User* user_;
  std::unique_ptr<TlsStream> tls_;
  std::string_view unsent_;
  std::int64_t begun_ns_;
  std::int64_t first_written_ns_ = -1;
  std::unique_ptr<Ended> last_error_;  // of the address tried last
  std::size_t tried_ = 0;              // addresses
  std::uint32_t number_ = 0;           // of its user's
  int socket_ = -1;
  Watch watched_ = Watch::writing;
  State state_ = State::connecting;
  bool answered_early_ = false;  // before all was sent: the rest is not
};

}  // namespace tokenlift
