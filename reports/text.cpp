#include "reports/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "reports/figure.hpp"
#include "reports/summary.hpp"
#include "reports/text_tenants.hpp"
#include "reports/text_throttles.hpp"

namespace tokenlift {
namespace {

using Phases = std::vector<PhaseSummary>;
using Values = std::vector<std::optional<double>>;

constexpr const char* kAbsent = "–";
constexpr const char* kHiding = "*";

/// The latency percentiles that the table shows.
struct Shown {
  Metric metric;
  const char* label;
  std::vector<int> permilles;
};
const std::vector<Shown>& shown_latencies() {
  static const std::vector<Shown> shown = {{Metric::ttft, "TTFT", {500, 900, 990}},
                                           {Metric::tpot, "TPOT", {500, 990}},
                                           {Metric::itl, "ITL", {500, 990}},
                                           {Metric::e2e, "e2e", {500, 990}},
                                           {Metric::throttle_wait, "throttle wait", {500, 990}},
                                           {Metric::queue_wait, "queue wait", {500, 990}},
                                           {Metric::generator_lag, "generator lag", {990}}};
  return shown;
}

const PhaseSummary* find(const Phases& phases, std::string_view name) {
  const auto found = std::find_if(phases.begin(), phases.end(),
                                  [&](const PhaseSummary& phase) { return phase.name == name; });
  return found == phases.end() ? nullptr : &*found;
}

std::string joined(const std::vector<std::string>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    out += words[i];
  }
  return out;
}

std::string percent(double share) {
  return figure(share * 100) + " %";
}

/// As short as it can be: limits are round numbers.
std::string check_figure(double value) {
  return value >= 1000 ? figure(value) : fmt::format("{:.3g}", value);
}

/// Seconds with as many decimals as the instant needs, from one to three.
std::string at_second(std::int64_t ns) {
  std::string text = fmt::format("{:.3f}", static_cast<double>(ns) / 1e9);
  while (text.back() == '0' && text[text.size() - 2] != '.') text.pop_back();
  return text;
}

// ---------------------------------------------------------------------------------- the head

std::string verdict(const Run& run, const TextStyle& style) {
  const auto count = [&](auto&& holds) {
    return std::count_if(run.checks.begin(), run.checks.end(), holds);
  };
  const auto failed = count([](const Check& check) { return !check.passed; });
  const auto unread = count([](const Check& check) { return check.passed && !check.value; });
  const auto all = static_cast<std::ptrdiff_t>(run.checks.size());
  std::string out;
  if (failed == 0) {
    out = inked("valid", Ink::green, style) +
          fmt::format(": {} of {} checks passed", all - unread, all) +
          (unread > 0 ? fmt::format(", {} not checked", unread) : "") + "\n";
  } else {
    out = inked("NOT VALID", Ink::red, style) +
          fmt::format(" as a measurement: {} of {} checks failed\n", failed, all);
    for (const Check& check : run.checks) {
      if (check.passed) continue;
      out += wrapped(fmt::format("  {}: {}, limit {}. {}", check.name,
                                 check.value ? check_figure(*check.value) : kAbsent,
                                 check_figure(check.limit), check.advice),
                     style.width, 4);
    }
  }
  if (run.interrupted) {
    out += inked("INTERRUPTED", Ink::red, style) +
           ": the run was ended early; this is what it measured until then\n";
  }
  return out;
}

std::string title(const Run& run, const TextStyle& style) {
  std::vector<std::string> parts = {
      run.scenario_name, "engine " + run.engine,
      run.runs > 1 ? fmt::format("seeds from {}", run.seed) : fmt::format("seed {}", run.seed),
      run.runs > 1 ? fmt::format("{} runs pooled", run.runs)
                   : fmt::format("repetition {}", run.repetition)};
  if (!run.environment.cpu.empty()) {
    parts.push_back(fmt::format("{}, {} cores", run.environment.cpu, run.environment.cores));
  }
  if (run.capacity_tokens_per_s) {
    parts.push_back(fmt::format("capacity {} tokens/s{}", figure(*run.capacity_tokens_per_s),
                                run.capacity_source.empty() ? "" : ", " + run.capacity_source));
  }
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t size = display_width(parts[i]);
    if (i > 0 && column + 3 + size > static_cast<std::size_t>(std::max(style.width, 0))) {
      out += "\n  ";
      column = 2;
    } else if (i > 0) {
      out += " · ";
      column += 3;
    }
    out += i == 0 ? inked(parts[i], Ink::bold, style) : parts[i];
    column += size;
  }
  return out + "\n";
}

// --------------------------------------------------------------------------------- the table

/// The table over the fleet: a row per figure, a column per phase, and how after differs.
class FleetTable {
 public:
  explicit FleetTable(const Phases& phases)
      : phases_(phases), before_(find(phases, "before")), after_(find(phases, "after")), table_(2) {
    add_heading();
    add_counts();
    add_rates();
    for (const Shown& shown : shown_latencies()) add_latency(shown);
  }

  std::string str(const TextStyle& style) const { return table_.str(style, 0) + notes(style); }

 private:
  bool compares() const { return before_ != nullptr && after_ != nullptr; }

  void add_heading() {
    std::vector<Cell> names = {{""}, {""}};
    std::vector<Cell> times = {{"from–to"}, {"s"}};
    for (const PhaseSummary& phase : phases_) {
      names.push_back({phase.name, {}, Ink::bold});
      times.push_back({phase.end_ns == phase.begin_ns
                           ? "not reached"
                           : at_second(phase.begin_ns) + "–" + at_second(phase.end_ns)});
    }
    if (compares()) names.push_back({"after/before", {}, Ink::bold});
    table_.add(std::move(names));
    table_.add(std::move(times));
  }

  /// Of `of_phase(phase)`, left out where all are 0 unless `always`. No ratio: the phases differ in
  /// length.
  template <typename OfPhase>
  void add_amount(const char* label, const char* unit, bool always, const OfPhase& of_phase) {
    std::vector<Cell> row = {{label}, {unit}};
    bool any = false;
    for (const PhaseSummary& phase : phases_) {
      row.push_back({whole_figure(of_phase(phase))});
      any = any || of_phase(phase) != 0;
    }
    if (any || always) table_.add(std::move(row));
  }

  void add_count(const char* label, std::uint64_t Counts::*count, bool always) {
    add_amount(label, "requests", always,
               [&](const PhaseSummary& phase) { return phase.counts.*count; });
  }

  void add_counts() {
    add_count("requests due", &Counts::due, true);
    add_count("completed", &Counts::completed, true);
    add_count("rejected", &Counts::rejected, true);
    add_count("expired", &Counts::expired, true);
    add_count("cancelled", &Counts::cancelled, false);
    add_count("failed", &Counts::failed, false);
    add_count("in flight", &Counts::in_flight, false);
    add_amount("wasted", "tokens", false,
               [](const PhaseSummary& phase) { return phase.wasted_tokens; });
  }

  void add_rate(const char* label, const char* unit, std::optional<double> Rates::*rate,
                double scale = 1) {
    Values values;
    for (const PhaseSummary& phase : phases_) {
      const std::optional<double>& value = phase.rates.*rate;
      values.push_back(value ? std::optional(*value * scale) : std::nullopt);
    }
    add_values(label, unit, values, std::vector<bool>(values.size()));
  }

  void add_rates() {
    add_rate("offered", "requests/s", &Rates::offered_requests_per_s);
    const bool retried = std::any_of(phases_.begin(), phases_.end(), [](const PhaseSummary& phase) {
      return phase.attempts > phase.counts.due;
    });
    if (retried) add_rate("attempts", "per request", &Rates::retry_amplification);
    add_rate("completed", "requests/s", &Rates::completed_requests_per_s);
    add_rate("throughput", "tokens/s", &Rates::throughput_tokens_per_s);
    add_rate("goodput", "tokens/s", &Rates::goodput_tokens_per_s);
    add_rate("attainment", "%", &Rates::attainment, 100);
    add_rate("utilisation", "%", &Rates::utilisation, 100);
    add_rate("batch mean", "sequences", &Rates::batch_mean);
  }

  /// One unit for all percentiles of a latency, so that they can be compared down the column too.
  void add_latency(const Shown& shown) {
    std::vector<double> known_ns;
    for (const PhaseSummary& phase : phases_) {
      for (const int permille : shown.permilles) {
        const std::optional<std::int64_t> value_ns = phase.of(shown.metric).at(permille);
        if (value_ns) known_ns.push_back(static_cast<double>(*value_ns));
      }
    }
    const DurationUnit unit = duration_unit(known_ns);
    for (const int permille : shown.permilles) add_percentile(shown, permille, unit);
  }

  void add_percentile(const Shown& shown, int permille, const DurationUnit& unit) {
    Values values;
    std::vector<bool> hiding;
    for (std::size_t i = 0; i < phases_.size(); ++i) {
      const PhaseSummary& phase = phases_[i];
      const std::optional<std::int64_t> value_ns = phase.of(shown.metric).at(permille);
      // The generator's lag is that of every request sent, served or not.
      hiding.push_back(value_ns && shown.metric != Metric::generator_lag &&
                       phase.hides_unserved(permille));
      if (hiding.back()) hidden_[i].insert(permille);
      if (value_ns) {
        values.emplace_back(static_cast<double>(*value_ns) / unit.ns);
      } else {
        values.emplace_back();
        unsupported_.insert(permille);
        short_phases_.insert(i);
      }
    }
    add_values(fmt::format("{} {}", shown.label, percentile_name(permille)), std::string(unit.name),
               values, hiding);
  }

  void add_values(const std::string& label, const std::string& unit, const Values& values,
                  const std::vector<bool>& hiding) {
    std::vector<Cell> row = {{label}, {unit}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      row.push_back({values[i] ? figure(*values[i]) : kAbsent, hiding[i] ? kHiding : ""});
    }
    if (compares()) {
      const std::optional<double>& base = values[static_cast<std::size_t>(before_ - &phases_[0])];
      const std::optional<double>& value = values[static_cast<std::size_t>(after_ - &phases_[0])];
      row.push_back({base && value ? change_figure(*base, *value) : kAbsent});
    }
    table_.add(std::move(row));
  }

  std::string notes(const TextStyle& style) const {
    std::string out;
    if (!unsupported_.empty()) {
      std::vector<std::string> needs;
      for (const int permille : unsupported_) {
        needs.push_back(fmt::format("{} {}", percentile_name(permille),
                                    whole_figure(samples_needed(permille))));
      }
      std::vector<std::string> has;
      for (const std::size_t i : short_phases_) {
        const PhaseSummary& phase = phases_[i];
        has.push_back(fmt::format("{} {}", phase.name, whole_figure(phase.counts.completed)));
      }
      out += wrapped(fmt::format("{} too few samples for this percentile. Requests needed: {}; "
                                 "completed: {}.",
                                 kAbsent, joined(needs, "and"), joined(has, "and")),
                     style.width, 2);
    }
    for (const auto& [i, permilles] : hidden_) {
      const PhaseSummary& phase = phases_[i];
      std::vector<std::string> names;
      for (const int permille : permilles) names.emplace_back(percentile_name(permille));
      out += wrapped(
          fmt::format("{} {} of the requests due in {} went unserved, so they have no latency: "
                      "{} there {} better than what users saw.",
                      kHiding, percent(phase.unserved().value_or(0)), phase.name,
                      joined(names, "and"), names.size() == 1 ? "looks" : "look"),
          style.width, 2);
    }
    return out;
  }

  const Phases& phases_;
  const PhaseSummary* before_;
  const PhaseSummary* after_;
  TextTable table_;
  std::set<int> unsupported_;                    // permilles
  std::set<std::size_t> short_phases_;           // that lack one of them
  std::map<std::size_t, std::set<int>> hidden_;  // permilles that hide requests, by phase
};

// ------------------------------------------------------------------------------- the reading

void add_change(std::vector<std::string>& clauses, const char* name,
                const std::optional<double>& before, const std::optional<double>& after) {
  if (!before || !after) return;
  clauses.push_back(*before == 0 ? fmt::format("{} 0 -> {} tokens/s", name, figure(*after))
                                 : fmt::format("{} {}", name, change_figure(*before, *after)));
}

std::string change_named(const LiftRecord& lift) {
  const std::string at = at_second(*lift.at_ns);
  if (lift.kind == "ramp") return fmt::format("Ramping '{}' from {} s on", lift.throttle, at);
  const char* verb = "Lifting";
  if (lift.kind == "set") verb = "Setting";
  if (lift.kind == "restore") verb = "Restoring";
  return fmt::format("{} '{}' at {} s", verb, lift.throttle, at);
}

/// The backlog that the change met where part of it was hidden: in the clients' back-off. Empty
/// where none was: what waits in the open the table shows.
std::string backlog_reading(const LiftRecord& lift) {
  if (!lift.at_ns || lift.backoff_requests == 0) return "";
  const auto waiting = [](std::int64_t requests, std::int64_t tokens, const char* where) {
    if (requests == 0) return fmt::format("none {}", where);
    return fmt::format("{} {} ({} output tokens)",
                       whole_figure(static_cast<std::uint64_t>(requests)), where,
                       whole_figure(static_cast<std::uint64_t>(tokens)));
  };
  return fmt::format("Requests waiting at that instant: {} and {}.",
                     waiting(lift.waiting_requests, lift.backlog_tokens, "at the throttle"),
                     waiting(lift.backoff_requests, lift.backoff_tokens, "in back-off"));
}

/// What the lift did, in one sentence.
std::string lift_reading(const Run& run, const Phases& phases) {
  const LiftRecord& lift = *run.lift;
  if (!lift.at_ns) {
    return fmt::format("'{}' was to change at {} s; the run did not get there.", lift.throttle,
                       at_second(lift.planned_ns));
  }
  const std::string what = change_named(lift) + ": ";
  const PhaseSummary* const before = find(phases, "before");
  const PhaseSummary* const after = find(phases, "after");
  std::vector<std::string> clauses;
  if (before != nullptr && after != nullptr) {
    add_change(clauses, "throughput", before->rates.throughput_tokens_per_s,
               after->rates.throughput_tokens_per_s);
    add_change(clauses, "goodput", before->rates.goodput_tokens_per_s,
               after->rates.goodput_tokens_per_s);
    const std::optional<std::int64_t> then_ns = before->of(Metric::ttft).at(500);
    const std::optional<std::int64_t> now_ns = after->of(Metric::ttft).at(500);
    if (then_ns && now_ns) {
      clauses.push_back(fmt::format("TTFT p50 {} -> {}",
                                    duration_figure(static_cast<double>(*then_ns)),
                                    duration_figure(static_cast<double>(*now_ns))));
    }
  }
  if (clauses.empty()) return what + "too little was measured to compare before and after.";
  return what + joined(clauses, "and") + ".";
}

std::string steady_reading(const Run& run, const PhaseSummary& phase) {
  std::vector<std::string> clauses;
  if (phase.rates.throughput_tokens_per_s) {
    const double throughput = *phase.rates.throughput_tokens_per_s;
    clauses.push_back(fmt::format("throughput {} tokens/s", figure(throughput)));
    if (run.capacity_tokens_per_s && *run.capacity_tokens_per_s > 0) {
      clauses.back() +=
          fmt::format(" ({} of capacity)", percent(throughput / *run.capacity_tokens_per_s));
    }
  }
  if (phase.rates.attainment) {
    clauses.push_back(fmt::format("attainment {}", percent(*phase.rates.attainment)));
  }
  if (const std::optional<std::int64_t> ttft_ns = phase.of(Metric::ttft).at(500)) {
    clauses.push_back(fmt::format("TTFT p50 {}", duration_figure(static_cast<double>(*ttft_ns))));
  }
  if (clauses.empty()) clauses.emplace_back("too little was measured to say anything");
  std::string name = phase.name;
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return fmt::format("{}: {}.", name, joined(clauses, "and"));
}

/// From a share of 0.05 on. In integers, so that exactly 5 % binds.
bool binds(const PhaseSummary& phase) {
  return phase.held * 20 >= phase.counts.due;
}

std::string reading(const Run& run, const Phases& phases, const TextStyle& style) {
  const bool any_due = std::any_of(phases.begin(), phases.end(),
                                   [](const PhaseSummary& phase) { return phase.counts.due > 0; });
  std::string sentence = run.valid() ? "" : "NOT VALID: ";
  if (!any_due) {
    sentence += "no requests were due in the phases measured.";
  } else if (run.lift) {
    sentence += lift_reading(run, phases);
  } else {
    sentence += steady_reading(run, phases.back());
  }
  std::string out = wrapped(sentence, style.width, 2);
  const std::string backlog = run.lift ? backlog_reading(*run.lift) : "";
  if (!backlog.empty()) out += wrapped(backlog, style.width, 2);
  const PhaseSummary* const before = find(phases, "before");
  const PhaseSummary* const after = find(phases, "after");
  // What tightens a throttle, or takes it out of the shadow, makes it bind afterwards.
  const bool binds_later =
      run.lift && run.lift->kind != "lift" && after != nullptr && binds(*after);
  if (before != nullptr && before->counts.due > 0 && !binds(*before) && !binds_later) {
    out += wrapped(fmt::format("vacuous: the throttle did not bind: it held or denied {} of the "
                               "requests due before the change, and 5 % is the least that counts.",
                               percent(static_cast<double>(before->held) /
                                       static_cast<double>(before->counts.due))),
                   style.width, 2);
  }
  return out;
}

std::string checks_list(const Run& run, const TextStyle& style) {
  TextTable table(1);
  for (const Check& check : run.checks) {
    Cell outcome{"failed", {}, Ink::red};
    if (check.passed) outcome = check.value ? Cell{"ok", {}, Ink::green} : Cell{"not checked"};
    table.add({{check.name},
               {check.value ? check_figure(*check.value) : kAbsent},
               {"limit " + check_figure(check.limit)},
               std::move(outcome)});
  }
  return inked("checks", Ink::bold, style) + "\n" + table.str(style, 2);
}

}  // namespace

std::string to_text(const Run& run, const TextStyle& style) {
  const Phases phases = summarize_fleet(run);
  std::string out = verdict(run, style) + title(run, style);
  if (!phases.empty()) out += "\n" + FleetTable(phases).str(style);
  if (run.tenants.size() > 1) out += "\n" + tenants_table(run, style);
  const std::string throttles = throttles_table(run, style);
  if (!throttles.empty()) out += "\n" + throttles;
  out += "\n" + reading(run, phases, style);
  if (!run.checks.empty()) out += "\n" + checks_list(run, style);
  return out;
}

}  // namespace tokenlift
