#include "reports/record/join.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "reports/record/count_checks.hpp"

namespace tokenlift {
namespace {

// ------------------------------------------------------------------- whether they belong together

template <typename T>
void require_same(const T& one, const T& other, const char* what) {
  if (!(one == other)) throw RunMismatch(std::string("they have different ") + what);
}

void require_one_run(const Run& one, const Run& other) {
  for (const Run* const run : {&one, &other}) {
    if (!run->shares) throw RunMismatch("one of them is no share: a single process played it");
  }
  const std::string& version = one.environment.tokenlift_version;
  const std::string& other_version = other.environment.tokenlift_version;
  if (version != other_version) {
    throw RunMismatch("they were made by different versions of tokenlift, " + version + " and " +
                      other_version);
  }
  if (one.seed != other.seed) {
    throw RunMismatch("they have different seeds, " + std::to_string(one.seed) + " and " +
                      std::to_string(other.seed));
  }
  require_same(std::tie(one.scenario_name, one.scenario_json),
               std::tie(other.scenario_name, other.scenario_json), "scenarios");
  require_same(one.engine, other.engine, "engines");
  if (one.shares->of != other.shares->of) {
    throw RunMismatch("one is of " + std::to_string(one.shares->of) + " ranks and the other of " +
                      std::to_string(other.shares->of));
  }
  require_same(std::tie(one.repetition, one.runs, one.control),
               std::tie(other.repetition, other.runs, other.control), "repetitions");
  require_same(
      std::tie(one.capacity_tokens_per_s, one.capacity_error_tokens_per_s, one.capacity_source),
      std::tie(other.capacity_tokens_per_s, other.capacity_error_tokens_per_s,
               other.capacity_source),
      "capacities");
  require_same(one.fleet, other.fleet, "fleets");
}

void require_other_ranks(const SharesRecord& one, const SharesRecord& other) {
  for (const RankRecord& rank : one.ranks) {
    if (std::ranges::find(other.ranks, rank.rank, &RankRecord::rank) == other.ranks.end()) continue;
    throw RunMismatch("both are the share of rank " + std::to_string(rank.rank));
  }
}

/// One list begins as the other one does.
template <typename T, typename Key>
void require_begins_alike(const std::vector<T>& one, const std::vector<T>& other, Key key,
                          const char* what) {
  const std::size_t both = std::min(one.size(), other.size());
  const auto end = one.begin() + static_cast<std::ptrdiff_t>(both);
  const bool same = std::equal(one.begin(), end, other.begin(),
                               [&](const T& a, const T& b) { return key(a) == key(b); });
  if (!same) throw RunMismatch(std::string("they have different ") + what);
}

template <typename T, typename Key>
void require_alike(const std::vector<T>& one, const std::vector<T>& other, Key key,
                   const char* what) {
  if (one.size() != other.size()) throw RunMismatch(std::string("they have different ") + what);
  require_begins_alike(one, other, key, what);
}

constexpr auto kName = [](const auto& thing) { return thing.name; };

auto identity_of(const LiftRecord& lift) {
  return std::tie(lift.throttle, lift.kind, lift.site, lift.replicas, lift.planned_ns,
                  lift.length_ns, lift.limit_tokens_per_s);
}

void require_same_shape(const Run& one, const Run& other) {
  require_begins_alike(one.phases, other.phases, kName, "phases");
  for (std::size_t i = 0; i < std::min(one.phases.size(), other.phases.size()); ++i) {
    require_same(one.phases[i].draws.size(), other.phases[i].draws.size(), "sites");
  }
  const auto terms_of_tenant = [](const TenantRecord& tenant) {
    return std::tie(tenant.name, tenant.weight, tenant.guaranteed_share, tenant.trace,
                    tenant.has_objectives, tenant.wait_objective_ns, tenant.open_loop,
                    tenant.users);
  };
  require_alike(one.tenants, other.tenants, terms_of_tenant, "tenants");
  for (std::size_t i = 0; i < one.tenants.size(); ++i) {
    require_alike(one.tenants[i].columns, other.tenants[i].columns, kName, "series of tenants");
  }
  const auto terms_of_throttle = [](const ThrottleRecord& throttle) {
    return std::tie(throttle.name, throttle.kind, throttle.unit, throttle.scope, throttle.mode);
  };
  require_alike(one.throttles, other.throttles, terms_of_throttle, "throttles");
  for (std::size_t i = 0; i < one.throttles.size(); ++i) {
    const auto limit = [](const LimitRecord& record) { return record.limit; };
    require_begins_alike(one.throttles[i].limits, other.throttles[i].limits, limit,
                         "limits of a throttle");
  }
  require_same(std::tie(one.series.bin_ns, one.series.slice_ns),
               std::tie(other.series.bin_ns, other.series.slice_ns), "time bins");
  require_alike(one.series.columns, other.series.columns, kName, "series");
  require_same(one.wire.has_value(), other.wire.has_value(), "engines");
  require_same(one.lift.has_value(), other.lift.has_value(), "events");
  const auto identity = [](const LiftRecord& lift) { return identity_of(lift); };
  if (one.lift) require_same(identity_of(*one.lift), identity_of(*other.lift), "events");
  require_alike(one.further_lifts, other.further_lifts, identity, "events");
  require_same(one.sending_bound, other.sending_bound, "bounds of the sending");
}

// ------------------------------------------------------------------------ what is put together

constexpr WideSum kMostSum = [] {  // what is read has as many digits (bounds.hpp)
  WideSum most = 1;
  for (int digit = 0; digit < 36; ++digit) most *= 10;
  return most - 1;
}();

/// Sums that somebody made up stay in their bounds.
void add_sum(WideSum& into, WideSum other) {
  into = std::min(into + other, kMostSum);
}

void add_sum(std::optional<WideSum>& into, const std::optional<WideSum>& other) {
  if (!other) return;
  if (into) {
    add_sum(*into, *other);
  } else {
    into = other;
  }
}

/// What only one has is all there is.
template <typename T>
void take_larger(std::optional<T>& into, const std::optional<T>& other) {
  if (other && (!into || *other > *into)) into = other;
}
template <typename T>
void take_smaller(std::optional<T>& into, const std::optional<T>& other) {
  if (other && (!into || *other < *into)) into = other;
}

void join_span(PhaseSpan& into, const PhaseSpan& other) {
  into.begin_ns = std::max(into.begin_ns, other.begin_ns);
  into.end_ns = std::max(into.end_ns, other.end_ns);
  into.length_ns = into.end_ns - into.begin_ns;
  // All ranks had the same replicas.
  into.replica_ns = std::max(into.replica_ns, other.replica_ns);
  into.kv_room_token_ns = std::max(into.kv_room_token_ns, other.kv_room_token_ns);
  add_sum(into.busy_ns, other.busy_ns);
  add_sum(into.batch_ns, other.batch_ns);
  add_sum(into.batch_room_ns, other.batch_room_ns);
  add_sum(into.resident_token_ns, other.resident_token_ns);
  add_sum(into.energy_fj, other.energy_fj);
  add_sum(into.site_energy_fj, other.site_energy_fj);
  add_sum(into.cost_microusd, other.cost_microusd);
  for (std::size_t i = 0; i < into.draws.size(); ++i) {
    SiteDraw& draw = into.draws[i];
    const SiteDraw& others = other.draws[i];
    draw.replica_ns = std::max(draw.replica_ns, others.replica_ns);
    add_sum(draw.energy_fj, others.energy_fj);
    add_sum(draw.site_energy_fj, others.site_energy_fj);
    add_sum(draw.slowed_replica_ns, others.slowed_replica_ns);
    draw.largest_mw = std::max(draw.largest_mw, others.largest_mw);
    add_sum(draw.cost_microusd, others.cost_microusd);
    draw.paid_replica_ns = std::max(draw.paid_replica_ns, others.paid_replica_ns);
  }
}

void join_spans(std::vector<PhaseSpan>& into, const std::vector<PhaseSpan>& other) {
  for (std::size_t i = 0; i < other.size(); ++i) {
    if (i < into.size()) {
      join_span(into[i], other[i]);
    } else {
      into.push_back(other[i]);
    }
  }
  // A rank that was ended early knows of no border after that: those of the others hold.
  for (std::size_t i = 1; i < into.size(); ++i) {
    into[i].begin_ns = std::max(into[i].begin_ns, into[i - 1].end_ns);
    into[i].end_ns = std::max(into[i].end_ns, into[i].begin_ns);
  }
  for (PhaseSpan& span : into) span.length_ns = span.end_ns - span.begin_ns;
}

void join_tenant(TenantRecord& into, const TenantRecord& other) {
  into.phases.resize(std::max(into.phases.size(), other.phases.size()));
  for (std::size_t i = 0; i < other.phases.size(); ++i) merge(into.phases[i], other.phases[i]);
}

void join_throttle(ThrottleRecord& into, const ThrottleRecord& other) {
  into.phases.resize(std::max(into.phases.size(), other.phases.size()));
  for (std::size_t i = 0; i < other.phases.size(); ++i) {
    ThrottleCounts& counts = into.phases[i];
    const ThrottleCounts& others = other.phases[i];
    counts.admitted += others.admitted;
    counts.held += others.held;
    counts.rejected += others.rejected;
    counts.shadowed += others.shadowed;
    add_sum(counts.taken_micro, others.taken_micro);
    add_sum(counts.refunded_micro, others.refunded_micro);
  }
  for (std::size_t i = 0; i < other.limits.size(); ++i) {
    if (i < into.limits.size()) {
      into.limits[i].at_ns = std::max(into.limits[i].at_ns, other.limits[i].at_ns);
    } else {
      into.limits.push_back(other.limits[i]);
    }
    if (i > 0) into.limits[i].at_ns = std::max(into.limits[i].at_ns, into.limits[i - 1].at_ns);
  }
}

void join_series(Series& into, const Series& other) {
  merge(into.columns, other.columns);
  if (into.ttft_slices.size() < other.ttft_slices.size()) {
    into.ttft_slices.resize(other.ttft_slices.size());
  }
  for (std::size_t i = 0; i < other.ttft_slices.size(); ++i) {
    into.ttft_slices[i].merge(other.ttft_slices[i]);
  }
}

void join_lift(LiftRecord& into, const LiftRecord& other) {
  take_larger(into.at_ns, other.at_ns);
  into.waiting_requests += other.waiting_requests;
  into.backlog_tokens += other.backlog_tokens;
  into.backoff_requests += other.backoff_requests;
  into.backoff_tokens += other.backoff_tokens;
  take_smaller(into.unlock_ns, other.unlock_ns);
  take_larger(into.release_lag_ns, other.release_lag_ns);
  take_larger(into.call_ns, other.call_ns);
}

/// Of two examples the one that comes first in the alphabet; none comes last.
void take_example(std::string& into, const std::string& other) {
  if (into.empty() || (!other.empty() && other < into)) into = other;
}

void join_failures(std::vector<FailureRecord>& into, const std::vector<FailureRecord>& other) {
  for (const FailureRecord& failure : other) {
    const auto same = std::ranges::find(into, failure.kind, &FailureRecord::kind);
    if (same == into.end()) {
      into.push_back(failure);
    } else {
      same->count += failure.count;
      take_example(same->example, failure.example);
    }
  }
  std::ranges::sort(into, {}, &FailureRecord::kind);
}

auto key_of(const ServerColumn& column) {
  return std::tie(column.site, column.figure);
}

void join_server(std::vector<ServerColumn>& into, const std::vector<ServerColumn>& other,
                 std::size_t bins) {
  for (const ServerColumn& column : other) {
    const auto same = std::ranges::find_if(
        into, [&](const ServerColumn& mine) { return key_of(mine) == key_of(column); });
    if (same == into.end()) {
      into.push_back(column);
      continue;
    }
    same->values.resize(bins, ServerColumn::kNotSaid);
    for (std::size_t bin = 0; bin < column.values.size(); ++bin) {
      same->values[bin] = std::max(same->values[bin], column.values[bin]);
    }
  }
  for (ServerColumn& column : into) column.values.resize(bins, ServerColumn::kNotSaid);
  std::ranges::sort(
      into, [](const ServerColumn& a, const ServerColumn& b) { return key_of(a) < key_of(b); });
}

void join_wire(WireRecord& into, const WireRecord& other, std::size_t bins) {
  WireRecord own;  // what is joined in another way than repetitions are
  own.busy_ns = std::max(into.busy_ns, other.busy_ns);  // of the busiest rank
  own.failures = std::move(into.failures);
  join_failures(own.failures, other.failures);
  own.server = std::move(into.server);
  join_server(own.server, other.server, bins);
  into.failures.clear();
  merge(into, other);
  into.busy_ns = own.busy_ns;
  into.failures = std::move(own.failures);
  into.server = std::move(own.server);
}

// --------------------------------------------------------------------------------------- checks

/// The less, the worse where it passed.
double margin(const Check& check) {
  if (!check.value) return 0;
  return check.passed ? -distance(check) : distance(check);
}

/// Of two checks one is worse, or they are the same.
bool is_worse(const Check& one, const Check& other) {
  return std::tuple(severity(one), margin(one), one.value, one.limit, one.advice) >
         std::tuple(severity(other), margin(other), other.value, other.limit, other.advice);
}

/// The order in which they are listed: as a rank lists them.
std::size_t place_of(const Check& check) {
  constexpr auto kOrder = std::to_array<std::string_view>(
      {"generator_lag_p99_ms", "delivered_load", "host_interference", "enough_samples",
       "conservation", "littles_law_error", "interrupted", "most_in_flight", "cpu_quota",
       "capacity_error", "machine_speed_change", "client_thread", "shared_reads",
       "output_delivered", "failed_share", "event_call"});
  if (check.name == "event_call" && !check.passed)
    return 0;  // others may have failed because of it
  const auto found = std::ranges::find(kOrder, check.name);
  return 1 + static_cast<std::size_t>(found - kOrder.begin());
}

void join_checks(std::vector<Check>& into, const std::vector<Check>& other) {
  for (const Check& check : other) {
    const auto same = std::ranges::find(into, check.name, &Check::name);
    if (same == into.end()) {
      into.push_back(check);
    } else if (is_worse(check, *same)) {
      *same = check;
    }
  }
  std::ranges::sort(into, [](const Check& a, const Check& b) {
    return std::tuple(place_of(a), a.name) < std::tuple(place_of(b), b.name);
  });
}

void join_shares(SharesRecord& into, const SharesRecord& other) {
  into.ranks.insert(into.ranks.end(), other.ranks.begin(), other.ranks.end());
  std::ranges::sort(into.ranks, {}, &RankRecord::rank);
}

}  // namespace

void join(Run& into, const Run& other) {
  require_one_run(into, other);
  require_other_ranks(*into.shares, *other.shares);
  require_same_shape(into, other);
  if (other.shares->ranks.front().rank < into.shares->ranks.front().rank) {
    into.environment = other.environment;
  }
  join_shares(*into.shares, *other.shares);
  into.interrupted = into.interrupted || other.interrupted;
  if (into.lift) join_lift(*into.lift, *other.lift);
  for (std::size_t i = 0; i < into.further_lifts.size(); ++i) {
    join_lift(into.further_lifts[i], other.further_lifts[i]);
  }
  join_spans(into.phases, other.phases);
  for (std::size_t i = 0; i < into.tenants.size(); ++i) {
    join_tenant(into.tenants[i], other.tenants[i]);
    merge(into.tenants[i].columns, other.tenants[i].columns);
  }
  for (std::size_t i = 0; i < into.throttles.size(); ++i) {
    join_throttle(into.throttles[i], other.throttles[i]);
  }
  merge(into.totals, other.totals);
  join_series(into.series, other.series);
  if (into.wire) {
    const std::size_t bins =
        into.series.columns.empty() ? 0 : into.series.columns.front().values.size();
    join_wire(*into.wire, *other.wire, bins);
  }
  join_checks(into.checks, other.checks);
  if (into.shares->is_whole()) judge_all_shares(into);
}

Run joined(const std::vector<Run>& shares) {
  Run run = shares.front();
  for (std::size_t i = 1; i < shares.size(); ++i) join(run, shares[i]);
  return run;
}

std::string missing_ranks(const SharesRecord& shares) {
  std::vector<std::string> spans;
  std::int64_t next = 0;
  const auto missing_until = [&](std::int64_t end) {
    if (next + 1 == end) spans.push_back(std::to_string(next));
    if (next + 1 < end) spans.push_back(std::to_string(next) + " to " + std::to_string(end - 1));
  };
  for (const RankRecord& rank : shares.ranks) {
    missing_until(rank.rank);
    next = rank.rank + 1;
  }
  missing_until(shares.of);
  std::string list;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0) list += i + 1 == spans.size() ? " and " : ", ";
    list += spans[i];
  }
  return list;
}

}  // namespace tokenlift
