#include "workloads/reader/table_reader.hpp"

#include <cmath>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "workloads/plan/calendar.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift {

namespace {

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
      return "a date";
    case toml::node_type::time:
      return "a time of day";
    case toml::node_type::date_time:
      return "a date and time";
    case toml::node_type::none:
      break;
  }
  return "nothing";
}

// A positive whole number as it was written without its unit, or the substitute.
std::string digits(const toml::node& node, const char* substitute) {
  const auto* number = node.as_integer();
  return number != nullptr && number->get() > 0 ? std::to_string(number->get()) : substitute;
}

// Sites draw megawatts: a number as large as watts of them is meant in watts.
std::string_view likely_power_unit(const toml::node* node) {
  constexpr std::int64_t kMostMegawatts = 10'000;
  const auto* number = node != nullptr ? node->as_integer() : nullptr;
  return number != nullptr && number->get() > kMostMegawatts ? "W" : "MW";
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kLongestName || find_not_utf8(text) != std::string_view::npos)
    return false;
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(code_point_bytes(rest))) {
    if (moves_cursor(rest.substr(0, code_point_bytes(rest)))) return false;
  }
  return true;
}

TableReader::TableReader(Document& document, const toml::table& table, std::string name)
    : document_(document), table_(table), name_(std::move(name)) {}

std::vector<std::string> TableReader::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : table_) keys.emplace_back(key.str());
  return keys;
}

Place TableReader::place(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node != nullptr ? node->source() : table_.source();
}

Place TableReader::key_place(std::string_view key) const {
  const auto found = table_.find(key);
  return found != table_.end() ? found->first.source() : table_.source();
}

void TableReader::mistake(std::string_view key, const std::string& message,
                          const std::string& advice) {
  document_.add(place(key), message, advice);
}

void TableReader::require(std::string_view key, const std::string& advice) {
  if (has(key)) return;
  mistake(key, name_ + " lacks the key \"" + std::string(key) + "\"", advice);
}

const toml::node* TableReader::find(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

void TableReader::wrong_type(std::string_view key, const toml::node& node,
                             std::string_view expected, std::string_view example) {
  mistake(key,
          in_quotes(key) + " is " + std::string(kind_of(node)) + ", not " + std::string(expected),
          "for example " + std::string(key) + " = " + std::string(example));
}

std::string TableReader::name_apart_from(const std::set<std::string>& taken) {
  require("name", "for example name = \"users\"");
  const std::optional<std::string> name = text("name");
  if (!name) return "";
  if (!is_name(*name)) {
    mistake("name", in_quotes(*name) + " can't be a name", std::string(kNameAdvice));
  } else if (taken.contains(*name)) {
    mistake("name", name_ + " " + in_quotes(*name) + " is there twice", "give each its own name");
  }
  return *name;
}

std::optional<std::string> TableReader::text(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* value = node->as_string()) return value->get();
  wrong_type(key, *node, "a string", "\"...\"");
  return std::nullopt;
}

std::optional<bool> TableReader::flag(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* value = node->as_boolean()) return value->get();
  wrong_type(key, *node, "true or false", "true");
  return std::nullopt;
}

std::optional<std::int64_t> TableReader::whole(std::string_view key, std::int64_t min,
                                               std::int64_t max) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    wrong_type(key, *node, "a whole number", std::to_string(std::max<std::int64_t>(min, 16)));
    return std::nullopt;
  }
  if (value->get() >= min && value->get() <= max) return value->get();
  mistake(key,
          in_quotes(key) + " is " + std::to_string(value->get()) + ", which is too " +
              (value->get() < min ? "small" : "large"),
          "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<double> TableReader::number(std::string_view key, double min, double max) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_number()) {
    wrong_type(key, *node, "a number", "0.5");
    return std::nullopt;
  }
  const double value = node->value<double>().value_or(std::nan(""));
  if (value >= min && value <= max) return value;  // false for nan
  mistake(key,
          in_quotes(key) + " is " + (std::isfinite(value) ? format_number(value) : "not finite") +
              (value < min            ? ", which is too small"
               : std::isfinite(value) ? ", which is too large"
                                      : ""),
          "a number from " + format_number(min) + " to " + format_number(max));
  return std::nullopt;
}

template <typename Value>
std::optional<Value> TableReader::quantity(std::string_view key,
                                           Quantity<Value> (*parse)(std::string_view),
                                           std::string_view expected, const char* substitute,
                                           std::string_view unit) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) {
    wrong_type(key, *node, expected, in_quotes(digits(*node, substitute) + std::string(unit)));
    return std::nullopt;
  }
  Quantity<Value> result = parse(node->as_string()->get());
  if (!result.value) {
    mistake(key, in_quotes(key) + ": " + result.problem, result.advice);
  }
  return result.value;
}

std::optional<std::int64_t> TableReader::duration_ns(std::string_view key) {
  return quantity(key, parse_duration_ns, "a duration with a unit", "15", "s");
}

std::optional<std::int64_t> TableReader::cost_ps(std::string_view key) {
  return quantity(key, parse_cost_ps, "a duration with a unit", "41", "ns");
}

std::optional<double> TableReader::rate_per_s(std::string_view key) {
  return quantity(key, parse_rate_per_s, "a rate with a unit of time", "12", "/s");
}

std::optional<std::int64_t> TableReader::power_mw(std::string_view key) {
  return quantity(key, parse_power_mw, "a power with a unit", "300", likely_power_unit(find(key)));
}

std::optional<std::int64_t> TableReader::energy_milliwatt_h(std::string_view key) {
  return quantity(key, parse_energy_milliwatt_h, "an energy with a unit", "150", "MWh");
}

std::optional<std::int64_t> TableReader::positive_duration_ns(std::string_view key) {
  const std::optional<std::int64_t> ns = duration_ns(key);
  if (!ns || *ns > 0) return ns;
  mistake(key, in_quotes(key) + " must be more than 0");
  return std::nullopt;
}

std::optional<std::int64_t> TableReader::time_of_day_s(std::string_view key) {
  if (const toml::node* node = find(key); node != nullptr && node->is_time()) {
    const toml::time& time = node->as_time()->get();
    return time.hour * 3600 + time.minute * 60 + time.second;
  }
  return quantity(key, parse_time_of_day_s, "a time of day", "5", ":00");
}

// TOML's own dates are written out and read as the strings are: one path for all forms.
std::optional<std::int64_t> TableReader::instant_s(std::string_view key,
                                                   const std::string& time_zone) {
  constexpr std::string_view kExample = "\"2026-05-04T05:00\"";
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::string text;
  std::int64_t offset_s = 0;
  if (const auto* string = node->as_string()) {
    text = string->get();
  } else if (node->is_date() || node->is_date_time()) {
    std::ostringstream written;
    if (const auto* date_time = node->as_date_time()) {
      written << toml::date_time(date_time->get().date, date_time->get().time);
      if (date_time->get().offset) {
        written << 'Z';
        offset_s = std::int64_t{60} * date_time->get().offset->minutes;
      }
    } else {
      written << node->as_date()->get();
    }
    text = written.str();
  } else {
    wrong_type(key, *node, "a date and time", kExample);
    return std::nullopt;
  }
  const Quantity<std::int64_t> result = parse_instant_s(text, time_zone);
  if (result.value && *result.value - offset_s >= 0) return *result.value - offset_s;
  if (result.value) {
    mistake(key, in_quotes(key) + " is before 1970");
  } else {
    mistake(key, in_quotes(key) + ": " + result.problem, result.advice);
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> TableReader::texts(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* word = node->as_string()) return std::vector<std::string>{word->get()};
  std::vector<std::string> words;
  const toml::array* array = node->as_array();
  bool all_strings = array != nullptr && !array->empty();
  for (std::size_t i = 0; all_strings && i < array->size(); ++i) {
    const auto* word = (*array)[i].as_string();
    all_strings = word != nullptr;
    if (word != nullptr) words.push_back(word->get());
  }
  if (all_strings) return words;
  if (array != nullptr) {
    mistake(key, in_quotes(key) + " must be an array of strings, one at least",
            "for example " + std::string(key) + " = [\"...\", \"...\"]");
  } else {
    wrong_type(key, *node, "an array of strings", "[\"...\", \"...\"]");
  }
  return std::nullopt;
}

std::vector<std::string> TableReader::names_among(std::string_view key, const std::string& noun,
                                                  const std::vector<std::string>& names) {
  std::vector<std::string> chosen = texts(key).value_or(std::vector<std::string>{});
  const std::set<std::string_view> there(names.begin(), names.end());
  std::set<std::string_view> met;
  for (const std::string& name : chosen) {
    if (!there.contains(name)) {
      mistake(key, "there is no " + noun + " " + in_quotes(name), advice_on(name, names));
    } else if (!met.insert(name).second) {
      mistake(key, noun + " " + in_quotes(name) + " is there twice", "name each once");
      break;
    }
  }
  return chosen;
}

std::string TableReader::advice_on(std::string_view word,
                                   const std::vector<std::string>& names) const {
  return document_.has_many_mistakes() ? "" : suggest(word, names);
}

std::vector<std::pair<std::string, Place>> TableReader::placed_texts(std::string_view key) {
  const std::optional<std::vector<std::string>> words = texts(key);
  if (!words) return {};
  std::vector<std::pair<std::string, Place>> placed;
  const toml::array* array = find(key)->as_array();
  for (std::size_t i = 0; i < words->size(); ++i) {
    placed.emplace_back((*words)[i], array != nullptr ? (*array)[i].source() : place(key));
  }
  return placed;
}

std::vector<std::pair<std::string, Place>> TableReader::figures(std::string_view key) {
  std::vector<std::pair<std::string, Place>> placed = placed_texts(key);
  if (placed.size() <= kMostFigures) return placed;
  mistake(key, in_quotes(key) + " lists " + std::to_string(placed.size()),
          std::to_string(kMostFigures) + " are the most");
  return {};
}

std::vector<std::pair<Objective, Place>> TableReader::objectives(std::string_view key) {
  std::vector<std::pair<Objective, Place>> read;
  for (const auto& [word, at] : figures(key)) {
    Quantity<Objective> objective = parse_objective(word);
    if (objective.value) {
      read.emplace_back(std::move(*objective.value), at);
    } else {
      document_.add(at, objective.problem, objective.advice);
    }
  }
  return read;
}

std::optional<TableReader> TableReader::table(std::string_view key, std::string name) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const toml::table* table = node->as_table()) {
    return TableReader(document_, *table, std::move(name));
  }
  wrong_type(key, *node, "a table", "{ ... }");
  return std::nullopt;
}

std::vector<TableReader> TableReader::tables(std::string_view key, const std::string& name,
                                             std::size_t most) {
  std::vector<TableReader> result;
  const toml::node* node = find(key);
  if (node == nullptr) return result;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    mistake(key, in_quotes(key) + " is " + std::string(kind_of(*node)) + ", not an array of tables",
            "write " + name + " with two brackets, once for each");
    return result;
  }
  if (array->size() > most) {
    mistake(key, std::to_string(array->size()) + " tables " + name,
            std::to_string(most) + " are the most");
  }
  for (std::size_t i = 0; i < std::min(array->size(), most); ++i) {
    const toml::node& element = (*array)[i];
    if (const toml::table* table = element.as_table()) {
      result.emplace_back(document_, *table, name);
    } else {
      document_.add(element.source(),
                    "an element of \"" + std::string(key) + "\" is " +
                        std::string(kind_of(element)) + ", not a table",
                    "write " + name + " once for each");
    }
  }
  return result;
}

void TableReader::unknown_word(std::string_view key, const std::string& word,
                               const std::vector<std::string>& names) {
  mistake(key, in_quotes(key) + " can't be " + in_quotes(word), advice_on(word, names));
}

void TableReader::refuse_on(Engine engine, std::string_view which,
                            std::span<const std::string_view> keys, const std::string& advice) {
  for (const std::string_view key : keys) {
    if (find(key) == nullptr) continue;
    mistake(key,
            in_quotes(key) + " has no effect on engine " + in_quotes(name_of(engine)) + ", which " +
                std::string(which),
            advice);
  }
}

void TableReader::pass_over(std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) find(key);
}

std::optional<std::string> TableReader::path(std::string_view key, const std::string& folder) {
  const std::optional<std::string> name = text(key);
  if (!name) return std::nullopt;
  std::error_code error;
  const std::filesystem::path absolute =
      std::filesystem::absolute(std::filesystem::path(folder) / *name, error).lexically_normal();
  if (!name->empty() && name->find('\0') == std::string::npos && !error) return absolute.string();
  mistake(key, "this can't be a file name");
  return std::nullopt;
}

void TableReader::finish() {
  const std::vector<std::string> names(known_.begin(), known_.end());
  for (const auto& [key, value] : table_) {
    if (known_.contains(key.str())) continue;
    document_.add(key.source(), "unknown key " + in_quotes(key.str()) + " in " + name_,
                  advice_on(key.str(), names));
  }
}

}  // namespace tokenlift
