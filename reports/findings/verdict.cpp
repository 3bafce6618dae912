#include "reports/findings/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "reports/findings/checks_table.hpp"
#include "reports/findings/course_remarks.hpp"
#include "reports/findings/event_words.hpp"
#include "reports/findings/fleet_remarks.hpp"
#include "reports/findings/gains_table.hpp"
#include "reports/findings/load_remarks.hpp"
#include "reports/findings/meanwhile.hpp"
#include "reports/findings/unserved_remarks.hpp"
#include "reports/findings/wire_remarks.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// More goodput than was made: requests of the phase were answered after it.
bool answered_later(double goodput, double throughput) {
  constexpr double kMuchMore = 1.1;
  return goodput > kMuchMore * throughput;
}

/// Both arms, as far as there are two.
std::vector<const Run*> arms(const Trial& trial) {
  std::vector<const Run*> runs = {&trial.lifted.pooled};
  if (trial.control) runs.push_back(&trial.control->pooled);
  return runs;
}

// ----------------------------------------------------------------------------------- what it is

/// " (95 % interval x1.70 to x1.88)"; empty where there is none.
std::string interval_clause(const Estimate& estimate, bool is_difference) {
  if (!estimate.interval) return "";
  return " (95 % interval " + interval_text(estimate, is_difference, 1) + ")";
}

/// "x1.79 (95 % interval x1.70 to x1.88), 2,058 -> 3,677 tokens/s"
std::string rate_change(const Gain& gain) {
  std::string text;
  if (gain.change.value) {
    text = change_text(gain.change, gain.is_difference, 1);
    if (gain.is_difference) text += " tokens/s";
    text += interval_clause(gain.change, gain.is_difference) + ", ";
  }
  return text + fmt::format("{} -> {} tokens/s", figure(*gain.before), figure(*gain.after));
}

/// What users see of it: how long their first token takes.
std::string ttft_clause(const TrialReport& report) {
  const PhaseSummary* const before = find_phase(report.phases, "before");
  const PhaseSummary* const after = find_phase(report.phases, "after");
  if (before == nullptr || after == nullptr) return "";
  const std::optional<std::int64_t> then_ns = before->of(Metric::ttft).at(500);
  const std::optional<std::int64_t> now_ns = after->of(Metric::ttft).at(500);
  if (!then_ns || !now_ns) return "";
  // Where most get nothing, a latency is of the few.
  const auto served = [](const PhaseSummary& phase) {
    if (!phase.hides_unserved(500)) return std::string();
    return fmt::format(" (of the {} that were served)", percent_figure(1 - *phase.unserved()));
  };
  return fmt::format("TTFT p50 {}{} -> {}{}", duration_figure(*then_ns), served(*before),
                     duration_figure(*now_ns), served(*after));
}

/// ", attainment 100 % -> 62.0 %"; empty where it is not known of both.
std::string attainment_clause(const TrialReport& report) {
  const PhaseSummary* const before = find_phase(report.phases, "before");
  const PhaseSummary* const after = find_phase(report.phases, "after");
  if (before == nullptr || after == nullptr) return "";
  if (!before->rates.attainment || !after->rates.attainment) return "";
  return fmt::format(", attainment {} -> {}", percent_figure(*before->rates.attainment),
                     percent_figure(*after->rates.attainment));
}

/// Why goodput cannot tell what a change did; empty where it can.
std::string deceptive(const Gain& goodput, const Gain& throughput) {
  constexpr double kNextToNothing = 0.01;
  if (*goodput.before <= kNextToNothing * *throughput.before &&
      *goodput.after <= kNextToNothing * *throughput.after) {
    return "next to nothing met its objectives";
  }
  if (answered_later(*goodput.before, *throughput.before)) {
    return "goodput counts what was due before and answered after";
  }
  return "";
}

/// Where much was computed in vain, throughput counts that as well: "53.5 -> 0 requests/s
/// completed" where that went another way, or by far not as far. Else empty.
std::string apart(const LiftReport& lift, const Gain& throughput) {
  if (!lift.completed_per_s || *throughput.before <= 0 || *throughput.after <= 0) return "";
  const auto [then, now] = *lift.completed_per_s;
  const double made = std::log(*throughput.after / *throughput.before);
  const double completed = then > 0 && now > 0 ? std::log(now / then)
                           : then == now       ? 0
                           : now > then        ? INFINITY
                                               : -INFINITY;
  const bool follows = std::abs(completed - made) <= std::max(std::log(1.1), std::abs(made) / 2);
  const bool first_ever = then == 0 && now > 0 && made > 0;
  if ((follows && now > 0) || first_ever) return "";
  return fmt::format("{} -> {} requests/s completed", figure(then), figure(now));
}

/// How what waited at the change went; empty where nothing can be said of it.
std::string drain_clause(const LiftReport& lift) {
  if (!lift.drain.ns || *lift.drain.ns <= 0) return "";
  const std::string took = duration_figure(*lift.drain.ns);
  switch (lift.departure.how) {
    case Departure::How::unknown:
      return "";
    case Departure::How::served:
      return fmt::format("the backlog drained in {}", took);
    case Departure::How::let_in:
      return fmt::format("nobody waited {} any more after {}",
                         lift.lift.backoff_requests == 0   ? "at the throttle"
                         : lift.lift.waiting_requests == 0 ? "in back-off"
                                                           : "at the throttle or in back-off",
                         took);
    case Departure::How::gave_up:
      return fmt::format("the backlog was gone after {} ({} {} refused or given up)", took,
                         whole_figure(lift.departure.gave_up),
                         lift.departure.gave_up == 1 ? "request" : "requests");
  }
  return "";
}

}  // namespace

std::string cost_clause(const LiftReport& lift) {
  std::vector<std::string> clauses;
  if (std::string gone = drain_clause(lift); !gone.empty()) clauses.push_back(std::move(gone));
  if (lift.slo_debt_requests && *lift.slo_debt_requests >= 0.5) {
    const auto missed = static_cast<std::uint64_t>(std::llround(*lift.slo_debt_requests));
    clauses.push_back(fmt::format("{} due in the transition missed {} objectives",
                                  missed == 1 ? "1 request" : whole_figure(missed) + " requests",
                                  missed == 1 ? "its" : "their"));
  }
  return listed(clauses, "and");
}

Deciding deciding_gain(const LiftReport& lift) {
  const Gain* const goodput = find_gain(lift.gains, "goodput");
  const Gain* const throughput = find_gain(lift.gains, "throughput");
  const auto measured = [](const Gain* gain) { return gain && gain->before && gain->after; };
  if (!measured(goodput)) return {};
  if (!measured(throughput)) return {goodput, "", ""};
  std::string reason = deceptive(*goodput, *throughput);
  if (reason.empty()) return {goodput, "", ""};
  return {throughput, std::move(reason), apart(lift, *throughput)};
}

std::string why_vacuous(const LiftReport& lift) {
  const std::string held = percent_figure(lift.binding_fraction.value_or(0));
  if (lift.most_held) {
    return fmt::format(
        "the throttle held or denied {} of the requests due before the change, and 5 % is the "
        "least "
        "that counts; it did bind '{}', {} of whose requests it held or denied: the table of "
        "tenants says what that one got",
        held, lift.most_held->name, percent_figure(lift.most_held->share));
  }
  return fmt::format(
      "the throttle did not bind: it held or denied {} of the requests due before the change, and "
      "5 % is the least that counts",
      held);
}

const Effect* deciding_effect(const LiftReport& lift, const Gain& gain) {
  const auto found = std::find_if(
      lift.effects.begin(), lift.effects.end(),
      [&](const Effect& each) { return each.name == gain.name && each.phase == "after"; });
  return found == lift.effects.end() ? nullptr : &*found;
}

Judgement judge(const LiftReport& lift) {
  const Deciding deciding = deciding_gain(lift);
  const Gain* const gain = deciding.gain;
  if (gain == nullptr || !deciding.apart.empty()) return {};
  const Effect* const effect = deciding_effect(lift, *gain);
  if (effect == nullptr) {
    return {gain->shown(), gain->better(), gain->change.interval.has_value(), gain->change.reason};
  }
  return {effect->shown(), effect->better(), effect->difference.interval.has_value(),
          effect->difference.reason};
}

namespace {

/// "; against the same load without it: +1,234 tokens/s (95 % interval ...)"
std::string control_clause(const LiftReport& lift, const Gain& gain) {
  const Effect* const effect = deciding_effect(lift, gain);
  if (effect == nullptr || !effect->difference.value) return "";
  return "; against the same load without it: " + change_text(effect->difference, true, 1) +
         " tokens/s" + interval_clause(effect->difference, true);
}

std::string lift_sentence(const TrialReport& report) {
  const LiftReport& lift = *report.lift;
  const auto [what, link] = subject_of(lift, report.trial.lifted.pooled);
  const std::string nobody = nobody_asked(report.phases);
  if (!nobody.empty()) return what + ": " + nobody + ", so before and after cannot be compared.";
  if (lift.vacuous) return fmt::format("{} is vacuous: {}.", what, why_vacuous(lift));
  const auto [gain, reason, apart] = deciding_gain(lift);
  if (gain == nullptr) return what + ": too little was measured to compare before and after.";
  const Judgement judgement = judge(lift);
  const std::string others = meanwhile(report);
  std::string text = what;
  if (!others.empty()) {
    text += fmt::format(": {} ", gain->name);
  } else if (judgement.shown) {
    text += fmt::format("{} {}: {} ", link, judgement.better ? "paid off" : "did harm", gain->name);
  } else if (judgement.has_interval) {
    text += fmt::format("{} made no difference to {} that could be shown: ", link, gain->name);
  } else {
    text += fmt::format(": {} ", gain->name);
  }
  text += rate_change(*gain);
  if (!reason.empty()) text += ", while " + reason;
  if (!apart.empty()) text += " and " + apart;
  if (!lift.fleet.empty()) text += attainment_clause(report);
  const std::string ttft = ttft_clause(report);
  if (!ttft.empty()) text += ", " + ttft;
  text += control_clause(lift, *gain);
  const std::string cost = cost_clause(lift);
  if (!cost.empty()) text += "; " + cost;
  text += ".";
  if (!judgement.has_interval && !judgement.reason.empty()) {
    text += " How sure that is cannot be said: " + judgement.reason + ".";
  }
  if (!apart.empty()) {
    text += " What was made and what was completed went apart, so throughput is no measure of it.";
  }
  if (!others.empty()) {
    text += fmt::format(" Whose doing that is cannot be said: in that time {}; `--control` tells.",
                        others);
  }
  return text;
}

std::string steady_sentence(const Run& run, const PhaseSummary& phase) {
  std::vector<std::string> clauses;
  if (phase.rates.throughput_tokens_per_s) {
    const double throughput = *phase.rates.throughput_tokens_per_s;
    clauses.push_back(fmt::format("throughput {} tokens/s", figure(throughput)));
    const std::optional<double> capacity = capacity_over(run, run.phases.back());
    if (capacity && *capacity > 0) {
      clauses.back() += fmt::format(" ({} of capacity)", percent_figure(throughput / *capacity));
    }
  }
  if (phase.rates.attainment) {
    clauses.push_back(fmt::format("attainment {}", percent_figure(*phase.rates.attainment)));
  }
  if (const std::optional<std::int64_t> ttft_ns = phase.of(Metric::ttft).at(500)) {
    clauses.push_back(fmt::format("TTFT p50 {}", duration_figure(*ttft_ns)));
  }
  if (clauses.empty()) clauses.emplace_back("too little was measured to say anything");
  std::string name = phase.name;
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return fmt::format("{}: {}.", name, listed(clauses, "and"));
}

// ---------------------------------------------------------------------------------- the remarks

/// The backlog that the change met where part of it was hidden: in the clients' back-off.
void remark_on_backlog(const LiftRecord& lift, std::vector<std::string>& remarks) {
  if (lift.backoff_requests == 0) return;
  if (happened_elsewhere(lift) && lift.waiting_requests == 0) {
    remarks.push_back(fmt::format("Requests in back-off at that instant: {} ({} output tokens).",
                                  whole_figure(static_cast<std::uint64_t>(lift.backoff_requests)),
                                  whole_figure(static_cast<std::uint64_t>(lift.backoff_tokens))));
    return;
  }
  const auto waiting = [](std::int64_t requests, std::int64_t tokens, const char* where) {
    if (requests == 0) return fmt::format("none {}", where);
    return fmt::format("{} {} ({} output tokens)",
                       whole_figure(static_cast<std::uint64_t>(requests)), where,
                       whole_figure(static_cast<std::uint64_t>(tokens)));
  };
  remarks.push_back(
      fmt::format("Requests waiting at that instant: {} and {}.",
                  waiting(lift.waiting_requests, lift.backlog_tokens, "at the throttle"),
                  waiting(lift.backoff_requests, lift.backoff_tokens, "in back-off")));
}

/// Goodput counts requests when they were due, however late they were answered: of a phase that
/// leaves a queue behind it is not what was made in it.
void remark_on_goodput(const TrialReport& report, std::vector<std::string>& remarks) {
  std::vector<std::string> clauses;
  for (const PhaseSummary& phase : report.phases) {
    const Rates& rates = phase.rates;
    if (phase.name == "transition" || !rates.goodput_tokens_per_s ||
        !rates.throughput_tokens_per_s ||
        !answered_later(*rates.goodput_tokens_per_s, *rates.throughput_tokens_per_s)) {
      continue;
    }
    clauses.push_back(fmt::format("{} tokens/s in '{}', which made {}",
                                  figure(*rates.goodput_tokens_per_s), phase.name,
                                  figure(*rates.throughput_tokens_per_s)));
  }
  if (clauses.empty()) return;
  remarks.push_back(fmt::format(
      "Goodput counts a request in the phase in which it was due, and many were answered later: "
      "{}. Throughput says what was made; objectives (slo) say how late is too late.",
      listed(clauses, "and")));
}

/// What nobody waited for until the end is in no latency, and counts as not served.
void remark_on_undecided(const TrialReport& report, std::vector<std::string>& remarks) {
  constexpr double kMany = 0.05;
  for (const PhaseSummary& phase : report.phases) {
    const auto due = static_cast<double>(phase.counts.due);
    const auto open = static_cast<double>(phase.counts.in_flight);
    if (open <= kMany * due) continue;
    remarks.push_back(fmt::format(
        "Of the requests due in '{}', {} were not decided when the run ended, and count "
        "as not served: a longer run.cooldown_max waits for those whose turn comes.",
        phase.name, percent_figure(open / due)));
  }
}

/// What pays off in the end may have been worse at first.
void remark_on_transition(const TrialReport& report, std::vector<std::string>& remarks) {
  const auto goodput = [&](const char* name) {
    const PhaseSummary* const phase = find_phase(report.phases, name);
    return phase == nullptr ? std::nullopt : phase->rates.goodput_tokens_per_s;
  };
  const std::optional<double> before = goodput("before");
  const std::optional<double> transition = goodput("transition");
  if (!before || !transition || !judge(*report.lift).better) return;
  // As many standard errors as for lengths that vary much, if requests came independently.
  constexpr double kFarBelow = 5;
  const auto share_of_error = [&](const char* name) {
    const auto due = static_cast<double>(find_phase(report.phases, name)->counts.due);
    return due > 0 ? 1 / due : 1;
  };
  const double error = *before * std::sqrt(share_of_error("before") + share_of_error("transition"));
  if (*transition >= *before - kFarBelow * error) return;
  remarks.push_back(
      fmt::format("It was worse first: goodput in the transition was {} tokens/s, {} before.",
                  figure(*transition), figure(*before)));
}

/// When the lift happened against when the throughput shows a change by itself.
void remark_on_found(const TrialReport& report, std::vector<std::string>& remarks) {
  const LiftReport& lift = *report.lift;
  const Gain* const throughput = find_gain(lift.gains, "throughput");
  const bool changed = throughput != nullptr && throughput->shown();
  const bool of_fleet = changes_fleet(lift.lift);
  // The fleet changes over some time.
  const std::int64_t begin_ns = *lift.lift.at_ns;
  const std::int64_t end_ns = begin_ns + (of_fleet ? lift.lift.length_ns.value_or(0) : 0);
  // What varies by itself hides the instant: it is found the less exactly the longer the phases
  // are.
  std::int64_t near_ns = 2'000'000'000;
  for (const PhaseSummary& phase : report.phases) {
    near_ns = std::max(near_ns, (phase.end_ns - phase.begin_ns) / 4);
  }
  if (lift.found.size() > 5) return;  // it changes all the time: none of these is another event
  if (!lift.found_ns) {
    if (changed) remarks.emplace_back("By itself the throughput shows no change at any instant.");
    return;
  }
  const std::int64_t off_ns = *lift.found_ns > end_ns
                                  ? *lift.found_ns - end_ns
                                  : std::max<std::int64_t>(begin_ns - *lift.found_ns, 0);
  if (off_ns <= near_ns) return;
  remarks.push_back(fmt::format("By itself the throughput shows a change at {} s, {} {} the {}.",
                                second_figure(*lift.found_ns), duration_figure(off_ns),
                                *lift.found_ns > end_ns ? "after" : "before",
                                of_fleet ? "change" : "lift"));
}

/// What the wait before admission was: where no throttle held or refused anybody, clients backed
/// off after an attempt that failed.
std::string part_name(const TimePart& part, const Run& run, const std::string& phase) {
  const std::optional<std::size_t> index = find_phase(run, phase);
  if (part.ns != &TimeSplit::throttle_wait_ns || !index) return part.name;
  const PhaseRecord record = fleet_record(run, *index);
  std::uint64_t refused = record.held + record.denied + record.overloaded;
  for (const ThrottleRecord& throttle : run.throttles) {
    refused += throttle.phases.at(*index).held + throttle.phases.at(*index).rejected;
  }
  return refused > 0 ? part.name : "back-off after attempts that failed";
}

/// Which part of TTFT is the largest, before and after.
void remark_on_split(const TrialReport& report, std::vector<std::string>& remarks) {
  std::vector<std::string> clauses;
  const std::vector<TimePart> parts = shown_parts(report.split);
  for (const TimeSplit& split : report.split) {
    if (split.phase == "transition" || split.requests == 0 || split.ttft_ns <= 0) continue;
    const auto largest = std::max_element(
        parts.begin(), parts.end(),
        [&](const TimePart& a, const TimePart& b) { return split.*a.ns < split.*b.ns; });
    clauses.push_back(fmt::format("{} {} is {}", split.phase,
                                  percent_figure(split.*(largest->ns) / split.ttft_ns),
                                  part_name(*largest, report.trial.lifted.pooled, split.phase)));
  }
  if (clauses.empty()) return;
  remarks.push_back(fmt::format("Of the mean TTFT, {}.", listed(clauses, "and")));
}

}  // namespace

bool is_valid(const Trial& trial) {
  return !trial.interrupted && std::ranges::all_of(arms(trial), &Run::valid);
}

std::vector<std::string> validity(const Trial& trial) {
  std::size_t all = 0;
  std::size_t unread = 0;
  std::vector<std::string> lines(1);
  for (const Run* const run : arms(trial)) {
    all += run->checks.size();
    for (const Check& check : run->checks) {
      if (check.passed && !check.value) ++unread;
      if (check.passed) continue;
      lines.push_back(fmt::format("{}{}: {}, limit {}. {}", run->control ? "control: " : "",
                                  check.name, check.value ? check_figure(check) : kAbsent,
                                  limit_figure(check.limit), check.advice));
    }
  }
  const std::size_t failed = lines.size() - 1;
  if (failed > 0) {
    lines[0] = fmt::format("NOT VALID as a measurement: {} of {} checks failed", failed, all);
  } else if (trial.interrupted) {
    lines[0] = "NOT VALID as a measurement: it was ended early";
  } else {
    lines[0] = fmt::format("valid: {} of {} checks passed", all - unread, all);
    if (unread > 0) lines[0] += fmt::format(", {} not checked", unread);
  }
  if (trial.control) lines[0] += ", with the event and without it together";
  if (trial.lifted.pooled.interrupted) {
    lines.emplace_back("INTERRUPTED: the run was ended early; this is what it measured until then");
  }
  for (const std::string& each : trial.left_out) lines.push_back("left out: " + each);
  return lines;
}

std::string verdict(const TrialReport& report) {
  const Run& run = report.trial.lifted.pooled;
  const bool any_due = std::any_of(report.phases.begin(), report.phases.end(),
                                   [](const PhaseSummary& phase) { return phase.counts.due > 0; });
  const std::string prefix = is_valid(report.trial) ? "" : "NOT VALID: ";
  if (!any_due) return prefix + "no requests were due in the phases measured.";
  if (report.lift) return prefix + lift_sentence(report);
  if (run.lift) {
    if (run.lift->kind == "signal") return prefix + "no signal came while the run lasted.";
    if (happened_elsewhere(*run.lift)) {
      const bool got_there = !run.phases.empty() && run.phases.back().end_ns > run.lift->planned_ns;
      return prefix + fmt::format("a {} at {} s was to make the change{}.", run.lift->kind,
                                  second_figure(run.lift->planned_ns),
                                  got_there ? ", and did not" : "; the run did not get there");
    }
    return prefix + fmt::format("'{}' was to change at {} s; the run did not get there.",
                                target_of(*run.lift), second_figure(run.lift->planned_ns));
  }
  return prefix + steady_sentence(run, report.phases.back());
}

std::vector<std::string> remarks(const TrialReport& report) {
  std::vector<std::string> all;
  if (report.lift) {
    all = course_remarks(report);
    if (report.lift->fleet.empty()) remark_on_transition(report, all);
    remark_on_backlog(report.lift->lift, all);
    remark_on_found(report, all);
    for (const Starvation& starved : report.lift->starvation) {
      if (starved.seconds == 0) continue;
      all.push_back(fmt::format(
          "Tenant '{}' ran {} s below its guaranteed share of {} while it had work waiting.",
          starved.tenant, figure(starved.seconds), percent_figure(starved.share)));
    }
  }
  const auto add = [&](std::vector<std::string> more) {
    for (std::string& remark : more) all.push_back(std::move(remark));
  };
  for (auto* const of : {load_remarks, fleet_remarks, wire_remarks}) add(of(report));
  remark_on_goodput(report, all);
  remark_on_undecided(report, all);
  add(unserved_remarks(report));
  remark_on_split(report, all);
  add(throttle_remarks(report));
  return all;
}

}  // namespace tokenlift
