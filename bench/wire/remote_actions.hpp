#pragma once
// Events that happen elsewhere: calls by HTTP, commands, and signals from outside.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/wire/actions.hpp"
#include "bench/wire/child_process.hpp"
#include "bench/wire/exchange.hpp"
#include "bench/wire/origin.hpp"
#include "bench/wire/outside_signals.hpp"
#include "bench/wire/secrets.hpp"
#include "bench/wire/wire_clock.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class RemoteActions final : public Actions {
 public:
  /// Looks up names and reads keys: throws EndpointError. Commands happen only where they are
  /// allowed. `scenario` and `clock` must outlive it.
  RemoteActions(const Scenario& scenario, WireClock& clock, bool allow_commands);
  ~RemoteActions() override;

  void begin(std::uint32_t event, std::int64_t now_ns) override;
  std::optional<std::int64_t> signalled() override;
  std::optional<Done> next() override;

 private:
  struct Action;
  Done done_of(const Action& action) const;

  const Scenario& scenario_;
  WireClock& clock_;
  bool allow_commands_;
  Secrets secrets_;
  // By event, of calls:
  std::vector<std::optional<Origin>> origins_;
  std::vector<std::string> keys_;          // empty: none
  std::optional<OutsideSignals> signals_;  // where an event waits for one
  std::deque<Action> under_way_;
};

}  // namespace tokenlift
