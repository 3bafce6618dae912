#include "bench/run/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <utility>

#include "bench/fleet/null_fleet.hpp"
#include "bench/fleet/virtual_fleet.hpp"
#include "bench/machine/clock.hpp"
#include "bench/machine/host.hpp"
#include "bench/record/recorder.hpp"
#include "bench/run/bill.hpp"
#include "bench/run/compositions.hpp"
#include "bench/run/loop.hpp"
#include "bench/run/machine_speed.hpp"
#include "bench/run/readiness.hpp"
#include "bench/run/run_so_far.hpp"
#include "bench/run/validity.hpp"
#include "bench/wire/http_fleet.hpp"
#include "bench/wire/remote_actions.hpp"
#include "bench/wire/wire_clock.hpp"
#include "reports/record/bounds.hpp"
#include "reports/record/count_checks.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/plan/samples.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

template <typename Named>
std::vector<std::string> names_of(const std::vector<Named>& things) {
  std::vector<std::string> names;
  for (const Named& thing : things) names.push_back(thing.name);
  return names;
}

}  // namespace

Experiment::Experiment(std::vector<std::string> command, const std::atomic<bool>& stop,
                       std::size_t threads)
    : command_(std::move(command)), stop_(stop), workers_(threads) {}

std::optional<Capacity> Experiment::capacity(const Scenario& scenario) {
  if (traits_of(scenario.run.engine).simulated) {
    const std::optional<double> tokens_per_s = compute_capacity(scenario, stop_);
    if (!tokens_per_s) return std::nullopt;
    return Capacity{*tokens_per_s, 0, std::nullopt};
  }
  if (traits_of(scenario.run.engine).remote) return found_elsewhere(scenario);
  return measured(scenario, replicas_at_start(scenario));
}

std::optional<Capacity> Experiment::found_elsewhere(const Scenario& scenario) {
  if (!budget_) {
    throw NotMeasurable(
        "nobody knows the capacity of the endpoints: state fleet.capacity, or run "
        "with --find-capacity TIME");
  }
  std::optional<Capacity> capacity = saturate_endpoints(scenario, *budget_, stop_);
  if (!capacity && !stop_) {
    throw NotMeasurable(
        "the endpoints answered nothing while their capacity was to be found: "
        "'check' says what is wrong with them");
  }
  return capacity;
}

std::optional<Capacity> Experiment::measured(const Scenario& scenario,
                                             const std::vector<std::int64_t>& replicas) {
  std::optional<Capacity> capacity = measure_capacity(scenario, replicas, weights_, stop_);
  if (stop_) return std::nullopt;
  require_measured(capacity);
  return capacity;
}

/// False if it was interrupted.
bool Experiment::measure_compositions(Prepared& prepared) {
  const Scenario& scenario = prepared.scenario;
  if (!scenario.fleet.capacity_tokens_per_s) return true;  // nobody asks for it
  const std::vector<std::int64_t> at_start = replicas_at_start(scenario);
  prepared.measured.push_back({0, at_start, scenario.fleet.capacity_tokens_per_s});
  // What is stated of the start holds for every replica.
  if (prepared.capacity_source == "stated") return true;
  for (const std::vector<std::int64_t>& replicas : lasting_compositions(scenario)) {
    const std::optional<Capacity> found = measured(scenario, replicas);
    if (!found) return false;
    prepared.measured.push_back({0, replicas, found->tokens_per_s});
  }
  return true;
}

std::optional<Prepared> Experiment::prepare(const Scenario& given, const Run* before) {
  require_endpoints(given);
  std::optional<double> capacity_tokens_per_s = given.fleet.capacity_tokens_per_s;
  std::string source = capacity_tokens_per_s ? "stated" : "";
  std::optional<double> error_tokens_per_s;
  StepCosts costs;
  double fall = 0;
  if (before != nullptr) {
    capacity_tokens_per_s = before->capacity_tokens_per_s;
    error_tokens_per_s = before->capacity_error_tokens_per_s;
    source = before->capacity_source;
  }
  const bool simulated = traits_of(given.run.engine).simulated;
  Scenario scenario = given;
  if (simulated && fleet_changes(scenario)) {
    const auto of_sites = compute_site_capacities(scenario, stop_);
    if (!of_sites) return std::nullopt;
    state_site_capacities(scenario, *of_sites);
  }
  const bool remote = traits_of(given.run.engine).remote;
  const bool sought = remote && budget_ && !scenario.fleet.capacity_tokens_per_s;
  // Where it is cheap it is known to every report of an event: what is left of it drains a backlog.
  // And to every report of money: what is left of it is paid for and idle.
  const bool has_price = std::ranges::any_of(
      scenario.fleet.sites, [](const Site& site) { return site.cost && site.cost->price; });
  const bool wanted =
      simulated && !scenario.fleet.capacity_tokens_per_s && (measured_event(scenario) || has_price);
  if (!capacity_tokens_per_s && (needs_capacity(scenario) || wanted || sought)) {
    std::optional<Capacity> found = capacity(scenario);
    if (!found) return std::nullopt;
    costs = std::move(found->costs);
    fall = found->fall;
    capacity_tokens_per_s = found->tokens_per_s;
    source = simulated ? "computed" : "measured";
    if (!simulated) error_tokens_per_s = found->tokens_per_s * found->standard_error;
  }
  Scenario resolved = resolve(scenario, capacity_tokens_per_s);
  if (wanted || sought) resolved.fleet.capacity_tokens_per_s = capacity_tokens_per_s;
  if (before == nullptr && source == "measured" && !remote) require_enough_requests(resolved);
  Prepared prepared{
      std::move(resolved), std::move(source), error_tokens_per_s, std::move(costs), {}, fall};
  if (!simulated && fleet_changes(given)) {
    if (before != nullptr) {
      for (const Composition& known : before->fleet.compositions) {
        if (known.capacity_tokens_per_s) prepared.measured.push_back(known);
      }
    } else if (!measure_compositions(prepared)) {
      return std::nullopt;
    }
  }
  return prepared;
}

std::array<bool, 2> arms_in_turn(std::uint64_t repetition) {
  const bool control_first = repetition % 2 == 0;
  return {control_first, !control_first};
}

std::string run_name(std::uint64_t repetition, bool control) {
  return "repetition " + std::to_string(repetition) + (control ? " of the control" : "");
}

namespace {

/// The event that divides the run; where a grid takes power from several sites, all that do so.
void take_out_measured(Scenario& scenario) {
  const std::size_t first = *measured_event(scenario);
  scenario.events[first].taken_out = true;
  if (scenario.events[first].kind != EventKind::power) return;
  for (const std::size_t i : measured_events(scenario)) {
    if (scenario.events[i].kind == EventKind::power) scenario.events[i].taken_out = true;
  }
}

}  // namespace

Scenario scenario_of(const Prepared& prepared, std::uint64_t repetition, bool control) {
  Scenario scenario = prepared.scenario;
  scenario.run.seed += repetition - 1;
  scenario.run.repetitions = 1;  // it is one of them, and may be run again by itself
  if (control) take_out_measured(scenario);
  return scenario;
}

/// How time passes: by the engine, one of them.
struct Experiment::Clocks {
  explicit Clocks(const EngineTraits& traits) : simulated(traits.simulated) {
    if (traits.remote) wire.emplace();
  }
  Clock& clock() {
    if (wire) return *wire;
    if (simulated) return virtual_time;
    return real_time;
  }
  void start(std::chrono::steady_clock::time_point at) {
    real_time.start(at);
    if (wire) wire->start(at);
  }

  bool simulated;
  RealClock real_time;
  VirtualClock virtual_time;
  std::optional<WireClock> wire;
};

std::unique_ptr<Fleet> Experiment::make_fleet(const Scenario& scenario, const RecordingGrid& grid,
                                              Clocks& clocks, const Serving* serving) {
  switch (scenario.run.engine) {
    case Engine::threads:
      return std::make_unique<ThreadFleet>(
          scenario, grid, serving != nullptr ? serving->clock : clocks.real_time, weights_);
    case Engine::simulated:
      // Who streams is told of each token.
      return make_virtual_fleet(scenario, grid, workers_,
                                serving != nullptr ? Stepping::each : Stepping::jump);
    case Engine::http:
      return std::make_unique<HttpFleet>(scenario, grid, *clocks.wire);
    case Engine::null:
      break;
  }
  return std::make_unique<NullFleet>(replica_count(scenario), grid);
}

namespace {

const std::atomic<bool> kNotCut{false};

}  // namespace

// What can be run can be read.
static_assert(kMostInstantNs >= 2 * kLongestDurationNs, "a duration and a cool-down");
static_assert(kMostRecords >= kMostTenants * 3, "phases around a lift");
static_assert(static_cast<std::int64_t>(kMostLimits) >= 2 * kMostChanges, "and the calendar's");

namespace {

/// What served tenants over time in this run: as it was planned, or as jobs left it to them. Slow
/// are those of which that was planned.
std::vector<ServingSpan> served_over_time(const Scenario& of_run, const LoopOutcome& outcome) {
  std::vector<ServingSpan> planned = serving_over_time(of_run);
  if (outcome.served.empty()) return planned;
  std::vector<ServingSpan> spans;
  std::size_t next = 0;  // of those planned
  for (std::size_t i = 0; i < outcome.served.size(); ++i) {
    spans.push_back(outcome.served[i]);
    const std::int64_t end_ns =
        i + 1 < outcome.served.size() ? outcome.served[i + 1].at_ns : kNever;
    for (; next < planned.size() && planned[next].at_ns < end_ns; ++next) {
      if (planned[next].at_ns > spans.back().at_ns) {
        spans.push_back({planned[next].at_ns, outcome.served[i].replicas});
      }
      spans.back().slowed = planned[next].slowed;
    }
    if (next > 0) spans.back().slowed = planned[next - 1].slowed;
  }
  return spans;
}

/// What slow replicas can do was neither computed nor measured.
FleetRecord fleet_record(const Prepared& prepared, const Scenario& of_run,
                         const LoopOutcome& outcome) {
  FleetRecord fleet;
  for (const Site& site : of_run.fleet.sites) fleet.sites.push_back(site.name);
  for (const ServingSpan& span : served_over_time(of_run, outcome)) {
    if (span.at_ns > outcome.end_ns) break;
    std::optional<double> capacity;
    if (!span.slowed) capacity = capacity_at(prepared.scenario, prepared.measured, span.replicas);
    std::vector<Composition>& all = fleet.compositions;
    if (!all.empty() && all.back().replicas == span.replicas &&
        all.back().capacity_tokens_per_s == capacity) {
      continue;
    }
    all.push_back({span.at_ns, span.replicas, capacity});
  }
  return fleet;
}

/// Gauges of what serves: of each bin as it is at its end.
void add_fleet_columns(Run& run) {
  Column serving{"replicas_serving", {}};
  Column capacity{"capacity_tokens_per_s", {}};
  const std::size_t bins = run.series.columns.front().values.size();
  std::size_t next = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const std::int64_t end_ns = static_cast<std::int64_t>(bin + 1) * run.series.bin_ns;
    const std::vector<Composition>& all = run.fleet.compositions;
    while (next + 1 < all.size() && all[next + 1].at_ns < end_ns) ++next;
    serving.values.push_back(
        std::accumulate(all[next].replicas.begin(), all[next].replicas.end(), std::int64_t{0}));
    capacity.values.push_back(std::llround(all[next].capacity_tokens_per_s.value_or(0)));
  }
  run.series.columns.push_back(std::move(serving));
  if (std::ranges::all_of(run.fleet.compositions, [](const Composition& one) {
        return one.capacity_tokens_per_s.has_value();
      })) {
    run.series.columns.push_back(std::move(capacity));
  }
}

/// What steps took in each measured phase.
std::vector<PhaseCosts> measured_costs(const ThreadFleet& fleet, const RecordingGrid& grid) {
  std::vector<StepCosts> costs = fleet.step_costs();
  std::vector<PhaseCosts> measured;
  for (std::size_t i = 0; i < grid.phases.size(); ++i) {
    if (!grid.phases[i].measured) continue;
    measured.push_back({grid.phases[i].name, std::move(costs[i])});
  }
  return measured;
}

/// What servers said in the bins of the run: who said nothing more is as it was. They may say
/// anything; what is out of all bounds is as if they had not.
void fit_to_series(WireRecord& wire, const Series& series) {
  for (ServerColumn& column : wire.server) {
    const std::int64_t last = column.values.empty() ? ServerColumn::kNotSaid : column.values.back();
    column.values.resize(series.columns.front().values.size(), last);
    for (std::int64_t& value : column.values) {
      if (value < 0 || value > kMostSaid) value = ServerColumn::kNotSaid;
    }
  }
}

/// A change that came behind the last phase, because the machine was away for so long, is one that
/// was not reached.
void tell_lifts(const std::vector<LiftRecord>& lifts, const Scenario& planned, Run& run) {
  if (lifts.empty()) return;
  run.lift = lifts.front();
  run.further_lifts.assign(lifts.begin() + 1, lifts.end());
  const auto end_ns = run.phases.empty() ? 0 : run.phases.back().end_ns;
  if (run.lift->at_ns && *run.lift->at_ns > end_ns) run.lift->at_ns.reset();
  for (LiftRecord& further : run.further_lifts) {
    if (further.at_ns && *further.at_ns > end_ns) further.at_ns.reset();
  }
  if (run.lift->throttle.empty()) return;
  const std::size_t event = measured_events(planned).front();
  if (!planned.events[event].at_signal || !run.lift->at_ns) {
    run.lift->limit_tokens_per_s = fluid_drain(planned).limit_tokens_per_s;
    return;
  }
  Scenario stated = planned;  // what a signal began, with its instant
  stated.events[event].at_signal = false;
  stated.events[event].at_ns = *run.lift->at_ns;
  run.lift->limit_tokens_per_s = fluid_drain(stated).limit_tokens_per_s;
}

std::optional<TraceRecord> trace_record(const Tenant& tenant) {
  const std::optional<Trace>& trace = tenant.arrivals.trace;
  if (!trace) return std::nullopt;
  const TraceSummary& summary = trace->summary;
  return TraceRecord{
      fmt::format("fnv1a64:{:016x}", summary.digest), static_cast<std::uint64_t>(summary.requests),
      static_cast<std::uint64_t>(summary.before_start), static_cast<std::uint64_t>(summary.failed)};
}

/// What is told of a run, beside what was recorded.
struct Ran {
  const Prepared& prepared;
  const Scenario& scenario;  ///< as it was run,
  const Scenario& played;    ///< ... with the events that came where it is served
  Environment environment;
  std::uint64_t repetition = 1;
  bool control = false;
  bool serves = false;
};

/// Of one that is served: an event divided it while somebody asked.
bool is_divided(const LoopOutcome& outcome) {
  const std::optional<std::int64_t>& at_ns = outcome.lifts.front().at_ns;
  return at_ns && *at_ns < outcome.end_ns;
}

/// The events that do not divide the run and fall into what is measured: no more of them than a
/// file may list.
void tell_other_events(const Scenario& played, Run& run) {
  if (run.phases.empty()) return;
  const std::vector<std::size_t> measured = measured_events(played);
  for (std::size_t i = 0; i < played.events.size(); ++i) {
    const Event& event = played.events[i];
    if (event.at_signal || std::ranges::find(measured, i) != measured.end()) continue;
    LiftRecord other = planned_lift(played, event);
    const std::int64_t end_ns = other.planned_ns + other.length_ns.value_or(0);
    if (other.planned_ns >= run.phases.back().end_ns) continue;
    if (end_ns < run.phases.front().begin_ns) continue;
    other.at_ns = other.planned_ns;
    if (run.other_events.size() < kMostListed) run.other_events.push_back(std::move(other));
  }
}

/// All of a run, from what was recorded of it.
Run told(const Ran& ran, RunFacts facts, Run run) {
  const Scenario& scenario = ran.scenario;
  facts.max_in_flight = scenario.run.max_in_flight;
  facts.divided_from_elsewhere = divided_from_elsewhere(scenario) && !ran.control && !ran.serves;
  facts.cpu_quota = check_cpu_quota(scenario, cpu_quota(), core_count());
  run.scenario_name = scenario.name;
  run.scenario_json = to_json(ran.played);
  run.engine = name_of(scenario.run.engine);
  run.seed = scenario.run.seed;
  run.repetition = ran.repetition;
  run.environment = ran.environment;
  run.capacity_tokens_per_s = scenario.fleet.capacity_tokens_per_s;
  run.capacity_error_tokens_per_s = ran.prepared.capacity_error_tokens_per_s;
  run.capacity_source = ran.prepared.capacity_source;
  run.fleet = fleet_record(ran.prepared, ran.played, facts.outcome);
  run.fleet.terms = site_terms(ran.played);
  add_costs(ran.played, run);
  if (fleet_changes(ran.played)) add_fleet_columns(run);
  for (std::size_t i = 0; i < run.tenants.size(); ++i) {
    run.tenants[i].trace = trace_record(scenario.tenants[i]);
  }
  if (ran.serves && !is_divided(facts.outcome)) {
    run.phases.front().name = "steady";  // nobody threw the switch
  } else {
    tell_lifts(facts.outcome.lifts, ran.serves ? ran.played : ran.prepared.scenario, run);
  }
  tell_other_events(ran.played, run);
  run.control = ran.control;
  run.interrupted = facts.outcome.interrupted;
  if (facts.outcome.bound && facts.outcome.sent_until_ns) {
    run.sending_bound =
        SendingBound{*facts.outcome.sent_until_ns,
                     *facts.outcome.bound == Bound::requests ? "requests" : "output_tokens"};
  }
  if (fewest_requests(run).requests < kFewestRequests) {  // what to do about it is told
    facts.dispersion = request_dispersion(scenario);
    facts.never_drains = never_settles(scenario);
  }
  run.checks = check_validity(run, facts);
  return run;
}

/// A run that is served, while it goes on.
class Served final : public RunSoFar {
 public:
  Served(const Loop& loop, const Fleet& fleet, const Recorder& recorder, const RecordingGrid& grid,
         const Ran& ran, Door& door)
      : loop_(loop), fleet_(fleet), recorder_(recorder), grid_(grid), ran_(ran), door_(door) {
    door_.show(this);
  }
  ~Served() { door_.show(nullptr); }

  std::vector<GateLevel> levels(std::int64_t now_ns) const override {
    std::vector<GateLevel> levels;
    for (const Gate& gate : loop_.gates()) levels.push_back(gate.level(now_ns));
    return levels;
  }
  CacheUse cache_use() const override { return fleet_.cache_use(); }
  std::optional<Run> so_far() const override {
    if (!loop_.has_begun()) return std::nullopt;
    Recorder recorder = recorder_;
    TokenRecord tokens(grid_);
    RunFacts facts;
    facts.outcome = loop_.so_far(recorder);
    fleet_.add_so_far(facts.outcome.end_ns, tokens);
    facts.interference = interference(use_before_, read_cpu_use());
    Run run = recorder.finish(facts.outcome.end_ns, tokens);
    facts.littles_law_error = recorder.littles_law_error();
    return told(ran_, std::move(facts), std::move(run));
  }

 private:
  const Loop& loop_;
  const Fleet& fleet_;
  const Recorder& recorder_;
  const RecordingGrid& grid_;
  const Ran& ran_;
  Door& door_;
  std::optional<CpuUse> use_before_ = read_cpu_use();
};

}  // namespace

Run Experiment::run(const Prepared& prepared, std::uint64_t repetition, ProgressBoard& board,
                    bool control, const Serving* serving) {
  const Scenario scenario = scenario_of(prepared, repetition, control);
  RecordingGrid grid = make_grid(scenario);
  // Without reports completions come one by one: more lanes would only take memory.
  Recorder recorder(scenario, grid,
                    scenario.fleet.load_report_interval_ns > 0 ? &workers_ : nullptr);
  if (log_ != nullptr) {
    const bool remote = traits_of(scenario.run.engine).remote;
    log_->begin_run(repetition, control, names_of(scenario.tenants), names_of(grid.phases),
                    remote ? std::optional(scenario.run.seed) : std::nullopt);
    recorder.log_to(*log_);
  }
  TokenRecord tokens(grid);
  Clocks clocks(traits_of(scenario.run.engine));
  const std::unique_ptr<Fleet> fleet = make_fleet(scenario, grid, clocks, serving);
  std::unique_ptr<Actions> actions;
  std::optional<Elsewhere> elsewhere;
  if (clocks.wire) {
    if (part_ && part_->share.rank > 0) {
      actions = std::make_unique<ActionsOfAnother>();
    } else {
      actions = std::make_unique<RemoteActions>(scenario, *clocks.wire, allow_commands_);
    }
    elsewhere = Elsewhere{&grid, actions.get(), cut_ != nullptr ? cut_ : &kNotCut};
  } else if (serving != nullptr) {
    elsewhere = Elsewhere{&grid, nullptr, &serving->cut, &serving->door, serving->plays_load};
  }
  Clock& clock = serving != nullptr ? serving->clock : clocks.clock();
  Loop loop(scenario, grid, clock, *fleet, recorder, board, stop_, elsewhere,
            part_ ? part_->share : Share());
  Environment environment = describe_environment(command_);
  if (traits_of(scenario.run.engine).computes) {
    environment.decoder_precision = fastest_precision() == Precision::bf16 ? "bf16" : "f32";
  }

  const Ran ran{prepared,          scenario,   serving != nullptr ? serving->played : scenario,
                environment,       repetition, control,
                serving != nullptr};
  WallInstant begun;
  if (part_) begun = await_start(*part_, stop_);
  const std::optional<CpuUse> use_before = read_cpu_use();
  // The clock of who serves runs since its socket is there.
  clocks.start(part_ ? begun.steady : std::chrono::steady_clock::now());
  RunFacts facts;
  {
    std::optional<Served> served;
    if (serving != nullptr) served.emplace(loop, *fleet, recorder, grid, ran, serving->door);
    facts.outcome = loop.run();
  }
  facts.interference = interference(use_before, read_cpu_use());
  fleet->stop(facts.outcome.end_ns, tokens);

  Run run = recorder.finish(facts.outcome.end_ns, tokens);
  facts.littles_law_error = recorder.littles_law_error();
  run.wire = fleet->wire();
  if (run.wire) fit_to_series(*run.wire, run.series);
  if (const auto* computing = dynamic_cast<const ThreadFleet*>(fleet.get())) {
    facts.machine_speed =
        check_machine_speed(measured_costs(*computing, grid), prepared.capacity_costs);
  }
  run = told(ran, std::move(facts), std::move(run));
  if (part_) tell_part(*part_, begun, scenario, run);
  return run;
}

}  // namespace tokenlift
