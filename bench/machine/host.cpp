#include "bench/machine/host.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
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
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  environment.started_at =
      fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
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
