#pragma once
// Which descriptors are ready: epoll, for one thread.
//
// Level-triggered, each descriptor registered once, so that a chunk takes one wait (shared with all
// that are ready then) and one read. An asynchronous read of Asio's cannot share one buffer among
// sockets: it reads ahead while it is started, and tells of it later. Its waits can, at another
// system call for each chunk.

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tokenlift {

/// Who is told what became of a descriptor.
class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// It can be read, or written; errors and ends can be read. Neither: Poller::post().
  virtual void ready(bool readable, bool writable) = 0;
  /// What ready() will look at, besides the watcher itself.
  std::span<const char> looked_at() const { return looked_at_; }

 protected:
  ~Watcher() = default;
  /// It is fetched while others are told.
  void look_at(std::span<const char> bytes) { looked_at_ = bytes; }

 private:
  std::span<const char> looked_at_;
};

/// What a descriptor is watched for.
enum class Watch : std::uint8_t { reading, writing, both };

class Poller {
 public:
  /// Told one after the other: meanwhile nobody looks at the clock for what is due. Half a
  /// millisecond of reading, at most.
  static constexpr int kMostAtOnce = 64;

  /// Throws std::system_error.
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(int descriptor, Watcher& watcher, Watch watch) const;
  void change(int descriptor, Watcher& watcher, Watch watch) const;
  /// To be called before the descriptor is closed: the watcher is not told of it any more.
  void remove(int descriptor, Watcher& watcher);
  /// The watcher is told by the next tell(), once: for what must not happen within a call of it.
  void post(Watcher& watcher) { posted_.push_back(&watcher); }

  /// Waits until something is ready, at most this long; 0: looks, and does not wait. True if
  /// anything is.
  bool wait(std::int64_t timeout_ns);
  /// Tells the watchers of what wait() found.
  void tell();

  /// What is read is read into here, whoever reads it, and used before anybody else reads.
  std::span<char> buffer() { return buffer_; }

 private:
  void fetch_ahead(std::size_t next) const;

  int epoll_ = -1;
  bool waits_by_ns_ = true;  // the kernel has epoll_pwait2
  std::array<epoll_event, kMostAtOnce> found_{};
  std::size_t ready_ = 0;
  std::vector<Watcher*> posted_;
  std::vector<char> buffer_;
};

}  // namespace tokenlift
