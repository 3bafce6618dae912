#include "workloads/reader/catalogue.hpp"

#include <toml++/toml.h>

#include <algorithm>

#include "workloads/reader/embedded.hpp"
#include "workloads/reader/profile_reader.hpp"

namespace tokenlift {

namespace {

std::vector<BuiltinScenario> read_scenarios() {
  std::vector<BuiltinScenario> scenarios;
  for (const EmbeddedText& file : embedded_scenarios()) {
    const toml::table table = toml::parse(file.text);
    scenarios.push_back(BuiltinScenario{std::string(file.name),
                                        table["description"].value_or(std::string()), file.text});
  }
  return scenarios;
}

std::vector<BuiltinSuite> read_suites() {
  std::vector<BuiltinSuite> suites;
  for (const EmbeddedText& file : embedded_suites()) {
    const toml::table table = toml::parse(file.text);
    suites.push_back(BuiltinSuite{
        std::string(file.name), table["suite"]["description"].value_or(std::string()), file.text});
  }
  return suites;
}

std::vector<Profile> read_builtin_profiles() {
  std::vector<Profile> profiles;
  for (const EmbeddedText& file : embedded_profiles()) {
    const std::string name(file.name);
    Document document(file.text, name, {});
    profiles.push_back(read_profile(TableReader(document, document.root(), "the profile"), name,
                                    ProfileKind::builtin));
    document.throw_mistakes();  // embedded, so that is a mistake in the sources
  }
  return profiles;
}

}  // namespace

const std::vector<BuiltinScenario>& builtin_scenarios() {
  static const std::vector<BuiltinScenario> scenarios = read_scenarios();
  return scenarios;
}

const std::vector<BuiltinSuite>& builtin_suites() {
  static const std::vector<BuiltinSuite> suites = read_suites();
  return suites;
}

const std::vector<Profile>& builtin_profiles() {
  static const std::vector<Profile> profiles = read_builtin_profiles();
  return profiles;
}

const Profile* find_profile(std::string_view name) {
  const std::vector<Profile>& profiles = builtin_profiles();
  const auto found = std::ranges::find(profiles, name, &Profile::name);
  return found == profiles.end() ? nullptr : &*found;
}

}  // namespace tokenlift
