// Rows of CSV: Azure's LLM inference traces, BurstGPT's, and others whose columns are named.

#include <algorithm>
#include <array>
#include <utility>

#include "workloads/requests/trace_row.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kAzureForm = "TIMESTAMP,ContextTokens,GeneratedTokens";
constexpr std::string_view kBurstGptForm =
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type";
constexpr std::string_view kNamedForm = "as many columns as the header has";
constexpr std::size_t kNone = std::string_view::npos;

/// Time, prompt and output tokens, in this order.
constexpr std::size_t kNeeded = 3;

/// Where in a line they stand, and what is true of all lines.
struct Columns {
  std::array<std::string, kNeeded> names;
  std::array<std::size_t, kNeeded> places{kNone, kNone, kNone};
  std::size_t count = 0;
  std::int64_t least_tokens = 1;  ///< 0: a request without tokens has failed
  std::string_view form;
};

/// The text of the column at the front, without its quotes; it is consumed up to the comma. Doubled
/// quotes inside stay as they are: no number has any.
std::string_view take_column(std::string_view& rest) {
  if (!rest.starts_with('"')) {
    const std::string_view text = rest.substr(0, rest.find(','));
    rest.remove_prefix(text.size());
    return text;
  }
  std::size_t end = rest.find('"', 1);
  while (end != kNone && rest.substr(end + 1).starts_with('"')) end = rest.find('"', end + 2);
  if (end == kNone) {
    throw RowMistake{"a quoted column has no end in its line", "close the quotes"};
  }
  const std::string_view text = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  if (!rest.empty() && rest.front() != ',') {
    throw RowMistake{"after a quoted column there should be a comma",
                     "double the quotes inside a column"};
  }
  return text;
}

/// Visits each column of a line with its number; returns how many there are. A comma at the very
/// end begins one more, which is empty.
template <typename Visit>
std::size_t for_each_column(std::string_view line, const Visit& visit) {
  for (std::size_t count = 0;; line.remove_prefix(1)) {
    visit(count++, take_column(line));
    if (line.empty()) return count;
  }
}

void check_count(std::size_t count, bool last_is_empty, const Columns& columns) {
  // A comma after the last column, as some tools write it, adds nothing.
  if (count == columns.count || (count == columns.count + 1 && last_is_empty)) return;
  throw RowMistake{"the line has " + std::to_string(count) + (count == 1 ? " column" : " columns") +
                       ", not " + std::to_string(columns.count),
                   "a line is " + std::string(columns.form)};
}

void parse_row(const Columns& columns, std::string_view line, TraceRow& row) {
  std::array<std::string_view, kNeeded> texts;
  bool last_is_empty = false;
  const std::size_t count = for_each_column(line, [&](std::size_t column, std::string_view text) {
    for (std::size_t i = 0; i < kNeeded; ++i) {
      if (columns.places[i] == column) texts[i] = text;
    }
    last_is_empty = text.empty();
  });
  check_count(count, last_is_empty, columns);
  row.timestamp_ns = parse_date_time_ns(texts[0]);
  if (!row.timestamp_ns) row.timestamp_ns = parse_decimal_ns(texts[0], 1'000'000'000);
  if (!row.timestamp_ns) {
    throw RowMistake{columns.names[0] + ": the timestamp can't be read",
                     "it is a number of seconds from 0 to 9000000000, or a date and time like "
                     "2023-11-16 18:15:46.6805900"};
  }
  row.prompt_tokens = parse_tokens(texts[1], columns.least_tokens, columns.names[1]);
  row.output_tokens = parse_tokens(texts[2], columns.least_tokens, columns.names[2]);
  row.failed = row.prompt_tokens == 0 || row.output_tokens == 0;
}

/// Finds the columns in the header; `twice` is told of one that is there a second time.
template <typename Twice>
void find_places(Columns& columns, std::string_view header, const Twice& twice) {
  bool last_is_empty = false;
  columns.count = for_each_column(header, [&](std::size_t column, std::string_view name) {
    for (std::size_t i = 0; i < kNeeded; ++i) {
      if (columns.names[i] != name) continue;
      if (columns.places[i] != kNone) twice(i);
      columns.places[i] = column;
    }
    last_is_empty = name.empty();
  });
  if (last_is_empty) --columns.count;
}

RowParser parser_of(Columns columns) {
  return [columns = std::move(columns)](std::string_view line, TraceRow& row) {
    parse_row(columns, line, row);
  };
}

/// Releases differ in their columns (BurstGPT's "Session ID" and "Elapsed time" came in between),
/// so those that are needed are found by their names.
RowParser recognise(Columns columns, std::string_view header) {
  bool sound = true;
  try {
    find_places(columns, header, [&](std::size_t) { sound = false; });
  } catch (const RowMistake&) {
    return {};  // quotes that do not fit: a line of something else
  }
  if (!sound || std::ranges::find(columns.places, kNone) != columns.places.end()) return {};
  return parser_of(std::move(columns));
}

RowParser recognise_azure(std::string_view header, const Trace&) {
  return recognise(
      {{"TIMESTAMP", "ContextTokens", "GeneratedTokens"}, {kNone, kNone, kNone}, 0, 1, kAzureForm},
      header);
}

RowParser recognise_burstgpt(std::string_view header, const Trace&) {
  return recognise({{"Timestamp", "Request tokens", "Response tokens"},
                    {kNone, kNone, kNone},
                    0,
                    0,
                    kBurstGptForm},
                   header);
}

RowParser recognise_named(std::string_view header, const Trace& trace) {
  Columns columns{{trace.columns->time, trace.columns->prompt, trace.columns->output},
                  {kNone, kNone, kNone},
                  0,
                  0,
                  kNamedForm};
  find_places(columns, header, [&](std::size_t i) {
    throw RowMistake{"the header has the column " + in_quotes(columns.names[i]) + " twice",
                     "give one of them another name"};
  });
  std::vector<std::string> names;
  for_each_column(header, [&](std::size_t, std::string_view name) { names.emplace_back(name); });
  for (std::size_t i = 0; i < kNeeded; ++i) {
    if (columns.places[i] != kNone) continue;
    throw RowMistake{"the header has no column " + in_quotes(columns.names[i]),
                     suggest(columns.names[i], names)};
  }
  return parser_of(std::move(columns));
}

}  // namespace

const TraceFormat kAzureTrace = {kAzureForm, 256, true, recognise_azure};
const TraceFormat kBurstGptTrace = {kBurstGptForm, 1024, true, recognise_burstgpt};
const TraceFormat kNamedColumnsTrace = {kNamedForm, std::size_t{64} * 1024, true, recognise_named};

}  // namespace tokenlift
