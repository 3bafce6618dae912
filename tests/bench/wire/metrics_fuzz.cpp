// What a server says of itself: whatever it is, a gauge is a number that can be added up, or
// absent.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bench/wire/metrics_scraper.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const ServerMetrics found = read_metrics(as_text(data, size));
  for (const std::optional<std::int64_t>& each :
       {found.waiting, found.running, found.kv_used_ppm}) {
    fuzz_check(!each || *each >= 0);
  }
  return 0;
}
