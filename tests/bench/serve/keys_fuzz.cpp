// Files of keys: each key that is taken is of a tenant that there is, or of none.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "bench/serve/tenants.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  static const Scenario scenario = [] {
    Scenario made;
    made.tenants.resize(2);
    made.tenants[0].name = "chat";
    made.tenants[1].name = "batch";
    return made;
  }();
  const auto read = parse_keys(as_text(data, size), scenario);
  const Keys* const keys = std::get_if<Keys>(&read);
  if (keys == nullptr) {
    fuzz_check(!std::get<std::string>(read).empty());
    return 0;
  }
  for (const auto& [key, tenant] : *keys) {
    fuzz_check(!key.empty() && key.find_first_of(" \t\n") == std::string::npos);
    fuzz_check(tenant.empty() || tenant == "chat" || tenant == "batch");
  }
  return 0;
}
