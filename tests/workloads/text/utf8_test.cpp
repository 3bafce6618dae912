#include "workloads/text/utf8.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tokenlift::utf8_test {
namespace {

/// One code point after the other, which is what must come out however many are read at once.
std::size_t find_not_utf8_one_by_one(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = code_point_bytes(text.substr(at));
    if (bytes == 0) return at;
    at += bytes;
  }
  return std::string_view::npos;
}

TEST(Utf8, AnInvalidByteIsFoundWhereverItStands) {
  for (std::size_t size = 1; size < 40; ++size) {
    EXPECT_EQ(find_not_utf8(std::string(size, 'a')), std::string_view::npos);
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = '\xff';
      EXPECT_EQ(find_not_utf8(text), at);
    }
  }
}

TEST(Utf8, WhatIsCutShortBeginsWhereItsCodePointDoes) {
  EXPECT_EQ(find_not_utf8("12345678\xe2\x82"), 8U);
  EXPECT_EQ(find_not_utf8("1234567\xe2\x82\xac"), std::string_view::npos);
  EXPECT_EQ(find_not_utf8("\xc0\x80"), 0U) << "overlong";
  EXPECT_EQ(find_not_utf8("a\xed\xa0\x80"), 1U) << "a surrogate";
  EXPECT_EQ(find_not_utf8(""), std::string_view::npos);
}

TEST(Utf8, ABeginningCutsNoCodePoint) {
  EXPECT_EQ(beginning_of("abc", 3), "abc");
  EXPECT_EQ(beginning_of("abc", 2), "ab");
  EXPECT_EQ(beginning_of("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
  EXPECT_EQ(beginning_of("a\xe2\x82\xac.", 3), "a");
  EXPECT_EQ(beginning_of("\xc3\xa9", 1), "");
}

RC_GTEST_PROP(Utf8, ManyBytesAtOnceFindWhatOneByOneFinds, ()) {
  const std::vector<std::string> pieces = {
      "a", "bcdefgh", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x80", "\xf5"};
  std::string text;
  for (const std::string& piece :
       *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces))) {
    text += piece;
  }
  RC_ASSERT(find_not_utf8(text) == find_not_utf8_one_by_one(text));
}

}  // namespace
}  // namespace tokenlift::utf8_test
