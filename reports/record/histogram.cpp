#include "reports/record/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace tokenlift {

namespace {

constexpr std::size_t kOctave = std::size_t{1} << Histogram::kSubBits;
/// A histogram that was added to more often than that has a window, which takes less time.
constexpr std::uint32_t kMostVisits = 256;
constexpr std::size_t kFirstRoom = 4;

}  // namespace

Histogram::Histogram(const Histogram& other)
    : first_(other.first_),
      window_(other.window_),
      listed_(other.listed_),
      room_(other.room_),
      visits_(other.visits_),
      count_(other.count_),
      sum_ns_(other.sum_ns_),
      min_ns_(other.min_ns_),
      max_ns_(other.max_ns_) {
  if (words() == 0) return;
  counts_ = std::make_unique_for_overwrite<std::uint64_t[]>(words());
  std::copy_n(other.counts_.get(), places(), counts_.get());
}

Histogram& Histogram::operator=(const Histogram& other) {
  if (this != &other) *this = Histogram(other);
  return *this;
}

Histogram::Histogram(Histogram&& other) noexcept {
  *this = std::move(other);
}

Histogram& Histogram::operator=(Histogram&& other) noexcept {
  counts_ = std::move(other.counts_);
  first_ = std::exchange(other.first_, 0);
  window_ = std::exchange(other.window_, 0);
  listed_ = std::exchange(other.listed_, 0);
  room_ = std::exchange(other.room_, 0);
  visits_ = std::exchange(other.visits_, 0);
  count_ = std::exchange(other.count_, 0);
  sum_ns_ = std::exchange(other.sum_ns_, 0);
  min_ns_ = std::exchange(other.min_ns_, INT64_MAX);
  max_ns_ = std::exchange(other.max_ns_, 0);
  return *this;
}

void Histogram::add_outside(std::size_t bucket, std::uint64_t count) {
  if (window_ == 0 && add_to_list(bucket, count)) return;
  open_window(bucket);
  counts_[bucket - first_] += count;
}

/// False where a window is better.
bool Histogram::add_to_list(std::size_t bucket, std::uint64_t count) {
  if (++visits_ > kMostVisits || count > kMostListed) return false;
  std::uint64_t* const begin = counts_.get();
  std::uint64_t* const end = begin + listed_;
  const std::uint64_t key = static_cast<std::uint64_t>(bucket) << kCountBits;
  std::uint64_t* const found = std::lower_bound(begin, end, key);
  if (found != end && *found >> kCountBits == bucket) {
    if ((*found & kMostListed) + count > kMostListed) return false;
    *found += count;
    return true;
  }
  const auto place = static_cast<std::size_t>(found - begin);
  if (listed_ < room_) {
    std::copy_backward(found, end, end + 1);
  } else {
    const std::size_t room = std::max<std::size_t>(2 * std::size_t{room_}, kFirstRoom);  // <= 256
    auto grown = std::make_unique_for_overwrite<std::uint64_t[]>(room);
    std::copy(begin, found, grown.get());
    std::copy(found, end, grown.get() + place + 1);
    counts_ = std::move(grown);
    room_ = static_cast<std::uint16_t>(room);
  }
  counts_[place] = key | count;
  ++listed_;
  return true;
}

/// Of all that there is and of `bucket`, in whole octaves.
void Histogram::open_window(std::size_t bucket) {
  std::size_t first = bucket;
  std::size_t last = bucket;
  if (places() > 0) {
    first = std::min(first, at(0).index);
    last = std::max(last, at(places() - 1).index);
  }
  first -= first % kOctave;
  const std::size_t buckets = last - last % kOctave + kOctave - first;
  auto counts = std::make_unique<std::uint64_t[]>(buckets);
  for (std::size_t place = 0; place < places(); ++place) {
    counts[at(place).index - first] = at(place).count;
  }
  counts_ = std::move(counts);
  first_ = static_cast<std::uint16_t>(first);
  window_ = static_cast<std::uint16_t>(buckets);
  listed_ = 0;
  room_ = 0;
}

bool Histogram::operator==(const Histogram& other) const {
  if (count_ != other.count_ || sum_ns_ != other.sum_ns_ || min_ns_ != other.min_ns_ ||
      max_ns_ != other.max_ns_) {
    return false;
  }
  std::size_t theirs = 0;
  for (std::size_t ours = 0; ours < places(); ++ours) {
    if (at(ours).count == 0) continue;
    while (theirs < other.places() && other.at(theirs).count == 0) ++theirs;
    if (theirs == other.places() || at(ours) != other.at(theirs)) return false;
    ++theirs;
  }
  return true;  // the counts add up to the same
}

Histogram Histogram::from_buckets(std::span<const BucketCount> buckets, __uint128_t sum_ns,
                                  std::int64_t min_ns, std::int64_t max_ns) {
  Histogram result;
  if (buckets.empty()) {
    if (sum_ns != 0) throw std::invalid_argument("a sum without samples");
    return result;
  }
  std::size_t next = 0;
  for (const BucketCount& bucket : buckets) {
    if (bucket.index >= kBuckets) throw std::invalid_argument("no such bucket");
    if (bucket.index < next) throw std::invalid_argument("buckets are not in ascending order");
    if (bucket.count == 0) throw std::invalid_argument("an empty bucket");
    if (bucket.count > UINT64_MAX - result.count_) throw std::invalid_argument("too many samples");
    next = bucket.index + 1;
    result.add(bucket.index, bucket.count);
    result.count_ += bucket.count;
  }
  if (min_ns < 0 || min_ns > max_ns || bucket_of(min_ns) != buckets.front().index ||
      bucket_of(max_ns) != buckets.back().index) {
    throw std::invalid_argument("min and max do not fit the buckets");
  }
  if (sum_ns < static_cast<__uint128_t>(min_ns) * result.count_ ||
      sum_ns > (static_cast<__uint128_t>(max_ns) + 1) * result.count_) {
    throw std::invalid_argument("the sum does not fit min, max and count");
  }
  result.sum_ns_ = sum_ns;
  result.min_ns_ = min_ns;
  result.max_ns_ = max_ns;
  return result;
}

std::uint64_t count_of(std::span<const BucketCount> buckets) {
  std::uint64_t count = 0;
  for (const BucketCount& bucket : buckets) count += bucket.count;
  return count;
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t place = 0; place < other.places(); ++place) {
    const BucketCount bucket = other.at(place);
    if (bucket.count != 0) add(bucket.index, bucket.count);
  }
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  min_ns_ = std::min(min_ns_, other.min_ns_);
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

double Histogram::mean_ns() const {
  assert(!empty());
  return static_cast<double>(sum_ns_) / static_cast<double>(count_);
}

std::int64_t Histogram::min_ns() const {
  assert(!empty());
  return min_ns_;
}

std::int64_t Histogram::max_ns() const {
  assert(!empty());
  return max_ns_;
}

std::int64_t Histogram::value_at(double quantile) const {
  assert(!empty());
  assert(quantile >= 0 && quantile <= 1);
  const double rank = std::ceil(quantile * static_cast<double>(count_));
  if (rank <= 1) return min_ns_;
  if (rank >= static_cast<double>(count_)) return max_ns_;
  const auto wanted = static_cast<std::uint64_t>(rank);
  std::uint64_t seen = 0;
  std::size_t place = 0;
  while ((seen += at(place).count) < wanted) ++place;
  const std::size_t bucket = at(place).index;
  return std::clamp(lower_ns(bucket) + width_ns(bucket) / 2, min_ns_, max_ns_);
}

}  // namespace tokenlift
