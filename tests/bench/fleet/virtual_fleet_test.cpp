// The fleet in virtual time: jumping equals stepping in all that is recorded, on any number of
// workers.

#include "bench/fleet/virtual_fleet.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/bench/fleet/random_scenario.hpp"
#include "tests/bench/run/virtual_run.hpp"
#include "workloads/plan/fleet_plan.hpp"

namespace tokenlift::virtual_fleet_test {
namespace {

// ttft = generator_lag (none, in virtual time) + throttle_wait + network + queue_wait + prefill.
void expect_parts_add_up(const PhaseRecord& record) {
  const auto sum_ns = [&](Metric metric) {
    return static_cast<__int128>(record.of(metric).sum_ns());
  };
  RC_ASSERT(sum_ns(Metric::generator_lag) == 0);
  __int128 parts = 0;
  for (const Metric part :
       {Metric::throttle_wait, Metric::network, Metric::queue_wait, Metric::prefill}) {
    parts += sum_ns(part);
  }
  RC_ASSERT(sum_ns(Metric::ttft) == parts);
}

bool conserves(const Counts& c) {
  return c.due == c.completed + c.rejected + c.expired + c.cancelled + c.failed + c.in_flight;
}

// Whoever was due is in one place, every attempt is somebody's, and the two sides of Little's law
// are counted apart.
void expect_conserved(const Run& run) {
  RC_ASSERT(conserves(run.totals));
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& record : tenant.phases) {
      RC_ASSERT(conserves(record.counts));
      RC_ASSERT(record.attempts >= record.counts.due);
      RC_ASSERT(record.sent <= record.counts.due);
      RC_ASSERT(record.held <= record.sent);
      RC_ASSERT(record.slo_met <= record.counts.completed);
      RC_ASSERT(record.of(Metric::e2e).count() == record.counts.completed);
      expect_parts_add_up(record);
    }
  }
  for (const Check& check : run.checks) {
    if (check.name == "littles_law_error") RC_ASSERT(check.value && *check.value <= 1e-12);
  }
}

/// How many times as long something takes at the best pace that events can give it.
double best_pace(const Scenario& scenario, std::int64_t Event::*ppm) {
  double pace = 1;
  for (const Event& event : scenario.events) {
    if (event.kind != EventKind::slow) continue;
    pace *= std::min(1.0, static_cast<double>(event.*ppm) * 1e-6);
  }
  return pace;
}

/// Tokens in a ns that all replicas together can make: a step of n decodes and k prompts that end
/// in it makes n + k, and takes a + b·n + p1·k at least, whatever else is in it. So none makes more
/// than the greater of B/(a + b·B) and 1/p1. Prices are rounded where the pace changes.
double most_tokens_per_ns(const Scenario& scenario) {
  const double decode_pace = best_pace(scenario, &Event::decode_ppm);
  const double prefill_pace = best_pace(scenario, &Event::prefill_ppm);
  double most = 0;
  for (std::size_t i = 0; i < scenario.fleet.sites.size(); ++i) {
    const Site& site = scenario.fleet.sites[i];
    const CostModel& cost = *scenario.profiles[i].cost;
    const auto price_ns = [](double pace, std::int64_t ps) {
      return std::max(pace * static_cast<double>(ps) - 1, 1e-9) * 1e-3;
    };
    const auto batch = static_cast<double>(site.max_batch);
    const double decode_ns =
        price_ns(decode_pace, cost.a_ps) / batch + price_ns(decode_pace, cost.b_ps);
    most += static_cast<double>(site.replicas + site.spares) /
            std::min(decode_ns, price_ns(prefill_pace, cost.p1_ps));
  }
  return most;
}

// Tokens count where the step ends that made them, which may have begun before the phase.
void expect_within_capacity(const Scenario& scenario, const Run& run) {
  const double most_per_ns = most_tokens_per_ns(scenario);
  std::int64_t in_a_step = 0;
  for (const Site& site : scenario.fleet.sites) {
    in_a_step += (site.replicas + site.spares) * site.max_batch;
  }
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    std::uint64_t made = 0;
    for (const TenantRecord& tenant : run.tenants) made += tenant.phases[i].output_tokens;
    const double most = most_per_ns * static_cast<double>(run.phases[i].length_ns) * 1.000'01;
    RC_ASSERT(static_cast<double>(made) <= most + static_cast<double>(in_a_step));
  }
}

const std::vector<std::int64_t>& waiting(const std::vector<Column>& columns) {
  const std::vector<std::int64_t>* const values = find_column(columns, "waiting_requests");
  RC_ASSERT(values != nullptr);
  return *values;
}

// In the last bin too, which the end of the run cuts short.
void expect_tenants_add_up(const Run& run) {
  const std::vector<std::int64_t>& fleet = waiting(run.series.columns);
  std::vector<std::int64_t> sum(fleet.size());
  for (const TenantRecord& tenant : run.tenants) {
    const std::vector<std::int64_t>& one = waiting(tenant.columns);
    RC_ASSERT(one.size() == sum.size());
    std::transform(sum.begin(), sum.end(), one.begin(), sum.begin(), std::plus<>());
  }
  RC_ASSERT(sum == fleet);
  RC_CLASSIFY(!fleet.empty() && fleet.back() > 0, "some wait at the end");
}

// The contract of the whole engine: nothing but speed depends on how time is passed, and by how
// many workers.
RC_GTEST_PROP(VirtualFleet, JumpingOnAnyNumberOfWorkersEqualsStepping, ()) {
  const Scenario scenario = any_scenario();
  const Run stepped = play_virtual(scenario, Stepping::each);
  expect_conserved(stepped);
  expect_within_capacity(scenario, stepped);
  if (stepped.tenants.size() > 1)
    expect_tenants_add_up(stepped);  // of a single one nothing is kept
  const std::size_t workers = *rc::gen::element<std::size_t>(1, 2, 5);
  const Run jumped = play_virtual(scenario, Stepping::jump, workers);
  if (!(stepped == jumped)) RC_LOG(to_toml(scenario));  // as a file to play
  RC_ASSERT(stepped == jumped);
  const Counts& totals = stepped.totals;
  RC_CLASSIFY(stepped.tenants.size() > 1, "several tenants");
  RC_CLASSIFY(totals.rejected > 0, "some are rejected");
  RC_CLASSIFY(totals.expired > 0, "some expire");
  RC_CLASSIFY(totals.cancelled > 0, "some lose patience");
  RC_CLASSIFY(totals.completed > totals.due / 2, "most are served");
  RC_CLASSIFY(totals.failed > 0, "some fail");
  RC_CLASSIFY(fleet_changes(scenario), "replicas come and go");
}

}  // namespace
}  // namespace tokenlift::virtual_fleet_test
