// sweep.json: refused, or a sweep that is written as it was read.

#include <cstddef>
#include <cstdint>
#include <string>

#include "reports/json/json_run.hpp"
#include "reports/json/json_sweep.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  try {
    const std::string written = to_json(read_sweep(as_text(data, size), "any.json"));
    fuzz_check(to_json(read_sweep(written, "back.json")) == written);
  } catch (const RunFileError& error) {
    fuzz_check(error.source() == "any.json" && !error.reason().empty());
  }
  return 0;
}
