// suite.json: refused, or cases whose names differ.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "reports/json/json_run.hpp"
#include "reports/json/json_suite.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  try {
    std::set<std::string> names;
    for (const SuiteEntry& entry : read_suite(as_text(data, size), "any.json").cases) {
      fuzz_check(names.insert(entry.name).second && entry.elapsed_s >= 0);
    }
  } catch (const RunFileError& error) {
    fuzz_check(!error.reason().empty());
  }
  return 0;
}
