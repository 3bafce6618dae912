#include "bench/calibration.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <thread>
#include <utility>

#include "bench/host.hpp"

namespace tokenlift {

namespace {

constexpr std::uint64_t kWeightSeed = 1;
constexpr std::int64_t kFewestRounds = 4;  // per worker; the first warms up and does not count
constexpr std::int64_t kMostChunk = 512;
constexpr int kStepsAfterPrompt = 3;  // a saturated fleet has some 2 to 5 decode steps per prompt

// Two kinds of sequences: a decode step of k long ones among n has one of three contexts per batch.
// Contexts grow by the steps that are measured; a sequence past its limit starts again.
constexpr std::int64_t kShortPrompt = 24;
constexpr std::int64_t kShortLimit = 128;
constexpr std::int64_t kLongPrompt = 448;
constexpr std::int64_t kLongLimit = 768;
constexpr std::int64_t kMostLong = 16;  // they are what takes time to fill

struct DecodePoint {
  std::int64_t sequences;
  std::int64_t long_ones;
};

/// A prompt as it is prefilled: chunk after chunk, each of them measured.
using Passage = std::vector<std::int64_t>;

const std::vector<Passage>& passages() {
  static const std::vector<Passage> kPassages = {{8},           {16},  {24},      {32},  {48},
                                                 {64},          {80},  {96},      {128}, {192},
                                                 {256, 64, 32}, {384}, {512, 128}};
  return kPassages;
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
  std::int64_t kv_tokens = 0;
  std::int64_t ns = 0;
};

std::int64_t median(std::vector<std::int64_t> values) {
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
  explicit Times(std::size_t points) : decode(points), prefill(passages().size()) {
    for (std::size_t i = 0; i < prefill.size(); ++i) prefill[i].resize(passages()[i].size());
  }
  std::vector<std::vector<Timed>> decode;
  std::vector<std::vector<std::vector<Timed>>> prefill;
};

/// What one core computes: its decoder, and the times of all points.
class Worker {
 public:
  Worker(std::shared_ptr<const DecoderWeights> weights, std::int64_t number, std::int64_t max_batch)
      : points_(decode_points(max_batch)),
        short_slots_(max_batch),
        scratch_slot_(max_batch + kMostLong),
        decoder_(std::move(weights), scratch_slot_ + 1, std::max(max_batch, kMostChunk)),
        random_(static_cast<std::uint64_t>(number)),
        prompt_(static_cast<std::size_t>(2 * kMostChunk)),
        times_(points_.size()) {
    const auto vocabulary = static_cast<std::uint64_t>(decoder_.shape().vocabulary);
    for (std::int32_t& token : prompt_) token = static_cast<std::int32_t>(random_() % vocabulary);
  }

  /// Visits every point once and every passage about twice, in random order; false once `ended`.
  template <typename Ended>
  bool round(bool counts, Ended&& ended) {
    std::vector<std::size_t> order(points_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random_);
    for (const std::size_t point : order) {
      if (ended()) return false;
      prefill(next_passage(), counts);
      decode(point, counts);
    }
    return true;
  }

  const Times& times() const { return times_; }

 private:
  std::size_t next_passage() {
    if (passage_order_.empty()) {
      passage_order_.resize(passages().size());
      std::iota(passage_order_.begin(), passage_order_.end(), std::size_t{0});
      std::shuffle(passage_order_.begin(), passage_order_.end(), random_);
    }
    const std::size_t next = passage_order_.back();
    passage_order_.pop_back();
    return next;
  }

  void prefill(std::size_t passage, bool counts) {
    decoder_.reset(scratch_slot_);
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < passages()[passage].size(); ++i) {
      const std::int64_t tokens = passages()[passage][i];
      const std::int64_t start_ns = thread_cpu_ns();
      decoder_.prefill(scratch_slot_, part_of_prompt(begin, tokens));
      if (counts) times_.prefill[passage][i].push_back({begin, thread_cpu_ns() - start_ns});
      begin += tokens;
    }
  }

  void decode(std::size_t point, bool counts) {
    const auto [sequences, long_ones] = points_[point];
    slots_.clear();
    for (std::int64_t i = 0; i < sequences; ++i) {
      const bool is_long = i < long_ones;
      const std::int64_t slot =
          is_long ? short_slots_ + (next_long_ + i) % kMostLong : (next_short_ + i) % short_slots_;
      renew(slot, is_long ? kLongPrompt : kShortPrompt, is_long ? kLongLimit : kShortLimit);
      slots_.push_back(slot);
    }
    // Whose turn it is goes round, so that all contexts grow alike.
    next_long_ += long_ones;
    next_short_ += sequences - long_ones;
    tokens_.assign(slots_.size(), 1);
    next_tokens_.resize(slots_.size());
    for (int step = 0; step < kStepsAfterPrompt; ++step) {
      Timed time;
      for (const std::int64_t slot : slots_) time.kv_tokens += decoder_.context_tokens(slot);
      const std::int64_t start_ns = thread_cpu_ns();
      decoder_.decode(slots_, tokens_, next_tokens_);
      time.ns = thread_cpu_ns() - start_ns;
      if (counts) times_.decode[point].push_back(time);
      tokens_.swap(next_tokens_);
    }
  }

  void renew(std::int64_t slot, std::int64_t prompt_tokens, std::int64_t limit) {
    const std::int64_t context = decoder_.context_tokens(slot);
    if (context > 0 && context + kStepsAfterPrompt <= limit) return;
    decoder_.reset(slot);
    decoder_.prefill(slot, part_of_prompt(0, prompt_tokens));
  }

  std::span<const std::int32_t> part_of_prompt(std::int64_t begin, std::int64_t tokens) const {
    return std::span(prompt_).subspan(static_cast<std::size_t>(begin),
                                      static_cast<std::size_t>(tokens));
  }

  std::vector<DecodePoint> points_;
  std::int64_t short_slots_;
  std::int64_t scratch_slot_;
  Decoder decoder_;
  std::mt19937_64 random_;
  std::vector<std::int32_t> prompt_;
  std::vector<std::size_t> passage_order_;
  std::vector<std::int64_t> slots_;
  std::vector<std::int32_t> tokens_, next_tokens_;
  std::int64_t next_long_ = 0;
  std::int64_t next_short_ = 0;
  Times times_;
};

/// The rounds that each worker has done, and when to stop: all keep computing until the slowest has
/// enough, so that no one measures a machine that has fallen idle.
class Rounds {
 public:
  Rounds(std::size_t workers, std::int64_t budget_ns, const std::atomic<bool>& stop)
      : done_(workers), begin_ns_(now_ns()), budget_ns_(budget_ns), stop_(stop) {}

  std::int64_t fewest() const {
    return std::min_element(done_.begin(), done_.end())->load(std::memory_order_relaxed);
  }
  void add(std::size_t worker) { done_[worker].fetch_add(1, std::memory_order_relaxed); }
  void abandon() { abandoned_ = true; }
  bool ended() const {
    return stop_ || abandoned_ || (fewest() >= kFewestRounds && now_ns() - begin_ns_ > budget_ns_);
  }
  double share_done() const {
    const double time = static_cast<double>(now_ns() - begin_ns_) /
                        static_cast<double>(std::max<std::int64_t>(budget_ns_, 1));
    const double rounds = static_cast<double>(fewest()) / static_cast<double>(kFewestRounds);
    return std::min({1.0, time, rounds});
  }

 private:
  std::vector<std::atomic<std::int64_t>> done_;
  std::int64_t begin_ns_;
  std::int64_t budget_ns_;
  const std::atomic<bool>& stop_;
  std::atomic<bool> abandoned_{false};
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

StepCosts medians(const std::vector<std::unique_ptr<Worker>>& workers, std::int64_t max_batch) {
  StepCosts costs;
  const std::vector<DecodePoint> points = decode_points(max_batch);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::vector<Timed> times = pooled(
        workers, [&](const Times& all) -> auto& { return all.decode[i]; });
    // A step takes the longer the larger its contexts, so the median step has the median context.
    costs.decode.push_back({points[i].sequences, median_of(times, &Timed::kv_tokens),
                            1000 * median_of(times, &Timed::ns)});
  }
  for (std::size_t i = 0; i < passages().size(); ++i) {
    std::int64_t begin = 0;
    for (std::size_t chunk = 0; chunk < passages()[i].size(); ++chunk) {
      const std::vector<Timed> times = pooled(
          workers, [&](const Times& all) -> auto& { return all.prefill[i][chunk]; });
      const std::int64_t end = begin + passages()[i][chunk];
      costs.prefill.push_back({begin, end, 1000 * median_of(times, &Timed::ns)});
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

std::optional<StepCosts> measure_step_costs(const DecoderShape& shape,
                                            const CalibrationSettings& settings,
                                            const std::function<void(double)>& progress,
                                            const std::atomic<bool>& stop) {
  const auto weights = make_weights(shape, kWeightSeed, fastest_precision());
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::int64_t i = 0; i < settings.workers; ++i) {
    workers.push_back(std::make_unique<Worker>(weights, i, settings.max_batch));
  }
  const std::optional<CpuUse> use_before = read_cpu_use();
  Rounds rounds(workers.size(), settings.budget_ns, stop);
  std::vector<std::exception_ptr> failures(workers.size());
  std::atomic<std::size_t> running{workers.size()};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          bool counts = false;  // the first round warms up
          while (workers[i]->round(counts, [&] { return rounds.ended(); })) {
            rounds.add(i);
            counts = true;
          }
        } catch (...) {  // no memory
          failures[i] = std::current_exception();
          rounds.abandon();
        }
        --running;
      });
    }
    while (running > 0) {
      progress(rounds.share_done());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  if (stop) return std::nullopt;
  StepCosts costs = medians(workers, settings.max_batch);
  costs.rounds = rounds.fewest() - 1;
  costs.interference = interference(use_before, read_cpu_use());
  return costs;
}

}  // namespace tokenlift
