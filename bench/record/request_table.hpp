#pragma once
// The requests in flight.

#include <cstddef>
#include <limits>
#include <memory_resource>
#include <new>
#include <vector>

#include "bench/machine/huge_pages.hpp"
#include "bench/record/request.hpp"

namespace tokenlift {

/// Memory is O(requests in flight): places are reused, the last one that
/// became free first. Requests never move, so that a table of millions grows without being copied.
class RequestTable {
 public:
  RequestTable() = default;
  RequestTable(const RequestTable&) = delete;
  RequestTable& operator=(const RequestTable&) = delete;

  RequestId add(const Request& request) {
    RequestId id = free_;
    if (id == kNone) {
      if (places_ % kChunk == 0) add_chunk();
      id = places_++;
    } else {
      free_ = static_cast<RequestId>((*this)[id].number);
    }
    (*this)[id] = request;
    ++size_;
    return id;
  }
  void remove(RequestId id) {
    Request& place = (*this)[id];
    place.due_ns = kNever;  // marks an empty place,
    place.number = free_;   // which says where the next one is
    free_ = id;
    --size_;
  }
  /// Visits every request in flight, with its id.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (RequestId id = 0; id < places_; ++id) {
      if ((*this)[id].due_ns != kNever) visit(id, (*this)[id]);
    }
  }
  Request& operator[](RequestId id) { return chunks_[id / kChunk][id % kChunk]; }
  const Request& operator[](RequestId id) const { return chunks_[id / kChunk][id % kChunk]; }
  /// Fetches a request that is about to be read.
  void prefetch(RequestId id) const {
    const Request& request = (*this)[id];
    __builtin_prefetch(&request);
    __builtin_prefetch(&request.max_tokens);  // may lie in the next cache line
  }
  std::size_t size() const { return size_; }

 private:
  static constexpr RequestId kChunk = 4096;
  static constexpr RequestId kNone = std::numeric_limits<RequestId>::max();

  void add_chunk() {
    void* memory = memory_.allocate(kChunk * sizeof(Request), alignof(Request));
    chunks_.push_back(new (memory) Request[kChunk]);
  }

  HugePages pages_;
  std::pmr::monotonic_buffer_resource memory_{kChunk * sizeof(Request), &pages_};
  std::vector<Request*> chunks_;  // a Request needs no destructor
  RequestId places_ = 0;          // that have been used
  RequestId free_ = kNone;
  std::size_t size_ = 0;
};

}  // namespace tokenlift
