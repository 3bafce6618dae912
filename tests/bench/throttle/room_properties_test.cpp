// What the waiting room promises whatever is asked of it: random rooms, random scripts, time moved
// by hand. Examples are in waiting_room_test.cpp; what each kind of throttle promises alone, in
// limiter_test.cpp.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "tests/bench/throttle/random_room.hpp"
#include "tests/bench/throttle/reference_room.hpp"

namespace tokenlift::room_properties_test {
namespace {

using Played = Player<WaitingRoom>;
using State = Played::State;

/// In several rooms for each seed: they are cheap.
template <typename Holds>
void in_random_rooms(Holds holds) {
  Random random(*rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>()));
  const auto length = *rc::gen::inRange(1, 250);
  for (int i = 0; i < 5; ++i) holds(random, length);
}

QueueOrder any_order(Random& random) {
  return random.one_of({QueueOrder::fifo, QueueOrder::priority, QueueOrder::fair});
}

std::size_t users(const Scenario& scenario) {
  return Population(scenario).count();
}

/// The levels of all throttles for all keys.
template <typename Room>
std::vector<double> levels(const Room& room, const Scenario& scenario, std::int64_t at_ns) {
  std::vector<double> levels;
  for (std::size_t t = 0; t < scenario.throttles.size(); ++t) {
    const Scope scope = scenario.throttles[t].scope;
    const std::size_t keys = scope == Scope::fleet    ? 1
                             : scope == Scope::tenant ? scenario.tenants.size()
                                                      : users(scenario);
    for (Key key = 0; key < keys; ++key) {
      levels.push_back(room.limiter(t).level_units(at_ns, key));
    }
  }
  return levels;
}

// Who goes when and in which order, who is told what, what every throttle has left for everybody,
// and what was counted. So nobody overtakes but where the order says so, no wake-up is lost, nobody
// who could go waits, a wait or a rejection takes nothing, and a permanent error is told at once.
RC_GTEST_PROP(RoomProperties, DecidesAsIfItLookedAtEverybodyAtEveryInstant, ()) {
  in_random_rooms([](Random& random, int length) {
    const Scenario scenario =
        random_scenario(random, random.one_of({QueueOrder::fifo, QueueOrder::priority}));
    const Script script = random_script(random, scenario, length);
    Played played(scenario);
    Player<ReferenceRoom> reference(scenario);
    for (const Happening& happening : script) {
      played.play(happening);
      reference.play(happening);
      RC_ASSERT(played.outcomes == reference.outcomes);
      RC_ASSERT(levels(played.room, scenario, happening.at_ns) ==
                levels(reference.room, scenario, happening.at_ns));
      RC_ASSERT(played.room.next_event_ns() > happening.at_ns);
      RC_ASSERT(played.room.next_event_ns() <= reference.room.next_event_ns());
      RC_ASSERT(played.room.waiting() == reference.room.waiting());
    }
    for (std::size_t t = 0; t < scenario.throttles.size(); ++t) {
      ThrottleCounts counts = played.counts[t];
      counts.held = 0;  // said of the longest to hold it, which the reference does not look for
      RC_ASSERT(counts == reference.counts[t]);
    }
  });
}

// In every order, and late: who looks every millisecond sees the same as who only looks when
// something else happens.
RC_GTEST_PROP(RoomProperties, LookingMoreOftenChangesNothing, ()) {
  in_random_rooms([](Random& random, int length) {
    const Scenario scenario = random_scenario(random, any_order(random));
    const Script script = random_script(random, scenario, length);
    Played rarely(scenario);
    Played often(scenario);
    std::int64_t now_ns = 0;
    for (const Happening& happening : script) {
      for (; now_ns < happening.at_ns; now_ns += kMillisecond) often.release(now_ns);
      rarely.play(happening);
      often.play(happening);
      RC_ASSERT(rarely.outcomes == often.outcomes);
    }
    RC_ASSERT(levels(rarely.room, scenario, now_ns) == levels(often.room, scenario, now_ns));
  });
}

RC_GTEST_PROP(RoomProperties, ALiftAndItsRestorationAtOneInstantChangeNothing, ()) {
  in_random_rooms([](Random& random, int length) {
    const Scenario scenario = random_scenario(random, any_order(random));
    const Script script = random_script(random, scenario, length);
    Played plain(scenario);
    Played lifted(scenario);
    std::vector<Change> present(scenario.throttles.size());
    for (std::size_t t = 0; t < present.size(); ++t) {
      present[t].throttle = t;
      present[t].settings = scenario.throttles[t];
    }
    for (const Happening& happening : script) {
      plain.play(happening);
      lifted.play(happening);
      for (const Change& change : happening.changes) present[change.throttle] = change;
      if (present.empty()) continue;
      Change restored = present[random.between<std::size_t>(0, present.size() - 1)];
      restored.inherit = random.one_of({Inherit::as_is, Inherit::proportional, Inherit::additive});
      Change lift = restored;
      lift.lifted = true;
      lifted.room.apply(happening.at_ns, std::vector{lift, restored});
      lifted.release(happening.at_ns);
      RC_ASSERT(plain.outcomes == lifted.outcomes);
      RC_ASSERT(levels(plain.room, scenario, happening.at_ns) ==
                levels(lifted.room, scenario, happening.at_ns));
    }
    RC_ASSERT(plain.counts == lifted.counts);
  });
}

// Shadows stand at the end, so that the script means the same throttles.
RC_GTEST_PROP(RoomProperties, ShadowsRefuseNothing, ()) {
  in_random_rooms([](Random& random, int length) {
    const Scenario scenario = random_scenario(random, any_order(random));
    const Script script = random_script(random, scenario, length);
    Scenario watched = scenario;
    for (int i = 0; i < 3; ++i) {
      watched.throttles.push_back(random_throttle(random, watched));
      watched.throttles.back().mode = Mode::shadow;
    }
    Played plain(scenario);
    Played shadowed(watched);
    for (const Happening& happening : script) {
      plain.play(happening);
      shadowed.play(happening);
      RC_ASSERT(plain.outcomes == shadowed.outcomes);
    }
    for (std::size_t t = 0; t < watched.throttles.size(); ++t) {
      if (t < scenario.throttles.size()) {
        RC_ASSERT(plain.counts[t] == shadowed.counts[t]);
      } else {
        RC_ASSERT(shadowed.counts[t].held == 0U && shadowed.counts[t].rejected == 0U);
      }
    }
  });
}

/// The instant at which everybody was admitted, by arrival.
std::vector<std::int64_t> admissions(const Played& played) {
  std::vector<std::int64_t> at_ns(played.clients.size(), kNever);
  for (const Outcome& outcome : played.outcomes) {
    if (outcome.verdict == Verdict::admitted) at_ns[outcome.arrival] = outcome.at_ns;
  }
  return at_ns;
}

// Costs are fixed: nobody ends, so nothing comes back.
RC_GTEST_PROP(RoomProperties, RaisingALimitDelaysNobody, ()) {
  in_random_rooms([](Random& random, int length) {
    Scenario scenario = random_tenants(random, QueueOrder::fifo);
    Throttle limit = random_throttle(random, scenario);
    limit.kind =
        random.one_of({ThrottleKind::token_bucket, ThrottleKind::gcra, ThrottleKind::leaky_bucket});
    limit.charge = Charge::reserve;
    limit.mode = Mode::enforce;
    limit.when_full = WhenFull::queue;
    limit.max_wait_ns.reset();
    limit.burst.units = random.between(kMostPrompt + kMostOutput, 100);
    scenario.throttles.push_back(limit);
    Played slow(scenario);
    Played fast(scenario);
    for (Happening& happening : random_script(random, scenario, length)) {
      if (happening.kind == Happening::Kind::arrival) {
        happening.patience = {};
        slow.play(happening);
        fast.play(happening);
      } else if (random.one_in(4)) {
        Change raise;
        limit.rate.per_s = *limit.rate.per_s * random.one_of({1.0, 1.1, 3.0});
        limit.burst.units = *limit.burst.units + random.one_of({0, 1, 30});
        raise.settings = limit;
        raise.inherit = random.one_of(
            {Inherit::as_is, Inherit::proportional, Inherit::additive, Inherit::reset});
        fast.release(happening.at_ns);
        fast.room.apply(happening.at_ns, {&raise, 1});
      }
    }
    slow.release(kNever - 1);
    fast.release(kNever - 1);
    const std::vector<std::int64_t> later_ns = admissions(slow);
    const std::vector<std::int64_t> sooner_ns = admissions(fast);
    for (std::size_t i = 0; i < later_ns.size(); ++i) {
      RC_ASSERT(later_ns[i] < kNever);
      RC_ASSERT(sooner_ns[i] <= later_ns[i]);
    }
  });
}

// Of rejecting throttles that go by time, alone.
RC_GTEST_PROP(RoomProperties, RetryAfterIsTheFirstInstantThatIsNotRejected, ()) {
  in_random_rooms([](Random& random, int length) {
    Scenario scenario = random_tenants(random, any_order(random));
    const int throttles = random.between(1, 4);
    for (int i = 0; i < throttles; ++i) {
      Throttle throttle = random_throttle(random, scenario);
      while (traits_of(throttle.kind).counts_in_flight) {
        throttle.kind = any_kind(random);
      }
      throttle.when_full = WhenFull::reject;
      throttle.charge = Charge::reserve;
      scenario.throttles.push_back(throttle);
    }
    Played played(scenario);
    std::int64_t now_ns = 0;
    for (const Happening& happening : random_script(random, scenario, length)) {
      if (happening.kind == Happening::Kind::change) continue;
      played.play(happening);
      now_ns = happening.at_ns;
    }
    RC_ASSERT(played.room.waiting() == 0U);
    for (int i = 0; i < 20; ++i) {
      Happening attempt = random_happening(random, scenario, now_ns);
      if (attempt.kind != Happening::Kind::arrival) continue;
      played.play(attempt);
      const Outcome outcome = played.outcomes.back();
      if (outcome.verdict == Verdict::admitted) continue;
      RC_ASSERT(outcome.permanent == !outcome.retry_at_ns);
      if (outcome.permanent) continue;
      RC_ASSERT(*outcome.retry_at_ns > now_ns);
      attempt.at_ns = *outcome.retry_at_ns - 1;
      played.play(attempt);
      RC_ASSERT(played.outcomes.back().verdict == Verdict::rejected);
      RC_ASSERT(played.outcomes.back().retry_at_ns == outcome.retry_at_ns);
      now_ns = attempt.at_ns = *outcome.retry_at_ns;
      played.play(attempt);
      RC_ASSERT(played.outcomes.back().verdict == Verdict::admitted);
    }
  });
}

// Only with throttles of scope user. Everybody else would be somewhere in the levels.
RC_GTEST_PROP(RoomProperties, WhatAUserDoesChangesNobodyElsesLevels, ()) {
  in_random_rooms([](Random& random, int length) {
    Scenario scenario = random_tenants(random, any_order(random));
    for (int i = 0; i < 3; ++i) {
      scenario.throttles.push_back(random_throttle(random, scenario));
      scenario.throttles.back().scope = Scope::user;
    }
    const std::size_t keys = users(scenario);
    Played played(scenario);
    for (const Happening& happening : random_script(random, scenario, length)) {
      played.release(happening.at_ns);
      const std::vector<double> before = levels(played.room, scenario, happening.at_ns);
      played.play(happening);
      if (happening.kind == Happening::Kind::change) continue;
      const std::vector<double> after = levels(played.room, scenario, happening.at_ns);
      std::set<std::size_t> changed;
      for (std::size_t i = 0; i < after.size(); ++i) {
        if (before[i] != after[i]) changed.insert(i % keys);
      }
      RC_ASSERT(changed.size() <= 1U);
    }
  });
}

// ----------------------------------------------------------------------------------- counting

/// Ends everybody who was admitted.
void end_all(Played& played, std::int64_t now_ns) {
  Happening end;
  end.kind = Happening::Kind::end;
  end.at_ns = now_ns;
  end.output = kMostOutput;
  while (played.count(State::admitted) + played.count(State::started) > 0) played.play(end);
}

RC_GTEST_PROP(RoomProperties, EverybodyIsInOnePlace, ()) {
  in_random_rooms([](Random& random, int length) {
    const Scenario scenario = random_scenario(random, any_order(random));
    Played played(scenario);
    std::int64_t now_ns = 0;
    for (const Happening& happening : random_script(random, scenario, length)) {
      played.play(happening);
      now_ns = happening.at_ns;
      std::int64_t backlog = 0;
      for (const Played::Client& client : played.clients) {
        if (client.state == State::waiting) backlog += played.requests[client.id].output_tokens;
      }
      RC_ASSERT(played.room.waiting() == played.count(State::waiting));
      RC_ASSERT(played.room.backlog_tokens() == backlog);
      RC_ASSERT(played.requests.size() == played.clients.size() - played.count(State::gone));
    }
    std::vector<int> decided(played.clients.size());
    for (const Outcome& outcome : played.outcomes) {
      if (outcome.verdict != Verdict::waiting) ++decided[outcome.arrival];
    }
    for (std::size_t i = 0; i < decided.size(); ++i) {
      RC_ASSERT(decided[i] == (played.clients[i].state == State::waiting ? 0 : 1));
    }
    end_all(played, now_ns);
    for (std::size_t t = 0; t < scenario.throttles.size(); ++t) {
      const ThrottleCounts& counts = played.counts[t];
      RC_ASSERT((counts.refunded_micro <= counts.taken_micro));
      RC_ASSERT(counts.admitted <= played.clients.size());
    }
  });
}

// In peak hours too, and however they change before a request ends.
RC_GTEST_PROP(RoomProperties, WhatWasTakenAndDidNotComeBackWasUsed, ()) {
  in_random_rooms([](Random& random, int length) {
    Scenario scenario = random_tenants(random, any_order(random));
    const Unit unit = random.one_of({Unit::requests, Unit::output_tokens});
    Throttle limit = random_throttle(random, scenario);
    limit.unit = unit;
    limit.kind = any_kind(random);
    if (limit.kind == ThrottleKind::queue_limit) limit.kind = ThrottleKind::concurrency;
    randomise_numbers(random, limit);
    limit.charge = Charge::reserve;
    limit.exempt_cached = false;
    limit.mode = Mode::enforce;
    limit.tenants.clear();
    scenario.throttles.push_back(limit);
    Played played(scenario);
    double drain = 1;
    std::vector<double> drains;  // by arrival; of those admitted, when they were
    double used = 0;
    std::uint64_t admitted = 0;
    const auto note = [&] {
      drains.resize(played.clients.size());
      for (std::size_t i = 0; i < drains.size(); ++i) {
        if (played.clients[i].state != State::admitted || drains[i] > 0) continue;
        drains[i] = drain;
        ++admitted;
      }
    };
    std::int64_t now_ns = 0;
    Script script = random_script(random, scenario, length);
    for (Happening& happening : script) {
      now_ns = happening.at_ns;
      if (happening.kind == Happening::Kind::start) continue;
      for (Change& change : happening.changes) {
        change.settings.charge = Charge::reserve;
        change.settings.mode = Mode::enforce;
        change.lifted = false;
      }
      played.release(now_ns);
      note();
      if (!happening.changes.empty()) drain = happening.changes.back().drain;
      const std::vector<std::int64_t> served = played.served_tokens;
      const std::vector<Played::Client> before = played.clients;
      std::vector<std::int64_t> output(before.size());
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i].state == State::gone) continue;
        output[i] = happening.output % (played.requests[before[i].id].output_tokens + 1);
      }
      played.play(happening);
      if (happening.kind == Happening::Kind::end) {
        for (std::size_t i = 0; i < before.size(); ++i) {
          if (before[i].state != State::admitted || played.clients[i].state != State::gone)
            continue;
          used += drains[i] * (unit == Unit::requests ? 1.0 : static_cast<double>(output[i]));
        }
      }
      note();
    }
    const ThrottleCounts counts = played.counts[0];
    RC_ASSERT(counts.admitted == admitted);
    double outstanding = 0;
    for (std::size_t i = 0; i < drains.size(); ++i) {
      if (played.clients[i].state != State::admitted) continue;
      outstanding += drains[i] * (unit == Unit::requests ? 1.0 : kMostOutput);
    }
    RC_ASSERT(std::abs(counts.taken_units() - counts.refunded_units() - used - outstanding) < 1e-3);
  });
}

// ---------------------------------------------------------------------------------------- fair

/// By tenant, weighted: the largest input that it may ask for, and most output in flight.
double credit(const Scenario& scenario, const Played& played, std::size_t tenant) {
  std::int64_t in_flight = 0;
  for (const Played::Client& client : played.clients) {
    if (client.state != State::admitted && client.state != State::started) continue;
    const Request& request = played.requests[client.id];
    if (request.tenant == tenant) in_flight += request.output_tokens;
  }
  return static_cast<double>(kMostPrompt + in_flight) / scenario.tenants[tenant].weight;
}

// Between two tenants that both wait, from whenever on: nobody comes with credit, nobody with debt.
RC_GTEST_PROP(RoomProperties, FairServesThoseWhoWaitAlikeByTheirWeights, ()) {
  in_random_rooms([](Random& random, int length) {
    Scenario scenario = random_tenants(random, QueueOrder::fair);
    const int throttles = random.between(1, 2);
    for (int i = 0; i < throttles; ++i) {
      Throttle limit = random_throttle(random, scenario);
      limit.kind = random.one_of({ThrottleKind::token_bucket, ThrottleKind::gcra,
                                  ThrottleKind::leaky_bucket, ThrottleKind::fixed_window,
                                  ThrottleKind::concurrency, ThrottleKind::aimd});
      limit.scope = Scope::fleet;
      limit.tenants.clear();
      limit.mode = Mode::enforce;
      limit.when_full = WhenFull::queue;
      limit.max_wait_ns.reset();
      limit.limit = (limit.unit == Unit::requests ? 1 : 30) * random.one_of({1, 10, 50});
      limit.burst.units = limit.limit;
      scenario.throttles.push_back(limit);
    }
    const std::size_t tenants = scenario.tenants.size();
    Played played(scenario);
    struct Gap {
      bool both_wait = false;
      double least = 0, most = 0;
    };
    std::vector<Gap> gaps(tenants * tenants);
    std::vector<double> credits(tenants);
    std::int64_t most_output = 0;  // in flight, of the fleet
    const std::int32_t longest = random.one_of({1, 40});
    const auto look = [&] {
      std::vector<int> waiting(tenants);
      for (const Played::Client& client : played.clients) {
        if (client.state == State::waiting) ++waiting[played.requests[client.id].tenant];
      }
      std::int64_t output = 0;
      for (const Played::Client& client : played.clients) {
        if (client.state != State::admitted && client.state != State::started) continue;
        output += played.requests[client.id].output_tokens;
      }
      most_output = std::max(most_output, output);
      for (std::size_t t = 0; t < tenants; ++t) {
        credits[t] = std::max(credits[t], credit(scenario, played, t));
      }
      for (std::size_t a = 0; a < tenants; ++a) {
        for (std::size_t b = a + 1; b < tenants; ++b) {
          Gap& gap = gaps[a * tenants + b];
          const double served =
              static_cast<double>(played.served_tokens[a]) / scenario.tenants[a].weight -
              static_cast<double>(played.served_tokens[b]) / scenario.tenants[b].weight;
          const bool both_wait = waiting[a] > 0 && waiting[b] > 0;
          if (!both_wait || !gap.both_wait) gap.least = gap.most = served;
          gap.both_wait = both_wait;
          gap.least = std::min(gap.least, served);
          gap.most = std::max(gap.most, served);
          // Hardly anything is in flight unaccounted.
          if (longest == 1) RC_ASSERT(gap.most - gap.least <= credits[a] + credits[b] + 1e-9);
          // At every instant, 2 x max(largest input, largest batch of output) / weight.
          const double apart = std::abs(played.room.served(static_cast<std::uint32_t>(a)) -
                                        played.room.served(static_cast<std::uint32_t>(b)));
          const double weight = std::min(scenario.tenants[a].weight, scenario.tenants[b].weight);
          const double most = static_cast<double>(std::max<std::int64_t>(kMostPrompt, most_output));
          if (both_wait) RC_ASSERT(apart <= 2 * most / weight + 1e-9);
        }
      }
    };
    for (Happening& happening : random_script(random, scenario, 3 * length)) {
      if (happening.kind == Happening::Kind::change) continue;
      happening.request.output_tokens = 1 + happening.request.output_tokens % longest;
      played.release(happening.at_ns);
      look();
      played.play(happening);
      look();
    }
  });
}

}  // namespace
}  // namespace tokenlift::room_properties_test
