#include "workloads/plan/fleet_plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

#include "workloads/text/draw.hpp"

namespace tokenlift {

namespace {

constexpr std::uint32_t kNoReplica = UINT32_MAX;
constexpr std::size_t kNoEvent = SIZE_MAX;
constexpr std::int64_t kUsualPpm = 1'000'000;

// Changes after it are of no consequence: load goes on until the end of the cooldown.
std::int64_t horizon_ns(const Scenario& scenario) {
  return scenario.run.duration_ns + scenario.run.cooldown_max_ns;
}

// Between failures of a replica, of which any accelerator may fail; 0: it never does.
double mean_gap_ns(const Scenario& scenario, const Site& site) {
  if (!site.failures) return 0;
  const Profile* const profile = own_profile(scenario, site);
  const bool known = profile != nullptr && profile->accelerator;
  return static_cast<double>(site.failures->mtbf_ns) /
         static_cast<double>(known ? profile->accelerator->count : 1);
}

/// The fleet as time goes on: conditions of its places, and what follows from them.
class FleetCourse {
 public:
  explicit FleetCourse(const Scenario& scenario);
  std::vector<ReplicaChange> run();
  std::vector<BootSpan> boots() { return std::move(boots_); }

 private:
  enum class Step : std::uint8_t {
    away,
    back,
    failure,
    repair,
    join,
    boot_end,
    go,
    pace_end,
    event
  };

  struct Action {
    std::int64_t at_ns = 0;
    std::size_t order = 0;      // at one instant: 0 is no event's, then the events
    std::uint32_t replica = 0;  // or the first of the site that it is about
    Step step = Step::event;
    std::size_t event = kNoEvent;
    std::uint32_t epoch = 0;  // of the place: a later one makes it void
    std::uint64_t sequence = 0;

    bool operator>(const Action& other) const {
      return std::tie(at_ns, order, replica, sequence) >
             std::tie(other.at_ns, other.order, other.replica, other.sequence);
    }
  };

  struct Place {
    bool taken = false;    // until it goes; a spare: while it stands in
    bool there = false;    // taken, and its join has begun
    bool noticed = false;  // it will go
    bool booting = false;
    bool failed = false;
    bool serving = false;
    bool slowed = false;          // the pace that was told last is not the usual one
    std::size_t slow = kNoEvent;  // whose pace it has
    std::uint32_t epoch = 0;
    std::uint32_t failures = 0;           // instants so far at which it would have failed
    std::uint32_t stand_in = kNoReplica;  // the spare that serves in its stead
    std::size_t boot = 0;                 // the one under way, while it boots
  };

  struct SitePlaces {
    const Site* site = nullptr;
    std::uint32_t first = 0;   // its replicas,
    std::uint32_t spares = 0;  // then its spares,
    std::uint32_t end = 0;     // up to here
    double mean_gap_ns = 0;
    bool away = false;
    std::set<std::uint32_t> free_spares;
    std::set<std::uint32_t> uncovered;  // have failed, and no spare stands in
  };

  void add_site(const Site& site);
  void push(std::int64_t at_ns, std::size_t order, std::uint32_t replica, Step step,
            std::size_t event = kNoEvent);
  void push_failure(std::uint32_t replica);
  SitePlaces& places_of(std::uint32_t replica);

  void act(const Action& action);
  void begin_event(std::size_t index);
  void give_places(const Event& event, std::size_t index, const SitePlaces& site);
  void give_notice(const Event& event, std::size_t index, const SitePlaces& site);
  std::vector<std::uint32_t> drawn(const Event& event, const SitePlaces& site) const;
  void turn(SitePlaces& site, bool away);

  void boot(std::uint32_t replica, std::size_t event);
  void end_boot(Place& place);
  void fail(std::uint32_t replica, std::size_t event, InFlight in_flight, std::int64_t for_ns);
  void repair(std::uint32_t replica);
  void go(std::uint32_t replica, std::size_t event);
  void slow(std::uint32_t replica, std::size_t event);
  void end_slow(std::uint32_t replica, std::size_t event);

  void serve_if_able(std::uint32_t replica, std::size_t event);
  void stop(std::uint32_t replica, ReplicaChange::Kind kind, InFlight in_flight, std::size_t event);
  void tell_pace(std::uint32_t replica, std::int64_t decode_ppm, std::int64_t prefill_ppm,
                 std::size_t event);
  void assign_spares(SitePlaces& site);
  void release_stand_in(std::uint32_t replica);
  void tell(ReplicaChange change, std::size_t event);

  const Scenario& scenario_;
  const std::int64_t horizon_ns_;
  std::vector<Place> places_;
  std::vector<SitePlaces> sites_;
  std::priority_queue<Action, std::vector<Action>, std::greater<>> actions_;
  std::vector<ReplicaChange> changes_;
  std::vector<BootSpan> boots_;
  std::int64_t now_ns_ = 0;
  std::size_t order_ = 0;  // of what happens now
  std::uint64_t sequence_ = 0;
};

FleetCourse::FleetCourse(const Scenario& scenario)
    : scenario_(scenario), horizon_ns_(horizon_ns(scenario)) {
  places_.resize(static_cast<std::size_t>(replica_places(scenario)));
  for (const Site& site : scenario.fleet.sites) add_site(site);
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    const Event& event = scenario.events[i];
    if (!changes_replicas(event) || event.taken_out) continue;
    push(event.at_ns, i + 1, sites_[site_named(scenario, event.site)].first, Step::event, i);
  }
}

void FleetCourse::add_site(const Site& site) {
  SitePlaces& added = sites_.emplace_back();
  added.site = &site;
  added.first = sites_.size() < 2 ? 0 : sites_[sites_.size() - 2].end;
  added.spares = added.first + static_cast<std::uint32_t>(site.replicas);
  added.end = added.first + static_cast<std::uint32_t>(replica_places(site));
  added.mean_gap_ns = mean_gap_ns(scenario_, site);
  added.away = site.available && site.available->begin_ns == 0;
  for (std::uint32_t r = added.first; r < added.spares; ++r) {
    Place& place = places_[r];
    place.taken = place.there = r - added.first < site.at_start.value_or(site.replicas);
    place.serving = place.there && !added.away;
  }
  for (std::uint32_t r = added.spares; r < added.end; ++r) added.free_spares.insert(r);
  if (added.away) {
    push(site.available->off_ns, 0, added.first, Step::back);
  } else if (site.available) {
    push(site.available->begin_ns, 0, added.first, Step::away);
  }
  for (std::uint32_t r = added.first; r < added.end; ++r) push_failure(r);
}

void FleetCourse::push(std::int64_t at_ns, std::size_t order, std::uint32_t replica, Step step,
                       std::size_t event) {
  if (at_ns >= horizon_ns_) return;
  actions_.push({at_ns, order, replica, step, event, places_[replica].epoch, sequence_++});
}

// Its accelerators' next one, whatever has become of the replica since the last.
void FleetCourse::push_failure(std::uint32_t replica) {
  const double mean_ns = places_of(replica).mean_gap_ns;
  if (mean_ns == 0) return;
  const Draws draws(scenario_.run.seed, Purpose::failure, replica);
  const double gap_ns = std::max(1.0, draws.exponential(places_[replica].failures++) * mean_ns);
  if (gap_ns >= static_cast<double>(horizon_ns_ - now_ns_)) return;
  push(now_ns_ + std::llround(gap_ns), 0, replica, Step::failure);
}

FleetCourse::SitePlaces& FleetCourse::places_of(std::uint32_t replica) {
  return *(std::ranges::upper_bound(sites_, replica, {}, &SitePlaces::first) - 1);
}

std::vector<ReplicaChange> FleetCourse::run() {
  while (!actions_.empty()) {
    const Action action = actions_.top();
    actions_.pop();
    now_ns_ = action.at_ns;
    order_ = action.order;
    act(action);
  }
  return std::move(changes_);
}

void FleetCourse::act(const Action& action) {
  const std::uint32_t replica = action.replica;
  const bool is_void = places_[replica].epoch != action.epoch;
  switch (action.step) {
    case Step::away:
    case Step::back:
      turn(places_of(replica), action.step == Step::away);
      return;
    case Step::event:
      begin_event(action.event);
      return;
    case Step::failure: {
      const std::uint32_t number = places_[replica].failures - 1;
      const Draws draws(scenario_.run.seed, Purpose::repair, replica);
      const Site& site = *places_of(replica).site;
      const double repair_ns =
          std::clamp(draws.exponential(number) * static_cast<double>(site.failures->repair_ns), 1.0,
                     static_cast<double>(horizon_ns_));
      push_failure(replica);
      fail(replica, kNoEvent, InFlight::drop, std::llround(repair_ns));
      return;
    }
    case Step::repair:
      if (!is_void) repair(replica);
      return;
    case Step::join:
      if (is_void) return;
      places_[replica].there = true;
      boot(replica, action.event);
      return;
    case Step::boot_end:
      if (is_void) return;
      places_[replica].booting = false;
      serve_if_able(replica, action.event);
      return;
    case Step::go:
      go(replica, action.event);
      return;
    case Step::pace_end:
      end_slow(replica, action.event);
      return;
  }
}

void FleetCourse::begin_event(std::size_t index) {
  const Event& event = scenario_.events[index];
  const SitePlaces& site = sites_[site_named(scenario_, event.site)];
  if (event.kind == EventKind::join) return give_places(event, index, site);
  if (event.kind == EventKind::leave) return give_notice(event, index, site);
  for (const std::uint32_t replica : drawn(event, site)) {
    if (event.kind == EventKind::slow) {
      slow(replica, index);
    } else {
      fail(replica, index, event.in_flight, event.for_ns);
    }
  }
}

void FleetCourse::give_places(const Event& event, std::size_t index, const SitePlaces& site) {
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t r = site.first; r < site.spares; ++r) {
    if (!places_[r].taken) chosen.push_back(r);
  }
  const auto free = static_cast<std::int64_t>(chosen.size());
  const std::int64_t count = std::min(free, event.replicas.value_or(free));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t replica = chosen[static_cast<std::size_t>(i)];
    places_[replica].taken = true;
    push(now_ns_ + spread_ns(event.over_ns, i, count), order_, replica, Step::join, index);
  }
}

void FleetCourse::give_notice(const Event& event, std::size_t index, const SitePlaces& site) {
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t r = site.spares; r-- > site.first;) {
    if (places_[r].taken && !places_[r].noticed) chosen.push_back(r);
  }
  const auto taken = static_cast<std::int64_t>(chosen.size());
  const std::int64_t count = std::min(taken, event.replicas.value_or(taken));
  const std::int64_t begin_ns = now_ns_ + event.notice_ns.value_or(site.site->notice_ns);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t replica = chosen[static_cast<std::size_t>(i)];
    places_[replica].noticed = true;
    push(begin_ns + spread_ns(event.over_ns, i, count), order_, replica, Step::go, index);
  }
}

// Of those that serve, in order of their numbers. Keyed by the instant, not by the event's number:
// another event more does not change whom this one meets.
std::vector<std::uint32_t> FleetCourse::drawn(const Event& event, const SitePlaces& site) const {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> keyed;
  const Draws draws(
      scenario_.run.seed,
      event.kind == EventKind::slow ? Purpose::slowed_replicas : Purpose::failed_replicas,
      static_cast<std::uint64_t>(event.at_ns));
  for (std::uint32_t r = site.first; r < site.end; ++r) {
    if (places_[r].serving) keyed.emplace_back(draws.bits(r), r);
  }
  auto count = static_cast<std::int64_t>(keyed.size());
  if (event.share && count > 0) {
    const double share = *event.share * static_cast<double>(count);
    count = std::min<std::int64_t>(count, std::max<std::int64_t>(1, std::llround(share)));
  } else if (event.replicas) {
    count = std::min(count, *event.replicas);
  }
  if (count < static_cast<std::int64_t>(keyed.size())) {
    std::ranges::nth_element(keyed, keyed.begin() + count);
    keyed.resize(static_cast<std::size_t>(count));
  }
  std::vector<std::uint32_t> chosen;
  chosen.reserve(keyed.size());
  for (const auto& [key, replica] : keyed) chosen.push_back(replica);
  std::ranges::sort(chosen);
  return chosen;
}

void FleetCourse::turn(SitePlaces& site, bool away) {
  const Availability& available = *site.site->available;
  site.away = away;
  push(now_ns_ + (away ? available.off_ns : available.period_ns - available.off_ns), 0, site.first,
       away ? Step::back : Step::away);
  for (std::uint32_t r = site.first; r < site.end; ++r) {
    if (away) {
      stop(r, ReplicaChange::Kind::leave, InFlight::finish, kNoEvent);
    } else {
      serve_if_able(r, kNoEvent);
    }
  }
}

void FleetCourse::boot(std::uint32_t replica, std::size_t event) {
  const SitePlaces& site = places_of(replica);
  const std::int64_t end_ns = now_ns_ + site.site->boot_ns;
  places_[replica].booting = true;
  places_[replica].boot = boots_.size();
  boots_.push_back({static_cast<std::size_t>(&site - sites_.data()), now_ns_, end_ns});
  push(end_ns, order_, replica, Step::boot_end, event);
}

// Before its time, if it is under way.
void FleetCourse::end_boot(Place& place) {
  if (place.booting) boots_[place.boot].end_ns = now_ns_;
  place.booting = false;
}

void FleetCourse::fail(std::uint32_t replica, std::size_t event, InFlight in_flight,
                       std::int64_t for_ns) {
  Place& place = places_[replica];
  if (!place.serving) return;
  stop(replica, ReplicaChange::Kind::fail, in_flight, event);
  place.failed = true;
  place.slow = kNoEvent;
  ++place.epoch;
  if (for_ns > 0) push(now_ns_ + for_ns, 0, replica, Step::repair);
  SitePlaces& site = places_of(replica);
  site.uncovered.insert(replica);
  assign_spares(site);
}

void FleetCourse::repair(std::uint32_t replica) {
  Place& place = places_[replica];
  place.failed = false;
  if (place.there) return boot(replica, kNoEvent);
  SitePlaces& site = places_of(replica);  // a spare that nobody waits for
  site.free_spares.insert(replica);
  assign_spares(site);
}

void FleetCourse::go(std::uint32_t replica, std::size_t event) {
  Place& place = places_[replica];
  stop(replica, ReplicaChange::Kind::leave, scenario_.events[event].in_flight, event);
  end_boot(place);
  place.taken = place.there = place.noticed = place.failed = false;
  place.slow = kNoEvent;
  ++place.epoch;
  places_of(replica).uncovered.erase(replica);
  release_stand_in(replica);
}

void FleetCourse::slow(std::uint32_t replica, std::size_t event) {
  const Event& said = scenario_.events[event];
  places_[replica].slow = event;
  tell_pace(replica, said.decode_ppm, said.prefill_ppm, event);
  if (said.for_ns > 0) push(now_ns_ + said.for_ns, order_, replica, Step::pace_end, event);
}

void FleetCourse::end_slow(std::uint32_t replica, std::size_t event) {
  Place& place = places_[replica];
  if (place.slow != event) return;
  place.slow = kNoEvent;
  tell_pace(replica, kUsualPpm, kUsualPpm, event);
}

void FleetCourse::serve_if_able(std::uint32_t replica, std::size_t event) {
  Place& place = places_[replica];
  SitePlaces& site = places_of(replica);
  if (place.serving || !place.there || place.booting || place.failed || site.away) return;
  place.serving = true;
  if (place.slowed && place.slow == kNoEvent) tell_pace(replica, kUsualPpm, kUsualPpm, event);
  ReplicaChange change;
  change.replica = replica;
  tell(change, event);
  site.uncovered.erase(replica);
  release_stand_in(replica);
}

void FleetCourse::stop(std::uint32_t replica, ReplicaChange::Kind kind, InFlight in_flight,
                       std::size_t event) {
  if (!places_[replica].serving) return;
  places_[replica].serving = false;
  ReplicaChange change;
  change.replica = replica;
  change.kind = kind;
  change.in_flight = in_flight;
  tell(change, event);
}

void FleetCourse::tell_pace(std::uint32_t replica, std::int64_t decode_ppm,
                            std::int64_t prefill_ppm, std::size_t event) {
  places_[replica].slowed = decode_ppm != kUsualPpm || prefill_ppm != kUsualPpm;
  ReplicaChange change;
  change.replica = replica;
  change.kind = ReplicaChange::Kind::pace;
  change.decode_ppm = decode_ppm;
  change.prefill_ppm = prefill_ppm;
  tell(change, event);
}

void FleetCourse::assign_spares(SitePlaces& site) {
  while (!site.free_spares.empty() && !site.uncovered.empty()) {
    const std::uint32_t spare = *site.free_spares.begin();
    const std::uint32_t replica = *site.uncovered.begin();
    site.free_spares.erase(spare);
    site.uncovered.erase(replica);
    places_[replica].stand_in = spare;
    places_[spare].taken = places_[spare].there = true;
    boot(spare, kNoEvent);
  }
}

// A spare that has failed meanwhile is repaired all the same, and then free.
void FleetCourse::release_stand_in(std::uint32_t replica) {
  const std::uint32_t spare = std::exchange(places_[replica].stand_in, kNoReplica);
  if (spare == kNoReplica) return;
  Place& place = places_[spare];
  SitePlaces& site = places_of(spare);
  stop(spare, ReplicaChange::Kind::leave, InFlight::finish, kNoEvent);
  end_boot(place);
  place.taken = place.there = false;
  place.slow = kNoEvent;
  site.uncovered.erase(spare);
  if (!place.failed) {
    ++place.epoch;
    site.free_spares.insert(spare);
  }
  release_stand_in(spare);
  assign_spares(site);
}

void FleetCourse::tell(ReplicaChange change, std::size_t event) {
  change.at_ns = now_ns_;
  if (event != kNoEvent) change.event = event;
  changes_.push_back(change);
}

}  // namespace

bool changes_fleet(const Event& event) {
  return !event.site.empty();
}

bool changes_replicas(const Event& event) {
  return changes_fleet(event) && event.kind != EventKind::power && event.kind != EventKind::battery;
}

std::int64_t spread_ns(std::int64_t over_ns, std::int64_t i, std::int64_t count) {
  if (count < 2) return 0;
  const std::int64_t gaps = count - 1;
  return over_ns / gaps * i + over_ns % gaps * i / gaps;
}

bool fleet_changes(const Scenario& scenario) {
  return std::ranges::any_of(scenario.fleet.sites,
                             [](const Site& site) { return site.failures || site.available; }) ||
         std::ranges::any_of(scenario.jobs, [](const Job& job) { return job.yields > 0; }) ||
         std::ranges::any_of(scenario.events,
                             [](const Event& e) { return changes_replicas(e) && !e.taken_out; });
}

double expected_changes(const Scenario& scenario) {
  const auto horizon = static_cast<double>(horizon_ns(scenario));
  const auto count = [](std::int64_t n) { return static_cast<double>(n); };
  double changes = 0;
  for (const Site& site : scenario.fleet.sites) {
    if (site.available) {
      changes += 2 * horizon / count(site.available->period_ns) * count(replica_places(site));
    }
    // It fails, a spare serves, it serves again, and the spare goes.
    if (site.failures) {
      changes +=
          (site.spares > 0 ? 4 : 2) * horizon / mean_gap_ns(scenario, site) * count(site.replicas);
    }
  }
  for (const Event& event : scenario.events) {
    if (!changes_replicas(event)) continue;
    const Site& site = scenario.fleet.sites[site_named(scenario, event.site)];
    const bool ends = event.for_ns > 0;
    changes += (ends ? 2 : 1) *
               count(std::min(event.replicas.value_or(site.replicas), replica_places(site)));
  }
  return changes;
}

std::vector<ReplicaChange> plan_fleet(const Scenario& scenario) {
  if (!fleet_changes(scenario)) return {};
  return FleetCourse(scenario).run();
}

std::vector<BootSpan> boots_over_time(const Scenario& scenario) {
  if (!fleet_changes(scenario)) return {};
  FleetCourse course(scenario);
  course.run();
  std::vector<BootSpan> boots = course.boots();
  std::erase_if(boots, [](const BootSpan& boot) { return boot.begin_ns == boot.end_ns; });
  return boots;
}

std::vector<ServingSpan> serving_over_time(const Scenario& scenario) {
  std::vector<ServingSpan> spans = {{0, replicas_at_start(scenario)}};
  const std::vector<std::optional<std::size_t>> jobs = job_of_replicas(scenario);
  std::vector<bool> serving = serving_at_start(scenario);
  std::vector<bool> slow(serving.size());
  std::int64_t slowed = 0;  // that serve
  for (const ReplicaChange& change : plan_fleet(scenario)) {
    if (!jobs.empty() && jobs[change.replica]) continue;
    const std::uint32_t replica = change.replica;
    const bool of_pace = change.kind == ReplicaChange::Kind::pace;
    slowed -= serving[replica] && slow[replica] ? 1 : 0;
    if (of_pace) {
      slow[replica] = change.decode_ppm != kUsualPpm || change.prefill_ppm != kUsualPpm;
    } else {
      serving[replica] = change.kind == ReplicaChange::Kind::serve;
    }
    slowed += serving[replica] && slow[replica] ? 1 : 0;
    if (of_pace && spans.back().slowed == (slowed > 0)) continue;
    if (change.at_ns > spans.back().at_ns) spans.push_back({change.at_ns, spans.back().replicas});
    spans.back().slowed = slowed > 0;
    if (!of_pace) spans.back().replicas[site_of(scenario, replica)] += serving[replica] ? 1 : -1;
  }
  return spans;
}

std::vector<ServingSpan> there_over_time(const Scenario& scenario) {
  Scenario steady = scenario;  // the same without all that only interrupts
  steady.jobs.clear();
  for (Site& site : steady.fleet.sites) {
    site.failures.reset();
    site.available.reset();
    site.boot_ns = 0;
    site.spares = 0;
  }
  std::erase_if(steady.events, [](const Event& event) {
    return event.kind != EventKind::join && event.kind != EventKind::leave;
  });
  return serving_over_time(steady);
}

}  // namespace tokenlift
