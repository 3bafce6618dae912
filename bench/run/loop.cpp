#include "bench/run/loop.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <span>
#include <utility>

#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

namespace {

/// Of the blocks that name a tenant's prompts.
std::int32_t block_tokens(const Tenant& tenant) {
  const std::optional<Trace>& trace = tenant.arrivals.trace;
  return trace ? static_cast<std::int32_t>(trace->block_tokens) : kBlockTokens;
}

/// By conversation, or as a trace names their blocks.
bool prompts_begin_alike(const Scenario& scenario) {
  return std::ranges::any_of(scenario.tenants, [](const Tenant& tenant) {
    return tenant.sessions.has_value() || tenant.arrivals.trace.has_value();
  });
}

constexpr std::size_t kNoEvent = std::numeric_limits<std::size_t>::max();
constexpr std::int64_t kMostNeverSent = 10'000'000;
constexpr std::size_t kPrefetchAhead = 16;

/// Adds to a number that only this thread writes: no need for an atomic read-modify-write.
void add(std::atomic<std::int64_t>& number, std::int64_t value) {
  number.store(number.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

}  // namespace

Loop::Loop(const Scenario& scenario, const RecordingGrid& grid, Clock& clock, Fleet& fleet,
           Recorder& recorder, ProgressBoard& board, const std::atomic<bool>& stop,
           const std::optional<Elsewhere>& elsewhere, Share share)
    : scenario_(scenario),
      grid_(grid),
      clock_(clock),
      fleet_(fleet),
      recorder_(recorder),
      board_(board),
      stop_(stop),
      elsewhere_(elsewhere),
      door_(elsewhere ? elsewhere->door : nullptr),
      plays_load_(door_ == nullptr || elsewhere->plays_load),
      remote_(traits_of(scenario.run.engine).remote),
      bounded_(remote_ &&
               (scenario.run.stop_after_requests || scenario.run.stop_after_output_tokens)),
      room_(scenario, requests_, recorder.throttle_counts(0)),
      clients_(scenario, share),
      router_(router_of(scenario)),
      changes_(plan_changes(scenario)),
      replica_changes_(plan_fleet(scenario)),
      jobs_(scenario),
      routing_ends_(door_ != nullptr || fleet_changes(scenario) || !scenario.jobs.empty() ||
                    scenario.fleet.router == RouterPolicy::spill),
      answers_matter_(plays_load_ && clients_.answers_matter()),
      pending_(scenario.tenants.size()),
      // Whose prompts begin alike is known of tenants that ask by themselves.
      uses_prefixes_(plays_load_ &&
                     (scenario.fleet.router == RouterPolicy::session_affinity ||
                      prefix_cache_tokens(scenario) > 0 ||
                      (remote_ && (room_.exempts_cached() || prompts_begin_alike(scenario))))),
      announces_(uses_prefixes_ && room_.exempts_cached()),
      measured_events_(measured_events(scenario)),
      adapts_(std::ranges::any_of(scenario.throttles,
                                  [](const Throttle& t) { return traits_of(t.kind).is_adaptive; })),
      send_until_ns_(scenario.run.duration_ns),
      hard_end_ns_(scenario.run.duration_ns + scenario.run.cooldown_max_ns) {
  assert((remote_ || door_ != nullptr) == elsewhere.has_value());
  if (plays_load_) {
    for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) schedule_arrival(i);
    clients_.for_each_first([this](const PlannedRequest& planned) { schedule_request(planned); });
  }
  const std::vector<bool> serving = serving_at_start(scenario);
  // From the last one on: so that the others stay in their order.
  for (std::size_t i = serving.size(); i > 0; --i) {
    if (!serving[i - 1]) router_.leave(static_cast<std::uint32_t>(i - 1));
  }
  schedule_changes(0, 0);
  schedule_jobs();
  schedule_measured();
  if (elsewhere_) schedule_actions();
  if (door_ != nullptr) measured_events_.assign(1, kNoEvent);  // until one divides the run
  note_limits(0);
}

LoopOutcome Loop::run() {
  while (!finished()) {
    const std::int64_t next_ns = std::min(
        {timeline_.empty() ? kNever : timeline_.top().at_ns, room_.next_event_ns(),
         fleet_.next_event_ns(), hard_end_ns_, door_ != nullptr ? door_->next_ns() : kNever,
         // The end is an instant to be awake at, even when nothing else happens then.
         now_ns_ < send_until_ns_ ? send_until_ns_ : kNever});
    now_ns_ = clock_.wait(routed_until_.empty() ? next_ns
                                                : std::min(next_ns, routed_until_.begin()->first));
    pass_time();
    if (elsewhere_) follow_actions();
    release_waiters(now_ns_ - 1);  // those due before the clock woke up, as of then
    collect();
    release_waiters(now_ns_);
    give_up_routing(now_ns_);
    if (bounded_ && reaches_bound()) {  // before anything more is sent
      drain();
      break;
    }
    // What is to come at the very end is not part of the run, however many things that is.
    if (!timeline_.empty() && timeline_.top().at_ns <= std::min(now_ns_, hard_end_ns_ - 1)) {
      fire();
      collect();
      release_waiters(now_ns_);
    }
    if (door_ != nullptr) {
      answer_door();
      show_door();
    }
    show_progress();
    if (requests_.size() > static_cast<std::size_t>(scenario_.run.max_in_flight)) {
      outcome_.overflowed = true;
      break;
    }
    if (door_ != nullptr) {
      if (!draining_ && (stop_.load(std::memory_order_relaxed) || now_ns_ >= send_until_ns_)) {
        close_door();
      }
      if (elsewhere_->cut->load(std::memory_order_relaxed)) {
        outcome_.interrupted = true;
        break;
      }
    } else if (stop_.load(std::memory_order_relaxed)) {
      outcome_.interrupted = true;
      if (elsewhere_) drain();
      break;
    }
    if (elsewhere_ && (!outcome_.event_failure.empty() || (bounded_ && reaches_bound()))) {
      drain();
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
  if (now_ns_ >= counted_until_ns_) count_in_phase();
}

void Loop::count_in_phase() {
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
  if (now_ns_ < send_until_ns_) return false;
  if (door_ != nullptr) return requests_.size() == 0;
  const bool all_sent = timeline_.empty() || timeline_.top().at_ns >= send_until_ns_;
  return all_sent && recorder_.undecided() == 0;
}

// ------------------------------------------------------------------------------- what is to come

void Loop::schedule_arrival(std::uint32_t tenant) {
  if (door_ != nullptr && draining_) return;
  const std::optional<Arrival> arrival = clients_.next_arrival(tenant);
  if (!arrival) return;
  pending_[tenant] = *arrival;
  timeline_.push({arrival->due_ns, Kind::arrival, tenant});
}

void Loop::schedule_request(const PlannedRequest& planned) {
  if (door_ != nullptr && draining_) return;
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
      if (door_ != nullptr) open_phases();
      break;
    case Kind::replicas:
      change_replicas(timed.index);
      break;
    case Kind::job_border:
      hand_over(timed.index);
      break;
    case Kind::job_look:
      look_at_need(timed.index);
      break;
    case Kind::change:
      change(timed.index);
      break;
    case Kind::action:
      begin_action(timed.index, timed.at_ns);
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
RequestId Loop::begin(std::uint32_t tenant, const Arrival& arrival, bool called) {
  // In its place: copying what was just written field by field stalls the CPU.
  const RequestId id = requests_.add({});
  if (door_ != nullptr) {
    if (!has_begun()) begin_measuring(arrival.due_ns);
    if (called_.size() <= id) called_.resize(id + std::size_t{1});
    called_[id] = called;
  }
  fill_in(requests_[id], tenant, arrival);
  outcome_.most_in_flight =
      std::max(outcome_.most_in_flight, static_cast<std::int64_t>(requests_.size()));
  if (!called) clients_.count_first_attempt(tenant);
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
  const Decision decision = room_.arrive(now_ns_, id, patience_of(id));
  if (decision.verdict == Verdict::admitted) {
    admit(id);
    return;
  }
  if (first) recorder_.held(requests_[id]);
  if (decision.verdict == Verdict::rejected) refuse(id, decision, {Verdict::rejected});
}

/// The client tries again, sooner or later, or gives up at once.
void Loop::refuse(RequestId id, const Decision& decision, const Exit& at_last) {
  if (is_called(id)) {  // whether it tries again is for its client to say
    leave_unserved(id, at_last, &decision);
    return;
  }
  Request& request = requests_[id];
  const auto retry_at_ns = clients_.retry_at_ns(now_ns_, request, decision);
  if (!retry_at_ns) {
    leave_unserved(id, at_last);
    return;
  }
  ++backoff_requests_;
  backoff_tokens_ += request.output_tokens;
  timeline_.push({std::min(*retry_at_ns, patience_of(id).until_ns), Kind::retry, id});
}

void Loop::retry(RequestId id, std::int64_t at_ns) {
  Request& request = requests_[id];
  --backoff_requests_;
  backoff_tokens_ -= request.output_tokens;
  const Patience patience = patience_of(id);
  if (at_ns >= patience.until_ns) {
    clients_.take_back_retry(static_cast<std::uint32_t>(request.tenant));
    leave_unserved(id, {patience.then});
    return;
  }
  request.attempts = (request.attempts + 1) & 0xff;
  recorder_.retried(request, now_ns_);
  attempt(id);
}

void Loop::leave_unserved(RequestId id, const Exit& exit, const Decision* decision) {
  const Request& request = requests_[id];
  if (is_called(id)) tell_door_of_exit(id, exit, decision);
  const Verdict verdict = exit.verdict;
  if (verdict == Verdict::rejected) recorder_.rejected(request, now_ns_);
  if (verdict == Verdict::expired) recorder_.expired(request, now_ns_);
  if (verdict == Verdict::cancelled) recorder_.cancelled(request, now_ns_);
  if (verdict == Verdict::failed) {
    Request failed = request;
    failed.admitted_ns = exit.accepted_ns;
    recorder_.failed(failed, now_ns_, exit.failure);
  }
  ask_on(id, /*served=*/false, now_ns_);
  requests_.remove(id);
  last_decided_ns_ = now_ns_;
}

void Loop::ask_on(RequestId id, bool served, std::int64_t reply_ns) {
  if (!answers_matter_ || is_called(id)) return;
  const auto next = clients_.follow_up(requests_[id], served, reply_ns);
  if (next) schedule_request(*next);
  const bool goes_on = next && next->known_tokens > 0;
  if (uses_prefixes_ && !goes_on && prefixes_[id].prefix.conversation != 0) {
    fleet_.conversation_ended(prefixes_[id].prefix.conversation);
  }
}

Patience Loop::patience_of(RequestId id) const {
  const Request& request = requests_[id];
  return is_called(id) ? clients_.deadline(request) : clients_.patience(request);
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
        refuse(released->id, released->decision, {Verdict::rejected});
        break;
      default:
        leave_unserved(released->id, {released->decision.verdict});
    }
  }
}

void Loop::admit(RequestId id) {
  const Request& request = requests_[id];
  if (!remote_) recorder_.admitted(request);  // else an endpoint is still to accept it
  if (throttle_lift_) note_release(request);
  if (is_called(id)) door_->admitted(id, room_.standings(now_ns_, request), now_ns_);
  dispatch(id);
}

/// To a replica; or it waits for one, as long as its client does where that may take long.
void Loop::dispatch(RequestId id) {
  const Request& request = requests_[id];
  if (const auto replica = router_.route(id, request.tenant, request.number, prefix_of(id))) {
    submit(id, *replica);
  } else if (routing_ends_) {
    const std::int64_t until_ns = patience_of(id).until_ns;
    if (until_ns != kNever) routed_until_.emplace(until_ns, id);
  }
}

void Loop::dispatch_waiting() {
  while (const auto next = router_.next()) {
    if (routing_ends_) {
      routed_until_.erase({patience_of(next->id).until_ns, next->id});
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
    leave_unserved(id, {patience_of(id).then});
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
            remote_ || (announces_ && prefix != nullptr),
            is_called(id),
            static_cast<std::uint32_t>(request.attempts)};
  if (door_ != nullptr) {
    if (replica_of_.size() <= id) replica_of_.resize(id + std::size_t{1});
    replica_of_[id] = replica;
  }
  if (remote_) {
    if (accepted_ns_.size() <= id) accepted_ns_.resize(id + std::size_t{1});
    accepted_ns_[id] = -1;
  }
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
  if (remote_) return hear();
  const std::span<const News> all = fleet_.advance(now_ns_);
  recorder_.completed(all, requests_, now_ns_);
  for (std::size_t i = 0; i < all.size(); ++i) {
    // Whoever recorded them in parallel has them in its cache.
    if (i + kPrefetchAhead < all.size()) {
      requests_.prefetch(all[i + kPrefetchAhead].id);
      if (door_ != nullptr) door_->prefetch(all[i + kPrefetchAhead].id);
    }
    const News& news = all[i];
    switch (news.kind) {
      case NewsKind::completed:
        complete(news);
        break;
      case NewsKind::started:
        prefixes_[news.id].cached_tokens = news.count;
        room_.scheduled(now_ns_, news.id, news.count);
        break;
      case NewsKind::token:
        if (!hung_up_.contains(news.id)) {
          door_->token(news.id, news.count, news.at_ns, now_ns_);
        }
        break;
      case NewsKind::cancelled:
        leave_hung_up(news);
        break;
      case NewsKind::failed:
      case NewsKind::returned:
        hung_up_.contains(news.id) ? leave_hung_up(news) : lose(news);
        break;
      case NewsKind::refused:
        assert(false && "only endpoints refuse what they are given");
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
  refuse(news.id, Decision{Verdict::rejected, std::nullopt, false}, {Verdict::failed});
}

void Loop::complete(const News& done) {
  const Request& request = requests_[done.id];
  const std::int64_t ttft_ns = done.first_token_ns - request.admitted_ns;
  const std::int32_t cached_tokens = announces_ ? prefixes_[done.id].cached_tokens : 0;
  room_.settle(now_ns_, done.id, Service{request.output_tokens, cached_tokens, ttft_ns});
  depart(done);
  dispatch_waiting();
}

/// It has got its tokens.
void Loop::depart(const News& done) {
  const Request& request = requests_[done.id];
  if (is_called(done.id) && hung_up_.erase(done.id) == 0) {
    door_->completed(done.id, request, now_ns_);
  }
  add(board_.completed, 1);
  add(board_.completed_tokens, request.output_tokens);
  // With load reports clients learn of their answers with them, else at once.
  const std::int64_t reply_ns = scenario_.fleet.load_report_interval_ns > 0 ? now_ns_ : done.at_ns;
  ask_on(done.id, !recorder_.late(request, done), reply_ns);
  requests_.remove(done.id);
  last_decided_ns_ = now_ns_;
  router_.finished(done.replica);
}

void Loop::close() {
  outcome_.end_ns = measured_until_ns();
  // The bin that the end cuts short has what is left after the last instant's events.
  recorder_.pass_time(now_ns_, gauges());
  requests_.for_each([this](RequestId id, const Request& request) {
    Request left = request;
    if (remote_) left.admitted_ns = accepted_ns(id);
    recorder_.in_flight(left, now_ns_);
  });
  // What was due and never sent counts against the harness. After the measured part nobody counts,
  // and far enough behind it makes no difference how far.
  const std::int64_t due_until_ns = std::min(now_ns_ + 1, send_until_ns_);
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
