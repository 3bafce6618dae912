#include "reports/formats/hgrm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "reports/analysis/summary.hpp"
#include "reports/record/run.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

constexpr double kNsPerMs = 1e6;
constexpr int kTicksPerHalfDistance = 5;

/// Ascending. Up to the last one that is not yet the largest of `count` values.
std::vector<double> levels_of(std::uint64_t count) {
  std::vector<double> levels;
  // A report's own percentiles go first: of two equal levels, which rounding may set apart, theirs
  // is kept.
  for (const int permille : kPermilles) levels.push_back(permille / 1000.0);
  for (double left = 1; left * static_cast<double>(count) >= 1; left /= 2) {
    for (int tick = 0; tick < kTicksPerHalfDistance; ++tick) {
      levels.push_back(1 - left * (1 - tick / (2.0 * kTicksPerHalfDistance)));
    }
  }
  std::stable_sort(levels.begin(), levels.end());
  const auto same = [](double one, double other) { return other - one < 1e-12; };
  std::vector<double> kept;
  for (const double level : levels) {
    if (level * static_cast<double>(count) > static_cast<double>(count) - 1) break;
    if (!kept.empty() && same(kept.back(), level)) {
      const auto own = [&](double value) {
        return std::any_of(kPermilles.begin(), kPermilles.end(),
                           [&](int permille) { return permille / 1000.0 == value; });
      };
      if (own(level)) kept.back() = level;
      continue;
    }
    kept.push_back(level);
  }
  return kept;
}

/// How many values are at or below `value_ns`, whole buckets.
class Below {
 public:
  explicit Below(const Histogram& histogram) {
    std::uint64_t sum = 0;
    histogram.for_each_bucket([&](std::int64_t lower_ns, std::int64_t, std::uint64_t count) {
      sum += count;
      sums_.push_back({Histogram::bucket_of(lower_ns), sum});
    });
  }

  std::uint64_t count(std::int64_t value_ns) const {
    const auto after = std::upper_bound(
        sums_.begin(), sums_.end(), Histogram::bucket_of(value_ns),
        [](std::size_t bucket, const BucketCount& entry) { return bucket < entry.index; });
    return after == sums_.begin() ? 0 : std::prev(after)->count;
  }

 private:
  std::vector<BucketCount> sums_;
};

double standard_deviation_ns(const Histogram& histogram) {
  const double mean_ns = histogram.mean_ns();
  double squares = 0;
  histogram.for_each_bucket([&](std::int64_t lower_ns, std::int64_t width_ns, std::uint64_t count) {
    const double middle_ns = static_cast<double>(lower_ns) + static_cast<double>(width_ns - 1) / 2;
    squares += (middle_ns - mean_ns) * (middle_ns - mean_ns) * static_cast<double>(count);
  });
  return std::sqrt(squares / static_cast<double>(histogram.count()));
}

/// Fit for a file's name.
std::string file_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    name += plain ? c : '_';
  }
  return name;
}

/// Of each phase, fit for a file's name and its own: of two that look alike the later is numbered.
std::vector<std::string> phase_names(const Run& run) {
  std::vector<std::string> names;
  for (const PhaseSpan& phase : run.phases) {
    const std::string plain = file_name(phase.name);
    std::string name = plain;
    for (int n = 2; std::find(names.begin(), names.end(), name) != names.end(); ++n) {
      name = fmt::format("{}-{}", plain, n);
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::string to_hgrm(const Histogram& histogram) {
  const std::uint64_t count = histogram.count();
  const Below below(histogram);
  std::string out = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile",
                                "TotalCount", "1/(1-Percentile)");
  for (const double level : levels_of(count)) {
    const std::int64_t value_ns = histogram.value_at(level);
    out +=
        fmt::format("{:12.6f} {:14.12f} {:10} {:14.2f}\n", static_cast<double>(value_ns) / kNsPerMs,
                    level, below.count(value_ns), 1 / (1 - level));
  }
  const double max_ms = static_cast<double>(histogram.max_ns()) / kNsPerMs;
  out += fmt::format("{:12.6f} {:14.12f} {:10} {:>14}\n", max_ms, 1.0, count, "inf");
  out += fmt::format("#[Mean    = {:12.6f}, StdDeviation   = {:12.6f}]\n",
                     histogram.mean_ns() / kNsPerMs, standard_deviation_ns(histogram) / kNsPerMs);
  out += fmt::format("#[Max     = {:12.6f}, Total count    = {:12}]\n", max_ms, count);
  // As HdrHistogram counts its own: powers of two, and the values told apart in the first of them.
  out += fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n",
                     Histogram::kMaxBit - Histogram::kSubBits + 1, 2 << Histogram::kSubBits);
  return out;
}

std::vector<HgrmFile> hgrm_files(const Report& report) {
  std::vector<HgrmFile> files;
  for (std::size_t t = 0; t < report.trials.size(); ++t) {
    const Trial& trial = report.trials[t].trial;
    const std::string folder =
        report.trials.size() == 1 ? "" : fmt::format("{}-{}/", t + 1, file_name(trial.label));
    const Run& run = trial.lifted.pooled;
    const std::vector<std::string> names = phase_names(run);
    for (std::size_t i = 0; i < run.phases.size(); ++i) {
      const PhaseRecord record = fleet_record(run, i);
      for (std::size_t m = 0; m < kMetrics; ++m) {
        const Histogram& histogram = record.latency[m];
        if (histogram.empty()) continue;
        const std::string metric(name_of(static_cast<Metric>(m)));
        files.push_back({folder + names[i] + "." + metric + ".hgrm",
                         visible(trial.label + " " + run.phases[i].name + " " + metric) + " (ms)",
                         to_hgrm(histogram)});
      }
    }
  }
  return files;
}

std::string to_hgrm(const Report& report) {
  std::string out;
  for (const HgrmFile& file : hgrm_files(report)) {
    out += (out.empty() ? "# " : "\n# ") + file.title + "\n" + file.text;
  }
  return out;
}

}  // namespace tokenlift
