#pragma once
// What engine http has, at random: endpoints, what tenants send there, and events that happen
// elsewhere.

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/testing.hpp"
#include "tests/workloads/reader/random_values.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/requests/lengths.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift::random_parts {

inline std::string random_url(const std::string& scheme) {
  return scheme + *rc::gen::element<std::string>("127.0.0.1:8000", "[::1]:1", "a.example") +
         *rc::gen::element<std::string>("", "/", "/v1", "/v1/x%20y?a=b&c=");
}

// In the order of their names, as TOML keeps them.
inline std::vector<Header> random_headers() {
  std::vector<Header> headers;
  for (const char* name : {"X-Team", "anthropic-beta", "x.y!z"}) {
    if (*rc::gen::arbitrary<bool>()) continue;
    std::string value;
    const int size = *rc::gen::inRange(0, 6);
    for (int i = 0; i < size; ++i) {
      value += *rc::gen::element<std::string>("a", " ", "\"", "\\", "#", "'", "\t", "\u00e9");
    }
    headers.emplace_back(name, value);
  }
  return headers;
}

inline Credentials random_credentials() {
  Credentials credentials;
  credentials.headers = random_headers();
  if (*rc::gen::arbitrary<bool>()) return credentials;
  if (*rc::gen::arbitrary<bool>()) {
    credentials.key_env = "LLM_KEY_" + std::to_string(*rc::gen::inRange(0, 9));
  } else {
    credentials.key_file = "/keys/the \"key\".txt";
  }
  return credentials;
}

inline Endpoint random_endpoint() {
  Endpoint endpoint;
  const bool tls = *rc::gen::arbitrary<bool>();
  endpoint.url = random_url(tls ? "https://" : "http://");
  endpoint.api =
      *rc::gen::element(Api::openai_chat, Api::openai_completions, Api::anthropic_messages);
  endpoint.model = random_name();
  endpoint.credentials = random_credentials();
  endpoint.connect_timeout_ns = random_ns(1000 * kS);
  endpoint.first_byte_timeout_ns = random_ns(1000 * kS);
  endpoint.between_timeout_ns = random_ns(1000 * kS);
  if (tls && *rc::gen::arbitrary<bool>()) endpoint.ca_file = "/certificates/ca.pem";
  if (endpoint.api != Api::anthropic_messages) endpoint.ignore_eos = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) endpoint.metrics_url = random_url("http://");
  return endpoint;
}

// In the place of replicas.
inline void make_remote(Scenario& scenario) {
  FleetSettings& fleet = scenario.fleet;
  fleet.router =
      *rc::gen::element(RouterPolicy::round_robin, RouterPolicy::random, RouterPolicy::power_of_two,
                        RouterPolicy::least_loaded, RouterPolicy::spill);
  for (Site& site : fleet.sites) {
    const std::string name = site.name;
    site = Site{};
    site.name = name;
    site.endpoint = random_endpoint();
    if (fleet.router == RouterPolicy::spill) site.max_in_flight = *rc::gen::inRange(1, 10'000);
    if (fleet.sites.size() > 1) {
      site.endpoint->on_refusal = *rc::gen::element(OnRefusal::client, OnRefusal::next_site);
    }
  }
  if (*rc::gen::arbitrary<bool>()) {
    scenario.run.stop_after_requests = *rc::gen::inRange<std::int64_t>(1, 1'000'000);
  }
  if (*rc::gen::arbitrary<bool>()) {
    scenario.run.stop_after_output_tokens = *rc::gen::inRange<std::int64_t>(1, 1'000'000'000);
  }
}

inline void add_sent(const FleetSettings& fleet, Tenant& tenant) {
  tenant.credentials = random_credentials();
  const bool takes_ids = std::ranges::all_of(
      fleet.sites, [](const Site& site) { return site.endpoint->api == Api::openai_completions; });
  const int kind = *rc::gen::inRange(0, 4);
  if (kind == 0 && takes_ids) tenant.prompts.kind = PromptKind::token_ids;
  if (kind == 1) tenant.prompts = {PromptKind::file, source_folder() + "/README.md", 0};
  const std::int64_t largest = largest_tokens(tenant.prompt_tokens);
  tenant.prompts.system_tokens = *rc::gen::inRange<std::int64_t>(0, largest);
}

inline Event random_event_elsewhere(const RunSettings& run) {
  Event event;
  const std::int64_t span_ns = run.duration_ns - run.warmup_ns;
  event.kind = *rc::gen::element(EventKind::call, EventKind::command, EventKind::signal);
  event.at_signal = event.kind == EventKind::signal || *rc::gen::arbitrary<bool>();
  if (!event.at_signal) {
    event.at_ns = run.warmup_ns + 1 + *rc::gen::inRange<std::int64_t>(0, span_ns - 1);
  }
  if (event.kind == EventKind::call) {
    event.call = Call{*rc::gen::element<std::string>("GET", "POST", "PUT", "PATCH", "DELETE"),
                      random_url("https://"), random_text(), random_credentials(),
                      *rc::gen::inRange(200, 600)};
  }
  if (event.kind == EventKind::command) {
    event.command = {"a" + random_name(), "", random_name()};
  }
  return event;
}

// One that holds when somebody else says so divides the run alone.
inline void add_events_elsewhere(Scenario& scenario) {
  const int events = *rc::gen::inRange(0, 3);
  for (int i = 0; i < events; ++i) {
    scenario.events.push_back(random_event_elsewhere(scenario.run));
  }
}

inline void measure_some(std::vector<Event>& events) {
  bool alone = false;
  for (Event& event : events) {
    if (alone || *rc::gen::inRange(0, 3) != 0) continue;
    alone = happens_elsewhere(event);
    if (alone) {
      for (Event& other : events) other.measure = false;
    }
    event.measure = true;
  }
}

}  // namespace tokenlift::random_parts
