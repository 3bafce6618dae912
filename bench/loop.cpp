#include "bench/loop.hpp"

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "workloads/plan.hpp"

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
      room_(scenario.throttles, requests_),
      router_(scenario.fleet.router, batch_limits(scenario), scenario.run.seed,
              prefix_cache_tokens(scenario)),
      measured_event_(measured_event(scenario)),
      hard_end_ns_(scenario.run.duration_ns + scenario.run.cooldown_max_ns) {
  for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) {
    const Tenant& tenant = scenario.tenants[i];
    tenants_.push_back({ArrivalSource(tenant, scenario.run.seed, i), {}, 0, tenant.max_tokens});
    schedule_arrival(i);
  }
  for (std::uint32_t i = 0; i < scenario.events.size(); ++i) {
    timeline_.push({scenario.events[i].at_ns, Kind::event, i});
  }
}

LoopOutcome Loop::run() {
  while (!finished()) {
    const std::int64_t next_ns =
        std::min({timeline_.empty() ? kNever : timeline_.top().at_ns, room_.next_event_ns(),
                  fleet_.next_event_ns(), hard_end_ns_,
                  // The end is an instant to be awake at, even when nothing else happens then.
                  now_ns_ < scenario_.run.duration_ns ? scenario_.run.duration_ns : kNever});
    now_ns_ = clock_.wait(next_ns);
    recorder_.pass_time(now_ns_, static_cast<std::int64_t>(room_.waiting()),
                        room_.backlog_tokens());
    collect();
    release_waiters();
    if (!timeline_.empty() && timeline_.top().at_ns <= now_ns_) {
      fire();
      collect();
      release_waiters();
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

void Loop::schedule_arrival(std::uint32_t tenant) {
  const std::optional<Arrival> arrival = tenants_[tenant].source.next();
  if (!arrival) return;
  tenants_[tenant].pending = *arrival;
  timeline_.push({arrival->due_ns, Kind::arrival, tenant});
}

void Loop::fire() {
  const Timed timed = timeline_.top();
  timeline_.pop();
  if (timed.kind == Kind::arrival) {
    arrive(timed.index);
    return;
  }
  apply(scenario_.events[timed.index], measured_event_ == timed.index);
  // Events of one instant are applied together before anybody looks at the waiters.
  if (!timeline_.empty() && timeline_.top().kind == Kind::event &&
      timeline_.top().at_ns == timed.at_ns) {
    fire();
  }
}

void Loop::fill_in(Request& request, std::uint32_t tenant) const {
  const TenantState& state = tenants_[tenant];
  request.due_ns = state.pending.due_ns;
  request.sent_ns = now_ns_;
  request.prompt_tokens = static_cast<std::int32_t>(state.pending.prompt_tokens);
  request.output_tokens = static_cast<std::int32_t>(state.pending.output_tokens);
  request.max_tokens = static_cast<std::int32_t>(state.max_tokens);
  request.number = state.number & Request::kMostNumber;
  request.tenant = static_cast<std::uint16_t>(tenant);
  request.phase = grid_.phase_at(request.due_ns) & 0xf;
}

void Loop::arrive(std::uint32_t tenant) {
  // In its place: copying what was just written field by field stalls the CPU.
  const RequestId id = requests_.add({});
  fill_in(requests_[id], tenant);
  ++tenants_[tenant].number;
  schedule_arrival(tenant);
  outcome_.most_in_flight =
      std::max(outcome_.most_in_flight, static_cast<std::int64_t>(requests_.size()));

  recorder_.sent(requests_[id]);
  add(board_.sent, 1);
  const Verdict verdict = room_.arrive(now_ns_, id);
  if (verdict == Verdict::admitted) {
    admit(id);
    return;
  }
  recorder_.held(requests_[id]);
  if (verdict == Verdict::rejected) {
    recorder_.rejected(requests_[id], now_ns_);
    requests_.remove(id);
  }
}

void Loop::apply(const Event& event, bool measured) {
  if (measured) {
    LiftRecord lift;
    lift.throttle = event.throttle;
    lift.kind = event.kind == EventKind::lift ? "lift" : "set";
    lift.planned_ns = event.at_ns;
    lift.at_ns = now_ns_;
    lift.waiting_requests = static_cast<std::int64_t>(room_.waiting());
    lift.backlog_tokens = room_.backlog_tokens();
    outcome_.lift = lift;
  }
  room_.apply(now_ns_, event);
}

void Loop::release_waiters() {
  // An event comes before what waiters do at its instant, also when both are seen late.
  const bool event_due =
      !timeline_.empty() && timeline_.top().kind == Kind::event && timeline_.top().at_ns <= now_ns_;
  const std::int64_t until_ns = event_due ? timeline_.top().at_ns - 1 : now_ns_;
  while (const auto released = room_.release(until_ns)) {
    const RequestId id = released->id;
    if (released->verdict == Verdict::admitted) {
      admit(id);
      continue;
    }
    if (released->verdict == Verdict::expired) {
      recorder_.expired(requests_[id], now_ns_);
    } else {
      recorder_.rejected(requests_[id], now_ns_);
    }
    requests_.remove(id);
  }
}

void Loop::admit(RequestId id) {
  Request& request = requests_[id];
  request.admitted_ns = now_ns_;
  recorder_.admitted(request);
  if (const auto replica = router_.route(id, request.tenant, request.number, nullptr)) {
    submit(id, *replica);
  }
}

void Loop::submit(RequestId id, std::uint32_t replica) {
  const Request& request = requests_[id];
  fleet_.submit(
      {id, request.prompt_tokens, request.output_tokens, request.number,
       static_cast<std::uint32_t>(request.tenant), grid_.cell(request.tenant, request.phase)},
      replica, now_ns_);
}

void Loop::collect() {
  const std::span<const Completion> completions = fleet_.advance(now_ns_);
  recorder_.completed(completions, requests_, now_ns_);
  for (std::size_t i = 0; i < completions.size(); ++i) {
    // Whoever recorded them in parallel has them in its cache.
    if (i + kPrefetchAhead < completions.size()) {
      requests_.prefetch(completions[i + kPrefetchAhead].id);
    }
    const Completion& done = completions[i];
    const Request& request = requests_[done.id];
    room_.settle(now_ns_, request);
    add(board_.completed, 1);
    add(board_.completed_tokens, request.output_tokens);
    requests_.remove(done.id);
    if (const auto next = router_.finished(done.replica)) submit(next->id, next->replica);
  }
}

void Loop::close() {
  outcome_.end_ns = now_ns_;
  requests_.for_each([this](const Request& request) { recorder_.in_flight(request, now_ns_); });
  // What was due and never sent counts against the harness. After the measured part nobody counts,
  // and far enough behind it makes no difference how far.
  const std::int64_t due_until_ns = std::min(now_ns_ + 1, scenario_.run.duration_ns);
  std::int64_t most = kMostNeverSent;
  while (!timeline_.empty() && timeline_.top().at_ns < due_until_ns && most-- > 0) {
    const Timed timed = timeline_.top();
    timeline_.pop();
    if (timed.kind != Kind::arrival) continue;
    Request request;
    fill_in(request, timed.index);
    recorder_.never_sent(request, now_ns_);
    ++tenants_[timed.index].number;
    schedule_arrival(timed.index);
  }
  if (!outcome_.lift && measured_event_) {
    const Event& event = scenario_.events[*measured_event_];
    outcome_.lift = LiftRecord{event.throttle,
                               event.kind == EventKind::lift ? "lift" : "set",
                               event.at_ns,
                               {},
                               0,
                               0,
                               0,
                               0};
  }
}

}  // namespace tokenlift
