// run.json: refused, or a run that is written as it was read. Of some it is reported what a report
// says.

#include <cstddef>
#include <cstdint>
#include <string>

#include "reports/findings/report.hpp"
#include "reports/formats/csv.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/report_page.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  try {
    const Run run = read_run(as_text(data, size), "any.json");
    const std::string written = to_json(run);
    fuzz_check(to_json(read_run(written, "back.json")) == written);
    if (size % 16 != 0) return 0;  // reports take long
    const Report report = make_report({make_trial("any", {run})});
    fuzz_check(!to_text(report_page(report), {}).empty() && !to_csv(report).empty());
  } catch (const RunFileError& error) {
    fuzz_check(error.source() == "any.json" && !error.reason().empty());
  }
  return 0;
}
