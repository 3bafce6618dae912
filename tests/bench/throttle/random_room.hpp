#pragma once
// Random waiting rooms, and scripts of what happens to them: arrivals, starts, ends and changes at
// whole ticks, so that many of them meet. A script says nothing of verdicts, so it can be played to
// any room.

#include <array>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "bench/throttle/waiting_room.hpp"
#include "tests/bench/throttle/throttles.hpp"

namespace tokenlift {

/// Draws from one seed: RapidCheck chooses it, and shortens the script.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  template <typename T>
  T between(T least, T most) {
    return std::uniform_int_distribution<T>(least, most)(engine_);
  }
  bool one_in(int n) { return between(1, n) == 1; }
  template <typename T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[between<std::size_t>(0, values.size() - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

inline constexpr std::int64_t kTick = 10 * kMillisecond;
inline constexpr std::int32_t kMostPrompt = 20;
inline constexpr std::int32_t kMostOutput = 10;

/// One thing that happens.
struct Happening {
  enum class Kind : std::uint8_t { arrival, start, end, change };
  Kind kind = Kind::arrival;
  std::int64_t at_ns = 0;
  Request request;              ///< arrival
  Patience patience;            ///< arrival
  std::size_t which = 0;        ///< start, end: of those who may, this one (modulo their number)
  std::int32_t cached = 0;      ///< start: of its prompt, modulo that
  std::int64_t output = 0;      ///< end: of its output, modulo that and 1; 0: it failed
  std::int64_t ttft_ns = -1;    ///< end
  std::vector<Change> changes;  ///< change
};
using Script = std::vector<Happening>;

/// What became of one attempt, or of one who waited.
struct Outcome {
  std::size_t arrival = 0;  ///< counted over the script
  std::int64_t at_ns = 0;   ///< when it was admitted; 0 if it was not
  Verdict verdict = Verdict::admitted;
  std::optional<std::int64_t> retry_at_ns;
  bool permanent = false;
  bool operator==(const Outcome&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& o) {
    return out << "arrival " << o.arrival << " at " << o.at_ns << " verdict "
               << static_cast<int>(o.verdict) << " retry at " << o.retry_at_ns.value_or(-1)
               << (o.permanent ? " permanent" : "");
  }
};

/// Numbers of a throttle, its kind, unit and scope left as they are. Most requests of up to so many
/// tokens fit.
inline void randomise_numbers(Random& random, Throttle& throttle, int tokens = 25) {
  const int scale = throttle.unit == Unit::requests ? 1 : tokens;
  const auto limit = [&] { return static_cast<double>(random.between(scale, 6 * scale)); };
  throttle.rate.per_s = random.one_of({1, 2, 5, 20}) * scale;
  throttle.burst.units = limit();
  throttle.limit = limit();
  throttle.window_ns = random.one_of<std::int64_t>({50, 100, 700, 2000}) * kMillisecond;
  throttle.min_limit = scale / 2.0;
  throttle.max_limit = random.between(3 * scale, 20 * scale);
  throttle.target_ns = 50 * kMillisecond;
  throttle.rise = random.one_of({1.0, 1.5, 3.0});
  throttle.mode = random.one_in(6) ? Mode::shadow : Mode::enforce;
  throttle.when_full = random.one_in(4) ? WhenFull::reject : WhenFull::queue;
  throttle.max_wait_ns.reset();
  if (random.one_in(4)) throttle.max_wait_ns = random.between(1, 300) * kTick;
  if (traits_of(throttle.kind).charges_after && random.one_in(3)) {
    throttle.charge = Charge::after;
  }
}

inline ThrottleKind any_kind(Random& random) {
  return kThrottleKinds[random.between<std::size_t>(0, kThrottleKinds.size() - 1)].kind;
}

inline Throttle random_throttle(Random& random, const Scenario& scenario) {
  Throttle throttle;
  throttle.name = "throttle " + std::to_string(scenario.throttles.size());
  throttle.kind = any_kind(random);
  throttle.unit =
      random.one_of({Unit::requests, Unit::input_tokens, Unit::output_tokens, Unit::tokens});
  throttle.scope = random.one_of({Scope::fleet, Scope::tenant, Scope::user});
  for (const Tenant& tenant : scenario.tenants) {
    if (random.one_in(4)) throttle.tenants.push_back(tenant.name);
  }
  const bool has_input = throttle.unit == Unit::input_tokens || throttle.unit == Unit::tokens;
  throttle.exempt_cached = has_input && !traits_of(throttle.kind).limits_queue && random.one_in(2);
  randomise_numbers(random, throttle);
  return throttle;
}

/// One to four tenants with up to four users each.
inline Scenario random_tenants(Random& random, QueueOrder order) {
  Scenario scenario;
  scenario.queue_order = order;
  const auto tenants = random.between<std::size_t>(1, 4);
  for (std::size_t i = 0; i < tenants; ++i) {
    Tenant tenant;
    tenant.name = "tenant " + std::to_string(i);
    tenant.users = random.between(1, 4);
    tenant.priority = random.between(0, 2);
    tenant.weight = random.one_of({0.5, 1.0, 3.0});
    tenant.arrivals.process = random.one_in(2) ? Process::closed : Process::poisson;
    scenario.tenants.push_back(tenant);
  }
  return scenario;
}

/// With none to five throttles of every kind.
inline Scenario random_scenario(Random& random, QueueOrder order) {
  Scenario scenario = random_tenants(random, order);
  const int throttles = random.one_in(10) ? 0 : random.between(1, 5);
  for (int i = 0; i < throttles; ++i) {
    scenario.throttles.push_back(random_throttle(random, scenario));
  }
  return scenario;
}

inline Change random_change(Random& random, const Scenario& scenario, std::int64_t at_ns) {
  Change change;
  change.at_ns = at_ns;
  change.throttle = random.between<std::size_t>(0, scenario.throttles.size() - 1);
  change.settings = scenario.throttles[change.throttle];
  if (random.one_in(2)) randomise_numbers(random, change.settings);
  change.lifted = random.one_in(4);
  if (!traits_of(change.settings.kind).limits_queue) {
    change.drain = random.one_of({1.0, 1.0, 2.0, 0.5});
  }
  change.inherit =
      random.one_of({Inherit::as_is, Inherit::proportional, Inherit::reset, Inherit::additive});
  return change;
}

inline Happening random_happening(Random& random, const Scenario& scenario, std::int64_t at_ns) {
  Happening happening;
  happening.at_ns = at_ns;
  const int dice = random.between(0, 19);
  if (dice == 0 && !scenario.throttles.empty()) {
    happening.kind = Happening::Kind::change;
    const int changes = random.between(1, 3);
    for (int i = 0; i < changes; ++i) {
      happening.changes.push_back(random_change(random, scenario, at_ns));
    }
    return happening;
  }
  happening.which = random.between<std::size_t>(0, 1000);
  if (dice < 10) {
    happening.kind = dice < 3 ? Happening::Kind::start : Happening::Kind::end;
    happening.cached = random.between(0, kMostPrompt);
    happening.output = random.one_in(4) ? 0 : random.between(0, kMostOutput);
    happening.ttft_ns = random.between<std::int64_t>(-1, 120) * kMillisecond;
    return happening;
  }
  Request& request = happening.request;
  request.tenant = random.between<std::size_t>(0, scenario.tenants.size() - 1) & 0xffff;
  request.number = random.between<std::uint64_t>(0, 1000) & Request::kMostNumber;
  request.prompt_tokens = random.between(1, kMostPrompt);
  request.output_tokens = random.between(1, kMostOutput);
  request.max_tokens = kMostOutput;
  if (random.one_in(4)) {
    happening.patience = {at_ns + random.between<std::int64_t>(0, 50) * kTick,
                          random.one_in(2) ? Verdict::expired : Verdict::cancelled};
  }
  return happening;
}

inline Script random_script(Random& random, const Scenario& scenario, int happenings) {
  Script script;
  std::int64_t now_ns = 0;
  std::size_t busiest = 0;
  for (int i = 0; i < happenings; ++i) {
    if (random.one_in(2)) now_ns += random.between<std::int64_t>(0, 2) * kTick;
    if (random.one_in(50)) now_ns += random.between<std::int64_t>(0, 300) * kTick;
    if (random.one_in(20)) busiest = random.between<std::size_t>(0, scenario.tenants.size() - 1);
    script.push_back(random_happening(random, scenario, now_ns));
    if (random.one_in(2)) script.back().request.tenant = busiest & 0xffff;
  }
  return script;
}

/// Plays scripts to a room, and notes what becomes of everybody.
template <typename Room>
class Player {
 public:
  enum class State : std::uint8_t { admitted, started, waiting, gone };
  struct Client {
    RequestId id = 0;
    State state = State::waiting;
    std::int32_t cached = 0;
  };

  explicit Player(const Scenario& scenario)
      : counts(scenario.throttles.size()),
        room(scenario, requests, counts),
        served_tokens(scenario.tenants.size()) {}

  void play(const Happening& happening) {
    release(happening.at_ns);
    switch (happening.kind) {
      case Happening::Kind::arrival:
        arrive(happening);
        break;
      case Happening::Kind::start:
        if (Client* client = one_of(happening.which, State::admitted)) start(happening, *client);
        break;
      case Happening::Kind::end:
        if (Client* client = one_of(happening.which, State::started)) end(happening, *client);
        break;
      case Happening::Kind::change:
        room.apply(happening.at_ns, happening.changes);
        break;
    }
    release(happening.at_ns);
  }

  /// Everybody who leaves the room by then does.
  void release(std::int64_t until_ns) {
    while (const auto released = room.release(until_ns)) {
      for (std::size_t i = 0; i < clients.size(); ++i) {
        if (clients[i].id == released->id && clients[i].state == State::waiting) {
          note(i, released->decision);
          break;
        }
      }
    }
  }

  std::size_t count(State state) const {
    std::size_t number = 0;
    for (const Client& client : clients) number += client.state == state ? 1 : 0;
    return number;
  }

  RequestTable requests;
  std::vector<ThrottleCounts> counts;
  Room room;
  std::vector<Client> clients;    ///< by arrival
  std::vector<Outcome> outcomes;  ///< in order
  /// By tenant: input of those admitted, output of those that have ended.
  std::vector<std::int64_t> served_tokens;

 private:
  void arrive(const Happening& happening) {
    clients.push_back({requests.add(happening.request)});
    note(clients.size() - 1, room.arrive(happening.at_ns, clients.back().id, happening.patience));
  }

  void note(std::size_t arrival, const Decision& decision) {
    Client& client = clients[arrival];
    Outcome outcome{arrival, 0, decision.verdict, decision.retry_at_ns, decision.permanent};
    client.state = State::gone;
    if (decision.verdict == Verdict::waiting) client.state = State::waiting;
    if (decision.verdict == Verdict::admitted) {
      client.state = State::admitted;
      const Request& request = requests[client.id];
      outcome.at_ns = request.admitted_ns;
      served_tokens[request.tenant] += request.prompt_tokens;
    }
    outcomes.push_back(outcome);
    if (client.state == State::gone) requests.remove(client.id);
  }

  /// Of the clients in a state; those who have started first were admitted, so they may end too.
  Client* one_of(std::size_t which, State state) {
    std::vector<Client*> candidates;
    for (Client& client : clients) {
      const bool ends = state == State::started && client.state == State::admitted;
      if (client.state == state || ends) candidates.push_back(&client);
    }
    return candidates.empty() ? nullptr : candidates[which % candidates.size()];
  }

  void start(const Happening& happening, Client& client) {
    client.state = State::started;
    client.cached = happening.cached % requests[client.id].prompt_tokens;
    room.scheduled(happening.at_ns, client.id, client.cached);
  }

  void end(const Happening& happening, Client& client) {
    const std::int64_t output = happening.output % (requests[client.id].output_tokens + 1);
    room.settle(happening.at_ns, client.id, {output, client.cached, happening.ttft_ns});
    served_tokens[requests[client.id].tenant] += output;
    requests.remove(client.id);
    client.state = State::gone;
  }
};

}  // namespace tokenlift
