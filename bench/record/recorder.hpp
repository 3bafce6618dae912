#pragma once
// Puts what the loop sees of requests into the bins of a Run: per tenant and phase, and over time.
//
// What the replicas see, tokens and steps, is in their TokenRecords, merged when the run ends.
// Memory is fixed when the run starts.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bench/record/grid_cursor.hpp"
#include "bench/record/recording_grid.hpp"
#include "bench/record/request_table.hpp"
#include "bench/record/token_record.hpp"
#include "reports/record/run.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/requests/people.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class RequestLog;
class Workers;

class Recorder {
 public:
  /// With `workers`, large batches of completions are recorded by all of them. The grid must
  /// outlive the recorder.
  Recorder(const Scenario& resolved, const RecordingGrid& grid, Workers* workers = nullptr);

  /// From now on every request that is decided, or left undecided at the end, goes there too.
  void log_to(RequestLog& log) { log_ = &log; }

  /// It came from elsewhere, under this name (x-request-id): for the log.
  void named(const Request& request, std::string_view request_id) const;
  void sent(const Request& request);
  /// Its first attempt was denied, or has to wait.
  void held(const Request& request);
  /// An endpoint refused its attempt: by its own limit, or because of everybody's load. Of its
  /// first attempt that is counted; one that is denied is to be said to be held(), too.
  void refused(const Request& request, bool overloaded, std::int64_t now_ns);
  /// It was rejected and tries again.
  void retried(const Request& request, std::int64_t now_ns);
  void admitted(const Request& request);
  /// What the loop learnt at `now_ns`: of it what completed. The requests are still in the table.
  /// What completed after its tenant's deadline is recorded as expired.
  void completed(std::span<const News> batch, const RequestTable& requests, std::int64_t now_ns);
  /// What an endpoint said beside of a request that completed.
  void replied(const Request& request, const News& done, const Reply& reply);
  /// Left without its tokens.
  void rejected(const Request& request, std::int64_t now_ns);
  void expired(const Request& request, std::int64_t now_ns);
  void cancelled(const Request& request, std::int64_t now_ns);
  /// Its replica failed, or its endpoint did (and `kind` says how), and its client does not try
  /// again.
  void failed(const Request& request, std::int64_t now_ns, std::string_view kind = {});
  /// So many tokens were computed for it and lost.
  void wasted(const Request& request, std::int64_t tokens);
  bool late(const Request& request, const News& done) const {
    return done.at_ns - request.due_ns > deadlines_ns_[request.tenant];
  }
  /// The run ended at `end_ns` and this request was still undecided.
  void in_flight(const Request& request, std::int64_t end_ns);
  /// Was due before the run ended at `end_ns`, and the harness did not get to send it.
  void never_sent(const Request& request, std::int64_t end_ns);

  /// Requests of measured phases that are undecided.
  std::int64_t undecided() const { return undecided_; }
  std::int64_t in_system() const { return in_system_; }

  /// The requests that wait, and those that were rejected and will come back.
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
  /// The grid's borders are others than before.
  void borders_moved();

  /// From then on a throttle has this limit; nothing: none.
  void limit(std::size_t throttle, std::int64_t at_ns, std::optional<double> limit);

  /// Where attempts are to be counted in the phase of `now_ns`, for each throttle.
  std::span<ThrottleCounts> throttle_counts(std::int64_t now_ns);

  /// The recorded part of a Run that ended at `end_ns`: phases (cut at the end, empty ones left
  /// out), tenants, totals, series.
  Run finish(std::int64_t end_ns, const TokenRecord& tokens);

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
  /// What is recorded of each request and adds up, so that it makes no difference
  /// which lane records which request. Everything that is not a completion goes into the first
  /// lane.
  struct alignas(64) Lane {
    explicit Lane(const RecordingGrid& grid);
    std::vector<PhaseRecord> records;  // by cell
    std::vector<Histogram> ttft_slices;
    std::vector<std::int64_t> completed_by_bin, goodput_by_bin, slo_met_by_bin, expired_by_bin;
    GridCursor due, exit;
    Departures departures;  // of the batch at hand
  };
  enum class Counter {
    due,
    attempts,
    admitted,
    denied,
    overloaded,
    rejected,
    expired,
    cancelled,
    failed,
    undecided
  };
  static constexpr std::size_t kCounters = 10;
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
  void miss(const Request& request) const;
  std::optional<std::uint64_t> users_missed(std::uint32_t tenant, std::uint32_t phase) const;
  void leave_unserved(const Request& request, std::int64_t now_ns, Counter outcome);
  void record(Lane& lane, std::span<const News> part, const RequestTable& requests,
              std::int64_t now_ns) const;
  void record(Lane& lane, const Request& request, const News& done) const;
  bool meets_objectives(const Request& request, const News& completion) const;
  void log(std::span<const News> batch, const RequestTable& requests) const;
  void log_unserved(const Request& request, std::string_view outcome, std::int64_t end_ns) const;
  void merge_lanes();
  std::vector<std::int64_t> in_system_by_bin();
  Series series(std::int64_t end_ns, const TokenRecord& tokens);

  const RecordingGrid& grid_;
  bool remote_;  // nobody says when the fleet schedules what
  bool caches_prefixes_ = false;
  bool fails_;                         // requests may
  std::vector<TenantRecord> tenants_;  // without their phases, which come at the end
  std::vector<Slo> slos_;
  std::vector<std::int64_t> deadlines_ns_;  // from due; kNever: none
  std::vector<Distance> distances_;         // of each site; empty where all are at no distance
  Population population_;
  std::vector<std::size_t> first_users_;  // of each tenant, in the population
  /// By phase, a bit per user: a request of theirs met not all objectives. Lanes set bits side by
  /// side. Empty where every tenant is a single user.
  mutable std::vector<std::vector<std::uint64_t>> missed_;
  Workers* workers_;
  RequestLog* log_ = nullptr;
  std::vector<Lane> lanes_;                            // one for each worker
  std::vector<ThrottleRecord> throttles_;              // their phases come at the end
  std::vector<JobRecord> jobs_;                        // likewise
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
