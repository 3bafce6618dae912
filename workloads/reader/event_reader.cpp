#include "workloads/reader/event_reader.hpp"

#include <algorithm>
#include <utility>

#include "workloads/plan/changes.hpp"
#include "workloads/reader/arrivals_reader.hpp"
#include "workloads/reader/call_reader.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kActionAdvice =
    R"(lift = "NAME" removes a throttle, restore = "NAME" brings it back, )"
    R"(set = { throttle = "NAME", ... } changes it, )"
    R"(ramp = { throttle = "NAME", to = "500/s", over = "10s" } moves it; replicas )"
    R"(join = { site = "NAME" }, leave, fail or slow down: slow = { site = "NAME", decode = 2.0 })";
constexpr std::string_view kSignal = "signal";

}  // namespace

Event EventReader::read(TableReader& table) {
  Event event;
  read_at(table, event);
  check_actions(table, event);
  if (event.at_signal) event.kind = EventKind::signal;
  if (table.find("lift") != nullptr) {
    event.kind = EventKind::lift;
    throttle_named(table, "lift", event);
  }
  read_restore(table, event);
  if (auto set = table.table("set", "set")) read_set(std::move(*set), event);
  if (auto ramp = table.table("ramp", "ramp")) read_ramp(std::move(*ramp), event);
  fleet_events_.read(table, event);
  read_call_or_command(table, engine_, folder_, event);
  assign(event.measure, table.flag("measure"));
  table.finish();
  return event;
}

// At a signal an event may do nothing itself: then whoever sends it has done something elsewhere.
// What replicas do is planned before the run.
void EventReader::check_actions(TableReader& table, const Event& event) {
  std::vector<std::string_view> actions;
  bool is_planned = false;
  for (const Keyword<EventKind>& keyword : kKeywords<EventKind>) {
    if (keyword.value == EventKind::signal || !table.has(keyword.name)) continue;
    actions.push_back(keyword.name);
    is_planned = std::ranges::find(kFleetEvents, keyword.value) != kFleetEvents.end();
  }
  if (actions.size() > 1 || (actions.empty() && !event.at_signal)) {
    table.mistake(actions.empty() ? "lift" : actions.back(),
                  actions.empty() ? "the event does nothing"
                                  : "an event has " + in_quotes(actions.front()) + " or " +
                                        in_quotes(actions.back()) + ", not both",
                  std::string(kActionAdvice));
  } else if (event.at_signal && is_planned) {
    table.mistake(
        "at", in_quotes(actions.front()) + " is planned before the run, with its instant",
        "state it: at = \"15s\"; a signal changes a throttle, begins a call or a command, or "
        "stands alone");
  }
}

void EventReader::read_at(TableReader& table, Event& event) {
  table.require("at", "for example at = \"15s\"");
  if (const toml::node* node = table.find("at");
      node != nullptr && node->value<std::string_view>() == kSignal) {
    event.at_signal = true;
    if (engine_ && !traits_of(*engine_).remote) {
      table.mistake("at", "engine " + in_quotes(name_of(*engine_)) + " waits for no signal",
                    "state an instant: at = \"15s\"; or set run.engine = \"http\"");
    }
    return;
  }
  const std::optional<std::int64_t> at_ns = table.duration_ns("at");
  assign(event.at_ns, at_ns);
  const bool run_has_length = run_.warmup_ns < run_.duration_ns;  // else that is the mistake
  if (at_ns && run_has_length && (*at_ns <= run_.warmup_ns || *at_ns >= run_.duration_ns)) {
    table.mistake("at", "the event is not between the end of the warm-up and the end of the run",
                  "more than " + format_duration(run_.warmup_ns) + " and less than " +
                      format_duration(run_.duration_ns));
  }
}

const KnownThrottle* EventReader::throttle_named(TableReader& table, std::string_view key,
                                                 Event& event) {
  const std::optional<std::string> name = table.text(key);
  if (!name) return nullptr;
  event.throttle = *name;
  const auto found = std::ranges::find(throttles_, *name, &KnownThrottle::name);
  if (found != throttles_.end()) return &*found;
  std::vector<std::string> names;
  for (const KnownThrottle& known : throttles_) names.push_back(known.name);
  table.mistake(key, "there is no throttle " + in_quotes(*name),
                names.empty() ? "add a [[throttle]]" : suggest(*name, names));
  return nullptr;
}

void EventReader::note(const TableReader& table, const Event& event, const KnownThrottle* known) {
  if (known == nullptr || !known->sound) return;
  note_sizes(table, event, *known->sound, static_cast<std::size_t>(known - throttles_.data()),
             sizes_);
}

void EventReader::read_set(TableReader table, Event& event) {
  const Mark mark{document_};
  event.kind = EventKind::set;
  table.require("throttle", "the name of the throttle to change");
  const KnownThrottle* known = throttle_named(table, "throttle", event);
  static_cast<Settings&>(event) =
      read_settings(table, known != nullptr ? known->kind : std::nullopt);
  const bool nothing = std::ranges::all_of(
      table.keys(), [](const std::string& key) { return key == "throttle" || key == "inherit"; });
  if (nothing && mark.sound()) {
    table.mistake("throttle", "nothing is set", "give rate, load, limit or another parameter");
  }
  if (event.min_limit && event.max_limit && *event.min_limit > *event.max_limit) {
    table.mistake("min_limit", R"("min_limit" is larger than "max_limit")", "exchange them");
  }
  if (known != nullptr && known->sound) check_charge(table, event, known->sound->unit);
  assign(event.inherit, table.choice<Inherit>("inherit"));
  table.finish();
  if (mark.sound()) note(table, event, known);
}

// A name alone, or a table where it says what becomes of the state.
void EventReader::read_restore(TableReader& table, Event& event) {
  const toml::node* node = table.find("restore");
  if (node == nullptr) return;
  event.kind = EventKind::restore;
  if (!node->is_table()) {
    throttle_named(table, "restore", event);
    return;
  }
  TableReader restore = *table.table("restore", "restore");
  restore.require("throttle", "the name of the throttle to bring back");
  throttle_named(restore, "throttle", event);
  assign(event.inherit, restore.choice<Inherit>("inherit"));
  restore.finish();
}

void EventReader::read_ramp(TableReader table, Event& event) {
  const Mark mark{document_};
  event.kind = EventKind::ramp;
  table.require("throttle", "the name of the throttle to move");
  const KnownThrottle* known = throttle_named(table, "throttle", event);
  table.require("to", "where it ends: to = \"500/s\", to = { load = 0.8 }, or to = 64 for a limit");
  Rate to;
  read_end(table, "to", known, to, event.limit);
  if (to.per_s || to.load) event.rate = to;
  Rate from;
  read_end(table, "from", known, from, event.from_limit);
  if (from.per_s || from.load) event.from = from;
  table.require("over", "how long it takes, for example over = \"10s\"");
  assign(event.over_ns, table.positive_duration_ns("over"));
  if (run_.warmup_ns < run_.duration_ns && event.over_ns > run_.duration_ns - event.at_ns &&
      event.at_ns < run_.duration_ns) {
    table.mistake("over", "the ramp ends after the run",
                  "at + over is at most duration, " + format_duration(run_.duration_ns));
  }
  assign(event.steps, table.whole("steps", 1, kMostSteps));
  if (kind_uses(table, known != nullptr ? known->kind : std::nullopt, throttle_key("burst"))) {
    event.burst = read_burst(table);
  }
  assign(event.inherit, table.choice<Inherit>("inherit"));
  table.finish();
  if (!mark.sound() || known == nullptr || !known->sound) return;
  const auto index = static_cast<std::size_t>(known - throttles_.data());
  if (event.burst && event.burst->units) {
    sizes_.push_back({index, "burst", *event.burst->units, table.place("burst")});
  }
  for (const auto& [key, limit] :
       {std::pair("to", event.limit), std::pair("from", event.from_limit)}) {
    if (limit) sizes_.push_back({index, key, *limit, table.place(key)});
  }
}

// "500/s", 64, or one key of { rate, load, limit }.
void EventReader::read_end(TableReader& ramp, std::string_view key, const KnownThrottle* known,
                           Rate& rate, std::optional<double>& limit) {
  const toml::node* node = ramp.find(key);
  if (node == nullptr) return;
  const std::optional<ThrottleKind> kind = known != nullptr ? known->kind : std::nullopt;
  const ThrottleKey& by_limit = throttle_key("limit");
  const bool has_rate = !kind || traits_of(*kind).has_rate;
  const bool has_limit = !kind || by_limit.belongs_to(traits_of(*kind));
  if (node->is_table()) {
    TableReader end = *ramp.table(key, std::string(key));
    if (end.keys().size() != 1) {
      ramp.mistake(key, in_quotes(key) + " must have one of rate, load and limit",
                   "for example " + std::string(key) + " = { load = 0.8 }");
    }
    rate = read_rate(end, kind);
    if (kind_uses(end, kind, by_limit)) limit = end.number("limit", by_limit.least, by_limit.most);
    end.finish();
  } else if (node->is_string() && has_rate) {
    rate.per_s = ramp.rate_per_s(key);
  } else if (node->is_number() && has_limit) {
    limit = ramp.number(key, by_limit.least, by_limit.most);
  } else if (has_rate) {
    ramp.wrong_type(key, *node, "a rate", "\"500/s\", or { load = 0.8 }");
  } else {
    ramp.wrong_type(key, *node, "a limit", "64");
  }
}

}  // namespace tokenlift
