// Rows of BurstGPT's traces.

#include <algorithm>
#include <array>

#include "workloads/requests/trace_row.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kForm =
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type";
constexpr std::array<std::string_view, 3> kNeeded = {"Timestamp", "Request tokens",
                                                     "Response tokens"};
constexpr std::size_t kNone = std::string_view::npos;

struct Columns {
  std::array<std::size_t, kNeeded.size()> places;  // of kNeeded
  std::size_t count = 0;
};

void parse_row(const Columns& columns, std::string_view line, TraceRow& row) {
  check_columns(line, columns.count, kForm);
  std::array<std::string_view, kNeeded.size()> texts;
  for (std::size_t column = 0; column < columns.count; ++column) {
    const std::string_view text = take_column(line);
    const auto* const place = std::ranges::find(columns.places, column);
    if (place != columns.places.end()) {
      texts[static_cast<std::size_t>(place - columns.places.begin())] = text;
    }
  }
  const auto timestamp_ns = parse_decimal_ns(texts[0], 1'000'000'000);
  if (!timestamp_ns) {
    throw RowMistake{"Timestamp is not a number of seconds from 0 to 9000000000",
                     "remove the line, or correct the number"};
  }
  row.timestamp_ns = *timestamp_ns;
  row.prompt_tokens = parse_tokens(texts[1], 0, kNeeded[1]);
  row.output_tokens = parse_tokens(texts[2], 0, kNeeded[2]);
  row.failed = row.prompt_tokens == 0 || row.output_tokens == 0;
}

// Releases differ in their columns ("Session ID" and "Elapsed time" came in between), so those that
// are needed are found by their names.
RowParser recognise(std::string_view first_line) {
  Columns columns;
  columns.places.fill(kNone);
  while (!first_line.empty()) {
    const std::string_view name = take_column(first_line);
    const auto* const needed = std::ranges::find(kNeeded, name);
    if (needed != kNeeded.end()) {
      std::size_t& place = columns.places[static_cast<std::size_t>(needed - kNeeded.begin())];
      if (place != kNone) return {};
      place = columns.count;
    }
    ++columns.count;
  }
  if (std::ranges::find(columns.places, kNone) != columns.places.end()) return {};
  return [columns](std::string_view line, TraceRow& row) { parse_row(columns, line, row); };
}

}  // namespace

const TraceFormat kBurstGptTrace = {kForm, 1024, true, recognise};

}  // namespace tokenlift
