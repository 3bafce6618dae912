#include "workloads/text/ascii.hpp"

#include <gtest/gtest.h>

namespace tokenlift::ascii_test {
namespace {

TEST(Ascii, LowersItsLettersAndNothingElse) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool is_upper = byte >= 'A' && byte <= 'Z';
    EXPECT_EQ(ascii_lower(c), is_upper ? static_cast<char>(byte + 32) : c) << byte;
    EXPECT_EQ(is_visible_ascii(c), byte > 32 && byte < 127) << byte;
  }
}

TEST(Ascii, ComparesWholeTextsWithoutTheirCase) {
  EXPECT_TRUE(equals_ignoring_case("Content-Length", "content-LENGTH"));
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_FALSE(equals_ignoring_case("content", "content-length"));
  EXPECT_FALSE(equals_ignoring_case("content-length", "content"));
  EXPECT_FALSE(equals_ignoring_case("[", "{")) << "32 apart, and no letters";
}

TEST(Ascii, TrimsTheEndsAlone) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \n "), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" a\r", " \t"), "a\r") << "what is not among the blanks stays";
}

}  // namespace
}  // namespace tokenlift::ascii_test
