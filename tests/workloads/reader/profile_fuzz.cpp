// Files of profiles.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/fuzzing.hpp"
#include "workloads/reader/profile_text.hpp"
#include "workloads/writer/scenario_writer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  try {
    const std::vector<Profile> profiles = parse_profiles(as_text(data, size), "any.toml");
    fuzz_check(parse_profiles(to_toml(profiles), "back.toml") == profiles);
  } catch (const ScenarioError& error) {
    fuzz_check(!error.mistakes().empty() && error.mistakes().front().source != "back.toml");
  }
  return 0;
}
