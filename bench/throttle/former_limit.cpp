#include "bench/throttle/former_limit.hpp"

namespace tokenlift {

FormerLimit::FormerLimit(const Gate& gate, std::uint8_t number)
    : gate_{gate.settings, gate.limiter->clone(), gate.terms, gate.lifted}, number_(number) {}

bool FormerLimit::agree(std::uint32_t edition, double drain) {
  return gate_.agree(edition, drain, gate_.terms.back().charge);
}

bool FormerLimit::refuses(std::int64_t now_ns, RequestId id, Key key, const Request& request) {
  const Micro units = gate_.cost(request);
  if (gate_.limiter->ready_at(now_ns, key, units) > now_ns) return true;
  taken_[id] = gate_.limiter->take(now_ns, key, units);
  return false;
}

/// Later ones are noted here: the throttle itself may have been lifted since, and then notes
/// nothing. What is not noted here passed before the change, maybe at its very instant, and has its
/// reservation noted in the request.
bool FormerLimit::has(RequestId id, const Request& request) const {
  const auto found = taken_.find(id);
  if (found != taken_.end()) return found->second;
  return (request.reserved_by >> number_ & 1) != 0;
}

void FormerLimit::refund(std::int64_t now_ns, RequestId id, Key key, const Request& request,
                         std::uint32_t edition, std::int32_t cached_tokens) {
  if (!gate_.settings.exempt_cached || !has(id, request)) return;
  const Micro units = cached_tokens * gate_.terms_of(edition).drain;
  gate_.limiter->refund(now_ns, key, request.admitted_ns, units);
}

void FormerLimit::settle(std::int64_t now_ns, RequestId id, Key key, const Request& request,
                         std::uint32_t edition, const Service& service) {
  if (has(id, request)) {
    const Terms& terms = gate_.terms_of(edition);
    gate_.limiter->settle(now_ns, key, gate_.settlement(terms, request, service));
  }
  taken_.erase(id);
}

}  // namespace tokenlift
