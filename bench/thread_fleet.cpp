#include "bench/thread_fleet.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <thread>
#include <unordered_map>

#include "bench/host.hpp"
#include "bench/mailbox.hpp"
#include "workloads/catalogue.hpp"
#include "workloads/draw.hpp"
#include "workloads/plan.hpp"

namespace tokenlift {

namespace {

constexpr std::uint64_t kWeightSeed = 1;  // every fleet computes the same model
constexpr int kWorkerNice = 10;           // on top of the loop's own

/// Lowers the priority of the arena's workers, each as it arrives.
class NiceWorkers final : public tbb::task_scheduler_observer {
 public:
  explicit NiceWorkers(tbb::task_arena& arena)
      : tbb::task_scheduler_observer(arena),
        nice_(std::min(getpriority(PRIO_PROCESS, 0) + kWorkerNice, 19)) {
    observe(true);
  }
  ~NiceWorkers() override { observe(false); }
  void on_scheduler_entry(bool is_worker) override {
    // Where that is forbidden the run goes on; the generator lag tells whether it mattered.
    if (is_worker) {
      setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice_);
    }
  }

 private:
  int nice_;
};

/// The tokens of the sequences of one replica: prompts, and what was generated after them.
class TokenHistory {
 public:
  TokenHistory(std::size_t slots, std::int64_t vocabulary)
      : vocabulary_(vocabulary), by_slot_(slots) {}

  void admit(std::uint32_t slot, const Sequence& sequence) {
    const auto kept = preempted_.find(sequence.work.id);
    if (kept != preempted_.end()) {
      by_slot_[slot] = std::move(kept->second);
      preempted_.erase(kept);
      return;
    }
    const Draws draws(0, Purpose::prompt_content, sequence.work.tenant);
    by_slot_[slot].clear();
    for (std::int64_t i = 0; i < sequence.work.prompt_tokens; ++i) {
      const std::uint64_t bits = draws.bits(sequence.work.number, static_cast<std::uint64_t>(i));
      by_slot_[slot].push_back(
          static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(vocabulary_)));
    }
  }
  void preempt(std::uint32_t slot, RequestId id) { preempted_[id] = std::move(by_slot_[slot]); }
  void append(std::uint32_t slot, std::int32_t token) { by_slot_[slot].push_back(token); }
  std::int32_t last(std::uint32_t slot) const { return by_slot_[slot].back(); }
  std::span<const std::int32_t> part(std::uint32_t slot, std::int64_t begin,
                                     std::int64_t end) const {
    return std::span(by_slot_[slot])
        .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }

 private:
  std::int64_t vocabulary_;
  std::vector<std::vector<std::int32_t>> by_slot_;
  std::unordered_map<RequestId, std::vector<std::int32_t>> preempted_;
};

/// One replica with everything that its worker needs. Only the inbox, `active` and `emitted` are
/// touched by other threads.
struct Station {
  Station(const Site& site, std::uint32_t replica_number, const RecordingGrid& grid,
          const std::shared_ptr<const DecoderWeights>& weights)
      : number(replica_number),
        replica({site.max_batch, site.max_step_tokens, site.kv_tokens}),
        decoder(weights, site.max_batch, std::max(site.max_batch, site.max_step_tokens)),
        history(static_cast<std::size_t>(site.max_batch), decoder.shape().vocabulary),
        record(grid) {}

  std::uint32_t number;
  Mailbox<Work> inbox;
  std::atomic<bool> active{false};
  std::atomic<std::int64_t> emitted{0};

  Replica replica;
  Decoder decoder;
  TokenHistory history;
  TokenRecord record;
  std::vector<Work> arrivals;
  std::vector<std::int64_t> slots;
  std::vector<std::int32_t> tokens, next;

  void compute(const StepPlan& plan);
};

void Station::compute(const StepPlan& plan) {
  if (!plan.decode.empty()) {
    slots.assign(plan.decode.begin(), plan.decode.end());
    tokens.clear();
    for (const std::uint32_t slot : plan.decode) tokens.push_back(history.last(slot));
    next.resize(tokens.size());
    decoder.decode(slots, tokens, next);
    for (std::size_t i = 0; i < plan.decode.size(); ++i) history.append(plan.decode[i], next[i]);
  }
  for (const PrefillChunk& chunk : plan.prefill) {
    const std::int32_t token =
        decoder.prefill(chunk.slot, history.part(chunk.slot, chunk.begin, chunk.end));
    if (chunk.end == replica.sequence(chunk.slot).prefill_tokens) history.append(chunk.slot, token);
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
        nice(arena) {}

  void enqueue(Station& station);
  void run(Station& station);
  bool step(Station& station);
  void halt();

  RealClock& clock;
  std::size_t workers;
  tbb::global_control parallelism;
  tbb::task_arena arena;
  NiceWorkers nice;
  std::vector<std::unique_ptr<Station>> stations;
  Mailbox<Completion> outbox;
  std::vector<Completion> taken;
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> end_ns{kNever};  // of the run; set before `stopping`
  tbb::task_group running;                   // replicas that a worker has or will have
};

ThreadFleet::ThreadFleet(const Scenario& scenario, const RecordingGrid& grid, RealClock& clock,
                         WeightStore& weights) {
  state_ = std::make_unique<State>(clock, static_cast<std::size_t>(replica_count(scenario)));
  for (const Site& site : scenario.fleet.sites) {
    for (std::int64_t i = 0; i < site.replicas; ++i) {
      const auto number = static_cast<std::uint32_t>(state_->stations.size());
      state_->stations.push_back(
          std::make_unique<Station>(site, number, grid, weights.get(site.profile)));
    }
  }
}

ThreadFleet::~ThreadFleet() {
  state_->halt();
}

std::int64_t ThreadFleet::tokens_emitted() const {
  std::int64_t sum = 0;
  for (const auto& station : state_->stations) {
    sum += station->emitted.load(std::memory_order_relaxed);
  }
  return sum;
}

void ThreadFleet::watch(std::uint32_t replica, ReplicaObserver& observer) {
  state_->stations[replica]->replica.watch(observer);
}

void ThreadFleet::submit(const Work& work, std::uint32_t replica, std::int64_t) {
  Station& station = *state_->stations[replica];
  station.inbox.post(work);
  if (station.active.exchange(true)) return;  // its worker looks into the inbox before it leaves
  state_->enqueue(station);
}

void ThreadFleet::State::enqueue(Station& station) {
  arena.enqueue(running.defer([this, &station] { run(station); }));
}

void ThreadFleet::State::halt() {
  stopping = true;
  running.wait();
}

/// One step of a replica; false if there is nothing to do.
bool ThreadFleet::State::step(Station& station) {
  station.arrivals.clear();
  station.inbox.take(station.arrivals);
  for (const Work& work : station.arrivals) station.replica.submit(work);

  const std::int64_t begin_ns = clock.now_ns();
  const StepPlan& plan = station.replica.plan_step(begin_ns);
  for (const std::uint32_t slot : plan.preempted) {
    station.history.preempt(slot, station.replica.sequence(slot).work.id);
  }
  for (const std::uint32_t slot : plan.admitted) {
    station.decoder.reset(slot);
    station.history.admit(slot, station.replica.sequence(slot));
  }
  if (plan.empty()) return false;
  const auto sequences = static_cast<std::int64_t>(plan.decode.size() + plan.prefill.size());
  station.compute(plan);

  const std::int64_t step_end_ns = clock.now_ns();
  const StepOutcome& outcome = station.replica.finish_step(step_end_ns);
  station.record.step(begin_ns, std::min(step_end_ns, end_ns.load()), sequences);
  if (step_end_ns > end_ns) return false;
  for (const Emission& emission : outcome.emissions) {
    station.record.token(emission.work.cell, step_end_ns, emission.gap_ns * 1000);
  }
  station.emitted.fetch_add(static_cast<std::int64_t>(outcome.emissions.size()),
                            std::memory_order_relaxed);
  for (Completion completion : outcome.completions) {
    completion.replica = station.number;
    outbox.post(completion);
  }
  if (!outcome.completions.empty()) clock.ring();
  return true;
}

void ThreadFleet::State::run(Station& station) {
  const bool crowded = stations.size() > workers;
  for (;;) {
    while (!stopping && step(station)) {
      if (!crowded) continue;
      enqueue(station);
      return;
    }
    station.active = false;
    // Work that came between the last look and the flag would otherwise wait for the next request.
    if (stopping || station.inbox.empty() || station.active.exchange(true)) return;
  }
}

std::span<const Completion> ThreadFleet::advance(std::int64_t) {
  state_->taken.clear();
  if (state_->outbox.take(state_->taken)) {
    std::stable_sort(state_->taken.begin(), state_->taken.end(), earlier);
  }
  return state_->taken;
}

void ThreadFleet::stop(std::int64_t end_ns, TokenRecord& record) {
  state_->end_ns = end_ns;
  state_->halt();
  for (const auto& station : state_->stations) record.merge(station->record);
}

}  // namespace tokenlift
