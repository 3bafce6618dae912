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
  if (text.capacity() > kKeptBytes && text.size() < kKeptBytes) std::string(text).swap(text);
}

}  // namespace

void Peer::take_off(std::size_t bytes) {
  input_.erase(0, bytes);
  shrink(input_);
}

Peer::Peer(WireClock& clock, int socket, std::uint32_t number, std::uint64_t stamp, Owner& owner)
    : clock_(clock), owner_(owner), stamp_(stamp), number_(number), socket_(socket) {
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
  if (writable) flush();
  if (readable && is_open()) receive();
}

/// One read at a time: whoever sends much shares the thread with the others.
void Peer::receive() {
  const std::span<char> buffer = clock_.poller().buffer();
  const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    cut();
    return;
  }
  if (ends_) return;  // what still comes is nobody's business
  const bool busy = turn.state != Turn::State::listening;
  if (busy && input_.size() + static_cast<std::size_t>(got) > kMostAheadBytes) {
    cut();
    return;
  }
  input_.append(buffer.data(), static_cast<std::size_t>(got));
  if (!busy) owner_.received(*this);
}

void Peer::flush() {
  if (!is_open()) return;
  while (sent_ < output_.size()) {
    const ssize_t sent =
        send(socket_, output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      cut();
      return;
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  if (sent_ == output_.size()) {
    output_.clear();
    shrink(output_);
    sent_ = 0;
    if (ends_ && !has_ended_) {
      has_ended_ = true;
      shutdown(socket_, SHUT_WR);
    }
  } else if (output_.size() - sent_ > (turn.stream ? kMostUnsentBytes : kMostOfRepliesBytes)) {
    cut();
    return;
  } else if (sent_ > kMostUnsentBytes) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
  const Watch watch = has_unsent() ? Watch::both : Watch::reading;
  if (watch == watched_) return;
  watched_ = watch;
  clock_.poller().change(socket_, *this, watch);
}

}  // namespace tokenlift
