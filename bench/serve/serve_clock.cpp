#include "bench/serve/serve_clock.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace tokenlift {

ServeClock::ServeClock() : bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (bell_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  wire_.poller().add(bell_, *this, Watch::reading);
}

ServeClock::~ServeClock() {
  wire_.poller().remove(bell_, *this);
  close(bell_);
}

void ServeClock::ring() {
  const std::uint64_t one = 1;
  // It fails where the counter is full: then it rings already.
  [[maybe_unused]] const auto written = write(bell_, &one, sizeof one);
}

void ServeClock::ready(bool, bool) {
  std::uint64_t rings = 0;
  [[maybe_unused]] const auto got = read(bell_, &rings, sizeof rings);
  wire_.ring();
}

}  // namespace tokenlift
