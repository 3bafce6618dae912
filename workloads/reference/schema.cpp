#include "workloads/reference/schema.hpp"

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/reference/keys.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kDecimal = R"(^([0-9]+\.?[0-9]*|\.[0-9]+))";

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

/// "{a, b}", with what stands in it indented.
std::string block(char open, const std::vector<std::string>& parts, char close) {
  if (parts.empty()) return {open, close};
  std::string text(1, open);
  for (const std::string& part : parts) {
    text += &part == &parts.front() ? "\n  " : ",\n  ";
    for (const char c : part) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
  }
  return text + "\n" + close;
}

/// The members of an object.
class Members {
 public:
  Members() = default;
  Members(std::initializer_list<std::pair<std::string_view, std::string>> members) {
    for (const auto& [name, value] : members) add(name, value);
  }
  void add(std::string_view name, const std::string& value) {
    members_.push_back(json_string(name) + ": " + value);
  }
  std::string object() const { return block('{', members_, '}'); }
  /// In one line.
  std::string line() const {
    std::string text;
    for (const std::string& member : members_) text += (text.empty() ? "" : ", ") + member;
    return "{" + text + "}";
  }
  const std::vector<std::string>& each() const { return members_; }

 private:
  std::vector<std::string> members_;
};

std::string json_array(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + json_string(word);
  return "[" + text + "]";
}

std::string type(std::string_view name) {
  return Members{{"type", json_string(name)}}.line();
}

/// A text that is a number and one of these units.
std::string quantity(std::string_view units) {
  return Members{{"type", "\"string\""},
                 {"pattern", json_string(std::string(kDecimal) + std::string(units) + "$")}}
      .line();
}

std::string within(std::string_view name, const Bounds& bounds) {
  Members members{{"type", json_string(name)}};
  members.add("minimum", format_number(bounds.least));
  members.add("maximum", format_number(bounds.most));
  return members.line();
}

std::string reference(std::string_view table) {
  return Members{{"$ref", json_string("#/definitions/" + std::string(table))}}.line();
}

std::string array_of(const std::string& items, std::size_t least) {
  return Members{{"type", "\"array\""}, {"items", items}, {"minItems", std::to_string(least)}}
      .line();
}

/// What a value may be, each on its own.
std::vector<std::string> alternatives(const LanguageKey& key) {
  using enum Form;
  std::vector<std::string> all;
  const auto add = [&](Form form, const std::string& schema) {
    if (has(key.forms, form)) all.push_back(schema);
  };
  add(text, type("string"));
  add(name,
      Members{
          {"type", "\"string\""}, {"minLength", "1"}, {"maxLength", std::to_string(kLongestName)}}
          .line());
  add(word, Members{{"enum", json_array(key.words)}}.line());
  add(texts, type("string"));
  add(texts, array_of(type("string"), 1));
  add(flag, type("boolean"));
  add(whole, within("integer", key.bounds));
  add(number, within("number", key.bounds));
  add(duration, quantity("(ns|us|ms|s|min|h|d)"));
  add(cost, quantity("(ps|ns|us|ms|s)"));
  add(rate, quantity("([eE][+-]?[0-9]+)?[kM]?/(s|min|h|d)"));
  add(power, quantity("[kMG]?W"));
  add(energy, quantity("[kMG]?Wh"));
  add(time_of_day, type("string"));
  add(instant, type("string"));
  add(table, reference(key.table));
  add(tables, array_of(reference(key.table), 0));
  add(steps, array_of(Members{{"type", "\"array\""},
                              {"items", "[" + quantity("(ns|us|ms|s|min|h|d)") + ", " +
                                            within("number", {0, 1e6}) + "]"},
                              {"minItems", "2"},
                              {"maxItems", "2"}}
                          .line(),
                      1));
  add(values, Members{{"type", "\"array\""}, {"minItems", "2"}}.line());
  return all;
}

std::string description(const LanguageKey& key) {
  std::string text = plain_text(key.help);
  if (!key.by_default.empty()) {
    if (!text.empty()) text += ". ";
    text += "Default: " + plain_text(key.by_default);
  }
  return text;
}

/// A value is in "allOf", since in draft 7 nothing counts that stands beside a "$ref".
std::string schema_of(const LanguageKey& key) {
  const std::string text = description(key);
  Members members;
  if (!text.empty()) members.add("description", json_string(text));
  const std::vector<std::string> all = alternatives(key);
  members.add(all.size() == 1 ? "allOf" : "anyOf", block('[', all, ']'));
  return members.object();
}

/// Of a key that only some kinds have: where it stands, the kind is one of them.
std::string condition(const LanguageKey& key) {
  return Members{
      {"if", Members{{"required", json_array({key.name})}}.line()},
      {"then", Members{{"properties",
                        Members{{"kind", Members{{"enum", json_array(key.kinds)}}.line()}}.line()}}
                   .line()}}
      .object();
}

std::vector<std::string> members_of(const LanguageTable& table) {
  Members properties;
  std::string others = "false";
  std::vector<std::string_view> required;
  std::vector<std::string> conditions;
  for (const LanguageKey& key : table.keys) {
    if (key.name == "*") {
      others = schema_of(key);
    } else {
      properties.add(key.name, schema_of(key));
    }
    if (key.required) required.push_back(key.name);
    if (!key.kinds.empty()) conditions.push_back(condition(key));
  }
  Members members{{"type", "\"object\""}};
  if (!table.help.empty()) members.add("description", json_string(plain_text(table.help)));
  members.add("properties", properties.object());
  members.add("additionalProperties", others);
  if (!required.empty()) members.add("required", json_array(required));
  if (!conditions.empty()) members.add("allOf", block('[', conditions, ']'));
  return members.each();
}

}  // namespace

std::string scenario_schema() {
  const Members head{{"$schema", "\"http://json-schema.org/draft-07/schema#\""},
                     {"title", "\"A scenario of tokenlift\""}};
  std::vector<std::string> parts = head.each();
  Members definitions;
  for (const LanguageTable& table : language_tables()) {
    const std::vector<std::string> members = members_of(table);
    if (table.name.empty()) {
      parts.insert(parts.end(), members.begin(), members.end());
    } else {
      definitions.add(table.name, block('{', members, '}'));
    }
  }
  parts.push_back(json_string("definitions") + ": " + definitions.object());
  return block('{', parts, '}') + "\n";
}

}  // namespace tokenlift
