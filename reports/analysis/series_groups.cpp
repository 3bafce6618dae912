#include "reports/analysis/series_groups.hpp"

#include <algorithm>

namespace tokenlift {
namespace {

Groups groups_of(const Run& run, std::int64_t width_ns, std::size_t recorded, std::size_t most) {
  Groups groups;
  groups.bin_ns = width_ns;
  if (width_ns <= 0) return groups;
  groups.bins = recorded;
  if (!run.phases.empty() && run.phases.back().end_ns >= width_ns) {
    groups.bins = std::min(recorded, static_cast<std::size_t>(run.phases.back().end_ns / width_ns));
  }
  // 1, 2, 5, 10, ...: bins have such widths, so that groups begin at round seconds.
  for (std::size_t decade = 1; groups.size() > most; decade *= 10) {
    for (const std::size_t step : {2U, 5U, 10U}) {
      if (groups.size() > most) groups.per_group = step * decade;
    }
  }
  return groups;
}

/// The values of group i of a column, as [begin, end); short columns end early.
template <typename Visit>
std::optional<std::vector<double>> by_group(const Run& run, std::string_view name,
                                            const Groups& groups, Visit&& value_of) {
  const std::vector<std::int64_t>* const column = find_column(run.series.columns, name);
  if (column == nullptr) return std::nullopt;
  std::vector<double> values;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    const auto at = [&](std::size_t bin) {
      return column->begin() + static_cast<std::ptrdiff_t>(std::min(bin, column->size()));
    };
    values.push_back(value_of(group, at(groups.begin(group)), at(groups.end(group))));
  }
  return values;
}

}  // namespace

std::size_t Groups::end(std::size_t group) const {
  return std::min(begin(group) + per_group, bins);
}

double Groups::begin_s(std::size_t group) const {
  return static_cast<double>(begin(group)) * static_cast<double>(bin_ns) / 1e9;
}

double Groups::length_s(std::size_t group) const {
  return static_cast<double>(end(group) - begin(group)) * static_cast<double>(bin_ns) / 1e9;
}

double Groups::middle_s(std::size_t group) const {
  return begin_s(group) + length_s(group) / 2;
}

Groups groups_of(const Run& run, std::size_t most) {
  const Series& series = run.series;
  const std::size_t bins = series.columns.empty() ? 0 : series.columns.front().values.size();
  return groups_of(run, series.bin_ns, bins, most);
}

Groups slices_of(const Run& run, std::size_t most) {
  return groups_of(run, run.series.slice_ns, run.series.ttft_slices.size(), most);
}

std::optional<std::vector<double>> rates(const Run& run, std::string_view column,
                                         const Groups& groups) {
  const auto runs = static_cast<double>(run.runs);
  return by_group(run, column, groups, [&](std::size_t group, auto begin, auto end) {
    double sum = 0;
    for (auto value = begin; value != end; ++value) sum += static_cast<double>(*value);
    return sum / groups.length_s(group) / runs;
  });
}

std::optional<std::vector<double>> peaks(const Run& run, std::string_view column,
                                         const Groups& groups) {
  const auto runs = static_cast<double>(run.runs);
  return by_group(run, column, groups, [&](std::size_t, auto begin, auto end) {
    return begin == end ? 0 : static_cast<double>(*std::max_element(begin, end)) / runs;
  });
}

std::optional<std::vector<double>> means(const Run& run, std::string_view column,
                                         const Groups& groups) {
  std::optional<std::vector<double>> values = rates(run, column, groups);
  if (!values) return values;
  for (double& value : *values) value *= static_cast<double>(groups.bin_ns) / 1e9;
  return values;
}

std::vector<Histogram> merged_slices(const Run& run, const Groups& slices) {
  std::vector<Histogram> merged(slices.size());
  for (std::size_t group = 0; group < slices.size(); ++group) {
    for (std::size_t i = slices.begin(group); i < slices.end(group); ++i) {
      merged[group].merge(run.series.ttft_slices[i]);
    }
  }
  return merged;
}

}  // namespace tokenlift
