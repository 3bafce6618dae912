#include "bench/wire/poller.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

#include "bench/machine/prefetch.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
constexpr std::size_t kWatcherBytes = 128;  // of a connection, about

std::uint32_t events_of(Watch watch) {
  switch (watch) {
    case Watch::reading:
      return EPOLLIN;
    case Watch::writing:
      return EPOLLOUT;
    case Watch::both:
      break;
  }
  return EPOLLIN | EPOLLOUT;
}

void control(int epoll, int operation, int descriptor, Watcher& watcher, Watch watch) {
  epoll_event event{};
  event.events = events_of(watch);
  event.data.ptr = &watcher;
  if (epoll_ctl(epoll, operation, descriptor, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

}  // namespace

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kBufferBytes) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Poller::~Poller() {
  close(epoll_);
}

void Poller::add(int descriptor, Watcher& watcher, Watch watch) const {
  control(epoll_, EPOLL_CTL_ADD, descriptor, watcher, watch);
}

void Poller::change(int descriptor, Watcher& watcher, Watch watch) const {
  control(epoll_, EPOLL_CTL_MOD, descriptor, watcher, watch);
}

void Poller::remove(int descriptor, Watcher& watcher) {
  if (descriptor >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  for (std::size_t i = 0; i < ready_; ++i) {
    if (found_[i].data.ptr == &watcher) found_[i].data.ptr = nullptr;
  }
  std::ranges::replace(posted_, &watcher, nullptr);
}

bool Poller::wait(std::int64_t timeout_ns) {
  if (!posted_.empty()) timeout_ns = 0;
  int count = 0;
  if (timeout_ns > 0 && waits_by_ns_) {
    constexpr std::int64_t kNsPerS = 1'000'000'000;
    const timespec timeout{timeout_ns / kNsPerS, timeout_ns % kNsPerS};
    count = epoll_pwait2(epoll_, found_.data(), kMostAtOnce, &timeout, nullptr);
    if (count < 0 && errno == ENOSYS) waits_by_ns_ = false;
  } else {
    // Too early rather than too late: who waits looks at the clock.
    const auto timeout_ms = static_cast<int>(std::min<std::int64_t>(timeout_ns / 1'000'000, 1000));
    count = epoll_wait(epoll_, found_.data(), kMostAtOnce, timeout_ms);
  }
  ready_ = static_cast<std::size_t>(std::max(count, 0));
  return ready_ > 0 || !posted_.empty();
}

/// Of thousands of connections each is cold: its memory comes while the kernel reads for the one
/// before it.
void Poller::fetch_ahead(std::size_t next) const {
  if (next + 1 < ready_) prefetch(found_[next + 1].data.ptr, kWatcherBytes);
  if (next >= ready_ || found_[next].data.ptr == nullptr) return;
  const auto its = static_cast<const Watcher*>(found_[next].data.ptr)->looked_at();
  prefetch(its.data(), its.size());
}

void Poller::tell() {
  fetch_ahead(0);
  for (std::size_t i = 0; i < ready_; ++i) {
    fetch_ahead(i + 1);
    auto* const watcher = static_cast<Watcher*>(found_[i].data.ptr);
    if (watcher == nullptr) continue;  // removed by one before it
    const std::uint32_t events = found_[i].events;
    watcher->ready((events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0,
                   (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0);
  }
  ready_ = 0;
  // By index: those told may post, and remove.
  const std::size_t posted = posted_.size();
  for (std::size_t i = 0; i < posted; ++i) {
    if (Watcher* const watcher = std::exchange(posted_[i], nullptr)) watcher->ready(false, false);
  }
  posted_.erase(posted_.begin(), posted_.begin() + static_cast<std::ptrdiff_t>(posted));
}

}  // namespace tokenlift
