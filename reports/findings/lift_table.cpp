#include "reports/findings/lift_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "reports/findings/reason_notes.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// The rows of lift_table(): a label, a unit, a value.
class LiftRows {
 public:
  LiftRows() {
    table_.name = "lift";
    table_.title = "the change itself";
    table_.left_columns = 2;
  }

  void add(const std::string& label, const std::string& unit, const std::string& value) {
    table_.rows.push_back({{label}, {unit}, {value}});
  }

  void add(const std::string& label, const std::string& unit, const std::optional<double>& value,
           const std::string& reason = "") {
    add(label, unit, value ? figure(*value) : kAbsent);
    if (!value) reasons_.add(label, reason);
  }

  void add(const std::string& label, const Delay& delay) {
    if (!delay.ns) {
      add(label, "s", std::optional<double>(), delay.reason);
      return;
    }
    const auto ns = static_cast<double>(*delay.ns);
    const DurationUnit unit = duration_unit({&ns, 1});
    add(label, std::string(unit.name), ns / unit.ns);
  }

  void note(std::string sentence) { notes_.push_back(std::move(sentence)); }

  Table take() {
    table_.notes = reasons_.sentences(kAbsent, kAbsent, table_.rows.size() + 1);
    std::move(notes_.begin(), notes_.end(), std::back_inserter(table_.notes));
    return std::move(table_);
  }

 private:
  Table table_;
  ReasonNotes reasons_;
  std::vector<std::string> notes_;
};

std::optional<double> percent(const std::optional<double>& share) {
  return share ? std::optional(*share * 100) : std::nullopt;
}

/// What came and went, and what then served.
void add_fleet(LiftRows& rows, const FleetChange& change) {
  const LiftRecord& event = change.event;
  std::int64_t begin_ns = *event.at_ns;
  std::int64_t end_ns = begin_ns + event.length_ns.value_or(0);
  if (change.step) {
    begin_ns = change.step->begin_ns;
    end_ns = change.step->end_ns;
  }
  const std::string begin = second_figure(begin_ns);
  rows.add(fmt::format("{} of {}", event.kind, event.site), "s",
           begin_ns == end_ns ? begin : begin + "–" + second_figure(end_ns));
  if (!change.step) return;
  const FleetStep& step = *change.step;
  const auto replicas = [](std::int64_t count) {
    return whole_figure(static_cast<std::uint64_t>(count));
  };
  rows.add("replicas serving, before", "replicas", replicas(step.serving_from));
  rows.add("replicas serving, after", "replicas", replicas(step.serving_to));
  if (!step.capacity_from || !step.capacity_to) return;
  rows.add("capacity, before", "tokens/s", figure(*step.capacity_from));
  rows.add("capacity, after", "tokens/s", figure(*step.capacity_to));
}

/// When the change was made elsewhere, and how surely that is known.
void add_instant(LiftRows& rows, const LiftRecord& lift) {
  rows.add("instant of the change", "s", second_figure(*lift.at_ns));
  if (!lift.call_ns) return;
  rows.add("uncertainty of the instant", Delay{lift.call_ns, ""});
  rows.note(fmt::format(
      "The change was made between the begin of the {} and its end: so uncertain is its instant.",
      lift.kind));
}

void add_backlog(LiftRows& rows, const LiftRecord& lift) {
  const auto amount = [&](const char* label, const char* unit, std::int64_t value) {
    rows.add(label, unit,
             whole_figure(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0))));
  };
  if (happened_elsewhere(lift) && lift.waiting_requests == 0) {
    amount("waiting in back-off", "requests", lift.backoff_requests);
    amount("their backlog", "tokens", lift.backoff_tokens);
    return;
  }
  if (changes_fleet(lift)) {  // there need not be a throttle, and what waits in the fleet counts
    amount("backlog", "tokens", lift.backlog_tokens);
    if (lift.backoff_requests == 0) return;
    amount("waiting in back-off", "requests", lift.backoff_requests);
    amount("their backlog", "tokens", lift.backoff_tokens);
    return;
  }
  amount("waiting at the throttle", "requests", lift.waiting_requests);
  amount("their backlog", "tokens", lift.backlog_tokens);
  amount("waiting in back-off", "requests", lift.backoff_requests);
  amount("their backlog", "tokens", lift.backoff_tokens);
}

void add_drain(LiftRows& rows, const LiftReport& report) {
  rows.add("drain time", report.drain);
  if (!changes_fleet(report.lift) || report.lift.kind == "join") {
    rows.add("drain time, fluid prediction", "s", report.drain_fluid_s, report.no_fluid_reason);
  }
  if (report.not_back_share && changes_fleet(report.lift)) {
    rows.add("goodput in after", "% of offered", percent(report.not_back_share));
    rows.note("What served could have carried what was offered: goodput did not come back.");
  } else if (report.not_back_share) {
    rows.add("goodput after three fluid drains", "% of offered", percent(report.not_back_share));
    rows.note("What was offered could have been carried, and was not: goodput did not come back.");
  }
}

void add_costs(LiftRows& rows, const LiftReport& report) {
  rows.add("recovery deficit", "tokens per run", report.recovery_deficit_tokens,
           report.goodput.before && report.goodput.after ? "goodput did not step"
                                                         : "goodput is not known in both phases");
  rows.add("SLO debt", "requests per run", report.slo_debt_requests,
           "nothing was due in transition, or no tenant has objectives (slo)");
  rows.add("attempts, before", "per request", report.retry_amplification_before,
           "nothing was due in before");
  rows.add("attempts, after", "per request", report.retry_amplification_after,
           "nothing was due in after");
  rows.add("wasted", "tokens", whole_figure(report.wasted_tokens));
}

void add_tenants(LiftRows& rows, const LiftReport& report) {
  if (report.unfairness) {
    rows.add("unfairness", "tokens", report.unfairness->tokens);
    rows.note(
        fmt::format("Unfairness: by how much {} came ahead of {}, in tokens by weight, while "
                    "both had work waiting.",
                    report.unfairness->ahead, report.unfairness->behind));
  }
  for (const Starvation& starvation : report.starvation) {
    rows.add("starvation of " + starvation.tenant, "s per run", starvation.seconds);
    rows.note(
        fmt::format("Starvation: time in which {} got less than the {} it is guaranteed, with "
                    "work waiting.",
                    starvation.tenant, percent_figure(starvation.share)));
  }
}

void add_found(LiftRows& rows, const LiftReport& report) {
  const std::string at = report.lift.at_ns ? second_figure(*report.lift.at_ns) : kAbsent;
  if (report.found_ns) {
    rows.add("change found at", "s", second_figure(*report.found_ns));
    rows.note(fmt::format(
        "Found in the throughput alone, which knows nothing of the change at {} s{}.", at,
        report.found.size() == 1 ? "" : fmt::format(", the nearest of {}", report.found.size())));
  } else {
    rows.add("change found at", "s", std::optional<double>(),
             "the throughput has no change of level");
  }
}

/// The columns of response_table().
struct Answer {
  const char* label;
  const char* unit;
  double scale;
  const StepResponse* response;
};

std::vector<std::string> missing_responses(const std::array<Answer, 3>& answers) {
  ReasonNotes reasons;
  for (const Answer& answer : answers) {
    const StepResponse& response = *answer.response;
    const std::string label = answer.label;
    if (!response.stepped) {  // then there is none of the three, for one reason
      reasons.add(label, response.rise.reason);
      continue;
    }
    if (!response.rise.ns) reasons.add(label + " rise time", response.rise.reason);
    if (!response.settling.ns) reasons.add(label + " settling time", response.settling.reason);
  }
  return reasons.sentences(kAbsent, kAbsent, 2 * answers.size() + 1);
}

}  // namespace

Table lift_table(const LiftReport& report) {
  LiftRows rows;
  for (const FleetChange& change : report.fleet) add_fleet(rows, change);
  if (happened_elsewhere(report.lift)) {
    add_instant(rows, report.lift);
    rows.add("requests held or rejected, before", "%", percent(report.binding_fraction),
             "nothing was due in before");
  } else if (!changes_fleet(report.lift)) {
    rows.add("requests held or rejected, before", "%", percent(report.binding_fraction),
             "nothing was due in before");
    rows.add("unlock latency", report.unlock_latency);
    rows.add("waiter release lag", report.waiter_release_lag);
  }
  add_backlog(rows, report.lift);
  add_drain(rows, report);
  add_costs(rows, report);
  add_tenants(rows, report);
  add_found(rows, report);
  return rows.take();
}

Table response_table(const LiftReport& report) {
  const std::array<Answer, 3> answers = {{{"goodput", "tokens/s", 1, &report.goodput},
                                          {"in flight", "requests", 1, &report.in_flight},
                                          {"TTFT p99", "ms", 1e-6, &report.ttft_p99}}};
  Table table;
  table.name = "response";
  table.title = "response to the step";
  table.left_columns = 2;
  const bool any = std::any_of(answers.begin(), answers.end(), [](const Answer& answer) {
    return answer.response->before || answer.response->after;
  });
  if (!any) return table;
  table.head_rows = 2;
  table.rows = {{{""}, {""}}, {{""}, {""}}};
  for (const Answer& answer : answers) {
    table.rows[0].push_back({answer.label});
    table.rows[1].push_back({answer.unit});
  }
  const auto add = [&](const char* label, const char* unit, const auto& value_of) {
    std::vector<Cell> row = {{label}, {unit}};
    for (const Answer& answer : answers) {
      const std::optional<double> value = value_of(*answer.response, answer.scale);
      row.push_back({value ? figure(*value) : kAbsent});
    }
    table.rows.push_back(std::move(row));
  };
  const auto level = [&](const char* label, std::optional<double> StepResponse::*member) {
    add(label, "", [&](const StepResponse& response, double scale) {
      const std::optional<double>& value = response.*member;
      return value ? std::optional(*value * scale) : std::nullopt;
    });
  };
  const auto delay = [&](const char* label, Delay StepResponse::*member) {
    add(label, "s", [&](const StepResponse& response, double) {
      const std::optional<std::int64_t>& ns = (response.*member).ns;
      return ns ? std::optional(static_cast<double>(*ns) / 1e9) : std::nullopt;
    });
  };
  level("mean before", &StepResponse::before);
  level("mean after", &StepResponse::after);
  level("standard error", &StepResponse::standard_error);
  add("smoothed over", "s", [](const StepResponse& response, double) {
    return std::optional(static_cast<double>(response.smoothed_over_ns) / 1e9);
  });
  delay("rise time", &StepResponse::rise);
  add("overshoot", "%",
      [](const StepResponse& response, double) { return percent(response.overshoot); });
  delay("settling time", &StepResponse::settling);
  table.notes = missing_responses(answers);
  return table;
}

}  // namespace tokenlift
