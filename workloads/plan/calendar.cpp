#include "workloads/plan/calendar.hpp"

#include <date/date.h>
#include <date/tz.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <exception>
#include <set>
#include <utility>

#include "workloads/text/did_you_mean.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

namespace {

using std::chrono::seconds;

constexpr std::int64_t kNsPerS = 1'000'000'000;
constexpr std::int64_t kDayS = 86'400;
constexpr std::string_view kUtc = "UTC";
constexpr date::year_month_day kDefaultDay{date::year{2026}, date::month{1}, date::day{5}};
constexpr std::string_view kInstantAdvice =
    "write a date and a time, for example \"2026-05-04T05:00\" in the local time of time_zone, or "
    "\"2026-05-04T12:00Z\" in UTC";
constexpr std::string_view kTimeAdvice = "write hours and minutes, for example \"05:00\"";

// Between the clock on the wall and the time of the world. Null is UTC, which needs no database.
class Zone {
 public:
  explicit Zone(const std::string& name)
      : zone_(name == kUtc ? nullptr : date::locate_zone(name)) {}

  date::sys_seconds to_sys(date::local_seconds local) const {
    if (zone_ == nullptr) return date::sys_seconds(local.time_since_epoch());
    return zone_->to_sys(local, date::choose::earliest);
  }
  date::local_days local_day(date::sys_seconds instant) const {
    if (zone_ == nullptr) {
      return date::floor<date::days>(date::local_seconds(instant.time_since_epoch()));
    }
    return date::floor<date::days>(zone_->to_local(instant));
  }
  /// Of local time from UTC.
  seconds offset(date::sys_seconds instant) const {
    return zone_ == nullptr ? seconds{0} : zone_->get_info(instant).offset;
  }
  /// The first instant after this one from which on other rules may hold.
  std::optional<date::sys_seconds> next_change(date::sys_seconds instant) const {
    if (zone_ == nullptr) return std::nullopt;
    return zone_->get_info(instant).end;
  }

 private:
  const date::time_zone* zone_;
};

// A date or a time in digits and separators, read from the front.
class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}
  bool empty() const { return text_.empty(); }
  bool eat(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Exactly `count` digits.
  std::optional<int> number(std::size_t count) {
    int value = 0;
    if (text_.size() < count) return std::nullopt;
    for (const char c : text_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(count);
    return value;
  }

 private:
  std::string_view text_;
};

// HH:MM or HH:MM:SS; the first zero may be missing.
std::optional<std::int64_t> read_time(Digits& digits) {
  std::optional<int> hour = digits.number(2);
  if (!hour) hour = digits.number(1);
  if (!hour || !digits.eat(':')) return std::nullopt;
  const std::optional<int> minute = digits.number(2);
  std::optional<int> second = 0;
  if (digits.eat(':')) second = digits.number(2);
  if (!minute || !second || *minute > 59 || *second > 59) return std::nullopt;
  const std::int64_t since_midnight_s = *hour * 3600 + *minute * 60 + *second;
  if (since_midnight_s > kDayS) return std::nullopt;
  return since_midnight_s;
}

std::optional<date::year_month_day> read_date(Digits& digits) {
  const std::optional<int> year = digits.number(4);
  if (!year || !digits.eat('-')) return std::nullopt;
  const std::optional<int> month = digits.number(2);
  if (!month || !digits.eat('-')) return std::nullopt;
  const std::optional<int> day = digits.number(2);
  if (!day) return std::nullopt;
  const date::year_month_day result{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                    date::day{static_cast<unsigned>(*day)}};
  return result.ok() ? std::optional(result) : std::nullopt;
}

Quantity<std::int64_t> failure(std::string problem, std::string_view advice) {
  return {std::nullopt, std::move(problem), std::string(advice)};
}

// Two digits, a zero in front where there is one only.
std::string two_digits(std::int64_t value) {
  return {static_cast<char>('0' + value / 10 % 10), static_cast<char>('0' + value % 10)};
}

struct Hours {
  date::sys_seconds begin;
  date::sys_seconds end;
  double drain;
};

// Those that touch [first, last], day by day. They begin on the day before at the earliest.
std::vector<Hours> hours_of(const std::vector<PeakHours>& schedule, const Zone& zone,
                            date::sys_seconds first, date::sys_seconds last) {
  std::vector<Hours> result;
  const date::local_days end = zone.local_day(last) + date::days{1};
  for (date::local_days day = zone.local_day(first) - date::days{1}; day <= end;
       day += date::days{1}) {
    const unsigned from_monday = date::weekday(day).iso_encoding() - 1;
    for (const PeakHours& peak : schedule) {
      if ((peak.days >> from_monday & 1) == 0) continue;
      const std::int64_t end_s = peak.end_s + (peak.end_s <= peak.begin_s ? kDayS : 0);
      const Hours hours{zone.to_sys(day + seconds{peak.begin_s}), zone.to_sys(day + seconds{end_s}),
                        peak.drain};
      if (hours.begin < hours.end && hours.begin <= last && hours.end > first) {
        result.push_back(hours);
      }
    }
  }
  return result;
}

}  // namespace

std::optional<ZoneProblem> time_zone_problem(const std::string& time_zone) {
  if (time_zone == kUtc) return std::nullopt;
  std::vector<std::string> names;
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::exception&) {
    names.clear();
  }
  if (names.empty()) {
    return ZoneProblem{"this machine has no time zone database, so only \"UTC\" is known",
                       "install tzdata (apt-get install tzdata), or write time_zone = \"UTC\""};
  }
  if (std::ranges::find(names, time_zone) != names.end()) return std::nullopt;
  const std::optional<std::string> nearest = did_you_mean(time_zone, names);
  return ZoneProblem{"there is no time zone " + in_quotes(time_zone),
                     nearest ? "did you mean " + in_quotes(*nearest) + "?"
                             : "an IANA name, for example \"America/Los_Angeles\" or \"UTC\""};
}

Quantity<std::int64_t> parse_instant_s(std::string_view text, const std::string& time_zone) {
  Digits digits(text);
  const std::optional<date::year_month_day> day = read_date(digits);
  std::optional<std::int64_t> time_s = 0;
  bool utc = false;
  if (day && !digits.empty()) {
    if (!digits.eat('T') && !digits.eat(' '))
      return failure(in_quotes(text) + " is not a date", kInstantAdvice);
    time_s = read_time(digits);
    utc = digits.eat('Z');
  }
  if (!day || !time_s || !digits.empty()) {
    return failure(in_quotes(text) + " is not a date and time", kInstantAdvice);
  }
  if (day->year() < date::year{kFirstYear} || day->year() > date::year{kLastYear}) {
    return failure(
        in_quotes(text) + " is too far away",
        "a year from " + std::to_string(kFirstYear) + " to " + std::to_string(kLastYear));
  }
  const Zone zone(utc ? std::string(kUtc) : time_zone);
  const date::sys_seconds instant = zone.to_sys(date::local_days(*day) + seconds{*time_s});
  return {instant.time_since_epoch().count(), "", ""};
}

std::string format_instant(std::int64_t since_1970_s) {
  const date::sys_seconds instant{seconds{since_1970_s}};
  const date::sys_days midnight = date::floor<date::days>(instant);
  const date::year_month_day day{midnight};
  const int year = static_cast<int>(day.year());
  assert(year >= kFirstYear - 1 && year <= kLastYear + 1);  // local time may reach into the next
  const std::int64_t time_s = (instant - midnight).count();
  return two_digits(year / 100) + two_digits(year % 100) + "-" +
         two_digits(static_cast<unsigned>(day.month())) + "-" +
         two_digits(static_cast<unsigned>(day.day())) + "T" + two_digits(time_s / 3600) + ":" +
         two_digits(time_s / 60 % 60) + ":" + two_digits(time_s % 60) + "Z";
}

Quantity<std::int64_t> parse_time_of_day_s(std::string_view text) {
  Digits digits(text);
  const std::optional<std::int64_t> time_s = read_time(digits);
  if (!time_s || !digits.empty()) {
    return failure(in_quotes(text) + " is not a time of day", kTimeAdvice);
  }
  return {time_s, "", ""};
}

std::string format_time_of_day(std::int64_t since_midnight_s) {
  std::string text =
      two_digits(since_midnight_s / 3600) + ":" + two_digits(since_midnight_s / 60 % 60);
  if (since_midnight_s % 60 != 0) text += ":" + two_digits(since_midnight_s % 60);
  return text;
}

std::int64_t start_s(const RunSettings& run) {
  if (run.starts_at_s) return *run.starts_at_s;
  const date::local_seconds monday = date::local_days(kDefaultDay);
  return Zone(run.time_zone).to_sys(monday).time_since_epoch().count();
}

std::vector<PeakBorder> peak_borders(const std::vector<PeakHours>& schedule,
                                     const RunSettings& run) {
  if (schedule.empty()) return {};
  const std::int64_t first_s = start_s(run);
  const std::int64_t end_ns = run.duration_ns + run.cooldown_max_ns;
  const date::sys_seconds first{seconds{first_s}};
  const date::sys_seconds last{seconds{first_s + end_ns / kNsPerS}};
  // The instants at which hours begin or end, and by how much: then those in force are a sum.
  std::vector<std::pair<date::sys_seconds, std::pair<bool, double>>> edges;
  for (const Hours& hours : hours_of(schedule, Zone(run.time_zone), first, last)) {
    edges.push_back({std::max(hours.begin, first), {true, hours.drain}});
    edges.push_back({hours.end, {false, hours.drain}});
  }
  std::ranges::sort(edges);
  std::multiset<double> in_force;
  std::vector<PeakBorder> borders;
  for (std::size_t i = 0; i < edges.size();) {
    const date::sys_seconds at = edges[i].first;
    // Ends sort before begins, but of one instant only what is left after all of them counts.
    for (; i < edges.size() && edges[i].first == at; ++i) {
      const auto [begins, drain] = edges[i].second;
      if (begins) {
        in_force.insert(drain);
      } else {
        in_force.erase(in_force.find(drain));
      }
    }
    const double drain = in_force.empty() ? 1 : *in_force.rbegin();
    const std::int64_t at_ns = (at - first).count() * kNsPerS;
    if (at_ns > end_ns) break;
    if (drain != (borders.empty() ? 1 : borders.back().drain)) borders.push_back({at_ns, drain});
  }
  return borders;
}

double largest_drain(const std::vector<PeakHours>& schedule) {
  double largest = 1;
  for (const PeakHours& peak : schedule) largest = std::max(largest, peak.drain);
  return largest;
}

LocalClock local_clock(const RunSettings& run) {
  const Zone zone(run.time_zone);
  const date::sys_seconds start{seconds{start_s(run)}};
  // Where the clocks skip midnight, the day begins when they do.
  const date::sys_seconds midnight = zone.to_sys(zone.local_day(start));
  const date::sys_seconds end =
      start + seconds{(run.duration_ns + run.cooldown_max_ns) / kNsPerS + 1};
  LocalClock clock{(midnight - start).count() * kNsPerS, {}};
  seconds offset = zone.offset(midnight);
  for (std::optional<date::sys_seconds> at = zone.next_change(midnight); at && *at <= end;
       at = zone.next_change(*at)) {
    const seconds by = zone.offset(*at) - offset;
    // Some changes are of the zone's abbreviation alone.
    if (by.count() != 0) {
      clock.changes.push_back({(*at - start).count() * kNsPerS, by.count() * kNsPerS});
    }
    offset += by;
  }
  return clock;
}

}  // namespace tokenlift
