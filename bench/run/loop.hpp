#pragma once
// The one loop: it owns the timeline (changes of throttles, requests that are due, retries), takes
// the earliest instant, asks the policies, hands requests to the fleet and takes completions back.
// A client may come back: that is the only way against the stream.
//
// What varies is passed in: how time passes (Clock) and who does the work (Fleet). The loop is not
// aware of threads, of wall-clock time, or of what is done with the numbers.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/fleet/router.hpp"
#include "bench/machine/clock.hpp"
#include "bench/machine/progress.hpp"
#include "bench/record/recorder.hpp"
#include "bench/record/request.hpp"
#include "bench/run/clients.hpp"
#include "bench/run/door.hpp"
#include "bench/run/jobs.hpp"
#include "bench/throttle/waiting_room.hpp"
#include "bench/wire/actions.hpp"
#include "workloads/requests/arrivals.hpp"
#include "workloads/requests/share.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What the loop is given beside where the fleet is elsewhere, endpoints (engine http); or where
/// who asks is, at a door.
struct Elsewhere {
  /// The loop's: its phases open when the event holds that divides the run, and end where sending
  /// does.
  RecordingGrid* grid = nullptr;
  /// Makes the scenario's events happen that happen elsewhere; null: it has none.
  Actions* actions = nullptr;
  /// Being stopped, the loop waits for what is in flight, unless this is set, too.
  const std::atomic<bool>* cut = nullptr;
  /// Requests come through it, and events. Whether somebody tries again who was refused is for
  /// those to say who came. The scenario has one event, a signal, which stands for the one that
  /// will divide the run.
  Door* door = nullptr;
  /// With a door: the scenario's tenants ask by themselves as well.
  bool plays_load = false;
};

/// What of RunSettings::stop_after_* was reached.
enum class Bound : std::uint8_t { requests, output_tokens };

/// Why a run ended, and what only the loop knows of it.
struct LoopOutcome {
  std::int64_t end_ns = 0;
  std::optional<std::int64_t> sent_until_ns;  ///< nothing was sent from then on; absent: to the end
  bool interrupted = false;                   ///< stopped from outside
  bool overflowed = false;                    ///< more than max_in_flight requests
  std::optional<Bound> bound;                 ///< that ended the sending
  std::string event_failure;  ///< why an event did not happen that ended the run; empty: none
  std::int64_t most_in_flight = 0;
  std::vector<LiftRecord> lifts;  ///< of the measured events, in the order in which they begin
  /// What served tenants over time, where jobs yield replicas: else it is as it was planned.
  std::vector<ServingSpan> served;
};

/// An event as it is planned.
LiftRecord planned_lift(const Scenario& scenario, const Event& event);

class Loop {
 public:
  /// `scenario` must be resolved. All references must outlive the loop. `stop` ends the run early.
  /// `elsewhere`: on remote engines, or with a door. `share`: what it plays of the scenario's
  /// requests, where several processes play it together.
  Loop(const Scenario& scenario, const RecordingGrid& grid, Clock& clock, Fleet& fleet,
       Recorder& recorder, ProgressBoard& board, const std::atomic<bool>& stop,
       const std::optional<Elsewhere>& elsewhere = std::nullopt, Share share = {});

  /// Runs the scenario from time 0 until every measured request is decided. With a door what is
  /// measured begins with the first request that is due, and ends when the last one is decided.
  LoopOutcome run();

  // While it runs, for who looks at it:

  const std::vector<Gate>& gates() const { return room_.gates(); }
  bool has_begun() const { return measured_from_ns_.has_value(); }
  /// The outcome if it ended now. `copy`, of its recorder, is told of what is in flight.
  LoopOutcome so_far(Recorder& copy) const;

 private:
  /// At one instant changes come first.
  enum class Kind : std::uint8_t {
    mark,
    replicas,
    job_border,
    job_look,
    change,
    action,
    arrival,
    planned,
    retry
  };
  struct Timed {
    std::int64_t at_ns;
    Kind kind;
    std::uint32_t index;  // of the lift, change, job, event, tenant, planned request, or request
    bool operator>(const Timed& other) const {
      if (at_ns != other.at_ns) return at_ns > other.at_ns;
      if (kind != other.kind) return kind > other.kind;
      return index > other.index;
    }
  };

  /// How a request leaves that its fleet did not serve.
  struct Exit {
    Verdict verdict = Verdict::rejected;
    std::string_view failure = {};  // how its endpoint failed
    std::int64_t accepted_ns = -1;  // ... after it had accepted it
  };

  Recorder::Gauges gauges() const;
  void pass_time();
  void count_in_phase();
  void show_progress();
  bool finished() const;

  void schedule_arrival(std::uint32_t tenant);
  void schedule_request(const PlannedRequest& planned);
  PlannedRequest take_planned(std::uint32_t place);
  void fire();
  void change(std::size_t first);
  void change_replicas(std::size_t first);
  void change_replica(const ReplicaChange& change);
  void schedule_jobs();
  JobNeed need_of(const Job& job) const;
  void look_at_need(std::uint32_t job);
  void take_back(std::uint32_t job);
  void hand_over(std::uint32_t job);
  void note_serving();
  void schedule_measured();
  void plan_lift(std::uint32_t number, const Event& event);
  void schedule_changes(std::size_t first_change, std::size_t first_replica_change);
  void find_next_change();
  std::int64_t replicas_changed_by(std::size_t event) const;
  void note_lift(std::size_t lift);
  std::int64_t routed_tokens() const;
  void note_limits(std::int64_t at_ns);
  void note_release(const Request& request);
  void schedule_actions();
  void follow_actions();
  void begin_action(std::uint32_t event, std::int64_t at_ns);
  void change_at_signal(std::uint32_t event, std::int64_t signalled_ns);
  void plan_anew(std::vector<Change> changes, std::vector<ReplicaChange> replica_changes);
  void event_holds(std::uint32_t event, std::int64_t begun_ns, std::int64_t at_ns);
  void open_phases();
  void borders_moved();

  void arrive(std::uint32_t tenant);
  void begin_planned(const PlannedRequest& planned);
  void fill_in(Request& request, std::uint32_t tenant, const Arrival& arrival) const;
  RequestId begin(std::uint32_t tenant, const Arrival& arrival, bool called = false);
  void note_prefix(RequestId id, Prefix prefix);
  void attempt(RequestId id);
  void refuse(RequestId id, const Decision& decision, const Exit& at_last);
  void retry(RequestId id, std::int64_t at_ns);
  void leave_unserved(RequestId id, const Exit& exit, const Decision* decision = nullptr);
  void ask_on(RequestId id, bool served, std::int64_t reply_ns);
  Patience patience_of(RequestId id) const;

  void release_waiters(std::int64_t until_ns);
  void admit(RequestId id);
  void dispatch(RequestId id);
  void dispatch_waiting();
  void give_up_routing(std::int64_t until_ns);
  const Prefix* prefix_of(RequestId id) const;
  void submit(RequestId id, std::uint32_t replica);
  void collect();
  void complete(const News& done);
  void depart(const News& done);
  void lose(const News& news);
  void close();

  // With a door:
  /// A request came through it.
  bool is_called(RequestId id) const { return door_ != nullptr && called_[id]; }
  void answer_door();
  void show_door();
  void hang_up(RequestId id);
  void leave_hung_up(const News& gone);
  void tell_door_of_exit(RequestId id, const Exit& exit, const Decision* decision);
  void replan_events(const Replan& replan);
  void begin_measuring(std::int64_t due_ns);
  std::int64_t measured_until_ns() const;
  void close_door();

  // Where the fleet is elsewhere:
  void hear();
  void begin_reply(const News& news);
  void end_reply(const News& done);
  void note_cached(RequestId id, std::int32_t cached_tokens);
  std::int64_t accepted_ns(RequestId id) const;
  void settle_attempt(RequestId id, std::int64_t output_tokens, std::int64_t ttft_ns);
  void turn_away(const News& news);
  void give_up_attempt(const News& news);
  bool reaches_bound();
  void end_sending();
  std::int64_t in_fleet() const;
  void drain();

  const Scenario& scenario_;
  const RecordingGrid& grid_;
  Clock& clock_;
  Fleet& fleet_;
  Recorder& recorder_;
  ProgressBoard& board_;
  const std::atomic<bool>& stop_;
  std::optional<Elsewhere> elsewhere_;
  Door* door_;       // null: the scenario's tenants ask
  bool plays_load_;  // they do, whether there is a door or not
  bool remote_;
  bool bounded_;  // by RunSettings::stop_after_*

  RequestTable requests_;
  WaitingRoom room_;
  Clients clients_;
  Router router_;
  std::vector<Change> changes_;
  std::size_t next_change_ = 0;
  std::vector<ReplicaChange> replica_changes_;
  std::size_t next_replica_change_ = 0;
  std::int64_t next_change_ns_ = kNever;  // of both
  Jobs jobs_;
  // Of those that wait for the router, where they may have to wait for a replica to come.
  bool routing_ends_;
  std::set<std::pair<std::int64_t, RequestId>> routed_until_;
  std::unordered_map<RequestId, Progress> moved_;  // until they are submitted once more
  bool answers_matter_;
  std::vector<Arrival> pending_;  // by tenant: its next arrival
  std::priority_queue<Timed, std::vector<Timed>, std::greater<>> timeline_;
  std::vector<PlannedRequest> planned_;  // those to come, and free places
  std::vector<std::uint32_t> free_planned_;
  struct KnownPrefix {
    Prefix prefix;
    std::int32_t cached_tokens = 0;  // as far as the fleet has said
  };
  bool uses_prefixes_;
  bool announces_;
  std::deque<KnownPrefix> prefixes_;  // by request; only if they are used. Elements never move
  std::int64_t backoff_requests_ = 0;
  std::int64_t backoff_tokens_ = 0;
  std::vector<std::size_t> measured_events_;  // as LoopOutcome::lifts
  std::optional<std::size_t>
      throttle_lift_;                  // of these the first that changes a throttle and was reached
  bool adapts_;                        // a throttle whose limit moves by itself
  std::int64_t counted_until_ns_ = 0;  // attempts at the throttles go into the phase before that
  std::deque<std::uint32_t> await_signal_;  // events, in their order
  std::unique_ptr<Scenario> stated_;        // with the instants of those that signals have begun
  std::int64_t got_tokens_ = 0;             // of requests that have ended, by remote fleets
  std::vector<std::int64_t> accepted_ns_;   // by request: its attempt, by an endpoint; or negative
  bool draining_ = false;                   // nothing more is sent, or taken in
  // With a door:
  std::vector<bool> called_;               // by request
  std::unordered_set<RequestId> hung_up_;  // their replicas are still to give them up
  std::vector<std::uint32_t> replica_of_;  // by request
  std::vector<std::int64_t> serving_;      // replicas, by site
  std::optional<std::int64_t> measured_from_ns_;
  std::int64_t last_decided_ns_ = 0;
  std::int64_t now_ns_ = 0;
  std::int64_t send_until_ns_ = 0;
  std::int64_t hard_end_ns_ = 0;
  LoopOutcome outcome_;
};

}  // namespace tokenlift
