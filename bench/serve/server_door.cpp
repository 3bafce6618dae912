// Of the server: what it tells the loop, and what the loop tells it.

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "bench/machine/prefetch.hpp"
#include "bench/serve/server.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerS = 1'000'000'000;

/// Of a report's page, which holds all that it needs.
constexpr std::string_view kReportPageFields =
    "content-security-policy: default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\nx-content-type-options: nosniff\r\n"
    "referrer-policy: no-referrer\r\ncache-control: no-store\r\n";

std::int64_t rounded_up(std::int64_t ns, std::int64_t unit_ns) {
  return (std::max<std::int64_t>(ns, 0) + unit_ns - 1) / unit_ns;
}

/// Never too early; to the millisecond for who reads that.
std::string retry_fields(std::int64_t wait_ns) {
  return fmt::format("retry-after: {}\r\nretry-after-ms: {}\r\n",
                     std::max<std::int64_t>(rounded_up(wait_ns, kNsPerS), 1),
                     rounded_up(wait_ns, kNsPerMs));
}

}  // namespace

// ---------------------------------------------------------------------------------- for the loop

Peer* Server::peer_at(const Asked& asked, Turn::State state) {
  Peer* const peer = peers_[asked.first].get();
  const bool there = peer != nullptr && peer->stamp() == asked.second && peer->is_open() &&
                     peer->turn.state == state;
  return there ? peer : nullptr;
}

std::optional<IncomingRequest> Server::next_request() {
  while (!asked_.empty()) {
    const Asked asked = asked_.front();
    asked_.pop_front();
    if (const Peer* const peer = peer_at(asked, Turn::State::asked)) {
      return tenants_.request_of(*peer);
    }
  }
  return std::nullopt;
}

std::optional<RequestId> Server::next_hang_up() {
  if (hang_ups_.empty()) return std::nullopt;
  const RequestId id = hang_ups_.front();
  hang_ups_.pop_front();
  return id;
}

std::optional<Replan> Server::next_event(std::int64_t now_ns, bool measuring) {
  while (!posted_.empty()) {
    const Asked asked = posted_.front();
    posted_.pop_front();
    Peer* const peer = peer_at(asked, Turn::State::posted);
    if (peer == nullptr) continue;
    again_.push_back(asked);
    auto added = timetable_.add(peer->turn.text, now_ns, measuring);
    if (const auto* why = std::get_if<Timetable::Refusal>(&added)) {
      refuse(*peer, {why->conflicts ? 409 : 400, why->text});
      continue;
    }
    const Replan& replan = std::get<Replan>(added);
    const double at_s = to_s(replan.event.at_ns);
    figures_.events.push_back(
        fmt::format(R"({{"at_s":{:.9f},"event":{}}})", at_s, peer->turn.fields));
    answer(*peer, "application/json",
           fmt::format("{{\"at_s\":{:.9f},\"event\":{}}}\n", at_s, peer->turn.fields));
    return std::get<Replan>(std::move(added));
  }
  return std::nullopt;
}

void Server::begun(std::uint32_t caller, RequestId id) {
  if (peer_of_.size() <= id) peer_of_.resize(id + std::size_t{1}, kNone);
  peer_of_[id] = caller;
  Turn& turn = peers_[caller]->turn;
  turn.id = id;
  turn.state = Turn::State::begun;
}

void Server::close() {
  closing_ = true;
  listener_.close();
  for (const auto& peer : peers_) {
    if (peer && peer->is_open() && peer->turn.state == Turn::State::listening &&
        peer->input().empty() && !peer->coming && !peer->has_unsent()) {
      peer->close();
      gone(*peer);
    }
  }
}

void Server::gauges(const Gauges& gauges) {
  figures_.now_ns = gauges.now_ns;
  figures_.waiting = gauges.waiting;
  figures_.running = gauges.in_system - gauges.waiting;
  figures_.replicas =
      std::accumulate(gauges.replicas.begin(), gauges.replicas.end(), std::int64_t{0});
  if (gauges.now_ns < live_.next_ns()) return;
  if (run_ != nullptr) figures_.levels = run_->levels(gauges.now_ns);
  const std::string_view second = live_.end_second(figures_, gauges);
  for (const Asked& watcher : watchers_) {
    Peer* const peer = peer_at(watcher, Turn::State::watching);
    if (peer == nullptr) continue;
    append_event("second", second, peer->output());
    soil(*peer);
  }
}

/// One after the other: the loop goes on while one is written.
void Server::answer_reports() {
  if (const std::optional<std::string> report = desk_.take()) {
    if (Peer* const peer = peer_at(reading_, Turn::State::reported)) {
      again_.push_back(reading_);
      const ReportFormat format = peer->turn.format;
      answer(*peer, content_type_of(format), *report,
             format == ReportFormat::html ? kReportPageFields : std::string_view());
    }
  }
  while (!desk_.is_busy() && !reports_.empty()) {
    reading_ = reports_.front();
    reports_.pop_front();
    Peer* const peer = peer_at(reading_, Turn::State::reported);
    if (peer == nullptr) continue;
    if (std::optional<Run> run = run_ != nullptr ? run_->so_far() : std::nullopt) {
      desk_.write(std::move(*run), peer->turn.format);
    } else {
      again_.push_back(reading_);
      refuse(*peer, {404, "no request has come yet: there is nothing to report"});
    }
  }
}

std::int64_t Server::next_ns() const {
  return std::min(live_.next_ns(), timers_.next_ns());
}

void Server::look_at_run_queue(std::int64_t now_ns) {
  if (figures_.lateness.wants_look(now_ns)) figures_.lateness.look(now_ns, run_queue_.waited_ns());
}

void Server::note_lateness(Peer& peer) {
  const std::int64_t now_ns = clock_.now_ns();
  look_at_run_queue(now_ns);
  figures_.lateness.sent(std::exchange(peer.due_ns, kNever), now_ns);
}

void Server::pause(std::int64_t now_ns) {
  look_at_run_queue(now_ns);
  shake_hands();
  look_at_timers(now_ns);
  answer_reports();
  // By index: what is looked at may soil and leave. NOLINTNEXTLINE(modernize-loop-convert)
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    Peer* const peer = peers_[dirty_[i]].get();
    if (peer == nullptr) continue;
    peer->is_dirty = false;
    peer->flush();
    if (peer->due_ns != kNever) note_lateness(*peer);
  }
  dirty_.clear();
  for (const Asked& asked : std::exchange(again_, {})) {
    if (Peer* const peer = peer_at(asked, Turn::State::listening)) received(*peer);
  }
  for (const std::uint32_t number : std::exchange(left_, {})) {
    peers_[number].reset();
    free_.push_back(number);
  }
}

// --------------------------------------------------------------------------- what the loop tells

Peer* Server::peer_of(RequestId id) {
  const std::uint32_t number = id < peer_of_.size() ? peer_of_[id] : kNone;
  return number == kNone ? nullptr : peers_[number].get();
}

/// It has ended: nothing more is said of it, nor of its hanging up.
Peer* Server::release(RequestId id) {
  Peer* const peer = peer_of(id);
  if (peer == nullptr) std::erase(hang_ups_, id);
  if (id < peer_of_.size()) peer_of_[id] = kNone;
  if (peer != nullptr && !peer->input().empty()) again_.emplace_back(peer->number(), peer->stamp());
  return peer;
}

void Server::admitted(RequestId id, std::span<const GateStanding> standings, std::int64_t now_ns) {
  Peer* const peer = peer_of(id);
  if (peer == nullptr) return;
  peer->turn.fields =
      limit_fields(peer->turn.facts.dialect, standings, now_ns, clock_.wire().unix_s());
}

/// Of thousands of connections each is cold.
void Server::prefetch(RequestId id) {
  if (const Peer* const peer = peer_of(id)) tokenlift::prefetch(peer, sizeof *peer);
}

void Server::token(RequestId id, std::int32_t token, std::int64_t due_ns, std::int64_t now_ns) {
  Peer* const peer = peer_of(id);
  if (peer == nullptr) return;
  Turn& turn = peer->turn;
  const bool first = turn.facts.output_tokens++ == 0;
  ++figures_.output_tokens;
  ++figures_.tenants[turn.tenant].output_tokens;
  if (first) {
    figures_.ttft.count(now_ns - turn.asked_ns);
    live_.first_token(now_ns - turn.asked_ns);
  } else {
    figures_.gaps.count(now_ns - turn.last_token_ns);
  }
  turn.last_token_ns = now_ns;
  if (!turn.stream) {
    append_token_text(token, turn.text);
    return;
  }
  peer->due_ns = std::min(peer->due_ns, due_ns);
  std::string text;
  append_token_text(token, text);
  if (first) {
    append_stream_begin(turn.facts, turn.fields, peer->output());
    append_stream_token(token_event(turn.facts, true), text, peer->output());
  } else {
    if (turn.token_event.before.empty()) turn.token_event = token_event(turn.facts, false);
    append_stream_token(turn.token_event, text, peer->output());
  }
  soil(*peer);
}

void Server::completed(RequestId id, const Request& request, std::int64_t now_ns) {
  Peer* const peer = release(id);
  if (peer == nullptr) return;
  Turn& turn = peer->turn;
  turn.facts.reaches_limit = request.output_tokens >= turn.max_tokens;
  ++(turn.facts.reaches_limit ? figures_.cut_off : figures_.stopped);
  ++figures_.tenants[turn.tenant].completed;
  figures_.e2e.count(now_ns - turn.asked_ns);
  if (turn.stream) {
    append_stream_end(turn.facts, peer->output());
  } else {
    append_whole(turn.facts, turn.text, turn.fields, turn.keep_alive && !closing_, peer->output());
  }
  end_turn(*peer);
}

void Server::count_overloaded(const Turn& turn) {
  ++figures_.overloaded;
  ++figures_.tenants[turn.tenant].overloaded;
}

/// By its own limits (429), or because of everybody's load: in the dialect's way.
void Server::turn_down(Peer& peer, bool overloaded, const ErrorText& error,
                       const std::string& fields) {
  ErrorText its = error;
  if (overloaded) {
    its.status = peer.turn.facts.dialect == Dialect::anthropic ? 529 : 503;
    count_overloaded(peer.turn);
  } else {
    ++figures_.refused;
    ++figures_.tenants[peer.turn.tenant].refused;
  }
  refuse(peer, its, fields);
}

void Server::refused(RequestId id, const Decision& decision,
                     std::span<const GateStanding> standings, std::int64_t now_ns) {
  Peer* const peer = release(id);
  if (peer == nullptr) return;
  std::string fields =
      limit_fields(peer->turn.facts.dialect, standings, now_ns, clock_.wire().unix_s());
  const bool expired = decision.verdict == Verdict::expired;
  if (decision.overloaded) {
    turn_down(*peer, true,
              {503, expired ? "the request waited for as long as the queue lets it"
                            : "too many requests wait already"},
              fields);
  } else if (decision.permanent) {
    fields += "x-should-retry: false\r\n";
    turn_down(*peer, false,
              {429, "the request costs more than a limit ever gives", {}, "rate_limit_exceeded"},
              fields);
  } else {
    if (decision.retry_at_ns) fields += retry_fields(*decision.retry_at_ns - now_ns);
    turn_down(*peer, false,
              {429,
               expired ? "the request waited at a rate limit for as long as it may"
                       : "a rate limit does not let the request through",
               {},
               "rate_limit_exceeded"},
              fields);
  }
}

void Server::lost(RequestId id, std::int64_t) {
  Peer* const peer = release(id);
  if (peer == nullptr) return;
  constexpr std::string_view kGone = "the replica that computed the request is gone";
  if (peer->turn.stream && peer->turn.facts.output_tokens > 0) {
    count_overloaded(peer->turn);
    append_stream_error(peer->turn.facts, kGone, peer->output());
    peer->turn.keep_alive = false;
    end_turn(*peer);
    return;
  }
  turn_down(*peer, true, {503, kGone}, {});
}

}  // namespace tokenlift
