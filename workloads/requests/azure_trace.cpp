// Rows of Azure's LLM inference traces.

#include <chrono>

#include "workloads/requests/trace_row.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kHeader = "TIMESTAMP,ContextTokens,GeneratedTokens";

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> parse_fraction_ns(std::string_view& text) {
  std::int64_t ns = 0;
  std::int64_t place_ns = 100'000'000;
  std::size_t digits = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (++digits > 9) return std::nullopt;
    ns += (text[0] - '0') * place_ns;
    place_ns /= 10;
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  return ns;
}

// ns since 1970-01-01, of a date in 1970 ... 2199 (the range of int64 ends in 2262).
std::optional<std::int64_t> parse_timestamp_ns(std::string_view text) {
  const auto year = take_digits(text, 4, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2, 2);
  if (!day || !take(text, ' ')) return std::nullopt;
  const auto hour = take_digits(text, 2, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2, 2);
  if (!second) return std::nullopt;
  std::optional<std::int64_t> fraction_ns = 0;
  if (take(text, '.')) fraction_ns = parse_fraction_ns(text);
  if (!fraction_ns || (!text.empty() && text != "+00:00")) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1970 || *year > 2199) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + *hour) * 60 + *minute) * 60 + *second) * 1'000'000'000 + *fraction_ns;
}

void parse_row(std::string_view line, TraceRow& row) {
  check_columns(line, 3, kHeader);
  const auto timestamp_ns = parse_timestamp_ns(take_column(line));
  if (!timestamp_ns) {
    throw RowMistake{"the timestamp can't be read", "it looks like 2023-11-16 18:15:46.6805900"};
  }
  row.timestamp_ns = *timestamp_ns;
  row.prompt_tokens = parse_tokens(take_column(line), 1, "ContextTokens");
  row.output_tokens = parse_tokens(take_column(line), 1, "GeneratedTokens");
}

RowParser recognise(std::string_view first_line) {
  return first_line == kHeader ? RowParser(parse_row) : RowParser();
}

}  // namespace

const TraceFormat kAzureTrace = {kHeader, 256, true, recognise};

}  // namespace tokenlift
