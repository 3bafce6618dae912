#include "bench/record/recorder.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <utility>

#include "bench/machine/workers.hpp"
#include "bench/record/request_log.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kPrefetchAhead = 16;

/// The bins that a run has begun.
struct Bins {
  Bins(std::int64_t end_ns, std::int64_t width_ns, std::size_t most)
      : count(bins_until(end_ns, width_ns, most)),
        end_in_next(count < most && end_ns == static_cast<std::int64_t>(count) * width_ns) {}

  std::size_t count;
  /// The run ended where a bin ends: what was counted at that very instant lies in the next one,
  /// which was not begun.
  bool end_in_next;
};

std::optional<std::int64_t> shorter(const std::optional<std::int64_t>& one,
                                    const std::optional<std::int64_t>& other) {
  return one && other ? std::min(*one, *other) : one ? one : other;
}

Column gauge(const char* name, const std::vector<std::int64_t>& values, const Bins& bins) {
  return {name, {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(bins.count)}};
}

Column counter(const char* name, const std::vector<std::int64_t>& values, const Bins& bins) {
  Column column = gauge(name, values, bins);
  if (bins.end_in_next) column.values.back() += values[bins.count];
  return column;
}

/// What the sites drew; nothing where that is not recorded.
void add_draws(const DrawRecord& draws, std::uint32_t phase, std::int64_t end_ns, PhaseSpan& span) {
  if (!draws.any()) return;
  span.draws = draws.of_phase(phase, end_ns);
  if (!draws.any_power()) return;
  span.energy_fj = 0;
  span.site_energy_fj = 0;
  for (const SiteDraw& draw : span.draws) {
    *span.energy_fj += draw.energy_fj;
    *span.site_energy_fj += draw.site_energy_fj;
  }
}

}  // namespace

Recorder::Lane::Lane(const RecordingGrid& grid)
    : records(grid.cells()),
      ttft_slices(grid.slices),
      completed_by_bin(grid.bins),
      goodput_by_bin(grid.bins),
      slo_met_by_bin(grid.bins),
      expired_by_bin(grid.bins) {}

Recorder::Recorder(const Scenario& resolved, const RecordingGrid& grid, Workers* workers)
    : grid_(grid),
      remote_(traits_of(resolved.run.engine).remote),
      caches_prefixes_(remote_),  // as far as they say so
      fails_(remote_ || fleet_changes(resolved)),
      population_(resolved),
      workers_(workers),
      attempts_(grid.phases.size(), std::vector<ThrottleCounts>(resolved.throttles.size())),
      waiting_at_(grid.bins),
      backlog_at_(grid.bins),
      backoff_at_(grid.bins),
      bin_end_ns_(grid.bin_ns) {
  // Not copied from one: of many tenants a lane is large.
  const std::size_t lanes = workers != nullptr ? workers->count() : 1;
  lanes_.reserve(lanes);
  while (lanes_.size() < lanes) lanes_.emplace_back(grid);
  if (has_capacity(resolved.run.engine)) {  // else there are no caches
    for (const Site& site : resolved.fleet.sites) {
      caches_prefixes_ = caches_prefixes_ || site.prefix_cache_tokens > 0;
    }
  }
  const bool distant =
      std::ranges::any_of(resolved.fleet.sites, [](const Site& site) { return site.rtt_ns > 0; });
  for (const Site& site : resolved.fleet.sites) {
    if (!distant) break;
    distances_.push_back(distance_of(site));
  }
  double weights = 0;
  for (const Tenant& tenant : resolved.tenants) weights += tenant.weight;
  const bool several = resolved.tenants.size() > 1;
  std::size_t users = 0;
  for (const Tenant& tenant : resolved.tenants) {
    TenantRecord& record = tenants_.emplace_back();
    record.name = tenant.name;
    record.weight = tenant.weight;
    if (several && resolved.queue_order == QueueOrder::fair) {
      record.guaranteed_share = tenant.weight / weights;
    }
    record.has_objectives = tenant.slo != Slo{};
    record.wait_objective_ns = shorter(tenant.slo.ttft_ns, tenant.slo.e2e_ns);
    record.open_loop = tenant.arrivals.process != Process::closed && !tenant.sessions;
    record.users = static_cast<std::uint64_t>(tenant.users);
    first_users_.push_back(users);
    users += record.users;
    slos_.push_back(tenant.slo);
    deadlines_ns_.push_back(tenant.deadline_ns.value_or(kNever));
  }
  constexpr std::size_t kBits = 64;
  if (users > tenants_.size()) {
    missed_.assign(grid.phases.size(), std::vector<std::uint64_t>((users + kBits - 1) / kBits));
  }
  for (const Throttle& throttle : resolved.throttles) {
    ThrottleRecord record;
    record.name = throttle.name;
    record.kind = name_of(throttle.kind);
    record.unit = name_of(throttle.unit);
    record.scope = name_of(throttle.scope);
    record.mode = name_of(throttle.mode);
    throttles_.push_back(std::move(record));
  }
  for (const Job& job : resolved.jobs) {
    jobs_.push_back({job.name, job.site, job.replicas, job.yields, {}});
  }
  for (auto& counter : counters_) counter.resize(grid.bins);
  if (several && resolved.tenants.size() <= kMostTenantSeries) {
    tenant_waiting_at_.assign(resolved.tenants.size(), std::vector<std::int64_t>(grid.bins));
    tenant_admitted_ = tenant_waiting_at_;
  }
}

void Recorder::due(const Request& request, std::int64_t now_ns) {
  area_ += static_cast<__int128>(in_system_) * (now_ns - changed_ns_) + (now_ns - request.due_ns);
  changed_ns_ = now_ns;
  ++in_system_;
  PhaseRecord& record = record_of(request);
  ++record.counts.due;
  record.offered_input_tokens += static_cast<std::uint64_t>(request.prompt_tokens);
  record.offered_output_tokens += static_cast<std::uint64_t>(request.output_tokens);
  if (grid_.phases[request.phase].measured) ++undecided_;
  due_.look_at(grid_, request.due_ns);
  ++by_bin(Counter::due)[due_.bin()];
}

void Recorder::leave(const Departures& departures, std::int64_t now_ns) {
  area_ += static_cast<__int128>(in_system_) * (now_ns - changed_ns_) - departures.late_ns;
  changed_ns_ = now_ns;
  in_system_ -= departures.requests;
  undecided_ -= departures.measured;
  spent_ += departures.spent_ns;
}

/// It met not all objectives of its tenant, or got no answer.
void Recorder::miss(const Request& request) const {
  if (missed_.empty()) return;
  const std::uint32_t user = population_.user(request.tenant, request.number);
  std::atomic_ref<std::uint64_t> word(missed_[request.phase][user / 64]);
  word.fetch_or(std::uint64_t{1} << (user % 64), std::memory_order_relaxed);
}

/// Absent for a single user.
std::optional<std::uint64_t> Recorder::users_missed(std::uint32_t tenant,
                                                    std::uint32_t phase) const {
  const std::size_t users = tenants_[tenant].users;
  if (users <= 1) return std::nullopt;
  std::uint64_t count = 0;
  for (std::size_t user = first_users_[tenant]; user < first_users_[tenant] + users; ++user) {
    count += missed_[phase][user / 64] >> (user % 64) & 1;
  }
  return count;
}

void Recorder::leave_unserved(const Request& request, std::int64_t now_ns, Counter outcome) {
  miss(request);
  leave({1, grid_.phases[request.phase].measured ? 1 : 0, now_ns - request.due_ns, 0}, now_ns);
  event_.look_at(grid_, now_ns);
  ++by_bin(outcome)[event_.bin()];
}

void Recorder::named(const Request& request, std::string_view request_id) const {
  if (log_ != nullptr) log_->name(request, request_id);
}

void Recorder::sent(const Request& request) {
  due(request, request.sent_ns);
  PhaseRecord& record = record_of(request);
  if (request.sent_ns < grid_.phases[request.phase].end_ns) ++record.sent;
  ++record.attempts;
  event_.look_at(grid_, request.sent_ns);
  ++by_bin(Counter::attempts)[event_.bin()];
  record.of(Metric::generator_lag).record(request.sent_ns - request.due_ns);
}

void Recorder::held(const Request& request) {
  ++record_of(request).held;
}

void Recorder::refused(const Request& request, bool overloaded, std::int64_t now_ns) {
  if (request.attempts == 1) {
    PhaseRecord& record = record_of(request);
    ++(overloaded ? record.overloaded : record.denied);
  }
  event_.look_at(grid_, now_ns);
  ++by_bin(overloaded ? Counter::overloaded : Counter::denied)[event_.bin()];
}

void Recorder::retried(const Request& request, std::int64_t now_ns) {
  ++record_of(request).attempts;
  event_.look_at(grid_, now_ns);
  ++by_bin(Counter::attempts)[event_.bin()];
}

void Recorder::borders_moved() {
  due_ = {};
  event_ = {};
  for (Lane& lane : lanes_) {
    lane.due = {};
    lane.exit = {};
  }
}

void Recorder::limit(std::size_t throttle, std::int64_t at_ns, std::optional<double> limit) {
  std::vector<LimitRecord>& limits = throttles_[throttle].limits;
  if (!limits.empty() && limits.back().limit == limit) return;
  if (!limits.empty() && limits.back().at_ns == at_ns) limits.pop_back();
  limits.push_back({at_ns, limit});
}

std::span<ThrottleCounts> Recorder::throttle_counts(std::int64_t now_ns) {
  return attempts_[grid_.phase_at(now_ns)];
}

void Recorder::admitted(const Request& request) {
  event_.look_at(grid_, request.admitted_ns);
  PhaseRecord& record = lanes_.front().records[grid_.cell(request.tenant, event_.phase())];
  ++record.admitted_requests;
  record.admitted_input_tokens += static_cast<std::uint64_t>(request.prompt_tokens);
  record.admitted_output_tokens += static_cast<std::uint64_t>(request.output_tokens);
  ++by_bin(Counter::admitted)[event_.bin()];
  if (!tenant_admitted_.empty()) {
    tenant_admitted_[request.tenant][event_.bin()] += request.prompt_tokens + request.output_tokens;
  }
}

bool Recorder::meets_objectives(const Request& request, const News& done) const {
  const Slo& slo = slos_[request.tenant];
  const std::int64_t gaps = request.output_tokens - 1;
  return (!slo.ttft_ns || done.first_token_ns - request.due_ns <= *slo.ttft_ns) &&
         (!slo.itl_ns || done.count <= gaps / 100) &&
         (!slo.e2e_ns || done.at_ns - request.due_ns <= *slo.e2e_ns) &&
         (!slo.tpot_ns || gaps == 0 || (done.at_ns - done.first_token_ns) / gaps <= *slo.tpot_ns);
}

void Recorder::completed(std::span<const News> batch, const RequestTable& requests,
                         std::int64_t now_ns) {
  if (batch.empty()) return;
  const std::size_t lanes = batch.size() < kParallelFrom ? 1 : lanes_.size();
  if (lanes == 1) {
    record(lanes_.front(), batch, requests, now_ns);
  } else {
    workers_->run(lanes, [&](std::size_t i) {
      const std::size_t begin = batch.size() * i / lanes;
      const std::size_t end = batch.size() * (i + 1) / lanes;
      record(lanes_[i], batch.subspan(begin, end - begin), requests, now_ns);
    });
  }
  for (std::size_t i = 0; i < lanes; ++i) leave(lanes_[i].departures, now_ns);
  if (log_ != nullptr) log(batch, requests);
}

void Recorder::log(std::span<const News> batch, const RequestTable& requests) const {
  for (const News& done : batch) {
    if (done.kind != NewsKind::completed) continue;
    const Request& request = requests[done.id];
    const bool in_time = !late(request, done);
    log_->add({request, in_time ? "completed" : "expired",
               in_time && meets_objectives(request, done),
               remote_ ? RequestRecord::kNoInstant : done.scheduled_ns, done.first_token_ns,
               done.at_ns, done.at_ns});
  }
}

/// A request that left, or is left, without having been served. If it was not admitted it has no
/// instant of that.
void Recorder::log_unserved(const Request& request, std::string_view outcome,
                            std::int64_t end_ns) const {
  if (log_ == nullptr) return;
  RequestRecord record;
  record.request = request;
  record.outcome = outcome;
  record.end_ns = end_ns;
  log_->add(record);
}

void Recorder::record(Lane& lane, std::span<const News> part, const RequestTable& requests,
                      std::int64_t now_ns) const {
  Departures departures;
  for (std::size_t i = 0; i < part.size(); ++i) {
    // Requests of a large fleet lie anywhere in memory.
    if (i + kPrefetchAhead < part.size()) requests.prefetch(part[i + kPrefetchAhead].id);
    const News& done = part[i];
    if (done.kind != NewsKind::completed) continue;
    ++departures.requests;
    const Request& request = requests[done.id];
    if (grid_.phases[request.phase].measured) ++departures.measured;
    departures.spent_ns += done.at_ns - request.due_ns;
    departures.late_ns += now_ns - done.at_ns;
    record(lane, request, done);
  }
  lane.departures = departures;
}

void Recorder::record(Lane& lane, const Request& request, const News& done) const {
  PhaseRecord& record = lane.records[grid_.cell(request.tenant, request.phase)];
  lane.exit.look_at(grid_, done.at_ns);
  if (late(request, done)) {
    ++record.counts.expired;
    record.wasted_tokens += static_cast<std::uint64_t>(request.output_tokens);
    ++lane.expired_by_bin[lane.exit.bin()];
    miss(request);
    return;
  }
  ++record.counts.completed;
  const std::int64_t ttft_ns = done.first_token_ns - request.due_ns;
  record.of(Metric::ttft).record(ttft_ns);
  record.of(Metric::e2e).record(done.at_ns - request.due_ns);
  record.of(Metric::service_ttft).record(done.first_token_ns - request.admitted_ns);
  record.of(Metric::throttle_wait).record(request.admitted_ns - request.sent_ns);
  if (!remote_) {  // else nobody knows what the fleet did until the first token
    std::int64_t queue_ns = done.scheduled_ns - request.admitted_ns;
    std::int64_t prefill_ns = done.first_token_ns - done.scheduled_ns;
    if (!distances_.empty()) {
      const Distance& distance = distances_[done.site];
      queue_ns -= distance.out_ns;
      prefill_ns -= distance.back_ns;
      // Scheduled at a near site, and computed at a far one.
      if (queue_ns < 0) prefill_ns += std::exchange(queue_ns, 0);
      record.of(Metric::network).record(distance.out_ns + distance.back_ns);
    }
    record.of(Metric::queue_wait).record(queue_ns);
    record.of(Metric::prefill).record(prefill_ns);
  }
  if (request.output_tokens >= 2) {
    record.of(Metric::tpot)
        .record((done.at_ns - done.first_token_ns) / (request.output_tokens - 1));
  }
  lane.due.look_at(grid_, request.due_ns);
  lane.ttft_slices[grid_.slice_at(request.due_ns)].record(ttft_ns);
  if (meets_objectives(request, done)) {
    ++record.slo_met;
    record.goodput_tokens += static_cast<std::uint64_t>(request.output_tokens);
    lane.goodput_by_bin[lane.due.bin()] += request.output_tokens;
    ++lane.slo_met_by_bin[lane.due.bin()];
  } else {
    miss(request);
  }
  ++lane.records[grid_.cell(request.tenant, lane.exit.phase())].completed_requests;
  ++lane.completed_by_bin[lane.exit.bin()];
}

void Recorder::replied(const Request& request, const News& done, const Reply& reply) {
  if (late(request, done)) return;  // as all latencies: of those that completed
  PhaseRecord& record = record_of(request);
  record.of(Metric::headers).record(reply.headers_ns - reply.admitted_ns);
  if (reply.first_output_ns < 0) return;  // it only reasoned
  record.of(Metric::first_output).record(reply.first_output_ns - request.due_ns);
}

void Recorder::rejected(const Request& request, std::int64_t now_ns) {
  ++record_of(request).counts.rejected;
  leave_unserved(request, now_ns, Counter::rejected);
  log_unserved(request, "rejected", now_ns);
}

void Recorder::expired(const Request& request, std::int64_t now_ns) {
  ++record_of(request).counts.expired;
  leave_unserved(request, now_ns, Counter::expired);
  log_unserved(request, "expired", now_ns);
}

void Recorder::cancelled(const Request& request, std::int64_t now_ns) {
  ++record_of(request).counts.cancelled;
  leave_unserved(request, now_ns, Counter::cancelled);
  log_unserved(request, "cancelled", now_ns);
}

void Recorder::failed(const Request& request, std::int64_t now_ns, std::string_view kind) {
  PhaseRecord& record = record_of(request);
  ++record.counts.failed;
  if (!kind.empty()) ++record.failures[std::string(kind)];
  leave_unserved(request, now_ns, Counter::failed);
  log_unserved(request, "failed", now_ns);
}

void Recorder::wasted(const Request& request, std::int64_t tokens) {
  record_of(request).wasted_tokens += static_cast<std::uint64_t>(tokens);
}

void Recorder::in_flight(const Request& request, std::int64_t end_ns) {
  ++record_of(request).counts.in_flight;
  miss(request);
  log_unserved(request, "in_flight", end_ns);
  spent_ += end_ns - request.due_ns;
  due_.look_at(grid_, request.due_ns);
  ++by_bin(Counter::undecided)[due_.bin()];  // marks the bins whose figures are not final
}

void Recorder::never_sent(const Request& request, std::int64_t end_ns) {
  due(request, end_ns);
  Request unsent = request;
  unsent.sent_ns = RequestRecord::kNoInstant;
  unsent.attempts = 0;
  in_flight(unsent, end_ns);
}

void Recorder::fill_bin() {
  waiting_at_[bin_] = gauges_.waiting_requests;
  backlog_at_[bin_] = gauges_.backlog_tokens;
  backoff_at_[bin_] = gauges_.backoff_requests;
  if (!tenant_waiting_at_.empty()) {
    for (std::size_t i = 0; i < gauges_.waiting_by_tenant.size(); ++i) {
      tenant_waiting_at_[i][bin_] = gauges_.waiting_by_tenant[i];
    }
  }
  ++bin_;
}

void Recorder::fill_bins(std::int64_t now_ns) {
  for (; bin_end_ns_ <= now_ns && bin_ < grid_.bins; bin_end_ns_ += grid_.bin_ns) fill_bin();
  if (bin_ == grid_.bins) bin_end_ns_ = kNever;
}

void Recorder::merge_lanes() {
  Lane& all = lanes_.front();
  const auto add = [](std::vector<std::int64_t>& into, const std::vector<std::int64_t>& other) {
    std::transform(into.begin(), into.end(), other.begin(), into.begin(), std::plus<>());
  };
  for (std::size_t i = 1; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    for (std::size_t cell = 0; cell < all.records.size(); ++cell) {
      merge(all.records[cell], lane.records[cell]);
    }
    for (std::size_t slice = 0; slice < all.ttft_slices.size(); ++slice) {
      all.ttft_slices[slice].merge(lane.ttft_slices[slice]);
    }
    add(all.completed_by_bin, lane.completed_by_bin);
    add(all.goodput_by_bin, lane.goodput_by_bin);
    add(all.slo_met_by_bin, lane.slo_met_by_bin);
    add(all.expired_by_bin, lane.expired_by_bin);
  }
  // Those that expired while waiting, and those whose tokens came too late.
  add(by_bin(Counter::expired), all.expired_by_bin);
  lanes_.erase(lanes_.begin() + 1, lanes_.end());
}

Run Recorder::finish(std::int64_t end_ns, const TokenRecord& tokens) {
  area_ += static_cast<__int128>(in_system_) * (end_ns - changed_ns_);
  changed_ns_ = end_ns;
  if (bin_ < grid_.bins) fill_bin();  // the last one, which the end cuts short
  const auto area = static_cast<double>(area_);
  const auto spent = static_cast<double>(spent_);
  littles_law_error_ = area_ == spent_ ? 0 : std::abs(area - spent) / std::max(area, spent);
  merge_lanes();

  Run run;
  run.tenants = tenants_;
  const auto is_recorded = [end_ns](const Phase& planned) {
    return planned.measured && planned.begin_ns < std::min(planned.end_ns, end_ns);
  };
  const auto recorded_phases = std::ranges::count_if(grid_.phases, is_recorded);
  for (TenantRecord& tenant : run.tenants) {
    tenant.phases.reserve(static_cast<std::size_t>(recorded_phases));
  }
  std::vector<PhaseRecord> records = std::exchange(lanes_.front().records, {});
  for (std::uint32_t phase = 0; phase < grid_.phases.size(); ++phase) {
    const Phase& planned = grid_.phases[phase];
    const bool recorded = is_recorded(planned);
    for (std::uint32_t tenant = 0; tenant < grid_.tenants; ++tenant) {
      const CellId cell = grid_.cell(tenant, phase);
      PhaseRecord& record = records[cell];
      merge(run.totals, record.counts);
      if (!recorded) continue;
      record.output_tokens = tokens.produced(tenant, phase);
      record.of(Metric::itl) = tokens.gaps(cell);
      if (caches_prefixes_) {
        const TokenRecord::Prompts prompts = tokens.prompts(tenant, phase);
        record.scheduled_input_tokens = prompts.tokens;
        record.cached_input_tokens = prompts.cached_tokens;
      }
      record.users_missed = users_missed(tenant, phase);
      run.tenants[tenant].phases.push_back(std::move(record));
    }
    if (!recorded) continue;
    PhaseSpan span;
    span.name = planned.name;
    span.begin_ns = planned.begin_ns;
    span.end_ns = std::min(planned.end_ns, end_ns);
    span.length_ns = span.end_ns - span.begin_ns;
    span.replica_ns = tokens.replica_ns(phase);
    span.busy_ns = tokens.busy_ns(phase);
    span.batch_ns = tokens.batch_ns(phase);
    span.batch_room_ns = tokens.batch_room_ns(phase);
    span.resident_token_ns = tokens.resident_token_ns(phase);
    span.kv_room_token_ns = tokens.kv_room_token_ns(phase);
    add_draws(tokens.draws(), phase, end_ns, span);
    run.phases.push_back(span);
    for (std::size_t i = 0; i < throttles_.size(); ++i) {
      throttles_[i].phases.push_back(attempts_[phase][i]);
    }
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      jobs_[i].phases.push_back(tokens.jobs().of_phase(i, phase));
    }
  }
  const Bins bins(end_ns, grid_.bin_ns, grid_.bins);
  for (std::size_t i = 0; i < tenant_admitted_.size(); ++i) {
    run.tenants[i].columns = {gauge("waiting_requests", tenant_waiting_at_[i], bins),
                              counter("admitted_tokens", tenant_admitted_[i], bins)};
  }
  run.throttles = std::move(throttles_);
  run.jobs = std::move(jobs_);
  run.series = series(end_ns, tokens);
  return run;
}

/// Those that were due and have not left, at the end of each bin of the grid.
std::vector<std::int64_t> Recorder::in_system_by_bin() {
  const Lane& all = lanes_.front();
  std::vector<std::int64_t> in_system(grid_.bins);
  std::int64_t now_in_system = 0;
  for (std::size_t bin = 0; bin < grid_.bins; ++bin) {
    now_in_system += by_bin(Counter::due)[bin] - all.completed_by_bin[bin] -
                     by_bin(Counter::rejected)[bin] - by_bin(Counter::expired)[bin] -
                     by_bin(Counter::cancelled)[bin] - by_bin(Counter::failed)[bin];
    in_system[bin] = now_in_system;
  }
  return in_system;
}

Series Recorder::series(std::int64_t end_ns, const TokenRecord& tokens) {
  Series series;
  series.bin_ns = grid_.bin_ns;
  const Bins bins(end_ns, grid_.bin_ns, grid_.bins);
  const auto add_gauge = [&](const char* name, const std::vector<std::int64_t>& values) {
    series.columns.push_back(gauge(name, values, bins));
  };
  const auto add = [&](const char* name, const std::vector<std::int64_t>& values) {
    series.columns.push_back(counter(name, values, bins));
  };
  Lane& all = lanes_.front();
  add("due_requests", by_bin(Counter::due));
  add("attempts", by_bin(Counter::attempts));
  add("admitted_requests", by_bin(Counter::admitted));
  if (remote_) {
    add("denied_attempts", by_bin(Counter::denied));
    add("overloaded_attempts", by_bin(Counter::overloaded));
  }
  add("completed_requests", all.completed_by_bin);
  add("rejected_requests", by_bin(Counter::rejected));
  add("expired_requests", by_bin(Counter::expired));
  add("cancelled_requests", by_bin(Counter::cancelled));
  if (fails_) add("failed_requests", by_bin(Counter::failed));
  add("undecided_requests", by_bin(Counter::undecided));
  add("output_tokens", tokens.tokens_by_bin());
  add("goodput_tokens", all.goodput_by_bin);
  add("slo_met_requests", all.slo_met_by_bin);
  std::vector<std::int64_t> in_system = in_system_by_bin();
  if (bins.end_in_next) in_system[bins.count - 1] = in_system[bins.count];
  add_gauge("in_system_requests", in_system);
  add_gauge("waiting_requests", waiting_at_);
  add_gauge("backlog_tokens", backlog_at_);
  add_gauge("backoff_requests", backoff_at_);
  for (Column& drawn : tokens.draws().columns(end_ns)) series.columns.push_back(std::move(drawn));
  for (Column& job : tokens.jobs().columns(end_ns)) series.columns.push_back(std::move(job));
  series.slice_ns = grid_.slice_ns;
  const Bins slices(end_ns, grid_.slice_ns, grid_.slices);
  if (slices.end_in_next) {
    all.ttft_slices[slices.count - 1].merge(all.ttft_slices[slices.count]);
  }
  all.ttft_slices.resize(slices.count);
  series.ttft_slices = std::move(all.ttft_slices);
  return series;
}

}  // namespace tokenlift
