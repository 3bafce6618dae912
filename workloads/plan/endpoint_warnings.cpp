#include "workloads/plan/endpoint_warnings.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "workloads/plan/demand.hpp"

namespace tokenlift {

namespace {

// What is said to this machine itself goes over no network.
bool is_loopback(std::string_view url) {
  const std::string_view rest = url.substr(url.find("//") + 2);
  return std::ranges::any_of(std::to_array<std::string_view>({"127.", "localhost", "[::1]"}),
                             [&](std::string_view host) { return rest.starts_with(host); });
}

bool sends_a_key(const Scenario& scenario, const Site& site) {
  return site.endpoint->credentials.has_key() ||
         std::ranges::any_of(scenario.tenants, [&](const Tenant& tenant) {
           return may_use(tenant, site) && tenant.credentials.has_key();
         });
}

}  // namespace

void warn_of_endpoints(const Scenario& resolved, std::vector<std::string>& result) {
  for (const Site& site : resolved.fleet.sites) {
    if (!site.endpoint) continue;
    const std::string& url = site.endpoint->url;
    if (url.starts_with("http://") && !is_loopback(url) && sends_a_key(resolved, site)) {
      result.push_back("site '" + site.name +
                       "' is sent a key over http, which everybody on the way can read: write "
                       "https:// in its url");
    }
    const bool used = std::ranges::any_of(
        resolved.tenants, [&](const Tenant& tenant) { return may_use(tenant, site); });
    if (!used) {
      result.push_back("site '" + site.name +
                       "' is used by nobody: name it in the sites of a tenant, or remove it");
    }
  }
  for (const Event& event : resolved.events) {
    if (!event.call || !event.call->credentials.has_key()) continue;
    const std::string& url = event.call->url;
    if (url.starts_with("http://") && !is_loopback(url)) {
      result.push_back("the call to " + url +
                       " sends a key over http, which everybody on the way can read: write "
                       "https:// in its url");
    }
  }
}

}  // namespace tokenlift
