#pragma once
// How late the server is: from when a token is due to its client to when it is written to its
// socket; and how much of that the server's thread was ready to run and waited for a core.

#include <array>
#include <cstddef>
#include <cstdint>

#include "reports/record/histogram.hpp"

namespace tokenlift {

/// For how long a thread has been ready to run and waited for a core, by the kernel's count
/// (/proc/thread-self/schedstat, second number).
class RunQueue {
 public:
  /// Of the thread that makes it.
  RunQueue();
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;
  ~RunQueue();

  /// Since the thread began, in nanoseconds; 0 where the kernel does not count.
  std::int64_t waited_ns() const;

 private:
  int file_ = -1;
};

/// Instants are of one clock and rise.
class Lateness {
 public:
  /// How often the run queue is to be looked at, at most: a look takes 1 us.
  static constexpr std::int64_t kLookNs = 200'000;

  bool wants_look(std::int64_t now_ns) const { return now_ns - newest().at_ns >= kLookNs; }
  /// The thread has waited for so long by then.
  void look(std::int64_t now_ns, std::int64_t waited_ns);

  /// What was due then has been written. What the thread waited in between is what it waited from
  /// the last look before it was due to the last look.
  void sent(std::int64_t due_ns, std::int64_t now_ns);

  const Histogram& all() const { return all_; }
  /// Without what was waited for a core.
  const Histogram& net() const { return net_; }

 private:
  struct Look {
    std::int64_t at_ns = 0;
    std::int64_t waited_ns = 0;
  };
  static constexpr std::size_t kLooks = 1024;  // of the last 0.2 s at least

  const Look& newest() const { return looks_[newest_]; }
  std::int64_t waited_since(std::int64_t due_ns) const;

  Histogram all_, net_;
  std::array<Look, kLooks> looks_{};  // a ring
  std::size_t newest_ = 0;
};

}  // namespace tokenlift
