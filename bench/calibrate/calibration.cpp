#include "bench/calibrate/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <cassert>
#include <chrono>
#include <ctime>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "bench/machine/host.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/workers.hpp"

namespace tokenlift {

namespace {

constexpr std::uint64_t kWeightSeed = 1;
// Of the third round so many points at least: then they were visited twice in the same condition.
constexpr std::int64_t kFewestRepeats = 8;
constexpr std::int64_t kMostChunk = 512;
// A chunk throws what decode steps use out of the caches: the first steps after it take longer than
// those that follow, and that is the chunk's doing.
constexpr int kSteps = 6;           // of a point, after one chunk
constexpr int kDisturbedSteps = 2;  // of these

// Two kinds of sequences: a decode step of k long ones among n has one of three contexts per batch.
// Contexts grow by the steps that are measured; a sequence past its limit starts again.
constexpr std::int64_t kShortPrompt = 24;
constexpr std::int64_t kShortLimit = 128;
constexpr std::int64_t kLongPrompt = 448;
constexpr std::int64_t kLongLimit = 768;
constexpr std::int64_t kMostLong = 16;  // they are what takes memory

// Rounds alternate between two conditions. Cores that decode the same batch in step read the same
// weights at the same time, and save each other part of the way to memory: on the machine that this
// was written on such a step takes a fifth less than one by itself. Replicas of a fleet fall in
// step and out of it with every prompt, so a step is taken to cost the mean of both.
constexpr std::size_t kConditions = 2;
constexpr std::size_t kApart = 1;

struct DecodePoint {
  std::int64_t sequences;
  std::int64_t long_ones;
};

/// A prompt as it is prefilled: chunk after chunk, each of them measured.
using Passage = std::vector<std::int64_t>;

const std::vector<Passage>& passages() {
  static const std::vector<Passage> all = {{8},           {16},  {24},      {32},  {48},
                                           {64},          {80},  {96},      {128}, {192},
                                           {256, 64, 32}, {384}, {512, 128}};
  return all;
}

// Long prompts take most of the time, and little else beside them: they come up in every fourth
// pass over the passages only.
constexpr std::int64_t kLongPassage = 256;
constexpr std::int64_t kPassesPerLong = 4;

std::int64_t chunk_count() {
  std::size_t count = 0;
  for (const Passage& passage : passages()) count += passage.size();
  return static_cast<std::int64_t>(count);
}

std::vector<DecodePoint> decode_points(std::int64_t max_batch) {
  std::vector<DecodePoint> points;
  for (const std::int64_t batch : calibration_batches(max_batch)) {
    const std::int64_t most = std::min(batch, kMostLong);
    for (const std::int64_t long_ones : {std::int64_t{0}, most / 2, most}) {
      if (points.empty() || points.back().sequences != batch ||
          points.back().long_ones != long_ones) {
        points.push_back({batch, long_ones});
      }
    }
  }
  return points;
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Of this thread on a core: what other processes take in between is not the step's.
std::int64_t thread_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

struct Timed {
  std::int64_t round = 0;
  std::int64_t kv_tokens = 0;
  std::int64_t ns = 0;
};

std::int64_t median(std::vector<std::int64_t> values) {
  assert(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::int64_t median_of(const std::vector<Timed>& times, std::int64_t Timed::*field) {
  std::vector<std::int64_t> values;
  for (const Timed& time : times) values.push_back(time.*field);
  return median(std::move(values));
}

/// Of every decode point, and of every chunk of every passage.
struct Times {
  explicit Times(std::size_t points) : prefill(passages().size()) {
    for (auto& by_point : decode) by_point.resize(points);
    for (std::size_t i = 0; i < prefill.size(); ++i) prefill[i].resize(passages()[i].size());
  }
  std::array<std::vector<std::vector<Timed>>, kConditions> decode;
  std::vector<std::vector<std::vector<Timed>>> prefill;
};

/// The workers go from point to point together, and end together.
class Pace {
 public:
  /// `begin_ns`: when the time of the settings began.
  Pace(std::size_t workers, std::int64_t points, std::int64_t begin_ns,
       const CalibrationSettings& settings, const std::atomic<bool>& stop)
      : points_(points),
        // Both conditions, some repeats, and every chunk once.
        fewest_(std::max(2 * points + std::min(points, kFewestRepeats), chunk_count())),
        most_(std::max(fewest_, settings.most_rounds * points)),
        begin_ns_(begin_ns),
        budget_ns_(settings.budget_ns),
        stop_(stop),
        barrier_(static_cast<std::ptrdiff_t>(workers), Look{this}) {}

  /// Waits for the others; false when all are to end.
  bool next_point() {
    barrier_.arrive_and_wait();
    return !ended_;
  }
  /// This worker has failed: the others end at their next point.
  void abandon() {
    abandoned_ = true;
    barrier_.arrive_and_drop();
  }
  std::int64_t rounds() const { return visited_ / points_; }
  double share_done() const {
    return std::min(1.0, static_cast<double>(now_ns() - begin_ns_) /
                             static_cast<double>(std::max<std::int64_t>(budget_ns_, 1)));
  }
  /// Once all have ended.
  std::optional<Unfinished> unfinished() const {
    if (visited_ >= fewest_) return std::nullopt;
    Unfinished left;
    left.share = static_cast<double>(visited_) / static_cast<double>(fewest_);
    if (visited_ > 0) {
      left.needed_ns =
          set_up_ns_ - begin_ns_ +
          static_cast<std::int64_t>(static_cast<double>(ended_ns_ - set_up_ns_) / left.share);
    }
    return left;
  }

 private:
  struct Look {
    Pace* pace;
    void operator()() const noexcept { pace->look(); }
  };
  void look() {
    ended_ns_ = now_ns();
    if (visited_ == 0) set_up_ns_ = ended_ns_;
    ended_ = stop_ || abandoned_ || visited_ == most_ || ended_ns_ - begin_ns_ > budget_ns_;
    if (!ended_) ++visited_;
  }

  std::int64_t points_;
  std::int64_t fewest_;  // points to be visited, or nothing is known
  std::int64_t most_;
  std::int64_t begin_ns_;
  std::int64_t budget_ns_;
  const std::atomic<bool>& stop_;
  std::atomic<bool> abandoned_{false};
  std::atomic<std::int64_t> visited_{0};
  // Written while all wait.
  std::int64_t set_up_ns_ = 0;  // when the first point began
  std::int64_t ended_ns_ = 0;   // when the last point ended
  bool ended_ = false;
  std::barrier<Look> barrier_;
};

/// What one core computes: its decoder, and the times of all points.
class Worker {
 public:
  Worker(std::shared_ptr<const DecoderWeights> weights, std::int64_t number, std::int64_t max_batch)
      : points_(decode_points(max_batch)),
        short_slots_(max_batch),
        scratch_slot_(max_batch + kMostLong),
        number_(number),
        decoder_(std::move(weights), scratch_slot_ + 1, std::max(max_batch, kMostChunk)),
        prompt_(static_cast<std::size_t>(2 * kMostChunk)),
        times_(points_.size()) {
    const auto vocabulary = static_cast<std::uint64_t>(decoder_.shape().vocabulary);
    std::mt19937_64 content(static_cast<std::uint64_t>(number));
    for (std::int32_t& token : prompt_) token = static_cast<std::int32_t>(content() % vocabulary);
  }

  /// Makes what the points need: a prompt to begin contexts with, and caches as large as they grow.
  void set_up() {
    const std::span<const std::int32_t> prompt = part_of_prompt(0, kLongPrompt);
    decoder_.prefill(scratch_slot_, prompt);
    beginning_ = decoder_.save(scratch_slot_, 0, kLongPrompt);
    decoder_.reset(scratch_slot_);
    // Caches grow by doubling, when a step needs it.
    const auto grow = [this](std::int64_t first, std::int64_t count, std::int64_t tokens) {
      slots_.resize(static_cast<std::size_t>(count));
      std::iota(slots_.begin(), slots_.end(), first);
      for (const std::int64_t slot : slots_) decoder_.append(slot, beginning_, tokens);
      tokens_.assign(slots_.size(), 1);
      next_tokens_.resize(slots_.size());
      decoder_.decode(slots_, tokens_, next_tokens_);
      for (const std::int64_t slot : slots_) decoder_.reset(slot);
    };
    grow(0, short_slots_, kShortLimit / 2);
    grow(short_slots_, kMostLong, kLongPrompt);
  }

  /// Visits every decode point once, each after the next chunk, in random order; false when it was
  /// told to end.
  bool round(Pace& pace) {
    std::vector<std::size_t> order(points_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random_);
    const std::size_t condition = static_cast<std::size_t>(round_) % kConditions;
    if (condition == kApart) {
      const std::size_t lead = static_cast<std::size_t>(number_) * 7 % order.size();
      std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(lead), order.end());
    }
    for (const std::size_t point : order) {
      if (!pace.next_point()) return false;
      choose_slots(points_[point]);
      compute(times_.decode[condition][point]);
    }
    ++round_;
    return true;
  }

  const Times& times() const { return times_; }

 private:
  /// Computes the next chunk of a passage, of the next passage after its last one. In a pass over
  /// the passages they come up in random order.
  std::int64_t prefill() {
    if (passage_order_.empty() || ++chunk_ == passages()[passage_order_.back()].size()) {
      if (!passage_order_.empty()) passage_order_.pop_back();
      if (passage_order_.empty()) {
        const bool all = pass_++ % kPassesPerLong == 0;
        for (std::size_t i = 0; i < passages().size(); ++i) {
          const Passage& passage = passages()[i];
          const std::int64_t tokens =
              std::accumulate(passage.begin(), passage.end(), std::int64_t{0});
          if (all || tokens < kLongPassage) passage_order_.push_back(i);
        }
        std::shuffle(passage_order_.begin(), passage_order_.end(), random_);
      }
      chunk_ = 0;
      decoder_.reset(scratch_slot_);
    }
    const std::int64_t tokens = passages()[passage_order_.back()][chunk_];
    const std::span<const std::int32_t> part =
        part_of_prompt(decoder_.context_tokens(scratch_slot_), tokens);
    const std::int64_t start_ns = thread_cpu_ns();
    decoder_.prefill(scratch_slot_, part);
    return thread_cpu_ns() - start_ns;
  }
  std::vector<Timed>& chunk_times() { return times_.prefill[passage_order_.back()][chunk_]; }

  /// The sequences of a point, with contexts in the range that is wanted.
  void choose_slots(const DecodePoint& point) {
    slots_.clear();
    for (std::int64_t i = 0; i < point.sequences; ++i) {
      const bool is_long = i < point.long_ones;
      const std::int64_t slot =
          is_long ? short_slots_ + (next_long_ + i) % kMostLong : (next_short_ + i) % short_slots_;
      renew(slot, is_long ? kLongPrompt : kShortPrompt, is_long ? kLongLimit : kShortLimit);
      slots_.push_back(slot);
    }
    // Whose turn it is goes round, so that all contexts grow alike.
    next_long_ += point.long_ones;
    next_short_ += point.sequences - point.long_ones;
  }

  /// The next chunk, then the decode steps of a point. A chunk costs what it took, and by how much
  /// it delayed the steps after it; the steps that follow on these go to `settled`.
  void compute(std::vector<Timed>& settled) {
    tokens_.assign(slots_.size(), 1);
    next_tokens_.resize(slots_.size());
    std::int64_t chunk_ns = prefill();
    std::vector<std::int64_t> settled_ns;
    for (int step = 0; step < kSteps; ++step) {
      Timed time{round_, 0, 0};
      for (const std::int64_t slot : slots_) time.kv_tokens += decoder_.context_tokens(slot);
      const std::int64_t start_ns = thread_cpu_ns();
      decoder_.decode(slots_, tokens_, next_tokens_);
      time.ns = thread_cpu_ns() - start_ns;
      tokens_.swap(next_tokens_);
      if (step < kDisturbedSteps) {
        chunk_ns += time.ns;
      } else {
        settled_ns.push_back(time.ns);
        settled.push_back(time);
      }
    }
    chunk_ns -= kDisturbedSteps * median(std::move(settled_ns));
    chunk_times().push_back({round_, 0, std::max<std::int64_t>(1, chunk_ns)});
  }

  void renew(std::int64_t slot, std::int64_t prompt_tokens, std::int64_t limit) {
    const std::int64_t context = decoder_.context_tokens(slot);
    if (context > 0 && context + kSteps <= limit) return;
    decoder_.reset(slot);
    decoder_.append(slot, beginning_, prompt_tokens);
  }

  std::span<const std::int32_t> part_of_prompt(std::int64_t begin, std::int64_t tokens) const {
    return std::span(prompt_).subspan(static_cast<std::size_t>(begin),
                                      static_cast<std::size_t>(tokens));
  }

  std::vector<DecodePoint> points_;
  std::int64_t short_slots_;
  std::int64_t scratch_slot_;
  std::int64_t number_;
  std::int64_t round_ = 0;
  Decoder decoder_;
  KvPart beginning_;        // of any context
  std::mt19937_64 random_;  // of the order: the same for all workers
  std::vector<std::int32_t> prompt_;
  std::int64_t pass_ = 0;
  std::vector<std::size_t> passage_order_;
  std::size_t chunk_ = 0;  // of the passage that is under way, the last of the order
  std::vector<std::int64_t> slots_;
  std::vector<std::int32_t> tokens_, next_tokens_;
  std::int64_t next_long_ = 0;
  std::int64_t next_short_ = 0;
  Times times_;
};

/// All workers' times of a point together.
template <typename Select>
std::vector<Timed> pooled(const std::vector<std::unique_ptr<Worker>>& workers, Select&& select) {
  std::vector<Timed> all;
  for (const auto& worker : workers) {
    const std::vector<Timed>& times = select(worker->times());
    all.insert(all.end(), times.begin(), times.end());
  }
  return all;
}

/// Of all these steps together. A step takes the longer the larger its contexts, so the median step
/// has the median context.
DecodeSample decode_sample(const DecodePoint& point, const std::vector<Timed>& times) {
  return {point.sequences, median_of(times, &Timed::kv_tokens),
          1000 * median_of(times, &Timed::ns)};
}

/// Calls use(first, again) with what was measured in the earlier half of the rounds, and in the
/// later one, if there are two.
template <typename Use>
void with_halves(const std::vector<Timed>& times, Use&& use) {
  std::vector<std::int64_t> rounds;
  for (const Timed& time : times) rounds.push_back(time.round);
  std::sort(rounds.begin(), rounds.end());
  rounds.erase(std::unique(rounds.begin(), rounds.end()), rounds.end());
  if (rounds.size() < 2) return;
  const std::int64_t border = rounds[rounds.size() / 2];
  std::vector<Timed> first, again;
  for (const Timed& time : times) (time.round < border ? first : again).push_back(time);
  use(first, again);
}

CalibrationSamples medians(const std::vector<std::unique_ptr<Worker>>& workers,
                           std::int64_t max_batch) {
  CalibrationSamples costs;
  const std::vector<DecodePoint> points = decode_points(max_batch);
  for (std::size_t i = 0; i < points.size(); ++i) {
    DecodeSample sample{points[i].sequences, 0, 0};
    for (std::size_t condition = 0; condition < kConditions; ++condition) {
      const std::vector<Timed> times = pooled(
          workers, [&](const Times& all) -> auto& { return all.decode[condition][i]; });
      const DecodeSample one = decode_sample(points[i], times);
      sample.kv_tokens += one.kv_tokens;
      sample.cost_ps += one.cost_ps;
      with_halves(times, [&](const std::vector<Timed>& first, const std::vector<Timed>& again) {
        costs.repeats.decode.push_back(
            {decode_sample(points[i], first), decode_sample(points[i], again)});
      });
    }
    sample.kv_tokens /= kConditions;
    sample.cost_ps /= kConditions;
    costs.decode.push_back(sample);
  }
  for (std::size_t i = 0; i < passages().size(); ++i) {
    std::int64_t begin = 0;
    for (std::size_t chunk = 0; chunk < passages()[i].size(); ++chunk) {
      const std::vector<Timed> times = pooled(
          workers, [&](const Times& all) -> auto& { return all.prefill[i][chunk]; });
      const std::int64_t end = begin + passages()[i][chunk];
      const auto sample_of = [&](const std::vector<Timed>& some) -> PrefillSample {
        return {begin, end, 1000 * median_of(some, &Timed::ns)};
      };
      costs.prefill.push_back(sample_of(times));
      with_halves(times, [&](const std::vector<Timed>& first, const std::vector<Timed>& again) {
        costs.repeats.prefill.push_back({sample_of(first), sample_of(again)});
      });
      begin = end;
    }
  }
  return costs;
}

}  // namespace

std::vector<std::int64_t> calibration_batches(std::int64_t max_batch) {
  assert(max_batch >= 1);
  std::vector<std::int64_t> batches;
  for (std::int64_t power = 1; power < max_batch; power *= 2) {
    batches.push_back(power);
    if (power >= 2 && power / 2 * 3 < max_batch) batches.push_back(power / 2 * 3);
  }
  batches.push_back(max_batch);
  return batches;
}

std::optional<CalibrationSamples> measure_step_costs(const DecoderShape& shape,
                                                     const CalibrationSettings& settings,
                                                     const std::function<void(double)>& progress,
                                                     const std::atomic<bool>& stop) {
  const std::int64_t begin_ns = now_ns();
  const auto weights = make_weights(shape, kWeightSeed, fastest_precision());
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::int64_t i = 0; i < settings.workers; ++i) {
    workers.push_back(std::make_unique<Worker>(weights, i, settings.max_batch));
  }
  const std::optional<CpuUse> use_before = read_cpu_use();
  Pace pace(workers.size(), static_cast<std::int64_t>(decode_points(settings.max_batch).size()),
            begin_ns, settings, stop);
  std::vector<std::exception_ptr> failures(workers.size());
  std::atomic<std::size_t> running{workers.size()};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      const auto work = [&, i] {
        try {
          workers[i]->set_up();
          while (workers[i]->round(pace)) continue;
        } catch (...) {  // no memory
          failures[i] = std::current_exception();
          pace.abandon();
        }
        --running;
      };
      try {
        threads.emplace_back(work);
      } catch (
          const std::system_error&) {  // no more threads: those that are there would wait for it
        failures[i] = std::make_exception_ptr(MachineError(
            fmt::format("{} of {} threads could be made: {}", i, workers.size(), kMoreThreads)));
        for (std::size_t missing = i; missing < workers.size(); ++missing, --running)
          pace.abandon();
        break;
      }
    }
    while (running > 0) {
      progress(pace.share_done());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  if (stop) return std::nullopt;
  CalibrationSamples costs;
  const std::optional<Unfinished> unfinished = pace.unfinished();
  if (!unfinished) costs = medians(workers, settings.max_batch);
  costs.unfinished = unfinished;
  costs.rounds = pace.rounds();
  costs.interference = interference(use_before, read_cpu_use());
  return costs;
}

}  // namespace tokenlift
