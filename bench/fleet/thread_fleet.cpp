#include "bench/fleet/thread_fleet.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <mutex>
#include <thread>
#include <utility>

#include "bench/fleet/computed_replica.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/mailbox.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift {

namespace {

constexpr std::uint64_t kWeightSeed = 1;  // every fleet computes the same model
constexpr int kWorkerNice = 10;           // on top of the loop's own

/// Lowers the priority of the calling worker, once. Asked by the work itself rather than by a
/// task_scheduler_observer: oneTBB keeps an observer's proxy for as long as a worker is on its way
/// out of the arena, and a process that ends before it has left leaks it.
void be_nice(int nice) {
  thread_local bool done = false;
  if (std::exchange(done, true)) return;
  // Where that is forbidden the run goes on; the generator lag tells whether it mattered.
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
}

/// One replica with everything that its worker needs. Only the inbox, `active` and, under
/// the mutex, `times` and `costs` are touched by other threads.
struct Station {
  Station(const Site& site, std::uint32_t site_number, std::uint32_t replica_number,
          const RecordingGrid& recording_grid, const std::shared_ptr<const DecoderWeights>& weights)
      : number(replica_number),
        site_index(site_number),
        max_batch(site.max_batch),
        kv_tokens(site.kv_tokens),
        grid(&recording_grid),
        costs(recording_grid.phases.size()),
        replica(site, weights),
        record(recording_grid) {}

  std::uint32_t number;
  std::uint32_t site_index;
  std::int64_t max_batch;
  std::int64_t kv_tokens;
  Mailbox<Work> inbox;
  std::atomic<bool> active{false};
  const RecordingGrid* grid;
  mutable std::mutex times_mutex;
  StepTimes times;
  std::vector<StepCosts> costs;     // by phase
  std::int64_t busy_since_ns = -1;  // the end of the last step; negative: it was idle after that

  ComputedReplica replica;
  TokenRecord record;
  LateGaps late_gaps;
  std::vector<Work> arrivals;
};

/// When a step began, when it had decoded (where it computes prompts, too) and when it ended; and
/// how many eighths of the workers were busy then.
struct StepSpan {
  std::int64_t begin_ns = 0;
  std::int64_t decoded_ns = 0;
  std::int64_t end_ns = 0;
  std::int32_t busy_eighths = 0;
};

/// What a step took goes to its parts. In `times` prompts that are computed once more after a
/// preemption count as decoding: they are what it takes to get the tokens out. In `costs` there is
/// nothing of the time between steps, in which other replicas may have had their turn.
void add_step(Station& station, const StepSpan& span, const StepPlan& plan) {
  const Replica& replica = station.replica.replica();
  std::int64_t fresh_tokens = 0;
  std::int64_t all_tokens = 0;
  auto decode_tokens = static_cast<std::int64_t>(plan.decode.size());
  std::int64_t prompt_context = 0;
  for (const PrefillChunk& chunk : plan.prefill) {
    const Sequence& sequence = replica.sequence(chunk.slot);
    const std::int64_t tokens = chunk.end - chunk.begin;
    all_tokens += tokens;
    prompt_context += chunk.begin;
    if (sequence.emitted_tokens == 0) {
      fresh_tokens += tokens;
    } else if (chunk.end == sequence.prefill_tokens) {
      ++decode_tokens;  // it emits its next token with that
    }
  }
  std::int64_t decode_context = 0;
  for (const std::uint32_t slot : plan.decode) decode_context += replica.sequence(slot).kv_tokens;
  const std::int64_t since_ns = station.busy_since_ns < 0 ? span.begin_ns : station.busy_since_ns;
  const std::int64_t prefill_ns = all_tokens == 0 ? 0 : span.end_ns - span.decoded_ns;
  const std::int64_t prompt_ns = all_tokens == 0 ? 0 : prefill_ns * fresh_tokens / all_tokens;
  station.busy_since_ns = span.end_ns;
  const std::scoped_lock lock(station.times_mutex);
  station.times += {span.end_ns - since_ns - prompt_ns, decode_tokens, prompt_ns, fresh_tokens};
  StepCosts& costs = station.costs[station.grid->phase_at(span.end_ns)];
  if (!plan.decode.empty()) {
    costs.add(
        decode_kind(station.site_index, std::ssize(plan.decode), decode_context, span.busy_eighths),
        span.end_ns - span.begin_ns - prefill_ns);
  }
  if (!plan.prefill.empty()) {
    costs.add(prompt_kind(station.site_index, std::ssize(plan.prefill), all_tokens, prompt_context,
                          span.busy_eighths),
              prefill_ns);
  }
}

}  // namespace

WeightStore::WeightStore() = default;
WeightStore::~WeightStore() = default;

std::shared_ptr<const DecoderWeights> WeightStore::get(const std::string& profile) {
  for (const auto& [name, weights] : weights_) {
    if (name == profile) return weights;
  }
  const Profile* found = find_profile(profile);
  assert(found != nullptr && "the scenario reader knows the profiles");
  weights_.emplace_back(profile, make_weights(*found->decoder, kWeightSeed, fastest_precision()));
  return weights_.back().second;
}

struct ThreadFleet::State {
  State(RealClock& fleet_clock, std::size_t replicas)
      : clock(fleet_clock),
        workers(std::min<std::size_t>(replicas, core_count())),
        // The loop's thread is not the arena's; oneTBB counts it in.
        parallelism(tbb::global_control::max_allowed_parallelism, workers + 1),
        arena(static_cast<int>(workers), /*reserved_for_masters=*/0),
        nice(std::min(getpriority(PRIO_PROCESS, 0) + kWorkerNice, 19)) {}

  void enqueue(Station& station);
  void run(Station& station);
  bool step(Station& station);
  void announce(Station& station, const StepPlan& plan);
  bool activate(Station& station);
  std::int32_t busy_eighths() const;
  void halt();

  RealClock& clock;
  std::size_t workers;
  tbb::global_control parallelism;
  tbb::task_arena arena;
  int nice;  // of the workers
  std::vector<std::unique_ptr<Station>> stations;
  std::atomic<std::size_t> active_stations{0};
  Mailbox<News> outbox;
  std::vector<News> taken;
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> end_ns{kNever};  // of the run; set before `stopping`
  tbb::task_group running;                   // replicas that a worker has or will have
};

ThreadFleet::ThreadFleet(const Scenario& scenario, const RecordingGrid& grid, RealClock& clock,
                         WeightStore& weights) {
  state_ = std::make_unique<State>(clock, static_cast<std::size_t>(replica_count(scenario)));
  std::uint32_t site_number = 0;
  for (const Site& site : scenario.fleet.sites) {
    for (std::int64_t i = 0; i < site.replicas; ++i) {
      const auto number = static_cast<std::uint32_t>(state_->stations.size());
      state_->stations.push_back(
          std::make_unique<Station>(site, site_number, number, grid, weights.get(site.profile)));
    }
    ++site_number;
  }
}

ThreadFleet::~ThreadFleet() {
  state_->halt();
}

std::vector<StepTimes> ThreadFleet::step_times() const {
  std::vector<StepTimes> times;
  for (const auto& station : state_->stations) {
    const std::scoped_lock lock(station->times_mutex);
    times.push_back(station->times);
  }
  return times;
}

std::vector<StepCosts> ThreadFleet::step_costs() const {
  std::vector<StepCosts> costs(state_->stations.front()->costs.size());
  for (const auto& station : state_->stations) {
    const std::scoped_lock lock(station->times_mutex);
    for (std::size_t phase = 0; phase < costs.size(); ++phase) {
      costs[phase] += station->costs[phase];
    }
  }
  return costs;
}

void ThreadFleet::forget_step_costs() {
  for (const auto& station : state_->stations) {
    const std::scoped_lock lock(station->times_mutex);
    station->costs.assign(station->costs.size(), {});
  }
}

void ThreadFleet::watch(std::uint32_t replica, ReplicaObserver& observer) {
  state_->stations[replica]->replica.watch(observer);
}

void ThreadFleet::submit(const Work& work, std::uint32_t replica, std::int64_t) {
  Station& station = *state_->stations[replica];
  station.inbox.post(work);
  if (!state_->activate(station)) return;  // its worker looks into the inbox before it leaves
  state_->enqueue(station);
}

void ThreadFleet::State::enqueue(Station& station) {
  arena.enqueue(running.defer([this, &station] { run(station); }));
}

/// False if it was active.
bool ThreadFleet::State::activate(Station& station) {
  if (station.active.exchange(true)) return false;
  ++active_stations;
  return true;
}

/// Of the workers, rounded up.
std::int32_t ThreadFleet::State::busy_eighths() const {
  const std::size_t busy = std::min(active_stations.load(std::memory_order_relaxed), workers);
  return static_cast<std::int32_t>((8 * busy + workers - 1) / workers);
}

void ThreadFleet::State::halt() {
  stopping = true;
  running.wait();
}

/// Records the requests whose first step begins, and announces them where they ask for it.
void ThreadFleet::State::announce(Station& station, const StepPlan& plan) {
  bool any = false;
  for (const std::uint32_t slot : plan.started) {
    const Sequence& sequence = station.replica.replica().sequence(slot);
    station.record.scheduled(sequence.work.cell, sequence.scheduled_ns, sequence.work.prompt_tokens,
                             sequence.cached_tokens);
    if (!sequence.work.announce) continue;
    any = true;
    outbox.post({sequence.work.id, station.number, sequence.scheduled_ns, 0,
                 sequence.scheduled_ns, static_cast<std::int32_t>(sequence.cached_tokens),
                 NewsKind::started});
  }
  if (any) clock.ring();
}

/// One step of a replica; false if there is nothing to do.
bool ThreadFleet::State::step(Station& station) {
  station.arrivals.clear();
  station.inbox.take(station.arrivals);
  for (const Work& work : station.arrivals) station.replica.submit(work);

  const std::int64_t begin_ns = clock.now_ns();
  const StepPlan& plan = station.replica.plan_step(begin_ns);
  if (plan.empty()) {
    station.busy_since_ns = -1;
    return false;
  }
  announce(station, plan);
  const auto sequences = static_cast<std::int64_t>(plan.decode.size() + plan.prefill.size());
  const std::int64_t resident_tokens = station.replica.replica().resident_tokens();
  const std::int32_t busy = busy_eighths();
  station.replica.compute_decode();
  const std::int64_t decoded_ns = plan.prefill.empty() ? 0 : clock.now_ns();
  station.replica.compute_prompts();

  const std::int64_t step_end_ns = clock.now_ns();
  add_step(station, {begin_ns, decoded_ns, step_end_ns, busy}, plan);
  const StepOutcome& outcome = station.replica.finish_step(step_end_ns);
  const std::int64_t until_ns = std::min(step_end_ns, end_ns.load());
  station.record.steps({begin_ns, 0, 1, (step_end_ns - begin_ns) * kPsPerNs, 0},
                       {sequences, station.max_batch, resident_tokens}, until_ns);
  if (step_end_ns > end_ns) return false;
  for (const Emission& emission : outcome.emissions) {
    const std::int64_t gap_ps = emission.gap_ns * kPsPerNs;
    station.record.token(emission.work.cell, step_end_ns, gap_ps);
    const GapLimits* const limits = station.record.gap_limits();
    if (limits != nullptr && limits->late(emission.work.cell, gap_ps)) {
      station.late_gaps.count(emission.work.id);
    }
  }
  for (News completion : outcome.completions) {
    completion.replica = station.number;
    completion.count = station.late_gaps.take(completion.id);
    outbox.post(completion);
  }
  if (!outcome.completions.empty()) clock.ring();
  return true;
}

void ThreadFleet::State::run(Station& station) {
  be_nice(nice);
  const bool crowded = stations.size() > workers;
  for (;;) {
    while (!stopping && step(station)) {
      if (!crowded) continue;
      enqueue(station);
      return;
    }
    --active_stations;
    station.active = false;
    // Work that came between the last look and the flag would otherwise wait for the next request.
    if (stopping || station.inbox.empty() || !activate(station)) return;
  }
}

std::span<const News> ThreadFleet::advance(std::int64_t) {
  state_->taken.clear();
  if (state_->outbox.take(state_->taken)) {
    std::stable_sort(state_->taken.begin(), state_->taken.end(), earlier);
  }
  return state_->taken;
}

void ThreadFleet::stop(std::int64_t end_ns, TokenRecord& record) {
  state_->end_ns = end_ns;
  state_->halt();
  for (const auto& station : state_->stations) {
    station->record.served({0, end_ns, 1, station->kv_tokens});
    record.merge(station->record);
  }
}

}  // namespace tokenlift
