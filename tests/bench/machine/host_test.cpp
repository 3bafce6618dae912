#include "bench/machine/host.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace tokenlift::host_test {
namespace {

namespace fs = std::filesystem;

TEST(CpuQuota, IsReadFromCpuMax) {
  EXPECT_EQ(parse_cpu_quota("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_quota("50000 100000"), 0.5);
  EXPECT_EQ(parse_cpu_quota("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cpu_quota(""), std::nullopt);
  EXPECT_EQ(parse_cpu_quota("1000"), std::nullopt);
  EXPECT_EQ(parse_cpu_quota("1000 0"), std::nullopt);
}

/// A tree of control groups, and the file that says which ones a process is in.
class ControlGroups : public testing::Test {
 protected:
  ControlGroups() {
    std::string name = (fs::temp_directory_path() / "host_test.XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~ControlGroups() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  std::optional<double> quota(const std::string& own) const {
    write("own", own);
    return cpu_quota(root_ / "groups", root_ / "own");
  }

 private:
  fs::path root_;
};

TEST_F(ControlGroups, TheLeastQuotaOfAGroupAndThoseAroundItHolds) {
  write("groups/cpu.max", "max 100000\n");
  write("groups/outer/cpu.max", "150000 100000\n");
  write("groups/outer/inner/cpu.max", "400000 100000\n");
  write("groups/other/cpu.max", "10000 100000\n");
  EXPECT_EQ(quota("0::/outer/inner\n"), 1.5);
  EXPECT_EQ(quota("0::/\n"), std::nullopt);
  EXPECT_EQ(quota(""), std::nullopt);
}

TEST_F(ControlGroups, AContainerSeesItsOwnQuotaAtTheTop) {
  write("groups/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota("0::/where/the/host/sees/it\n"), 0.5);
}

TEST_F(ControlGroups, VersionOneHasFilesOfItsOwn) {
  write("groups/cpu/run/cpu.cfs_quota_us", "250000\n");
  write("groups/cpu/run/cpu.cfs_period_us", "100000\n");
  write("groups/cpu/cpu.cfs_quota_us", "-1\n");
  write("groups/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota("5:devices:/\n4:cpu,cpuacct:/run\n0::/\n"), 2.5);
  EXPECT_EQ(quota("4:cpu:/\n"), std::nullopt);
  EXPECT_EQ(quota("4:cpuset:/run\n"), std::nullopt) << "another controller";
}

TEST(Interference, IsTheShareOfOthersAndOfTheHypervisor) {
  const CpuUse begin{100, 50, 1, 20};
  // 20 s of machine: 12 busy, of which 11 ours; 0.6 stolen.
  const CpuUse end{120, 62, 1.6, 31};
  EXPECT_NEAR(interference(begin, end).value(), (1 + 0.6) / 20, 1e-12);
  EXPECT_EQ(interference(std::nullopt, end), std::nullopt);
  EXPECT_EQ(interference(begin, CpuUse{100.4, 50.4, 1, 20}), std::nullopt) << "too close to tell";
}

TEST(Host, WritesInstantsAsDatesOfUtc) {
  EXPECT_EQ(utc_date_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_date_time(951'868'799), "2000-02-29T23:59:59Z");
  EXPECT_EQ(utc_date_time(1'796'003'000), "2026-11-30T01:43:20Z");
}

}  // namespace
}  // namespace tokenlift::host_test
