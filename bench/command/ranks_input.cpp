#include "bench/command/ranks_input.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "bench/machine/host.hpp"
#include "workloads/plan/sharing.hpp"
#include "workloads/requests/trace_row.hpp"

namespace tokenlift {

namespace {

std::optional<int> parse_number(std::string_view text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end || number < 0) return std::nullopt;
  return number;
}

/// Which rank of how many, as `said`; what is wrong with it goes into `mistake`.
std::optional<Share> share_of(std::string_view rank, std::string_view count,
                              const std::string& said, std::string& mistake) {
  const std::optional<int> r = parse_number(rank);
  const std::optional<int> n = parse_number(count);
  if (!r || !n || *n < 1 || *n > kMostRanks || *r >= *n) {
    mistake =
        fmt::format("{} is no rank of several: R/N, with R from 0 to N - 1 and N from 1 to {}",
                    said, kMostRanks);
    return std::nullopt;
  }
  return Share{*r, *n};
}

/// What a scheduler tells each process that it starts.
struct Scheduler {
  const char* rank;
  const char* count;
};
constexpr std::array kSchedulers = {Scheduler{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS"},
                                    Scheduler{"SLURM_PROCID", "SLURM_NTASKS"}};

std::optional<Share> share_of_environment(std::string& mistake) {
  for (const Scheduler& scheduler : kSchedulers) {
    const char* const rank = std::getenv(scheduler.rank);
    if (rank == nullptr) continue;
    const char* const count = std::getenv(scheduler.count);
    if (count != nullptr) {
      const std::string said =
          fmt::format("'{}/{}' ({}/{})", rank, count, scheduler.rank, scheduler.count);
      return share_of(rank, count, said, mistake);
    }
    mistake =
        fmt::format("{} is set, but not {}, the number of ranks", scheduler.rank, scheduler.count);
    return std::nullopt;
  }
  mistake = fmt::format("neither {} nor {} is set: say which rank it is as R/N",
                        kSchedulers[0].rank, kSchedulers[1].rank);
  return std::nullopt;
}

}  // namespace

Value rank_of_several(std::optional<Share>& target) {
  return {"R/N", [&target](const std::string& word) {
            std::string mistake;
            if (word == "env") {
              target = share_of_environment(mistake);
            } else {
              const std::size_t slash = word.find('/');
              if (slash == std::string::npos) {
                return fmt::format("'{}' is no rank: R/N, as 0/3, or env", word);
              }
              const std::string_view text = word;
              target = share_of(text.substr(0, slash), text.substr(slash + 1), "'" + word + "'",
                                mistake);
            }
            return mistake;
          }};
}

Value instant(std::optional<std::int64_t>& target_unix_ns) {
  return {"INSTANT", [&target_unix_ns](const std::string& word) {
            target_unix_ns = parse_date_time_ns(word);
            return target_unix_ns
                       ? std::string()
                       : fmt::format("'{}' is no date and time, as 2026-12-01T12:00:00Z", word);
          }};
}

std::string instant_text(std::int64_t unix_ns) {
  constexpr std::int64_t kSecondNs = 1'000'000'000;
  std::string text = utc_date_time(unix_ns / kSecondNs);
  text.insert(text.size() - 1, fmt::format(".{:03}", unix_ns % kSecondNs / 1'000'000));
  return text;
}

Part part_of(const Scenario& scenario, Share share, std::int64_t start_unix_ns) {
  const std::string why_not = share.is_whole() ? "" : why_not_shared(scenario);
  if (!why_not.empty()) {
    throw UsageError(fmt::format("'{}' cannot be played in shares: {}", scenario.name, why_not));
  }
  const std::int64_t now_ns = read_clocks().unix_ns;
  if (start_unix_ns <= now_ns) {
    throw UsageError(fmt::format(
        "--start-at: {} was {:.1f} s ago: all ranks begin at an instant "
        "that is still to come",
        instant_text(start_unix_ns), static_cast<double>(now_ns - start_unix_ns) * 1e-9));
  }
  return {share, start_unix_ns};
}

}  // namespace tokenlift
