#pragma once
// What a throttle would have done had it not been changed: it tells the first admission that the
// old configuration would have refused.
//
// From the change on it is told of everything that the throttle is told of, and takes what it would
// have let through. Only its own throttle is looked at, not which request would have waited before
// which.

#include <cstdint>
#include <unordered_map>

#include "bench/record/request.hpp"
#include "bench/throttle/gate.hpp"

namespace tokenlift {

class FormerLimit {
 public:
  /// As `gate` (number `number` of the room) stands before the change.
  FormerLimit(const Gate& gate, std::uint8_t number);

  std::uint8_t gate() const { return number_; }

  /// Peak hours go on as they would have; false if a unit costs what it did. As Gate::agree().
  bool agree(std::uint32_t edition, double drain);

  /// A request passes now. True if this would not have let it through; otherwise it is taken.
  bool refuses(std::int64_t now_ns, RequestId id, Key key, const Request& request);

  /// As Limiter::refund() and settle(), for a request that passed before the change (in an edition
  /// of the terms) or after it; of any other nothing happens.
  void refund(std::int64_t now_ns, RequestId id, Key key, const Request& request,
              std::uint32_t edition, std::int32_t cached_tokens);
  void settle(std::int64_t now_ns, RequestId id, Key key, const Request& request,
              std::uint32_t edition, const Service& service);

 private:
  bool has(RequestId id, const Request& request) const;

  Gate gate_;
  std::uint8_t number_;
  std::unordered_map<RequestId, bool> taken_;  // since then; whether it is to be settled
};

}  // namespace tokenlift
