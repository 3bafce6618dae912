#include "reports/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "reports/checks_table.hpp"
#include "reports/figure.hpp"
#include "reports/fleet_table.hpp"
#include "reports/summary.hpp"
#include "reports/tenants_table.hpp"
#include "reports/throttles_table.hpp"
#include "reports/verdict.hpp"

namespace tokenlift {
namespace {

using Phases = std::vector<PhaseSummary>;

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
                                 check.value ? limit_figure(*check.value) : kAbsent,
                                 limit_figure(check.limit), check.advice),
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
  const std::vector<std::string> parts = title_parts(run);
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

// ------------------------------------------------------------------------------- the reading

void add_change(std::vector<std::string>& clauses, const char* name,
                const std::optional<double>& before, const std::optional<double>& after) {
  if (!before || !after) return;
  clauses.push_back(*before == 0 ? fmt::format("{} 0 -> {} tokens/s", name, figure(*after))
                                 : fmt::format("{} {}", name, change_figure(*before, *after)));
}

std::string change_named(const LiftRecord& lift) {
  const std::string at = second_figure(*lift.at_ns);
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
                       second_figure(lift.planned_ns));
  }
  const std::string what = change_named(lift) + ": ";
  const PhaseSummary* const before = find_phase(phases, "before");
  const PhaseSummary* const after = find_phase(phases, "after");
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
  return what + listed(clauses, "and") + ".";
}

std::string steady_reading(const Run& run, const PhaseSummary& phase) {
  std::vector<std::string> clauses;
  if (phase.rates.throughput_tokens_per_s) {
    const double throughput = *phase.rates.throughput_tokens_per_s;
    clauses.push_back(fmt::format("throughput {} tokens/s", figure(throughput)));
    if (run.capacity_tokens_per_s && *run.capacity_tokens_per_s > 0) {
      clauses.back() +=
          fmt::format(" ({} of capacity)", percent_figure(throughput / *run.capacity_tokens_per_s));
    }
  }
  if (phase.rates.attainment) {
    clauses.push_back(fmt::format("attainment {}", percent_figure(*phase.rates.attainment)));
  }
  if (const std::optional<std::int64_t> ttft_ns = phase.of(Metric::ttft).at(500)) {
    clauses.push_back(fmt::format("TTFT p50 {}", duration_figure(static_cast<double>(*ttft_ns))));
  }
  if (clauses.empty()) clauses.emplace_back("too little was measured to say anything");
  std::string name = phase.name;
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return fmt::format("{}: {}.", name, listed(clauses, "and"));
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
  const PhaseSummary* const before = find_phase(phases, "before");
  const PhaseSummary* const after = find_phase(phases, "after");
  // What tightens a throttle, or takes it out of the shadow, makes it bind afterwards.
  const bool binds_later =
      run.lift && run.lift->kind != "lift" && after != nullptr && binds(*after);
  if (before != nullptr && before->counts.due > 0 && !binds(*before) && !binds_later) {
    out += wrapped(fmt::format("vacuous: the throttle did not bind: it held or denied {} of the "
                               "requests due before the change, and 5 % is the least that counts.",
                               percent_figure(static_cast<double>(before->held) /
                                              static_cast<double>(before->counts.due))),
                   style.width, 2);
  }
  return out;
}

/// The first words in the colour of what they say: "valid: ..." or "NOT VALID ...".
std::string validity_text(const TrialReport& trial, const TextStyle& style) {
  const bool valid = is_valid(trial.trial);
  const std::string head = valid ? "valid" : "NOT VALID";
  std::string text;
  for (std::size_t begin = 0; begin <= trial.validity.size();) {  // a failed check has its own line
    const std::size_t end = std::min(trial.validity.find('\n', begin), trial.validity.size());
    text += wrapped(trial.validity.substr(begin, end - begin), style.width, 4);
    begin = end + 1;
  }
  if (!text.starts_with(head)) return text;
  return inked(head, valid ? Ink::green : Ink::red, style) + text.substr(head.size());
}

std::string trial_text(const TrialReport& trial, const TextStyle& style) {
  std::string out = validity_text(trial, style);
  out += wrapped(trial.verdict, style.width, 2);
  for (const std::string& remark : trial.remarks) out += wrapped(remark, style.width, 2);
  out += title(trial.trial.lifted.pooled, style);
  for (const Table& table : trial.tables) out += "\n" + to_text(table, style);
  return out;
}

}  // namespace

std::vector<std::string> title_parts(const Run& run) {
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
  return parts;
}

std::string to_text(const Run& run, const TextStyle& style) {
  const Phases phases = summarize_fleet(run);
  std::string out = verdict(run, style) + title(run, style);
  for (const Table& table : {fleet_table(phases), tenants_table(run), throttles_table(run)}) {
    if (!table.rows.empty()) out += "\n" + to_text(table, style);
  }
  out += "\n" + reading(run, phases, style);
  const Table checks = checks_table(run);
  if (!checks.rows.empty()) out += "\n" + to_text(checks, style);
  return out;
}

std::string to_text(const Report& report, const TextStyle& style) {
  if (report.trials.size() == 1) return trial_text(report.trials[0], style);
  std::string out = to_text(report.overview, style);
  for (const TrialReport& trial : report.trials) {
    out += "\n" + inked("== " + trial.trial.label + " ==", Ink::bold, style) + "\n";
    out += trial_text(trial, style);
  }
  return out;
}

}  // namespace tokenlift
