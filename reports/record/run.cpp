#include "reports/record/run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tokenlift {
namespace {

/// What only one of them has is all there is.
void add(std::optional<WideSum>& into, const std::optional<WideSum>& other) {
  if (other) into = into.value_or(0) + *other;
}

void merge(PhaseSpan& into, const PhaseSpan& other) {
  into.end_ns = other.end_ns;
  into.length_ns += other.length_ns;
  into.replica_ns += other.replica_ns;
  into.busy_ns += other.busy_ns;
  into.batch_ns += other.batch_ns;
  into.batch_room_ns += other.batch_room_ns;
  into.resident_token_ns += other.resident_token_ns;
  into.kv_room_token_ns += other.kv_room_token_ns;
  add(into.energy_fj, other.energy_fj);
  add(into.site_energy_fj, other.site_energy_fj);
  add(into.cost_microusd, other.cost_microusd);
  into.draws.resize(std::max(into.draws.size(), other.draws.size()));
  for (std::size_t i = 0; i < other.draws.size(); ++i) merge(into.draws[i], other.draws[i]);
}

void merge(LiftRecord& into, const LiftRecord& other) {
  std::optional<std::int64_t> lag_ns = into.release_lag_ns;
  if (other.release_lag_ns) lag_ns = std::max(lag_ns.value_or(0), *other.release_lag_ns);
  if (!into.at_ns && other.at_ns) into = other;
  into.release_lag_ns = lag_ns;
}

void merge(Series& into, const Series& other) {
  if (into.bin_ns == 0) {
    into.bin_ns = other.bin_ns;
    into.columns = other.columns;
  } else if (other.bin_ns != 0) {
    merge(into.columns, other.columns);
  }
  if (into.slice_ns == 0) into.slice_ns = other.slice_ns;
  if (into.ttft_slices.size() < other.ttft_slices.size()) {
    into.ttft_slices.resize(other.ttft_slices.size());
  }
  for (std::size_t slice = 0; slice < other.ttft_slices.size(); ++slice) {
    into.ttft_slices[slice].merge(other.ttft_slices[slice]);
  }
}

bool worse(const Check& left, const Check& right) {
  if (severity(left) != severity(right)) return severity(left) > severity(right);
  return left.passed ? distance(left) < distance(right) : distance(left) > distance(right);
}

void merge(std::vector<Check>& into, const std::vector<Check>& other) {
  for (const Check& check : other) {
    const auto same = std::find_if(into.begin(), into.end(),
                                   [&](const Check& mine) { return mine.name == check.name; });
    if (same == into.end()) {
      into.push_back(check);
    } else if (worse(check, *same)) {
      *same = check;
    }
  }
}

template <typename T>
std::string names_of(const std::vector<T>& things) {
  std::string names;
  for (const T& thing : things) names += (names.empty() ? "" : ", ") + thing.name;
  return names.empty() ? "none" : names;
}

template <typename T>
void require_same_names(const char* what, const std::vector<T>& left, const std::vector<T>& right) {
  const bool same = std::equal(left.begin(), left.end(), right.begin(), right.end(),
                               [](const T& a, const T& b) { return a.name == b.name; });
  if (!same) {
    throw RunMismatch(std::string("the runs have different ") + what + ": " + names_of(left) +
                      " and " + names_of(right));
  }
}

/// Those that were recorded by site were so of the same sites.
void require_same_sites(const Run& left, const Run& right) {
  for (std::size_t i = 0; i < left.phases.size(); ++i) {
    const std::size_t mine = left.phases[i].draws.size();
    const std::size_t others = right.phases[i].draws.size();
    if (mine == 0 || others == 0 || mine == others) continue;
    throw RunMismatch("the runs have different numbers of sites: " + std::to_string(mine) +
                      " and " + std::to_string(others));
  }
}

void require_same_width(const char* what, std::int64_t left_ns, std::int64_t right_ns) {
  if (left_ns != 0 && right_ns != 0 && left_ns != right_ns) {
    throw RunMismatch(std::string("the runs have different ") + what + ": " +
                      std::to_string(left_ns) + " ns and " + std::to_string(right_ns) + " ns");
  }
}

void require_whole(const Run& run) {
  if (!run.shares || run.shares->is_whole()) return;
  throw RunMismatch(
      "a run is a share of one that several processes played: join them first "
      "(tokenlift merge)");
}

/// A word as a shell reads it back.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+%@";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string_view name_of(Metric metric) {
  static constexpr std::array<std::string_view, kMetrics> kNames = {
      "ttft",       "e2e",     "tpot",          "itl",     "service_ttft", "throttle_wait",
      "queue_wait", "prefill", "generator_lag", "network", "headers",      "first_output"};
  return kNames[static_cast<std::size_t>(metric)];
}

std::string shell_command(const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + shell_word(word);
  return command;
}

void merge(std::vector<Column>& into, const std::vector<Column>& other) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    std::vector<std::int64_t>& values = into[i].values;
    const std::vector<std::int64_t>& added = other[i].values;
    values.resize(std::max(values.size(), added.size()));
    for (std::size_t bin = 0; bin < added.size(); ++bin) values[bin] += added[bin];
  }
}

int severity(const Check& check) {
  if (!check.passed) return 2;
  return check.value.has_value() ? 0 : 1;
}

double distance(const Check& check) {
  if (!check.value) return std::numeric_limits<double>::infinity();
  const double scale = check.limit == 0 ? 1 : std::abs(check.limit);
  return std::abs(*check.value - check.limit) / scale;
}

void merge(Counts& into, const Counts& other) {
  into.due += other.due;
  into.completed += other.completed;
  into.rejected += other.rejected;
  into.expired += other.expired;
  into.cancelled += other.cancelled;
  into.failed += other.failed;
  into.in_flight += other.in_flight;
}

void merge(ThrottleCounts& into, const ThrottleCounts& other) {
  into.admitted += other.admitted;
  into.held += other.held;
  into.rejected += other.rejected;
  into.shadowed += other.shadowed;
  into.taken_micro += other.taken_micro;
  into.refunded_micro += other.refunded_micro;
}

void merge(SiteDraw& into, const SiteDraw& other) {
  into.replica_ns += other.replica_ns;
  into.energy_fj += other.energy_fj;
  into.site_energy_fj += other.site_energy_fj;
  into.slowed_replica_ns += other.slowed_replica_ns;
  into.lost_replica_ns += other.lost_replica_ns;
  into.largest_mw = std::max(into.largest_mw, other.largest_mw);
  into.exceeded_ns += other.exceeded_ns;
  into.exceeded_mw = std::max(into.exceeded_mw, other.exceeded_mw);
  add(into.cost_microusd, other.cost_microusd);
  into.paid_replica_ns += other.paid_replica_ns;
}

void merge(JobPhase& into, const JobPhase& other) {
  into.steps += other.steps;
  into.lost += other.lost;
  into.step_ns += other.step_ns;
  into.replica_ns += other.replica_ns;
  into.stalled_ns += other.stalled_ns;
  add(into.energy_fj, other.energy_fj);
  add(into.site_energy_fj, other.site_energy_fj);
}

void merge(PhaseRecord& into, const PhaseRecord& other) {
  merge(into.counts, other.counts);
  into.sent += other.sent;
  into.held += other.held;
  into.denied += other.denied;
  into.overloaded += other.overloaded;
  into.attempts += other.attempts;
  into.wasted_tokens += other.wasted_tokens;
  into.slo_met += other.slo_met;
  into.goodput_tokens += other.goodput_tokens;
  into.offered_input_tokens += other.offered_input_tokens;
  into.offered_output_tokens += other.offered_output_tokens;
  for (const auto& [kind, count] : other.failures) into.failures[kind] += count;
  for (std::size_t i = 0; i < kMetrics; ++i) into.latency[i].merge(other.latency[i]);
  into.admitted_requests += other.admitted_requests;
  into.admitted_input_tokens += other.admitted_input_tokens;
  into.admitted_output_tokens += other.admitted_output_tokens;
  into.completed_requests += other.completed_requests;
  into.output_tokens += other.output_tokens;
  into.scheduled_input_tokens += other.scheduled_input_tokens;
  into.cached_input_tokens += other.cached_input_tokens;
  if (other.users_missed) into.users_missed = into.users_missed.value_or(0) + *other.users_missed;
}

bool Run::valid() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed; });
}

bool is_simulated(const Run& run) {
  return run.engine == "virtual";
}

const std::vector<std::int64_t>* find_column(const std::vector<Column>& columns,
                                             std::string_view name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &found->values;
}

std::optional<std::size_t> find_phase(const Run& run, std::string_view name) {
  const auto found = std::find_if(run.phases.begin(), run.phases.end(),
                                  [&](const PhaseSpan& phase) { return phase.name == name; });
  if (found == run.phases.end()) return std::nullopt;
  return static_cast<std::size_t>(found - run.phases.begin());
}

BinRange bins_within(const PhaseSpan& phase, std::int64_t bin_ns, std::size_t bins) {
  const auto begin = static_cast<std::size_t>((phase.begin_ns + bin_ns - 1) / bin_ns);
  const auto end = std::min(bins, static_cast<std::size_t>(phase.end_ns / bin_ns));
  return {std::min(begin, end), end};
}

BinRange measured_bins(const Run& run, std::size_t bins) {
  if (run.phases.empty() || run.series.bin_ns == 0) return {};
  PhaseSpan all = run.phases.front();
  all.end_ns = run.phases.back().end_ns;
  return bins_within(all, run.series.bin_ns, bins);
}

bool is_held_back(const PhaseSpan& phase) {
  WideSum slowed_ns = 0;
  WideSum all_ns = 0;
  for (const SiteDraw& draw : phase.draws) {
    slowed_ns += draw.slowed_replica_ns;
    all_ns += draw.replica_ns;
  }
  return slowed_ns > 0 && slowed_ns * 100 >= all_ns;
}

std::optional<double> capacity_over(const Run& run, const PhaseSpan& phase) {
  const std::vector<Composition>& all = run.fleet.compositions;
  if (all.size() < 2) return run.capacity_tokens_per_s;
  double tokens = 0;  // that it could have made, x 1e9
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::int64_t end_ns =
        i + 1 < all.size() ? std::min(all[i + 1].at_ns, phase.end_ns) : phase.end_ns;
    const std::int64_t begin_ns = std::max(all[i].at_ns, phase.begin_ns);
    if (begin_ns >= end_ns) continue;
    if (!all[i].capacity_tokens_per_s) return std::nullopt;
    tokens += *all[i].capacity_tokens_per_s * static_cast<double>(end_ns - begin_ns);
  }
  if (phase.end_ns == phase.begin_ns) return std::nullopt;
  return tokens / static_cast<double>(phase.end_ns - phase.begin_ns);
}

PhaseRecord fleet_record(const Run& run, std::size_t phase) {
  PhaseRecord fleet;
  for (const TenantRecord& tenant : run.tenants) merge(fleet, tenant.phases.at(phase));
  return fleet;
}

void merge(Run& into, const Run& other) {
  require_whole(into);
  require_whole(other);
  require_same_names("phases", into.phases, other.phases);
  require_same_sites(into, other);
  require_same_names("tenants", into.tenants, other.tenants);
  require_same_names("throttles", into.throttles, other.throttles);
  require_same_names("jobs", into.jobs, other.jobs);
  require_same_width("time bins", into.series.bin_ns, other.series.bin_ns);
  require_same_width("TTFT slices", into.series.slice_ns, other.series.slice_ns);
  if (into.series.bin_ns != 0 && other.series.bin_ns != 0) {
    require_same_names("series", into.series.columns, other.series.columns);
  }
  for (std::size_t i = 0; i < into.tenants.size(); ++i) {
    require_same_names("series of tenants", into.tenants[i].columns, other.tenants[i].columns);
  }
  if (into.control != other.control) {
    throw RunMismatch("one run has the lift and the other one is a control without it");
  }
  into.runs += other.runs;
  into.interrupted = into.interrupted || other.interrupted;
  if (!into.sending_bound) into.sending_bound = other.sending_bound;
  if (!into.lift) {
    into.lift = other.lift;
  } else if (other.lift) {
    merge(*into.lift, *other.lift);
  }
  for (std::size_t i = 0; i < other.further_lifts.size(); ++i) {
    if (i < into.further_lifts.size()) {
      merge(into.further_lifts[i], other.further_lifts[i]);
    } else {
      into.further_lifts.push_back(other.further_lifts[i]);
    }
  }
  merge(into.checks, other.checks);
  for (std::size_t i = 0; i < into.phases.size(); ++i) merge(into.phases[i], other.phases[i]);
  for (std::size_t i = 0; i < into.tenants.size(); ++i) {
    for (std::size_t phase = 0; phase < into.phases.size(); ++phase) {
      merge(into.tenants[i].phases.at(phase), other.tenants[i].phases.at(phase));
    }
    merge(into.tenants[i].columns, other.tenants[i].columns);
  }
  for (std::size_t i = 0; i < into.throttles.size(); ++i) {
    for (std::size_t phase = 0; phase < into.phases.size(); ++phase) {
      merge(into.throttles[i].phases.at(phase), other.throttles[i].phases.at(phase));
    }
  }
  for (std::size_t i = 0; i < into.jobs.size(); ++i) {
    for (std::size_t phase = 0; phase < into.phases.size(); ++phase) {
      merge(into.jobs[i].phases.at(phase), other.jobs[i].phases.at(phase));
    }
  }
  merge(into.totals, other.totals);
  merge(into.series, other.series);
  if (!into.wire) {
    into.wire = other.wire;
  } else if (other.wire) {
    merge(*into.wire, *other.wire);
  }
}

}  // namespace tokenlift
