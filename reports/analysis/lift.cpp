#include "reports/analysis/lift.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string_view>
#include <utility>

#include "reports/analysis/summary.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// What a trial's lifted arm has, by name: phases, and its series as means over the runs.
class Record {
 public:
  /// A phase that was reached, over the fleet. Adding tenants up merges their histograms: once.
  struct Phase {
    PhaseSpan span;
    PhaseRecord record;
  };

  explicit Record(const Run& run) : run_(run), lift_ns_(*run.lift->at_ns) {
    for (std::size_t i = 0; i < run.phases.size(); ++i) {
      phases_.push_back({run.phases[i], fleet_record(run, i)});
    }
  }

  const Run& run() const { return run_; }
  double runs() const { return static_cast<double>(run_.runs); }
  std::int64_t lift_ns() const { return lift_ns_; }
  std::int64_t bin_ns() const { return run_.series.bin_ns; }
  const std::vector<Phase>& phases() const { return phases_; }
  const Phase* before() const { return phase("before"); }
  const Phase* transition() const { return phase("transition"); }
  const Phase* after() const { return phase("after"); }

  /// A column, each value times `scale`, as the mean of the runs; empty if it was not recorded.
  std::vector<double> column(std::string_view name, double scale = 1) const {
    const std::vector<std::int64_t>* const values = find_column(run_.series.columns, name);
    std::vector<double> mean;
    if (values == nullptr || bin_ns() == 0) return mean;
    for (const std::int64_t value : *values) {
      mean.push_back(static_cast<double>(value) * scale / runs());
    }
    return mean;
  }

  /// A counter per second.
  std::vector<double> rate(std::string_view name) const {
    return column(name, 1 / seconds(bin_ns()));
  }

  /// Of a phase that the run did not reach: none, from `begin` on.
  static BinRange bins(const Phase* phase, std::int64_t bin_ns, std::size_t count,
                       std::size_t begin) {
    return phase == nullptr ? BinRange{begin, begin} : bins_within(phase->span, bin_ns, count);
  }

  StepResponse response(const std::vector<double>& values, std::int64_t bin_ns) const {
    if (values.empty()) return unrecorded();
    const BinRange before = bins(this->before(), bin_ns, values.size(), 0);
    const BinRange transition = bins(this->transition(), bin_ns, values.size(), before.end);
    const BinRange after = bins(this->after(), bin_ns, values.size(), transition.end);
    StepSeries series;
    series.values = values;
    series.bin_ns = bin_ns;
    series.step_ns = lift_ns_;
    series.before_begin = before.begin;
    series.before_end = before.end;
    series.transition_begin = transition.begin;
    series.transition_end = transition.end;
    series.after_begin = after.begin;
    series.after_end = after.end;
    return step_response(series);
  }

  static StepResponse unrecorded() {
    StepResponse response;
    response.rise.reason = response.settling.reason = "not recorded";
    return response;
  }

 private:
  const Phase* phase(std::string_view name) const {
    const std::optional<std::size_t> index = find_phase(run_, name);
    return index ? &phases_[*index] : nullptr;
  }

  const Run& run_;
  std::vector<Phase> phases_;
  std::int64_t lift_ns_;
};

// ------------------------------------------------------------------------- at and after the lift

/// The lift of the first run that got there, with the means over all that did of what it met.
LiftRecord mean_lift(const Arm& arm) {
  LiftRecord mean = *arm.pooled.lift;
  mean.waiting_requests = mean.backlog_tokens = mean.backoff_requests = mean.backoff_tokens = 0;
  std::int64_t runs = 0;
  for (const RunBrief& run : arm.runs) {
    if (!run.lift || !run.lift->at_ns) continue;
    ++runs;
    mean.waiting_requests += run.lift->waiting_requests;
    mean.backlog_tokens += run.lift->backlog_tokens;
    mean.backoff_requests += run.lift->backoff_requests;
    mean.backoff_tokens += run.lift->backoff_tokens;
  }
  for (std::int64_t* const sum : {&mean.waiting_requests, &mean.backlog_tokens,
                                  &mean.backoff_requests, &mean.backoff_tokens}) {
    *sum = (*sum + runs / 2) / runs;
  }
  return mean;
}

const ThrottleRecord* lifted_throttle(const Run& run) {
  const auto found = std::find_if(
      run.throttles.begin(), run.throttles.end(),
      [&](const ThrottleRecord& throttle) { return throttle.name == run.lift->throttle; });
  return found == run.throttles.end() ? nullptr : &*found;
}

std::string why_no_unlock(const Run& run) {
  const ThrottleRecord* const throttle = lifted_throttle(run);
  if (throttle == nullptr || throttle->limits.empty()) {
    return "not recorded by the version that ran this";
  }
  if (throttle->kind == "queue_limit") return "a limit on the queue itself lets nobody through";
  return "every request that was let through would have passed the old configuration, too";
}

std::int64_t lower_median(std::vector<std::int64_t> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Delay median_unlock(const Arm& arm) {
  std::vector<std::int64_t> found_ns;
  for (const RunBrief& run : arm.runs) {
    if (run.lift && run.lift->unlock_ns) found_ns.push_back(*run.lift->unlock_ns);
  }
  if (found_ns.empty()) return {std::nullopt, why_no_unlock(arm.pooled)};
  return {lower_median(std::move(found_ns)), ""};
}

/// Of the refusals of a phase, the share that throttles gave for their own limits, not because a
/// queue was full: who is refused there was let in by all limits, and too many were.
double refused_by_limits(const Run& run, std::size_t phase) {
  double by_limits = 0;
  double all = 0;
  for (const ThrottleRecord& throttle : run.throttles) {
    const auto rejected = static_cast<double>(throttle.phases.at(phase).rejected);
    all += rejected;
    if (throttle.kind != "queue_limit") by_limits += rejected;
  }
  return all > 0 ? by_limits / all : 0;
}

/// Output tokens/s of the requests due from the lift on, but for those that a limit refused for
/// good: they never come to where a backlog forms.
std::optional<double> offered_after_lift(const Record& record) {
  const Run& run = record.run();
  double tokens = 0;
  double length_s = 0;
  for (const char* const name : {"transition", "after"}) {
    const std::optional<std::size_t> phase = find_phase(run, name);
    if (!phase) continue;
    const double refused = refused_by_limits(run, *phase);
    for (const TenantRecord& tenant : run.tenants) {
      const PhaseRecord& own = tenant.phases.at(*phase);
      if (own.counts.due == 0) continue;
      const double rejected =
          static_cast<double>(own.counts.rejected) / static_cast<double>(own.counts.due);
      tokens += static_cast<double>(own.offered_output_tokens) * (1 - refused * rejected);
    }
    length_s += static_cast<double>(run.phases[*phase].length_ns) / 1e9;
  }
  return length_s > 0 ? std::optional(tokens / length_s) : std::nullopt;
}

/// How long was measured from the lift on.
double measured_s(const Record& record) {
  return seconds(record.phases().back().span.end_ns - record.lift_ns());
}

/// Replicas go, or become slow: nothing that waited is let go by that.
bool takes_capacity(const LiftRecord& event) {
  return changes_fleet(event) && event.kind != "join";
}

/// Replicas go within `after`, and no measured event takes them.
bool loses_replicas(const Record& record) {
  if (record.after() == nullptr) return false;
  const PhaseSpan& after = record.after()->span;
  return std::ranges::any_of(further_steps(record.run()), [&](const FleetStep& step) {
    return step.to < step.from && step.begin_ns < after.end_ns && step.end_ns >= after.begin_ns &&
           static_cast<double>(step.replicas()) >=
               kLeastStepShare * static_cast<double>(step.serving_from);
  });
}

/// Where there are several runs the median of theirs: in the sum of their backlogs the slowest
/// would decide.
Delay drain_time(const Arm& arm) {
  std::vector<std::int64_t> found_ns;
  for (const RunBrief& run : arm.runs) {
    if (run.drain_ns) found_ns.push_back(*run.drain_ns);
  }
  if (arm.runs.size() < 2 || 2 * found_ns.size() < arm.runs.size()) return drain_time(arm.pooled);
  return {lower_median(std::move(found_ns)), ""};
}

/// What waited is gone, whatever a prediction says: few are in the system in `after`.
bool few_are_left(const LiftReport& report) {
  constexpr double kFew = 0.1;
  const auto waited =
      static_cast<double>(report.lift.waiting_requests + report.lift.backoff_requests);
  return report.trend &&
         std::max(report.trend->first_requests, report.trend->last_requests) <= kFew * waited;
}

Delay drain(const Arm& arm, const Record& record, const LiftReport& report) {
  if (takes_capacity(report.lift)) return {std::nullopt, "no capacity was added at the change"};
  // Before capacity joins, requests wait in the fleet, which the series knows.
  if (!report.waited && !changes_fleet(report.lift))
    return {std::nullopt, "nothing waited at the change"};
  if (report.never_drains) {
    return {std::nullopt, "the backlog grows as long as it is measured"};
  }
  if (report.drain_fluid_s && *report.drain_fluid_s > measured_s(record) && !few_are_left(report)) {
    return {std::nullopt,
            fmt::format("not drained: by the fluid prediction it takes {}, and {} were measured "
                        "after the change",
                        duration_figure(*report.drain_fluid_s * 1e9),
                        duration_figure(measured_s(record) * 1e9))};
  }
  if (loses_replicas(record)) {
    return {std::nullopt, "replicas went in 'after', so that what waits there is no measure of it"};
  }
  Delay found = drain_time(arm);
  if (changes_fleet(report.lift) && found.ns == 0) {
    return {std::nullopt, "no more was in the system at the change than is usual after it"};
  }
  return found;
}

/// What serves may not do its capacity: a limit of power holds replicas back, or some are slow.
bool is_slow(const Record& record) {
  const PhaseSpan& after = record.after()->span;
  const Run& run = record.run();
  const auto slows = [&](const LiftRecord& event) {
    if (event.kind != "slow" || !event.at_ns || *event.at_ns >= after.end_ns) return false;
    const std::int64_t length_ns = event.length_ns.value_or(0);
    return length_ns == 0 || *event.at_ns + length_ns > after.begin_ns;
  };
  return std::ranges::any_of(run.other_events, slows) ||
         std::ranges::any_of(run.further_lifts, slows) || is_held_back(after);
}

/// Goodput from three times the fluid drain on, as a share of what was offered, if that is too
/// little.
std::optional<double> not_back_share(const Record& record, double fluid_s) {
  if (record.after() == nullptr || binds(record.after()->record)) return std::nullopt;
  if (is_slow(record) || loses_replicas(record)) return std::nullopt;
  const std::vector<double> goodput = record.rate("goodput_tokens");
  const std::vector<double> due = record.rate("due_requests");
  if (goodput.empty() || due.size() != goodput.size()) return std::nullopt;
  // Also so that the instant below is one that can be counted to.
  if (3 * fluid_s > measured_s(record)) return std::nullopt;
  PhaseSpan rest = record.after()->span;
  rest.begin_ns =
      std::max<std::int64_t>(rest.begin_ns, record.lift_ns() + std::llround(3e9 * fluid_s));
  if (rest.begin_ns >= rest.end_ns) return std::nullopt;
  const BinRange bins = bins_within(rest, record.bin_ns(), goodput.size());
  double met_tokens = 0;
  double due_requests = 0;
  for (std::size_t bin = bins.begin; bin < bins.end; ++bin) {
    met_tokens += goodput[bin];
    due_requests += due[bin];
  }
  const PhaseRecord& whole = record.after()->record;
  if (due_requests == 0 || whole.counts.due == 0) return std::nullopt;
  const double tokens_per_request =
      static_cast<double>(whole.offered_output_tokens) / static_cast<double>(whole.counts.due);
  const double share = met_tokens / (due_requests * tokens_per_request);
  return share < kBack ? std::optional(share) : std::nullopt;
}

/// The same of a change of the fleet, after which no fluid drain is known: over all of `after`.
std::optional<double> not_back_on_fleet(const Record& record) {
  // What replicas carry at another pace is not known.
  const auto slows = [](const LiftRecord& lift) {
    return lift.kind == "slow" || lift.kind == "power" || lift.kind == "battery";
  };
  const Run& run = record.run();
  if (slows(*run.lift) || std::ranges::any_of(run.further_lifts, slows)) return std::nullopt;
  if (record.before() == nullptr || record.after() == nullptr) return std::nullopt;
  const PhaseRecord& before = record.before()->record;
  const PhaseRecord& after = record.after()->record;
  const auto offered = [](const PhaseRecord& phase) {
    return static_cast<double>(phase.offered_output_tokens);
  };
  if (static_cast<double>(before.goodput_tokens) < kBack * offered(before)) return std::nullopt;
  const PhaseSpan& span = record.after()->span;
  const std::optional<double> capacity = capacity_over(record.run(), span);
  const double length_s = static_cast<double>(span.length_ns) / 1e9;
  if (!capacity || *capacity * length_s <= offered(after)) return std::nullopt;
  return not_back_share(record, 0);
}

// ------------------------------------------------------------------------------------ p99 TTFT

/// p99 of groups of slices, each large enough that it has one; nothing if there are too few groups.
StepResponse ttft_response(const Record& record) {
  const std::vector<Histogram>& slices = record.run().series.ttft_slices;
  const std::int64_t slice_ns = record.run().series.slice_ns;
  StepResponse none;
  none.rise.reason = none.settling.reason =
      "not enough data: p99 of TTFT over time needs 1,000 requests in each of several parts of "
      "every phase";
  if (slice_ns == 0 || record.before() == nullptr || record.after() == nullptr) return none;
  constexpr std::size_t kLeastGroups = 3;
  for (const std::size_t width : {1U, 2U, 5U, 10U, 20U}) {
    const auto group_ns = slice_ns * static_cast<std::int64_t>(width);
    const std::size_t groups = slices.size() / width;
    const BinRange before = bins_within(record.before()->span, group_ns, groups);
    const BinRange after = bins_within(record.after()->span, group_ns, groups);
    if (before.end - before.begin < kLeastGroups || after.end - after.begin < kLeastGroups) break;
    std::vector<double> p99_ns(groups);
    bool supported = true;
    for (std::size_t group = before.begin; group < after.end && supported; ++group) {
      Histogram all;
      for (std::size_t i = group * width; i < (group + 1) * width; ++i) all.merge(slices[i]);
      supported = all.count() >= samples_needed(990);
      if (supported) p99_ns[group] = static_cast<double>(all.value_at(0.99));
    }
    if (supported) return record.response(p99_ns, group_ns);
  }
  return none;
}

// --------------------------------------------------------------------------------------- the rest

/// Only an order by weight guarantees shares; others owe nobody anything.
bool fairness_was_asked_for(const Run& run) {
  return std::any_of(run.tenants.begin(), run.tenants.end(), [](const TenantRecord& tenant) {
    return tenant.guaranteed_share.has_value();
  });
}

std::optional<Unfairness> worst_unfairness(const Arm& arm) {
  std::optional<Unfairness> worst;
  for (const RunBrief& run : arm.runs) {
    if (!run.unfairness) continue;
    if (!worst || run.unfairness->tokens > worst->tokens) worst = run.unfairness;
  }
  return worst;
}

std::vector<Starvation> mean_starvation(const Arm& arm) {
  std::vector<Starvation> mean = arm.runs.front().starvation;  // as many in every run
  for (std::size_t i = 0; i < mean.size(); ++i) {
    mean[i].seconds = 0;
    for (const RunBrief& run : arm.runs) mean[i].seconds += run.starvation.at(i).seconds;
    mean[i].seconds /= static_cast<double>(arm.runs.size());
  }
  return mean;
}

/// The share of the requests due in a phase whose first attempt was held or denied by a throttle
/// that a measured event changed.
/// Of several throttles each counts attempts, retries too, and the phase those that any of them
/// held at first: the smaller is at least the share, and near it where one of them does the
/// holding.
double held_share(const Run& run, std::size_t index, const PhaseRecord& record) {
  std::set<std::string_view> changed = {run.lift->throttle};
  for (const LiftRecord& further : run.further_lifts) changed.insert(further.throttle);
  std::uint64_t by_changed = 0;
  for (const ThrottleRecord& throttle : run.throttles) {
    if (!changed.contains(throttle.name)) continue;
    const ThrottleCounts& counts = throttle.phases.at(index);
    by_changed += counts.held + counts.rejected;
  }
  const bool others = lifted_throttle(run) != nullptr && changed.size() < run.throttles.size();
  const std::uint64_t held = others ? std::min(record.held, by_changed) : record.held;
  return record.counts.due == 0
             ? 0
             : static_cast<double>(held) / static_cast<double>(record.counts.due);
}

/// The tenant of whose requests the throttles that a measured event changed held the largest share,
/// if that is much: of all requests it may be little.
std::optional<HeldTenant> most_held(const Run& run, std::size_t index) {
  std::optional<HeldTenant> most;
  for (const TenantRecord& tenant : run.tenants) {
    const double share = held_share(run, index, tenant.phases.at(index));
    if (share >= kBinds && (!most || share > most->share)) most = HeldTenant{tenant.name, share};
  }
  return most;
}

void find_changes(const Record& record, LiftReport& report) {
  const std::vector<double> throughput = record.rate("output_tokens");
  const BinRange bins = measured_bins(record.run(), throughput.size());
  if (bins.begin == bins.end) return;
  report.found = change_points(std::span(throughput).subspan(bins.begin, bins.end - bins.begin));
  for (ChangePoint& point : report.found) {
    point.bin += bins.begin;
    const std::int64_t at_ns = static_cast<std::int64_t>(point.bin) * record.bin_ns();
    if (!report.found_ns ||
        std::abs(at_ns - record.lift_ns()) < std::abs(*report.found_ns - record.lift_ns())) {
      report.found_ns = at_ns;
    }
  }
}

std::optional<double> amplification(const PhaseRecord& phase) {
  if (phase.counts.due == 0) return std::nullopt;
  return static_cast<double>(phase.attempts) / static_cast<double>(phase.counts.due);
}

/// The fluid drain of what waited, in the fleet too, once capacity has joined.
void fluid_of_join(LiftReport& report, const std::optional<double>& offered_tokens_per_s) {
  const std::optional<FleetStep>& step = report.fleet.front().step;
  if (takes_capacity(report.lift)) {
    report.no_fluid_reason = "no capacity was added at the change";
  } else if (report.waited) {
    report.no_fluid_reason = "not known how fast the throttles let those go who wait at them";
  } else if (!step || !step->capacity_to || !offered_tokens_per_s) {
    report.no_fluid_reason = "not known what the fleet can do after the change";
  } else if (*step->capacity_to <= *offered_tokens_per_s) {
    report.no_fluid_reason = "as much is offered as the replicas that serve carry, or more";
  } else {
    report.drain_fluid_s =
        static_cast<double>(report.lift.backlog_tokens + report.lift.backoff_tokens) /
        (*step->capacity_to - *offered_tokens_per_s);
  }
}

/// Where throughput counts much that was computed in vain.
std::optional<std::array<double, 2>> completed_per_s(const Record& record) {
  if (record.before() == nullptr || record.after() == nullptr) return std::nullopt;
  const auto rate = [](const Record::Phase& phase) {
    return static_cast<double>(phase.record.completed_requests) /
           (static_cast<double>(phase.span.length_ns) / 1e9);
  };
  const Record::Phase& before = *record.before();
  const Record::Phase& after = *record.after();
  if (before.span.length_ns <= 0 || after.span.length_ns <= 0) return std::nullopt;
  if (!is_wasteful(before.record) && !is_wasteful(after.record)) return std::nullopt;
  return std::array{rate(before), rate(after)};
}

/// What counts requests rather than time.
void count(const Record& record, LiftReport& report) {
  for (const Record::Phase& phase : record.phases()) {
    report.wasted_tokens += phase.record.wasted_tokens;
  }
  const Record::Phase* const after = record.after();
  if (after != nullptr) report.retry_amplification_after = amplification(after->record);
  if (record.before() != nullptr) {
    const PhaseRecord& before = record.before()->record;
    report.retry_amplification_before = amplification(before);
    if (before.counts.due > 0 && !changes_fleet(report.lift)) {
      const Run& run = record.run();
      report.binding_fraction = held_share(run, *find_phase(run, "before"), before);
      // What tightens a throttle, or takes it out of the shadow, makes it bind afterwards.
      const bool binds_later = run.lift->kind != "lift" && after != nullptr &&
                               held_share(run, *find_phase(run, "after"), after->record) >= kBinds;
      // A limit elsewhere may hold requests back without refusing any.
      report.vacuous = *report.binding_fraction < kBinds && !binds_later && report.fleet.empty() &&
                       !happened_elsewhere(report.lift);
      if (report.vacuous) report.most_held = most_held(run, *find_phase(run, "before"));
    }
  }
  if (record.transition() != nullptr && has_objectives(record.run())) {
    const PhaseRecord& transition = record.transition()->record;
    report.slo_debt_requests =
        static_cast<double>(transition.counts.due - transition.slo_met) / record.runs();
  }
}

/// A phase in which nobody asked, beside one in which somebody did, says nothing of what the change
/// did: a server stood idle.
bool is_idle_on_one_side(const Record& record) {
  if (record.before() == nullptr || record.after() == nullptr) return false;
  const auto due = [](const Record::Phase& phase) { return phase.record.counts.due; };
  return (due(*record.before()) == 0) != (due(*record.after()) == 0);
}

}  // namespace

bool binds(const PhaseRecord& record) {
  return static_cast<double>(record.held) >= kBinds * static_cast<double>(record.counts.due);
}

bool binds(const ThrottleCounts& counts, std::uint64_t due) {
  return static_cast<double>(counts.held + counts.rejected) >= kBinds * static_cast<double>(due);
}

bool is_wasteful(const PhaseRecord& record) {
  return static_cast<double>(record.wasted_tokens) >=
         kMuchWasted * static_cast<double>(record.output_tokens);
}

double held_back_by_power(const SiteDraw& draw) {
  if (draw.replica_ns == 0) return 0;
  return static_cast<double>(draw.slowed_replica_ns) / static_cast<double>(draw.replica_ns);
}

std::optional<LiftReport> analyse_lift(const Trial& trial) {
  const Run& run = trial.lifted.pooled;
  if (!run.lift || !run.lift->at_ns) return std::nullopt;
  const Record record(run);
  LiftReport report;
  report.lift = mean_lift(trial.lifted);
  report.fleet = fleet_changes(run);
  if (!is_idle_on_one_side(record)) {
    report.gains = gains(trial);
    report.effects = effects(trial);
  }
  if (run.lift->length_ns) report.length_s = static_cast<double>(*run.lift->length_ns) * 1e-9;
  const bool of_fleet = changes_fleet(*run.lift);
  report.unlock_latency = median_unlock(trial.lifted);
  report.waiter_release_lag = {run.lift->release_lag_ns, ""};
  if (happened_elsewhere(*run.lift)) {
    report.unlock_latency = report.waiter_release_lag = {
        std::nullopt, "the change was made elsewhere: nobody here knows whom it let through"};
  } else if (!run.lift->release_lag_ns)
    report.waiter_release_lag.reason = "nobody who waited was let through";
  report.waited = report.lift.waiting_requests + report.lift.backoff_requests > 0;
  const std::optional<double> offered_tokens_per_s = offered_after_lift(record);
  if (of_fleet) {
    report.unlock_latency =
        report.waiter_release_lag = {std::nullopt, "the fleet was changed: no limit that binds"};
    fluid_of_join(report, offered_tokens_per_s);
    report.not_back_share = not_back_on_fleet(record);
  } else if (run.lift->limit_tokens_per_s && offered_tokens_per_s) {
    const double surplus_tokens_per_s = *run.lift->limit_tokens_per_s - *offered_tokens_per_s;
    if (surplus_tokens_per_s > 0) {
      const auto tokens =
          static_cast<double>(report.lift.backlog_tokens + report.lift.backoff_tokens);
      report.drain_fluid_s = tokens / surplus_tokens_per_s;
      if (tokens > 0) report.not_back_share = not_back_share(record, *report.drain_fluid_s);
    } else {
      report.no_fluid_reason =
          "as much gets past the throttles that refuse as the new limit and the fleet carry, or "
          "more";
    }
  } else {
    report.no_fluid_reason = "not known what limits the fleet after the change";
  }
  if (const auto after = find_phase(run, "after")) report.trend = backlog_trend(run, *after);
  report.never_drains = report.trend && report.trend->grows;
  if (report.never_drains) report.not_back_share.reset();
  report.drain = drain(trial.lifted, record, report);
  if (report.drain.ns) {
    report.departure = departure(
        run, *report.drain.ns, report.lift.backlog_tokens + report.lift.backoff_tokens,
        report.lift.waiting_requests + report.lift.backoff_requests, report.drain_fluid_s);
  }
  report.goodput = record.response(record.rate("goodput_tokens"), record.bin_ns());
  std::vector<double> in_flight = record.column("in_system_requests");
  const std::vector<double> waiting = record.column("waiting_requests");
  const std::vector<double> backoff = record.column("backoff_requests");
  for (std::size_t bin = 0; bin < in_flight.size(); ++bin) {
    in_flight[bin] -= (waiting.empty() ? 0 : waiting[bin]) + (backoff.empty() ? 0 : backoff[bin]);
  }
  report.in_flight = record.response(in_flight, record.bin_ns());
  report.ttft_p99 = ttft_response(record);
  report.recovery_deficit_tokens = report.goodput.deficit;
  count(record, report);
  report.completed_per_s = completed_per_s(record);
  if (report.vacuous) {
    report.unlock_latency = {std::nullopt, "the throttle did not bind before the change"};
  }
  if (fairness_was_asked_for(run)) report.unfairness = worst_unfairness(trial.lifted);
  report.starvation = mean_starvation(trial.lifted);
  find_changes(record, report);
  return report;
}

}  // namespace tokenlift
