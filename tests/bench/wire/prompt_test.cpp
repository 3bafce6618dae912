#include "bench/wire/prompt.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "workloads/text/mistake.hpp"

namespace tokenlift::prompt_test {
namespace {

PromptSource source(std::int64_t system_tokens = 0, std::uint64_t seed = 1,
                    std::uint32_t tenant = 0) {
  Prompts prompts;
  prompts.system_tokens = system_tokens;
  return {prompts, seed, tenant};
}

std::string text(const PromptSource& prompts, std::uint64_t key, std::int64_t tokens) {
  std::string out;
  prompts.append_text(key, tokens, out);
  return out;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

std::vector<int> ids(const PromptSource& prompts, std::uint64_t key, std::int64_t tokens) {
  std::string out;
  prompts.append_ids(key, tokens, out);
  EXPECT_TRUE(out.empty() || out.back() == ',');
  std::istringstream in(out);
  std::vector<int> all;
  for (std::string id; std::getline(in, id, ',');) all.push_back(std::stoi(id));
  return all;
}

TEST(Prompt, HasAsManyWordsAsTokens) {
  const PromptSource prompts = source();
  for (const std::int64_t tokens : {1, 2, 7, 8, 9, 16, 17, 1000}) {
    EXPECT_EQ(words(text(prompts, 5, tokens)).size(), static_cast<std::size_t>(tokens));
  }
  EXPECT_EQ(text(prompts, 5, 0), "");
}

TEST(Prompt, HasMoreOrFewerWordsWhereTheTokenizerWantsThat) {
  PromptSource prompts = source(10);
  prompts.set_words_per_token(0.8);
  EXPECT_EQ(words(text(prompts, 5, 1000)).size(), 800U);
  EXPECT_EQ(words(prompts.system_text()).size(), 8U);
  prompts.set_words_per_token(1.25);
  EXPECT_EQ(words(text(prompts, 5, 1000)).size(), 1250U);
  prompts.set_words_per_token(0.01);
  EXPECT_EQ(words(text(prompts, 5, 3)).size(), 1U) << "no prompt is empty";
}

TEST(Prompt, IsMadeOf256ShortWordsAndOneSpaceBetweenThem) {
  const std::string long_text = text(source(), 5, 20'000);
  const std::vector<std::string> all = words(long_text);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 256U);
  std::string joined;
  for (const std::string& word : all) {
    joined += (joined.empty() ? "" : " ") + word;
    EXPECT_TRUE(std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; }));
  }
  EXPECT_EQ(joined, long_text);
}

TEST(Prompt, IsTheSameForTheSameKeyAndAnotherForAnother) {
  EXPECT_EQ(text(source(), 5, 100), text(source(), 5, 100));
  EXPECT_EQ(text(source(), 5, 100).substr(0, text(source(), 5, 40).size()), text(source(), 5, 40));
  const std::set<std::string> all = {text(source(), 5, 8), text(source(), 6, 8),
                                     text(source(0, 2), 5, 8), text(source(0, 1, 1), 5, 8),
                                     text(source(0, 2, 1), 5, 8)};
  EXPECT_EQ(all.size(), 5U);
}

TEST(Prompt, IsAppended) {
  std::string out = "before ";
  source().append_text(5, 3, out);
  EXPECT_EQ(out, "before " + text(source(), 5, 3));
}

RC_GTEST_PROP(Prompt, OfAnotherKeyHasNoBeginningInCommonLongerThanABlock,
              (std::uint64_t key, std::uint64_t other)) {
  RC_PRE(key != other);
  const PromptSource prompts = source();
  RC_ASSERT(text(prompts, key, 8) != text(prompts, other, 8));
  RC_ASSERT(ids(prompts, key, 5) != ids(prompts, other, 5));
}

TEST(Prompt, OfATenantHasASystemPromptOfItsOwn) {
  const PromptSource prompts = source(50);
  EXPECT_EQ(words(prompts.system_text()).size(), 50U);
  EXPECT_EQ(prompts.system_text(), source(50).system_text());
  EXPECT_NE(prompts.system_text(), source(50, 1, 1).system_text());
  EXPECT_NE(prompts.system_text(), text(prompts, 0, 50));
  EXPECT_EQ(source().system_text(), "");
}

TEST(Prompt, AsTokenIdsIsExact) {
  const PromptSource prompts = source();
  for (const std::int64_t tokens : {0, 1, 4, 5, 6, 9, 10, 1000}) {
    const std::vector<int> all = ids(prompts, 7, tokens);
    EXPECT_EQ(all.size(), static_cast<std::size_t>(tokens));
    for (const int id : all) EXPECT_TRUE(id >= 1000 && id <= 29'999) << id;
  }
  const std::vector<int> many = ids(prompts, 7, 20'000);
  EXPECT_GT(std::set<int>(many.begin(), many.end()).size(), 10'000U) << "all over the range";
}

struct File {
  explicit File(const std::string& content)
      : path(std::filesystem::temp_directory_path() /
             ("tokenlift_prompt_test_" +
              std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
              std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
    std::ofstream(path, std::ios::binary) << content;
  }
  ~File() { std::filesystem::remove(path); }
  std::string path;
};

Mistake mistake(const std::string& content) {
  const File file(content);
  try {
    read_prompts(file.path);
  } catch (const ScenarioError& error) {
    EXPECT_EQ(error.mistakes().size(), 1U);
    EXPECT_EQ(error.mistakes()[0].source, file.path);
    return error.mistakes()[0];
  }
  ADD_FAILURE() << "no mistake in " << content;
  return {};
}

TEST(Prompt, OfAFileIsAStringOrAnObjectWithOne) {
  const File file(
      "\"one\"\n\n{\"id\": 7, \"prompt\": \"two\\n\\u00e9\"}\r\n  {\"prompt\": \"three\"}  ");
  EXPECT_EQ(read_prompts(file.path), (std::vector<std::string>{"one", "two\n\xc3\xa9", "three"}));
}

TEST(Prompt, OfAFileThatIsNoneIsToldWithItsPlace) {
  for (const std::string line :
       {"{\"prompt\": 5}", "{\"text\": \"a\"}", "[\"a\"]", "5", "hello", "{\"prompt\": \"a\"",
        "\"a\" \"b\"", "null", R"({"prompt": "a", "prompt": "b"})"}) {
    const Mistake wrong = mistake("\"good\"\n \t" + line + "\n");
    EXPECT_EQ(wrong.message, "the line is no prompt") << line;
    EXPECT_EQ(wrong.line, 2);
    EXPECT_EQ(wrong.column, 3);
  }
  EXPECT_EQ(mistake("\"\"\n").message, "the prompt is empty");
  EXPECT_EQ(mistake("").message, "there is no prompt in the file");
  EXPECT_EQ(mistake("\n \n").message, "there is no prompt in the file");
  EXPECT_EQ(mistake("\"\xff\"\n").message, "the line is not UTF-8");
  try {
    read_prompts("/nowhere/prompts.jsonl");
    ADD_FAILURE();
  } catch (const ScenarioError& error) {
    EXPECT_EQ(error.mistakes()[0].message, "there is no such prompt file");
  }
}

TEST(Prompt, OfAFileThatIsTooLargeIsNotRead) {
  const File file("");
  std::filesystem::resize_file(file.path, (std::uintmax_t{256} << 20) + 1);
  try {
    read_prompts(file.path);
    ADD_FAILURE();
  } catch (const ScenarioError& error) {
    EXPECT_EQ(error.mistakes()[0].message,
              "the file has more than 256 MiB, which is the most that is read");
  }
}

TEST(Prompt, OfAFileIsTakenInTurn) {
  const File file("\"a\\\"b\"\n\"two\"\n\"three\"\n");
  Prompts prompts;
  prompts.kind = PromptKind::file;
  prompts.file = file.path;
  const PromptSource of_file(prompts, 1, 0);
  const std::set<std::string> all = {text(of_file, 10, 1), text(of_file, 11, 1),
                                     text(of_file, 12, 100)};
  EXPECT_EQ(all, (std::set<std::string>{"a\\\"b", "two", "three"})) << "as JSON writes it";
  EXPECT_EQ(text(of_file, 10, 1), text(of_file, 13, 1));
  EXPECT_EQ(text(of_file, ~std::uint64_t{0}, 1), text(of_file, 0, 1));
  std::set<std::string> first;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    first.insert(text(PromptSource(prompts, seed, 0), 0, 1));
  }
  EXPECT_EQ(first.size(), 3U) << "each seed begins elsewhere";
}

}  // namespace
}  // namespace tokenlift::prompt_test
