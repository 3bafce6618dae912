#pragma once
// The one loop: it owns the timeline (arrivals and events of the scenario), takes the earliest
// instant, asks the policies, hands requests to the fleet and takes completions back.
//
// What varies is passed in: how time passes (Clock) and who does the work (Fleet). The loop is not
// aware of threads, of wall-clock time, or of what is done with the numbers.

#include <atomic>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "bench/clock.hpp"
#include "bench/fleet.hpp"
#include "bench/progress.hpp"
#include "bench/recorder.hpp"
#include "bench/request.hpp"
#include "bench/router.hpp"
#include "bench/waiting_room.hpp"
#include "workloads/arrivals.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

/// Why a run ended, and what only the loop knows of it.
struct LoopOutcome {
  std::int64_t end_ns = 0;
  bool interrupted = false;  ///< stopped from outside
  bool overflowed = false;   ///< more than max_in_flight requests
  std::int64_t most_in_flight = 0;
  std::optional<LiftRecord> lift;
};

class Loop {
 public:
  /// `scenario` must be resolved. All references must outlive the loop. `stop` ends the run early.
  Loop(const Scenario& scenario, const RecordingGrid& grid, Clock& clock, Fleet& fleet,
       Recorder& recorder, ProgressBoard& board, const std::atomic<bool>& stop);

  /// Runs the scenario from time 0 until every measured request is decided.
  LoopOutcome run();

 private:
  enum class Kind : std::uint8_t { event, arrival };  // at one instant, events come first
  struct Timed {
    std::int64_t at_ns;
    Kind kind;
    std::uint32_t index;  // of the event, or of the tenant
    bool operator>(const Timed& other) const {
      if (at_ns != other.at_ns) return at_ns > other.at_ns;
      if (kind != other.kind) return kind > other.kind;
      return index > other.index;
    }
  };
  struct TenantState {
    ArrivalSource source;
    Arrival pending;
    std::uint64_t number;  // of the pending arrival
    std::int64_t max_tokens;
  };

  void show_progress();
  bool finished() const;
  void schedule_arrival(std::uint32_t tenant);
  void fill_in(Request& request, std::uint32_t tenant) const;
  void fire();
  void arrive(std::uint32_t tenant);
  void apply(const Event& event, bool measured);
  void release_waiters();
  void admit(RequestId id);
  void submit(RequestId id, std::uint32_t replica);
  void collect();
  void close();

  const Scenario& scenario_;
  const RecordingGrid& grid_;
  Clock& clock_;
  Fleet& fleet_;
  Recorder& recorder_;
  ProgressBoard& board_;
  const std::atomic<bool>& stop_;

  RequestTable requests_;
  WaitingRoom room_;
  Router router_;
  std::vector<TenantState> tenants_;
  std::priority_queue<Timed, std::vector<Timed>, std::greater<>> timeline_;
  std::optional<std::size_t> measured_event_;
  std::int64_t now_ns_ = 0;
  std::int64_t hard_end_ns_ = 0;
  LoopOutcome outcome_;
};

}  // namespace tokenlift
