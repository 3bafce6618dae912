#pragma once
// Makes events happen elsewhere, for the loop: calls, commands, signals from outside.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace tokenlift {

class Actions {
 public:
  Actions() = default;
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  virtual ~Actions() = default;

  /// Event number `event` of the scenario is to happen now. Never blocks.
  virtual void begin(std::uint32_t event, std::int64_t now_ns) = 0;

  /// A signal from outside came, at this instant; each is said once. Nobody waited: nothing.
  virtual std::optional<std::int64_t> signalled() = 0;

  struct Done {
    std::uint32_t event = 0;
    std::int64_t begun_ns = 0;
    std::int64_t at_ns = 0;  ///< it answered
    std::string failure;     ///< empty: it holds; else why it does not, without secrets
  };
  /// One that has answered since the last call, if any has.
  virtual std::optional<Done> next() = 0;
};

/// Another process makes the events happen: here each holds at the instant at which it is to
/// happen.
class ActionsOfAnother final : public Actions {
 public:
  void begin(std::uint32_t event, std::int64_t now_ns) override {
    begun_.push_back({event, now_ns, now_ns, {}});
  }
  std::optional<std::int64_t> signalled() override { return std::nullopt; }
  std::optional<Done> next() override {
    if (begun_.empty()) return std::nullopt;
    Done done = std::move(begun_.front());
    begun_.pop_front();
    return done;
  }

 private:
  std::deque<Done> begun_;
};

}  // namespace tokenlift
