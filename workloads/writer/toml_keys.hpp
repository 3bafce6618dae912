#pragma once
// The keys of a table with their values, as TOML writes them.

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/scenario/keywords.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/document.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift::writing {

template <typename Value>
std::string word(Value value) {
  return string_literal(name_of(value));
}
inline std::string duration(std::int64_t ns) {
  return string_literal(format_duration(ns));
}
inline std::string rate(double per_s) {
  return string_literal(format_rate(per_s));
}

inline std::string array(const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values) text += (text.size() > 1 ? ", " : "") + value;
  return text + "]";
}
inline std::string array_of_literals(std::vector<std::string> texts) {
  for (std::string& text : texts) text = string_literal(text);
  return array(texts);
}

/// A key, in quotes where TOML wants them.
inline std::string toml_key(const std::string& name) {
  const auto bare = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && std::ranges::all_of(name, bare) ? name : string_literal(name);
}

/// Keys and their values, in the order in which they are added.
class TomlKeys {
 public:
  void add(std::string_view key, std::string value) {
    keys_.emplace_back(std::string(key), std::move(value));
  }
  void add(std::string_view key, std::int64_t value) { add(key, std::to_string(value)); }
  void add(std::string_view key, double value) { add(key, format_number(value)); }
  void add(std::string_view key, const Rate& value) {
    if (value.load) add("load", *value.load);
    if (value.per_s) add(key, rate(*value.per_s));
  }
  void add(std::string_view key, const Burst& value) {
    if (value.of_rate_ns) add(key, duration(*value.of_rate_ns));
    if (value.units) add(key, *value.units);
  }
  void add_duration(std::string_view key, const std::optional<std::int64_t>& ns) {
    if (ns) add(key, duration(*ns));
  }

  bool empty() const { return keys_.empty(); }
  std::string lines() const {
    std::string text;
    for (const auto& [key, value] : keys_) append(text, {key, " = ", value, "\n"});
    return text;
  }
  std::string inline_table() const {
    std::string text = "{ ";
    for (const auto& [key, value] : keys_) {
      append(text, {&key == &keys_.front().first ? "" : ", ", key, " = ", value});
    }
    return text + " }";
  }

 private:
  static void append(std::string& text, std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) text += part;
  }

  std::vector<std::pair<std::string, std::string>> keys_;
};

}  // namespace tokenlift::writing
