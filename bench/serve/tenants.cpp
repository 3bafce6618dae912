#include "bench/serve/tenants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "workloads/requests/people.hpp"
#include "workloads/text/ascii.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kBlanks = " \t\r";

}  // namespace

std::variant<Keys, std::string> parse_keys(std::string_view text, const Scenario& scenario) {
  Keys keys;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end), kBlanks);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto blank = std::min(line.find_first_of(kBlanks), line.size());
    const std::string tenant(trimmed(line.substr(blank), kBlanks));
    const bool known = tenant.empty() || std::ranges::find(scenario.tenants, tenant,
                                                           &Tenant::name) != scenario.tenants.end();
    if (!known) return fmt::format("line {}: no tenant is called '{}'", number, tenant);
    if (!keys.emplace(line.substr(0, blank), tenant).second) {
      return fmt::format("line {}: the key is there twice", number);
    }
  }
  if (keys.empty()) return std::string("there is no key in it");
  return keys;
}

TenantDesk::Desk::Desk(const Tenant& tenant, std::uint64_t seed, std::uint64_t number)
    : draws(seed, Purpose::output_tokens, number) {
  const bool has_lengths = tenant.output_tokens.mean > 0 || tenant.output_tokens.max > 0;
  if (has_lengths) outputs.emplace(tenant.output_tokens);
}

TenantDesk::TenantDesk(const Scenario& scenario) : scenario_(scenario) {
  for (const Tenant& tenant : scenario.tenants) {
    Desk desk(tenant, scenario.run.seed, tenants_.size());
    desk.most_tokens = std::numeric_limits<std::int32_t>::max();
    for (const Site& site : scenario.fleet.sites) {
      const bool serves =
          tenant.sites.empty() || std::ranges::find(tenant.sites, site.name) != tenant.sites.end();
      if (serves) desk.most_tokens = std::min(desk.most_tokens, site.kv_tokens);
    }
    tenants_.push_back(std::move(desk));
  }
}

std::optional<std::uint32_t> TenantDesk::find(const Keys& keys, const std::string& key,
                                              const std::string& name) const {
  const auto known = keys.find(key);
  const std::string& wanted = known != keys.end() && !known->second.empty() ? known->second : name;
  if (wanted.empty()) return 0;
  const auto found = std::ranges::find(scenario_.tenants, wanted, &Tenant::name);
  if (found == scenario_.tenants.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - scenario_.tenants.begin());
}

std::uint64_t TenantDesk::user(std::uint32_t tenant, const std::string& name) {
  const auto places = static_cast<std::uint64_t>(scenario_.tenants[tenant].users);
  auto& users = tenants_[tenant].users;
  const auto found = users.find(name);
  if (found != users.end()) return found->second;
  if (users.size() >= places) return std::hash<std::string>{}(name) % places;
  const std::uint64_t place = users.size();
  users.emplace(name, place);
  return place;
}

std::int64_t TenantDesk::usual_max_tokens(std::uint32_t tenant) const {
  return scenario_.tenants[tenant].max_tokens;
}

IncomingRequest TenantDesk::request_of(const Peer& peer) {
  const Turn& turn = peer.turn;
  Desk& desk = tenants_[turn.tenant];
  const auto users = static_cast<std::uint64_t>(scenario_.tenants[turn.tenant].users);
  IncomingRequest request;
  request.caller = peer.number();
  request.tenant = turn.tenant;
  request.max_tokens = turn.max_tokens;
  request.request_id = turn.facts.request_id;
  request.arrival.due_ns = turn.asked_ns;
  request.arrival.prompt_tokens = turn.facts.prompt_tokens;
  const std::uint64_t count = desk.count++;
  request.arrival.output_tokens = turn.max_tokens;
  if (!turn.ignore_eos && desk.outputs) {
    request.arrival.output_tokens =
        std::min(desk.outputs->draw(desk.draws, count), turn.max_tokens);
  }
  // Numbers begin again where there are no more.
  static_assert(Request::kMostNumber >= 2 * kNamedUsers - 1);
  request.arrival.number = kNamedUsers + count % (kNamedUsers / users) * users + turn.user;
  return request;
}

}  // namespace tokenlift
