#pragma once
// Reads the keys of one TOML table, with units and bounds, and notes every mistake.

#include <toml++/toml.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/scenario/keywords.hpp"
#include "workloads/scenario/objective.hpp"
#include "workloads/text/document.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

// Bounds that keep sums and products of sizes within int64 and exact in a double.
inline constexpr std::int64_t kRequestTokensMax = 1'000'000'000;
inline constexpr std::int64_t kCountMax = 1'000'000;
inline constexpr std::int64_t kSizeMax = 1'000'000'000'000;

/// True for UTF-8 text that is not empty nor longer than kLongestName, and has no control
/// characters.
bool is_name(std::string_view text);
inline constexpr std::size_t kLongestName = 1000;  ///< bytes: reports repeat names in many places
inline constexpr std::string_view kNameAdvice =
    "a name has characters, one at least and 1000 bytes at most, and no control characters";

template <typename Value>
void assign(Value& target, const std::optional<Value>& value) {
  if (value) target = *value;
}

/// Every getter returns nothing if the key is absent, or if its value is wrong (a mistake is
/// noted).
class TableReader {
 public:
  /// `name` is what messages call the table: "[run]".
  TableReader(Document& document, const toml::table& table, std::string name);

  Document& document() { return document_; }
  const std::string& name() const { return name_; }
  bool has(std::string_view key) const { return table_.contains(key); }
  std::vector<std::string> keys() const;
  /// Of the key's value, or of the table where the key is absent.
  Place place(std::string_view key) const;
  /// Of the key itself, or of the table where it is absent.
  Place key_place(std::string_view key) const;
  Place place() const { return table_.source(); }
  void mistake(std::string_view key, const std::string& message, const std::string& advice = "");

  /// Notes a mistake if the key is absent.
  void require(std::string_view key, const std::string& advice = "");

  /// The key "name", which must be there, be a name and be none of `taken`; whatever it is.
  std::string name_apart_from(const std::set<std::string>& taken);
  std::optional<std::string> text(std::string_view key);
  std::optional<bool> flag(std::string_view key);
  std::optional<std::int64_t> whole(std::string_view key, std::int64_t min, std::int64_t max);
  /// In [min, max].
  std::optional<double> number(std::string_view key, double min, double max);
  std::optional<std::int64_t> duration_ns(std::string_view key);
  /// As duration_ns(), and 0 is a mistake.
  std::optional<std::int64_t> positive_duration_ns(std::string_view key);
  std::optional<std::int64_t> cost_ps(std::string_view key);
  std::optional<std::int64_t> power_mw(std::string_view key);
  std::optional<std::int64_t> energy_milliwatt_h(std::string_view key);
  std::optional<double> rate_per_s(std::string_view key);
  /// Seconds since midnight.
  std::optional<std::int64_t> time_of_day_s(std::string_view key);
  /// A date and time, in local time of the zone, in seconds since 1970 UTC.
  std::optional<std::int64_t> instant_s(std::string_view key, const std::string& time_zone);
  /// One string, or an array of at least one.
  std::optional<std::vector<std::string>> texts(std::string_view key);
  /// The same, each with its place.
  std::vector<std::pair<std::string, Place>> placed_texts(std::string_view key);
  /// One of `names` or several, each once; empty where the key is absent. `noun` is what has them.
  std::vector<std::string> names_among(std::string_view key, const std::string& noun,
                                       const std::vector<std::string>& names);
  /// One objective, or an array of at least one, each with its place; those that are none (a
  /// mistake is noted) are left out.
  std::vector<std::pair<Objective, Place>> objectives(std::string_view key);
  /// Paths of figures, each with its place. Of more than kMostFigures (a mistake is noted) none,
  /// and of as many objectives: each that is wrong takes a while to be told what was meant.
  std::vector<std::pair<std::string, Place>> figures(std::string_view key);
  std::optional<TableReader> table(std::string_view key, std::string name);
  /// The tables of an array of tables ([[key]] or an array of inline tables); of more than `most`,
  /// which is a mistake, the first ones.
  std::vector<TableReader> tables(std::string_view key, const std::string& name, std::size_t most);
  /// The key's value, whatever it is; for values of several forms.
  const toml::node* find(std::string_view key);

  template <typename Value>
  std::optional<Value> choice(std::string_view key) {
    const std::optional<std::string> word = text(key);
    if (!word) return std::nullopt;
    std::vector<std::string> names;
    for (const Keyword<Value>& keyword : kKeywords<Value>) {
      if (keyword.name == *word) return keyword.value;
      names.emplace_back(keyword.name);
    }
    unknown_word(key, *word, names);
    return std::nullopt;
  }

  /// A mistake: the key's value is not of a type that it can have.
  void wrong_type(std::string_view key, const toml::node& node, std::string_view expected,
                  std::string_view example);

  /// A mistake: `word` is none of `names`.
  void unknown_word(std::string_view key, const std::string& word,
                    const std::vector<std::string>& names);

  /// A key that has no effect on a `noun` like this one ("kind", "policy"), and the words of those
  /// that have it. False, and a mistake, if it is there all the same.
  template <typename Value>
  bool only_for(std::string_view key, std::string_view noun, Value chosen,
                const std::vector<Value>& users) {
    if (std::ranges::find(users, chosen) != users.end()) return true;
    if (find(key) == nullptr) return false;
    std::string advice = "remove it: it belongs to ";
    for (const Value user : users) {
      advice += (user == users.front() ? "" : ", ") + in_quotes(name_of(user));
    }
    mistake(key,
            in_quotes(key) + " has no effect on " + std::string(noun) + " " +
                in_quotes(name_of(chosen)),
            advice);
    return false;
  }

  /// A mistake for each of these keys that is there: it has no effect on the engine, `which` does
  /// what that says. No getter needs to ask for them.
  void refuse_on(Engine engine, std::string_view which, std::span<const std::string_view> keys,
                 const std::string& advice);

  /// The keys are known, and not looked at.
  void pass_over(std::span<const std::string_view> keys);

  /// The absolute path of a file; a relative one is looked for in `folder`. It need not be there.
  std::optional<std::string> path(std::string_view key, const std::string& folder);

  /// Notes every key that no getter asked for.
  void finish();

 private:
  /// A value with a unit: "SUBSTITUTE UNIT" without the space is the example for one that has none.
  template <typename Value>
  std::optional<Value> quantity(std::string_view key, Quantity<Value> (*parse)(std::string_view),
                                std::string_view expected, const char* substitute,
                                std::string_view unit);

  /// suggest(), unless there are so many mistakes that it would take long.
  std::string advice_on(std::string_view word, const std::vector<std::string>& names) const;

  Document& document_;
  const toml::table& table_;
  std::string name_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace tokenlift
