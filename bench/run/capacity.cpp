#include "bench/run/capacity.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <deque>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/fleet/virtual_fleet.hpp"
#include "bench/machine/clock.hpp"
#include "bench/machine/host.hpp"
#include "bench/record/recorder.hpp"
#include "bench/run/returning_users.hpp"
#include "bench/wire/http_fleet.hpp"
#include "bench/wire/wire_clock.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/requests/arrivals.hpp"
#include "workloads/requests/session_plan.hpp"
#include "workloads/requests/trace_row.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kBlockNs = 500'000'000;
constexpr std::size_t kLeastBlocks = 8;
constexpr std::size_t kMostBlocks = 40;
constexpr std::int64_t kLongestWarmupNs = 15'000'000'000;
// How often the mix goes through the batch before the measurement: after that, sequences of all
// ages stand side by side, as they do in the run.
constexpr std::int64_t kTurnovers = 3;
// In virtual time: the more, the less the draws matter. Milliseconds of computing.
constexpr std::int64_t kMeasuredTurnovers = 20;
constexpr std::int64_t kMeasuredRequests = 10'000;

/// The requests of one tenant one after the other, without their instants: of tenants with
/// sessions all turns, each with its context. What prefix caches would save is not counted: see
/// `returning_users`.
class TenantRequests {
 public:
  TenantRequests(const Tenant& tenant, std::uint64_t seed, std::uint32_t index)
      : tenant_(tenant), index_(index) {
    if (!tenant.arrivals.trace) {
      plan_.emplace(tenant, seed, index);
      return;
    }
    // All of the file, and from its start again: its mix, whatever the seed keeps of it.
    tenant_.arrivals.trace->sample = 1;
    tenant_.arrivals.trace->resample_ns.reset();
    restart();
  }

  Arrival next() {
    if (plan_) return next_of_plan();
    if (!turns_.empty()) {
      const TraceTurn turn = std::move(turns_.front());
      turns_.pop_front();
      return {0, turn.prompt_tokens, turn.output_tokens, 0};
    }
    std::optional<Arrival> arrival = trace_->next();
    if (!arrival) {
      restart();
      arrival = trace_->next();
    }
    assert(arrival && "a trace has a request at least");
    turns_.assign(trace_->turns().begin(), trace_->turns().end());
    return *arrival;
  }

 private:
  void restart() { trace_.emplace(tenant_, 0, index_); }
  Arrival next_of_plan() {
    std::optional<Arrival> arrival = plan_->request(number_, 0, context_tokens_);
    if (!arrival) {  // its session ends before it
      begin_session();
      arrival = plan_->request(number_, 0, context_tokens_);
    }
    assert(arrival && "the reader sees to it that a first turn fits");
    context_tokens_ = arrival->prompt_tokens + arrival->output_tokens;
    if (plan_->has_next(number_)) {
      ++number_;
    } else {
      begin_session();
    }
    return *arrival;
  }
  void begin_session() {
    number_ = plan_->first_number(plan_->session_of(number_) + 1);
    context_tokens_ = 0;
  }

  Tenant tenant_;
  std::uint32_t index_;
  std::optional<SessionPlan> plan_;
  std::optional<ArrivalSource> trace_;
  std::deque<TraceTurn> turns_;  // of the session that the trace is at
  std::uint64_t number_ = 0;
  std::int64_t context_tokens_ = 0;
};

/// Requests of the scenario's mix: every tenant in proportion to its request rate.
class MixedRequests {
 public:
  explicit MixedRequests(const Scenario& scenario) {
    const std::vector<double> shares = request_shares(scenario);
    for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) {
      tenants_.push_back({{scenario.tenants[i], scenario.run.seed, i}, shares[i], 0});
    }
  }

  Work next(RequestId id) {
    // Whoever is furthest behind its share.
    const auto chosen =
        std::max_element(tenants_.begin(), tenants_.end(), [](const auto& a, const auto& b) {
          return a.share / static_cast<double>(a.sent + 1) <
                 b.share / static_cast<double>(b.sent + 1);
        });
    const Arrival arrival = chosen->requests.next();
    Work work;
    work.id = id;
    work.prompt_tokens = static_cast<std::int32_t>(arrival.prompt_tokens);
    work.output_tokens = static_cast<std::int32_t>(arrival.output_tokens);
    work.number = chosen->sent++;
    work.tenant = static_cast<std::uint32_t>(chosen - tenants_.begin());
    return work;
  }

 private:
  struct Source {
    TenantRequests requests;
    double share;
    std::uint64_t sent;
  };
  std::vector<Source> tenants_;
};

/// Output tokens/s of one replica whose steps took so long, under the mix; 0 where a part was not
/// measured.
double replica_tokens_per_s(const StepTimes& times, const Mix& mix) {
  const double decoded = std::max(mix.output_tokens - 1, 0.0);
  if (times.prompt_tokens == 0 || (decoded > 0 && times.decode_tokens == 0)) return 0;
  double request_ns = mix.prompt_tokens * static_cast<double>(times.prompt_ns) /
                      static_cast<double>(times.prompt_tokens);
  if (decoded > 0) {
    request_ns +=
        decoded * static_cast<double>(times.decode_ns) / static_cast<double>(times.decode_tokens);
  }
  return request_ns > 0 ? mix.output_tokens * 1e9 / request_ns : 0;
}

/// Over all sites, all blocks but the one that is left out; 0 where a site was not measured.
double fleet_tokens_per_s(std::span<const std::vector<StepTimes>> blocks,
                          std::optional<std::size_t> left_out,
                          std::span<const std::int64_t> replicas, const Mix& mix) {
  double sum = 0;
  for (std::size_t site = 0; site < replicas.size(); ++site) {
    StepTimes times;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i != left_out) times += blocks[i][site];
    }
    if (replicas[site] == 0) continue;
    const double per_replica = replica_tokens_per_s(times, mix);
    if (per_replica == 0) return 0;
    sum += static_cast<double>(replicas[site]) * per_replica;
  }
  return sum;
}

/// Of each site, over its replicas.
std::vector<StepTimes> times_by_site(const Scenario& scenario, const ThreadFleet& fleet) {
  const std::vector<StepTimes> by_replica = fleet.step_times();
  std::vector<StepTimes> by_site;
  auto replica = by_replica.begin();
  for (const Site& site : scenario.fleet.sites) {
    by_site.emplace_back();
    for (std::int64_t i = 0; i < site.replicas; ++i) by_site.back() += *replica++;
  }
  return by_site;
}

/// Grid of a run that records nothing of interest: one phase, one bin.
RecordingGrid blank_grid(std::size_t tenants) {
  RecordingGrid grid;
  grid.phases.push_back({"capacity", 0, kNever, true});
  grid.tenants = tenants;
  grid.bin_ns = grid.slice_ns = kNever;
  grid.bins = grid.slices = 1;
  return grid;
}

/// The site with so many replicas, at hand, that all serve and never change.
Site constant(Site site, std::int64_t replicas) {
  site.replicas = replicas;
  site.spares = 0;
  site.rtt_ns = 0;
  site.at_start.reset();
  site.failures.reset();
  site.available.reset();
  site.power.reset();  // the capacity is what it can do when nothing holds it back
  return site;
}

/// In flight, of a scenario of one replica: twice the batch, so that a place never stays empty.
std::size_t places_of(const Scenario& alone) {
  return static_cast<std::size_t>(2 * alone.fleet.sites.front().max_batch);
}

/// What one replica brings that is kept saturated.
struct Saturated {
  double output_tokens_per_s = 0;
  double all_tokens_per_s = 0;  ///< prompts and outputs, of the requests that it was given
};

/// From when the mix has gone through the batch often enough until `kMeasuredTurnovers` times the
/// batch, or `kMeasuredRequests`, have completed. next(place) is the next request at a place.
template <typename Next>
Saturated saturate(const Scenario& alone, const std::atomic<bool>& stop, Next next) {
  const std::int64_t max_batch = alone.fleet.sites.front().max_batch;
  const RecordingGrid grid = blank_grid(alone.tenants.size());
  Workers workers(1);
  const std::unique_ptr<Fleet> fleet = make_virtual_fleet(alone, grid, workers);
  std::vector<std::int64_t> output_tokens;
  std::int64_t given = 0;
  const auto submit = [&](RequestId id, std::int64_t now_ns) {
    const Work work = next(id);
    output_tokens[id] = work.output_tokens;
    given += work.prompt_tokens + work.output_tokens;
    fleet->submit(work, 0, now_ns);
  };
  output_tokens.resize(places_of(alone));
  for (RequestId id = 0; id < output_tokens.size(); ++id) submit(id, 0);

  std::int64_t completed = 0;
  std::int64_t tokens = 0;
  const auto serve = [&](std::int64_t until_completed) {
    std::int64_t now_ns = 0;
    while (completed < until_completed && !stop) {
      now_ns = fleet->next_event_ns();
      for (const News& done : fleet->advance(now_ns)) {
        ++completed;
        tokens += output_tokens[done.id];
        submit(done.id, now_ns);
      }
    }
    return now_ns;
  };
  const std::int64_t begin_ns = serve(kTurnovers * max_batch);
  const std::int64_t tokens_before = tokens;
  const std::int64_t given_before = given;
  const std::int64_t end_ns =
      serve(completed + std::max(kMeasuredRequests, kMeasuredTurnovers * max_batch));
  const auto per_s = [&](std::int64_t count) {
    return static_cast<double>(count) * 1e9 / static_cast<double>(end_ns - begin_ns);
  };
  return {per_s(tokens - tokens_before), per_s(given - given_before)};
}

/// Output tokens/s of one saturated replica of a site, one of so many in the fleet.
double saturated_tokens_per_s(const Scenario& scenario, const Site& site, std::int64_t replicas,
                              const std::atomic<bool>& stop) {
  Scenario alone = scenario;
  alone.fleet.sites = {constant(site, 1)};
  alone.events.clear();
  for (Tenant& tenant : alone.tenants) tenant.sites.clear();
  alone.jobs.clear();
  alone.fleet.load_report_interval_ns = 0;
  alone.run.seed = 0;  // the capacity is the same for every seed
  if (site.prefix_cache_tokens == 0 || !has_conversations(alone)) {
    MixedRequests requests(alone);
    return saturate(alone, stop, [&](RequestId id) { return requests.next(id); })
        .output_tokens_per_s;
  }
  const bool by_session = scenario.fleet.router == RouterPolicy::session_affinity;
  const double returning = by_session ? 1 : 1 / static_cast<double>(replicas);
  // The faster it serves the less long it keeps, and the other way round.
  constexpr int kRounds = 4;
  Saturated found;
  std::int64_t kept = kNever;
  for (int round = 0; round < kRounds && !stop; ++round) {
    ReturningUsers requests(alone, places_of(alone), returning, kept);
    found = saturate(alone, stop, [&](RequestId id) { return requests.next(id); });
    kept = kept_ns(site.prefix_cache_tokens, found.all_tokens_per_s);
  }
  return found.output_tokens_per_s;
}

}  // namespace

std::optional<std::vector<double>> compute_site_capacities(const Scenario& scenario,
                                                           const std::atomic<bool>& stop) {
  const std::vector<std::int64_t> at_start = replicas_at_start(scenario);
  const std::int64_t replicas =
      std::max(std::accumulate(at_start.begin(), at_start.end(), std::int64_t{0}), std::int64_t{1});
  std::vector<double> capacities;
  for (const Site& site : scenario.fleet.sites) {
    capacities.push_back(site.capacity_tokens_per_s
                             ? *site.capacity_tokens_per_s
                             : saturated_tokens_per_s(scenario, site, replicas, stop));
    if (stop) return std::nullopt;
  }
  return capacities;
}

std::optional<double> compute_capacity(const Scenario& scenario, const std::atomic<bool>& stop) {
  const std::optional<std::vector<double>> capacities = compute_site_capacities(scenario, stop);
  if (!capacities) return std::nullopt;
  return capacity_of(*capacities, replicas_at_start(scenario));
}

std::optional<Capacity> estimate_capacity(std::span<const std::vector<StepTimes>> blocks,
                                          std::span<const std::int64_t> replicas, const Mix& mix) {
  const double all = fleet_tokens_per_s(blocks, std::nullopt, replicas, mix);
  if (all == 0 || blocks.size() < 2) return std::nullopt;
  std::vector<double> without;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    without.push_back(fleet_tokens_per_s(blocks, i, replicas, mix));
    if (without.back() == 0) return std::nullopt;
  }
  const auto count = static_cast<double>(without.size());
  const double mean = std::accumulate(without.begin(), without.end(), 0.0) / count;
  double squares = 0;
  for (const double value : without) squares += (value - mean) * (value - mean);
  return Capacity{all, std::sqrt((count - 1) / count * squares) / all, std::nullopt};
}

std::optional<Capacity> measure_capacity(const Scenario& given,
                                         const std::vector<std::int64_t>& replicas,
                                         WeightStore& weights, const std::atomic<bool>& stop) {
  Scenario scenario = given;
  scenario.events.clear();
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    scenario.fleet.sites[i] = constant(scenario.fleet.sites[i], replicas[i]);
  }
  const RecordingGrid grid = blank_grid(scenario.tenants.size());
  RealClock clock;
  ThreadFleet fleet(scenario, grid, clock, weights);
  MixedRequests requests(scenario);
  const Mix mix = request_mix(scenario);
  clock.start();  // making weights and caches is no part of the warm-up
  RequestId id = 0;
  std::int64_t slots = 0;
  std::uint32_t replica = 0;
  for (const Site& site : scenario.fleet.sites) {
    for (std::int64_t i = 0; i < site.replicas; ++i, ++replica) {
      slots += site.max_batch;
      // Twice the batch, so that a place never stays empty.
      for (std::int64_t n = 0; n < 2 * site.max_batch; ++n) {
        fleet.submit(requests.next(id++), replica, 0);
      }
    }
  }

  std::int64_t completed = 0;
  const auto serve_until = [&](std::int64_t until_ns, std::int64_t until_completed) {
    std::int64_t now_ns = clock.now_ns();
    while (now_ns < until_ns && completed < until_completed && !stop) {
      now_ns = clock.wait(until_ns);
      for (const News& done : fleet.advance(now_ns)) {
        ++completed;
        fleet.submit(requests.next(id++), done.replica, now_ns);
      }
    }
    return now_ns;
  };
  std::int64_t now_ns = serve_until(kLongestWarmupNs, kTurnovers * slots);
  fleet.forget_step_costs();
  const std::optional<CpuUse> use_before = read_cpu_use();
  std::vector<std::vector<StepTimes>> blocks;
  std::vector<StepTimes> begin = times_by_site(scenario, fleet);
  std::optional<Capacity> capacity;
  while (blocks.size() < kMostBlocks) {
    now_ns = serve_until(now_ns + kBlockNs, kNever);
    if (stop) return std::nullopt;
    const std::vector<StepTimes> end = times_by_site(scenario, fleet);
    blocks.emplace_back();
    for (std::size_t site = 0; site < end.size(); ++site) {
      blocks.back().push_back(end[site] - begin[site]);
    }
    begin = end;
    if (blocks.size() < kLeastBlocks) continue;
    capacity = estimate_capacity(blocks, replicas, mix);
    if (capacity && capacity->standard_error <= kWantedCapacityError) break;
  }
  if (capacity) {
    capacity->interference = interference(use_before, read_cpu_use());
    capacity->costs = fleet.step_costs().front();
  }
  return capacity;
}

namespace {

// Steps of 4, 8, 16, ... requests in flight: enough for any batch, and for most gateways.
constexpr std::int64_t kFirstInFlight = 4;
constexpr int kSaturationSteps = 9;
constexpr std::int64_t kBlocksOfStep = 8;
constexpr double kLeastGain = 1.05;
// Who is refused and not told when to come back.
constexpr std::int64_t kRefusedWaitNs = 200'000'000;
constexpr std::int64_t kLookNs = 50'000'000;

/// Sites that may serve each tenant, in turn.
class SitesInTurn {
 public:
  explicit SitesInTurn(const Scenario& scenario) : scenario_(scenario) {}
  std::uint32_t next(std::uint32_t tenant) {
    const std::vector<std::string>& allowed = scenario_.tenants[tenant].sites;
    const std::vector<Site>& sites = scenario_.fleet.sites;
    for (;;) {
      const std::size_t site = turn_++ % sites.size();
      if (allowed.empty() || std::ranges::count(allowed, sites[site].name) > 0) {
        return static_cast<std::uint32_t>(site);
      }
    }
  }

 private:
  const Scenario& scenario_;
  std::size_t turn_ = 0;
};

/// Keeps requests of the mix in flight.
class Saturation {
 public:
  Saturation(const Scenario& scenario, const RecordingGrid& grid, const std::atomic<bool>& stop)
      : fleet_(scenario, grid, clock_), requests_(scenario), sites_(scenario), stop_(stop) {
    clock_.start();
  }

  /// From now on so many, for so long; or until so many output tokens came in all.
  void serve(std::int64_t in_flight, std::int64_t for_ns, std::int64_t most_tokens) {
    const std::int64_t until_ns = clock_.now_ns() + for_ns;
    std::int64_t now_ns = clock_.now_ns();
    while (now_ns < until_ns && spent_tokens() < most_tokens && !stop_) {
      while (in_flight_ + waiting() < in_flight) submit(now_ns);
      while (!refused_until_.empty() && *refused_until_.begin() <= now_ns) {
        refused_until_.erase(refused_until_.begin());
        submit(now_ns);
      }
      now_ns = clock_.wait(std::min({until_ns, now_ns + kLookNs, fleet_.next_event_ns()}));
      for (const News& news : fleet_.advance(now_ns)) hear(news, now_ns);
    }
  }

  std::int64_t tokens() const { return tokens_; }  ///< of whole answers
  /// All that came, also of answers that broke or are under way.
  std::int64_t spent_tokens() const { return tokens_ + broken_tokens_ + fleet_.open_tokens(); }
  std::int64_t now_ns() const { return clock_.now_ns(); }

 private:
  std::int64_t waiting() const { return std::ssize(refused_until_); }
  void submit(std::int64_t now_ns) {
    const Work work = requests_.next(next_++);
    fleet_.submit(work, sites_.next(work.tenant), now_ns);
    ++in_flight_;
  }
  void hear(const News& news, std::int64_t now_ns) {
    if (news.kind == NewsKind::started) return;
    --in_flight_;
    const Reply& reply = fleet_.reply(news.id);
    if (news.kind == NewsKind::completed) {
      tokens_ += reply.output_tokens;
    } else {
      broken_tokens_ += news.count;
      refused_until_.insert(reply.retry_at_ns.value_or(now_ns + kRefusedWaitNs));
    }
  }

  WireClock clock_;
  HttpFleet fleet_;
  MixedRequests requests_;
  SitesInTurn sites_;
  const std::atomic<bool>& stop_;
  std::multiset<std::int64_t> refused_until_;
  std::int64_t in_flight_ = 0;
  std::int64_t tokens_ = 0;
  std::int64_t broken_tokens_ = 0;
  RequestId next_ = 0;
};

/// Output tokens/s of the blocks of a step, and how sure their mean is.
Capacity mean_of(const std::vector<double>& rates) {
  const auto count = static_cast<double>(rates.size());
  const double mean = std::accumulate(rates.begin(), rates.end(), 0.0) / count;
  double squares = 0;
  for (const double rate : rates) squares += (rate - mean) * (rate - mean);
  Capacity capacity;
  capacity.tokens_per_s = mean;
  if (mean > 0 && count > 1) {
    capacity.standard_error = std::sqrt(squares / (count - 1) / count) / mean;
  }
  capacity.fall = fall_between_halves(rates);
  return capacity;
}

}  // namespace

double fall_between_halves(const std::vector<double>& rates) {
  const std::ptrdiff_t half = std::ssize(rates) / 2;
  const double first = std::accumulate(rates.begin(), rates.begin() + half, 0.0);
  const double second = std::accumulate(rates.end() - half, rates.end(), 0.0);
  return first > second ? 1 - second / first : 0;
}

std::optional<Capacity> saturate_endpoints(const Scenario& given, const SaturationBudget& budget,
                                           const std::atomic<bool>& stop) {
  Scenario scenario = given;
  scenario.events.clear();
  scenario.run.warmup_ns = 0;
  const RecordingGrid grid = blank_grid(scenario.tenants.size());
  Saturation saturation(scenario, grid, stop);
  const std::int64_t step_ns = budget.time_ns / kSaturationSteps;
  const std::int64_t most_tokens = budget.output_tokens.value_or(kNever);
  std::int64_t in_flight = kFirstInFlight;
  Capacity best;
  for (int step = 0; step < kSaturationSteps && saturation.spent_tokens() < most_tokens; ++step) {
    saturation.serve(in_flight, step_ns / 4, most_tokens);
    std::vector<double> rates;
    for (int block = 0; block < kBlocksOfStep && saturation.spent_tokens() < most_tokens; ++block) {
      const std::int64_t before_tokens = saturation.tokens();
      const std::int64_t before_ns = saturation.now_ns();
      saturation.serve(in_flight, step_ns * 3 / 4 / kBlocksOfStep, most_tokens);
      if (stop) return std::nullopt;
      rates.push_back(static_cast<double>(saturation.tokens() - before_tokens) * 1e9 /
                      static_cast<double>(saturation.now_ns() - before_ns));
    }
    if (rates.empty()) break;
    const Capacity found = mean_of(rates);
    const bool goes_on = found.tokens_per_s > best.tokens_per_s * kLeastGain;
    if (found.tokens_per_s > best.tokens_per_s) {
      best = found;
    } else if (best.tokens_per_s > 0) {  // with more in flight
      best.fall = std::max(best.fall, 1 - found.tokens_per_s / best.tokens_per_s);
    }
    if (!goes_on && best.tokens_per_s > 0) break;
    in_flight *= 2;
  }
  if (best.tokens_per_s <= 0) return std::nullopt;
  return best;
}

}  // namespace tokenlift
