#pragma once
// The machine: what it is, and what else it was doing while we measured.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// "2026-05-06T12:00:00Z", of seconds since 1970.
std::string utc_date_time(std::int64_t unix_s);

/// This machine, this build, this command.
Environment describe_environment(const std::vector<std::string>& command);

/// Cores that threads can run on; at least 1.
std::size_t core_count();

/// Cores that the control group of this process may use on average, as its `cpu.max` says ("QUOTA
/// PERIOD", in microseconds); nothing for "max", and for anything else.
std::optional<double> parse_cpu_quota(std::string_view cpu_max);

/// The least of these over the control group of this process and those around it, of versions 1 and
/// 2, as far as they are seen from here. Nothing: no quota. Where one is used up the process stands
/// still for the rest of the period, so that latencies tell of the quota and not of the fleet.
/// `groups`: where control groups are mounted; `own`: which ones this process is in.
std::optional<double> cpu_quota(const std::filesystem::path& groups = "/sys/fs/cgroup",
                                const std::filesystem::path& own = "/proc/self/cgroup");

/// A machine of which others took more than this share is not this machine: neither a run nor a
/// calibration is valid then.
inline constexpr double kMostInterference = 0.05;

/// Processor time of the whole machine and of this process so far, in seconds.
struct CpuUse {
  double machine_s = 0;  ///< cores x time since boot
  double busy_s = 0;     ///< of these, not idle; ours included, steal not
  double steal_s = 0;    ///< taken by the hypervisor
  double own_s = 0;      ///< this process, user and system
};

/// Nothing where /proc/stat cannot be read.
std::optional<CpuUse> read_cpu_use();

/// Share of the machine's time between two readings that went to the hypervisor or to other
/// processes. Nothing where a reading is missing or they are too close to tell (under 0.5 s: the
/// kernel counts in steps of 10 ms).
std::optional<double> interference(const std::optional<CpuUse>& begin,
                                   const std::optional<CpuUse>& end);

}  // namespace tokenlift
