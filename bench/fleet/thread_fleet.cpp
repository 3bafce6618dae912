#include "bench/fleet/thread_fleet.hpp"

#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>

#include "bench/fleet/mail.hpp"
#include "bench/fleet/station.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/mailbox.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/workers.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/reader/catalogue.hpp"

namespace tokenlift {

namespace {

constexpr std::uint64_t kWeightSeed = 1;  // every fleet computes the same model
constexpr int kWorkerNice = 10;           // on top of the loop's own

/// Lowers the priority of the calling worker, once. On a single core it may even take up to a slice
/// of the scheduler until the loop runs again (3 ms were measured), so there workers only run while
/// nobody else wants to (SCHED_IDLE, which is left at once). Asked by the work itself rather than
/// by a task_scheduler_observer: oneTBB keeps an observer's proxy for as long as a worker is on its
/// way out of the arena, and a process that ends before it has left leaks it.
void be_nice(int nice) {
  thread_local bool done = false;
  if (std::exchange(done, true)) return;
  // Where that is forbidden the run goes on; the generator lag tells whether it mattered.
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
  if (core_count() > 1) return;
  const sched_param none{};
  sched_setscheduler(0, SCHED_IDLE, &none);
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
  State(BellClock& fleet_clock, const RecordingGrid& its_grid, std::size_t replicas)
      : clock(fleet_clock),
        grid(its_grid),
        workers(std::min<std::size_t>(replicas, core_count())),
        // The loop's thread is not the arena's; oneTBB counts it in.
        parallelism(tbb::global_control::max_allowed_parallelism, workers + 1),
        arena(static_cast<int>(workers), /*reserved_for_masters=*/0),
        nice(std::min(getpriority(PRIO_PROCESS, 0) + kWorkerNice, 19)) {}

  void meet_workers();
  void enqueue(Station& station);
  void run(Station& station);
  bool step(Station& station);
  void take_in(Station& station);
  void take_in(Station& station, const SubmittedWork& submitted);
  void take_in(Station& station, const CancelledWork& cancelled);
  void take_in(Station& station, const MovedBorders& moved);
  void take_in(Station& station, const ReplicaChange& change);
  void withdraw(Station& station, const ReplicaChange& change);
  void announce(Station& station, const StepPlan& plan);
  void report(Station& station, const StepOutcome& outcome, std::int64_t step_end_ns);
  std::int64_t slow_down(const Station& station, const StepSpan& span) const;
  void post(std::uint32_t replica, const Message& message);
  void lose_outgoing(const ReplicaChange& change, std::int64_t now_ns);
  bool activate(Station& station);
  std::int32_t busy_eighths() const;
  void halt();

  BellClock& clock;
  const RecordingGrid& grid;
  std::size_t workers;
  tbb::global_control parallelism;
  tbb::task_arena arena;
  int nice;  // of the workers
  std::vector<std::unique_ptr<Station>> stations;
  std::atomic<std::size_t> active_stations{0};
  Mailbox<News> outbox;
  Mailbox<Returned> returns;
  // The loop's own.
  std::vector<News> taken;
  std::multimap<std::int64_t, std::pair<std::uint32_t, Message>> outgoing;  // by arrival
  Mail mail;
  bool distant = false;
  std::vector<News> lost;  // on their way, since the last advance()
  std::vector<Returned> taken_returns;
  std::unordered_map<RequestId, Returned> returned;  // until they are submitted once more
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> end_ns{kNever};  // of the run; set before `stopping`
  tbb::task_group running;                   // replicas that a worker has or will have
};

ThreadFleet::ThreadFleet(const Scenario& scenario, const RecordingGrid& grid, BellClock& clock,
                         WeightStore& weights)
    : state_(std::make_unique<State>(clock, grid,
                                     static_cast<std::size_t>(replica_places(scenario)))) {
  const std::vector<bool> serving = serving_at_start(scenario);
  std::uint32_t site_number = 0;
  for (const Site& site : scenario.fleet.sites) {
    state_->distant = state_->distant || site.rtt_ns > 0;
    for (std::int64_t i = 0; i < replica_places(site); ++i) {
      const auto number = static_cast<std::uint32_t>(state_->stations.size());
      state_->stations.push_back(
          std::make_unique<Station>(site, site_number, number, grid, weights.get(site.profile)));
      if (serving[number]) state_->stations.back()->open(0);
    }
    ++site_number;
  }
  state_->meet_workers();
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
  Station& station = *state_->stations[replica];
  station.observer = &observer;
  if (station.replica) station.replica->watch(observer);
}

// ------------------------------------------------------------------------------ the loop's thread

void ThreadFleet::submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) {
  SubmittedWork submitted{work, std::nullopt, {}};
  if (!state_->returned.empty()) {
    auto returned = state_->returned.extract(work.id);
    if (work.progress != nullptr) {
      submitted.progress = *work.progress;
      submitted.work.progress = nullptr;
      submitted.tokens = std::move(returned.mapped().tokens);
    }
  }
  const std::int64_t out_ns = state_->stations[replica]->out_ns;
  if (out_ns == 0) {
    state_->post(replica, submitted);
  } else {
    state_->outgoing.emplace(now_ns + out_ns, std::pair(replica, std::move(submitted)));
  }
}

void ThreadFleet::cancel(RequestId id, std::uint32_t replica, std::int64_t now_ns) {
  const std::int64_t out_ns = state_->stations[replica]->out_ns;
  if (out_ns == 0) {
    state_->post(replica, CancelledWork{id});
  } else {
    state_->outgoing.emplace(now_ns + out_ns, std::pair(replica, CancelledWork{id}));
  }
}

void ThreadFleet::borders_moved() {
  for (const auto& station : state_->stations) {
    state_->post(station->number, MovedBorders{state_->grid.phases});
  }
}

void ThreadFleet::apply(const ReplicaChange& change, std::int64_t now_ns) {
  Station& station = *state_->stations[change.replica];
  ReplicaChange now = change;
  now.at_ns = now_ns;
  if (withdraws(change)) {
    state_->lose_outgoing(change, now_ns);
    station.cut_ns = now_ns;
    state_->post(change.replica, now);
  } else if (station.out_ns == 0) {
    state_->post(change.replica, now);
  } else {
    // Behind the requests that were sent before.
    state_->outgoing.emplace(now_ns + station.out_ns, std::pair(change.replica, Message(now)));
  }
}

void ThreadFleet::State::post(std::uint32_t replica, const Message& message) {
  Station& station = *stations[replica];
  station.inbox.post(message);
  if (!activate(station)) return;  // its worker looks into the inbox before it leaves
  enqueue(station);
}

/// What is on its way to a replica that is gone does not arrive.
void ThreadFleet::State::lose_outgoing(const ReplicaChange& change, std::int64_t now_ns) {
  for (auto next = outgoing.begin(); next != outgoing.end();) {
    auto& [replica, message] = next->second;
    if (replica != change.replica) {
      ++next;
      continue;
    }
    if (auto* submitted = std::get_if<SubmittedWork>(&message)) {
      const RequestId id = submitted->work.id;
      const Progress progress = submitted->progress.value_or(Progress{});
      lost.push_back(lost_request(change, now_ns, id, progress, 0));
      if (lost.back().kind == NewsKind::returned) {
        returned[id] = {id, progress, std::move(submitted->tokens)};
      }
    }
    next = outgoing.erase(next);
  }
}

std::span<const News> ThreadFleet::advance(std::int64_t until_ns) {
  State& state = *state_;
  while (!state.outgoing.empty() && state.outgoing.begin()->first <= until_ns) {
    auto arrived = state.outgoing.extract(state.outgoing.begin());
    state.post(arrived.mapped().first, arrived.mapped().second);
  }
  state.taken.clear();
  state.taken.swap(state.lost);
  state.outbox.take(state.taken);
  // After the news, so that of each that was returned its progress is there.
  state.taken_returns.clear();
  if (state.returns.take(state.taken_returns)) {
    for (Returned& returned : state.taken_returns) {
      state.returned[returned.id] = std::move(returned);
    }
  }
  if (state.distant) {
    state.mail.deliver(until_ns, state.taken);
  } else {
    sort_news(state.taken);
  }
  return state.taken;
}

const Progress& ThreadFleet::progress(RequestId id) const {
  return state_->returned.at(id).progress;
}

std::int64_t ThreadFleet::queued_tokens(std::int64_t) {
  std::int64_t sum = 0;
  for (const auto& station : state_->stations) sum += station->queued_tokens.load();
  for (const auto& [at_ns, message] : state_->outgoing) {
    if (const auto* submitted = std::get_if<SubmittedWork>(&message.second)) {
      sum += submitted->work.output_tokens -
             (submitted->progress ? submitted->progress->emitted_tokens : 0);
    }
  }
  return sum;
}

CacheUse ThreadFleet::cache_use() const {
  CacheUse use;
  for (const auto& station : state_->stations) {
    use.resident_tokens += station->resident_tokens.load();
    const std::scoped_lock lock(station->record_mutex);
    if (station->since_ns != kNever) use.room_tokens += station->site.kv_tokens;
    const TokenRecord::Prompts prompts = station->record.prompts();
    use.prompts.tokens += prompts.tokens;
    use.prompts.cached_tokens += prompts.cached_tokens;
  }
  return use;
}

void ThreadFleet::add_so_far(std::int64_t now_ns, TokenRecord& record) const {
  for (const auto& station : state_->stations) {
    const std::scoped_lock lock(station->record_mutex);
    record.merge(station->record);
    if (station->since_ns == kNever) continue;
    record.served({station->since_ns, now_ns, 1, station->site.kv_tokens});
  }
}

std::int64_t ThreadFleet::next_event_ns() const {
  if (!state_->lost.empty()) return state_->lost.front().at_ns;
  const std::int64_t news_ns = state_->mail.next_ns();
  return state_->outgoing.empty() ? news_ns : std::min(news_ns, state_->outgoing.begin()->first);
}

void ThreadFleet::stop(std::int64_t end_ns, TokenRecord& record) {
  state_->end_ns = end_ns;
  state_->halt();
  for (const auto& station : state_->stations) {
    state_->take_in(*station, MovedBorders{state_->grid.phases});
  }
  add_so_far(end_ns, record);
}

// ---------------------------------------------------------------------------------- the workers

/// Waits until all workers are there: oneTBB makes them when there is work for them, and says
/// nothing where it cannot.
void ThreadFleet::State::meet_workers() {
  constexpr auto kPatience = std::chrono::seconds(10);
  struct Meeting {
    std::mutex mutex;
    std::condition_variable complete;
    std::size_t present = 0;
  };
  const auto meeting = std::make_shared<Meeting>();  // a task that nobody takes outlives the fleet
  const auto wait_in = [all = workers, kPatience](Meeting& at, std::unique_lock<std::mutex>& lock) {
    return at.complete.wait_for(lock, kPatience, [&] { return at.present >= all; });
  };
  for (std::size_t i = 0; i < workers; ++i) {
    arena.enqueue([meeting, wait_in] {
      std::unique_lock lock(meeting->mutex);
      ++meeting->present;
      meeting->complete.notify_all();
      wait_in(*meeting, lock);
    });
  }
  std::unique_lock lock(meeting->mutex);
  if (wait_in(*meeting, lock)) return;
  throw MachineError(fmt::format("{} of {} worker threads could be made: {}", meeting->present,
                                 workers, kMoreThreads));
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
  const std::scoped_lock lock(station.record_mutex);
  for (const std::uint32_t slot : plan.started) {
    const Sequence& sequence = station.replica->replica().sequence(slot);
    station.record.scheduled(sequence.work.cell, sequence.scheduled_ns, sequence.work.prompt_tokens,
                             sequence.cached_tokens);
    if (!sequence.work.announce) continue;
    any = true;
    outbox.post({sequence.work.id, station.number, sequence.scheduled_ns, 0,
                 sequence.scheduled_ns + station.back_ns,
                 static_cast<std::int32_t>(sequence.cached_tokens), NewsKind::started});
  }
  if (any) clock.ring();
}

void ThreadFleet::State::take_in(Station& station) {
  station.arrivals.clear();
  station.inbox.take(station.arrivals);
  for (const Message& message : station.arrivals) {
    std::visit([&](const auto& what) { take_in(station, what); }, message);
  }
}

void ThreadFleet::State::take_in(Station& station, const SubmittedWork& submitted) {
  if (!submitted.progress) {
    station.replica->submit(submitted.work);
    return;
  }
  Progress moved = *submitted.progress;
  // As if it had been here: its user learns of what happens here back_ns later.
  moved.last_token_ns -= station.back_ns;
  Work work = submitted.work;
  work.progress = &moved;
  station.late_gaps.put(work.id, moved.late_gaps);
  if (moved.emitted_tokens > 0) station.first_site[work.id] = moved.first_site;
  station.replica->submit(work, submitted.tokens);
}

/// Where it has ended meanwhile, nothing happens.
void ThreadFleet::State::take_in(Station& station, const CancelledWork& cancelled) {
  if (!station.replica) return;
  const std::optional<Sequence> gone = station.replica->cancel(cancelled.id);
  if (!gone) return;
  station.late_gaps.take(cancelled.id);
  station.first_site.erase(cancelled.id);
  const std::int64_t now_ns = clock.now_ns();
  News news{cancelled.id, station.number, 0, 0, now_ns + station.back_ns};
  news.count = static_cast<std::int32_t>(gone->emitted_tokens);
  news.kind = NewsKind::cancelled;
  outbox.post(news);
  clock.ring();
  if (station.leaving && station.empty()) station.close(now_ns);
}

void ThreadFleet::State::take_in(Station& station, const MovedBorders& moved) {
  const std::scoped_lock lock(station.record_mutex);
  station.grid.phases = moved.phases;
  station.record.borders_moved();
}

void ThreadFleet::State::take_in(Station& station, const ReplicaChange& change) {
  switch (change.kind) {
    case ReplicaChange::Kind::serve:
      station.open(change.at_ns);
      break;
    case ReplicaChange::Kind::pace:
      station.decode_ppm = change.decode_ppm;
      station.prefill_ppm = change.prefill_ppm;
      break;
    case ReplicaChange::Kind::leave:
    case ReplicaChange::Kind::fail:
      if (withdraws(change)) {
        withdraw(station, change);
      } else if (station.replica && station.empty()) {
        station.close(change.at_ns);
      } else {
        station.leaving = station.replica.has_value();
      }
      break;
  }
}

void ThreadFleet::State::withdraw(Station& station, const ReplicaChange& change) {
  station.cut_ns = kNever;
  if (!station.replica) return;
  for (ComputedReplica::Left& left : station.replica->withdraw()) {
    const Sequence& sequence = left.sequence;
    const Progress progress = progress_of(station, sequence);
    const News news =
        lost_request(change, change.at_ns, sequence.work.id, progress, sequence.computed_tokens());
    if (news.kind == NewsKind::returned) {
      returns.post({news.id, progress, std::move(left.tokens)});
    }
    outbox.post(news);
  }
  station.first_site.clear();
  station.close(change.at_ns);
  clock.ring();
}

/// One step of a replica; false if there is nothing to do.
bool ThreadFleet::State::step(Station& station) {
  take_in(station);
  if (!station.replica) return false;
  ComputedReplica& replica = *station.replica;
  const std::int64_t begin_ns = clock.now_ns();
  const StepPlan& plan = replica.plan_step(begin_ns);
  if (plan.empty()) {
    station.busy_since_ns = -1;
    station.resident_tokens = 0;
    return false;
  }
  announce(station, plan);
  station.queued_tokens = replica.replica().queued_tokens();
  const auto sequences = static_cast<std::int64_t>(plan.decode.size() + plan.prefill.size());
  const std::int64_t resident_tokens = replica.replica().resident_tokens();
  station.resident_tokens = resident_tokens;
  const std::int32_t busy = busy_eighths();
  replica.compute_decode();
  const std::int64_t decoded_ns = clock.now_ns();
  replica.compute_prompts();
  const std::int64_t computed_ns = plan.prefill.empty() ? decoded_ns : clock.now_ns();
  const StepSpan span{begin_ns, decoded_ns, computed_ns, busy};
  add_step(station, span, plan);
  const std::int64_t step_end_ns = slow_down(station, span);

  const std::int64_t cut_ns = station.cut_ns;
  const std::int64_t until_ns = std::min({step_end_ns, end_ns.load(), cut_ns});
  {
    const std::scoped_lock lock(station.record_mutex);
    station.record.steps({begin_ns, 0, 1, (step_end_ns - begin_ns) * kPsPerNs, 0},
                         {sequences, station.site.max_batch, resident_tokens}, until_ns);
  }
  if (cut_ns <= step_end_ns) {
    // The replica failed meanwhile: nobody gets a token, and the worker is told at once.
    while (station.inbox.empty()) std::this_thread::yield();
    return true;
  }
  const StepOutcome& outcome = replica.finish_step(step_end_ns);
  if (step_end_ns > end_ns) return false;
  report(station, outcome, step_end_ns);
  if (station.leaving && station.empty()) station.close(step_end_ns);
  return true;
}

/// A slowed replica sleeps for what its steps would take longer. Returns when the step ends.
std::int64_t ThreadFleet::State::slow_down(const Station& station, const StepSpan& span) const {
  constexpr std::int64_t kUsualPpm = 1'000'000;
  if (station.decode_ppm == kUsualPpm && station.prefill_ppm == kUsualPpm) return span.end_ns;
  const auto longer = [](std::int64_t ns, std::int64_t ppm) {
    return static_cast<std::int64_t>(static_cast<__int128>(ns) * (ppm - kUsualPpm) / kUsualPpm);
  };
  const std::int64_t rest_ns = longer(span.decoded_ns - span.begin_ns, station.decode_ppm) +
                               longer(span.end_ns - span.decoded_ns, station.prefill_ppm);
  if (rest_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(rest_ns));
  return clock.now_ns();
}

void ThreadFleet::State::report(Station& station, const StepOutcome& outcome,
                                std::int64_t step_end_ns) {
  bool any = !outcome.completions.empty();
  const std::scoped_lock lock(station.record_mutex);
  for (const Emission& emission : outcome.emissions) {
    if (emission.work.stream) {
      any = true;
      outbox.post({emission.work.id, station.number, 0, 0, step_end_ns + station.back_ns,
                   station.replica->tokens(emission.slot).back(), NewsKind::token});
    }
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
    completion.site = static_cast<std::uint16_t>(station.site_index);
    if (const auto elsewhere = station.first_site.extract(completion.id)) {
      completion.site = elsewhere.mapped();
    } else {
      completion.first_token_ns += station.back_ns;
    }
    completion.at_ns = std::max(completion.at_ns + station.back_ns, completion.first_token_ns);
    outbox.post(completion);
  }
  if (any) clock.ring();
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

}  // namespace tokenlift
