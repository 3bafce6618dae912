// What other load generators say of their runs: refused, or no figure below 0.

#include <cstddef>
#include <cstdint>

#include "reports/json/json_client.hpp"
#include "reports/json/json_run.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  try {
    const auto view = read_client_result(as_text(data, size), "any.json");
    if (!view) return 0;
    fuzz_check(!view->maker.empty());
    for (const auto& latency : view->latencies) fuzz_check(latency.ns >= 0);
  } catch (const RunFileError& error) {
    fuzz_check(!error.reason().empty());
  }
  return 0;
}
