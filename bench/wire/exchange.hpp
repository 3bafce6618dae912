#pragma once
// One plain request on a connection of its own, and its whole answer: a call, a scrape, a probe.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/wire/body.hpp"
#include "bench/wire/connection.hpp"
#include "bench/wire/failure.hpp"
#include "bench/wire/origin.hpp"
#include "bench/wire/response_head.hpp"
#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

class Exchange final : private Connection::User {
 public:
  struct Limits {
    std::int64_t connect_ns = 5'000'000'000;
    std::int64_t whole_ns = 30'000'000'000;  ///< from the begin to the end of the answer
  };
  struct Result {
    std::optional<Failure> failure;  ///< nothing: it was answered, whatever the status
    std::string message;             ///< what is said of the failure
    int status = -1;
    std::string body;        ///< of the answer, kMostBytes at most
    std::int64_t at_ns = 0;  ///< its status was read, or it failed
  };
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;

  /// Begins. The clock is rung when it is done.
  Exchange(WireClock& clock, Origin origin, std::string request, Limits limits);

  /// To be called now and then: ends it when its time is over.
  void look(std::int64_t now_ns);
  bool is_done() const { return done_; }
  const Result& result() const { return result_; }

 private:
  void connected(Connection& connection, std::int64_t now_ns) override;
  void received(Connection& connection, std::string_view bytes, std::int64_t now_ns) override;
  void ended(Connection& connection, const Connection::Ended& how, std::int64_t now_ns) override;
  void finish();
  void fail(Failure failure, std::string message, std::int64_t now_ns);

  WireClock& clock_;
  Origin origin_;
  std::string request_;
  Limits limits_;
  std::int64_t begun_ns_;
  ResponseHead head_;
  Body body_;
  Result result_;
  bool has_head_ = false;
  bool done_ = false;
  Connection connection_;  // the last: it goes first
};

}  // namespace tokenlift
