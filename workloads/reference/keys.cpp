#include "workloads/reference/keys.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "workloads/reference/key_rows.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

namespace {

using namespace rows;

LanguageTable of_everything() {
  return {"",
          "a scenario",
          "What stands in no table, and the tables.",
          Shown::in_prose,
          "",
          {form("name", Form::name, "the file's", "what reports call it"),
           text("description", "none", "a sentence"),
           required(table("run", "run", "", "the run: engine, length, seed")),
           required(table("fleet", "fleet", "", "who serves")),
           table("queue", "queue", "", "in which order requests wait at the throttles"),
           required(table("tenant", "tenant", "", "a group of users", Form::tables)),
           table("job", "job", "none", "engine `virtual`: training beside them", Form::tables),
           table("throttle", "throttle", "none", "what holds requests back", Form::tables),
           table("event", "event", "none", "what changes during the run", Form::tables),
           table("profile", "profiles", "none", "what one replica is, by name"),
           table("tune", "tune", "", "what `tokenlift tune` searches"),
           table("sweep", "sweep", "", "what `tokenlift sweep` does")}};
}

Tables of_run() {
  Tables tables;
  tables.push_back(
      {"run",
       "[run]",
       "",
       Shown::as_rows,
       "",
       {word<Engine>("engine", "`\"threads\"`",
                     "`threads`, `virtual`, `null`, [`http`](#real-endpoints)"),
        required(duration("duration", "", "")), duration("warmup", "`\"0s\"`", ""),
        duration("settle",
                 "1.5 × fluid drain + 5 s; `\"30s\"` where an event [from elsewhere]"
                 "(#real-endpoints) divides the run",
                 "length of `transition`, from the end of the last measured event. Where the "
                 "drain is not known before the run (`tokenlift check` says why), the capacity is "
                 "not known, or the changed throttle has no rate, at least 30 s + the longest "
                 "`max_wait` + the longest back-off, but a third of the rest of the run at most"),
        duration("cooldown_max", "`\"30s\"`", ""), whole("seed", {0, 9.2e18}, "1", ""),
        whole("max_in_flight", {1, kMostSize}, "1,000,000", "requests; more ends the run"),
        whole("repetitions", {1, static_cast<double>(kMostRepetitions)}, "1",
              "runs that `tokenlift run` makes, with seeds one apart, unless `--repetitions` says "
              "otherwise; other commands have numbers of their own"),
        table(
            "stop_after", "run.stop_after", "none",
            "engine `http`: `{ requests = 1000, output_tokens = 200000 }`, one or both: once so "
            "many requests were sent, or so many output tokens came, nothing more is sent. Tokens "
            "count as they come, also of answers under way and of those that break; what is in "
            "flight then is waited for, and comes on top. `{}` is no bound: "
            "`--set run.stop_after={}` leaves out that of a scenario"),
        text("time_zone", "`\"UTC\"`", "an IANA name: `\"America/Los_Angeles\"`"),
        form("starts_at", Form::instant, "Monday 2026-01-05, 00:00",
             "the date at which the run starts: `\"2026-05-04T05:00\"` in local time of "
             "`time_zone`, with a trailing `Z` in UTC, or a TOML date and time. An hour that the "
             "clocks repeat means the first one, an hour that they skip the instant of the skip. "
             "Schedules and `fixed_window` go by this date")}});
  tables.push_back(
      {"run.stop_after",
       "run.stop_after",
       "",
       Shown::in_prose,
       "",
       {whole("requests", {1, kMostSize}, "none", "sent"),
        whole("output_tokens", {1, kMostSize}, "none", "come, also of answers under way")}});
  return tables;
}

/// Distributions, which stand in several places.
Tables of_distributions() {
  Tables tables;
  tables.push_back(
      {"lengths",
       "lengths",
       "A distribution of whole numbers.",
       Shown::in_prose,
       "",
       {required(word<Distribution>("distribution", "", "what it is drawn from")),
        whole("value", {1, kMostTokens}, "", "of `constant`"),
        number("mean", {1e-3, kMostTokens}, "", "of `lognormal` and `geometric`, before clamping"),
        number("cv", {0, 100}, "", "of `lognormal`: the standard deviation / the mean"),
        whole("min", {1, kMostTokens}, "1", "of `uniform` and `lognormal`: the smallest"),
        whole("max", {1, kMostTokens}, "16 times the mean",
              "the largest; of all but `constant`")}});
  tables.push_back(
      {"wait",
       "wait",
       "A wait that is no single duration.",
       Shown::in_prose,
       "",
       {required(word<WaitDistribution>("distribution", "", "what it is drawn from")),
        duration("value", "", "of `constant`"), duration("mean", "", "of `exponential`")}});
  return tables;
}

/// `[text](address)` as text.
std::size_t end_of_address(std::string_view text, std::size_t bracket) {
  return bracket + 1 < text.size() && text[bracket + 1] == '(' ? text.find(')', bracket)
                                                               : std::string_view::npos;
}

}  // namespace

std::span<const LanguageTable> language_tables() {
  static const Tables all = [] {
    Tables tables{of_everything()};
    for (const auto& some : {of_run(), of_fleet(), of_tenants(), of_throttles(), of_events(),
                             of_profiles(), of_searches(), of_distributions()}) {
      tables.insert(tables.end(), some.begin(), some.end());
    }
    return tables;
  }();
  return all;
}

const LanguageTable& language_table(std::string_view name) {
  const auto found = std::ranges::find(language_tables(), name, &LanguageTable::name);
  assert(found != language_tables().end());
  return *found;
}

std::string plain_text(std::string_view markdown) {
  std::string plain;
  for (std::size_t i = 0; i < markdown.size(); ++i) {
    const char c = markdown[i];
    if (c == '`') continue;
    if (c == '[') {
      // Only where it is a link: arrays stand in brackets, too.
      const std::size_t close = markdown.find(']', i);
      const std::size_t end =
          close == std::string_view::npos ? close : end_of_address(markdown, close);
      if (end != std::string_view::npos) {
        plain += plain_text(markdown.substr(i + 1, close - i - 1));
        i = end;
        continue;
      }
    }
    plain += c;
  }
  return plain;
}

}  // namespace tokenlift
