#pragma once
// Memory for weights, KV caches and what a step computes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tokenlift {

/// Bytes aligned to a cache line, zero at first; large ones in huge pages where the system has
/// them, since a decode step reads every weight once and would miss the TLB at every small page.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes) : bytes_(bytes) {
    const std::size_t unit = bytes >= kHugePage ? kHugePage : 64;
    const std::size_t whole = (bytes + unit - 1) / unit * unit;
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(unit, whole)));
    if (!data_) throw std::bad_alloc();
#if defined(__linux__)
    // Only advice: where it is refused, the pages are small.
    if (unit == kHugePage) madvise(data_.get(), whole, MADV_HUGEPAGE);
#endif
    std::memset(data_.get(), 0, whole);
  }

  std::size_t bytes() const {
    return bytes_;
  }
  void* data() const {
    return data_.get();
  }
  float* floats() const {
    return reinterpret_cast<float*>(data_.get());
  }
  std::byte* at(std::int64_t offset_bytes) const {
    return data_.get() + offset_bytes;
  }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  struct Release {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Release> data_;
  std::size_t bytes_ = 0;
};

}  // namespace tokenlift
