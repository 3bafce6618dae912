// Of the loop: what events do, here and elsewhere, and the phases that follow from them.

#include <algorithm>
#include <span>
#include <utility>

#include "bench/run/loop.hpp"
#include "workloads/plan/changes.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

/// Not reached yet.
LiftRecord planned_lift(const Scenario& scenario, const Event& event) {
  LiftRecord lift;
  lift.throttle = event.throttle;
  lift.kind = name_of(event.kind);
  lift.planned_ns = begin_ns(scenario, event);
  lift.length_ns = end_ns(scenario, event) - lift.planned_ns;
  lift.site = event.site;
  if (!event.at_signal) return lift;
  lift.planned_ns = scenario.run.duration_ns;  // unless it comes before
  if (!event.throttle.empty()) {               // until then the signal is what is waited for
    lift.throttle.clear();
    lift.kind = name_of(EventKind::signal);
  }
  return lift;
}

/// From these on: one entry for all changes of an instant.
void Loop::schedule_changes(std::size_t first_change, std::size_t first_replica_change) {
  for (std::size_t i = first_change; i < changes_.size(); ++i) {
    if (i > first_change && changes_[i].at_ns == changes_[i - 1].at_ns) continue;
    timeline_.push({changes_[i].at_ns, Kind::change, static_cast<std::uint32_t>(i)});
  }
  for (std::size_t i = first_replica_change; i < replica_changes_.size(); ++i) {
    const bool first = i == first_replica_change;
    if (!first && replica_changes_[i].at_ns == replica_changes_[i - 1].at_ns) continue;
    timeline_.push({replica_changes_[i].at_ns, Kind::replicas, static_cast<std::uint32_t>(i)});
  }
  find_next_change();
}

void Loop::schedule_measured() {
  std::ranges::stable_sort(measured_events_, {}, [this](std::size_t event) {
    return begin_ns(scenario_, scenario_.events[event]);
  });
  for (std::uint32_t i = 0; i < measured_events_.size(); ++i) {
    outcome_.lifts.emplace_back();
    plan_lift(i, scenario_.events[measured_events_[i]]);
  }
}

/// Of a throttle the change itself is the mark.
void Loop::plan_lift(std::uint32_t number, const Event& event) {
  LiftRecord& lift = outcome_.lifts[number];
  lift = planned_lift(scenario_, event);
  if (!changes_fleet(event)) return;
  if (changes_replicas(event)) lift.replicas = replicas_changed_by(measured_events_[number]);
  if (!event.taken_out) timeline_.push({lift.planned_ns, Kind::mark, number});
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
    if (door_ != nullptr || scenario_.events[*changes_[end].event].at_signal) open_phases();
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
    for (const ReplicaChange& change : jobs_.meaning(replica_changes_[end])) {
      change_replica(change);
    }
  }
  next_replica_change_ = end;
  find_next_change();
  note_serving();
  dispatch_waiting();
}

void Loop::change_replica(const ReplicaChange& change) {
  fleet_.apply(change, now_ns_);
  const bool fails = change.kind == ReplicaChange::Kind::fail;
  if (change.job) {
    // The step is cut: what was to be given up at its end is free.
    if (fails) hand_over(static_cast<std::uint32_t>(*change.job));
    return;
  }
  if (change.kind == ReplicaChange::Kind::serve && !jobs_.is_closed(change.replica)) {
    router_.serve(change.replica);
  }
  if (change.kind == ReplicaChange::Kind::leave || fails) router_.leave(change.replica);
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

// ------------------------------------------------------------------------------------ what jobs do

void Loop::schedule_jobs() {
  for (std::uint32_t i = 0; i < scenario_.jobs.size(); ++i) {
    const Job& job = scenario_.jobs[i];
    if (job.yields > 0) timeline_.push({job.control_ns, Kind::job_look, i});
  }
  note_serving();
}

/// Who was let through and has not ended, of those that go before the job, and their places.
JobNeed Loop::need_of(const Job& job) const {
  std::vector<bool> before;
  for (const Tenant& tenant : scenario_.tenants) before.push_back(goes_before(tenant, job));
  JobNeed need;
  requests_.for_each([&](RequestId, const Request& request) {
    if (request.admitted_ns >= 0 && before[request.tenant]) ++need.requests;
  });
  for (std::size_t i = 0; i < scenario_.fleet.sites.size(); ++i) {
    const Site& site = scenario_.fleet.sites[i];
    const bool serves_them = std::ranges::any_of(scenario_.tenants, [&](const Tenant& tenant) {
      return goes_before(tenant, job) && may_use(tenant, site);
    });
    if (serves_them) need.places += router_.serving(i) * site.max_batch;
  }
  return need;
}

/// At one look after the other, as long as the run may last.
void Loop::look_at_need(std::uint32_t job) {
  const Job& its = scenario_.jobs[job];
  if (its.control_ns < hard_end_ns_ - now_ns_) {
    timeline_.push({now_ns_ + its.control_ns, Kind::job_look, job});
  }
  take_back(job);
  for (const Jobs::Decision& decision : jobs_.look(job, need_of(its))) {
    if (decision.step == Jobs::Step::keep_open) router_.serve(decision.replica);
    if (decision.step == Jobs::Step::close) router_.leave(decision.replica);
    if (decision.step != Jobs::Step::give_up) continue;
    ReplicaChange change;
    change.kind = ReplicaChange::Kind::leave;
    change.replica = decision.replica;
    change.job = job;
    fleet_.apply(change, now_ns_);
  }
  hand_over(job);
  take_back(job);
  note_serving();
  dispatch_waiting();
}

/// Those that tenants have left, and that are empty.
void Loop::take_back(std::uint32_t job) {
  for (const std::uint32_t replica : jobs_.closed(job)) {
    if (router_.outstanding(replica) > 0) continue;
    for (const ReplicaChange& change : jobs_.take_back(replica)) fleet_.apply(change, now_ns_);
  }
}

/// What was given up is free once the step has ended that it was given up in; that may have been
/// cut, and another one have begun.
void Loop::hand_over(std::uint32_t job) {
  if (!jobs_.gives_up(job)) return;
  const std::int64_t border_ns = fleet_.job_border_ns(job, now_ns_);
  if (border_ns > now_ns_) {
    timeline_.push({border_ns, Kind::job_border, job});
    return;
  }
  for (const ReplicaChange& change : jobs_.hand_over(job)) change_replica(change);
  note_serving();
  dispatch_waiting();
}

void Loop::note_serving() {
  if (!jobs_.any()) return;
  ServingSpan span{now_ns_, {}};
  for (std::size_t i = 0; i < scenario_.fleet.sites.size(); ++i) {
    span.replicas.push_back(router_.serving(i));
  }
  std::vector<ServingSpan>& spans = outcome_.served;
  if (!spans.empty() && spans.back().at_ns == now_ns_) spans.pop_back();
  if (spans.empty() || spans.back().replicas != span.replicas) spans.push_back(std::move(span));
}

// ------------------------------------------------------------------------- what happens elsewhere

void Loop::schedule_actions() {
  for (std::uint32_t i = 0; i < scenario_.events.size(); ++i) {
    const Event& event = scenario_.events[i];
    if (!happens_elsewhere(event)) continue;
    if (event.at_signal) {
      await_signal_.push_back(i);
    } else {
      timeline_.push({event.at_ns, Kind::action, i});
    }
  }
}

/// What was said since the last time. What comes after the run has been sent divides it no more.
void Loop::follow_actions() {
  Actions* const actions = elsewhere_->actions;
  if (actions == nullptr || now_ns_ >= send_until_ns_) return;
  while (const std::optional<std::int64_t> at_ns = actions->signalled()) {
    if (await_signal_.empty()) continue;
    const std::uint32_t event = await_signal_.front();
    await_signal_.pop_front();
    begin_action(event, *at_ns);
  }
  while (const std::optional<Actions::Done> done = actions->next()) {
    if (!done->failure.empty()) {
      outcome_.event_failure = done->failure;
      return;
    }
    event_holds(done->event, done->begun_ns, done->at_ns);
  }
}

void Loop::begin_action(std::uint32_t event, std::int64_t at_ns) {
  if (scenario_.events[event].taken_out) {
    open_phases();  // those of a run that has it, as if it had been answered at once
  } else if (scenario_.events[event].kind == EventKind::signal) {
    event_holds(event, at_ns, at_ns);
  } else if (!scenario_.events[event].throttle.empty()) {
    change_at_signal(event, at_ns);
  } else {
    elsewhere_->actions->begin(event, now_ns_);
  }
}

/// A throttle of the scenario changes now, which was not planned with its instant.
void Loop::change_at_signal(std::uint32_t event, std::int64_t signalled_ns) {
  if (stated_ == nullptr) stated_ = std::make_unique<Scenario>(scenario_);
  Event& its = stated_->events[event];
  its.at_signal = false;
  its.at_ns = now_ns_;  // behind what has happened, which stays
  if (next_change_ > 0) its.at_ns = std::max(its.at_ns, changes_[next_change_ - 1].at_ns + 1);
  const auto measured = std::ranges::find(measured_events_, event);
  if (measured != measured_events_.end()) {
    LiftRecord& lift =
        outcome_.lifts[static_cast<std::size_t>(measured - measured_events_.begin())];
    lift = planned_lift(*stated_, its);
    lift.planned_ns = signalled_ns;
  }
  plan_anew(plan_changes(*stated_), replica_changes_);
}

/// What is to come is this now.
void Loop::plan_anew(std::vector<Change> changes, std::vector<ReplicaChange> replica_changes) {
  auto all = std::exchange(timeline_, {});
  for (; !all.empty(); all.pop()) {
    const Kind kind = all.top().kind;
    if (kind != Kind::change && kind != Kind::replicas) timeline_.push(all.top());
  }
  changes_ = std::move(changes);
  replica_changes_ = std::move(replica_changes);
  schedule_changes(next_change_, next_replica_change_);
}

void Loop::event_holds(std::uint32_t event, std::int64_t begun_ns, std::int64_t at_ns) {
  const auto measured = std::ranges::find(measured_events_, event);
  if (measured == measured_events_.end()) return;
  const auto number = static_cast<std::size_t>(measured - measured_events_.begin());
  LiftRecord& lift = outcome_.lifts[number];
  if (scenario_.events[event].at_signal) lift.planned_ns = begun_ns;
  if (scenario_.events[event].kind != EventKind::signal) lift.call_ns = at_ns - begun_ns;
  note_lift(number);
  open_phases();
}

/// The event that divides the run holds, as the loop has just learnt: nothing that happened later
/// has been recorded yet.
void Loop::open_phases() {
  elsewhere_->grid->phases = plan_phases(scenario_, now_ns_, measured_from_ns_);
  borders_moved();
  for (const Phase& phase : grid_.phases) {
    if (phase.name != "transition") continue;
    board_.transition_end_ns.store(phase.end_ns, std::memory_order_relaxed);
    board_.transition_begin_ns.store(phase.begin_ns, std::memory_order_release);
  }
}

void Loop::borders_moved() {
  recorder_.borders_moved();
  fleet_.borders_moved();
  count_in_phase();
}

}  // namespace tokenlift
