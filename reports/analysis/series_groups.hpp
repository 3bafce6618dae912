#pragma once
// A run's series in as many points as a chart or a table can show.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "reports/record/run.hpp"

namespace tokenlift {

/// The bins of the measured time, 1, 2, 5, 10, 20, ... of them taken together; the last group may
/// hold fewer.
struct Groups {
  std::int64_t bin_ns = 0;
  std::size_t bins = 0;
  std::size_t per_group = 1;

  std::size_t size() const { return (bins + per_group - 1) / per_group; }
  std::size_t begin(std::size_t group) const { return group * per_group; }
  std::size_t end(std::size_t group) const;
  double begin_s(std::size_t group) const;
  double middle_s(std::size_t group) const;
  double length_s(std::size_t group) const;
};

/// At most `most` (>= 1) groups. No bins where the run has no series. What comes after the last
/// phase is no part of the measurement (and its last bin is cut short): left out.
Groups groups_of(const Run& run, std::size_t most);
/// The same of the slices of TTFT.
Groups slices_of(const Run& run, std::size_t most);

/// Of a counter: per second and run. Nothing where the column was not recorded.
std::optional<std::vector<double>> rates(const Run& run, std::string_view column,
                                         const Groups& groups);
/// Of a gauge: the largest in each group, per run.
std::optional<std::vector<double>> peaks(const Run& run, std::string_view column,
                                         const Groups& groups);
/// Of a gauge that says the mean of each bin: the mean of each group, per run.
std::optional<std::vector<double>> means(const Run& run, std::string_view column,
                                         const Groups& groups);
/// The slices of each group, merged.
std::vector<Histogram> merged_slices(const Run& run, const Groups& slices);

}  // namespace tokenlift
