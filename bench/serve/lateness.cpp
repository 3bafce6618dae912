#include "bench/serve/lateness.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace tokenlift {

RunQueue::RunQueue() : file_(open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}

RunQueue::~RunQueue() {
  if (file_ >= 0) close(file_);
}

std::int64_t RunQueue::waited_ns() const {
  std::array<char, 96> text = {};
  const ssize_t got = file_ < 0 ? -1 : pread(file_, text.data(), text.size(), 0);
  if (got <= 0) return 0;
  const std::string_view line(text.data(), static_cast<std::size_t>(got));
  const std::size_t space = line.find(' ');
  std::int64_t ns = 0;
  if (space != std::string_view::npos) {
    std::from_chars(line.data() + space + 1, line.data() + line.size(), ns);
  }
  return ns;
}

void Lateness::look(std::int64_t now_ns, std::int64_t waited_ns) {
  newest_ = (newest_ + 1) % kLooks;
  looks_[newest_] = {now_ns, waited_ns};
}

void Lateness::sent(std::int64_t due_ns, std::int64_t now_ns) {
  const std::int64_t late_ns = std::max<std::int64_t>(now_ns - due_ns, 0);
  all_.record(late_ns);
  net_.record(late_ns - std::min(late_ns, waited_since(due_ns)));
}

std::int64_t Lateness::waited_since(std::int64_t due_ns) const {
  std::size_t at = newest_;
  // Few steps back, but where much is late.
  for (std::size_t step = 1; step < kLooks && looks_[at].at_ns > due_ns; ++step) {
    at = (at + kLooks - 1) % kLooks;
  }
  return newest().waited_ns - looks_[at].waited_ns;
}

}  // namespace tokenlift
