// The rows of the language say what its readers take: each key, of these forms, within these
// bounds. And the reference (workloads/README.md) says what the rows do.

#include "workloads/reference/keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/testing.hpp"
#include "tests/workloads/reader/mistakes.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/reference/schema.hpp"
#include "workloads/reference/settable.hpp"
#include "workloads/text/document.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift::keys_test {
namespace {

using Words = std::vector<std::string>;

const std::string kText = R"(
name = "demo"
run = { engine = "virtual", duration = "100s" }
queue = {}
tune = {}
sweep = {}
[[fleet.site]]
name = "hall"
profile = "own"
[profile.own]
decode = { a = "6ms", b = "7us", c = "41ns" }
prefill = { p0 = "4ms", p1 = "15us", p2 = "1ns" }
[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "10/s" }
prompt_tokens = { distribution = "constant", value = 10 }
output_tokens = { distribution = "constant", value = 2 }
[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "requests"
rate = "5/s"
[[event]]
at = "50s"
lift = "limit"
)";

/// Where a table may stand in the text above, and what else has to be said for it to be read.
struct Stand {
  std::string path;
  Words words = {};
};

std::vector<Stand> each_of(const std::string& path, const std::string& key,
                           const std::vector<std::string>& values, const Words& more = {}) {
  std::vector<Stand> stands;
  for (const std::string& value : values) {
    Words words = more;
    words.push_back(key + "=" + value);
    stands.push_back({path, words});
  }
  return stands;
}

Stand event(const std::string& action, const std::string& table, const std::string& inner = "") {
  return {"event.0." + action + "." + inner,
          {"event.0={ at = \"50s\", " + action + " = " + table + " }"}};
}

std::vector<Stand> stands_of(const std::string& table) {
  static const std::string site = "fleet.site.0.";
  static const std::string arrivals = "tenant.0.arrivals.";
  static const std::string http = "run.engine=http";
  static const std::map<std::string, std::vector<Stand>> stands = {
      {"", {{"", {"fleet.site.0.profile=h100-8b"}}}},
      {"run.stop_after", {{"run.stop_after.", {http}}}},
      {"fleet.site", {{site}, {site, {"fleet.router=spill"}}, {site, {http}}}},
      {"fleet.site.failures", {{site + "failures."}}},
      {"fleet.site.available", {{site + "available."}}},
      {"fleet.site.power", {{site + "power."}}},
      {"fleet.site.power.battery", {{site + "power.battery."}}},
      {"fleet.site.price", {{site + "price."}}},
      {"fleet.site.timeouts", {{site + "timeouts.", {http}}}},
      {"fleet.site.tls", {{site + "tls.", {http}}}},
      {"job",
       {{"job.0.", {"job=[{ name = \"train\", site = \"hall\", replicas = 1, step = \"1s\" }]"}}}},
      {"event.battery", {event("battery", "{ site = \"hall\" }")}},
      {"tenant", {{"tenant.0."}, {"tenant.0.", {http}}}},
      {"tenant.arrivals",
       each_of(arrivals, arrivals + "process", {"poisson", "gamma", "trace", "closed"})},
      {"tenant.arrivals.max", {{arrivals + "max.", {arrivals + "process=trace"}}}},
      {"tenant.arrivals.columns", {{arrivals + "columns.", {arrivals + "process=trace"}}}},
      {"tenant.arrivals.shape", each_of(arrivals + "shape.", arrivals + "shape.kind",
                                        {"ramp", "steps", "diurnal", "burst", "mmpp"})},
      {"tenant.sessions", {{"tenant.0.sessions."}}},
      {"tenant.slo", {{"tenant.0.slo."}}},
      {"tenant.retry",
       each_of("tenant.0.retry.", "tenant.0.retry.policy", {"honour_retry_after", "none"})},
      {"throttle",
       each_of("throttle.0.", "throttle.0.kind",
               {"token_bucket", "fixed_window", "aimd", "gradient", "acceleration_limit"})},
      {"throttle.schedule", {{"throttle.0.schedule.0.", {"throttle.0.schedule=[{ drain = 2 }]"}}}},
      {"event", {{"event.0."}, {"event.0.", {http}}}},
      {"event.set",
       {event("set", "{ throttle = \"limit\" }"),
        {"event.0.set.",
         {"throttle.0.kind=aimd", "event.0={ at = \"50s\", set = { throttle = \"limit\" } }"}},
        {"event.0.set.",
         {"throttle.0.kind=gradient", "event.0={ at = \"50s\", set = { throttle = \"limit\" } }"}},
        {"event.0.set.",
         {"throttle.0.kind=acceleration_limit",
          "event.0={ at = \"50s\", set = { throttle = \"limit\" } }"}}}},
      {"event.restore", {event("restore", "{ throttle = \"limit\" }")}},
      {"event.ramp",
       {event("ramp", "{ throttle = \"limit\", to = \"9/s\", over = \"9s\" }"),
        {"event.0.ramp.",
         {"throttle.0.kind=fixed_window",
          "event.0={ at = \"50s\", ramp = { throttle = \"limit\", to = 9, over = \"9s\" } }"}}}},
      {"event.ramp.end",
       {event("ramp", "{ throttle = \"limit\", to = {} }", "to."),
        {"event.0.ramp.to.",
         {"throttle.0.kind=fixed_window",
          "event.0={ at = \"50s\", ramp = { throttle = \"limit\", to = {} } }"}}}},
      {"event.join", {event("join", "{ site = \"hall\" }")}},
      {"event.leave", {event("leave", "{ site = \"hall\" }")}},
      {"event.fail", {event("fail", "{ site = \"hall\" }")}},
      {"event.slow", {event("slow", "{ site = \"hall\" }")}},
      {"event.power", {event("power", "{ site = \"hall\" }")}},
      {"event.call",
       {{"event.0.call.", {http, "event.0={ at = \"50s\", call = { url = \"http://a/\" } }"}}}},
      {"profile", {{"profile.own."}}},
      {"profile.decode", {{"profile.own.decode."}}},
      {"profile.prefill", {{"profile.own.prefill."}}},
      {"profile.overhead", {{"profile.own.overhead."}}},
      {"profile.model", {{"profile.own.model."}}},
      {"profile.accelerator", {{"profile.own.accelerator."}}},
      {"profile.accelerator.power", {{"profile.own.accelerator.power."}}},
      {"profile.accelerator.power.decode", {{"profile.own.accelerator.power.decode."}}},
      {"tune.parameters",
       {{"tune.parameters.0.", {"tune.parameters=[{ key = \"run.seed\", min = 1, max = 9 }]"}},
        {"tune.parameters.0.", {"tune.parameters=[{ key = \"run.seed\", choices = [1, 2] }]"}}}},
      {"lengths", each_of("tenant.0.prompt_tokens.", "tenant.0.prompt_tokens.distribution",
                          {"constant", "uniform", "lognormal", "geometric"})},
      {"wait", each_of("tenant.0.patience.", "tenant.0.patience.distribution",
                       {"constant", "exponential"})},
  };
  const auto found = stands.find(table);
  return found != stands.end() ? found->second : std::vector<Stand>{{table + "."}};
}

std::vector<Mistake> mistakes_with(const Words& words) {
  return mistakes_of([&] { parse_scenario(kText, "demo.toml", source_folder(), words); });
}

bool says(const std::vector<Mistake>& mistakes, const std::string& words) {
  return std::ranges::any_of(
      mistakes, [&](const Mistake& mistake) { return contains(mistake.message, words); });
}

/// A reader has looked at all of the table: it names a key that there is not.
constexpr const char* kNoKey = "zzz";
bool is_read(const std::vector<Mistake>& mistakes) {
  return says(mistakes, "unknown key \"zzz\"");
}

/// Whether `expected` holds of the mistakes that this value of the key makes, where the table is
/// read at all.
template <typename Expected>
bool holds_somewhere(const LanguageTable& table, const LanguageKey& key, const std::string& value,
                     const Expected& expected) {
  for (const Stand& stand : stands_of(std::string(table.name))) {
    Words words = stand.words;
    words.push_back(stand.path + std::string(key.name) + "=" + value);
    words.push_back(stand.path + kNoKey + "=1");
    const std::vector<Mistake> mistakes = mistakes_with(words);
    if (is_read(mistakes) && expected(mistakes)) return true;
  }
  return false;
}

/// Values of each form that a key may have.
std::vector<std::string> samples_of(const LanguageKey& key) {
  using enum Form;
  std::vector<std::string> samples;
  const auto add = [&](Form form, const std::vector<std::string>& some) {
    if (has(key.forms, form)) samples.insert(samples.end(), some.begin(), some.end());
  };
  add(text, {"\"some text\""});
  add(name, {"\"a name\""});
  for (const std::string_view one : key.words) samples.push_back('"' + std::string(one) + '"');
  add(texts, {"\"one\"", R"(["one", "two"])"});
  add(flag, {"true"});
  add(number, {format_number(key.bounds.least), format_number(key.bounds.most)});
  if (has(key.forms, whole)) {
    for (const double bound : {key.bounds.least, key.bounds.most}) {
      samples.push_back(std::to_string(static_cast<std::int64_t>(bound)));
    }
  }
  add(duration, {"\"1.5s\"", "\"2min\"", "\"3d\""});
  add(cost, {"\"41.1ns\"", "\"900ps\""});
  add(rate, {"\"12/s\"", "\"2.5M/min\"", "\"0.05/d\""});
  add(power, {"\"300MW\"", "\"700W\""});
  add(energy, {"\"150MWh\""});
  add(time_of_day, {"\"05:00\""});
  add(instant, {"\"2026-05-04T05:00\""});
  add(table, {"{}"});
  add(tables, {"[{}]"});
  add(steps, {R"([["10s", 2.0], ["20s", 1.0]])"});
  add(values, {"[1, 2]"});
  return samples;
}

/// What readers say of a value that is not of a form, not a word or out of bounds.
bool is_refused(const std::vector<Mistake>& mistakes, const LanguageKey& key) {
  const std::string name = in_quotes(key.name);
  return std::ranges::any_of(mistakes, [&](const Mistake& mistake) {
    const std::string& said = mistake.message;
    return contains(said, "unknown key " + name) || contains(said, name + " can't be") ||
           contains(said, name + " must be an array") ||
           (contains(said, name + " is ") &&
            (contains(said, ", not ") || contains(said, "which is too"))) ||
           (said.starts_with(name + ": ") && !contains(said, "URL"));
  });
}

template <typename Visit>
void for_each_named_key(const Visit& visit) {
  for (const LanguageTable& table : language_tables()) {
    for (const LanguageKey& key : table.keys) {
      if (key.name != "*" && table.name != "profiles") visit(table, key);
    }
  }
}

TEST(LanguageKeys, AreThoseThatReadersTakeInTheseForms) {
  std::size_t keys = 0;
  for_each_named_key([&](const LanguageTable& table, const LanguageKey& key) {
    ++keys;
    for (const std::string& value : samples_of(key)) {
      EXPECT_TRUE(holds_somewhere(
          table, key, value,
          [&](const std::vector<Mistake>& mistakes) { return !is_refused(mistakes, key); }))
          << table.name << ": " << key.name << " = " << value;
    }
  });
  EXPECT_GT(keys, 200U);
}

/// Values that a key may not have.
std::vector<std::string> wrong_values_of(const LanguageKey& key) {
  std::vector<std::string> wrong = {has(key.forms, Form::flag) ? "\"some text\"" : "true"};
  if (has(key.forms, Form::word)) wrong.emplace_back("\"no such word\"");
  const bool is_whole = has(key.forms, Form::whole);
  if (!is_whole && !has(key.forms, Form::number)) return wrong;
  wrong.push_back(format_number(key.bounds.least - 1));
  const double more = key.bounds.most * 2;
  if (!is_whole) wrong.push_back(format_number(more));
  if (is_whole && more < 9e18) wrong.push_back(std::to_string(static_cast<std::int64_t>(more)));
  return wrong;
}

/// Whether there is a mistake in the word.
bool is_wrong(const std::vector<Mistake>& mistakes, const std::string& word) {
  return std::ranges::find(mistakes, override_source(word), &Mistake::source) != mistakes.end();
}

TEST(LanguageKeys, HaveNoOtherForms) {
  for_each_named_key([](const LanguageTable& table, const LanguageKey& key) {
    for (const std::string& value : wrong_values_of(key)) {
      bool is_refused = false;
      for (const Stand& stand : stands_of(std::string(table.name))) {
        Words words = stand.words;
        words.push_back(stand.path + std::string(key.name) + "=" + value);
        is_refused = is_refused || is_wrong(mistakes_with(words), words.back());
      }
      EXPECT_TRUE(is_refused) << table.name << ": " << key.name << " = " << value;
    }
  });
}

/// The literal that a call of one of TableReader's getters begins with at `paren`; empty for
/// others.
std::string asked_for(const std::string& text, std::size_t paren) {
  static const std::set<std::string> getters = {
      "text",    "flag",     "whole",        "number",     "duration_ns",   "positive_duration_ns",
      "cost_ps", "power_mw", "rate_per_s",   "instant_s",  "time_of_day_s", "energy_milliwatt_h",
      "texts",   "table",    "placed_texts", "objectives", "names_among",   "tables",
      "path",    "choice",   "find",         "require",    "read_wait",     "read_watts"};
  std::size_t end = paren;
  if (end > 0 && text[end - 1] == '>') end = text.rfind('<', end);
  std::size_t begin = end;
  while (begin > 0 && (std::isalnum(static_cast<unsigned char>(text[begin - 1])) != 0 ||
                       text[begin - 1] == '_')) {
    --begin;
  }
  if (!getters.contains(text.substr(begin, end - begin))) return "";
  const std::size_t close = text.find('"', paren + 2);
  std::string word = text.substr(paren + 2, close - paren - 2);
  const bool is_key = !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
  });
  return is_key ? word : "";
}

// A key that a reader asks for and that no row has is in no schema, no manual and no completion.
TEST(LanguageKeys, AreAllThatReadersAskFor) {
  std::set<std::string> known = {"decoder"};  // of built-in profiles alone
  for (const LanguageTable& table : language_tables()) {
    for (const LanguageKey& key : table.keys) known.emplace(key.name);
  }
  std::size_t asked = 0;
  const std::filesystem::path readers =
      std::filesystem::path(source_folder()) / "workloads" / "reader";
  for (const auto& file : std::filesystem::directory_iterator(readers)) {
    const std::string name = file.path().filename();
    if (file.path().extension() != ".cpp" || name.starts_with("suite_")) continue;
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (std::size_t at = text.find("(\""); at != std::string::npos;
         at = text.find("(\"", at + 1)) {
      const std::string key = asked_for(text, at);
      if (key.empty()) continue;
      ++asked;
      EXPECT_TRUE(known.contains(key)) << name << " asks for \"" << key << '"';
    }
  }
  EXPECT_GT(asked, 150U);
}

TEST(LanguageKeys, AreInTheReference) {
  std::string reference;
  for (const char* page : {"workloads/README.md", "workloads/profiles/README.md"}) {
    std::ifstream in(std::filesystem::path(source_folder()) / page);
    reference += std::string{std::istreambuf_iterator<char>(in), {}};
  }
  const auto spaced = [](std::string_view cell) {
    return cell.empty() ? std::string() : std::string(cell) + " ";
  };
  for_each_named_key([&](const LanguageTable& table, const LanguageKey& key) {
    if (table.shown == Shown::in_prose) {
      const bool is_named = contains(reference, std::string(key.name) + " =") ||
                            contains(reference, "`" + std::string(key.name) + "`") ||
                            contains(reference, std::string(key.name) + ",") ||
                            contains(reference, ", " + std::string(key.name) + " }") ||
                            contains(reference, "[" + std::string(key.name) + "]");
      EXPECT_TRUE(is_named) << table.name << ": " << key.name;
    } else if (!has(key.forms, Form::tables) || table.name == "tune") {
      const std::string row = "| " + std::string(table.row_prefix) + "`" + std::string(key.name) +
                              "` | " + spaced(key.by_default) + "| " + spaced(key.help) + "|\n";
      EXPECT_TRUE(contains(reference, row)) << row;
    }
  });
}

TEST(LanguageKeys, NameTheTablesThatThereAre) {
  for (const LanguageTable& table : language_tables()) {
    for (const LanguageKey& key : table.keys) {
      const bool is_table = has(key.forms, Form::table) || has(key.forms, Form::tables);
      EXPECT_EQ(is_table, !key.table.empty()) << table.name << ": " << key.name;
      EXPECT_TRUE(!is_table || language_table(key.table).name == key.table);
    }
  }
}

TEST(LanguageKeys, ArePlainWhereMarkdownIsNotRead) {
  EXPECT_EQ(plain_text("`[\"a\"]`: [what `it` is](x.md#y), and [b]"),
            "[\"a\"]: what it is, and [b]");
}

TEST(SettableKeys, AreThoseOfTheScenariosOwnTables) {
  const Scenario scenario = parse_scenario(
      kText, "demo.toml", "",
      {"tenant.0.name=\"gpt-4.1\"", "throttle.0.name=\"tier 1\"", "event.0.lift=\"tier 1\""});
  std::set<std::string> paths;
  for (const SettableKey& key : settable_keys(scenario)) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
  }
  for (const char* path :
       {"run.duration", "fleet.site.hall.max_batch", "tenant.\"gpt-4.1\".arrivals.load",
        "throttle.tier 1.rate", "event.0.at", "event.0.lift", "profile.own.decode.a"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
  for (const char* path : {"throttle.tier 1.target", "event.0.join.site", "run.stop_after"}) {
    EXPECT_FALSE(paths.contains(path)) << path << ": of another kind, another action, a table";
  }
}

TEST(ScenarioSchema, HasADefinitionOfEveryTable) {
  const std::string schema = scenario_schema();
  for (const LanguageTable& table : language_tables()) {
    if (table.name.empty()) continue;
    EXPECT_TRUE(contains(schema, "\n    \"" + std::string(table.name) + "\": {")) << table.name;
  }
}

}  // namespace
}  // namespace tokenlift::keys_test
