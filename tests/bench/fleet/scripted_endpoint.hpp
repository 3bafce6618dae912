#pragma once
// An endpoint for tests, in time moved by hand: what it answers to each attempt, and when, is what
// the test says. And what makes events happen elsewhere, in the same way.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/fleet/fleet.hpp"
#include "bench/machine/clock.hpp"
#include "bench/wire/actions.hpp"

namespace tokenlift {

/// What becomes of an attempt. Instants are from its submission on.
struct ScriptedReply {
  NewsKind kind = NewsKind::completed;  ///< completed, refused or failed
  std::int64_t first_byte_ns = 0;       ///< of the request, that is written
  std::int64_t headers_ns = 0;          ///< its status is read; a refusal comes then
  std::vector<std::int64_t> deltas_ns;  ///< of completed and failed ones: chunks with text
  std::int64_t end_ns = 0;              ///< completed and failed: the end of the reply
  bool accepted = true;                 ///< failed: after a status of success
  Reply reply = {};                     ///< the rest of what it says: usage, status, failure, ...
  std::optional<std::int64_t> retry_after_ns = {};  ///< refused
};

class ScriptedEndpoint final : public Fleet {
 public:
  using Answer = std::function<ScriptedReply(const Work&, std::int64_t now_ns)>;

  ScriptedEndpoint(const RecordingGrid& grid, Answer answer)
      : record_(grid), answer_(std::move(answer)) {}

  std::vector<std::uint64_t> ended;  ///< conversations

  /// Something else that happens then.
  void at(std::int64_t at_ns, std::function<void()> happens) {
    agenda_.emplace(at_ns, std::move(happens));
  }

  void submit(const Work& work, std::uint32_t replica, std::int64_t now_ns) override {
    submissions.push_back({work, now_ns});
    ++in_flight_;
    const ScriptedReply script = answer_(work, now_ns);
    Reply reply = script.reply;
    reply.admitted_ns = now_ns + script.first_byte_ns;
    reply.headers_ns = now_ns + script.headers_ns;
    reply.deltas = static_cast<std::int32_t>(script.deltas_ns.size());
    if (!reply.usage_known) reply.output_tokens = reply.deltas;
    if (reply.first_output_ns >= 0) reply.first_output_ns += now_ns;
    if (script.retry_after_ns) reply.retry_at_ns = reply.headers_ns + *script.retry_after_ns;
    News last{work.id, replica, reply.admitted_ns, 0, 0, 0, script.kind};
    if (script.kind == NewsKind::refused) {
      last.at_ns = reply.headers_ns;
      at(last.at_ns, [this, last, reply] { end(last, reply); });
      return;
    }
    if (script.kind == NewsKind::completed || script.accepted) {
      const News started{work.id, replica, 0, 0, reply.admitted_ns, 0, NewsKind::started};
      at(reply.headers_ns, [this, started] { news_.push_back(started); });
    }
    std::int64_t before_ns = -1;
    for (const std::int64_t delta_ns : script.deltas_ns) {
      const std::int64_t at_ns = now_ns + delta_ns;
      const std::int64_t gap_ps = before_ns < 0 ? -1 : (at_ns - before_ns) * 1000;
      at(at_ns, [this, cell = work.cell, at_ns, gap_ps] {
        record_.token(cell, at_ns, gap_ps);
        ++open_tokens_;
      });
      if (before_ns < 0) last.first_token_ns = at_ns;
      last.at_ns = before_ns = at_ns;
    }
    if (script.kind == NewsKind::failed) {
      last.at_ns = now_ns + script.end_ns;
      last.count = reply.deltas;
    }
    at(now_ns + script.end_ns, [this, last, reply, cell = work.cell] {
      const std::int32_t late = reply.output_tokens - reply.deltas;
      if (last.kind == NewsKind::completed && late > 0) {
        record_.late_tokens(cell, last.at_ns, late);
      }
      end(last, reply);
    });
  }

  void conversation_ended(std::uint64_t conversation) override { ended.push_back(conversation); }

  std::span<const News> advance(std::int64_t until_ns) override {
    news_.clear();
    replies_.clear();
    while (!agenda_.empty() && agenda_.begin()->first <= until_ns) {
      const std::function<void()> happens = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      happens();
    }
    return news_;
  }
  const Reply& reply(RequestId id) const override { return replies_.at(id); }
  void borders_moved() override { record_.borders_moved(); }
  std::int64_t next_event_ns() const override {
    return agenda_.empty() ? kNever : agenda_.begin()->first;
  }
  std::int64_t open_tokens() const override { return open_tokens_; }
  void stop(std::int64_t, TokenRecord& record) override { record.merge(record_); }
  std::optional<WireRecord> wire() override { return wire_record; }

  struct Submission {
    Work work;
    std::int64_t now_ns = 0;
  };
  std::vector<Submission> submissions;
  WireRecord wire_record;
  std::int64_t in_flight() const { return in_flight_; }

 private:
  void end(const News& last, const Reply& reply) {
    --in_flight_;
    open_tokens_ -= reply.deltas;
    news_.push_back(last);
    replies_[last.id] = reply;
  }

  TokenRecord record_;
  Answer answer_;
  std::multimap<std::int64_t, std::function<void()>> agenda_;
  std::vector<News> news_;
  std::map<RequestId, Reply> replies_;
  std::int64_t in_flight_ = 0;
  std::int64_t open_tokens_ = 0;
};

/// Calls are answered so long after they were begun; signals come at stated instants. The
/// endpoint's agenda wakes the loop up.
class ScriptedActions final : public Actions {
 public:
  ScriptedActions(ScriptedEndpoint& endpoint, const Clock& clock, std::int64_t takes_ns,
                  std::string failure = "")
      : endpoint_(endpoint), clock_(clock), takes_ns_(takes_ns), failure_(std::move(failure)) {}

  void signal_at(std::int64_t at_ns) {
    signals_.push_back(at_ns);
    endpoint_.at(at_ns, [] {});
  }

  void begin(std::uint32_t event, std::int64_t now_ns) override {
    begun.push_back(event);
    done_.push_back({event, now_ns, now_ns + takes_ns_, failure_});
    endpoint_.at(now_ns + takes_ns_, [] {});
  }
  std::optional<std::int64_t> signalled() override {
    if (signals_.empty() || signals_.front() > clock_.now_ns()) return std::nullopt;
    const std::int64_t at_ns = signals_.front();
    signals_.erase(signals_.begin());
    return at_ns;
  }
  std::optional<Done> next() override {
    if (done_.empty() || done_.front().at_ns > clock_.now_ns()) return std::nullopt;
    const Done done = done_.front();
    done_.erase(done_.begin());
    return done;
  }

  std::vector<std::uint32_t> begun;

 private:
  ScriptedEndpoint& endpoint_;
  const Clock& clock_;
  std::int64_t takes_ns_;
  std::string failure_;
  std::vector<std::int64_t> signals_;
  std::vector<Done> done_;
};

}  // namespace tokenlift
