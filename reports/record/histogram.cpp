#include "reports/record/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace tokenlift {

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
    result.buckets_[bucket.index] = bucket.count;
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
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    buckets_[bucket] += other.buckets_[bucket];
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
  std::size_t bucket = 0;
  while ((seen += buckets_[bucket]) < wanted) ++bucket;
  return std::clamp(lower_ns(bucket) + width_ns(bucket) / 2, min_ns_, max_ns_);
}

}  // namespace tokenlift
