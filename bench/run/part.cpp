#include "bench/run/part.hpp"

#include <fmt/format.h>

#include "bench/run/readiness.hpp"
#include "reports/record/count_checks.hpp"

namespace tokenlift {

WallInstant await_start(const Part& part, const std::atomic<bool>& stop) {
  const std::optional<WallInstant> begun = wait_until_unix_ns(part.start_unix_ns, stop);
  if (stop) throw NotMeasurable("interrupted before the run began: nothing was measured");
  if (begun) return *begun;
  const std::int64_t late_ns = read_clocks().unix_ns - part.start_unix_ns;
  throw NotMeasurable(fmt::format(
      "nothing was run: all ranks were to begin {:.1f} s ago, before rank {} was ready. Start them "
      "earlier, or let them begin later",
      static_cast<double>(late_ns) * 1e-9, part.share.rank));
}

namespace {

RankRecord rank_record(const Part& part, const WallInstant& begun, const Run& run) {
  RankRecord rank;
  rank.rank = part.share.rank;
  rank.start_unix_ns = part.start_unix_ns;
  rank.start_error_ns = begun.error_ns;
  rank.clock_offset_ns = part.clock_offset_ns;
  rank.clock_error_ns = part.clock_offset_ns ? part.clock_error_ns : wall_clock_error_ns();
  Histogram lag;
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& phase : tenant.phases) {
      rank.sent += phase.sent;
      lag.merge(phase.of(Metric::generator_lag));
    }
  }
  if (lag.empty()) return rank;
  rank.lag_p99_ns = lag.value_at(0.99);
  rank.lag_max_ns = lag.max_ns();
  return rank;
}

}  // namespace

void tell_part(const Part& part, const WallInstant& begun, const Scenario& scenario, Run& run) {
  run.shares = SharesRecord{part.share.count, {rank_record(part, begun, run)}};
  if (part.share.is_whole()) return;
  await_other_shares(run);
  for (std::size_t i = 0; i < run.tenants.size(); ++i) {
    if (is_dealt_by_user(scenario, scenario.tenants[i])) continue;
    for (PhaseRecord& phase : run.tenants[i].phases) phase.users_missed.reset();
  }
}

}  // namespace tokenlift
