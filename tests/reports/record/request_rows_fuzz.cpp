// Logs of requests: what is taken has instants that figures can be made of.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "reports/record/request_rows.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  try {
    for (const RequestRow& row : read_request_rows(as_text(data, size))) {
      fuzz_check(!row.outcome.empty() && row.output_tokens >= 0);
      fuzz_check(!row.tpot_ns() || *row.tpot_ns() >= 0);
    }
  } catch (const std::invalid_argument& mistake) {
    fuzz_check(!std::string_view(mistake.what()).empty());
  }
  return 0;
}
