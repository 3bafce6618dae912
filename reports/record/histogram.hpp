#pragma once
// A log-linear histogram of durations: bounded, mergeable, relative error under 1 %.
//
// Values below 128 ns have a bucket each. From there on every power of two is divided into 64
// equal buckets, so a bucket [lo, lo + w) has w <= lo / 64, and its midpoint is at most
// w / 2 <= lo / 128 away from any value in it: a relative error of at most 1/128 = 0.78 %.
//
//   values            bucket width   buckets
//   0 .. 127          1 ns           128
//   128 .. 255        2 ns           64
//   256 .. 511        4 ns           64
//   ...
//   2^51 .. 2^52 - 1  2^45 ns        64      (30 days is just above 2^51 ns)
//
// Values above the range are counted in the last bucket; count, sum, min and max stay exact.
//
// It fills as it is used, since of thousands of tenants each has dozens of them. The first few
// buckets are a sorted list, of 8 bytes each; a histogram that is used more has a window, of 8
// bytes for each bucket of the octaves from the first value to the last: 23.5 KB at most.

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tokenlift {

/// One bucket that is not empty, by its index.
struct BucketCount {
  std::size_t index = 0;
  std::uint64_t count = 0;
  bool operator==(const BucketCount&) const = default;
};

/// Samples in all of them.
std::uint64_t count_of(std::span<const BucketCount> buckets);

/// Aligned to a cache line, so that what two threads count in two histograms side by side is in
/// two; each has memory of its own for its buckets.
class alignas(64) Histogram {
 public:
  static constexpr int kSubBits = 6;
  static constexpr int kMaxBit = 51;
  static constexpr std::size_t kBuckets = static_cast<std::size_t>(kMaxBit - kSubBits + 2)
                                          << kSubBits;
  static constexpr std::int64_t kMaxValueNs = (std::int64_t{1} << (kMaxBit + 1)) - 1;

  Histogram() = default;
  ~Histogram() = default;
  Histogram(const Histogram& other);
  Histogram& operator=(const Histogram& other);
  Histogram(Histogram&& other) noexcept;
  Histogram& operator=(Histogram&& other) noexcept;

  /// The histogram that has these buckets (indices ascending), sum, min and max; min and max are
  /// unused where there is no bucket. Throws std::invalid_argument where no recording could have
  /// led to them: the sum must lie in [min * count, (max + 1) * count], the upper end because
  /// add_sum() may bring what the values had beyond their whole nanoseconds.
  static Histogram from_buckets(std::span<const BucketCount> buckets, __uint128_t sum_ns,
                                std::int64_t min_ns, std::int64_t max_ns);

  /// Adds `count` (>= 1) occurrences of `value_ns` (>= 0).
  void record(std::int64_t value_ns, std::uint64_t count = 1) {
    assert(value_ns >= 0);
    count_in(bucket_of(value_ns), count, value_ns, value_ns);
    add_sum(static_cast<__uint128_t>(value_ns) * count);
  }

  /// The two halves of recording many values of one bucket at once. This one counts them: `count`
  /// (>= 1), between `min_ns` and `max_ns`, both of which occur and are in `bucket`.
  void count_in(std::size_t bucket, std::uint64_t count, std::int64_t min_ns, std::int64_t max_ns) {
    assert(count >= 1 && bucket == bucket_of(min_ns) && bucket == bucket_of(max_ns));
    add(bucket, count);
    count_ += count;
    if (max_ns > max_ns_) max_ns_ = max_ns;
    if (min_ns < min_ns_) min_ns_ = min_ns;
  }
  /// The other one says what they add up to. Who keeps time finer than in nanoseconds adds the
  /// exact sum, whole nanoseconds of it, once and at the end: up to 1 ns per value more than the
  /// sum of the values rounded down.
  void add_sum(__uint128_t sum_ns) { sum_ns_ += sum_ns; }

  /// Leaves what recording the values of both would have left, whatever the order.
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  __uint128_t sum_ns() const { return sum_ns_; }
  /// These three and value_at() need a histogram that is not empty.
  double mean_ns() const;
  std::int64_t min_ns() const;
  std::int64_t max_ns() const;

  /// The ceil(quantile * count)-th smallest value (quantile in [0, 1]; at least the first): exact
  /// for the first and the last, else the midpoint of its bucket, clamped to [min, max], which is
  /// within 1/128 of it (values above kMaxValueNs apart).
  std::int64_t value_at(double quantile) const;

  /// Calls visit(lower_ns, width_ns, count) for each bucket that is not empty, in ascending order.
  template <typename Visit>
  void for_each_bucket(Visit&& visit) const {
    for (std::size_t place = 0; place < places(); ++place) {
      const BucketCount bucket = at(place);
      if (bucket.count != 0) visit(lower_ns(bucket.index), width_ns(bucket.index), bucket.count);
    }
  }

  /// Of what was recorded, in whatever order.
  bool operator==(const Histogram& other) const;

  static std::size_t bucket_of(std::int64_t value_ns) {
    const auto value = static_cast<std::uint64_t>(value_ns > kMaxValueNs ? kMaxValueNs : value_ns);
    const int msb = 63 - std::countl_zero(value | (std::uint64_t{1} << kSubBits));
    const int shift = msb - kSubBits;
    return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(value >> shift);
  }

  /// A bucket holds the values lower_ns(bucket) .. lower_ns(bucket) + width_ns(bucket) - 1.
  static std::int64_t lower_ns(std::size_t bucket) {
    const int shift = shift_of(bucket);
    return static_cast<std::int64_t>(bucket - (static_cast<std::size_t>(shift) << kSubBits))
           << shift;
  }
  static std::int64_t width_ns(std::size_t bucket) { return std::int64_t{1} << shift_of(bucket); }

 private:
  /// The inverse of bucket_of(): its second summand is 64 .. 127 (0 .. 127 where shift is 0).
  static int shift_of(std::size_t bucket) {
    assert(bucket < kBuckets);
    const auto power = static_cast<int>(bucket >> kSubBits);
    return power == 0 ? 0 : power - 1;
  }

  /// Of an entry of the list: its count, below its bucket's index.
  static constexpr int kCountBits = 52;
  static constexpr std::uint64_t kMostListed = (std::uint64_t{1} << kCountBits) - 1;

  void add(std::size_t bucket, std::uint64_t count) {
    const std::size_t place = bucket - first_;  // wraps where the bucket is before the window
    if (place < window_) {
      counts_[place] += count;
    } else {
      add_outside(bucket, count);
    }
  }
  void add_outside(std::size_t bucket, std::uint64_t count);
  bool add_to_list(std::size_t bucket, std::uint64_t count);
  void open_window(std::size_t bucket);
  std::size_t words() const { return window_ != 0 ? window_ : room_; }
  /// What there is of it, in ascending order of buckets; of a window also those that are empty.
  std::size_t places() const { return window_ != 0 ? window_ : listed_; }
  BucketCount at(std::size_t place) const {
    const std::uint64_t word = counts_[place];
    if (window_ != 0) return {first_ + place, word};
    return {static_cast<std::size_t>(word >> kCountBits), word & kMostListed};
  }

  std::unique_ptr<std::uint64_t[]> counts_;  // the window's, or the list
  std::uint16_t first_ = 0;                  // bucket of the window
  std::uint16_t window_ = 0;                 // buckets in it; 0: there is a list
  std::uint16_t listed_ = 0;
  std::uint16_t room_ = 0;    // in the list
  std::uint32_t visits_ = 0;  // to the list
  std::uint64_t count_ = 0;
  __uint128_t sum_ns_ = 0;
  std::int64_t min_ns_ = INT64_MAX;
  std::int64_t max_ns_ = 0;
};
static_assert(sizeof(Histogram) == 64);

}  // namespace tokenlift
