#include "bench/wire/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "bench/record/recording_grid.hpp"
#include "bench/wire/exchange.hpp"
#include "bench/wire/http_fleet.hpp"
#include "bench/wire/origin.hpp"
#include "bench/wire/request_text.hpp"
#include "bench/wire/secrets.hpp"
#include "bench/wire/wire_clock.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kLookNs = 50'000'000;
constexpr std::int32_t kPromptTokens = 8;

std::vector<Header> headers_of(const Endpoint& endpoint, const Tenant& tenant) {
  std::vector<Header> headers = endpoint.credentials.headers;
  const std::string key = read_key(endpoint, tenant.credentials);
  const bool is_anthropic = endpoint.api == Api::anthropic_messages;
  if (is_anthropic) headers.emplace_back("anthropic-version", "2023-06-01");
  if (!key.empty() && is_anthropic) headers.emplace_back("x-api-key", key);
  if (!key.empty() && !is_anthropic) headers.push_back(bearer_field(key));
  return headers;
}

std::string milliseconds(std::int64_t ns) {
  return fmt::format("{:.1f} ms", static_cast<double>(ns) / 1e6);
}

/// What it says of its models.
std::string ask_for_models(const Endpoint& endpoint, const Tenant& tenant,
                           const std::atomic<bool>& stop) {
  WireClock clock;
  const Origin origin = find_origin(endpoint.url, endpoint.ca_file);
  Url models = origin.url;
  models.path = models.path_below("/models");
  Exchange exchange(clock, origin, plain_request("GET", models, headers_of(endpoint, tenant), ""),
                    {endpoint.connect_timeout_ns, endpoint.first_byte_timeout_ns});
  while (!exchange.is_done() && !stop) exchange.look(clock.wait(clock.now_ns() + kLookNs));
  if (!exchange.is_done()) return "models: interrupted";
  const Exchange::Result& result = exchange.result();
  if (result.failure) {
    return fmt::format("models: {} ({})", result.message, name_of(*result.failure));
  }
  if (result.status != 200) {
    return fmt::format("models: status {}; not every server lists them", result.status);
  }
  const bool named = result.body.find('"' + endpoint.model + '"') != std::string::npos;
  return fmt::format("models: {} '{}'", named ? "it has" : "it does not name", endpoint.model);
}

/// The first tenant that it may serve.
std::uint32_t tenant_of(const Scenario& scenario, const Site& site) {
  const auto served = std::ranges::find_if(scenario.tenants, [&](const Tenant& tenant) {
    return tenant.sites.empty() || std::ranges::count(tenant.sites, site.name) > 0;
  });
  if (served == scenario.tenants.end()) return 0;
  return static_cast<std::uint32_t>(served - scenario.tenants.begin());
}

/// What became of asking it for a token.
std::string describe(HttpFleet& fleet, const News& news) {
  const Reply& reply = fleet.reply(news.id);
  if (news.kind == NewsKind::refused) {
    return fmt::format("one token: refused with status {}", reply.status);
  }
  if (news.kind == NewsKind::failed) {
    return fmt::format("one token: {}: {}", reply.failure, fleet.wire()->failures.front().example);
  }
  std::string text = fmt::format("one token: {} came, the first after {}", reply.output_tokens,
                                 milliseconds(news.first_token_ns - reply.admitted_ns));
  if (reply.prompt_tokens >= 0) {
    text += fmt::format("; it counts {} tokens in a prompt of {} words", reply.prompt_tokens,
                        kPromptTokens);
  }
  if (!reply.usage_known) text += "; it does not say usage: tokens will be a count of its chunks";
  return text;
}

void ask_for_token(const Scenario& scenario, std::uint32_t site, const std::atomic<bool>& stop,
                   Probed& probed) {
  Scenario alone = scenario;  // refusals are what is to be seen
  alone.fleet.sites[site].endpoint->on_refusal = OnRefusal::client;
  for (Site& other : alone.fleet.sites) other.endpoint->metrics_url.clear();
  const RecordingGrid grid = make_grid(alone);
  WireClock clock;
  HttpFleet fleet(alone, grid, clock);
  Work work;
  // Not the name of a request of the run, which the endpoint may log as well.
  work.number = std::numeric_limits<std::uint32_t>::max();
  work.tenant = tenant_of(alone, alone.fleet.sites[site]);
  work.prompt_tokens =
      kPromptTokens + static_cast<std::int32_t>(alone.tenants[work.tenant].prompts.system_tokens);
  work.output_tokens = 1;
  fleet.submit(work, site, clock.now_ns());
  while (!stop) {
    const std::int64_t now_ns = clock.wait(clock.now_ns() + kLookNs);
    for (const News& news : fleet.advance(now_ns)) {
      if (news.kind == NewsKind::started) continue;
      probed.answers = news.kind != NewsKind::failed;
      probed.found.push_back(describe(fleet, news));
      return;
    }
  }
  probed.found.emplace_back("one token: interrupted");
}

}  // namespace

std::vector<Probed> probe_endpoints(const Scenario& scenario, const std::atomic<bool>& stop) {
  const Secrets secrets = secrets_of(scenario);
  std::vector<Probed> all;
  for (std::uint32_t i = 0; i < scenario.fleet.sites.size() && !stop; ++i) {
    const Endpoint& endpoint = *scenario.fleet.sites[i].endpoint;
    Probed& probed = all.emplace_back();
    probed.site = scenario.fleet.sites[i].name;
    std::string addresses;
    for (const Address& address : find_origin(endpoint.url, endpoint.ca_file).addresses) {
      addresses += (addresses.empty() ? "" : ", ") + address.text();
    }
    probed.found.push_back(fmt::format("{} is at {}", endpoint.url, addresses));
    const Tenant& tenant = scenario.tenants[tenant_of(scenario, scenario.fleet.sites[i])];
    probed.found.push_back(secrets.blank(ask_for_models(endpoint, tenant, stop)));
    ask_for_token(scenario, i, stop, probed);
  }
  return all;
}

}  // namespace tokenlift
