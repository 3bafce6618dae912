#pragma once
// Puts what happens into the bins of a Run: per tenant and phase, and over time.
//
// Two recorders, because two parties see different things: the loop sees requests (Recorder), the
// replicas see tokens and steps (TokenRecord: one per replica, written by its worker alone, merged
// when the run ends). Memory is fixed when the run starts.

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/machine/workers.hpp"
#include "bench/record/request.hpp"
#include "bench/record/request_log.hpp"
#include "bench/record/step_run.hpp"
#include "reports/record/run.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Where things are recorded: the planned phases and the grid of the series.
struct RecordingGrid {
  std::vector<Phase> phases;  ///< in order, without gaps, from 0
  std::size_t tenants = 0;
  std::int64_t bin_ns = 0;
  std::size_t bins = 0;
  std::int64_t slice_ns = 0;
  std::size_t slices = 0;

  CellId cell(std::uint32_t tenant, std::uint32_t phase) const {
    return tenant * static_cast<std::uint32_t>(phases.size()) + phase;
  }
  std::size_t cells() const { return tenants * phases.size(); }

  /// The phase that holds an instant; the last one for everything after its begin.
  std::uint32_t phase_at(std::int64_t at_ns) const {
    std::uint32_t phase = 0;
    while (phase + 1 < phases.size() && at_ns >= phases[phase + 1].begin_ns) ++phase;
    return phase;
  }
  std::size_t bin_at(std::int64_t at_ns) const {
    return std::min(static_cast<std::size_t>(at_ns / bin_ns), bins - 1);
  }
  std::size_t slice_at(std::int64_t at_ns) const {
    return std::min(static_cast<std::size_t>(at_ns / slice_ns), slices - 1);
  }
};

/// The bin and phase of an instant. Remembers the borders around the last one: instants come
/// in bunches, and looking one up takes a 64-bit division.
class GridCursor {
 public:
  void look_at(const RecordingGrid& grid, std::int64_t at_ns) {
    if (at_ns < begin_ns_ || at_ns >= end_ns_) move(grid, at_ns);
  }
  std::size_t bin() const { return bin_; }
  std::uint32_t phase() const { return phase_; }
  std::int64_t end_ns() const { return end_ns_; }  ///< where another of them begins

 private:
  void move(const RecordingGrid& grid, std::int64_t at_ns);

  std::int64_t begin_ns_ = 0;
  std::int64_t end_ns_ = 0;
  std::size_t bin_ = 0;
  std::uint32_t phase_ = 0;
};

/// At most 3,600 bins and 120 slices over the longest the run can take; widths are 1, 2 or 5 times
/// a power of ten.
RecordingGrid make_grid(const Scenario& resolved);

/// Tokens and steps of one replica, or of several merged. Integers only, so that neither the order
/// of recording nor that of merging makes a difference.
///
/// A gap between two tokens is a number of picoseconds. Histograms count it by its whole
/// nanoseconds; sums are exact, and rounded down to nanoseconds once, at the end.
class alignas(64) TokenRecord {
 public:
  /// Phases that a run may have.
  static constexpr std::size_t kMaxPhases = 8;

  explicit TokenRecord(const RecordingGrid& grid);

  /// A token of a request came out at `at_ns`; `gap_ps` since its previous one, negative for its
  /// first.
  void token(CellId cell, std::int64_t at_ns, std::int64_t gap_ps);

  /// At the end of each step of `run` every sequence of `batch` got a token; its gap is the step.
  /// Leaves what token() would have left, called for each of them with whole nanoseconds of the
  /// instants, in a time that depends on the bins, phases and buckets that the run crosses and not
  /// on its steps. The run must take less than 2^61 ps.
  void decode(const StepRun& run, std::span<const CellCount> batch);

  /// A step ran with `sequences` in its batch, or several in a row. Split over the phases that it
  /// touches.
  void step(std::int64_t begin_ns, std::int64_t end_ns, std::int64_t sequences);

  /// Leaves what recording both into one would have left, whatever the order.
  void merge(const TokenRecord& other);

  /// Gaps between tokens of the requests of a cell.
  Histogram gaps(CellId cell) const;
  /// Tokens of a tenant that came out in a phase.
  std::uint64_t produced(std::uint32_t tenant, std::uint32_t phase) const;
  const std::vector<std::int64_t>& tokens_by_bin() const { return tokens_by_bin_; }
  std::int64_t busy_ns(std::uint32_t phase) const { return phases_[phase].busy_ns; }
  /// The integral of sequences per step over the busy time.
  __int128 batch_ns(std::uint32_t phase) const { return phases_[phase].batch_ns; }

 private:
  struct CellRecord {
    Histogram gaps;  // without its sum
    unsigned __int128 gap_sum_ps = 0;
    std::array<std::uint64_t, kMaxPhases> produced{};  // by the phase in which they came out
  };
  /// Aligned, so that records written by two threads never share a cache line.
  struct alignas(64) PhaseTotals {
    std::int64_t busy_ns = 0;
    __int128 batch_ns = 0;
  };
  void count_tokens(const StepRun& run, std::int64_t last_at_ns, std::span<const CellCount> batch);
  void count_gaps(const StepRun& run, std::span<const CellCount> batch);

  const RecordingGrid* grid_;
  GridCursor at_;
  std::vector<CellRecord> cells_;
  std::vector<PhaseTotals> phases_;
  std::vector<std::int64_t> tokens_by_bin_;
};

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

class Recorder {
 public:
  /// With `workers`, large batches of completions are recorded by all of them.
  Recorder(const Scenario& resolved, const RecordingGrid& grid, Workers* workers = nullptr);

  /// From now on every request that is decided, or left undecided at the end, goes there too.
  void log_to(RequestLog& log) { log_ = &log; }

  void sent(const Request& request);
  /// Its first attempt was denied, or has to wait.
  void held(const Request& request);
  /// It was rejected and tries again.
  void retried(const Request& request, std::int64_t now_ns);
  void admitted(const Request& request);
  /// What the loop learnt at `now_ns`. The requests are still in the table. What completed after
  /// its tenant's deadline is recorded as expired.
  void completed(std::span<const Completion> batch, const RequestTable& requests,
                 std::int64_t now_ns);
  /// Left without its tokens.
  void rejected(const Request& request, std::int64_t now_ns);
  void expired(const Request& request, std::int64_t now_ns);
  void cancelled(const Request& request, std::int64_t now_ns);
  bool late(const Request& request, const Completion& done) const {
    return done.last_token_ns - request.due_ns > deadlines_ns_[request.tenant];
  }
  /// The run ended at `end_ns` and this request was still undecided.
  void in_flight(const Request& request, std::int64_t end_ns);
  /// Was due before the run ended at `end_ns`, and the harness did not get to send it.
  void never_sent(const Request& request, std::int64_t end_ns);

  /// Requests of measured phases that are undecided.
  std::int64_t undecided() const { return undecided_; }
  std::int64_t in_system() const { return in_system_; }

  /// Who waits, and who was rejected and will come back.
  struct Gauges {
    std::int64_t waiting_requests = 0;
    std::int64_t backlog_tokens = 0;
    std::int64_t backoff_requests = 0;
    std::span<const std::int64_t> waiting_by_tenant = {};  ///< looked at until finish()
  };
  /// To be called before anything that happens at `now_ns` changes a gauge; and once more when the
  /// run ends, for the bin that the end cuts short.
  void pass_time(std::int64_t now_ns, const Gauges& gauges) {
    gauges_ = gauges;
    if (now_ns >= bin_end_ns_) fill_bins(now_ns);
  }

  /// When the bin ends that is being filled; kNever after the last.
  std::int64_t bin_end_ns() const { return bin_end_ns_; }
  /// From then on a throttle has this limit; nothing: none.
  void limit(std::size_t throttle, std::int64_t at_ns, std::optional<double> limit);

  /// Where attempts are to be counted in the phase of `now_ns`, for each throttle.
  std::span<ThrottleCounts> throttle_counts(std::int64_t now_ns);

  /// The recorded part of a Run that ended at `end_ns`: phases (cut at the end, empty ones left
  /// out), tenants, totals, series.
  Run finish(std::int64_t end_ns, const TokenRecord& tokens, std::int64_t replicas);

  /// Relative difference between the integral of requests in the system and the sum of the times
  /// that each spent there. The two are counted apart; finish() must have been called.
  double littles_law_error() const { return littles_law_error_; }

 private:
  /// Requests that have left the system.
  struct Departures {
    std::int64_t requests = 0;
    std::int64_t measured = 0;  // of these, due in a measured phase
    __int128 spent_ns = 0;      // from due to exit
    __int128 late_ns = 0;       // from exit until the loop learnt of it
  };
  /// What is recorded of each request and adds up, so that who records which request makes no
  /// difference. Everything that is not a completion goes into the first lane.
  struct alignas(64) Lane {
    explicit Lane(const RecordingGrid& grid);
    std::vector<PhaseRecord> records;  // by cell
    std::vector<Histogram> ttft_slices;
    std::vector<std::int64_t> completed_by_bin, goodput_by_bin, slo_met_by_bin, expired_by_bin;
    GridCursor due, exit;
    Departures departures;  // of the batch at hand
  };
  enum class Counter { due, attempts, admitted, rejected, expired, cancelled, undecided };
  static constexpr std::size_t kCounters = 7;
  /// Below that, waking the workers up costs more than they save.
  static constexpr std::size_t kParallelFrom = 512;

  PhaseRecord& record_of(const Request& request) {
    return lanes_.front().records[grid_.cell(request.tenant, request.phase)];
  }
  std::vector<std::int64_t>& by_bin(Counter counter) {
    return counters_[static_cast<std::size_t>(counter)];
  }
  void fill_bin();
  void fill_bins(std::int64_t now_ns);
  void due(const Request& request, std::int64_t now_ns);
  void leave(const Departures& departures, std::int64_t now_ns);
  void leave_unserved(const Request& request, std::int64_t now_ns, Counter outcome);
  void record(Lane& lane, std::span<const Completion> part, const RequestTable& requests,
              std::int64_t now_ns) const;
  void record(Lane& lane, const Request& request, const Completion& done) const;
  bool meets_objectives(const Request& request, const Completion& completion) const;
  void log(std::span<const Completion> batch, const RequestTable& requests) const;
  void log_unserved(const Request& request, std::string_view outcome, std::int64_t end_ns) const;
  void merge_lanes();
  Series series(std::int64_t end_ns, const TokenRecord& tokens);

  RecordingGrid grid_;
  std::vector<TenantRecord> tenants_;  // without their phases, which come at the end
  std::vector<Slo> slos_;
  std::vector<std::int64_t> deadlines_ns_;  // from due; kNever: none
  Workers* workers_;
  RequestLog* log_ = nullptr;
  std::vector<Lane> lanes_;                            // one for each worker
  std::vector<ThrottleRecord> throttles_;              // their phases come at the end
  std::vector<std::vector<ThrottleCounts>> attempts_;  // by phase and throttle
  std::array<std::vector<std::int64_t>, kCounters> counters_;
  GridCursor due_, event_;
  std::vector<std::int64_t> waiting_at_, backlog_at_, backoff_at_;  // gauges by bin
  // Of each tenant by bin; empty where tenants have no series.
  std::vector<std::vector<std::int64_t>> tenant_waiting_at_, tenant_admitted_;
  std::size_t bin_ = 0;  // gauges are filled up to here
  std::int64_t bin_end_ns_ = 0;
  Gauges gauges_;  // at the last event
  std::int64_t undecided_ = 0;

  // Little's law: area_ integrates the number in the system over time, event by event; spent_ adds
  // up each request's own stay. Both in requests x ns.
  std::int64_t in_system_ = 0;
  std::int64_t changed_ns_ = 0;
  __int128 area_ = 0;
  __int128 spent_ = 0;
  double littles_law_error_ = 0;
};

}  // namespace tokenlift
