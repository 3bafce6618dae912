#pragma once
// One request on its way through the system, and what the fleet reports of it.

#include <cstdint>
#include <limits>
#include <vector>

namespace tokenlift {

/// An instant that never comes.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// A request in flight: its place in the RequestTable. Reused after the request has left.
using RequestId = std::uint32_t;

/// A tenant, and the planned phase that a request's due instant falls in: where its tokens are
/// recorded. RecordingGrid::cell() makes it.
using CellId = std::uint32_t;

struct Request {
  std::int64_t due_ns = 0;
  std::int64_t sent_ns = 0;
  std::int64_t admitted_ns = 0;
  std::uint64_t number = 0;       ///< within its tenant, from 0: the key of its draws
  std::uint64_t reserved_by = 0;  ///< bit i: throttle i holds a reservation of this request
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::int32_t max_tokens = 0;  ///< what it reserves from a limit on output tokens
  std::uint16_t tenant = 0;
  std::uint8_t phase = 0;  ///< the planned phase that its due instant falls in
};
// There may be millions of them in flight.
static_assert(sizeof(Request) <= 56);

/// What a replica needs to know of a request.
struct Work {
  RequestId id = 0;
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::uint64_t number = 0;
  std::uint32_t tenant = 0;
  CellId cell = 0;
};

/// A request that got its last token.
struct Completion {
  RequestId id = 0;
  std::uint32_t replica = 0;
  std::int64_t scheduled_ns = 0;
  std::int64_t first_token_ns = 0;
  std::int64_t last_token_ns = 0;
};

/// The requests in flight. Memory is O(requests in flight): places are reused.
class RequestTable {
 public:
  RequestId add(const Request& request) {
    if (free_.empty()) {
      requests_.push_back(request);
      return static_cast<RequestId>(requests_.size() - 1);
    }
    const RequestId id = free_.back();
    free_.pop_back();
    requests_[id] = request;
    return id;
  }
  void remove(RequestId id) {
    requests_[id].due_ns = kNever;  // marks an empty place
    free_.push_back(id);
  }
  /// Visits every request in flight.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Request& request : requests_) {
      if (request.due_ns != kNever) visit(request);
    }
  }
  Request& operator[](RequestId id) { return requests_[id]; }
  const Request& operator[](RequestId id) const { return requests_[id]; }
  std::size_t size() const { return requests_.size() - free_.size(); }

 private:
  std::vector<Request> requests_;
  std::vector<RequestId> free_;
};

}  // namespace tokenlift
