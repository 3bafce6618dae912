// Traces: each input is read as a file, as its first line says, and its lines are read as rows of
// every format. A file reads the same twice, and sorted it has the same rows.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "tests/fuzzing.hpp"
#include "workloads/requests/trace_rows.hpp"
#include "workloads/text/mistake.hpp"
#include "workloads/text/utf8.hpp"

namespace {

using namespace tokenlift;

void check_row(const TraceRow& row) {
  fuzz_check(row.timestamp_ns.value_or(0) >= 0 && row.delay_ns.value_or(0) >= 0);
  if (row.failed) return;
  for (const std::int64_t tokens : {row.prompt_tokens, row.output_tokens}) {
    fuzz_check(tokens >= 1 && tokens <= kTraceTokensMax);
  }
}

using Told = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::size_t, int>;

/// What the rows are; nothing where one is wrong. `sort`ed rows are in order of time.
std::vector<Told> rows_of(const Trace& trace) {
  std::vector<Told> told;
  try {
    TraceRows rows(trace);
    std::int64_t last_ns = INT64_MIN;
    for (TraceRow row; rows.next(row);) {
      check_row(row);
      fuzz_check(row.timestamp_ns && *row.timestamp_ns >= last_ns);
      last_ns = *row.timestamp_ns;
      told.emplace_back(last_ns, row.prompt_tokens, row.output_tokens, row.turns.size(), row.line);
    }
  } catch (const ScenarioError& error) {
    fuzz_check(!error.mistakes().empty());
    return {};
  }
  return told;
}

void read_file(std::string_view text) {
  Trace trace;
  trace.file = file_with(text);
  const std::vector<Told> rows = rows_of(trace);
  fuzz_check(rows_of(trace) == rows);
  trace.sort = true;
  fuzz_check(rows.empty() || rows_of(trace) == rows);
}

void read_lines(std::string_view text, const TraceFormat& format, std::string_view first_line,
                const Trace& trace) {
  const RowParser parse = format.recognise(first_line, trace);
  fuzz_check(static_cast<bool>(parse));
  TraceRow row;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.size() > format.line_bytes_max || find_not_utf8(line) != std::string_view::npos) {
      continue;  // LineReader hands out none of these
    }
    row = {};
    try {
      parse(line, row);
      check_row(row);
    } catch (const RowMistake& mistake) {
      fuzz_check(!mistake.message.empty());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(data, size);
  read_file(text);
  Trace trace;
  read_lines(text, kAzureTrace, "TIMESTAMP,ContextTokens,GeneratedTokens", trace);
  read_lines(text, kBurstGptTrace,
             "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type", trace);
  read_lines(text, kMooncakeTrace,
             R"({"timestamp": 1, "input_length": 6, "output_length": 5, "hash_ids": [0]})", trace);
  trace.columns = TraceColumns{"when", "in", "out"};
  read_lines(text, kNamedColumnsTrace, "when,in,out", trace);
  return 0;
}
