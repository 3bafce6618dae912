#include "workloads/requests/trace_row.hpp"

#include <algorithm>

namespace tokenlift {

std::optional<std::int64_t> take_digits(std::string_view& text, std::size_t digits_min,
                                        std::size_t digits_max) {
  std::size_t count = 0;
  std::int64_t value = 0;
  while (count < text.size() && count < digits_max && text[count] >= '0' && text[count] <= '9') {
    value = value * 10 + (text[count] - '0');
    ++count;
  }
  if (count < digits_min) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

std::optional<std::int64_t> parse_decimal_ns(std::string_view text, std::int64_t unit_ns) {
  const auto whole = take_digits(text, 1, 18);
  if (!whole || *whole >= kTraceTimestampMaxNs / unit_ns) return std::nullopt;
  std::int64_t ns = *whole * unit_ns;
  if (text.empty()) return ns;
  if (text.front() != '.' || text.size() == 1) return std::nullopt;
  text.remove_prefix(1);
  for (std::int64_t place_ns = unit_ns / 10; !text.empty(); place_ns /= 10) {
    const auto digit = take_digits(text, 1, 1);
    if (!digit) return std::nullopt;
    ns += *digit * place_ns;
  }
  return ns;
}

std::int64_t parse_tokens(std::string_view text, std::int64_t min, std::string_view name) {
  const auto value = take_digits(text, 1, 10);
  if (!value || !text.empty() || *value < min || *value > kTraceTokensMax) {
    throw RowMistake{std::string(name) + " is not a whole number from " + std::to_string(min) +
                         " to " + std::to_string(kTraceTokensMax),
                     "remove the line, or correct the number"};
  }
  return *value;
}

std::string_view take_column(std::string_view& rest) {
  const std::size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view text = rest.substr(0, comma);
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return text;
}

void check_columns(std::string_view line, std::size_t columns, std::string_view form) {
  const std::size_t count = 1 + static_cast<std::size_t>(std::ranges::count(line, ','));
  if (count == columns) return;
  throw RowMistake{"the line has " + std::to_string(count) + (count == 1 ? " column" : " columns") +
                       ", not " + std::to_string(columns),
                   "a line is " + std::string(form)};
}

}  // namespace tokenlift
