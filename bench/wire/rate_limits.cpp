#include "bench/wire/rate_limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <system_error>

#include "workloads/text/ascii.hpp"

namespace tokenlift {
namespace {

constexpr double kMostSeconds = 365.0 * 24 * 3600;

constexpr std::array kMonths = std::to_array<std::string_view>(
    {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});
constexpr std::array kWeekDays = std::to_array<std::string_view>(
    {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"});

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool takes(std::string_view& text, std::string_view word) {
  const bool same = equals_ignoring_case(text.substr(0, word.size()), word);
  if (same) text.remove_prefix(word.size());
  return same;
}

/// Takes a number of exactly `digits` digits.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits || !std::all_of(text.begin(), text.begin() + digits, is_digit)) {
    return std::nullopt;
  }
  int number = 0;
  std::from_chars(text.data(), text.data() + digits, number);
  text.remove_prefix(digits);
  return number;
}

/// Takes a number, also with a fraction. No infinity, and no exponent.
std::optional<double> take_number(std::string_view& text) {
  if (text.empty() || !(is_digit(text[0]) || text[0] == '.' || text[0] == '-')) return std::nullopt;
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<double> number_of(std::string_view text) {
  const std::optional<double> number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

/// A date and a time of day as seconds since 1970; nothing where there is no such day or time.
std::optional<std::int64_t> unix_seconds(int year, int month, int day, int hour, int minute,
                                         int second) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;  // 60: a leap
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return 60 * (60 * (24 * days + hour) + minute) + second;
}

std::optional<int> take_month(std::string_view& text) {
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (takes(text, kMonths[i])) return static_cast<int>(i) + 1;
  }
  return std::nullopt;
}

/// hh:mm:ss.
struct TimeOfDay {
  int hour = 0;
  int minute = 0;
  int second = 0;
};
std::optional<TimeOfDay> take_time(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || !takes(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !takes(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second) return std::nullopt;
  return TimeOfDay{*hour, *minute, *second};
}

bool take_week_day(std::string_view& text) {
  return std::any_of(kWeekDays.begin(), kWeekDays.end(), [&text](std::string_view day) {
    return takes(text, day) || takes(text, day.substr(0, 3));
  });
}

/// Nov  6 08:49:37 1994, what follows the day of the week in asctime's form.
std::optional<std::int64_t> asctime_date(std::string_view text) {
  const auto month = take_month(text);
  if (!month || !takes(text, " ")) return std::nullopt;
  const auto day = takes(text, " ") ? take_digits(text, 1) : take_digits(text, 2);
  if (!day || !takes(text, " ")) return std::nullopt;
  const auto time = take_time(text);
  if (!time || !takes(text, " ")) return std::nullopt;
  const auto year = take_digits(text, 4);
  if (!year || !text.empty()) return std::nullopt;
  return unix_seconds(*year, *month, *day, time->hour, time->minute, time->second);
}

/// A year of two digits is none that lies more than 50 years ahead (RFC 9110, 5.6.7).
int full_year(int two_digits, std::int64_t now_unix_s) {
  const auto today = std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(now_unix_s)));
  const int now = static_cast<int>(std::chrono::year_month_day(today).year());
  const int year = now - now % 100 + two_digits;
  return year > now + 50 ? year - 100 : year;
}

/// An HTTP date (RFC 9110, 5.6.7), in the form in use and in the two that are obsolete:
/// "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994".
std::optional<std::int64_t> http_date(std::string_view text, std::int64_t now_unix_s) {
  if (!take_week_day(text)) return std::nullopt;
  if (takes(text, ", ")) {
    const auto day = take_digits(text, 2);
    const bool is_obsolete = takes(text, "-");
    if (!day || (!is_obsolete && !takes(text, " "))) return std::nullopt;
    const auto month = take_month(text);
    if (!month || !takes(text, is_obsolete ? "-" : " ")) return std::nullopt;
    auto year = take_digits(text, is_obsolete ? 2 : 4);
    if (!year || !takes(text, " ")) return std::nullopt;
    if (is_obsolete) year = full_year(*year, now_unix_s);
    const auto time = take_time(text);
    if (!time || !takes(text, " GMT") || !text.empty()) return std::nullopt;
    return unix_seconds(*year, *month, *day, time->hour, time->minute, time->second);
  }
  return takes(text, " ") ? asctime_date(text) : std::nullopt;
}

/// 2026-11-30T00:00:00.5Z or with an offset (RFC 3339), in seconds since 1970.
std::optional<double> rfc3339(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !takes(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !takes(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(takes(text, "T") || takes(text, " "))) return std::nullopt;
  const auto time = take_time(text);
  if (!time) return std::nullopt;
  const auto whole = unix_seconds(*year, *month, *day, time->hour, time->minute, time->second);
  if (!whole) return std::nullopt;
  auto seconds = static_cast<double>(*whole);
  if (text.starts_with('.')) {
    const std::optional<double> fraction = take_number(text);
    if (!fraction) return std::nullopt;
    seconds += *fraction;
  }
  if (!takes(text, "Z")) {
    const double sign = takes(text, "+") ? 1 : takes(text, "-") ? -1 : 0;
    const auto hours = take_digits(text, 2);
    if (sign == 0 || !hours || !takes(text, ":")) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes) return std::nullopt;
    seconds -= sign * (*hours * 3600 + *minutes * 60);
  }
  if (!text.empty()) return std::nullopt;
  return seconds;
}

/// A duration as Go writes it, such as 6m0s or 1h2m3.5s, in seconds; or a number alone, of seconds.
std::optional<double> go_duration(std::string_view text) {
  if (const auto seconds = number_of(text)) return seconds;
  double sum = 0;
  do {
    const std::optional<double> number = take_number(text);
    if (!number || *number < 0) return std::nullopt;
    double unit = 0;
    if (takes(text, "ms")) {
      unit = 1e-3;
    } else if (takes(text, "us") || takes(text, "\u00b5s") || takes(text, "\u03bcs")) {
      unit = 1e-6;
    } else if (takes(text, "ns")) {
      unit = 1e-9;
    } else if (takes(text, "s")) {
      unit = 1;
    } else if (takes(text, "m")) {
      unit = 60;
    } else if (takes(text, "h")) {
      unit = 3600;
    } else if (takes(text, "d")) {
      unit = 86'400;
    } else {
      return std::nullopt;
    }
    sum += *number * unit;
  } while (!text.empty());
  return sum;
}

std::optional<std::int64_t> wait_ns(std::optional<double> seconds) {
  if (!seconds || *seconds < 0) return std::nullopt;
  return std::llround(std::min(*seconds, kMostSeconds) * 1e9);
}

struct UnitName {
  std::string_view name;
  LimitUnit unit;
};
constexpr std::array kUnits =
    std::to_array<UnitName>({{"requests", LimitUnit::requests},
                             {"tokens", LimitUnit::tokens},
                             {"input-tokens", LimitUnit::input_tokens},
                             {"output-tokens", LimitUnit::output_tokens}});
struct FigureName {
  std::string_view name;
  LimitFigure figure;
};
constexpr std::array kFigures = std::to_array<FigureName>({{"limit", LimitFigure::limit},
                                                           {"remaining", LimitFigure::remaining},
                                                           {"reset", LimitFigure::reset_ms}});

struct FieldMeaning {
  LimitUnit unit;
  LimitFigure figure;
  bool is_anthropic;
};

/// x-ratelimit-FIGURE-UNIT or anthropic-ratelimit-UNIT-FIGURE.
std::optional<FieldMeaning> meaning_of(std::string_view name) {
  const bool is_anthropic = takes(name, "anthropic-ratelimit-");
  if (!is_anthropic && !takes(name, "x-ratelimit-")) return std::nullopt;
  for (const auto& [unit_name, unit] : kUnits) {
    for (const auto& [figure_name, figure] : kFigures) {
      std::string_view rest = name;
      const bool fits = takes(rest, is_anthropic ? unit_name : figure_name) && takes(rest, "-") &&
                        takes(rest, is_anthropic ? figure_name : unit_name) && rest.empty();
      if (fits) return FieldMeaning{unit, figure, is_anthropic};
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> reset_ms(std::string_view value, bool is_anthropic,
                                     std::int64_t now_unix_s) {
  std::optional<double> seconds;
  if (is_anthropic) {
    const std::optional<double> at = rfc3339(value);
    if (at) seconds = std::max(*at - static_cast<double>(now_unix_s), 0.0);  // it has been reset
  } else {
    seconds = go_duration(value);
  }
  if (!seconds || *seconds < 0) return std::nullopt;
  return std::llround(std::min(*seconds, kMostSeconds) * 1e3);
}

std::optional<std::int64_t> count_of(std::string_view value) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return count;
}

}  // namespace

std::optional<std::int64_t> retry_after_ns(const ResponseHead& head, std::int64_t now_unix_s) {
  if (const auto value = head.field("retry-after-ms")) {
    const std::optional<double> milliseconds = number_of(*value);
    if (milliseconds && *milliseconds >= 0) return wait_ns(*milliseconds / 1e3);
  }
  const auto value = head.field("retry-after");
  if (!value) return std::nullopt;
  if (const auto seconds = number_of(*value)) return wait_ns(seconds);
  const std::optional<std::int64_t> at = http_date(*value, now_unix_s);
  if (!at) return std::nullopt;
  return wait_ns(static_cast<double>(*at - now_unix_s));
}

std::optional<bool> should_retry(const ResponseHead& head) {
  const auto value = head.field("x-should-retry");
  if (!value) return std::nullopt;
  std::string_view text = *value;
  if (takes(text, "true") && text.empty()) return true;
  text = *value;
  if (takes(text, "false") && text.empty()) return false;
  return std::nullopt;
}

std::vector<LimitReading> rate_limits(const ResponseHead& head, std::int64_t now_unix_s) {
  std::vector<LimitReading> readings;
  std::array<bool, kUnits.size()> is_unlimited{};
  head.for_each_field([&](std::string_view name, std::string_view value) {
    const std::optional<FieldMeaning> meaning = meaning_of(name);
    if (!meaning) return;
    const std::optional<std::int64_t> figure =
        meaning->figure == LimitFigure::reset_ms
            ? reset_ms(value, meaning->is_anthropic, now_unix_s)
            : count_of(value);
    if (!figure) return;
    if (*figure < 0) {
      is_unlimited[static_cast<std::size_t>(meaning->unit)] |=
          meaning->figure == LimitFigure::limit;
      return;
    }
    const bool is_known = std::any_of(readings.begin(), readings.end(), [&](const auto& reading) {
      return reading.unit == meaning->unit && reading.figure == meaning->figure;
    });
    if (!is_known) readings.push_back({meaning->unit, meaning->figure, *figure});
  });
  std::erase_if(readings, [&is_unlimited](const LimitReading& reading) {
    return is_unlimited[static_cast<std::size_t>(reading.unit)];
  });
  return readings;
}

}  // namespace tokenlift
