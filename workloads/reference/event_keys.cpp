// [[throttle]], whose keys are rows already (../scenario/throttle_keys), and [[event]].

#include <type_traits>

#include "workloads/plan/changes.hpp"
#include "workloads/reference/key_rows.hpp"
#include "workloads/scenario/throttle_keys.hpp"

namespace tokenlift::rows {

namespace {

/// What a key of a throttle can be, by the type of its member.
struct FormOf {
  LanguageKey& key;

  void operator()(const RateMember& member) const {
    key.forms = member.part == &Rate::load ? Form::number : Form::rate;
  }
  template <typename Value, typename Kept>
  void operator()(const Member<Value, Kept>& /*member*/) const {
    of<Value>();
  }
  template <typename Value>
  void operator()(const FixedMember<Value>& /*member*/) const {
    of<Value>();
  }

  template <typename Value>
  void of() const {
    if constexpr (std::is_same_v<Value, Burst>) {
      key.forms = Form::duration | Form::number;
    } else if constexpr (std::is_same_v<Value, std::int64_t>) {
      key.forms = Form::duration;
    } else if constexpr (std::is_same_v<Value, std::string>) {
      key.forms = Form::name;
    } else if constexpr (std::is_same_v<Value, bool>) {
      key.forms = Form::flag;
    } else if constexpr (std::is_same_v<Value, double>) {
      key.forms = Form::number;
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      key.forms = Form::texts;
    } else if constexpr (std::is_same_v<Value, std::vector<PeakHours>>) {
      key.forms = Form::tables;
      key.table = "throttle.schedule";
    } else if constexpr (std::is_same_v<Value, std::optional<Follows>>) {
      key.forms = Form::word;
      key.words = words_of<Follows>();
    } else {
      key.forms = Form::word;
      key.words = words_of<Value>();
    }
  }
};

LanguageKey row_of(const ThrottleKey& of) {
  LanguageKey key{of.name, Form::text, of.by_default, of.help, {of.least, of.most}};
  std::visit(FormOf{key}, of.member);
  const std::vector<ThrottleKind> kinds = kinds_with(of);
  if (kinds.size() < kThrottleKinds.size()) {
    for (const ThrottleKind kind : kinds) key.kinds.push_back(name_of(kind));
  }
  key.required = of.name == "name" || of.name == "kind";
  return key;
}

LanguageKey throttle_named() {
  return required(form("throttle", Form::name, "", "which one"));
}
LanguageKey inherit() {
  return word<Inherit>("inherit", "`as_is`", "what becomes of what users have saved or owe");
}

LanguageTable of_set() {
  LanguageTable set{"event.set",     "set", "What a throttle's keys become.",
                    Shown::in_prose, "",    {throttle_named()}};
  for_each_setting([&](const ThrottleKey& of, const auto&) {
    LanguageKey key = row_of(of);
    key.kinds.clear();  // the event does not say which kind its throttle is
    key.by_default = "as it is";
    set.keys.push_back(key);
  });
  set.keys.push_back(inherit());
  return set;
}

Tables of_throttle_events() {
  const LanguageKey limit = row_of(throttle_key("limit"));
  const auto end = [&](Text name, Text by_default, Text help) {
    LanguageKey key = form(name, Form::rate | Form::number | Form::table, by_default, help);
    key.bounds = limit.bounds;
    key.table = "event.ramp.end";
    return key;
  };
  LanguageKey burst = row_of(throttle_key("burst"));
  burst.by_default = "as it is";
  burst.help = "the burst at the end";
  burst.kinds.clear();
  return {of_set(),
          {"event.restore", "restore", "", Shown::in_prose, "", {throttle_named(), inherit()}},
          {"event.ramp",
           "ramp",
           "",
           Shown::in_prose,
           "",
           {throttle_named(),
            required(end("to", "", "where it ends: a rate, a limit, or `{ load = 0.8 }`")),
            end("from", "what is in force", "where it begins"),
            required(duration("over", "", "how long it takes")),
            whole("steps", {1, static_cast<double>(kMostSteps)}, "linear",
                  "of equal height and length, the first at once"),
            burst, inherit()}},
          {"event.ramp.end",
           "to, from",
           "One of these.",
           Shown::in_prose,
           "",
           {form("rate", Form::rate, "", "of the unit"),
            number("load", {kLoadMin, kLoadMax}, "", "a share of the capacity"),
            number("limit", limit.bounds, "", "units")}}};
}

LanguageKey site_named() {
  return required(form("site", Form::name, "", "which one"));
}
LanguageKey replicas() {
  return whole("replicas", {1, kMostCount}, "all", "how many");
}
LanguageKey share() {
  return number("share", {1e-6, 1}, "all", "of those that serve; or `replicas`");
}
LanguageKey pace(Text name) {
  return number(name, {0.01, 1000}, "1", "its part of a step takes so many times as long");
}

Tables of_fleet_events() {
  return {{"event.join",
           "join",
           "",
           Shown::in_prose,
           "",
           {site_named(), replicas(),
            duration("over", "`\"0s\"`", "from the first to the last of them")}},
          {"event.leave",
           "leave",
           "",
           Shown::in_prose,
           "",
           {site_named(), replicas(),
            duration("notice", "the site's", "from `at` until the first goes"),
            duration("over", "`\"0s\"`", "from the first to the last of them"),
            word<InFlight>("in_flight", "`finish`", "what becomes of their requests")}},
          {"event.fail",
           "fail",
           "",
           Shown::in_prose,
           "",
           {site_named(), replicas(), share(),
            duration("for", "they are not", "until they are repaired, and boot"),
            word("in_flight", {name_of(InFlight::move), name_of(InFlight::drop)}, "`drop`",
                 "what becomes of their requests")}},
          {"event.slow",
           "slow",
           "",
           Shown::in_prose,
           "",
           {site_named(), replicas(), share(), pace("decode"), pace("prefill"),
            duration("for", "to the end", "how long")}},
          {"event.power",
           "power",
           "",
           Shown::in_prose,
           "",
           {site_named(), required(form("limit", Form::power, "", "what it may draw")),
            duration("over", "`\"0s\"`", "how long it takes to get there"),
            duration("for", "to the end", "how long it holds")}},
          {"event.battery",
           "battery",
           "",
           Shown::in_prose,
           "",
           {site_named(), required(form("energy", Form::energy, "", "what it holds")),
            required(form("power", Form::power, "", "how fast it is emptied and filled"))}},
          {"event.call",
           "call",
           "",
           Shown::in_prose,
           "",
           {word("method", {"GET", "POST", "PUT", "PATCH", "DELETE"}, "`POST`", "of HTTP"),
            required(text("url", "", "who is called")), text("body", "none", "what is sent"),
            text("key_env", "none",
                 "the environment variable that holds the key, sent as `Authorization: Bearer`"),
            text("key_file", "none", "or the file whose first line it is"),
            table("headers", "headers", "none", "sent along"),
            whole("expect", {200, 599}, "200", "the status that it is to have")}}};
}

}  // namespace

Tables of_throttles() {
  LanguageTable throttle{"throttle", "[[throttle]]", "", Shown::in_prose};
  for (const ThrottleKey& key : throttle_keys()) throttle.keys.push_back(row_of(key));
  return {throttle,
          {"throttle.schedule",
           "schedule",
           "Peak hours.",
           Shown::in_prose,
           "",
           {texts("days", "all", "`\"sat\"`, `\"mon-fri\"`, or an array of them"),
            required(form("from", Form::time_of_day, "", "when they begin, by the local clock")),
            required(form("to", Form::time_of_day, "", "when they end")),
            required(number("drain", {0.01, 100}, "", "what a unit counts as then"))}}};
}

Tables of_events() {
  Tables tables = {{"event",
                    "[[event]]",
                    "An instant, and what happens then.",
                    Shown::in_prose,
                    "",
                    {{.name = "at",
                      .forms = Form::duration | Form::word,
                      .help = "from the start of the run; or `\"signal\"` (engine `http`)",
                      .words = {"signal"},
                      .required = true},
                     form("lift", Form::name, "", "the throttle that is removed"),
                     table("set", "event.set", "", "what of a throttle changes"),
                     table("restore", "event.restore", "", "the throttle that is what it was again",
                           Form::name | Form::table),
                     table("ramp", "event.ramp", "", "moves a throttle's rate or limit"),
                     table("join", "event.join", "", "replicas come"),
                     table("leave", "event.leave", "", "replicas go, with notice"),
                     table("fail", "event.fail", "", "replicas fail"),
                     table("slow", "event.slow", "", "replicas slow down"),
                     table("power", "event.power", "", "what a site may draw changes"),
                     table("battery", "event.battery", "", "a site has another battery"),
                     table("call", "event.call", "", "engine `http`: a request to somebody else"),
                     texts("command", "", "engine `http`: a program and its arguments"),
                     flag("measure", "true of the first", "whether it divides the run")}}};
  for (const auto& some : {of_throttle_events(), of_fleet_events()}) {
    tables.insert(tables.end(), some.begin(), some.end());
  }
  return tables;
}

}  // namespace tokenlift::rows
