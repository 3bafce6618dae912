// The reference of throttles (workloads/README.md) says what the tables of kinds and keys say.

#include "workloads/scenario/throttle_keys.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tests/testing.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift::throttle_keys_test {
namespace {

std::string reference() {
  std::ifstream in(std::filesystem::path(source_folder()) / "workloads" / "README.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The table of Markdown that begins with `head`.
std::string table_in(const std::string& text, const std::string& head) {
  const auto begin = text.find(head);
  return begin == std::string::npos ? "" : text.substr(begin, text.find("\n\n", begin) - begin + 1);
}

std::string code(std::string_view word) {
  return "`" + std::string(word) + "`";
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + code(word);
  return text;
}

std::string kinds_of(const ThrottleKey& key) {
  std::vector<std::string_view> with;
  std::vector<std::string_view> without;
  for (const KindTraits& kind : kThrottleKinds) {
    (key.belongs_to(kind) ? with : without).push_back(kind.name);
  }
  if (without.empty()) return "all";
  return 2 * without.size() < with.size() ? "all but " + listed(without) : listed(with);
}

template <typename Value>
std::string words_of() {
  std::vector<std::string_view> words;
  for (const Keyword<Value>& keyword : kKeywords<Value>) words.push_back(keyword.name);
  return listed(words);
}

template <typename Value>
std::string form_of(const ThrottleKey& key) {
  if constexpr (std::is_same_v<Value, ThrottleKind>) return "a kind";
  if constexpr (std::is_same_v<Value, Burst>) return "a duration or a number";
  if constexpr (std::is_same_v<Value, std::int64_t>) return "a duration";
  if constexpr (std::is_same_v<Value, std::string>) return "a name";
  if constexpr (std::is_same_v<Value, std::optional<Follows>>) return words_of<Follows>();
  if constexpr (std::is_same_v<Value, bool>) return "`true`, `false`";
  if constexpr (std::is_same_v<Value, double>) {
    return format_number(key.least) + " to " + format_number(key.most);
  }
  if constexpr (std::is_enum_v<Value>) return words_of<Value>();
  return "an array";
}

/// What a key can be, by the type of its member.
struct Form {
  const ThrottleKey& key;

  std::string operator()(const RateMember& member) const {
    return member.part == &Rate::load ? form_of<double>(key) : "a rate";
  }
  template <typename Value, typename Kept>
  std::string operator()(const Member<Value, Kept>& /*member*/) const {
    return form_of<Value>(key);
  }
  template <typename Value>
  std::string operator()(const FixedMember<Value>& /*member*/) const {
    return form_of<Value>(key);
  }
};

TEST(ThrottleKeys, TheReferenceHasTheTableOfKinds) {
  const std::string head = "| kind | limits |\n|---|---|\n";
  std::string expected = head;
  for (const KindTraits& kind : kThrottleKinds) {
    expected += "| " + code(kind.name) + " | " + std::string(kind.help) + " |\n";
  }
  EXPECT_EQ(table_in(reference(), head), expected);
}

TEST(ThrottleKeys, TheReferenceHasTheTableOfKeys) {
  const std::string head = "| key | is | kinds | default | |\n|---|---|---|---|---|\n";
  std::string expected = head;
  for (const ThrottleKey& key : throttle_keys()) {
    expected += "| " + code(key.name) + " | " + std::visit(Form{key}, key.member) + " | " +
                kinds_of(key) + " | " + std::string(key.by_default) +
                (key.by_default.empty() ? "| " : " | ") + std::string(key.help) + " |\n";
  }
  EXPECT_EQ(table_in(reference(), head), expected);
}

TEST(ThrottleKeys, TheReferenceSaysWhatEventsCanSet) {
  std::vector<std::string_view> keys;
  for_each_setting([&](const ThrottleKey& key, const auto&) { keys.push_back(key.name); });
  const std::string expected = "any of " + listed(keys) + " that its kind has";
  EXPECT_NE(reference().find(expected), std::string::npos) << expected;
}

TEST(ThrottleKeys, DefaultsAreThoseOfAThrottle) {
  const Throttle plain;
  for (const ThrottleKey& key : throttle_keys()) {
    std::visit(
        [&](const auto& member) {
          const auto& value = plain.*member.throttle;
          using Value = std::remove_cvref_t<decltype(value)>;
          // The largest limit follows from the one that it starts at.
          if constexpr (std::is_same_v<Value, double>) {
            if (key.name == "max_limit") return;
            EXPECT_EQ(key.by_default, format_number(value));
          } else if constexpr (std::is_enum_v<Value>) {
            if (key.by_default.empty()) return;
            EXPECT_EQ(key.by_default, code(name_of(value)));
          }
        },
        key.member);
  }
}

TEST(ThrottleKeys, EveryKindAndEveryKeyStandsThereOnce) {
  std::set<std::string_view> kinds;
  for (const KindTraits& kind : kThrottleKinds) kinds.insert(kind.name);
  EXPECT_EQ(kinds.size(), kThrottleKinds.size());
  std::set<std::string_view> keys;
  for (const ThrottleKey& key : throttle_keys()) {
    keys.insert(key.name);
    EXPECT_FALSE(kinds_with(key).empty()) << key.name;
    EXPECT_EQ(&throttle_key(key.name), &key);
  }
  EXPECT_EQ(keys.size(), throttle_keys().size());
}

}  // namespace
}  // namespace tokenlift::throttle_keys_test
