#include "bench/wire/probe.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "bench/wire/origin.hpp"
#include "bench/wire/socket_room.hpp"
#include "tests/bench/wire/fleet_harness.hpp"
#include "tests/bench/wire/scripted_server.hpp"

namespace tokenlift::probe_test {
namespace {

using Peer = ScriptedServer::Peer;
const std::atomic<bool> kGoOn{false};

/// Lists a model, and answers all else with these bytes.
ScriptedServer::Script with_models(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    while (const auto request = peer.read_request()) {
      const bool models = request->head.find("GET /v1/models ") == 0;
      peer.send(models ? response("200 OK", R"({"data":[{"id":"model"}]})") : bytes);
    }
  };
}

std::string all_of(const Probed& probed) {
  std::string text;
  for (const std::string& found : probed.found) text += found + '\n';
  return text;
}

TEST(Probe, SaysWhatAnEndpointAnswers) {
  const ScriptedServer server(with_models(whole_stream(1, 14)));
  const auto probed = probe_endpoints(wire_scenario(server.url()), kGoOn);
  ASSERT_EQ(probed.size(), 1U);
  EXPECT_EQ(probed[0].site, "gateway");
  EXPECT_TRUE(probed[0].answers);
  const std::string text = all_of(probed[0]);
  EXPECT_NE(text.find("127.0.0.1"), std::string::npos) << text;
  EXPECT_NE(text.find("it has 'model'"), std::string::npos) << text;
  EXPECT_NE(text.find("one token: 1 came"), std::string::npos) << text;
  EXPECT_NE(text.find("14 tokens in a prompt of 8 words"), std::string::npos) << text;
}

TEST(Probe, SaysWhatDoesNotAnswer) {
  Scenario scenario = wire_scenario("");
  {
    const ScriptedServer server([](Peer&) {});
    scenario.fleet.sites[0].endpoint->url = server.url();
  }
  const auto probed = probe_endpoints(scenario, kGoOn);
  EXPECT_FALSE(probed[0].answers);
  EXPECT_NE(all_of(probed[0]).find("no_connection"), std::string::npos) << all_of(probed[0]);
}

TEST(Probe, ARefusalIsAnAnswer) {
  const ScriptedServer server(with_models(response("429 Too Many Requests", "{}")));
  const auto probed = probe_endpoints(wire_scenario(server.url()), kGoOn);
  EXPECT_TRUE(probed[0].answers);
  EXPECT_NE(all_of(probed[0]).find("refused with status 429"), std::string::npos);
}

TEST(Probe, ShowsNoKey) {
  setenv("TOKENLIFT_PROBE_KEY", "sk-of-the-probe", 1);
  std::string heads;
  const ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.read_request()) {
      heads += request->head;
      peer.send(response("401 Unauthorized", "no sk-of-the-probe here", "", "text/plain"));
    }
  });
  Scenario scenario = wire_scenario(server.url());
  scenario.fleet.sites[0].endpoint->credentials.key_env = "TOKENLIFT_PROBE_KEY";
  const auto probed = probe_endpoints(scenario, kGoOn);
  const std::string text = all_of(probed[0]);
  EXPECT_EQ(text.find("sk-of-the-probe"), std::string::npos) << text;
  EXPECT_NE(text.find("401: no *** here"), std::string::npos) << text;
  const std::string field = "Authorization: Bearer sk-of-the-probe\r\n";
  EXPECT_NE(heads.find(field), heads.rfind(field));  // both asked with it
}

/// The head of what is asked of a site that has a key, where these name the tenant's.
std::string models_asked(const std::string& key_env_of_tenant) {
  setenv("TOKENLIFT_PROBE_KEY", "sk-of-the-site", 1);
  setenv("TOKENLIFT_PROBE_TENANT", "sk-of-the-tenant", 1);
  std::string models;
  const ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.read_request()) {
      if (request->head.find("GET /v1/models ") == 0) models = request->head;
      peer.send(response("401 Unauthorized", "no", "", "text/plain"));
    }
  });
  Scenario scenario = wire_scenario(server.url());
  scenario.fleet.sites[0].endpoint->credentials.key_env = "TOKENLIFT_PROBE_KEY";
  scenario.tenants[0].credentials.key_env = key_env_of_tenant;
  probe_endpoints(scenario, kGoOn);
  return models;
}

TEST(Probe, AsksForModelsWithTheKeyThatTheRunSends) {
  const std::string alone = models_asked("");
  EXPECT_NE(alone.find("Authorization: Bearer sk-of-the-site\r\n"), std::string::npos) << alone;
  const std::string both = models_asked("TOKENLIFT_PROBE_TENANT");
  EXPECT_NE(both.find("Authorization: Bearer sk-of-the-tenant\r\n"), std::string::npos) << both;
}

TEST(Origin, ANameWithoutAnAddressOrAUrlThatIsNoneIsAMistake) {
  EXPECT_THROW(find_origin("http://no-such-host.invalid/v1", ""), EndpointError);
  EXPECT_THROW(find_origin("ftp://127.0.0.1", ""), EndpointError);
  const Origin origin = find_origin("http://127.0.0.1:8000/v1", "");
  ASSERT_EQ(origin.addresses.size(), 1U);
  EXPECT_EQ(origin.addresses[0].text(), "127.0.0.1");
  EXPECT_EQ(origin.tls, nullptr);
}

TEST(SocketRoom, WhatIsStatedMustFit) {
  Scenario scenario = wire_scenario("");
  const SocketRoom room{1024, 500};
  EXPECT_EQ(lacking_room(scenario, room), "");  // nobody has stated it
  scenario.run.max_in_flight = 400;
  EXPECT_EQ(lacking_room(scenario, room), "");
  scenario.run.max_in_flight = 600;
  EXPECT_NE(lacking_room(scenario, room).find("500 ports"), std::string::npos);
  scenario.fleet.sites.push_back(scenario.fleet.sites[0]);
  EXPECT_EQ(lacking_room(scenario, room), "");
  scenario.run.max_in_flight = 1000;
  EXPECT_NE(lacking_room(scenario, room).find("ulimit -n 1064"), std::string::npos);
}

TEST(SocketRoom, WhatMightNotFitIsSaidBefore) {
  Scenario scenario = wire_scenario("");
  scenario.tenants[0].arrivals.rate.per_s = 20;
  const SocketRoom room{1024, std::nullopt};
  EXPECT_EQ(scarce_room(scenario, room), "");  // 600
  scenario.tenants[0].arrivals.rate.per_s = 40;
  EXPECT_NE(scarce_room(scenario, room).find("ulimit -n 1264"), std::string::npos);
  EXPECT_EQ(scarce_room(scenario, room, /*processes=*/2), "") << "each has half of it";
  EXPECT_NE(scarce_room(scenario, {4096, 1000}).find("1000 ports"), std::string::npos);
  scenario.run.max_in_flight = 900;
  EXPECT_EQ(scarce_room(scenario, room), "") << "no more than that may be in flight";
}

TEST(SocketRoom, ClosedUsersHaveARequestEach) {
  Scenario scenario = wire_scenario("");
  Tenant& tenant = scenario.tenants[0];
  tenant.arrivals = {};
  tenant.arrivals.process = Process::closed;
  tenant.arrivals.think = Wait{WaitDistribution::constant, 1};
  tenant.users = 960;
  EXPECT_EQ(scarce_room(scenario, {1024, std::nullopt}), "");
  tenant.users = 961;
  const std::string scarce = scarce_room(scenario, {1024, std::nullopt});
  EXPECT_NE(scarce.find("961 requests may be in flight (961 users have one each)"),
            std::string::npos)
      << scarce;
  EXPECT_NE(scarce.find("ulimit -n 1025"), std::string::npos) << scarce;
}

TEST(SocketRoom, TheLimitOnFilesIsRaisedAsFarAsItMayBe) {
  const std::int64_t limit = raise_descriptor_limit();
  EXPECT_GT(limit, 0);
  EXPECT_EQ(raise_descriptor_limit(), limit);
}

}  // namespace
}  // namespace tokenlift::probe_test
