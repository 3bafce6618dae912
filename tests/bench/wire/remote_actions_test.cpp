// Events that happen elsewhere, for real: calls to a server, programs, signals.

#include "bench/wire/remote_actions.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/bench/wire/scripted_server.hpp"

namespace tokenlift::remote_actions_test {
namespace {

Scenario with_call(const Call& call) {
  Scenario scenario;
  scenario.events.emplace_back();
  scenario.events[0].kind = EventKind::call;
  scenario.events[0].call = call;
  return scenario;
}

Scenario with_command(std::vector<std::string> command) {
  Scenario scenario;
  scenario.events.emplace_back();
  scenario.events[0].kind = EventKind::command;
  scenario.events[0].command = std::move(command);
  return scenario;
}

/// What became of the first event; nothing if that takes absurdly long.
std::optional<Actions::Done> begin(const Scenario& scenario, bool allow_commands = true) {
  WireClock clock;
  RemoteActions actions(scenario, clock, allow_commands);
  const std::int64_t begun_ns = clock.now_ns();
  actions.begin(0, begun_ns);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < until) {
    if (const auto done = actions.next()) {
      EXPECT_EQ(done->event, 0U);
      EXPECT_EQ(done->begun_ns, begun_ns);
      EXPECT_GE(done->at_ns, begun_ns);
      EXPECT_FALSE(actions.next().has_value());
      return done;
    }
    clock.wait(clock.now_ns() + 20'000'000);
  }
  return std::nullopt;
}

std::string failure_of(const Scenario& scenario, bool allow_commands = true) {
  const auto done = begin(scenario, allow_commands);
  return done ? done->failure : "nothing came of it";
}

TEST(RemoteActions, ACallHoldsWhenItIsAnsweredAsExpected) {
  std::optional<ScriptedServer::Request> asked;
  ScriptedServer server([&](ScriptedServer::Peer& peer) {
    asked = peer.read_request();
    peer.send(response("204 No Content", ""));
    peer.read_request();
  });
  Call call;
  call.method = "PUT";
  call.url = server.url("127.0.0.1", "/limits?user=all");
  call.body = R"({"rate": null})";
  call.credentials.headers = {{"X-Reason", "test"}};
  call.expect = 204;
  EXPECT_EQ(failure_of(with_call(call)), "");
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->head.find("PUT /limits?user=all HTTP/1.1\r\n"), 0U);
  EXPECT_NE(asked->head.find("X-Reason: test\r\n"), std::string::npos);
  EXPECT_EQ(asked->body, call.body);
}

TEST(RemoteActions, ACallThatIsAnsweredOtherwiseSaysHow) {
  ScriptedServer server([&](ScriptedServer::Peer& peer) {
    peer.read_request();
    peer.send(response("403 Forbidden", R"({"error":{"message":"hunter2222 may not do that"}})"));
    peer.read_request();
  });
  Call call;
  call.url = server.url();
  call.credentials.headers = {{"Authorization", "Basic hunter2222"}};
  const std::string failure = failure_of(with_call(call));
  EXPECT_NE(failure.find("403"), std::string::npos) << failure;
  EXPECT_NE(failure.find("200 was expected"), std::string::npos) << failure;
  EXPECT_NE(failure.find("may not do that"), std::string::npos) << failure;
  EXPECT_EQ(failure.find("hunter2222"), std::string::npos) << failure;
}

TEST(RemoteActions, ACallSendsItsKeyAndShowsItNowhere) {
  std::string head;
  ScriptedServer server([&](ScriptedServer::Peer& peer) {
    if (const auto asked = peer.read_request()) head = asked->head;
    peer.send(response("403 Forbidden", R"({"error":{"message":"open-sesame opens nothing"}})"));
    peer.read_request();
  });
  setenv("TOKENLIFT_CALL_KEY", "open-sesame", 1);
  Call call;
  call.url = server.url();
  call.credentials.key_env = "TOKENLIFT_CALL_KEY";
  const std::string failure = failure_of(with_call(call));
  EXPECT_NE(head.find("Authorization: Bearer open-sesame\r\n"), std::string::npos) << head;
  EXPECT_NE(failure.find("*** opens nothing"), std::string::npos) << failure;
  EXPECT_EQ(failure.find("sesame"), std::string::npos) << failure;
}

TEST(RemoteActions, AKeyThatIsNotThereIsSaidBeforeTheRun) {
  Call call;
  call.url = "http://127.0.0.1:9";
  call.credentials.key_env = "TOKENLIFT_NO_SUCH_KEY";
  WireClock clock;
  EXPECT_THROW(RemoteActions(with_call(call), clock, false), EndpointError);
}

TEST(RemoteActions, ACallToNobodySaysSo) {
  Call call;
  {
    const ScriptedServer server([](ScriptedServer::Peer&) {});
    call.url = server.url();
  }
  EXPECT_NE(failure_of(with_call(call)).find("no_connection"), std::string::npos);
  ScriptedServer server([](ScriptedServer::Peer& peer) { peer.read_request(); });
  call.url = server.url();
  EXPECT_NE(failure_of(with_call(call)).find("reset"), std::string::npos);
}

TEST(RemoteActions, ACommandHoldsWhenItHasEndedWell) {
  EXPECT_EQ(failure_of(with_command({"true"})), "");
  const std::string failed = failure_of(with_command({"false"}));
  EXPECT_NE(failed.find("'false' ended with code 1"), std::string::npos) << failed;
  const std::string missing = failure_of(with_command({"/nowhere/lift"}));
  EXPECT_NE(missing.find("No such file"), std::string::npos) << missing;
}

TEST(RemoteActions, ACommandIsNoTextForAShell) {
  const std::string file =
      (std::filesystem::temp_directory_path() / "tokenlift $(lift) *").string();
  EXPECT_EQ(failure_of(with_command({"touch", file})), "");
  EXPECT_TRUE(std::filesystem::remove(file));
}

TEST(RemoteActions, ACommandIsNotRunWhereItIsNotAllowed) {
  const std::string file = (std::filesystem::temp_directory_path() / "tokenlift-not").string();
  const std::string failure = failure_of(with_command({"touch", file}), false);
  EXPECT_NE(failure.find("--allow-commands"), std::string::npos) << failure;
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(RemoteActions, SignalsAreSaidOnceEach) {
  Scenario scenario;
  scenario.events.emplace_back();
  scenario.events[0].kind = EventKind::signal;
  scenario.events[0].at_signal = true;
  WireClock clock;
  RemoteActions actions(scenario, clock, false);
  EXPECT_EQ(actions.signalled(), std::nullopt);
  for (int i = 0; i < 2; ++i) {
    std::raise(SIGUSR1);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::optional<std::int64_t> at_ns;
    while (!(at_ns = actions.signalled()) && std::chrono::steady_clock::now() < until) {
      clock.wait(clock.now_ns() + 20'000'000);
    }
    ASSERT_TRUE(at_ns.has_value());
    EXPECT_LE(*at_ns, clock.now_ns());
    EXPECT_EQ(actions.signalled(), std::nullopt);
  }
}

}  // namespace
}  // namespace tokenlift::remote_actions_test
