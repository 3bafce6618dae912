#include "reports/analysis/pooled_percentile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "reports/analysis/summary.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

struct Position {
  double value_ns = 0;
  double width_ns = 0;  // of the bucket
  double share = 0;     // of all samples, that it holds
};

/// Samples of several runs, of which one can be taken out again.
class PercentilePool {
 public:
  void add(Buckets samples) {
    for (const BucketCount& bucket : samples) {
      counts_[bucket.index] += bucket.count;
      count_ += bucket.count;
    }
  }
  void remove(Buckets samples) {
    for (const BucketCount& bucket : samples) {
      counts_[bucket.index] -= bucket.count;
      count_ -= bucket.count;
    }
  }
  std::uint64_t count() const { return count_; }

  Position at(int permille) const {
    assert(count_ > 0);
    const auto n = static_cast<double>(count_);
    const double rank = n * permille / 1000;
    double below = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < counts_.size(); ++bucket) {
      const auto here = static_cast<double>(counts_[bucket]);
      if (here > 0 && below + here >= rank) break;
      below += here;
    }
    const auto here = static_cast<double>(counts_[bucket]);
    const auto width = static_cast<double>(Histogram::width_ns(bucket));
    const auto lower = static_cast<double>(Histogram::lower_ns(bucket));
    return {lower + width * (rank - below) / here, width, here / n};
  }

 private:
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(Histogram::kBuckets);
  std::uint64_t count_ = 0;
};

struct PercentilePools {
  PercentilePool before;
  PercentilePool after;
};

double grain_ns(const Position& position, int permille) {
  const double beyond = std::min(permille, 1000 - permille) / 1000.0;
  return position.share > beyond / 4 ? position.width_ns : 0;
}

/// Empty where the runs support an interval.
std::string shortage(const std::vector<RunPair>& runs, int permille) {
  std::uint64_t least = UINT64_MAX;
  for (const RunPair& run : runs) {
    least = std::min({least, count_of(run.before), count_of(run.after)});
  }
  const std::uint64_t needed = samples_needed_per_run(permille);
  std::string reason;
  if (runs.size() < kLeastRunsOfPercentile) {
    reason = fmt::format("{}; {} repetitions give an interval", runs_figure(runs.size()),
                         kLeastRunsOfPercentile);
    if (least < needed) {
      reason += fmt::format(", with {} requests in each phase ({} here)", whole_figure(needed),
                            whole_figure(least));
    }
  } else if (least < needed) {
    reason = fmt::format("{} requests in the smallest phase of a run; {} give an interval",
                         whole_figure(least), whole_figure(needed));
  }
  return reason;
}

/// Jackknife of statistic(pools), whose values are all finite: the statistic of all, and how sure.
template <typename Statistic>
std::pair<double, double> jackknife(PercentilePools& pools, const std::vector<RunPair>& runs,
                                    Statistic&& statistic) {
  const auto n = static_cast<double>(runs.size());
  const double whole = statistic(pools);
  std::vector<double> pseudo;
  for (const RunPair& run : runs) {
    pools.before.remove(run.before);
    pools.after.remove(run.after);
    pseudo.push_back(n * whole - (n - 1) * statistic(pools));
    pools.before.add(run.before);
    pools.after.add(run.after);
  }
  return {whole, spread_of(pseudo).standard_error};
}

PercentilePools pools_of(const std::vector<RunPair>& runs) {
  PercentilePools pools;
  for (const RunPair& run : runs) {
    pools.before.add(run.before);
    pools.after.add(run.after);
  }
  return pools;
}

Estimate unsupported(const std::vector<RunPair>& runs, const PercentilePools& pools, int permille) {
  return {std::nullopt, std::nullopt, runs_figure(runs.size()),
          fmt::format("{} needs {} requests in a phase; {} here", percentile_name(permille),
                      whole_figure(samples_needed(permille)),
                      whole_figure(std::min(pools.before.count(), pools.after.count())))};
}

bool supported(const PercentilePools& pools, int permille) {
  return std::min(pools.before.count(), pools.after.count()) >= samples_needed(permille);
}

}  // namespace

std::uint64_t samples_needed_per_run(int permille) {
  return samples_needed(permille) * (permille >= 990 ? 10 : 1);
}

InterpolatedPercentile interpolated_percentile(Buckets samples, int permille) {
  PercentilePool pool;
  pool.add(samples);
  const Position position = pool.at(permille);
  return {position.value_ns, grain_ns(position, permille)};
}

Estimate percentile_estimate(const std::vector<Buckets>& runs, int permille) {
  std::vector<RunPair> pairs;
  for (const Buckets run : runs) pairs.push_back({run, run});
  PercentilePools pools = pools_of(pairs);
  if (!supported(pools, permille)) return unsupported(pairs, pools, permille);
  const Position whole = pools.after.at(permille);
  std::string basis = runs_figure(runs.size());
  if (std::string reason = shortage(pairs, permille); !reason.empty()) {
    return estimate_without_interval(whole.value_ns, std::move(basis), std::move(reason));
  }
  const auto [log, standard_error] = jackknife(pools, pairs, [&](const PercentilePools& left) {
    return std::log(left.after.at(permille).value_ns);
  });
  return estimate_of_log(log, standard_error, static_cast<double>(runs.size() - 1),
                         std::move(basis), grain_ns(whole, permille) / whole.value_ns);
}

Estimate percentile_ratio(const std::vector<RunPair>& runs, int permille) {
  PercentilePools pools = pools_of(runs);
  if (!supported(pools, permille)) return unsupported(runs, pools, permille);
  const Position before = pools.before.at(permille);
  const Position after = pools.after.at(permille);
  std::string basis = runs_figure(runs.size());
  if (std::string reason = shortage(runs, permille); !reason.empty()) {
    return estimate_without_interval(after.value_ns / before.value_ns, std::move(basis),
                                     std::move(reason));
  }
  const auto [log, standard_error] = jackknife(pools, runs, [&](const PercentilePools& left) {
    return std::log(left.after.at(permille).value_ns / left.before.at(permille).value_ns);
  });
  const double slack =
      grain_ns(before, permille) / before.value_ns + grain_ns(after, permille) / after.value_ns;
  return estimate_of_log(log, standard_error, static_cast<double>(runs.size() - 1),
                         std::move(basis), slack);
}

Estimate percentile_difference(const std::vector<RunPair>& runs, int permille) {
  PercentilePools pools = pools_of(runs);
  if (!supported(pools, permille)) return unsupported(runs, pools, permille);
  const Position before = pools.before.at(permille);
  const Position after = pools.after.at(permille);
  std::string basis = runs_figure(runs.size());
  if (std::string reason = shortage(runs, permille); !reason.empty()) {
    return estimate_without_interval(after.value_ns - before.value_ns, std::move(basis),
                                     std::move(reason));
  }
  const auto [difference, standard_error] =
      jackknife(pools, runs, [&](const PercentilePools& left) {
        return left.after.at(permille).value_ns - left.before.at(permille).value_ns;
      });
  const double slack = grain_ns(before, permille) + grain_ns(after, permille);
  return estimate_of(difference, standard_error, static_cast<double>(runs.size() - 1),
                     std::move(basis), slack);
}

}  // namespace tokenlift
