#include "workloads/reader/fleet_check.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/power_plan.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

std::string replicas_of(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " replica" : " replicas");
}

/// How many places of a site are taken as its events come, whatever fails.
class TakenPlaces {
 public:
  TakenPlaces(const Scenario& scenario, const Site& site)
      : scenario_(scenario), site_(site), taken_(site.at_start.value_or(site.replicas)) {}

  /// The instants come in order.
  std::int64_t free_at(std::int64_t at_ns) {
    while (!leaving_.empty() && leaving_.top().next_ns <= at_ns) {
      Leaving leaving = leaving_.top();
      leaving_.pop();
      gone_ -= leaving.gone;
      leaving.gone = gone_by(leaving, at_ns);
      gone_ += leaving.gone;
      if (leaving.gone < leaving.count) push(leaving);
    }
    return site_.replicas - taken_ + gone_;
  }
  std::int64_t there() const { return taken_ - noticed_; }

  void join(std::int64_t count) { taken_ += count; }
  void leave(const Event& event, std::int64_t count) {
    noticed_ += count;
    push({0, begin_ns(scenario_, event), event.over_ns, count, 0});
  }

 private:
  struct Leaving {
    std::int64_t next_ns = 0;  // when the next of them goes
    std::int64_t begin_ns = 0;
    std::int64_t over_ns = 0;
    std::int64_t count = 0;
    std::int64_t gone = 0;
    bool operator>(const Leaving& other) const { return next_ns > other.next_ns; }
  };
  void push(Leaving leaving) {
    leaving.next_ns = leaving.begin_ns + spread_ns(leaving.over_ns, leaving.gone, leaving.count);
    leaving_.push(leaving);
  }
  static std::int64_t gone_by(const Leaving& leaving, std::int64_t at_ns) {
    const std::int64_t since_ns = at_ns - leaving.begin_ns;
    std::int64_t gone = leaving.gone;
    for (std::int64_t end = leaving.count; gone < end;) {  // halves what is left
      const std::int64_t middle = gone + (end - gone) / 2;
      if (spread_ns(leaving.over_ns, middle, leaving.count) <= since_ns) {
        gone = middle + 1;
      } else {
        end = middle;
      }
    }
    return gone;
  }

  const Scenario& scenario_;
  const Site& site_;
  std::int64_t taken_;
  std::int64_t noticed_ = 0;
  std::priority_queue<Leaving, std::vector<Leaving>, std::greater<>> leaving_;
  std::int64_t gone_ = 0;
};

void check_counts(const Scenario& scenario, const Site& site, const FleetPlaces& places,
                  Document& document) {
  TakenPlaces taken(scenario, site);
  for (const Event& event : scenario.events) {
    if (event.site != site.name) continue;
    const Place& place = places.events[event.index.value];
    const std::string at = " at " + format_duration(event.at_ns);
    if (event.kind == EventKind::join) {
      const std::int64_t free = taken.free_at(event.at_ns);
      const std::int64_t count = event.replicas.value_or(free);
      if (count > free || free == 0) {
        document.add_conflict(
            place,
            (count > free ? replicas_of(count) + " join site " : "replicas join site ") +
                in_quotes(site.name) + at + ", which " +
                (free == 0 ? "has all of its own" : "lacks " + std::to_string(free)),
            "it names " + std::to_string(site.replicas) +
                ": raise its replicas, lower at_start, or let fewer join");
        return;
      }
      taken.join(count);
    } else if (event.kind == EventKind::leave) {
      const std::int64_t count = event.replicas.value_or(taken.there());
      if (count > taken.there() || count == 0) {
        document.add_conflict(place,
                              (count == 0 ? std::string("nobody is there to leave site ")
                                          : replicas_of(count) + " leave site ") +
                                  in_quotes(site.name) + at +
                                  (count == 0 ? ""
                                              : ", where " + std::to_string(taken.there()) +
                                                    " are that have no notice yet"),
                              "let fewer leave, or others join before");
        return;
      }
      taken.leave(event, count);
    }
  }
}

/// Slowed down, and held back by a limit of power besides, steps must stay within what is counted.
void check_pace(const Scenario& scenario, const Site& site, const FleetPlaces& places,
                Document& document) {
  const Profile* const profile = own_profile(scenario, site);
  if (profile == nullptr || !profile->cost) return;
  const auto longest_ps = [&](const CostModel& cost) {
    Profile its = *profile;
    its.cost = cost;
    return price_of(its).longest_ps(site.max_batch, site.max_step_tokens, site.kv_tokens);
  };
  if (!longest_ps(*profile->cost)) return;  // which has been said of the site
  const std::int64_t most_ps = kLongestStepPs / (site.power ? kMostSlowing : 1);
  for (const Event& event : scenario.events) {
    if (event.kind != EventKind::slow || event.site != site.name) continue;
    const auto longest = longest_ps(at_pace(*profile->cost, event.decode_ppm, event.prefill_ppm));
    if (longest && *longest <= most_ps) continue;
    document.add(places.events[event.index.value],
                 "slowed down so far, a step of site " + in_quotes(site.name) +
                     " could take longer than 1000s",
                 "lower decode or prefill, or the site's max_batch, max_step_tokens or kv_tokens");
  }
}

void check_site(const Scenario& scenario, const PlacedSite& placed, const FleetPlaces& places,
                Document& document) {
  const Site& site = placed.site;
  const bool joins = std::ranges::any_of(scenario.events, [&](const Event& event) {
    return event.kind == EventKind::join && event.site == site.name;
  });
  if (site.at_start == 0 && !joins) {
    document.add(
        placed.table,
        "site " + in_quotes(site.name) + " never serves: at_start is 0, and nobody joins it",
        "add an event with join = { site = " + in_quotes(site.name) +
            " }, raise at_start, or remove the site");
  }
  check_counts(scenario, site, places, document);
  check_pace(scenario, site, places, document);
}

void check_number_of_changes(const Scenario& scenario, const FleetPlaces& places,
                             Document& document) {
  const double changes = expected_changes(scenario);
  if (changes <= kMostReplicaChanges) return;
  const auto chance = std::ranges::find_if(places.sites, [](const PlacedSite& placed) {
    return placed.site.failures || placed.site.available;
  });
  document.add(chance != places.sites.end() ? chance->table : places.events.front(),
               "replicas would come and go about " + format_number(std::round(changes)) + " times",
               format_number(kMostReplicaChanges) +
                   " are the most: raise mtbf or period, or shorten the run");
}

/// What nobody can hold back must fit. On an engine that is not simulated, or whose name is wrong,
/// nobody has looked whether a site's profile says what it draws.
void check_power(const Scenario& scenario, const FleetPlaces& places, Document& document) {
  if (!traits_of(scenario.run.engine).simulated) return;
  for (const PlacedSite& placed : places.sites) {
    const Site& site = placed.site;
    if (!site.power || !site.power->limit_mw) continue;
    const std::int64_t idle_mw = site_bounds(scenario, site)->idle_mw;
    const std::string idles = "site " + in_quotes(site.name) + " draws " +
                              format_power(std::min(idle_mw, kMostPowerMw)) +
                              " with all its accelerators idle, and may draw ";
    if (*site.power->limit_mw <= idle_mw) {
      document.add(placed.power, idles + format_power(*site.power->limit_mw),
                   "raise power.limit, or lower its replicas");
      continue;
    }
    for (const Event& event : scenario.events) {
      if (event.kind != EventKind::power || event.site != site.name) continue;
      if (*event.limit_mw > idle_mw) continue;
      document.add(
          places.events[event.index.value],
          idles + format_power(*event.limit_mw) + " from " + format_duration(event.at_ns) + " on",
          "raise its limit, or lower the site's replicas");
    }
  }
}

void check_followers(const Scenario& scenario, const FleetPlaces& places, Document& document) {
  for (std::size_t i = 0; i < scenario.throttles.size(); ++i) {
    if (!scenario.throttles[i].follows || !places.followers[i]) continue;
    const std::string name = "throttle " + in_quotes(scenario.throttles[i].name);
    if (!fleet_changes(scenario)) {
      document.add(
          *places.followers[i], name + " follows the capacity, and nothing changes that",
          traits_of(scenario.run.engine).remote
              ? "remove follows"
              : "add an event with join, leave or fail, or failures to a site; or remove follows");
    } else if (capacity_of(replica_weights(scenario), replicas_at_start(scenario)) == 0) {
      document.add(*places.followers[i],
                   name + " follows the capacity, of which there is none at the start",
                   "raise at_start of a site: the throttle is in proportion to what is there then");
    } else if (needs_site_capacities(scenario) && !traits_of(scenario.run.engine).simulated) {
      document.add(*places.followers[i],
                   name + " follows the capacity, and nobody knows that of each site: they differ",
                   "state capacity = \"120/s\" of a replica in every site, or give them the same "
                   "profile and memory");
    }
  }
}

}  // namespace

void check_boots(const RunSettings& run, const std::vector<PlacedSite>& sites, Document& document) {
  for (const PlacedSite& placed : sites) {
    const Site& site = placed.site;
    if (site.boot_ns < run.duration_ns || run.duration_ns == 0) continue;
    document.add(placed.boot,
                 "a replica of site " + in_quotes(site.name) + " boots for " +
                     format_duration(site.boot_ns) + ", and the run takes " +
                     format_duration(run.duration_ns),
                 "shorten boot, or lengthen run.duration");
  }
}

void check_fleet(const Scenario& scenario, const FleetPlaces& places, Document& document) {
  for (const PlacedSite& placed : places.sites) check_site(scenario, placed, places, document);
  check_number_of_changes(scenario, places, document);
  check_followers(scenario, places, document);
  check_power(scenario, places, document);
  const std::vector<std::int64_t> replicas = replicas_at_start(scenario);
  const bool nobody = std::ranges::all_of(replicas, [](std::int64_t count) { return count == 0; });
  if (nobody && places.load && !scenario.fleet.capacity_tokens_per_s) {
    document.add(*places.load,
                 "a load is a share of the capacity at the start, where no replica serves",
                 "state fleet.capacity, give a rate, or raise at_start of a site");
  }
}

}  // namespace tokenlift
