// Of the loop: requests, hang-ups and events that come through a door (`tokenlift serve`).

#include <algorithm>
#include <utility>

#include "bench/run/loop.hpp"
#include "workloads/plan/plan.hpp"

namespace tokenlift {

/// Who has gone leaves before others come: they may take its place.
void Loop::answer_door() {
  while (const std::optional<RequestId> id = door_->next_hang_up()) hang_up(*id);
  while (const std::optional<Replan> replan = door_->next_event(now_ns_, has_begun())) {
    replan_events(*replan);
  }
  if (draining_) return;
  while (const std::optional<IncomingRequest> call = door_->next_request()) {
    const RequestId id = begin(call->tenant, call->arrival, /*called=*/true);
    if (uses_prefixes_) note_prefix(id, {});  // nobody knows what was said before
    requests_[id].max_tokens = static_cast<std::int32_t>(call->max_tokens);
    recorder_.named(requests_[id], call->request_id);
    door_->begun(call->caller, id);
    attempt(id);
  }
}

/// All that happened at this instant has been told.
void Loop::show_door() {
  serving_.resize(scenario_.fleet.sites.size());
  for (std::size_t site = 0; site < serving_.size(); ++site) {
    serving_[site] = router_.serving(site);
  }
  door_->gauges({now_ns_, recorder_.in_system(), static_cast<std::int64_t>(room_.waiting()),
                 in_fleet(), room_.waiting_by_tenant(), serving_});
  door_->pause(now_ns_);
}

/// Wherever it is: at the throttles, waiting for a replica, or at one.
void Loop::hang_up(RequestId id) {
  if (room_.withdraw(now_ns_, id)) {
    leave_unserved(id, {Verdict::cancelled});
    return;
  }
  const Request& request = requests_[id];
  if (router_.drop(id, static_cast<std::uint32_t>(request.tenant))) {
    routed_until_.erase({patience_of(id).until_ns, id});
    const auto moved = moved_.extract(id);
    room_.settle(now_ns_, id, Service{moved ? moved.mapped().emitted_tokens : 0, 0});
    leave_unserved(id, {Verdict::cancelled});
    return;
  }
  hung_up_.insert(id);
  fleet_.cancel(id, replica_of_[id], now_ns_);
}

/// Its replica has given it up, or has gone with it: nobody is there who would try again.
void Loop::leave_hung_up(const News& gone) {
  hung_up_.erase(gone.id);
  recorder_.wasted(requests_[gone.id], gone.count);
  router_.finished(gone.replica);
  room_.settle(now_ns_, gone.id, Service{gone.count, 0});
  leave_unserved(gone.id, {Verdict::cancelled});
  dispatch_waiting();
}

void Loop::tell_door_of_exit(RequestId id, const Exit& exit, const Decision* decision) {
  if (exit.verdict == Verdict::cancelled) return;  // it is the door that knows
  const Request& request = requests_[id];
  if (decision != nullptr && exit.verdict == Verdict::rejected) {
    door_->refused(id, *decision, room_.standings(now_ns_, request), now_ns_);
  } else if (exit.verdict ==
             Verdict::expired) {  // who is served has no patience but the throttles'
    door_->refused(id, room_.expiry(now_ns_, request), room_.standings(now_ns_, request), now_ns_);
  } else {
    door_->lost(id, now_ns_);
  }
}

/// What was planned from now on is planned anew.
void Loop::replan_events(const Replan& replan) {
  plan_anew(replan.changes, replan.replica_changes);
  if (!replan.divides) return;
  measured_events_.assign(1, *replan.divides);
  plan_lift(0, replan.event);
}

/// The first request has come, and what is measured begins with it: nobody asked before.
void Loop::begin_measuring(std::int64_t due_ns) {
  measured_from_ns_ = std::max<std::int64_t>(due_ns, 1);  // the phase before it is never empty
  elsewhere_->grid->phases = plan_phases(scenario_, std::nullopt, measured_from_ns_);
  borders_moved();
}

/// With a door: nobody asks after the last request has been decided.
std::int64_t Loop::measured_until_ns() const {
  if (door_ == nullptr || requests_.size() > 0 || last_decided_ns_ == 0) return now_ns_;
  return std::max(last_decided_ns_, *measured_from_ns_ + 1);
}

LoopOutcome Loop::so_far(Recorder& copy) const {
  LoopOutcome outcome = outcome_;
  outcome.end_ns = measured_until_ns();
  requests_.for_each([&](RequestId, const Request& request) { copy.in_flight(request, now_ns_); });
  return outcome;
}

/// Takes no more, and ends when what was taken has ended: who was refused may still try again.
void Loop::close_door() {
  draining_ = true;
  auto all = std::exchange(timeline_, {});
  for (; !all.empty(); all.pop()) {
    const Timed& timed = all.top();
    const bool asks = timed.kind == Kind::arrival || timed.kind == Kind::planned;
    if (!asks || timed.at_ns <= now_ns_) timeline_.push(timed);
  }
  if (!has_begun()) begin_measuring(0);  // nobody came: that is what is reported
  end_sending();
  door_->close();
}

}  // namespace tokenlift
