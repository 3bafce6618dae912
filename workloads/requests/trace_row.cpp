#include "workloads/requests/trace_row.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace tokenlift {

namespace {

std::string_view take_digits(std::string_view& text) {
  const auto* const end = std::ranges::find_if_not(text, is_digit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// A decimal number, 0 or more, as its digits: 0.`digits` times 10 to the power of `point`.
struct Decimal {
  std::string_view whole;
  std::string_view fraction;
  std::int64_t point = 0;

  std::size_t size() const { return whole.size() + fraction.size(); }
  int digit(std::size_t i) const {
    return (i < whole.size() ? whole[i] : fraction[i - whole.size()]) - '0';
  }
};

/// Exponents beyond it make a number that is 0 or too large whatever its digits: no line is so
/// long.
constexpr std::int64_t kMostExponent = 10'000'000;

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal decimal;
  decimal.whole = take_digits(text);
  if (decimal.whole.empty()) return std::nullopt;
  decimal.point = static_cast<std::int64_t>(decimal.whole.size());
  if (take(text, '.')) {
    decimal.fraction = take_digits(text);
    if (decimal.fraction.empty()) return std::nullopt;
  }
  if (take(text, 'e') || take(text, 'E')) {
    const bool negative = take(text, '-');
    if (!negative) take(text, '+');
    const std::string_view digits = take_digits(text);
    if (digits.empty()) return std::nullopt;
    std::int64_t exponent = 0;
    for (const char c : digits) exponent = std::min(exponent * 10 + (c - '0'), kMostExponent);
    decimal.point += negative ? -exponent : exponent;
  }
  return text.empty() ? std::optional(decimal) : std::nullopt;
}

struct Scaled {
  std::int64_t whole = 0;
  bool exact = true;  ///< nothing was cut off
};

/// The number times 10 to the power of `places`, cut to a whole one; nothing where that is too
/// large.
std::optional<Scaled> scaled(const Decimal& decimal, int places) {
  Scaled result;
  const std::int64_t end = decimal.point + places;  // of the whole number's digits
  const auto size = static_cast<std::int64_t>(decimal.size());
  for (std::int64_t i = 0; i < std::max(end, size); ++i) {
    const int digit = i < size ? decimal.digit(static_cast<std::size_t>(i)) : 0;
    if (i >= end) {
      result.exact = result.exact && digit == 0;
      continue;
    }
    if (i >= size && result.whole == 0) break;  // zeros alone
    if (result.whole > (std::numeric_limits<std::int64_t>::max() - digit) / 10) return std::nullopt;
    result.whole = result.whole * 10 + digit;
  }
  return result;
}

/// A number of exactly so many digits, at most `most`.
std::optional<std::int64_t> take_number(std::string_view& text, std::size_t digits,
                                        std::int64_t most) {
  if (text.size() < digits || !std::ranges::all_of(text.substr(0, digits), is_digit)) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  for (const char c : text.substr(0, digits)) value = value * 10 + (c - '0');
  text.remove_prefix(digits);
  return value <= most ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> take_fraction_ns(std::string_view& text) {
  const std::string_view digits = take_digits(text);
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  std::int64_t ns = 0;
  for (std::size_t i = 0; i < 9; ++i) ns = ns * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return ns;
}

/// What is left of a date and time: nothing, Z, or an offset from UTC.
std::optional<std::int64_t> parse_offset_s(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const bool west = text.starts_with('-');
  if (!take(text, '-') && !take(text, '+')) return std::nullopt;
  const auto hours = take_number(text, 2, 23);
  if (!hours) return std::nullopt;
  std::int64_t offset_s = *hours * 3600;
  if (!text.empty()) {
    take(text, ':');
    const auto minutes = take_number(text, 2, 59);
    if (!minutes || !text.empty()) return std::nullopt;
    offset_s += *minutes * 60;
  }
  return west ? -offset_s : offset_s;
}

}  // namespace

std::optional<std::int64_t> parse_decimal_ns(std::string_view text, std::int64_t unit_ns) {
  int places = 0;
  for (; unit_ns > 1; unit_ns /= 10) ++places;
  const std::optional<Decimal> decimal = parse_decimal(text);
  if (!decimal) return std::nullopt;
  const std::optional<Scaled> ns = scaled(*decimal, places);
  if (!ns || ns->whole >= kTraceTimestampMaxNs) return std::nullopt;
  return ns->whole;
}

std::optional<std::int64_t> parse_date_time_ns(std::string_view text) {
  const auto year = take_number(text, 4, 2199);
  if (!year || *year < 1970 || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2, 12);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2, 31);
  if (!day || (!take(text, ' ') && !take(text, 'T') && !take(text, 't'))) return std::nullopt;
  const auto hour = take_number(text, 2, 23);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2, 59);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_number(text, 2, 59);
  if (!second) return std::nullopt;
  std::optional<std::int64_t> fraction_ns = 0;
  if (take(text, '.')) fraction_ns = take_fraction_ns(text);
  if (!fraction_ns) return std::nullopt;
  const std::optional<std::int64_t> offset_s = parse_offset_s(text);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset_s || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t local_s = ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
  return (local_s - *offset_s) * 1'000'000'000 + *fraction_ns;
}

std::int64_t parse_tokens(std::string_view text, std::int64_t min, std::string_view name) {
  const std::optional<Decimal> decimal = parse_decimal(text);
  const std::optional<Scaled> value = decimal ? scaled(*decimal, 0) : std::nullopt;
  if (!value || !value->exact || value->whole < min || value->whole > kTraceTokensMax) {
    throw RowMistake{std::string(name) + " is not a whole number from " + std::to_string(min) +
                         " to " + std::to_string(kTraceTokensMax),
                     "remove the line, or correct the number"};
  }
  return value->whole;
}

}  // namespace tokenlift
