#pragma once
// What is built in: scenarios, suites and profiles, embedded at build time from the *.toml files in
// workloads/scenarios, workloads/suites and workloads/profiles, so that an installed binary needs
// no files.

#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/profile.hpp"

namespace tokenlift {

struct BuiltinText {
  std::string name;
  std::string description;
  std::string_view text;
};
using BuiltinScenario = BuiltinText;
using BuiltinSuite = BuiltinText;

/// All built-in scenarios, by name.
const std::vector<BuiltinScenario>& builtin_scenarios();

/// All built-in suites, by name.
const std::vector<BuiltinSuite>& builtin_suites();

const std::vector<Profile>& builtin_profiles();
const Profile* find_profile(std::string_view name);  ///< null if there is none

}  // namespace tokenlift
