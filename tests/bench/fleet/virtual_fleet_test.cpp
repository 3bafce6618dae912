// The fleet in virtual time: jumping equals stepping to the last byte, on any number of workers.

#include "bench/fleet/virtual_fleet.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/bench/run/virtual_run.hpp"
#include "tests/bench/throttle/random_room.hpp"
#include "workloads/plan/changes.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift {
namespace {

constexpr std::int64_t kMs = kMillisecond;

Profile any_profile(const std::string& name) {
  Profile profile;
  profile.name = name;
  const auto up_to = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most); };
  // From a microsecond to some 20 ms a step; ties and zeros among the rest.
  profile.cost =
      CostModel{*rc::gen::element<std::int64_t>(999'999, 1'000'000, 7'123'456'789, 20'000'000'001),
                up_to(30'000'000),
                *rc::gen::element<std::int64_t>(0, 1, 41'100, 3'000'007),
                *rc::gen::element<std::int64_t>(0, 4'300'000'000),
                1 + up_to(50'000'000),
                *rc::gen::element<std::int64_t>(0, 1, 976'000),
                *rc::gen::element(Pricing::separate, Pricing::mixed)};
  if (*rc::gen::arbitrary<bool>()) profile.overhead = Overhead{1 + up_to(3'000'000'000), 2024, ""};
  if (*rc::gen::arbitrary<bool>()) {
    // Prefill is held at a floor: one reading of the weights takes 4.8 ms, a token's arithmetic
    // 16 us or nothing to speak of. No reader has refused the decode steps that beat it.
    profile.model = ModelSize{8.03e9, 2, 131'072};
    profile.accelerator = Accelerator{"x", 1, 3.35, *rc::gen::element(989.0, 1e6), 80, 0};
  }
  return profile;
}

Lengths any_lengths(std::int64_t most) {
  Lengths lengths;
  lengths.distribution = *rc::gen::element(Distribution::constant, Distribution::uniform);
  lengths.max = *rc::gen::inRange<std::int64_t>(1, most);
  lengths.mean = static_cast<double>(lengths.max);
  return lengths;
}

Wait any_wait() {
  return {*rc::gen::element(WaitDistribution::constant, WaitDistribution::exponential),
          *rc::gen::element(1 * kMs, 20 * kMs, 300 * kMs)};
}

Shape any_shape() {
  Shape shape;
  shape.kind = *rc::gen::element(ShapeKind::ramp, ShapeKind::steps, ShapeKind::diurnal,
                                 ShapeKind::burst, ShapeKind::mmpp);
  shape.from = 0.5;
  shape.to = 2;
  shape.begin_ns = kSecond / 4;
  shape.length_ns = kSecond / 5;
  shape.period_ns = kSecond / 2;
  shape.steps = {{kSecond / 3, 2.0}, {kSecond, 0.5}};
  return shape;
}

bool coin() {
  return *rc::gen::arbitrary<bool>();
}

/// Of requests that nobody asks because he got an answer, and of those who wait for theirs.
void randomise_clients(Tenant& tenant) {
  tenant.users = *rc::gen::inRange<std::int64_t>(1, 5);
  tenant.priority = *rc::gen::inRange<std::int64_t>(0, 3);
  tenant.weight = *rc::gen::element(0.5, 1.0, 3.0);
  if (*rc::gen::inRange(0, 4) == 0) {
    tenant.arrivals.process = Process::closed;
    tenant.arrivals.rate = {};
    tenant.arrivals.think = any_wait();
  } else if (coin()) {
    tenant.arrivals.shape = any_shape();
  }
  if (*rc::gen::inRange(0, 3) == 0) {
    // So that the largest turn is a request like all others.
    tenant.sessions = Sessions{{Distribution::uniform, 0, 0, 1, 3}, any_wait(), 198};
  }
  tenant.retry.policy =
      *rc::gen::element(RetryPolicy::none, RetryPolicy::fixed, RetryPolicy::exponential,
                        RetryPolicy::honour_retry_after);
  tenant.retry.delay_ns = *rc::gen::element(1 * kMs, 30 * kMs, 1 * kSecond);
  tenant.retry.attempts = *rc::gen::inRange<std::int64_t>(1, 6);
  if (coin()) tenant.retry.budget = 0.2;
  if (coin()) tenant.patience = any_wait();
  if (coin()) tenant.deadline_ns = *rc::gen::element(20 * kMs, 200 * kMs, 1 * kSecond);
}

Tenant any_tenant(std::size_t index) {
  Tenant tenant;
  tenant.name = "tenant " + std::to_string(index);
  // Constant gaps of whole milliseconds meet each other and the bins' edges.
  tenant.arrivals.process = *rc::gen::element(Process::poisson, Process::constant, Process::gamma);
  tenant.arrivals.rate.per_s = *rc::gen::element(1.0, 10.0, 50.0, 200.0);
  tenant.arrivals.cv = 3;
  tenant.prompt_tokens = any_lengths(200);
  tenant.output_tokens = any_lengths(120);
  tenant.max_tokens = tenant.output_tokens.max;
  tenant.slo.ttft_ns = 500 * kMs;
  randomise_clients(tenant);
  return tenant;
}

/// What its kind may be set to; all of it, and nothing else.
Settings settings_of(const Throttle& throttle) {
  Settings settings;
  for_each_setting([&](const ThrottleKey& key, const auto& member) {
    if (!key.belongs_to(traits_of(throttle.kind))) return;
    settings.*member.settings = throttle.*member.throttle;
  });
  if (!traits_of(throttle.kind).has_rate) settings.rate.reset();  // a limit is stated
  return settings;
}

constexpr int kTokens = 320;

Event any_event(Random& random, const Scenario& scenario, std::int64_t at_ns) {
  Event event;
  event.at_ns = at_ns;
  Throttle to = scenario.throttles[random.between<std::size_t>(0, scenario.throttles.size() - 1)];
  event.throttle = to.name;
  event.kind =
      random.one_of({EventKind::lift, EventKind::set, EventKind::restore, EventKind::ramp});
  if (event.kind == EventKind::lift) return event;
  event.inherit =
      random.one_of({Inherit::as_is, Inherit::proportional, Inherit::reset, Inherit::additive});
  randomise_numbers(random, to, kTokens);
  if (event.kind == EventKind::set) static_cast<Settings&>(event) = settings_of(to);
  if (event.kind == EventKind::ramp) {
    if (traits_of(to.kind).has_rate) event.rate = to.rate;
    if (!traits_of(to.kind).has_rate) event.limit = to.limit;
    event.over_ns = 300 * kMs;
    event.steps = random.one_of<std::int64_t>({0, 3});
    event.measure = random.one_in(2);
  }
  return event;
}

/// Several throttles of all kinds, and all that may happen to them.
void randomise_throttles(Scenario& scenario) {
  Random random(*rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>()));
  scenario.queue_order =
      *rc::gen::element(QueueOrder::fifo, QueueOrder::priority, QueueOrder::fair);
  const int throttles = *rc::gen::element(0, 1, 2, 3, 5);
  for (int i = 0; i < throttles; ++i) {
    Throttle throttle = random_throttle(random, scenario);
    randomise_numbers(random, throttle, kTokens);
    if (!traits_of(throttle.kind).limits_queue && random.one_in(3)) {
      throttle.schedule = {{0x7f, 0, 1, 2}, {0x7f, 1, 3, 0.5}};
    }
    scenario.throttles.push_back(throttle);
  }
  if (throttles == 0) return;
  const int events = *rc::gen::element(0, 1, 2, 5);
  std::int64_t at_ns = kSecond / 2;
  for (int i = 0; i < events; ++i) {
    scenario.events.push_back(any_event(random, scenario, at_ns));
    if (!random.one_in(3)) at_ns += kSecond / 5;
  }
}

Site any_site(std::size_t index) {
  Site site;
  site.name = "site " + std::to_string(index);
  site.profile = "profile " + std::to_string(index);
  site.replicas = *rc::gen::inRange(1, 5);
  site.max_batch = *rc::gen::inRange(1, 12);
  site.max_step_tokens = *rc::gen::element<std::int64_t>(1, 16, 100, 1000);
  // The largest request has 318 tokens: from a cache that holds just one to plenty.
  site.kv_tokens = *rc::gen::element<std::int64_t>(318, 400, 900, 100'000);
  return site;
}

/// Clients of all sorts, several throttles of every kind, events, refunds, preemption, chunked
/// prefill, every router.
Scenario any_scenario() {
  Scenario scenario;
  scenario.name = "any";
  scenario.run.engine = Engine::simulated;
  scenario.run.seed = *rc::gen::arbitrary<std::uint16_t>();
  scenario.run.duration_ns = 1500 * kMs;
  scenario.run.warmup_ns = *rc::gen::element<std::int64_t>(0, kSecond / 4);
  scenario.run.settle_ns = kSecond / 4;
  scenario.run.cooldown_max_ns = *rc::gen::element(1 * kMs, kSecond / 2, 10 * kSecond);
  scenario.fleet.router =
      *rc::gen::element(RouterPolicy::shared_queue, RouterPolicy::round_robin, RouterPolicy::random,
                        RouterPolicy::power_of_two, RouterPolicy::least_loaded);
  scenario.fleet.load_report_interval_ns =
      *rc::gen::element<std::int64_t>(0, 0, kMs / 3, 10 * kMs, 100 * kMs);
  const std::size_t sites = *rc::gen::inRange<std::size_t>(1, 4);
  for (std::size_t i = 0; i < sites; ++i) {
    scenario.fleet.sites.push_back(any_site(i));
    scenario.profiles.push_back(any_profile(scenario.fleet.sites.back().profile));
  }
  const std::size_t tenants = *rc::gen::element<std::size_t>(1, 1, 2, 3);
  for (std::size_t i = 0; i < tenants; ++i) scenario.tenants.push_back(any_tenant(i));
  randomise_throttles(scenario);
  return scenario;
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
    }
  }
  for (const Check& check : run.checks) {
    if (check.name == "littles_law_error") RC_ASSERT(check.value && *check.value <= 1e-12);
  }
}

// The contract of the whole engine: nothing but speed depends on how time is passed.
RC_GTEST_PROP(VirtualFleet, JumpingEqualsSteppingToTheLastByte, ()) {
  const Scenario scenario = any_scenario();
  const Run stepped = play_virtual(scenario, Stepping::each);
  expect_conserved(stepped);
  RC_ASSERT(to_json(stepped) == to_json(play_virtual(scenario, Stepping::jump)));
  const Counts& totals = stepped.totals;
  RC_CLASSIFY(totals.rejected > 0, "some are rejected");
  RC_CLASSIFY(totals.expired > 0, "some expire");
  RC_CLASSIFY(totals.cancelled > 0, "some lose patience");
  RC_CLASSIFY(totals.completed > totals.due / 2, "most are served");
}

// In the last bin too, which the end of the run cuts short.
RC_GTEST_PROP(VirtualFleet, TenantsWhoWaitAddUpToTheFleetsInEveryBin, ()) {
  Scenario scenario = any_scenario();
  scenario.tenants.push_back(any_tenant(scenario.tenants.size()));
  const auto run = play_virtual(scenario, Stepping::jump);
  const auto waiting = [](const std::vector<Column>& columns) {
    const std::vector<std::int64_t>* const values = find_column(columns, "waiting_requests");
    RC_ASSERT(values != nullptr);
    return *values;
  };
  const std::vector<std::int64_t> fleet = waiting(run.series.columns);
  std::vector<std::int64_t> sum(fleet.size());
  for (const TenantRecord& tenant : run.tenants) {
    const std::vector<std::int64_t> one = waiting(tenant.columns);
    RC_ASSERT(one.size() == sum.size());
    std::transform(sum.begin(), sum.end(), one.begin(), sum.begin(), std::plus<>());
  }
  RC_ASSERT(sum == fleet);
  RC_CLASSIFY(!fleet.empty() && fleet.back() > 0, "some wait at the end");
}

RC_GTEST_PROP(VirtualFleet, AnyNumberOfWorkersGivesTheSameBytes, ()) {
  Scenario scenario = any_scenario();
  scenario.fleet.load_report_interval_ns = *rc::gen::element(kMs, 50 * kMs);
  const std::string alone = to_json(play_virtual(scenario, Stepping::jump, 1));
  const std::size_t workers = *rc::gen::element<std::size_t>(2, 5);
  RC_ASSERT(alone == to_json(play_virtual(scenario, Stepping::jump, workers)));
}

}  // namespace
}  // namespace tokenlift
