#include "bench/wire/remote_actions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bench/wire/delta.hpp"
#include "bench/wire/request_text.hpp"

namespace tokenlift {

/// One that has begun: a call, a command, or nothing but its failure.
struct RemoteActions::Action {
  std::uint32_t event = 0;
  std::int64_t begun_ns = 0;
  std::unique_ptr<Exchange> call;
  std::unique_ptr<ChildProcess> command;
  std::string failure;

  bool is_done() const {
    if (call != nullptr) return call->is_done();
    return command == nullptr || command->end().has_value();
  }
};

RemoteActions::RemoteActions(const Scenario& scenario, WireClock& clock, bool allow_commands)
    : scenario_(scenario),
      clock_(clock),
      allow_commands_(allow_commands),
      secrets_(secrets_of(scenario)),
      origins_(scenario.events.size()),
      keys_(scenario.events.size()) {
  for (std::size_t i = 0; i < scenario.events.size(); ++i) {
    const Event& event = scenario.events[i];
    if (!event.call) continue;
    origins_[i] = find_origin(event.call->url, ca_file_for(scenario, event.call->url));
    keys_[i] = read_key(event.call->credentials);
  }
  const bool waits = std::ranges::any_of(
      scenario.events, [](const Event& e) { return e.at_signal || e.kind == EventKind::signal; });
  if (waits) signals_.emplace(clock);
}

RemoteActions::~RemoteActions() = default;

void RemoteActions::begin(std::uint32_t number, std::int64_t now_ns) {
  const Event& event = scenario_.events[number];
  Action action;
  action.event = number;
  action.begun_ns = now_ns;
  if (event.kind == EventKind::call) {
    const Origin& origin = *origins_[number];
    action.call = std::make_unique<Exchange>(
        clock_, origin, call_request(*event.call, origin.url, keys_[number]), Exchange::Limits());
  } else if (event.kind == EventKind::command && allow_commands_) {
    action.command = std::make_unique<ChildProcess>(clock_, event.command);
  } else if (event.kind == EventKind::command) {
    action.failure = "commands are not allowed: --allow-commands allows them";
  }
  under_way_.push_back(std::move(action));
  clock_.ring();
}

std::optional<std::int64_t> RemoteActions::signalled() {
  return signals_ ? signals_->next() : std::nullopt;
}

std::optional<Actions::Done> RemoteActions::next() {
  if (under_way_.empty()) return std::nullopt;
  const std::int64_t now_ns = clock_.now_ns();
  for (Action& action : under_way_) {
    if (action.call != nullptr) action.call->look(now_ns);
  }
  const auto found = std::ranges::find_if(under_way_, &Action::is_done);
  if (found == under_way_.end()) return std::nullopt;
  Done done = done_of(*found);
  under_way_.erase(found);
  return done;
}

Actions::Done RemoteActions::done_of(const Action& action) const {
  Done done{action.event, action.begun_ns, action.begun_ns, action.failure};
  const Event& event = scenario_.events[action.event];
  if (action.command != nullptr) {
    const ChildProcess::End& end = *action.command->end();
    done.at_ns = end.at_ns;
    if (!end.failure.empty()) {
      done.failure = secrets_.blank(fmt::format("'{}' {}", event.command.front(), end.failure));
    }
  }
  if (action.call != nullptr) {
    const Exchange::Result& result = action.call->result();
    done.at_ns = result.at_ns;
    const std::string where = fmt::format("{} {}", event.call->method, event.call->url);
    if (result.failure) {
      done.failure = fmt::format("{}: {} ({})", where, result.message, name_of(*result.failure));
    } else if (result.status != event.call->expect) {
      const std::string said = DeltaReader(Api::openai_chat).error_text(result.body);
      done.failure =
          fmt::format("{} was answered with {}, and {} was expected{}", where, result.status,
                      event.call->expect, said.empty() ? "" : ": " + said);
    }
    done.failure = secrets_.blank(done.failure);
  }
  return done;
}

}  // namespace tokenlift
