#pragma once
// What the replicas see: tokens and steps, by tenant and phase, and over time.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/record/draw_record.hpp"
#include "bench/record/grid_cursor.hpp"
#include "bench/record/job_log.hpp"
#include "bench/record/recording_grid.hpp"
#include "bench/record/request.hpp"
#include "bench/record/step_run.hpp"
#include "reports/record/histogram.hpp"

namespace tokenlift {

/// Tokens and steps of one replica, written by its worker alone, or of several merged. Integers
/// only, so that neither the order of recording nor that of merging makes a difference.
///
/// A gap between two tokens is a number of picoseconds. Histograms count it by its whole
/// nanoseconds; sums are exact, and rounded down to nanoseconds once, at the end.
class alignas(64) TokenRecord {
 public:
  /// Phases that a run may have.
  static constexpr std::size_t kMaxPhases = 8;

  explicit TokenRecord(const RecordingGrid& grid);

  /// Of the grid; nullptr where nobody has an objective on gaps.
  const GapLimits* gap_limits() const { return gap_limits_; }

  /// A token of a request came out at `at_ns`; `gap_ps` since its previous one, negative for its
  /// first.
  void token(CellId cell, std::int64_t at_ns, std::int64_t gap_ps);

  /// Tokens of a request that nobody saw come: they are known from what its endpoint said at the
  /// end, and came by `at_ns` at the latest. They have no gaps.
  void late_tokens(CellId cell, std::int64_t at_ns, std::int64_t tokens);

  /// The grid's borders are others than before.
  void borders_moved() {
    at_ = {};
    phase_at_ = {};
    draws_.borders_moved();
  }

  /// At the end of each step of `run` every sequence of `batch` got a token; its gap is the step.
  /// Leaves what token() would have left, called for each of them with whole nanoseconds of the
  /// instants, in a time that depends on the bins, phases and buckets that the run crosses and not
  /// on its steps. The run must take less than 2^61 ps.
  void decode(const StepRun& run, std::span<const CellCount> batch);

  /// What a replica holds during the steps of a run.
  struct Load {
    std::int64_t sequences = 0;
    std::int64_t max_batch = 0;        ///< the most sequences that its batch may hold
    std::int64_t resident_tokens = 0;  ///< in the KV cache, during the first step
    std::int64_t growth = 0;           ///< so many more are resident from each step to the next
  };
  /// The steps of `run` ran, up to `until_ns`. Leaves what calling it for each step would have
  /// left, split over the phases, in a time that depends on the phases alone.
  void steps(const StepRun& run, const Load& load, std::int64_t until_ns = kNever);

  /// Replicas that served from `begin_ns` to `end_ns`.
  struct Service {
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = 0;
    std::int64_t replicas = 1;
    std::int64_t kv_tokens = 0;  ///< for which each has room
    std::size_t site = 0;
  };
  void served(const Service& service);

  /// What the sites draw. Of fleets in virtual time.
  DrawRecord& draws() { return draws_; }
  const DrawRecord& draws() const { return draws_; }

  /// What internal jobs do. Of fleets in virtual time.
  JobLog& jobs() { return jobs_; }
  const JobLog& jobs() const { return jobs_; }

  /// A request was scheduled for the first time.
  void scheduled(CellId cell, std::int64_t at_ns, std::int64_t prompt_tokens,
                 std::int64_t cached_tokens);

  /// Leaves what recording both into one would have left, whatever the order.
  void merge(const TokenRecord& other);

  /// Gaps between tokens of the requests of a cell.
  Histogram gaps(CellId cell) const;
  /// Tokens of a tenant that came out in a phase.
  std::uint64_t produced(std::uint32_t tenant, std::uint32_t phase) const;
  const std::vector<std::int64_t>& tokens_by_bin() const { return tokens_by_bin_; }
  /// Prompts of the requests of a tenant that were scheduled in a phase, and what of them was in
  /// prefix caches.
  struct Prompts {
    std::uint64_t tokens = 0;
    std::uint64_t cached_tokens = 0;
    bool operator==(const Prompts&) const = default;
  };
  Prompts prompts(std::uint32_t tenant, std::uint32_t phase) const;
  /// Of all tenants and phases.
  Prompts prompts() const;
  /// Time that replicas served, added up, and the integral of the room in their KV caches.
  __int128 replica_ns(std::uint32_t phase) const { return phases_[phase].replica_ns; }
  __int128 kv_room_token_ns(std::uint32_t phase) const { return phases_[phase].kv_room_token_ns; }
  std::int64_t busy_ns(std::uint32_t phase) const { return phases_[phase].busy_ns; }
  /// The integral of sequences per step over the busy time.
  __int128 batch_ns(std::uint32_t phase) const { return phases_[phase].batch_ns; }
  /// The integral of the largest batch over it.
  __int128 batch_room_ns(std::uint32_t phase) const { return phases_[phase].batch_room_ns; }
  /// The integral of resident tokens; rounded down, once.
  __int128 resident_token_ns(std::uint32_t phase) const {
    return phases_[phase].resident_token_ps / kPsPerNs;
  }

 private:
  struct CellRecord {
    Histogram gaps;  // without its sum
    unsigned __int128 gap_sum_ps = 0;
    std::array<std::uint64_t, kMaxPhases> produced{};  // by the phase in which they came out
    std::array<Prompts, kMaxPhases> prompts{};         // by the phase in which they were scheduled
  };
  /// Aligned, so that records written by two threads never share a cache line.
  struct alignas(64) PhaseTotals {
    std::int64_t busy_ns = 0;
    __int128 batch_ns = 0;
    __int128 batch_room_ns = 0;
    __int128 resident_token_ps = 0;
    __int128 replica_ns = 0;
    __int128 kv_room_token_ns = 0;

    void add(const Load& load, std::int64_t length_ns, __int128 held_token_ps);
  };
  void split_steps(const StepRun& run, const Load& load, std::int64_t until_ns);
  void count_tokens(const StepRun& run, std::int64_t last_at_ns, std::span<const CellCount> batch);
  void count_gaps(const StepRun& run, std::span<const CellCount> batch);

  const RecordingGrid* grid_;
  const GapLimits* gap_limits_;
  GridCursor at_;
  PhaseCursor phase_at_;  // of steps and requests: replicas are bins apart, and seldom phases
  std::vector<CellRecord> cells_;
  std::vector<PhaseTotals> phases_;
  std::vector<std::int64_t> tokens_by_bin_;
  DrawRecord draws_;
  JobLog jobs_;
};

inline void TokenRecord::late_tokens(CellId cell, std::int64_t at_ns, std::int64_t tokens) {
  at_.look_at(*grid_, at_ns);
  cells_[cell].produced[at_.phase()] += static_cast<std::uint64_t>(tokens);
  tokens_by_bin_[at_.bin()] += tokens;
}

inline void TokenRecord::token(CellId cell, std::int64_t at_ns, std::int64_t gap_ps) {
  at_.look_at(*grid_, at_ns);
  CellRecord& record = cells_[cell];
  ++record.produced[at_.phase()];
  ++tokens_by_bin_[at_.bin()];
  if (gap_ps < 0) return;
  const std::int64_t gap_ns = gap_ps / 1000;
  record.gaps.count_in(Histogram::bucket_of(gap_ns), 1, gap_ns, gap_ns);
  record.gap_sum_ps += static_cast<std::uint64_t>(gap_ps);
}

}  // namespace tokenlift
