#include "bench/output_folder.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tokenlift {
namespace {

namespace fs = std::filesystem;

class OutputFolderTest : public testing::Test {
 protected:
  OutputFolderTest()
      : root_(fs::temp_directory_path() / ("tokenlift_test_" + std::to_string(getpid()))) {
    fs::create_directories(root_);
  }
  ~OutputFolderTest() override { fs::remove_all(root_); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::size_t files_in(const fs::path& path) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {}));
  }

  fs::path root_;
};

TEST_F(OutputFolderTest, MakesParentsAndLeavesNoTraceOfTheTrial) {
  const OutputFolder folder(root_ / "a" / "b");
  EXPECT_TRUE(fs::is_directory(root_ / "a" / "b"));
  EXPECT_EQ(files_in(root_ / "a" / "b"), 0U);
}

TEST_F(OutputFolderTest, ReplacesAFileAsAWhole) {
  const OutputFolder folder(root_);
  EXPECT_EQ(folder.write("run.json", "old"), root_ / "run.json");
  folder.write("run.json", "new");
  EXPECT_EQ(read(root_ / "run.json"), "new");
  EXPECT_EQ(files_in(root_), 1U) << "no temporary file is left";
}

TEST_F(OutputFolderTest, WritesIntoFoldersOfItsOwn) {
  const OutputFolder folder(root_);
  folder.write(fs::path("3") / "run.json", "x");
  EXPECT_EQ(read(root_ / "3" / "run.json"), "x");
}

TEST_F(OutputFolderTest, AFileInTheWayIsAnErrorThatNamesIt) {
  std::ofstream(root_ / "taken") << "x";
  try {
    const OutputFolder folder(root_ / "taken");
    FAIL() << "accepted a file as a folder";
  } catch (const MachineError& error) {
    EXPECT_NE(std::string(error.what()).find("taken"), std::string::npos) << error.what();
  }
}

TEST_F(OutputFolderTest, WhatCannotBeWrittenLeavesTheOldFileAndNothingElse) {
  const OutputFolder folder(root_);
  fs::create_directories(root_ / "run.json" / "not-empty");
  EXPECT_THROW(folder.write("run.json", "x"), MachineError);
  EXPECT_EQ(files_in(root_), 1U);
}

TEST(OutputFolder, AFolderThatCannotBeMadeIsAnError) {
  EXPECT_THROW(OutputFolder("/proc/tokenlift"), MachineError);
}

}  // namespace
}  // namespace tokenlift
