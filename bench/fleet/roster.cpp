#include "bench/fleet/roster.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

Roster::Roster(const Scenario& scenario) : scenario_(scenario), power_(scenario) {
  for (std::size_t i = 0; i < scenario.fleet.sites.size(); ++i) {
    models_.push_back(model({i, {}, {}}));
    places_.push_back(replica_places(scenario.fleet.sites[i]));
    distant_ = distant_ || scenario.fleet.sites[i].rtt_ns > 0;
  }
  for (const bool serves : serving_at_start(scenario)) {
    since_ns_.push_back(serves ? 0 : kNever);
    leaving_.push_back(0);
  }
}

void Roster::set_pace(const ReplicaChange& change) {
  const Pace pace{change.decode_ppm, change.prefill_ppm};
  if (pace == Pace{}) {
    paces_.erase(change.replica);
  } else {
    paces_[change.replica] = pace;
  }
}

const SiteModel& Roster::model_now(std::uint32_t replica) {
  const std::size_t site = site_of(scenario_, replica);
  const auto pace = paces_.find(replica);
  const Making making{site, pace != paces_.end() ? pace->second : Pace{}, power_.held_back(site)};
  const auto found = made_.find(making);
  if (found != made_.end()) return found->second;
  return made_.emplace(making, model(making)).first->second;
}

std::pair<std::uint32_t, std::uint32_t> Roster::range_of(std::size_t site) const {
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < site; ++i) begin += places_[i];
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(begin + places_[site])};
}

SiteModel Roster::model(const Making& making) const {
  const Site& site = scenario_.fleet.sites[making.site];
  const Profile* const profile = own_profile(scenario_, site);
  assert(profile != nullptr && profile->cost && "the reader saw to it");
  const auto slowed = [&](std::int64_t ppm) { return ppm * making.held_back.slow_milli / 1000; };
  Profile its = *profile;
  its.cost = at_pace(*its.cost, slowed(making.pace.decode_ppm), slowed(making.pace.prefill_ppm));
  const std::int64_t max_batch =
      making.held_back.max_batch > 0 ? making.held_back.max_batch : site.max_batch;
  SiteModel model({max_batch, site.max_step_tokens, site.kv_tokens, site.prefix_cache_tokens},
                  price_of(its));
  model.site = static_cast<std::uint16_t>(making.site);
  const Distance distance = distance_of(site);
  model.out_ns = distance.out_ns;
  model.back_ns = distance.back_ns;
  model.power = power_.of_site(making.site);
  model.held_back = making.held_back;
  return model;
}

void Roster::record_service(std::uint32_t replica, std::int64_t end_ns, TokenRecord& record) const {
  if (since_ns_[replica] == kNever) return;
  const SiteModel& its = model_of(replica);
  record.served({since_ns_[replica], end_ns, 1, its.limits.kv_tokens, its.site});
}

}  // namespace tokenlift
