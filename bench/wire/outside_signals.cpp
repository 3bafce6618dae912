#include "bench/wire/outside_signals.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace tokenlift {

namespace {

// Counts signals; what a handler may write to.
int signal_counter = -1;

extern "C" void count_signal(int) {
  const int error = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(signal_counter, &one, sizeof one);
  errno = error;
}

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
}

}  // namespace

OutsideSignals::OutsideSignals(WireClock& clock)
    : clock_(clock), by_signal_(*this, false), by_terminal_(*this, true) {
  signal_counter = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (signal_counter < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  clock_.poller().add(signal_counter, by_signal_, Watch::reading);
  handle(count_signal);
  // Who reads a terminal in the background is stopped.
  watches_terminal_ = isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp();
  if (watches_terminal_) clock_.poller().add(STDIN_FILENO, by_terminal_, Watch::reading);
}

OutsideSignals::~OutsideSignals() {
  handle(SIG_IGN);  // one that comes late is no reason to die
  if (watches_terminal_) clock_.poller().remove(STDIN_FILENO, by_terminal_);
  clock_.poller().remove(signal_counter, by_signal_);
  close(signal_counter);
  signal_counter = -1;
}

void OutsideSignals::Source::ready(bool readable, bool) {
  if (!readable) return;
  if (!terminal_) {
    std::uint64_t count = 0;
    if (read(signal_counter, &count, sizeof count) == sizeof count) signals_.came(count);
    return;
  }
  std::array<char, 256> typed{};
  const ssize_t count = read(STDIN_FILENO, typed.data(), typed.size());
  if (count <= 0) {  // it is gone
    signals_.clock_.poller().remove(STDIN_FILENO, *this);
    signals_.watches_terminal_ = false;
    return;
  }
  signals_.came(static_cast<std::uint64_t>(std::count(typed.begin(), typed.begin() + count, '\n')));
}

void OutsideSignals::came(std::uint64_t count) {
  const std::int64_t now_ns = clock_.now_ns();
  for (; count > 0; --count) came_ns_.push_back(now_ns);
  clock_.ring();
}

std::optional<std::int64_t> OutsideSignals::next() {
  if (came_ns_.empty()) return std::nullopt;
  const std::int64_t at_ns = came_ns_.front();
  came_ns_.pop_front();
  return at_ns;
}

}  // namespace tokenlift
