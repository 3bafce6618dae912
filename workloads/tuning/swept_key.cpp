#include "workloads/tuning/swept_key.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "workloads/scenario/sweeping.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/tuning/candidate.hpp"

namespace tokenlift {

namespace {

constexpr const char* kAxisForm = "KEY=FROM:TO:N, KEY=FROM:TO:N:log or KEY=A,B,C";
constexpr const char* kRangeForm = "KEY=LOW:HIGH or KEY=LOW:HIGH:log";
/// From this ratio of the ends on whole numbers are tried in equal ratios.
constexpr double kWideRatio = 4;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  const std::string separators(1, separator);
  for (;;) {
    const std::size_t end = find_outside_quotes(text, separators);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> plain_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole_text = error == std::errc() && end == text.data() + text.size();
  return whole_text && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

struct Amount {
  ParameterForm form = ParameterForm::number;
  double value = 0;  // durations in ns, rates per s
};

std::optional<Amount> amount_of(const std::string& text) {
  if (const auto number = plain_number(text)) return Amount{ParameterForm::number, *number};
  if (text.find('/') != std::string::npos) {
    const auto rate = parse_rate_per_s(text).value;
    return rate ? std::optional(Amount{ParameterForm::rate, *rate}) : std::nullopt;
  }
  const auto ns = parse_duration_ns(text).value;
  if (!ns) return std::nullopt;
  return Amount{ParameterForm::duration, static_cast<double>(*ns)};
}

std::string unit_of(ParameterForm form) {
  if (form == ParameterForm::duration) return "s";
  return form == ParameterForm::rate ? "1/s" : "";
}

struct KeyAndRest {
  std::string key, rest;
};

KeyAndRest key_of(const std::string& word, const char* form) {
  const std::size_t equals = find_outside_quotes(word, "=");
  if (equals == std::string::npos || equals == 0 || equals + 1 == word.size()) {
    throw SweepMistake("'" + word + "' is not " + form);
  }
  return {word.substr(0, equals), word.substr(equals + 1)};
}

bool is_whole_text(const std::string& text) {
  return text.find_first_not_of("0123456789") == std::string::npos && text.size() <= 15;
}

/// The range FROM:TO of `key`, of whole numbers where the scenario takes no others.
SweptKey range_of(const std::string& word, const std::string& key, const std::string& from,
                  const std::string& to, bool logarithmic, const Accepts& accepts) {
  const std::optional<Amount> low = amount_of(from), high = amount_of(to);
  if (!low || !high) {
    throw SweepMistake("'" + word + "': '" + (low ? to : from) +
                       "' is no number, duration or rate");
  }
  if (low->form != high->form) {
    throw SweepMistake("'" + word + "': '" + from + "' and '" + to + "' are not of the same kind");
  }
  if (!(low->value < high->value)) {
    throw SweepMistake("'" + word + "': " + from + " is not less than " + to);
  }
  if (logarithmic && low->value <= 0) {
    throw SweepMistake("'" + word + "': on a logarithmic scale both ends are above 0");
  }
  SweptKey swept;
  swept.key = key;
  swept.unit = unit_of(low->form);
  swept.parameter = {key, ParameterScale::linear, low->form, low->value, high->value, {}, ""};
  using enum ParameterScale;
  const bool whole = is_whole_text(from) && is_whole_text(to) && accepts(key, from) &&
                     !accepts(key, format_number(low->value + 0.5));
  if (whole) {
    const bool wide = low->value >= 1 && high->value / low->value >= kWideRatio;
    swept.parameter.scale = logarithmic || wide ? log_integer : integer;
  } else if (logarithmic) {
    swept.parameter.scale = log;
  }
  return swept;
}

void add_value(SweptKey& swept, std::string value) {
  if (std::ranges::find(swept.values, value) == swept.values.end()) {
    swept.values.push_back(std::move(value));
  }
}

SweptKey listed_values(const std::string& word, const KeyAndRest& parts) {
  SweptKey swept;
  swept.is_range = false;
  const std::vector<std::string> values = split(parts.rest, ',');
  std::optional<ParameterForm> form;
  bool numeric = true;
  for (const std::string& value : values) {
    if (value.empty()) throw SweepMistake("'" + word + "': a value is empty");
    const std::optional<Amount> amount = amount_of(value);
    numeric = numeric && amount && (!form || *form == amount->form);
    if (amount) form = amount->form;
    add_value(swept, value);
  }
  if (swept.values.size() < 2 || swept.values.size() != values.size()) {
    throw SweepMistake("'" + word + "': give two values at least, all different");
  }
  if (numeric) {
    std::ranges::sort(swept.values, {}, [](const std::string& value) { return *number_of(value); });
  }
  swept.key = parts.key;
  if (numeric) swept.unit = unit_of(*form);
  swept.numeric = numeric;
  swept.parameter.key = parts.key;
  return swept;
}

}  // namespace

std::optional<double> number_of(const std::string& value) {
  const std::optional<Amount> amount = amount_of(value);
  if (!amount) return std::nullopt;
  return amount->form == ParameterForm::duration ? amount->value / 1e9 : amount->value;
}

double number_on(const SweptKey& key, const std::string& value) {
  if (key.numeric) return number_of(value).value_or(0);
  return static_cast<double>(std::ranges::find(key.values, value) - key.values.begin());
}

SweptKey parse_axis(const std::string& word, const Accepts& accepts) {
  const KeyAndRest parts = key_of(word, kAxisForm);
  const std::vector<std::string> range = split(parts.rest, ':');
  if (range.size() == 1) return listed_values(word, parts);
  const bool logarithmic = range.size() == 4 && range[3] == "log";
  const auto count = range.size() >= 3 ? plain_number(range[2]) : std::nullopt;
  if ((range.size() != 3 && !logarithmic) || !count || !is_whole_text(range[2])) {
    throw SweepMistake("'" + word + "' is not " + kAxisForm);
  }
  if (*count < 2 || *count > static_cast<double>(kMostValues)) {
    throw SweepMistake("'" + word + "': from 2 to " + std::to_string(kMostValues) +
                       " values, not " + range[2]);
  }
  SweptKey swept = range_of(word, parts.key, range[0], range[1], logarithmic, accepts);
  // Even steps where nothing else is said, also of whole numbers.
  if (!logarithmic && swept.parameter.scale == ParameterScale::log_integer) {
    swept.parameter.scale = ParameterScale::integer;
  }
  const auto points = static_cast<std::size_t>(*count);
  for (std::size_t i = 0; i < points; ++i) {
    add_value(swept,
              value_at(swept.parameter, static_cast<double>(i) / static_cast<double>(points - 1)));
  }
  return swept;
}

SweptKey parse_range(const std::string& word, const Accepts& accepts) {
  const KeyAndRest parts = key_of(word, kRangeForm);
  const std::vector<std::string> range = split(parts.rest, ':');
  const bool logarithmic = range.size() == 3 && range[2] == "log";
  if (range.size() != 2 && !logarithmic) {
    throw SweepMistake("'" + word + "' is not " + kRangeForm);
  }
  return range_of(word, parts.key, range[0], range[1], logarithmic, accepts);
}

void require_grid(const std::vector<SweptKey>& axes) {
  if (axes.size() > kMostSweptKeys) {
    throw SweepMistake(std::to_string(axes.size()) + " axes: " + std::to_string(kMostSweptKeys) +
                       " are the most");
  }
  std::size_t points = 1;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto is_same = [&](const SweptKey& other) { return other.key == axes[i].key; };
    if (std::any_of(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(i), is_same)) {
      throw SweepMistake("two axes are over " + axes[i].key);
    }
    points *= axes[i].values.size();
    if (points > kMostGridPoints) {
      throw SweepMistake("the axes have more than " + std::to_string(kMostGridPoints) +
                         " points together");
    }
  }
}

}  // namespace tokenlift
