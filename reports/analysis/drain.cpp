#include "reports/analysis/drain.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tokenlift {
namespace {

std::int64_t median(std::vector<std::int64_t> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Delay drain_time(const Run& run) {
  const std::vector<std::int64_t>* const in_system =
      find_column(run.series.columns, "in_system_requests");
  const std::optional<std::size_t> phase = find_phase(run, "after");
  BinRange after;
  if (in_system != nullptr && phase && run.series.bin_ns > 0) {
    after = bins_within(run.phases[*phase], run.series.bin_ns, in_system->size());
  }
  if (after.begin == after.end) {
    return {std::nullopt, "the median backlog of 'after', to which it drains, is not known"};
  }
  const auto begin = in_system->begin();
  const std::int64_t usual = median({begin + static_cast<std::ptrdiff_t>(after.begin),
                                     begin + static_cast<std::ptrdiff_t>(after.end)});
  const std::int64_t bin_ns = run.series.bin_ns;
  const std::int64_t lift_ns = *run.lift->at_ns;
  // A gauge is that of the end of its bin: the one before the lift is what the lift meets.
  const auto lift_bin = static_cast<std::size_t>(lift_ns / bin_ns);
  if (lift_bin > 0 && (*in_system)[lift_bin - 1] <= usual) return {0, ""};
  for (std::size_t bin = lift_bin; bin < after.end; ++bin) {
    if ((*in_system)[bin] > usual) continue;
    return {static_cast<std::int64_t>(bin + 1) * bin_ns - lift_ns, ""};
  }
  return {std::nullopt, "the backlog did not drain while it was measured"};
}

}  // namespace tokenlift
