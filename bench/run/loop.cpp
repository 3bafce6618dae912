#include "bench/run/loop.hpp"

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

namespace {

/// As it is planned; not reached yet.
LiftRecord planned_lift(const Scenario& scenario, const Event& event) {
  LiftRecord lift;
  lift.throttle = event.throttle;
  lift.kind = name_of(event.kind);
  lift.planned_ns = begin_ns(scenario, event);
  lift.length_ns = end_ns(scenario, event) - lift.planned_ns;
  lift.site = event.site;
  return lift;
}

/// Of the blocks that name a tenant's prompts.
std::int32_t block_tokens(const Tenant& tenant) {
  const std::optional<Trace>& trace = tenant.arrivals.trace;
  return trace ? static_cast<std::int32_t>(trace->block_tokens) : kBlockTokens;
}

constexpr std::int64_t kMostNeverSent = 10'000'000;
constexpr std::size_t kPrefetchAhead = 16;

/// Adds to a number that only this thread writes: no need for an atomic read-modify-write.
void add(std::atomic<std::int64_t>& number, std::int64_t value) {
  number.store(number.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

}  // namespace

Loop::Loop(const Scenario& scenario, const RecordingGrid& grid, Clock& clock, Fleet& fleet,
           Recorder& recorder, ProgressBoard& board, const std::atomic<bool>& stop)
    : scenario_(scenario),
      grid_(grid),
      clock_(clock),
      fleet_(fleet),
      recorder_(recorder),
      board_(board),
      stop_(stop),
      room_(scenario, requests_, recorder.throttle_counts(0)),
      clients_(scenario),
      router_(router_of(scenario)),
      changes_(plan_changes(scenario)),
      replica_changes_(plan_fleet(scenario)),
      routing_ends_(fleet_changes(scenario) || scenario.fleet.router == RouterPolicy::spill),
      answers_matter_(clients_.answers_matter()),
      pending_(scenario.tenants.size()),
      uses_prefixes_(scenario.fleet.router == RouterPolicy::session_affinity ||
                     prefix_cache_tokens(scenario) > 0),
      announces_(uses_prefixes_ && room_.exempts_cached()),
      measured_events_(measured_events(scenario)),
      adapts_(std::ranges::any_of(scenario.throttles,
                                  [](const Throttle& t) { return traits_of(t.kind).is_adaptive; })),
      hard_end_ns_(scenario.run.duration_ns + scenario.run.cooldown_max_ns) {
  for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) schedule_arrival(i);
  clients_.for_each_first([this](const PlannedRequest& planned) { schedule_request(planned); });
  const std::vector<bool> serving = serving_at_start(scenario);
  // From the last one on: so that the others stay in their order.
  for (std::size_t i = serving.size(); i > 0; --i) {
    if (!serving[i - 1]) router_.leave(static_cast<std::uint32_t>(i - 1));
  }
  schedule_changes();
  note_limits(0);
}

void Loop::schedule_changes() {
  // One entry for all changes of an instant.
  for (std::uint32_t i = 0; i < changes_.size(); ++i) {
    if (i > 0 && changes_[i].at_ns == changes_[i - 1].at_ns) continue;
    timeline_.push({changes_[i].at_ns, Kind::change, i});
  }
  for (std::uint32_t i = 0; i < replica_changes_.size(); ++i) {
    if (i > 0 && replica_changes_[i].at_ns == replica_changes_[i - 1].at_ns) continue;
    timeline_.push({replica_changes_[i].at_ns, Kind::replicas, i});
  }
  find_next_change();
  std::ranges::stable_sort(measured_events_, {}, [this](std::size_t event) {
    return begin_ns(scenario_, scenario_.events[event]);
  });
  for (std::uint32_t i = 0; i < measured_events_.size(); ++i) {
    const Event& event = scenario_.events[measured_events_[i]];
    outcome_.lifts.push_back(planned_lift(scenario_, event));
    if (!changes_fleet(event)) continue;
    outcome_.lifts[i].replicas = replicas_changed_by(measured_events_[i]);
    if (!event.taken_out) {
      timeline_.push({outcome_.lifts[i].planned_ns, Kind::mark, i});
    }
  }
}

LoopOutcome Loop::run() {
  while (!finished()) {
    const std::int64_t next_ns =
        std::min({timeline_.empty() ? kNever : timeline_.top().at_ns, room_.next_event_ns(),
                  fleet_.next_event_ns(), hard_end_ns_,
                  // The end is an instant to be awake at, even when nothing else happens then.
                  now_ns_ < scenario_.run.duration_ns ? scenario_.run.duration_ns : kNever});
    now_ns_ = clock_.wait(routed_until_.empty() ? next_ns
                                                : std::min(next_ns, routed_until_.begin()->first));
    pass_time();
    release_waiters(now_ns_ - 1);  // those due before the clock woke up, as of then
    collect();
    release_waiters(now_ns_);
    give_up_routing(now_ns_);
    if (!timeline_.empty() && timeline_.top().at_ns <= now_ns_) {
      fire();
      collect();
      release_waiters(now_ns_);
    }
    show_progress();
    if (requests_.size() > static_cast<std::size_t>(scenario_.run.max_in_flight)) {
      outcome_.overflowed = true;
      break;
    }
    if (stop_.load(std::memory_order_relaxed)) {
      outcome_.interrupted = true;
      break;
    }
  }
  close();
  return outcome_;
}

void Loop::pass_time() {
  // As of the end of the bin: nothing has happened since, and when the loop happens to be awake
  // next depends on how time is passed.
  if (adapts_ && now_ns_ >= recorder_.bin_end_ns()) note_limits(recorder_.bin_end_ns());
  recorder_.pass_time(now_ns_, gauges());
  if (now_ns_ < counted_until_ns_) return;
  const std::uint32_t phase = grid_.phase_at(now_ns_);
  counted_until_ns_ = phase + 1 < grid_.phases.size() ? grid_.phases[phase].end_ns : kNever;
  room_.count_in(recorder_.throttle_counts(now_ns_));
}

Recorder::Gauges Loop::gauges() const {
  return {static_cast<std::int64_t>(room_.waiting()), room_.backlog_tokens(), backoff_requests_,
          room_.waiting_by_tenant()};
}

void Loop::show_progress() {
  board_.now_ns.store(now_ns_, std::memory_order_relaxed);
  board_.in_system.store(recorder_.in_system(), std::memory_order_relaxed);
  board_.waiting.store(static_cast<std::int64_t>(room_.waiting()), std::memory_order_relaxed);
}

bool Loop::finished() const {
  if (now_ns_ >= hard_end_ns_) return true;
  if (now_ns_ < scenario_.run.duration_ns) return false;
  const bool all_sent = timeline_.empty() || timeline_.top().at_ns >= scenario_.run.duration_ns;
  return all_sent && recorder_.undecided() == 0;
}

// ------------------------------------------------------------------------------- what is to come

void Loop::schedule_arrival(std::uint32_t tenant) {
  const std::optional<Arrival> arrival = clients_.next_arrival(tenant);
  if (!arrival) return;
  pending_[tenant] = *arrival;
  timeline_.push({arrival->due_ns, Kind::arrival, tenant});
}

void Loop::schedule_request(const PlannedRequest& planned) {
  if (free_planned_.empty()) {
    free_planned_.push_back(static_cast<std::uint32_t>(planned_.size()));
    planned_.emplace_back();
  }
  const std::uint32_t place = free_planned_.back();
  free_planned_.pop_back();
  planned_[place] = planned;
  timeline_.push({planned.arrival.due_ns, Kind::planned, place});
}

PlannedRequest Loop::take_planned(std::uint32_t place) {
  free_planned_.push_back(place);
  return planned_[place];
}

void Loop::fire() {
  const Timed timed = timeline_.top();
  timeline_.pop();
  switch (timed.kind) {
    case Kind::mark:
      note_lift(timed.index);
      break;
    case Kind::replicas:
      change_replicas(timed.index);
      break;
    case Kind::change:
      change(timed.index);
      break;
    case Kind::arrival:
      arrive(timed.index);
      break;
    case Kind::planned:
      begin_planned(take_planned(timed.index));
      break;
    case Kind::retry:
      retry(timed.index, timed.at_ns);
      break;
  }
}

/// All changes of one instant, before anybody looks at the waiters.
void Loop::change(std::size_t first) {
  std::size_t end = first;
  for (; end < changes_.size() && changes_[end].at_ns == changes_[first].at_ns; ++end) {
    if (!changes_[end].event) continue;
    const auto measured = std::ranges::find(measured_events_, *changes_[end].event);
    if (measured == measured_events_.end()) continue;
    const auto lift = static_cast<std::size_t>(measured - measured_events_.begin());
    note_lift(lift);
    if (throttle_lift_) continue;
    throttle_lift_ = lift;
    room_.remember(changes_[end].throttle);
  }
  room_.apply(now_ns_, std::span(changes_).subspan(first, end - first));
  next_change_ = end;
  find_next_change();
  note_limits(now_ns_);
}

/// Each once, also where it changes and changes back.
std::int64_t Loop::replicas_changed_by(std::size_t event) const {
  std::set<std::uint32_t> replicas;
  for (const ReplicaChange& change : replica_changes_) {
    if (change.event == event) replicas.insert(change.replica);
  }
  return std::ssize(replicas);
}

void Loop::find_next_change() {
  next_change_ns_ = kNever;
  if (next_change_ < changes_.size()) next_change_ns_ = changes_[next_change_].at_ns;
  if (next_replica_change_ < replica_changes_.size()) {
    next_change_ns_ = std::min(next_change_ns_, replica_changes_[next_replica_change_].at_ns);
  }
}

/// All changes of one instant, before those that wait for a replica are looked at.
void Loop::change_replicas(std::size_t first) {
  std::size_t end = first;
  for (; end < replica_changes_.size() &&
         replica_changes_[end].at_ns == replica_changes_[first].at_ns;
       ++end) {
    const ReplicaChange& change = replica_changes_[end];
    fleet_.apply(change, now_ns_);
    if (change.kind == ReplicaChange::Kind::serve) router_.serve(change.replica);
    if (change.kind == ReplicaChange::Kind::leave || change.kind == ReplicaChange::Kind::fail) {
      router_.leave(change.replica);
    }
  }
  next_replica_change_ = end;
  find_next_change();
  dispatch_waiting();
}

void Loop::note_lift(std::size_t number) {
  LiftRecord& lift = outcome_.lifts[number];
  lift.at_ns = now_ns_;
  lift.waiting_requests = static_cast<std::int64_t>(room_.waiting());
  lift.backlog_tokens = room_.backlog_tokens();
  // What waits in the fleet stands in the way of its own capacity, and of no throttle.
  if (!lift.site.empty()) lift.backlog_tokens += fleet_.queued_tokens(now_ns_) + routed_tokens();
  lift.backoff_requests = backoff_requests_;
  lift.backoff_tokens = backoff_tokens_;
}

/// Output tokens of those that wait for a replica.
std::int64_t Loop::routed_tokens() const {
  std::int64_t sum = 0;
  router_.for_each_waiting([&](RequestId id) { sum += requests_[id].output_tokens; });
  return sum;
}

void Loop::note_limits(std::int64_t at_ns) {
  for (std::size_t i = 0; i < room_.gates().size(); ++i) {
    recorder_.limit(i, at_ns, room_.gates()[i].limit());
  }
}

/// Somebody was let through after the lift: how late that was, and whether it is news.
void Loop::note_release(const Request& request) {
  LiftRecord& lift = outcome_.lifts[*throttle_lift_];
  const bool waited = request.sent_ns < *lift.at_ns;
  const bool unlocks = !lift.unlock_ns && room_.unlocked();
  if (!waited && !unlocks) return;
  const std::int64_t now_ns = clock_.now_ns();
  if (unlocks) lift.unlock_ns = std::max<std::int64_t>(now_ns - *lift.at_ns, 0);
  if (waited) {
    lift.release_lag_ns = std::max(lift.release_lag_ns.value_or(0), now_ns - request.admitted_ns);
  }
}

// ------------------------------------------------------------------------------ what clients do

void Loop::arrive(std::uint32_t tenant) {
  const RequestId id = begin(tenant, pending_[tenant]);
  if (uses_prefixes_) {
    note_prefix(id, {clients_.conversation(tenant, requests_[id].number), 0,
                     clients_.blocks(tenant), block_tokens(scenario_.tenants[tenant])});
  }
  schedule_arrival(tenant);
  attempt(id);
}

void Loop::begin_planned(const PlannedRequest& planned) {
  const RequestId id = begin(planned.tenant, planned.arrival);
  if (uses_prefixes_) {
    note_prefix(id, {clients_.conversation(planned.tenant, planned.arrival.number),
                     static_cast<std::int32_t>(planned.known_tokens),
                     clients_.blocks(planned.tenant, planned.arrival.number),
                     block_tokens(scenario_.tenants[planned.tenant])});
  }
  attempt(id);
}

void Loop::fill_in(Request& request, std::uint32_t tenant, const Arrival& arrival) const {
  request.due_ns = arrival.due_ns;
  request.sent_ns = now_ns_;
  request.prompt_tokens = static_cast<std::int32_t>(arrival.prompt_tokens);
  request.output_tokens = static_cast<std::int32_t>(arrival.output_tokens);
  request.max_tokens = static_cast<std::int32_t>(scenario_.tenants[tenant].max_tokens);
  request.number = arrival.number & Request::kMostNumber;
  request.tenant = static_cast<std::uint16_t>(tenant);
  request.phase = grid_.phase_at(request.due_ns) & 0xf;
}

/// A request is due, and sent.
RequestId Loop::begin(std::uint32_t tenant, const Arrival& arrival) {
  // In its place: copying what was just written field by field stalls the CPU.
  const RequestId id = requests_.add({});
  fill_in(requests_[id], tenant, arrival);
  outcome_.most_in_flight =
      std::max(outcome_.most_in_flight, static_cast<std::int64_t>(requests_.size()));
  clients_.count_first_attempt(tenant);
  recorder_.sent(requests_[id]);
  add(board_.sent, 1);
  return id;
}

void Loop::note_prefix(RequestId id, Prefix prefix) {
  if (prefixes_.size() <= id) prefixes_.resize(id + std::size_t{1});
  prefixes_[id] = {std::move(prefix), 0};
}

void Loop::attempt(RequestId id) {
  const bool first = requests_[id].attempts == 1;
  const Decision decision = room_.arrive(now_ns_, id, clients_.patience(requests_[id]));
  if (decision.verdict == Verdict::admitted) {
    admit(id);
    return;
  }
  if (first) recorder_.held(requests_[id]);
  if (decision.verdict == Verdict::rejected) refuse(id, decision);
}

/// The client tries again, sooner or later, or gives up at once.
void Loop::refuse(RequestId id, const Decision& decision, Verdict at_last) {
  Request& request = requests_[id];
  const auto retry_at_ns = clients_.retry_at_ns(now_ns_, request, decision);
  if (!retry_at_ns) {
    leave_unserved(id, at_last);
    return;
  }
  ++backoff_requests_;
  backoff_tokens_ += request.output_tokens;
  timeline_.push({std::min(*retry_at_ns, clients_.patience(request).until_ns), Kind::retry, id});
}

void Loop::retry(RequestId id, std::int64_t at_ns) {
  Request& request = requests_[id];
  --backoff_requests_;
  backoff_tokens_ -= request.output_tokens;
  const Patience patience = clients_.patience(request);
  if (at_ns >= patience.until_ns) {
    clients_.take_back_retry(static_cast<std::uint32_t>(request.tenant));
    leave_unserved(id, patience.then);
    return;
  }
  request.attempts = (request.attempts + 1) & 0xff;
  recorder_.retried(request, now_ns_);
  attempt(id);
}

void Loop::leave_unserved(RequestId id, Verdict verdict) {
  const Request& request = requests_[id];
  if (verdict == Verdict::rejected) recorder_.rejected(request, now_ns_);
  if (verdict == Verdict::expired) recorder_.expired(request, now_ns_);
  if (verdict == Verdict::cancelled) recorder_.cancelled(request, now_ns_);
  if (verdict == Verdict::failed) recorder_.failed(request, now_ns_);
  ask_on(request, /*served=*/false, now_ns_);
  requests_.remove(id);
}

void Loop::ask_on(const Request& request, bool served, std::int64_t reply_ns) {
  if (!answers_matter_) return;
  if (const auto next = clients_.follow_up(request, served, reply_ns)) schedule_request(*next);
}

// --------------------------------------------------------------------- what throttles let through

void Loop::release_waiters(std::int64_t until_ns) {
  // A change comes before what waiters do at its instant, also when both are seen late.
  until_ns = std::min(until_ns, next_change_ns_ - 1);
  if (room_.next_event_ns() > until_ns) return;
  while (const auto released = room_.release(until_ns)) {
    switch (released->decision.verdict) {
      case Verdict::admitted:
        admit(released->id);
        break;
      case Verdict::rejected:
        refuse(released->id, released->decision);
        break;
      default:
        leave_unserved(released->id, released->decision.verdict);
    }
  }
}

void Loop::admit(RequestId id) {
  const Request& request = requests_[id];
  recorder_.admitted(request);
  if (throttle_lift_) note_release(request);
  dispatch(id);
}

/// To a replica; or it waits for one, as long as its client does where that may take long.
void Loop::dispatch(RequestId id) {
  const Request& request = requests_[id];
  if (const auto replica = router_.route(id, request.tenant, request.number, prefix_of(id))) {
    submit(id, *replica);
  } else if (routing_ends_) {
    const std::int64_t until_ns = clients_.patience(request).until_ns;
    if (until_ns != kNever) routed_until_.emplace(until_ns, id);
  }
}

void Loop::dispatch_waiting() {
  while (const auto next = router_.next()) {
    if (routing_ends_) {
      routed_until_.erase({clients_.patience(requests_[next->id]).until_ns, next->id});
    }
    submit(next->id, next->replica);
  }
}

/// Those leave who have waited for a replica for as long as they do.
void Loop::give_up_routing(std::int64_t until_ns) {
  while (!routed_until_.empty() && routed_until_.begin()->first <= until_ns) {
    const RequestId id = routed_until_.begin()->second;
    routed_until_.erase(routed_until_.begin());
    const Request& request = requests_[id];
    const bool waited = router_.drop(id, static_cast<std::uint32_t>(request.tenant));
    assert(waited && "who is dispatched is struck off");
    static_cast<void>(waited);
    const auto moved = moved_.extract(id);  // it had begun elsewhere
    const std::int64_t output_tokens = moved ? moved.mapped().emitted_tokens : 0;
    const std::int32_t cached_tokens = announces_ ? prefixes_[id].cached_tokens : 0;
    room_.settle(now_ns_, id, Service{output_tokens, cached_tokens});
    leave_unserved(id, clients_.patience(request).then);
  }
}

/// Nothing where there is none, or nobody looks at it.
const Prefix* Loop::prefix_of(RequestId id) const {
  if (!uses_prefixes_) return nullptr;
  const Prefix& prefix = prefixes_[id].prefix;
  return prefix.conversation != 0 || !prefix.blocks.empty() ? &prefix : nullptr;
}

void Loop::submit(RequestId id, std::uint32_t replica) {
  const Request& request = requests_[id];
  const Prefix* const prefix = prefix_of(id);
  Work work{id,
            request.prompt_tokens,
            request.output_tokens,
            request.number,
            static_cast<std::uint32_t>(request.tenant),
            grid_.cell(request.tenant, request.phase),
            prefix,
            announces_ && prefix != nullptr};
  if (moved_.empty()) {
    fleet_.submit(work, replica, now_ns_);
    return;
  }
  const auto moved = moved_.extract(id);
  // One that had not been scheduled is as if it came for the first time.
  if (moved && moved.mapped().scheduled_ns >= 0) {
    work.progress = &moved.mapped();
    work.announce = false;
  }
  fleet_.submit(work, replica, now_ns_);
}

// ------------------------------------------------------------------------- what the fleet reports

void Loop::collect() {
  const std::span<const News> all = fleet_.advance(now_ns_);
  recorder_.completed(all, requests_, now_ns_);
  for (std::size_t i = 0; i < all.size(); ++i) {
    // Whoever recorded them in parallel has them in its cache.
    if (i + kPrefetchAhead < all.size()) requests_.prefetch(all[i + kPrefetchAhead].id);
    const News& news = all[i];
    switch (news.kind) {
      case NewsKind::completed:
        complete(news);
        break;
      case NewsKind::started:
        prefixes_[news.id].cached_tokens = news.count;
        room_.scheduled(now_ns_, news.id, news.count);
        break;
      case NewsKind::failed:
      case NewsKind::returned:
        lose(news);
        break;
      case NewsKind::refused:
        assert(false && "no fleet here refuses what it was given");
        break;
    }
  }
}

/// Its replica is gone. It goes to another one, or back to its client.
void Loop::lose(const News& news) {
  Request& request = requests_[news.id];
  recorder_.wasted(request, news.count);
  router_.finished(news.replica);
  if (news.kind == NewsKind::returned) {
    moved_[news.id] = fleet_.progress(news.id);
    dispatch(news.id);
    return;
  }
  const std::int32_t cached_tokens = announces_ ? prefixes_[news.id].cached_tokens : 0;
  room_.settle(now_ns_, news.id, Service{news.count, cached_tokens});
  if (announces_) prefixes_[news.id].cached_tokens = 0;  // its next attempt is another one
  request.admitted_ns = -1;
  refuse(news.id, Decision{Verdict::rejected, std::nullopt, false}, Verdict::failed);
}

void Loop::complete(const News& done) {
  const Request& request = requests_[done.id];
  const std::int64_t ttft_ns = done.first_token_ns - request.admitted_ns;
  const std::int32_t cached_tokens = announces_ ? prefixes_[done.id].cached_tokens : 0;
  room_.settle(now_ns_, done.id, Service{request.output_tokens, cached_tokens, ttft_ns});
  add(board_.completed, 1);
  add(board_.completed_tokens, request.output_tokens);
  // With load reports clients learn of their answers with them, else at once.
  const std::int64_t reply_ns = scenario_.fleet.load_report_interval_ns > 0 ? now_ns_ : done.at_ns;
  ask_on(request, !recorder_.late(request, done), reply_ns);
  requests_.remove(done.id);
  router_.finished(done.replica);
  dispatch_waiting();
}

void Loop::close() {
  outcome_.end_ns = now_ns_;
  // The bin that the end cuts short has what is left after the last instant's events.
  recorder_.pass_time(now_ns_, gauges());
  requests_.for_each([this](const Request& request) { recorder_.in_flight(request, now_ns_); });
  // What was due and never sent counts against the harness. After the measured part nobody counts,
  // and far enough behind it makes no difference how far.
  const std::int64_t due_until_ns = std::min(now_ns_ + 1, scenario_.run.duration_ns);
  std::int64_t most = kMostNeverSent;
  while (!timeline_.empty() && timeline_.top().at_ns < due_until_ns && most-- > 0) {
    const Timed timed = timeline_.top();
    timeline_.pop();
    Request request;
    if (timed.kind == Kind::arrival) {
      fill_in(request, timed.index, pending_[timed.index]);
      schedule_arrival(timed.index);
    } else if (timed.kind == Kind::planned) {
      fill_in(request, planned_[timed.index].tenant, planned_[timed.index].arrival);
    } else {
      continue;  // a change is no request, and a retry has been counted
    }
    recorder_.never_sent(request, now_ns_);
  }
}

}  // namespace tokenlift
