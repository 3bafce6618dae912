#include "workloads/tuning/candidate.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/tuning/lift.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

bool is_logarithmic(const Parameter& parameter) {
  return parameter.scale == ParameterScale::log || parameter.scale == ParameterScale::log_integer;
}
bool is_whole(const Parameter& parameter) {
  return parameter.scale == ParameterScale::integer ||
         parameter.scale == ParameterScale::log_integer;
}

// To four significant digits.
double rounded(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3e", value);
  return std::strtod(text.data(), nullptr);
}

std::string written(const Parameter& parameter, double value) {
  if (parameter.form == ParameterForm::duration) return format_duration(std::llround(value));
  if (parameter.form == ParameterForm::rate) return format_rate(value);
  // Where whole numbers are wanted "1e+06" is none.
  if (is_whole(parameter)) return std::to_string(std::llround(value));
  return format_number(value);
}

std::optional<double> read(const Parameter& parameter, const std::string& text) {
  if (parameter.form == ParameterForm::rate) return parse_rate_per_s(text).value;
  if (parameter.form == ParameterForm::duration) {
    const std::optional<std::int64_t> ns = parse_duration_ns(text).value;
    return ns ? std::optional(static_cast<double>(*ns)) : std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Inherit> inherit_of(const std::string& word) {
  for (const Keyword<Inherit>& keyword : kKeywords<Inherit>) {
    if (keyword.name == word) return keyword.value;
  }
  return std::nullopt;
}

// In to_toml() events are in order of time.
std::string written_key(const Scenario& scenario, const std::string& key) {
  constexpr std::string_view kEvent = "event.";
  if (!key.starts_with(kEvent)) return key;
  const std::size_t end = std::min(key.find('.', kEvent.size()), key.size());
  const std::string index = key.substr(kEvent.size(), end - kEvent.size());
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    if (std::to_string(scenario.events[i].index.value) != index) continue;
    return std::string(kEvent) + std::to_string(i) + key.substr(end);
  }
  return key;
}

}  // namespace

std::string value_at(const Parameter& parameter, double position) {
  if (parameter.scale == ParameterScale::choice) {
    const auto count = static_cast<double>(parameter.choices.size());
    const double index = std::clamp(std::floor(position * count), 0.0, count - 1);
    return parameter.choices[static_cast<std::size_t>(index)];
  }
  if (position <= 0) return written(parameter, parameter.min);
  if (position >= 1) return written(parameter, parameter.max);
  if (parameter.present && position_of(parameter, *parameter.present) == position) {
    return *parameter.present;
  }
  double value = is_logarithmic(parameter)
                     ? parameter.min * std::pow(parameter.max / parameter.min, position)
                     : parameter.min + (parameter.max - parameter.min) * position;
  value = is_whole(parameter) ? std::round(value) : rounded(value);
  return written(parameter, std::clamp(value, parameter.min, parameter.max));
}

std::optional<double> position_of(const Parameter& parameter, const std::string& value) {
  if (parameter.scale == ParameterScale::choice) {
    const auto found = std::ranges::find(parameter.choices, value);
    if (found == parameter.choices.end()) return std::nullopt;
    return (static_cast<double>(found - parameter.choices.begin()) + 0.5) /
           static_cast<double>(parameter.choices.size());
  }
  const std::optional<double> number = read(parameter, value);
  if (!number || !(*number >= parameter.min && *number <= parameter.max)) return std::nullopt;
  if (*number == parameter.min) return 0;
  if (*number == parameter.max) return 1;
  return is_logarithmic(parameter)
             ? std::log(*number / parameter.min) / std::log(parameter.max / parameter.min)
             : (*number - parameter.min) / (parameter.max - parameter.min);
}

std::vector<std::string> settings(const Scenario& scenario,
                                  const std::vector<Parameter>& parameters,
                                  std::span<const double> point) {
  assert(point.size() == parameters.size());
  std::vector<std::string> words;
  LiftCourse course;
  std::int64_t longest_ns = 0;
  bool of_lift = false;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string& key = parameters[i].key;
    const std::string value = value_at(parameters[i], point[i]);
    if (key == kLiftShape) course.shape = value;
    if (key == kLiftInherit) course.inherit = inherit_of(value);
    if (key == kLiftLength) {
      course.over_ns = parse_duration_ns(value).value;
      longest_ns = std::llround(parameters[i].max);
    }
    of_lift = of_lift || is_lift_key(key);
    if (!is_lift_key(key)) words.push_back(key + "=" + value);
  }
  // A throttle that rejects has no max_wait, and one that comes later would be a mistake.
  std::stable_partition(words.begin(), words.end(), [](const std::string& word) {
    return word.substr(0, word.find('=')).find(".when_full") == std::string::npos;
  });
  if (!of_lift) return words;
  const std::vector<std::string> of_event = lift_words(scenario, course, longest_ns);
  words.insert(words.end(), of_event.begin(), of_event.end());
  return words;
}

std::optional<std::string> present_value(const Scenario& scenario, const Parameter& parameter) {
  if (is_lift_key(parameter.key)) return present_course(scenario, parameter.key);
  return written_value(scenario, written_key(scenario, parameter.key));
}

}  // namespace tokenlift
