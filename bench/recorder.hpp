#pragma once
// Puts what happens into the bins of a Run: per tenant and phase, and over time.
//
// Two recorders, because two parties see different things: the loop sees requests (Recorder), the
// replicas see tokens and steps (TokenRecord: one per replica, written by its worker alone, merged
// when the run ends). Memory is fixed when the run starts.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/request.hpp"
#include "reports/run.hpp"
#include "workloads/plan.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

/// Where things are recorded: the planned phases and the grid of the series.
struct RecordingGrid {
  std::vector<Phase> phases;  ///< in order, without gaps, from 0
  std::size_t tenants = 0;
  std::int64_t bin_ns = 0;
  std::size_t bins = 0;
  std::int64_t slice_ns = 0;
  std::size_t slices = 0;

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

/// At most 3,600 bins and 120 slices over the longest the run can take; widths are 1, 2 or 5 times
/// a power of ten.
RecordingGrid make_grid(const Scenario& resolved);

/// Tokens and steps of one replica, or of several merged.
class TokenRecord {
 public:
  explicit TokenRecord(const RecordingGrid& grid);

  /// A token of a request came out at `at_ns`; `gap_ns` since its previous one, or -1 for its
  /// first.
  void token(const Work& work, std::int64_t at_ns, std::int64_t gap_ns) {
    tokens(work, at_ns, 1);
    if (gap_ns >= 0) itl_[cell(work.tenant, work.phase)].record(gap_ns);
  }
  /// `count` tokens at once, without gaps to be recorded.
  void tokens(const Work& work, std::int64_t at_ns, std::int64_t count) {
    const auto n = static_cast<std::uint64_t>(count);
    produced_[cell(work.tenant, grid_->phase_at(at_ns))] += n;
    tokens_by_bin_[grid_->bin_at(at_ns)] += count;
  }
  void gaps(const Work& work, std::int64_t gap_ns, std::uint64_t count) {
    itl_[cell(work.tenant, work.phase)].record(gap_ns, count);
  }
  /// A step ran with `sequences` in its batch. Split over the phases that it touches.
  void step(std::int64_t begin_ns, std::int64_t end_ns, std::int64_t sequences);

  void merge(const TokenRecord& other);

 private:
  friend class Recorder;
  std::size_t cell(std::uint32_t tenant, std::uint32_t phase) const {
    return tenant * grid_->phases.size() + phase;
  }

  const RecordingGrid* grid_;
  std::vector<Histogram> itl_;           // by tenant and the phase of the request's due instant
  std::vector<std::uint64_t> produced_;  // by tenant and the phase in which they came out
  std::vector<std::int64_t> tokens_by_bin_;
  std::vector<std::int64_t> busy_ns_;  // by phase
  std::vector<double> batch_ns_;       // by phase
};

class Recorder {
 public:
  Recorder(const Scenario& resolved, const RecordingGrid& grid);

  void sent(const Request& request);
  /// Its first attempt was denied, or has to wait.
  void held(const Request& request);
  void admitted(const Request& request);
  void completed(const Request& request, const Completion& completion, std::int64_t now_ns);
  /// Left without its tokens.
  void rejected(const Request& request, std::int64_t now_ns);
  void expired(const Request& request, std::int64_t now_ns);
  /// The run ended at `end_ns` and this request was still undecided.
  void in_flight(const Request& request, std::int64_t end_ns);
  /// Was due before the run ended at `end_ns`, and the harness did not get to send it.
  void never_sent(const Request& request, std::int64_t end_ns);

  /// Requests of measured phases that are undecided.
  std::int64_t undecided() const { return undecided_; }
  std::int64_t in_system() const { return in_system_; }

  /// To be called before anything that happens at `now_ns` changes a gauge.
  void pass_time(std::int64_t now_ns, std::int64_t waiting, std::int64_t backlog_tokens) {
    waiting_ = waiting;
    backlog_tokens_ = backlog_tokens;
    if (now_ns >= bin_end_ns_) fill_bins(now_ns);
  }

  /// The recorded part of a Run that ended at `end_ns`: phases (cut at the end, empty ones left
  /// out), tenants, totals, series.
  Run finish(std::int64_t end_ns, const TokenRecord& tokens, std::int64_t replicas);

  /// Relative difference between the integral of requests in the system and the sum of the times
  /// that each spent there. The two are counted apart; finish() must have been called.
  double littles_law_error() const { return littles_law_error_; }

 private:
  PhaseRecord& record_of(const Request& request) {
    return records_[request.tenant * grid_.phases.size() + request.phase];
  }
  PhaseRecord& record_at(std::uint32_t tenant, std::int64_t at_ns) {
    return records_[tenant * grid_.phases.size() + grid_.phase_at(at_ns)];
  }
  enum class Counter { due, admitted, completed, rejected, expired, undecided, goodput };
  static constexpr std::size_t kCounters = 7;
  std::int64_t& count(Counter counter, std::int64_t at_ns) {
    return counters_[static_cast<std::size_t>(counter)][grid_.bin_at(at_ns)];
  }
  void fill_bin();
  void fill_bins(std::int64_t now_ns);
  void due(const Request& request, std::int64_t now_ns);
  void decided(const Request& request, std::int64_t exit_ns, std::int64_t now_ns);
  bool meets_objectives(const Request& request, const Completion& completion) const;

  RecordingGrid grid_;
  std::vector<std::string> tenant_names_;
  std::vector<Slo> slos_;
  std::vector<PhaseRecord> records_;  // by tenant and planned phase
  std::array<std::vector<std::int64_t>, kCounters> counters_;
  std::vector<std::int64_t> in_system_at_, waiting_at_, backlog_at_;  // gauges by bin
  std::vector<Histogram> ttft_slices_;
  std::size_t bin_ = 0;  // gauges are filled up to here
  std::int64_t bin_end_ns_ = 0;
  std::int64_t waiting_ = 0;  // at the last event
  std::int64_t backlog_tokens_ = 0;
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
