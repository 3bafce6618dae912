#pragma once
// Independent work: items that are computed by whoever is free, on threads of this process and,
// where there are other ranks, by these as well.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/machine/workers.hpp"

namespace tokenlift {

/// An item that another rank was to compute has failed there; what() is what it said.
class FailedElsewhere : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What another rank made of an item.
struct WorkResult {
  bool failed = false;
  std::string text;  ///< the result; of an item that has failed why

  /// Throws FailedElsewhere.
  const std::string& result() const {
    if (failed) throw FailedElsewhere(text);
    return text;
  }
};

/// How items of a kind are computed by other ranks. Called from one thread, at the same time as
/// WorkItems::here from others.
struct WorkElsewhere {
  std::string kind = {};  ///< how who computes it knows what to do
  /// An item as text; nothing where it is to be computed in this process.
  std::function<std::optional<std::string>(std::size_t item)> pack = {};
  std::function<void(std::size_t item, const WorkResult& reply)> keep = {};
  const std::atomic<bool>* stop = nullptr;  ///< being set, it ends what is under way; null: nothing
};

/// Items 0 .. count - 1, in any order and at the same time. They begin in this order.
struct WorkItems {
  std::size_t count = 0;
  /// Computes an item in this process, and keeps what comes out. Called from several threads.
  std::function<void(std::size_t item)> here = {};
  std::optional<WorkElsewhere> elsewhere = {};  ///< absent: it is computed in this process alone
};

/// Where ranks take items from.
class WorkSource {
 public:
  WorkSource(const WorkItems& work, const std::atomic<bool>& failed)
      : work_(work), failed_(failed) {}

  /// Safe to be used by several threads at once; nothing where all have been taken.
  std::optional<std::size_t> next();

  /// For other ranks: the next item that one of them may compute.
  struct Packed {
    std::size_t item = 0;
    std::string text;
  };
  std::optional<Packed> next_packed();

  const WorkElsewhere& elsewhere() const { return *work_.elsewhere; }
  /// What is under way elsewhere is wanted no more, or is to end early.
  bool is_cut() const;
  /// Those that were taken to be packed, and are still to be computed in this process.
  std::vector<std::size_t> left_here() { return std::move(left_here_); }

 private:
  const WorkItems& work_;
  const std::atomic<bool>& failed_;
  std::atomic<std::size_t> next_{0};
  std::vector<std::size_t> left_here_;
};

/// The clock on the wall (system_clock) of a rank, beside that of rank 0.
struct RankClock {
  std::int64_t offset_ns = 0;  ///< its clock - that of rank 0, at the same instant
  std::int64_t error_ns = 0;   ///< it is off by no more than this
};

/// The other processes of a program that runs as several; this one is rank 0.
class Ranks {
 public:
  Ranks() = default;
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  /// How many processes there are, this one included.
  virtual std::size_t count() const = 0;
  /// Threads that this one has, unless something else is asked for.
  virtual std::size_t threads() const = 0;
  /// Has other ranks compute items, `threads` at a time each (absent: as many as a rank has), until
  /// the source has no more and all that were taken have come back. Throws MachineError where an
  /// item cannot be sent, and what `keep` throws.
  virtual void help(WorkSource& source, std::optional<std::size_t> threads) = 0;

  /// By rank; of rank 0 itself nothing but zeros.
  virtual std::vector<RankClock> compare_clocks() = 0;
  /// Has every other rank compute the item of its own number, all at the same time, while `here`
  /// runs in this process. Throws the first of what `here`, `pack` and `keep` throw.
  virtual void each(const WorkElsewhere& work, const std::function<void()>& here) = 0;
};

class WorkPool {
 public:
  /// `threads` in each process; absent: one per core. `ranks`: null where there is this process
  /// alone; stays in use.
  explicit WorkPool(std::optional<std::size_t> threads, Ranks* ranks = nullptr);

  /// Threads of this process.
  std::size_t threads() const { return workers_.count(); }

  /// Returns when all items are computed, and kept. Throws the first of what `here`, `keep` and
  /// help() throw; then not all have been.
  void run(const WorkItems& work);
  void run(std::size_t count, const std::function<void(std::size_t item)>& here) {
    run(WorkItems{count, here, std::nullopt});
  }

 private:
  std::optional<std::size_t> threads_;
  Ranks* ranks_;
  Workers workers_;
};

/// Threads of this process where nothing else is asked for: one per core, as far as other ranks of
/// this machine leave them.
std::size_t usual_threads(const Ranks* ranks);

}  // namespace tokenlift
