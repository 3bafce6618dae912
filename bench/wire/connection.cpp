#include "bench/wire/connection.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace tokenlift {

namespace {

Failure failure_of(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
      return Failure::no_descriptors;
    default:
      return Failure::no_connection;
  }
}

}  // namespace

Connection::Connection(WireClock& clock, Origin& origin, User& user)
    : clock_(clock), origin_(origin), user_(&user), begun_ns_(clock.now_ns()) {
  connect_next();
}

/// The next of the addresses that can be tried at all; where there is none more, the user is told.
void Connection::connect_next() {
  while (tried_ < origin_.addresses.size()) {
    const std::size_t index = (origin_.preferred + tried_) % origin_.addresses.size();
    if (try_address(origin_.addresses[index])) return;
    ++tried_;
  }
  clock_.poller().post(*this);
}

/// False if it failed at once.
bool Connection::try_address(const Address& address) {
  const auto* const any = reinterpret_cast<const sockaddr*>(&address.address);
  socket_ = socket(any->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (socket_ < 0) {
    note_error(errno);
    return false;
  }
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(socket_, any, address.length) == 0 || errno == EINPROGRESS) {
    clock_.poller().add(socket_, *this, Watch::writing);
    watched_ = Watch::writing;
    return true;
  }
  note_error(errno);
  ::close(std::exchange(socket_, -1));
  return false;
}

void Connection::note_error(int error) {
  last_error_ = std::make_unique<Ended>();
  last_error_->failure = failure_of(error);
  last_error_->message = std::strerror(error);
}

void Connection::ready(bool readable, bool writable) {
  switch (state_) {
    case State::connecting:
      if (socket_ < 0) {
        end(*last_error_);
      } else {
        finish_connecting();
      }
      break;
    case State::shaking_hands:
      shake_hands();
      break;
    case State::open:
      if (writable && !unsent_.empty()) send_rest();
      if (readable) receive();
      break;
    case State::closed:
      break;
  }
}

void Connection::finish_connecting() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    note_error(error);
    clock_.poller().remove(socket_, *this);
    ::close(std::exchange(socket_, -1));
    ++tried_;
    connect_next();
    return;
  }
  origin_.preferred = (origin_.preferred + tried_) % origin_.addresses.size();
  last_error_.reset();
  if (origin_.tls == nullptr) {
    open();
    return;
  }
  tls_ = std::make_unique<TlsStream>(*origin_.tls, socket_, origin_.url.host);
  state_ = State::shaking_hands;
  shake_hands();
}

void Connection::shake_hands() {
  switch (tls_->shake_hands()) {
    case TlsStream::Result::done:
      open();
      break;
    case TlsStream::Result::wants_read:
      watch(Watch::reading);
      break;
    case TlsStream::Result::wants_write:
      watch(Watch::writing);
      break;
    default:
      end({Failure::tls, false, tls_->error()});
  }
}

void Connection::open() {
  state_ = State::open;
  watch(Watch::reading);
  user_->connected(*this, clock_.now_ns());
}

void Connection::write(std::string_view bytes) {
  unsent_ = bytes;
  first_written_ns_ = -1;
  send_rest();
}

void Connection::send_rest() {
  while (!unsent_.empty()) {
    std::size_t count = 0;
    const std::int64_t now_ns = first_written_ns_ < 0 ? clock_.now_ns() : 0;
    bool blocked = false;
    if (tls_ != nullptr) {
      const TlsStream::Result result = tls_->write(unsent_, count);
      blocked = result == TlsStream::Result::wants_write || result == TlsStream::Result::wants_read;
    } else {
      const ssize_t sent = send(socket_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      blocked = sent < 0 && (errno == EAGAIN || errno == EINTR);
      if (sent > 0) count = static_cast<std::size_t>(sent);
    }
    if (count > 0 && first_written_ns_ < 0) first_written_ns_ = now_ns;
    unsent_.remove_prefix(count);
    if (blocked) {
      watch(Watch::both);
      return;
    }
    if (count == 0) unsent_ = {};  // what went wrong, and what came before, is there to be read
  }
  watch(Watch::reading);
}

/// Reads into the buffer behind what it holds. True if there may be more at once.
bool Connection::read_some(std::size_t& held, Ended& ended) {
  const std::span<char> room = clock_.poller().buffer().subspan(held);
  if (room.empty()) return false;
  std::size_t count = 0;
  if (tls_ != nullptr) {
    const TlsStream::Result result = tls_->read(room, count);
    held += count;
    if (result == TlsStream::Result::done) return tls_->has_more();
    if (result == TlsStream::Result::ended) ended = {Failure::reset, true, ""};
    if (result == TlsStream::Result::broken) ended = {Failure::reset, false, tls_->error()};
    return false;
  }
  const ssize_t received = recv(socket_, room.data(), room.size(), 0);
  if (received > 0) {
    held += static_cast<std::size_t>(received);
  } else if (received == 0) {
    ended = {Failure::reset, true, ""};
  } else if (errno != EAGAIN && errno != EINTR) {
    ended = {Failure::reset, false, std::strerror(errno)};
  }
  // Less than there was room for is all that there was: an end shows by itself.
  return false;
}

void Connection::receive() {
  const std::int64_t now_ns = clock_.now_ns();
  const std::size_t room = clock_.poller().buffer().size();
  for (std::size_t held = room; held == room && state_ == State::open;) {
    held = 0;
    Ended ended{Failure::reset, false, ""};
    while (read_some(held, ended)) {
    }
    if (held > 0 && !unsent_.empty()) {
      unsent_ = {};
      answered_early_ = true;
      watch(Watch::reading);
    }
    if (held > 0) user_->received(*this, {clock_.poller().buffer().data(), held}, now_ns);
    if (state_ == State::open && (ended.in_order || !ended.message.empty())) end(ended);
  }
}

void Connection::watch(Watch what) {
  if (watched_ == what) return;
  watched_ = what;
  clock_.poller().change(socket_, *this, what);
}

void Connection::end(const Ended& ended) {
  const std::int64_t now_ns = clock_.now_ns();
  close();
  user_->ended(*this, ended, now_ns);
}

void Connection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  clock_.poller().remove(socket_, *this);
  tls_.reset();
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

}  // namespace tokenlift
