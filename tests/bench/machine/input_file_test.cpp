#include "bench/machine/input_file.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace tokenlift::input_file_test {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(InputFile, WhatHasMoreThanItMayIsNotReadToItsEnd) {
  const FileText zeros = read_whole("/dev/zero", [](std::string_view) { return 3 * kMiB; });
  EXPECT_EQ(zeros.error, EFBIG);
  EXPECT_LT(zeros.text.size(), 4 * kMiB);
  // What it is is known when it has begun.
  const FileText by_begin = read_whole("/dev/zero", [](std::string_view begin) {
    return begin.front() == '\0' ? kMiB : 1000 * kMiB;
  });
  EXPECT_EQ(by_begin.error, EFBIG);
  EXPECT_LT(by_begin.text.size(), 2 * kMiB);
}

TEST(InputFile, WhyItCannotBeReadIsSaid) {
  EXPECT_EQ(read_whole("/nowhere/at/all").error, ENOENT);
  EXPECT_EQ(read_whole("/").error, EISDIR);
  EXPECT_EQ(read_whole("/proc/self/mem").error, EIO) << "it can be opened";
}

TEST(InputFile, IsReadWhole) {
  const FileText read = read_whole("/proc/self/status");
  EXPECT_EQ(read.error, 0);
  EXPECT_TRUE(read.text.starts_with("Name:"));
  EXPECT_TRUE(read.text.ends_with("\n"));
  EXPECT_EQ(read_whole("/dev/null").text, "");
}

TEST(InputFile, IsReadPieceByPiece) {
  InputFile zeros("/dev/zero");
  std::string text = "a";
  zeros.append_to(text, 3);
  EXPECT_EQ(text, std::string("a\0\0\0", 4));
  InputFile nothing("/dev/null");
  nothing.append_to(text, 3);
  EXPECT_EQ(nothing.error(), 0);
  InputFile folder("/");
  folder.append_to(text, 3);
  EXPECT_EQ(folder.error(), EISDIR);
  EXPECT_EQ(InputFile("/nowhere/at/all").error(), ENOENT);
  EXPECT_EQ(text.size(), 4U) << "nothing was appended";
}

}  // namespace
}  // namespace tokenlift::input_file_test
