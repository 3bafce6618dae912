#pragma once
// A waiting room for examples worked out by hand, and what goes into it.

#include <optional>
#include <vector>

#include "bench/throttle/waiting_room.hpp"
#include "tests/bench/throttle/throttles.hpp"

namespace tokenlift {

inline Throttle throttle(Unit unit, double rate_per_s, double burst, WhenFull when_full,
                         std::optional<std::int64_t> max_wait_ns = std::nullopt) {
  Throttle spec;
  spec.name = "limit";
  spec.unit = unit;
  spec.rate.per_s = rate_per_s;
  spec.burst.units = burst;
  spec.when_full = when_full;
  spec.max_wait_ns = max_wait_ns;
  return spec;
}

/// Requests are made by hand; tenants are those of `scenario`, or one.
class Room {
 public:
  explicit Room(Scenario scenario)
      : counts(scenario.throttles.size()), room(with_tenant(scenario), requests, counts) {}
  explicit Room(const std::vector<Throttle>& throttles) : Room(with_throttles(throttles)) {}

  RequestId request(std::int32_t prompt, std::int32_t output, std::int32_t max,
                    std::uint16_t tenant = 0, std::uint64_t number = 0) {
    Request r;
    r.prompt_tokens = prompt;
    r.output_tokens = output;
    r.max_tokens = max;
    r.tenant = tenant;
    r.number = number & Request::kMostNumber;
    return requests.add(r);
  }
  Verdict arrive(std::int64_t now_ns, RequestId id, const Patience& patience = {}) {
    return room.arrive(now_ns, id, patience).verdict;
  }
  std::optional<WaitingRoom::Released> release(std::int64_t now_ns) { return room.release(now_ns); }
  /// It completes with all its tokens.
  void settle(std::int64_t now_ns, RequestId id) {
    room.settle(now_ns, id, {requests[id].output_tokens, 0, -1});
  }
  void apply(std::int64_t now_ns, const Change& change) { room.apply(now_ns, {&change, 1}); }
  double level(std::size_t throttle, std::int64_t now_ns, Key key = 0) const {
    return room.limiter(throttle).level_units(now_ns, key);
  }

  RequestTable requests;
  std::vector<ThrottleCounts> counts;
  WaitingRoom room;

 private:
  static Scenario with_throttles(const std::vector<Throttle>& throttles) {
    Scenario scenario;
    scenario.throttles = throttles;
    return scenario;
  }
  static const Scenario& with_tenant(Scenario& scenario) {
    if (scenario.tenants.empty()) scenario.tenants.emplace_back();
    return scenario;
  }
};

/// The settings of a throttle from now on.
inline Change change(const Throttle& settings, bool lifted = false,
                     Inherit inherit = Inherit::as_is) {
  Change change;
  change.settings = settings;
  change.lifted = lifted;
  change.inherit = inherit;
  return change;
}

/// Two tenants with ten users each. Request numbers that are alike are of one user.
inline Scenario two_tenants(const std::vector<Throttle>& throttles) {
  Scenario scenario;
  scenario.throttles = throttles;
  for (const char* name : {"first", "second"}) {
    Tenant tenant;
    tenant.name = name;
    tenant.users = 10;
    tenant.arrivals.process = Process::closed;  // request n is of user n % 10
    scenario.tenants.push_back(tenant);
  }
  return scenario;
}

}  // namespace tokenlift
