#pragma once
// A connection of a client: bytes in, bytes out, never blocking.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bench/record/request.hpp"
#include "bench/serve/reply_text.hpp"
#include "bench/serve/report_desk.hpp"
#include "bench/serve/request_head.hpp"
#include "bench/wire/body.hpp"
#include "bench/wire/tls.hpp"
#include "bench/wire/wire_clock.hpp"

namespace tokenlift {

/// What a client asked last on a connection, and what has become of it.
struct Turn {
  enum class State : std::uint8_t {
    listening,  ///< nothing is asked, or not all of it has come
    asked,      ///< the loop is to take it
    begun,      ///< the loop has taken it, as request `id`
    posted,     ///< an event, which the loop is to take
    reported,   ///< a report is written for it
    watching    ///< it is sent the live figures, until it goes
  };
  State state = State::listening;
  RequestId id = 0;
  bool stream = false;
  bool keep_alive = true;
  bool head_only = false;  ///< HEAD: the answer has no body
  std::uint32_t tenant = 0;
  std::uint64_t user = 0;
  std::int64_t asked_ns = 0;
  std::int64_t last_token_ns = -1;
  std::int64_t max_tokens = 0;
  bool ignore_eos = false;
  ReplyFacts facts;
  TokenEvent token_event;  ///< of a stream, from its second token on
  std::string fields;      ///< of the throttles
  std::string text;        ///< so far, of a whole reply; of an event: what is posted
  ReportFormat format = ReportFormat::text;  ///< of a report
};

/// A request whose head has come, and whose body has not, or not all of it.
struct ComingRequest {
  RequestHead head;
  Body chunks;       ///< where it comes in chunks,
  std::string body;  ///< ... what has come, freed from their framing
};

class Peer final : private Watcher {
 public:
  class Owner {
   public:
    /// TLS: it is its turn to shake_hands(), which takes the thread for up to a millisecond. It
    /// hears nothing until then.
    virtual void wants_to_shake_hands(Peer& peer) = 0;
    /// More of input() is there.
    virtual void received(Peer& peer) = 0;
    /// It has gone, or was cut: it is closed. Not to be destroyed within the call.
    virtual void gone(Peer& peer) = 0;

   protected:
    ~Owner() = default;
  };

  /// Unsent bytes of a stream, and of whole replies, beyond which a client that does not read is
  /// cut. A stream brings some hundred bytes a token.
  static constexpr std::size_t kMostUnsentBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMostOfRepliesBytes = std::size_t{64} << 20;
  /// What a client may send ahead while it is answered.
  static constexpr std::size_t kMostAheadBytes = 65'536;

  /// Takes an accepted socket. `stamp`: no other peer ever has it. `tls`: null: plain.
  Peer(WireClock& clock, int socket, std::uint32_t number, std::uint64_t stamp, Owner& owner,
       const TlsContext* tls);
  ~Peer() { close(); }

  std::uint32_t number() const { return number_; }
  std::uint64_t stamp() const { return stamp_; }
  bool is_open() const { return socket_ >= 0; }

  /// A step of it, as far as what has come allows.
  void shake_hands();

  const std::string& input() const { return input_; }
  /// Has been looked at.
  void take_off(std::size_t bytes);
  /// To be sent at the next flush().
  std::string& output() { return output_; }
  /// Sends what can be sent now, and the rest as it can.
  void flush();
  /// Once all is sent, no more is read: the connection ends when the client has ended it.
  void end_after_sending() { ends_ = true; }
  bool ends() const { return ends_; }
  bool has_unsent() const { return sent_ < output_.size(); }
  void close();

  Turn turn;
  std::int64_t deadline_ns = kNever;  ///< when to look at it
  std::int64_t timer_ns = kNever;     ///< the earliest entry for it among the timers
  bool is_dirty = false;              ///< it waits for a flush
  std::int64_t due_ns = kNever;       ///< of the first token that waits for it
  std::unique_ptr<ComingRequest> coming;

 private:
  void ready(bool readable, bool writable) override;
  void receive();
  std::optional<std::size_t> read(std::span<char> into);
  std::optional<std::size_t> write(std::string_view bytes);
  void watch(Watch what);
  void cut();

  WireClock& clock_;
  Owner& owner_;
  std::string input_;
  std::string output_;
  std::unique_ptr<TlsStream> tls_;
  std::size_t sent_ = 0;
  std::uint64_t stamp_;
  std::uint32_t number_;
  int socket_;
  Watch watched_ = Watch::reading;
  bool shakes_hands_ = false;
  bool ends_ = false;
  bool has_ended_ = false;  // our side
};

}  // namespace tokenlift
