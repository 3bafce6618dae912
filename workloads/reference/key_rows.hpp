#pragma once
// Rows of `keys`, shortly written; and the tables by the file that has them.

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/reference/keys.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift::rows {

using Text = std::string_view;

// Bounds of what is counted.
inline constexpr double kMostCount = static_cast<double>(kCountMax);
inline constexpr double kMostSize = static_cast<double>(kSizeMax);
inline constexpr double kMostTokens = static_cast<double>(kRequestTokensMax);

inline LanguageKey text(Text name, Text by_default, Text help) {
  return {name, Form::text, by_default, help};
}
inline LanguageKey texts(Text name, Text by_default, Text help) {
  return {name, Form::texts, by_default, help};
}
inline LanguageKey flag(Text name, Text by_default, Text help) {
  return {name, Form::flag, by_default, help};
}
inline LanguageKey whole(Text name, Bounds bounds, Text by_default, Text help) {
  return {name, Form::whole, by_default, help, bounds};
}
inline LanguageKey number(Text name, Bounds bounds, Text by_default, Text help) {
  return {name, Form::number, by_default, help, bounds};
}
inline LanguageKey duration(Text name, Text by_default, Text help) {
  return {name, Form::duration, by_default, help};
}
inline LanguageKey form(Text name, Form forms, Text by_default, Text help) {
  return {name, forms, by_default, help};
}
inline LanguageKey table(Text name, Text of, Text by_default, Text help, Form forms = Form::table) {
  return {.name = name, .forms = forms, .by_default = by_default, .help = help, .table = of};
}
inline LanguageKey wait(Text name, Text by_default, Text help) {
  return table(name, "wait", by_default, help, Form::duration | Form::table);
}

inline LanguageKey word(Text name, std::vector<Text> words, Text by_default, Text help) {
  return {name, Form::word, by_default, help, {}, std::move(words)};
}
template <typename Value>
std::vector<Text> words_of() {
  std::vector<Text> words(kKeywords<Value>.size());
  std::ranges::transform(kKeywords<Value>, words.begin(), &Keyword<Value>::name);
  return words;
}
template <typename Value>
LanguageKey word(Text name, Text by_default, Text help) {
  return word(name, words_of<Value>(), by_default, help);
}

inline LanguageKey required(LanguageKey key) {
  key.required = true;
  return key;
}

using Tables = std::vector<LanguageTable>;
Tables of_fleet();    ///< [fleet] and its sites
Tables of_tenants();  ///< [[tenant]]
Tables of_throttles();
Tables of_events();
Tables of_profiles();
Tables of_searches();  ///< [tune], [sweep]

}  // namespace tokenlift::rows
