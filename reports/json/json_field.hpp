#pragma once
// A JSON document that somebody else may have written, read value by value: what is not as it must
// be is a RunFileError that names the place.

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/json/json_run.hpp"
#include "reports/json/json_value.hpp"
#include "reports/record/bounds.hpp"

namespace tokenlift {

inline constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;  // exact in every JSON reader

/// One value of the document and where it stands.
class Field {
 public:
  Field(const Json& json, std::string pointer, const std::string& source)
      : json_(&json), pointer_(std::move(pointer)), source_(&source) {}

  [[noreturn]] void fail(const std::string& reason) const {
    throw RunFileError(*source_, pointer_, reason);
  }

  const Json& json() const { return *json_; }
  bool is_null() const { return json_->is_null(); }

  Field operator[](const std::string& key) const {
    require(json_->is_object(), "an object");
    const auto found = json_->find(key);
    if (found == json_->end()) fail("the key \"" + key + "\" is missing");
    return {*found, pointer_ + "/" + key, *source_};
  }

  std::vector<Field> items(std::size_t most) const {
    require(json_->is_array(), "an array");
    if (json_->size() > most) fail(fmt::format("has {} items, at most {}", json_->size(), most));
    std::vector<Field> fields;
    fields.reserve(json_->size());
    for (std::size_t i = 0; i < json_->size(); ++i) {
      fields.emplace_back((*json_)[i], fmt::format("{}/{}", pointer_, i), *source_);
    }
    return fields;
  }

  std::string text() const {
    require(json_->is_string(), "a string");
    const auto& value = json_->get_ref<const std::string&>();
    require(value.size() <= kMostWordBytes, "a string of 1 MiB at most");
    return value;
  }

  bool flag() const {
    require(json_->is_boolean(), "true or false");
    return json_->get<bool>();
  }

  double number() const {
    require(json_->is_number(), "a number");
    return json_->get<double>();
  }

  double amount_of_units() const {
    const double value = number();
    require(value >= 0, "a number from 0");
    return value;
  }

  std::uint64_t unsigned_integer() const {
    require(json_->is_number_unsigned(), "an integer from 0");
    return json_->get<std::uint64_t>();
  }

  std::uint64_t count() const {
    const std::uint64_t value = unsigned_integer();
    require(value <= static_cast<std::uint64_t>(kMaxInteger), "an integer from 0 to 2^53");
    return value;
  }

  std::int64_t amount() const { return static_cast<std::int64_t>(count()); }

  std::int64_t time_ns() const {
    const double seconds = number();
    constexpr std::int64_t kMostSeconds = kMostInstantNs / 1'000'000'000;
    require(seconds >= 0 && seconds <= static_cast<double>(kMostSeconds),
            "a time from 0 s to 20,000 days");
    // Apart, since their product would be rounded: up to 2^23 s each ns has a number of its own.
    const double whole = std::floor(seconds);
    return static_cast<std::int64_t>(whole) * 1'000'000'000 + std::llround((seconds - whole) * 1e9);
  }

  /// A sum: digits, or in old files a number.
  WideSum sum() const {
    constexpr double kMost = 1e36;
    if (json_->is_number()) {
      const double value = number();
      require(value >= 0 && value <= kMost, "a number from 0");
      if (json_->is_number_unsigned()) return static_cast<WideSum>(unsigned_integer());
      return static_cast<WideSum>(value);
    }
    const std::string digits = text();
    require(!digits.empty() && digits.size() <= kMostDigits &&
                digits.find_first_not_of("0123456789") == std::string::npos,
            "a whole number in decimal digits");
    WideSum value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
  }

  bool has(const char* key) const { return json_->is_object() && json_->contains(key); }

  /// The value, or nothing where it is null.
  template <typename T>
  std::optional<T> optional(T (Field::*read)() const) const {
    if (is_null()) return std::nullopt;
    return (this->*read)();
  }

 private:
  void require(bool holds, const char* what) const {
    if (!holds) fail(std::string("must be ") + what);
  }

  const Json* json_;
  std::string pointer_;
  const std::string* source_;
};

/// The document. Bounded are the text (kMostTextBytes), the values in it (8 M, at most about 150
/// bytes each once parsed), its depth and the keys of its objects. No object may have a key twice.
Json parse_bounded(std::string_view text, const std::string& source);

}  // namespace tokenlift
