#include "bench/waiting_room.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

namespace {

constexpr std::size_t kPrefetchAhead = 8;

}  // namespace

WaitingRoom::WaitingRoom(const std::vector<Throttle>& throttles, RequestTable& requests)
    : requests_(requests) {
  assert(throttles.size() <= kMostThrottles);
  throttles_.reserve(throttles.size());
  for (const Throttle& throttle : throttles) {
    assert(throttle.rate.per_s && throttle.burst.units && "resolve() the scenario first");
    throttles_.push_back({throttle.name, TokenBucket(*throttle.rate.per_s, *throttle.burst.units),
                          throttle.unit, throttle.when_full,
                          throttle.max_wait_ns.value_or(kNever)});
  }
}

std::int64_t WaitingRoom::cost(const Request& request, Unit unit) {
  switch (unit) {
    case Unit::requests:
      return 1;
    case Unit::input_tokens:
      return request.prompt_tokens;
    case Unit::output_tokens:
      return request.max_tokens;
    case Unit::tokens:
      return request.prompt_tokens + request.max_tokens;
  }
  return 0;
}

std::int64_t WaitingRoom::ready_at(std::int64_t now_ns, const Request& request) const {
  std::int64_t ready_ns = now_ns;
  for (const Gate& gate : throttles_) {
    if (gate.when_full == WhenFull::reject) continue;
    ready_ns = std::max(ready_ns, gate.bucket.ready_at(now_ns, cost(request, gate.unit)));
  }
  return ready_ns;
}

bool WaitingRoom::refused(std::int64_t now_ns, const Request& request) const {
  return std::any_of(throttles_.begin(), throttles_.end(), [&](const Gate& gate) {
    return gate.when_full == WhenFull::reject &&
           gate.bucket.ready_at(now_ns, cost(request, gate.unit)) > now_ns;
  });
}

void WaitingRoom::take(std::int64_t now_ns, Request& request) {
  for (std::size_t i = 0; i < throttles_.size(); ++i) {
    if (throttles_[i].bucket.take(now_ns, cost(request, throttles_[i].unit))) {
      request.reserved_by |= std::uint32_t{1} << i;
    }
  }
}

Verdict WaitingRoom::arrive(std::int64_t now_ns, RequestId id) {
  Request& request = requests_[id];
  if (line_.empty()) {
    if (refused(now_ns, request)) return Verdict::rejected;
    if (ready_at(now_ns, request) <= now_ns) {
      take(now_ns, request);
      return Verdict::admitted;
    }
  }
  std::int64_t max_wait_ns = kNever;
  for (const Gate& gate : throttles_) {
    if (gate.when_full == WhenFull::queue && !gate.bucket.lifted()) {
      max_wait_ns = std::min(max_wait_ns, gate.max_wait_ns);
    }
  }
  line_.push_back({id, max_wait_ns < kNever - now_ns ? now_ns + max_wait_ns : kNever});
  backlog_tokens_ += request.output_tokens;
  if (line_.size() == 1) look_at_head(now_ns);
  return Verdict::waiting;
}

void WaitingRoom::look_at_head(std::int64_t now_ns) {
  if (line_.empty()) return;
  // In a long line those who wait lie anywhere in memory.
  if (line_.size() > kPrefetchAhead) requests_.prefetch(line_[kPrefetchAhead].id);
  head_ready_ns_ = ready_at(now_ns, requests_[line_.front().id]);
  head_event_ns_ = std::min(head_ready_ns_, line_.front().deadline_ns);
}

std::optional<WaitingRoom::Released> WaitingRoom::release(std::int64_t now_ns) {
  if (line_.empty() || head_event_ns_ > now_ns) return std::nullopt;
  const Waiter head = line_.front();
  Request& request = requests_[head.id];
  // We may look late. Everything is decided as of the instant at which it was due, so that being
  // late makes nobody expire who would have gone in time, nor the ones behind them.
  const std::int64_t at_ns = head_event_ns_;
  Verdict verdict = Verdict::expired;
  if (head_ready_ns_ <= head.deadline_ns) {
    verdict = refused(at_ns, request) ? Verdict::rejected : Verdict::admitted;
  }
  if (verdict == Verdict::admitted) take(at_ns, request);
  line_.pop_front();
  backlog_tokens_ -= request.output_tokens;
  look_at_head(at_ns);
  return Released{head.id, verdict};
}

void WaitingRoom::settle(std::int64_t now_ns, const Request& request) {
  if (request.reserved_by == 0) return;
  bool refunded = false;
  for (std::size_t i = 0; i < throttles_.size(); ++i) {
    const bool reserved = (request.reserved_by >> i & 1) != 0;
    if (!reserved || throttles_[i].unit == Unit::requests ||
        throttles_[i].unit == Unit::input_tokens)
      continue;
    throttles_[i].bucket.refund(now_ns, request.max_tokens - request.output_tokens);
    refunded = true;
  }
  if (!refunded) return;
  // A refund only brings the head forward: who was ready before we looked again stays ready.
  const std::int64_t ready_before_ns = head_ready_ns_;
  look_at_head(now_ns);
  head_ready_ns_ = std::min(head_ready_ns_, ready_before_ns);
  if (!line_.empty()) head_event_ns_ = std::min(head_ready_ns_, line_.front().deadline_ns);
}

void WaitingRoom::apply(std::int64_t now_ns, const Event& event) {
  for (Gate& gate : throttles_) {
    if (gate.name != event.throttle) continue;
    if (event.kind == EventKind::lift) {
      gate.bucket.lift();
    } else {
      gate.bucket.set(now_ns, event.rate ? *event.rate->per_s : gate.bucket.rate_per_s(),
                      event.burst ? *event.burst->units : gate.bucket.burst_units(), event.inherit);
    }
  }
  look_at_head(now_ns);
}

}  // namespace tokenlift
