#include "workloads/text/key_path.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tokenlift::key_path_test {
namespace {

TEST(KeyPath, QuotesOnlyNamesThatNeedIt) {
  EXPECT_EQ(path_word("output limit"), "output limit");
  EXPECT_EQ(path_word("h100-8b_2"), "h100-8b_2");
  EXPECT_EQ(path_word("büro"), "büro");
  EXPECT_EQ(path_word("gpt-4.1"), "\"gpt-4.1\"");
  EXPECT_EQ(path_word("Qwen/Qwen3-8B"), "\"Qwen/Qwen3-8B\"");
  EXPECT_EQ(path_word("a=b"), "\"a=b\"");
  EXPECT_EQ(path_word(R"(say "no" \o/)"), R"("say \"no\" \\o/")");
}

TEST(KeyPath, WhatIsInQuotesIsNoBorder) {
  constexpr std::string_view kPath = "tenant.\"gpt-4.1=x\".slo=1";
  EXPECT_EQ(find_outside_quotes(kPath, "="), kPath.size() - 2);
  EXPECT_EQ(word_at(kPath, 0), "tenant");
  EXPECT_EQ(word_at(kPath, 7), "\"gpt-4.1=x\"");
  EXPECT_EQ(find_outside_quotes("\"no end = .", "=."), std::string_view::npos);
  EXPECT_EQ(word_at("", 0), "");
  EXPECT_EQ(name_of_word("\""), "\"");
}

RC_GTEST_PROP(KeyPath, WordsReadBack, (std::vector<std::string> names)) {
  std::string path;
  for (const std::string& name : names) path += path_word(name) + ".";
  path += "end";
  std::size_t begin = 0;
  for (const std::string& name : names) {
    const std::string_view word = word_at(path, begin);
    RC_ASSERT(name_of_word(word) == name);
    begin += word.size() + 1;
  }
  RC_ASSERT(path.substr(begin) == "end");
  names.emplace_back("end");
  RC_ASSERT(names_in(path) == names);
}

}  // namespace
}  // namespace tokenlift::key_path_test
