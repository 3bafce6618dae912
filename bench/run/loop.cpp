#include "bench/run/loop.hpp"

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

namespace {

std::vector<std::int64_t> batch_limits(const Scenario& scenario) {
  std::vector<std::int64_t> limits;
  for (const Site& site : scenario.fleet.sites) {
    limits.insert(limits.end(), static_cast<std::size_t>(site.replicas), site.max_batch);
  }
  return limits;
}

/// Of all replicas together.
std::int64_t prefix_cache_tokens(const Scenario& scenario) {
  std::int64_t sum = 0;
  for (const Site& site : scenario.fleet.sites) sum += site.replicas * site.prefix_cache_tokens;
  return sum;
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
      router_(scenario.fleet.router, batch_limits(scenario), scenario.run.seed,
              prefix_cache_tokens(scenario)),
      changes_(plan_changes(scenario)),
      answers_matter_(clients_.answers_matter()),
      pending_(scenario.tenants.size()),
      uses_prefixes_(scenario.fleet.router == RouterPolicy::session_affinity ||
                     prefix_cache_tokens(scenario) > 0),
      announces_(uses_prefixes_ && room_.exempts_cached()),
      measured_event_(measured_event(scenario)),
      adapts_(std::ranges::any_of(scenario.throttles,
                                  [](const Throttle& t) { return traits_of(t.kind).is_adaptive; })),
      hard_end_ns_(scenario.run.duration_ns + scenario.run.cooldown_max_ns) {
  for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) schedule_arrival(i);
  clients_.for_each_first([this](const PlannedRequest& planned) { schedule_request(planned); });
  for (std::uint32_t i = 0; i < changes_.size(); ++i) {
    // One entry for all changes of an instant.
    if (i > 0 && changes_[i].at_ns == changes_[i - 1].at_ns) continue;
    timeline_.push({changes_[i].at_ns, Kind::change, i});
  }
  note_limits(0);
}

LoopOutcome Loop::run() {
  while (!finished()) {
    const std::int64_t next_ns =
        std::min({timeline_.empty() ? kNever : timeline_.top().at_ns, room_.next_event_ns(),
                  fleet_.next_event_ns(), hard_end_ns_,
                  // The end is an instant to be awake at, even when nothing else happens then.
                  now_ns_ < scenario_.run.duration_ns ? scenario_.run.duration_ns : kNever});
    now_ns_ = clock_.wait(next_ns);
    pass_time();
    release_waiters(now_ns_ - 1);  // those due before the clock woke up, as of then
    collect();
    release_waiters(now_ns_);
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
    if (!measured_event_ || changes_[end].event != measured_event_) continue;
    note_lift();
    room_.remember(changes_[end].throttle);
  }
  room_.apply(now_ns_, std::span(changes_).subspan(first, end - first));
  next_change_ = end;
  note_limits(now_ns_);
}

LiftRecord Loop::planned_lift() const {
  const Event& event = scenario_.events[*measured_event_];
  LiftRecord lift;
  lift.throttle = event.throttle;
  lift.kind = name_of(event.kind);
  lift.planned_ns = event.at_ns;
  lift.length_ns = event.over_ns;
  return lift;
}

void Loop::note_lift() {
  LiftRecord lift = planned_lift();
  lift.at_ns = now_ns_;
  lift.waiting_requests = static_cast<std::int64_t>(room_.waiting());
  lift.backlog_tokens = room_.backlog_tokens();
  lift.backoff_requests = backoff_requests_;
  lift.backoff_tokens = backoff_tokens_;
  outcome_.lift = lift;
}

void Loop::note_limits(std::int64_t at_ns) {
  for (std::size_t i = 0; i < room_.gates().size(); ++i) {
    recorder_.limit(i, at_ns, room_.gates()[i].limit());
  }
}

/// Somebody was let through after the lift: how late that was, and whether it is news.
void Loop::note_release(const Request& request) {
  LiftRecord& lift = *outcome_.lift;
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
void Loop::refuse(RequestId id, const Decision& decision) {
  Request& request = requests_[id];
  const auto retry_at_ns = clients_.retry_at_ns(now_ns_, request, decision);
  if (!retry_at_ns) {
    leave_unserved(id, Verdict::rejected);
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
  if (next_change_ < changes_.size()) {
    until_ns = std::min(until_ns, changes_[next_change_].at_ns - 1);
  }
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
  if (outcome_.lift) note_release(request);
  if (const auto replica = router_.route(id, request.tenant, request.number, prefix_of(id))) {
    submit(id, *replica);
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
  fleet_.submit(
      {id, request.prompt_tokens, request.output_tokens, request.number,
       static_cast<std::uint32_t>(request.tenant), grid_.cell(request.tenant, request.phase),
       prefix, announces_ && prefix != nullptr},
      replica, now_ns_);
}

// ------------------------------------------------------------------------- what the fleet reports

void Loop::collect() {
  const std::span<const Completion> completions = fleet_.advance(now_ns_);
  for (const Start& start : fleet_.starts()) {
    prefixes_[start.id].cached_tokens = start.cached_tokens;
    room_.scheduled(now_ns_, start.id, start.cached_tokens);
  }
  recorder_.completed(completions, requests_, now_ns_);
  for (std::size_t i = 0; i < completions.size(); ++i) {
    // Whoever recorded them in parallel has them in its cache.
    if (i + kPrefetchAhead < completions.size()) {
      requests_.prefetch(completions[i + kPrefetchAhead].id);
    }
    complete(completions[i]);
  }
}

void Loop::complete(const Completion& done) {
  const Request& request = requests_[done.id];
  Service service;
  service.output_tokens = request.output_tokens;
  service.cached_tokens = announces_ ? prefixes_[done.id].cached_tokens : 0;
  service.service_ttft_ns = done.first_token_ns - request.admitted_ns;
  room_.settle(now_ns_, done.id, service);
  add(board_.completed, 1);
  add(board_.completed_tokens, request.output_tokens);
  // With load reports clients learn of their answers with them, else at once.
  const std::int64_t reply_ns =
      scenario_.fleet.load_report_interval_ns > 0 ? now_ns_ : done.last_token_ns;
  ask_on(request, !recorder_.late(request, done), reply_ns);
  requests_.remove(done.id);
  if (const auto next = router_.finished(done.replica)) submit(next->id, next->replica);
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
  if (!outcome_.lift && measured_event_) outcome_.lift = planned_lift();
}

}  // namespace tokenlift
