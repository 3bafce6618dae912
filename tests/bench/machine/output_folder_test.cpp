#include "bench/machine/output_folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace tokenlift::output_folder_test {
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

TEST_F(OutputFolderTest, IsGivenUpOnlyIfItWasMadeAndIsEmpty) {
  OutputFolder(root_ / "made").give_up();
  EXPECT_FALSE(fs::exists(root_ / "made"));
  OutputFolder(root_).give_up();
  EXPECT_TRUE(fs::exists(root_)) << "it was there before";
  const OutputFolder used(root_ / "used");
  used.write("run.json", "x");
  used.give_up();
  EXPECT_EQ(read(root_ / "used" / "run.json"), "x");
}

TEST_F(OutputFolderTest, WritesAllPiecesOfATextOrNone) {
  const OutputFolder folder(root_);
  folder.write("run.json", [](const auto& take) {
    for (const char* const piece : {"a", "", "bc"}) take(piece);
  });
  EXPECT_EQ(read(root_ / "run.json"), "abc");
  const auto breaks_off = [](const auto& take) {
    take("half");
    throw std::invalid_argument("no more");
  };
  EXPECT_THROW(folder.write("run.json", breaks_off), std::invalid_argument);
  EXPECT_EQ(read(root_ / "run.json"), "abc");
  EXPECT_EQ(files_in(root_), 1U) << "no temporary file is left";
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

TEST_F(OutputFolderTest, IsClaimedByOneAtATime) {
  OutputFolder folder(root_);
  EXPECT_TRUE(folder.claim());
  {
    OutputFolder same(root_);
    EXPECT_FALSE(same.claim());
  }
  EXPECT_FALSE(OutputFolder(root_).claim()) << "still";
  {
    const OutputFolder last = std::move(folder);
    OutputFolder same(root_);
    EXPECT_FALSE(same.claim());
  }
  EXPECT_TRUE(OutputFolder(root_).claim());
}

TEST_F(OutputFolderTest, WhatAProcessThatIsNoMoreLeftIsRemoved) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  char host[65] = {};
  ASSERT_EQ(gethostname(host, sizeof(host) - 1), 0);
  const auto left_by = [&](const std::string& machine, pid_t process) {
    return root_ / (".tokenlift." + machine + "." + std::to_string(process));
  };
  std::ofstream(left_by(host, child)) << "half";
  std::ofstream(left_by(host, 1)) << "at work";
  std::ofstream(left_by("elsewhere", child)) << "nobody knows";
  std::ofstream(root_ / ".tokenlift.mine") << "of the user";
  OutputFolder(root_).write("run.json", "new");
  EXPECT_FALSE(fs::exists(left_by(host, child)));
  EXPECT_TRUE(fs::exists(left_by(host, 1)));
  EXPECT_TRUE(fs::exists(left_by("elsewhere", child)));
  EXPECT_EQ(files_in(root_), 4U);
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

TEST_F(OutputFolderTest, ALinkStaysAndWhatItPointsAtIsReplaced) {
  fs::create_directories(root_ / "far");
  std::ofstream(root_ / "far" / "file") << "old";
  fs::create_symlink("far/file", root_ / "near");
  fs::create_symlink("near", root_ / "link");
  OutputFile(root_ / "link").write("new");
  EXPECT_TRUE(fs::is_symlink(root_ / "link"));
  EXPECT_TRUE(fs::is_symlink(root_ / "near"));
  EXPECT_EQ(read(root_ / "far" / "file"), "new");
  EXPECT_EQ(files_in(root_ / "far"), 1U) << "no temporary file is left";
  EXPECT_EQ(files_in(root_), 3U) << "nor a trial";
}

TEST_F(OutputFolderTest, ALinkToNothingMakesItsTarget) {
  fs::create_symlink("there", root_ / "link");
  const OutputFolder folder(root_);
  folder.write("link", "new");
  EXPECT_TRUE(fs::is_symlink(root_ / "link"));
  EXPECT_FALSE(fs::is_symlink(root_ / "there"));
  EXPECT_EQ(read(root_ / "there"), "new");
}

TEST_F(OutputFolderTest, LinksInARingAreAnErrorAndStay) {
  fs::create_symlink("two", root_ / "one");
  fs::create_symlink("one", root_ / "two");
  EXPECT_THROW(OutputFolder(root_).write("one", "new"), MachineError);
  EXPECT_EQ(files_in(root_), 2U);
}

TEST_F(OutputFolderTest, APipeGetsTheTextAndStaysAPipe) {
  const fs::path path = root_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  OutputFile(path).write("new");
  char text[8] = {};
  EXPECT_EQ(::read(reader, text, sizeof(text) - 1), 3);
  EXPECT_STREQ(text, "new");
  close(reader);
  EXPECT_TRUE(fs::is_fifo(path));
  EXPECT_EQ(files_in(root_), 1U);
}

TEST_F(OutputFolderTest, ANameMayBeAsLongAsTheFileSystemTakes) {
  const std::string name(255, 'x');
  OutputFile(root_ / name).write("new");
  EXPECT_EQ(read(root_ / name), "new");
}

TEST(OutputFolder, AFolderThatCannotBeMadeIsAnError) {
  EXPECT_THROW(OutputFolder("/proc/tokenlift"), MachineError);
}

}  // namespace
}  // namespace tokenlift::output_folder_test
