#include "bench/machine/host.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace tokenlift {

namespace {

/// The value of the first line "key ... : value" of a file under /proc.
std::string proc_value(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "unknown";
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

std::size_t core_count() {
  return std::max(1U, std::thread::hardware_concurrency());
}

std::optional<double> parse_cpu_quota(std::string_view cpu_max) {
  std::istringstream words{std::string(cpu_max)};
  double quota_us = 0;
  double period_us = 0;
  if (!(words >> quota_us >> period_us) || quota_us <= 0 || period_us <= 0) return std::nullopt;
  return quota_us / period_us;
}

namespace {

/// A line of a file; empty where there is none.
std::string line_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// Of a group, and those around it up to `top`, which both versions of control groups have files
/// for. In a container `place` may be where the host sees the group, which is not there: `top` is.
std::optional<double> least_quota(const std::filesystem::path& top, const std::string& place) {
  std::optional<double> least;
  for (auto group = std::filesystem::path(place).relative_path();; group = group.parent_path()) {
    const std::filesystem::path folder = top / group;
    const std::optional<double> here = parse_cpu_quota(line_of(folder / "cpu.max"));
    const std::optional<double> version_1 = parse_cpu_quota(
        line_of(folder / "cpu.cfs_quota_us") + " " + line_of(folder / "cpu.cfs_period_us"));
    for (const std::optional<double>& quota : {here, version_1}) {
      if (quota) least = std::min(least.value_or(*quota), *quota);
    }
    if (group.empty()) return least;
  }
}

}  // namespace

std::optional<double> cpu_quota(const std::filesystem::path& groups,
                                const std::filesystem::path& own) {
  std::ifstream in(own);
  std::optional<double> least;
  // "0::/user.slice/run.scope" of version 2, "4:cpu,cpuacct:/run" of version 1.
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string kinds = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string place = line.substr(second + 1);
    std::optional<double> quota;
    if (kinds == ",,") quota = least_quota(groups, place);
    if (kinds.find(",cpu,") != std::string::npos) quota = least_quota(groups / "cpu", place);
    if (quota) least = std::min(least.value_or(*quota), *quota);
  }
  return least;
}

std::string utc_date_time(std::int64_t unix_s) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

Environment describe_environment(const std::vector<std::string>& command) {
  Environment environment;
  environment.tokenlift_version = TOKENLIFT_VERSION;
  environment.compiler = TOKENLIFT_COMPILER;
  environment.build_type = TOKENLIFT_BUILD_TYPE;
  environment.cpu = proc_value("/proc/cpuinfo", "model name");
  environment.cores = static_cast<std::int64_t>(core_count());
  environment.memory_bytes =
      static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  utsname names{};
  if (uname(&names) == 0) {
    environment.os = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
  }
  environment.started_at =
      utc_date_time(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  environment.command = command;
  return environment;
}

std::optional<CpuUse> read_cpu_use() {
  std::ifstream in("/proc/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  std::istringstream words(line);
  std::string label;
  // user nice system idle iowait irq softirq steal, in ticks; guest time is part of user time
  std::array<double, 8> ticks{};
  words >> label;
  for (double& value : ticks) words >> value;
  if (!words || label != "cpu") return std::nullopt;

  const auto ticks_per_s = static_cast<double>(sysconf(_SC_CLK_TCK));
  CpuUse use;
  use.busy_s = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / ticks_per_s;
  use.steal_s = ticks[7] / ticks_per_s;
  use.machine_s = use.busy_s + use.steal_s + (ticks[3] + ticks[4]) / ticks_per_s;
  rusage own{};
  if (getrusage(RUSAGE_SELF, &own) != 0) return std::nullopt;
  use.own_s = seconds(own.ru_utime) + seconds(own.ru_stime);
  return use;
}

std::optional<double> interference(const std::optional<CpuUse>& begin,
                                   const std::optional<CpuUse>& end) {
  if (!begin || !end) return std::nullopt;
  const double machine_s = end->machine_s - begin->machine_s;
  if (machine_s < 0.5) return std::nullopt;
  const double others_s = (end->busy_s - begin->busy_s) - (end->own_s - begin->own_s);
  const double steal_s = end->steal_s - begin->steal_s;
  return (std::max(0.0, others_s) + std::max(0.0, steal_s)) / machine_s;
}

}  // namespace tokenlift
