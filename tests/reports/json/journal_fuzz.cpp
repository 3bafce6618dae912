// The lines of a search's journal, its head and its attempts: refused, or written as they were
// read.

#include <cstddef>
#include <cstdint>
#include <string>

#include "reports/json/json_evaluation.hpp"
#include "reports/json/json_run.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const std::string_view text = as_text(data, size);
  try {
    const JournalHead head = read_journal_head(text, "any line");
    fuzz_check(journal_line(read_journal_head(journal_line(head), "back")) == journal_line(head));
  } catch (const RunFileError& error) {
    fuzz_check(error.source() == "any line" && !error.reason().empty());
  }
  try {
    const auto [attempt, figures] = read_journal_line(text, "any line");
    const std::string line = journal_line(attempt, figures);
    const auto back = read_journal_line(line, "back");
    fuzz_check(journal_line(back.first, back.second) == line);
  } catch (const RunFileError& error) {
    fuzz_check(error.source() == "any line" && !error.reason().empty());
  }
  return 0;
}
