#include "reports/findings/ranks_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "reports/record/count_checks.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

std::string in_ms(const std::optional<std::int64_t>& ns) {
  return ns ? figure(static_cast<double>(*ns) * 1e-6) : kAbsent;
}

}  // namespace

Table ranks_table(const Run& run) {
  if (!run.shares || run.shares->of == 1) return {};
  Table table;
  table.name = "ranks";
  table.title = "ranks";
  table.head_rows = 1;
  table.rows = {{{"rank"},
                 {"sent"},
                 {"start (ms)"},
                 {"lag p99 (ms)"},
                 {"lag max (ms)"},
                 {"clock offset (ms)"},
                 {"clock error (ms)"}}};
  table.first_spare = 5;
  table.spare_names = {"clock offset", "clock error"};
  const WideSum first_ns = began_ns(std::ranges::min(run.shares->ranks, {}, began_ns));
  for (const RankRecord& rank : run.shares->ranks) {
    const auto start_ns = static_cast<std::int64_t>(began_ns(rank) - first_ns);
    table.rows.push_back({{std::to_string(rank.rank)},
                          {whole_figure(rank.sent)},
                          {in_ms(start_ns)},
                          {in_ms(rank.lag_p99_ns)},
                          {in_ms(rank.lag_max_ns)},
                          {in_ms(rank.clock_offset_ns)},
                          {in_ms(rank.clock_error_ns)}});
  }
  table.notes.emplace_back(
      "Start: after that of the rank that began first, by their clocks. Lag: how late each rank "
      "sent the requests of measured phases. Clock offset: from the clock of rank 0, where the two "
      "were compared; clock error: of that, or where it was not compared, from UTC, as the kernel "
      "says.");
  return table;
}

std::string remark_on_shares(const Run& run) {
  if (!run.shares || run.shares->is_whole()) return "";
  const bool one = run.shares->ranks.size() == 1;
  return fmt::format(
      "This is {} of {} ranks that played the run together: load and throughput are a part of it "
      "until all shares are joined (tokenlift merge).",
      one ? fmt::format("the share of rank {}", run.shares->ranks.front().rank)
          : fmt::format("{} shares", run.shares->ranks.size()),
      run.shares->of);
}

}  // namespace tokenlift
