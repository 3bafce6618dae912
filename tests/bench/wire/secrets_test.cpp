#include "bench/wire/secrets.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench/wire/origin.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift::secrets_test {
namespace {

Credentials from_environment(const char* name, const char* value) {
  if (value == nullptr) {
    unsetenv(name);
  } else {
    setenv(name, value, 1);
  }
  Credentials credentials;
  credentials.key_env = name;
  return credentials;
}

std::string complaint_about(const Credentials& credentials) {
  try {
    read_key(credentials);
  } catch (const EndpointError& error) {
    return error.what();
  }
  return "";
}

TEST(Secrets, AKeyIsReadFromTheEnvironmentOrAFile) {
  EXPECT_EQ(read_key({}), "");
  EXPECT_EQ(read_key(from_environment("TOKENLIFT_A_KEY", " sk-1234 ")), "sk-1234");
  const std::string file =
      (std::filesystem::temp_directory_path() / ("tokenlift-key-" + std::to_string(getpid())))
          .string();
  std::ofstream(file) << "sk-5678\nmore\n";
  Credentials credentials;
  credentials.key_file = file;
  EXPECT_EQ(read_key(credentials), "sk-5678");
  std::filesystem::remove(file);
  EXPECT_NE(complaint_about(credentials).find(file), std::string::npos);
}

TEST(Secrets, AKeyThatIsNoneIsAMistakeThatDoesNotShowIt) {
  EXPECT_NE(complaint_about(from_environment("TOKENLIFT_A_KEY", nullptr)).find("TOKENLIFT_A_KEY"),
            std::string::npos);
  EXPECT_NE(complaint_about(from_environment("TOKENLIFT_A_KEY", "")).find("empty"),
            std::string::npos);
  const std::string said = complaint_about(from_environment("TOKENLIFT_A_KEY", "sk-1\r\nHost: x"));
  EXPECT_NE(said.find("TOKENLIFT_A_KEY"), std::string::npos);
  EXPECT_EQ(said.find("sk-1"), std::string::npos);
}

TEST(Secrets, AFileWithoutAKeyIsReadOnlySoFar) {
  Credentials credentials;
  credentials.key_file = "/dev/zero";
  EXPECT_NE(complaint_about(credentials).find("more than 16 KiB"), std::string::npos);
  credentials.key_file = "/dev/null";
  EXPECT_NE(complaint_about(credentials).find("it is empty"), std::string::npos);
  credentials.key_file = "/";
  EXPECT_NE(complaint_about(credentials).find("Is a directory"), std::string::npos);
}

TEST(Secrets, WhatIsSecretIsBlankedWhereverItStands) {
  Secrets secrets;
  secrets.add("sk-1234");
  secrets.add("sk-1234-long");           // of which the other is a part
  secrets.add(std::string_view("abc"));  // too short to be told from text
  secrets.add({{"Authorization", "Token letmein"}, {"X-Team", "perf"}});
  EXPECT_EQ(secrets.blank("key sk-1234, sk-1234-long; abc letmein for perf"),
            "key ***, ***; abc *** for perf");
  EXPECT_EQ(secrets.blank(""), "");
}

TEST(Secrets, AScenarioHasThemInManyPlaces) {
  setenv("TOKENLIFT_SITE_KEY", "of-the-site", 1);
  setenv("TOKENLIFT_TENANT_KEY", "of-the-tenant", 1);
  Scenario scenario;
  scenario.fleet.sites.emplace_back();
  scenario.fleet.sites[0].endpoint.emplace();
  scenario.fleet.sites[0].endpoint->credentials.key_env = "TOKENLIFT_SITE_KEY";
  scenario.tenants.emplace_back();
  scenario.tenants[0].credentials.key_env = "TOKENLIFT_TENANT_KEY";
  scenario.events.emplace_back();
  scenario.events[0].call.emplace();
  scenario.events[0].call->credentials.headers = {{"x-admin-password", "of-the-call"}};
  setenv("TOKENLIFT_CALL_KEY", "admins-alone", 1);
  scenario.events[0].call->credentials.key_env = "TOKENLIFT_CALL_KEY";
  EXPECT_EQ(secrets_of(scenario).blank("of-the-site of-the-tenant of-the-call admins-alone"),
            "*** *** *** ***");
}

}  // namespace
}  // namespace tokenlift::secrets_test
