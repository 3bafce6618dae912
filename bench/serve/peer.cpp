#include "bench/serve/peer.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <span>

namespace tokenlift {

namespace {

/// There are many connections, and few of them ask for much.
void shrink(std::string& text) {
  constexpr std::size_t kKeptBytes = 16'384;
  if (text.capacity() > kKeptBytes && text.size() < kKeptBytes) text.shrink_to_fit();
}

/// To who asks a port for TLS without it.
constexpr std::string_view kHttpsAlone =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 40\r\n"
    "connection: close\r\n\r\nthis server speaks TLS: ask it by https\n";

}  // namespace

void Peer::take_off(std::size_t bytes) {
  input_.erase(0, bytes);
  shrink(input_);
}

Peer::Peer(WireClock& clock, int socket, std::uint32_t number, std::uint64_t stamp, Owner& owner,
           const TlsContext* tls)
    : clock_(clock),
      owner_(owner),
      stamp_(stamp),
      number_(number),
      socket_(socket),
      shakes_hands_(tls != nullptr) {
  if (tls != nullptr) tls_ = std::make_unique<TlsStream>(*tls, socket);
  clock_.poller().add(socket_, *this, Watch::reading);
}

void Peer::close() {
  if (socket_ < 0) return;
  clock_.poller().remove(socket_, *this);
  ::close(socket_);
  socket_ = -1;
}

void Peer::cut() {
  close();
  owner_.gone(*this);
}

void Peer::ready(bool readable, bool writable) {
  if (shakes_hands_) {
    clock_.poller().remove(socket_, *this);
    owner_.wants_to_shake_hands(*this);
    return;
  }
  const bool posted = !readable && !writable;  // by read()
  if (writable || (tls_ && has_unsent())) flush();
  if ((readable || posted) && is_open()) receive();
}

void Peer::shake_hands() {
  const TlsStream::Result result = tls_->shake_hands();
  switch (result) {
    case TlsStream::Result::done:
    case TlsStream::Result::wants_read:
    case TlsStream::Result::wants_write:
      break;
    default:
      if (tls_->met_plain_http())
        send(socket_, kHttpsAlone.data(), kHttpsAlone.size(), MSG_NOSIGNAL);
      cut();
      return;
  }
  shakes_hands_ = result != TlsStream::Result::done;
  watched_ = result == TlsStream::Result::wants_write ? Watch::writing : Watch::reading;
  clock_.poller().add(socket_, *this, watched_);
  if (!shakes_hands_) receive();  // what is asked may have come along
}

/// What is there to read, at most so much; nothing where the client has gone.
std::optional<std::size_t> Peer::read(std::span<char> into) {
  if (!tls_) {
    const ssize_t got = recv(socket_, into.data(), into.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return got > 0 ? std::optional(static_cast<std::size_t>(got)) : std::nullopt;
  }
  std::size_t all = 0;
  TlsStream::Result result = TlsStream::Result::done;
  do {
    std::size_t got = 0;
    result = tls_->read(into.subspan(all), got);
    all += got;
  } while (result == TlsStream::Result::done && all < into.size() && tls_->has_more());
  const bool gone = result == TlsStream::Result::ended || result == TlsStream::Result::broken;
  if (gone && all == 0) return std::nullopt;
  // The socket says nothing of what has been taken from it.
  if (gone || (result == TlsStream::Result::done && tls_->has_more())) clock_.poller().post(*this);
  return all;
}

/// One read at a time: whoever sends much shares the thread with the others.
void Peer::receive() {
  const std::span<char> buffer = clock_.poller().buffer();
  const std::optional<std::size_t> got = read(buffer);
  if (!got) {
    cut();
    return;
  }
  if (*got == 0 || ends_) return;  // what still comes is nobody's business
  const bool busy = turn.state != Turn::State::listening;
  if (busy && input_.size() + *got > kMostAheadBytes) {
    cut();
    return;
  }
  input_.append(buffer.data(), *got);
  if (!busy) owner_.received(*this);
}

/// What was sent; nothing where the client has gone.
std::optional<std::size_t> Peer::write(std::string_view bytes) {
  if (!tls_) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return sent > 0 ? std::optional(static_cast<std::size_t>(sent)) : std::nullopt;
  }
  std::size_t sent = 0;
  const TlsStream::Result result = tls_->write(bytes, sent);
  const bool gone = result == TlsStream::Result::ended || result == TlsStream::Result::broken;
  return gone ? std::nullopt : std::optional(sent);
}

void Peer::flush() {
  if (!is_open()) return;
  while (sent_ < output_.size()) {
    const std::optional<std::size_t> sent = write(std::string_view(output_).substr(sent_));
    if (!sent) {
      cut();
      return;
    }
    if (*sent == 0) break;
    sent_ += *sent;
  }
  if (sent_ == output_.size()) {
    output_.clear();
    shrink(output_);
    sent_ = 0;
    if (ends_ && !has_ended_) {
      has_ended_ = true;
      if (tls_) tls_->end();
      shutdown(socket_, SHUT_WR);
    }
  } else if (output_.size() - sent_ > (turn.stream ? kMostUnsentBytes : kMostOfRepliesBytes)) {
    cut();
    return;
  } else if (sent_ > kMostUnsentBytes) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
  watch(has_unsent() ? Watch::both : Watch::reading);
}

void Peer::watch(Watch what) {
  if (what == watched_) return;
  watched_ = what;
  clock_.poller().change(socket_, *this, what);
}

}  // namespace tokenlift
