#include "reports/formats/openmetrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/analysis/summary.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/text/metrics_text.hpp"

namespace tokenlift {
namespace {

using Labels = MetricLabels;
using Family = MetricFamily;

/// What was summarised of the fleet, or of one tenant, in one phase.
struct Entry {
  Labels labels;
  PhaseSummary summary;
  const PhaseRecord* record;
};

/// `records` keeps what the entries refer to.
std::vector<Entry> fleet_entries(const Report& report, std::deque<PhaseRecord>& records) {
  std::vector<Entry> entries;
  for (const TrialReport& trial : report.trials) {
    for (std::size_t i = 0; i < trial.phases.size(); ++i) {
      const PhaseSummary& phase = trial.phases[i];
      records.push_back(fleet_record(trial.trial.lifted.pooled, i));
      entries.push_back(
          {{{"trial", trial.trial.label}, {"phase", phase.name}}, phase, &records.back()});
    }
  }
  return entries;
}

std::vector<Entry> tenant_entries(const Report& report) {
  std::vector<Entry> entries;
  for (const TrialReport& trial : report.trials) {
    const Run& run = trial.trial.lifted.pooled;
    if (run.tenants.size() < 2) continue;
    for (const TenantRecord& tenant : run.tenants) {
      const std::vector<PhaseSummary> phases = summarize_tenant(run, tenant);
      for (std::size_t i = 0; i < phases.size(); ++i) {
        entries.push_back(
            {{{"trial", trial.trial.label}, {"phase", phases[i].name}, {"tenant", tenant.name}},
             phases[i],
             &tenant.phases.at(i)});
      }
    }
  }
  return entries;
}

std::string requests_family(const std::string& prefix, const std::vector<Entry>& entries) {
  constexpr std::array<std::pair<const char*, std::uint64_t Counts::*>, 6> kOutcomes = {
      {{"completed", &Counts::completed},
       {"rejected", &Counts::rejected},
       {"expired", &Counts::expired},
       {"cancelled", &Counts::cancelled},
       {"failed", &Counts::failed},
       {"in_flight", &Counts::in_flight}}};
  Family family(prefix + "requests", "counter", "requests",
                "Requests due in the phase, by how they ended.");
  for (const Entry& entry : entries) {
    for (const auto& [outcome, count] : kOutcomes) {
      Labels labels = entry.labels;
      labels.emplace_back("outcome", outcome);
      family.add("_total", labels, std::to_string(entry.summary.counts.*count));
    }
  }
  return family.text();
}

std::string counter_families(const std::string& prefix, const std::vector<Entry>& entries) {
  struct Counted {
    const char* name;
    const char* unit;
    const char* help;
    std::uint64_t PhaseRecord::*count;
  };
  constexpr std::array<Counted, 7> kCounted = {
      {{"attempts", "attempts", "First attempts and retries of the requests due in the phase.",
        &PhaseRecord::attempts},
       {"held_requests", "requests", "Requests due whose first attempt was denied or held.",
        &PhaseRecord::held},
       {"slo_met_requests", "requests", "Requests due that met all their objectives.",
        &PhaseRecord::slo_met},
       {"offered_output_tokens", "tokens", "Output tokens of the requests due in the phase.",
        &PhaseRecord::offered_output_tokens},
       {"output_tokens", "tokens", "Output tokens produced while the phase lasted.",
        &PhaseRecord::output_tokens},
       {"goodput_tokens", "tokens", "Output tokens of requests that met all their objectives.",
        &PhaseRecord::goodput_tokens},
       {"wasted_tokens", "tokens", "Tokens computed for requests that ended after their deadline.",
        &PhaseRecord::wasted_tokens}}};
  std::string out = requests_family(prefix, entries);
  for (const Counted& counted : kCounted) {
    Family family(prefix + counted.name, "counter", counted.unit, counted.help);
    for (const Entry& entry : entries) {
      family.add("_total", entry.labels, std::to_string(entry.record->*counted.count));
    }
    out += family.text();
  }
  return out;
}

std::string latency_families(const std::string& prefix, const std::vector<Entry>& entries) {
  constexpr std::array<const char*, kMetrics> kHelp = {
      "First token - due.",
      "Last token - due.",
      "(Last token - first token) / (output tokens - 1), per request.",
      "Gaps between consecutive tokens.",
      "First token - admitted.",
      "Admitted - sent.",
      "Scheduled - admitted.",
      "First token - scheduled.",
      "Sent - due: the lateness of the harness itself.",
      "Round trip to the site that served.",
      "Status read - admitted, of endpoints.",
      "First token that is no reasoning - due, of endpoints."};
  std::string out;
  for (std::size_t m = 0; m < kMetrics; ++m) {
    Family family(prefix + std::string(name_of(static_cast<Metric>(m))) + "_seconds", "summary",
                  "seconds", kHelp[m]);
    for (const Entry& entry : entries) {
      if (!entry.summary.tells(static_cast<Metric>(m))) continue;
      const LatencySummary& latency = entry.summary.latency[m];
      for (const int permille : kPermilles) {
        const std::optional<std::int64_t> ns = latency.at(permille);
        if (!ns) continue;
        Labels labels = entry.labels;
        labels.emplace_back("quantile", fmt::format("{}", permille / 1000.0));
        family.add("", labels, static_cast<double>(*ns) / 1e9);
      }
      family.add("_count", entry.labels, std::to_string(latency.count));
      family.add("_sum", entry.labels,
                 static_cast<double>(entry.record->latency[m].sum_ns()) / 1e9);
    }
    out += family.text();
  }
  return out;
}

std::string rate_families(const std::string& prefix, const std::vector<Entry>& entries) {
  struct Rated {
    const char* name;
    const char* unit;
    const char* help;
    std::optional<double> Rates::*rate;
  };
  constexpr std::array<Rated, 13> kRated = {
      {{"offered_requests_per_second", "requests_per_second", "Requests due.",
        &Rates::offered_requests_per_s},
       {"completed_requests_per_second", "requests_per_second", "Requests completed.",
        &Rates::completed_requests_per_s},
       {"throughput_tokens_per_second", "tokens_per_second", "Output tokens produced.",
        &Rates::throughput_tokens_per_s},
       {"goodput_tokens_per_second", "tokens_per_second",
        "Output tokens of requests that met all their objectives.", &Rates::goodput_tokens_per_s},
       {"attainment_ratio", "ratio", "Requests due that met all their objectives.",
        &Rates::attainment},
       {"utilisation_ratio", "ratio", "Busy time of the replicas / their time.",
        &Rates::utilisation},
       {"batch_mean_sequences", "sequences", "Sequences in a step, weighted by its time.",
        &Rates::batch_mean},
       {"batch_fill_ratio", "ratio", "Sequences in a step / the largest batch.",
        &Rates::batch_fill},
       {"kv_used_ratio", "ratio", "Tokens resident in KV caches / the room for them.",
        &Rates::kv_used},
       {"replicas_serving", "", "Replicas that serve, of a fleet that changes.",
        &Rates::replicas_serving},
       {"capacity_tokens_per_second", "tokens_per_second",
        "Output tokens at saturation of what serves, of a fleet that changes.",
        &Rates::capacity_tokens_per_s},
       {"headroom_ratio", "ratio", "1 - throughput / capacity.", &Rates::headroom},
       {"prefix_hits_ratio", "ratio", "Prompt tokens found in a prefix cache / prompt tokens.",
        &Rates::prefix_hits}}};
  std::string out;
  for (const Rated& rated : kRated) {
    Family family(prefix + rated.name, "gauge", rated.unit, rated.help);
    for (const Entry& entry : entries) family.add(entry.labels, entry.summary.rates.*rated.rate);
    out += family.text();
  }
  return out;
}

std::optional<double> seconds_of(const Delay& delay) {
  return delay.ns ? std::optional(static_cast<double>(*delay.ns) / 1e9) : std::nullopt;
}

std::string lift_families(const Report& report) {
  struct LiftMetric {
    const char* name;
    const char* unit;
    const char* help;
    std::optional<double> (*value)(const LiftReport&);
  };
  const std::array<LiftMetric, 8> metrics = {
      {{"binding_ratio", "ratio", "Requests due before the change that the throttle bound.",
        [](const LiftReport& lift) { return lift.binding_fraction; }},
       {"unlock_latency_seconds", "seconds",
        "First admission that the old configuration would have refused - lift.",
        [](const LiftReport& lift) { return seconds_of(lift.unlock_latency); }},
       {"waiter_release_lag_seconds", "seconds", "Longest delay of the release of who waited.",
        [](const LiftReport& lift) { return seconds_of(lift.waiter_release_lag); }},
       {"drain_time_seconds", "seconds", "From the lift until the backlog is back to normal.",
        [](const LiftReport& lift) { return seconds_of(lift.drain); }},
       {"drain_time_fluid_seconds", "seconds", "The same as a fluid model predicts it.",
        [](const LiftReport& lift) { return lift.drain_fluid_s; }},
       {"settling_time_seconds", "seconds", "From the lift until goodput is steady.",
        [](const LiftReport& lift) { return seconds_of(lift.goodput.settling); }},
       {"recovery_deficit_tokens", "tokens", "Goodput missing in the transition, per run.",
        [](const LiftReport& lift) { return lift.recovery_deficit_tokens; }},
       {"slo_debt_requests", "requests",
        "Requests due in the transition that missed an objective, per run.",
        [](const LiftReport& lift) { return lift.slo_debt_requests; }}}};
  std::string out;
  for (const LiftMetric& one : metrics) {
    Family family(std::string("tokenlift_") + one.name, "gauge", one.unit, one.help);
    for (const TrialReport& trial : report.trials) {
      if (trial.lift) family.add({{"trial", trial.trial.label}}, one.value(*trial.lift));
    }
    out += family.text();
  }
  return out;
}

std::string gain_families(const Report& report) {
  Family value("tokenlift_gain_ratio", "gauge", "ratio", "After / before.");
  Family low("tokenlift_gain_low_ratio", "gauge", "ratio", "Lower end of its 95 % interval.");
  Family high("tokenlift_gain_high_ratio", "gauge", "ratio", "Upper end of its 95 % interval.");
  for (const TrialReport& trial : report.trials) {
    if (!trial.lift) continue;
    for (const Gain& gain : trial.lift->gains) {
      if (gain.is_difference || !gain.change.value) continue;
      const Labels labels = {{"trial", trial.trial.label}, {"figure", gain.name}};
      value.add(labels, gain.change.value);
      if (!gain.change.interval) continue;
      low.add(labels, gain.change.interval->low);
      high.add(labels, gain.change.interval->high);
    }
  }
  return value.text() + low.text() + high.text();
}

std::string run_families(const Report& report) {
  Family info("tokenlift_run", "info", "", "What was run.");
  Family valid("tokenlift_valid", "gauge", "", "1 where the run is valid as a measurement.");
  Family runs("tokenlift_pooled_runs", "gauge", "runs", "Repetitions that are pooled.");
  Family length("tokenlift_phase_length_seconds", "gauge", "seconds",
                "Length of the phase, all repetitions together.");
  for (const TrialReport& trial : report.trials) {
    const Run& run = trial.trial.lifted.pooled;
    const Labels labels = {{"trial", trial.trial.label}};
    info.add("_info",
             {{"trial", trial.trial.label},
              {"scenario", run.scenario_name},
              {"engine", run.engine},
              {"seed", std::to_string(run.seed)},
              {"version", run.environment.tokenlift_version}},
             "1");
    valid.add("", labels, is_valid(trial.trial) ? "1" : "0");
    runs.add("", labels, std::to_string(run.runs));
    for (const PhaseSpan& phase : run.phases) {
      length.add("", {{"trial", trial.trial.label}, {"phase", phase.name}},
                 static_cast<double>(phase.length_ns) / 1e9);
    }
  }
  return info.text() + valid.text() + runs.text() + length.text();
}

/// What endpoints refused and broke.
std::string wire_families(const Report& report) {
  Family refused("tokenlift_refused_requests", "counter", "requests",
                 "Requests due whose first attempt the endpoint refused, by why.");
  Family failed("tokenlift_failed_attempts", "counter", "attempts",
                "Attempts that failed at the endpoint, by kind.");
  for (const TrialReport& trial : report.trials) {
    const Run& run = trial.trial.lifted.pooled;
    if (!run.wire) continue;
    for (const PhaseSummary& phase : trial.phases) {
      const auto add = [&](const char* reason, std::uint64_t count) {
        refused.add("_total",
                    {{"trial", trial.trial.label}, {"phase", phase.name}, {"reason", reason}},
                    std::to_string(count));
      };
      add("denied", phase.denied);
      add("overloaded", phase.overloaded);
    }
    for (const FailureRecord& failure : run.wire->failures) {
      failed.add("_total", {{"trial", trial.trial.label}, {"kind", failure.kind}},
                 std::to_string(failure.count));
    }
  }
  return refused.text() + failed.text();
}

/// A key of a figure as a name: units in full, as the others have them.
std::string metric_of_key(std::string_view key) {
  constexpr std::string_view kPerS = "_per_s";
  constexpr std::string_view kShare = "_share";
  std::string name(key);
  const std::size_t at = name.find(kPerS);
  const std::size_t end = at + kPerS.size();
  if (at != std::string::npos && (end == name.size() || name[end] == '_')) {
    name.replace(at, kPerS.size(), "_per_second");
  }
  if (name.ends_with(kShare)) name.replace(name.size() - kShare.size(), kShare.size(), "_ratio");
  if (name.ends_with("_use")) name += "_ratio";
  return name;
}

/// A gauge for each figure of power and money, and of internal jobs, that is known of some phase.
std::string cost_families(const Report& report) {
  std::string out;
  for (const CostFigure& figure : kCostFigures) {
    Family family("tokenlift_" + metric_of_key(figure.key), "gauge", "",
                  fmt::format("Power and cost: {}.", figure.label));
    for (const TrialReport& trial : report.trials) {
      for (const PhaseCost& cost : trial.costs) {
        family.add({{"trial", trial.trial.label}, {"phase", cost.name}}, cost.*figure.value);
      }
    }
    out += family.text();
  }
  return out;
}

std::string job_families(const Report& report) {
  std::string out;
  for (const JobFigure& figure : kJobFigures) {
    Family family("tokenlift_job_" + metric_of_key(figure.key), "gauge", "",
                  fmt::format("Internal jobs: {}.", figure.label));
    for (const TrialReport& trial : report.trials) {
      for (const JobWork& job : trial.jobs) {
        for (const JobPhaseWork& work : job.phases) {
          family.add({{"trial", trial.trial.label}, {"phase", work.name}, {"job", job.name}},
                     work.*figure.value);
        }
      }
    }
    out += family.text();
  }
  return out;
}

}  // namespace

std::string to_openmetrics(const Report& report) {
  std::string out = run_families(report) + gain_families(report) + lift_families(report);
  std::deque<PhaseRecord> records;
  const std::vector<Entry> fleet = fleet_entries(report, records);
  const std::vector<Entry> tenants = tenant_entries(report);
  for (const auto& [prefix, entries] :
       {std::pair("tokenlift_", &fleet), std::pair("tokenlift_tenant_", &tenants)}) {
    out += counter_families(prefix, *entries) + rate_families(prefix, *entries) +
           latency_families(prefix, *entries);
  }
  out += cost_families(report) + job_families(report) + wire_families(report);
  return out + "# EOF\n";
}

}  // namespace tokenlift
