// Of the loop: what endpoints say of requests, and how sending ends before the run does.

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "bench/run/loop.hpp"

namespace tokenlift {

/// As collect(), of a fleet that may refuse and fail, and that says more.
void Loop::hear() {
  const std::span<const News> all = fleet_.advance(now_ns_);
  if (all.empty()) return;
  for (const News& news : all) {
    if (news.kind == NewsKind::started) begin_reply(news);
    if (news.kind == NewsKind::completed) end_reply(news);
  }
  recorder_.completed(all, requests_, now_ns_);
  for (const News& news : all) {
    switch (news.kind) {
      case NewsKind::started:
        continue;
      case NewsKind::completed:
        depart(news);
        break;
      case NewsKind::refused:
        turn_away(news);
        break;
      case NewsKind::failed:
        give_up_attempt(news);
        break;
      case NewsKind::token:
      case NewsKind::cancelled:
      case NewsKind::returned:
        assert(false && "an endpoint is asked for neither, and hands nothing on");
        break;
    }
    if (!draining_) dispatch_waiting();
  }
}

/// An endpoint has accepted it. The throttles of the scenario keep the instant at which they let it
/// through, by which they are settled.
void Loop::begin_reply(const News& news) {
  Request accepted = requests_[news.id];
  accepted.admitted_ns = accepted_ns_[news.id] = news.at_ns;
  recorder_.admitted(accepted);
  note_cached(news.id, news.count);
}

/// What of its prompt was in the endpoint's cache, as far as it has said so.
void Loop::note_cached(RequestId id, std::int32_t cached_tokens) {
  if (!announces_ || cached_tokens <= prefixes_[id].cached_tokens) return;
  cached_tokens = std::min(cached_tokens, requests_[id].prompt_tokens);
  room_.scheduled(now_ns_, id, cached_tokens - prefixes_[id].cached_tokens);
  prefixes_[id].cached_tokens = cached_tokens;
}

/// What the throttles of the scenario charged is settled by what came; from then on the request has
/// the tokens that it got, and was admitted where its endpoint accepted it.
void Loop::end_reply(const News& done) {
  const Reply& reply = fleet_.reply(done.id);
  note_cached(done.id, reply.cached_tokens);
  Request& request = requests_[done.id];
  const std::int32_t output_tokens = std::max(reply.output_tokens, 1);
  settle_attempt(done.id, std::min(output_tokens, request.max_tokens),
                 done.first_token_ns - reply.admitted_ns);
  got_tokens_ += output_tokens;
  request.admitted_ns = reply.admitted_ns;
  request.output_tokens = output_tokens;
  recorder_.replied(request, done, reply);
}

/// When an endpoint accepted the attempt that it has; negative: it has not, or there is none.
std::int64_t Loop::accepted_ns(RequestId id) const {
  return id < accepted_ns_.size() && requests_[id].admitted_ns >= 0 ? accepted_ns_[id] : -1;
}

void Loop::settle_attempt(RequestId id, std::int64_t output_tokens, std::int64_t ttft_ns) {
  std::int32_t cached_tokens = 0;
  if (announces_) cached_tokens = std::exchange(prefixes_[id].cached_tokens, 0);
  room_.settle(now_ns_, id, Service{output_tokens, cached_tokens, ttft_ns});
}

/// Its endpoint refused it. It goes back to its client.
void Loop::turn_away(const News& news) {
  const Reply& reply = fleet_.reply(news.id);
  Request& request = requests_[news.id];
  recorder_.refused(request, reply.overloaded, now_ns_);
  const bool waited = request.admitted_ns > request.sent_ns;  // at throttles of the scenario
  if (request.attempts == 1 && !reply.overloaded && !waited) recorder_.held(request);
  router_.finished(news.replica);
  settle_attempt(news.id, 0, -1);
  request.admitted_ns = -1;
  const bool permanent = !clients_.may_retry(request, reply);
  refuse(news.id, Decision{Verdict::rejected, reply.retry_at_ns, permanent}, {Verdict::rejected});
}

/// Its endpoint broke. It goes back to its client, who may have got some of its tokens.
void Loop::give_up_attempt(const News& news) {
  const Reply& reply = fleet_.reply(news.id);
  Request& request = requests_[news.id];
  recorder_.wasted(request, news.count);
  got_tokens_ += news.count;
  router_.finished(news.replica);
  settle_attempt(news.id, std::min(news.count, request.max_tokens), -1);
  const std::int64_t accepted = accepted_ns(news.id);
  request.admitted_ns = -1;
  const bool permanent = !clients_.may_retry(request, reply);
  refuse(news.id, Decision{Verdict::rejected, std::nullopt, permanent},
         {Verdict::failed, reply.failure, accepted});
}

// -------------------------------------------------------------------------- how sending ends early

/// True where nothing more is to be sent at all. Once enough requests were sent, those that wait or
/// try again are still decided.
bool Loop::reaches_bound() {
  const RunSettings& run = scenario_.run;
  if (run.stop_after_output_tokens &&
      got_tokens_ + fleet_.open_tokens() >= *run.stop_after_output_tokens) {
    outcome_.bound = Bound::output_tokens;
    return true;
  }
  if (outcome_.bound || !run.stop_after_requests) return false;
  if (board_.sent.load(std::memory_order_relaxed) < *run.stop_after_requests) return false;
  outcome_.bound = Bound::requests;
  end_sending();
  answers_matter_ = false;
  next_change_ns_ = kNever;
  auto all = std::exchange(timeline_, {});
  for (; !all.empty(); all.pop()) {
    if (all.top().kind == Kind::retry) timeline_.push(all.top());
  }
  return false;
}

/// What was to be measured ends now, and events with it.
void Loop::end_sending() {
  if (now_ns_ >= send_until_ns_) return;
  send_until_ns_ = now_ns_;
  outcome_.sent_until_ns = now_ns_;
  hard_end_ns_ = now_ns_ + scenario_.run.cooldown_max_ns;
  tokenlift::end_sending(*elsewhere_->grid, now_ns_);
  borders_moved();
}

std::int64_t Loop::in_fleet() const {
  return static_cast<std::int64_t>(requests_.size() - room_.waiting()) - backoff_requests_ -
         router_.waiting();
}

/// Sends nothing more, and waits for what is in flight.
void Loop::drain() {
  draining_ = true;
  end_sending();
  while (in_fleet() > 0 && now_ns_ < hard_end_ns_ &&
         !elsewhere_->cut->load(std::memory_order_relaxed)) {
    now_ns_ = clock_.wait(std::min(fleet_.next_event_ns(), hard_end_ns_));
    pass_time();
    hear();
    show_progress();
    // Ctrl-C may come while a run that has reached its bound is drained.
    if (stop_.load(std::memory_order_relaxed)) outcome_.interrupted = true;
  }
}

}  // namespace tokenlift
