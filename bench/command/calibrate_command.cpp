#include "bench/command/calibrate_command.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>

#include "bench/calibrate/calibration.hpp"
#include "bench/command/input.hpp"
#include "bench/command/run_command.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/progress.hpp"
#include "reports/analysis/agreement.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/profile_text.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

constexpr const char* kDefaultFile = "calibrated.toml";
constexpr const char* kDefaultProfile = "cpu-small";
constexpr std::int64_t kDefaultMaxBatch = 16;
/// Time to measure each profile in.
constexpr std::int64_t kDefaultBudgetNs = 15'000'000'000;

struct CalibrateOptions {
  std::vector<std::string> profiles;  ///< empty: cpu-small, or those of the scenario to verify
  std::string out;                    ///< a file; empty: kDefaultFile
  std::optional<std::int64_t> budget_ns;
  std::optional<std::int64_t> max_batch;  ///< absent: 16, or the largest of the scenario to verify
  ScenarioChoice verified;                ///< its reference is empty where nothing is verified
  RepetitionPlan plan = {.repetitions = 5};  ///< of the runs to verify with, on either engine
  bool quiet = false;
};

/// How profiles are measured, and where they go.
struct Measurement {
  std::filesystem::path file;
  std::int64_t budget_ns = kDefaultBudgetNs;  ///< per profile
  std::int64_t max_batch = kDefaultMaxBatch;
  bool quiet = false;
};

/// A built-in profile that has a decoder to measure. Throws UsageError.
const Profile& measurable_profile(const std::string& name) {
  std::vector<std::string> names;
  for (const Profile& profile : builtin_profiles()) {
    if (profile.decoder) names.push_back(profile.name);
  }
  const std::string known = fmt::format("these can be measured: {}", fmt::join(names, ", "));
  const Profile* const profile = find_profile(name);
  if (profile == nullptr) {
    throw UsageError(
        fmt::format("no profile is called '{}'; {}", name, suggestion(name, names, known)));
  }
  if (!profile->decoder) {
    throw UsageError(
        fmt::format("the profile '{}' has no decoder, so there is nothing to measure "
                    "on this machine; {}",
                    name, known));
  }
  return *profile;
}

/// How far the measurement is, on a terminal; elsewhere nothing, since a line has said what goes
/// on.
class Percentage {
 public:
  Percentage(const Surroundings& surroundings, bool quiet, std::string label)
      : shown_(surroundings.err_is_terminal && !quiet),
        line_(surroundings.err),
        label_(std::move(label)) {}
  ~Percentage() {
    if (shown_) line_.clear();
  }
  Percentage(const Percentage&) = delete;
  Percentage& operator=(const Percentage&) = delete;

  void draw(double share) const {
    if (shown_) line_.show(fmt::format("{}: {:.0f} %", label_, 100 * share));
  }

 private:
  bool shown_;
  LiveLine line_;
  std::string label_;
};

std::string cost_figure(std::int64_t ps) {
  return duration_figure(static_cast<double>(ps) / 1000);
}

/// The two laws of a profile, how well they fit, and where worst.
std::string describe(const std::string& name, const CalibrationSamples& costs, const CostFit& fit,
                     const TextStyle& style) {
  const CostModel& cost = fit.cost;
  Table table;
  table.title = name;
  table.left_columns = 2;
  table.head_rows = 1;
  table.rows = {{{"law"}, {"costs"}, {"R²"}, {"mean error"}, {"worst error"}, {"at"}}};
  const auto add = [&](const char* law, std::string terms, const FitQuality& quality,
                       std::string worst) {
    table.rows.push_back({{law},
                          {std::move(terms)},
                          {fmt::format("{:.4f}", quality.r_squared)},
                          {fmt::format("{:.1f} %", 100 * quality.mean_error)},
                          {fmt::format("{:+.1f} %", 100 * quality.worst_error)},
                          {std::move(worst)}});
  };
  const DecodeSample& step = costs.decode[fit.decode.worst_sample];
  add("decode step",
      fmt::format("{} + {} / sequence + {} / KV token", cost_figure(cost.a_ps),
                  cost_figure(cost.b_ps), cost_figure(cost.c_ps)),
      fit.decode,
      fmt::format("{} sequences, {} KV tokens", step.sequences, figure(double(step.kv_tokens))));
  const PrefillSample& chunk = costs.prefill[fit.prefill.worst_sample];
  add("prefill chunk",
      fmt::format("{} + {} / token + {} / token²", cost_figure(cost.p0_ps), cost_figure(cost.p1_ps),
                  cost_figure(cost.p2_ps)),
      fit.prefill, fmt::format("tokens {}–{}", chunk.begin, chunk.end));
  return to_text(table, style);
}

/// Measures profiles, prints what was found and writes it to a file.
class Calibration {
 public:
  Calibration(const Surroundings& surroundings, Measurement measurement)
      : surroundings_(surroundings),
        measurement_(std::move(measurement)),
        environment_(describe_environment(surroundings.words)),
        precision_(fastest_precision() == Precision::bf16 ? "bf16" : "f32") {}

  /// The profiles by these names, measured and written; nothing if that failed or was interrupted,
  /// which has been said.
  std::optional<std::vector<Profile>> measure(const std::vector<std::string>& names) const {
    std::vector<const Profile*> wanted;
    for (const std::string& name : names) wanted.push_back(&measurable_profile(name));
    require_no_folder(measurement_.file);
    const OutputFile file(measurement_.file);
    std::vector<Profile> measured;
    for (const Profile* profile : wanted) {
      std::optional<Profile> one = measure_one(*profile);
      if (!one) return std::nullopt;
      measured.push_back(std::move(*one));
    }
    file.write("# What steps cost on this machine: for engine virtual, by `--profiles FILE`.\n" +
               to_toml(measured));
    print_result(surroundings_, fmt::format("\nprofile: {}\n", measurement_.file.string()));
    return measured;
  }

 private:
  std::optional<Profile> measure_one(const Profile& profile) const {
    const std::string what =
        fmt::format("measuring {} on {} cores at once", profile.name, core_count());
    // From here on: who reads that it is measuring may end it, and hears what became of it.
    const std::atomic<bool>& stop = stop_of(surroundings_);
    say(surroundings_, measurement_.quiet, "{}, some {} s", what,
        (measurement_.budget_ns + 999'999'999) / 1'000'000'000);
    std::optional<CalibrationSamples> costs;
    {
      const Percentage percentage(surroundings_, measurement_.quiet, what);
      costs = measure_step_costs(
          *profile.decoder,
          {static_cast<std::int64_t>(core_count()), measurement_.max_batch, measurement_.budget_ns},
          [&](double share) { percentage.draw(share); }, stop);
    }
    if (!costs) {
      complain(surroundings_, "interrupted: nothing was written");
      return std::nullopt;
    }
    CostFit fit;
    if (!costs->unfinished) {
      fit = fit_cost_model(costs->decode, costs->prefill);
      print_result(surroundings_, describe(profile.name, *costs, fit, style_of(surroundings_)));
    }
    const std::string mistake = mistake_of(profile.name, *costs, fit);
    if (!mistake.empty()) {
      complain(surroundings_, fmt::format("{} is not calibrated, and nothing was written: {}",
                                          profile.name, mistake));
      return std::nullopt;
    }
    return calibrated(profile, *costs, fit);
  }

  /// Why a measurement may not be used, and what to do about it; empty if it may.
  std::string mistake_of(const std::string& name, const CalibrationSamples& costs,
                         const CostFit& fit) const {
    std::string disturbed;
    if (costs.interference && *costs.interference > kMostInterference) {
      disturbed = fmt::format(
          "other processes and other virtual machines took {:.0f} % of the machine (limit {:.0f} "
          "%), so steps took longer than they take. Stop what else runs (`top` shows it), or "
          "measure when the machine is quiet",
          100 * *costs.interference, 100 * kMostInterference);
    }
    if (costs.unfinished) {
      return unfinished_text(name, *costs.unfinished) +
             (disturbed.empty() ? "" : fmt::format(". Meanwhile {}", disturbed));
    }
    if (!disturbed.empty()) return disturbed;
    const std::optional<FitMistake> mistake = fit_mistake(fit, costs.repeats);
    if (!mistake) return "";
    if (mistake->machine_changed) {
      return mistake->text +
             ". Look for other processes, other virtual machines (steal time in `top`) and power "
             "saving, or measure longer with --budget";
    }
    return mistake->text +
           ". Steps on this machine cost something else than engine virtual can say: use engine "
           "threads, or measure fewer batches with --max-batch, over which the law may fit";
  }

  std::string unfinished_text(const std::string& name, const Unfinished& left) const {
    // A little more than what was extrapolated, in whole seconds.
    const std::int64_t seconds = 1 + left.needed_ns / 1'000'000'000 * 5 / 4;
    return fmt::format(
        "{} was too short for this machine, which did {:.0f} % of what is needed: "
        "measure longer, with `tokenlift calibrate {} --budget {}`",
        duration_figure(static_cast<double>(measurement_.budget_ns)), 100 * left.share, name,
        left.needed_ns > 0 ? fmt::format("{}s", seconds) : "15s");
  }

  Profile calibrated(const Profile& profile, const CalibrationSamples& costs,
                     const CostFit& fit) const {
    Profile result;
    result.name = profile.name;
    result.description = profile.description;
    result.source = fmt::format("tokenlift {} calibrate, {}, {}, {} cores at once, {}, {} rounds",
                                environment_.tokenlift_version, environment_.started_at,
                                environment_.cpu, core_count(), precision_, costs.rounds);
    result.cost = fit.cost;
    result.fit_error = std::round(fit.mean_error() * 1e4) / 1e4;
    result.max_batch = measurement_.max_batch;
    result.decoder = profile.decoder;
    return result;
  }

  const Surroundings& surroundings_;
  Measurement measurement_;
  Environment environment_;
  std::string precision_;
};

/// The scenario as resolved for threads, on engine virtual: the same absolute rates, the same
/// seeds.
Scenario simulated(const Scenario& prepared, const std::vector<Profile>& profiles) {
  return parse_scenario(to_toml(prepared), prepared.name, "/", {"run.engine=virtual"}, profiles);
}

/// Runs the scenario on both engines and prints how they differ.
int verify(const Surroundings& surroundings, const CalibrateOptions& options,
           const Scenario& scenario, const OutputFolder& folder,
           const std::vector<Profile>& profiles) {
  const auto repeat = [&](Experiment& experiment, const Prepared& prepared, const char* engine) {
    return repeat_with_progress(surroundings, options.quiet, experiment, prepared, options.plan,
                                folder, engine);
  };
  std::optional<Prepared> prepared;
  std::optional<Repeated> measured;
  {
    Experiment threads(surroundings.words, stop_of(surroundings), 1);
    prepared = prepare_and_warn(surroundings, options.quiet, threads, scenario);
    if (!prepared) return kNotValid;
    measured = repeat(threads, *prepared, "threads");
  }
  if (measured->trial.interrupted) {
    complain(surroundings, "interrupted: nothing was compared");
    return kNotValid;
  }
  Experiment on_virtual(surroundings.words, stop_of(surroundings), core_count());
  const Repeated computed =
      repeat(on_virtual, {simulated(prepared->scenario, profiles), ""}, "virtual");
  if (computed.trial.interrupted) {
    complain(surroundings, "interrupted: nothing was compared");
    return kNotValid;
  }
  const Run& real = measured->trial.lifted.pooled;
  const Run& other = computed.trial.lifted.pooled;
  const std::vector<AgreementRow> rows = agreement(real, other);
  print_result(surroundings,
               fmt::format("\n{}\nresults: {}, {}\n", to_text(rows, style_of(surroundings)),
                           visible(names_of(*measured)), visible(names_of(computed))));
  for (const Run* run : std::initializer_list<const Run*>{&real, &other}) {
    if (run->valid()) continue;
    const auto failed = std::find_if(run->checks.begin(), run->checks.end(),
                                     [](const Check& check) { return !check.passed; });
    complain(surroundings, fmt::format("the runs on engine {} are not valid: {}. {}", run->engine,
                                       failed->name, failed->advice));
  }
  if (!real.valid() || !other.valid()) return kNotValid;
  return goals_met(rows) ? kDone : kGoalMissed;
}

/// The profiles that the scenario's sites use, each once.
std::vector<std::string> profiles_of(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Site& site : scenario.fleet.sites) {
    if (std::find(names.begin(), names.end(), site.profile) == names.end()) {
      names.push_back(site.profile);
    }
  }
  return names;
}

/// The batch to measure up to, unless the user says it.
std::int64_t max_batch_of(const std::optional<Scenario>& scenario) {
  std::int64_t most = kDefaultMaxBatch;
  if (!scenario) return most;
  for (const Site& site : scenario->fleet.sites) most = std::max(most, site.max_batch);
  return std::min(most, kLargestCalibratedBatch);
}

/// What is verified must be what was measured. Both throw UsageError.
void check_profiles(const Scenario& scenario, const std::vector<std::string>& names) {
  for (const Site& site : scenario.fleet.sites) {
    if (std::find(names.begin(), names.end(), site.profile) != names.end()) continue;
    throw UsageError(
        fmt::format("'{}' has replicas of profile '{}', which is not calibrated here: name it too, "
                    "or give a file that has it",
                    scenario.name, site.profile));
  }
}

void check_batches(const Scenario& scenario, std::int64_t max_batch) {
  for (const Site& site : scenario.fleet.sites) {
    if (site.max_batch <= max_batch) continue;
    throw UsageError(fmt::format(
        "'{}' has batches of up to {}, and up to {} would be measured: raise --max-batch "
        "(at most {}), or lower the site's max_batch",
        scenario.name, site.max_batch, max_batch, kLargestCalibratedBatch));
  }
}

int calibrate(const Surroundings& surroundings, const CalibrateOptions& options) {
  std::vector<Profile> profiles = load_profiles(options.verified.profile_files);
  const bool given = !profiles.empty();
  std::vector<std::string> names = options.profiles;
  std::optional<Scenario> scenario;
  ScenarioChoice choice = options.verified;
  if (!choice.reference.empty()) {
    choice.engine = "threads";
    scenario = load_scenario(choice, profiles);
    if (names.empty()) names = profiles_of(*scenario);
  }
  if (names.empty()) names = {kDefaultProfile};
  if (given) {
    names.clear();
    for (const Profile& profile : profiles) names.push_back(profile.name);
  }
  if (scenario) check_profiles(*scenario, names);
  if (!given) {
    const Measurement measurement = {options.out.empty() ? kDefaultFile : options.out,
                                     options.budget_ns.value_or(kDefaultBudgetNs),
                                     options.max_batch.value_or(max_batch_of(scenario)),
                                     options.quiet};
    if (scenario) check_batches(*scenario, measurement.max_batch);
    auto measured = Calibration(surroundings, measurement).measure(names);
    if (!measured) return kNotValid;
    profiles = std::move(*measured);
  }
  if (!scenario) return kDone;
  choice.engine = "virtual";
  load_scenario(choice, profiles);  // what is wrong with it there is said before any run
  const OutputFolder folder = claim_folder("", "verify-" + scenario->name);
  return verify(surroundings, options, *scenario, folder, profiles);
}

}  // namespace

std::optional<std::vector<Profile>> calibrate_for(const Surroundings& surroundings,
                                                  const Scenario& scenario,
                                                  const std::filesystem::path& file, bool quiet) {
  const Measurement measurement = {file, kDefaultBudgetNs, max_batch_of(scenario), quiet};
  check_batches(scenario, measurement.max_batch);
  return Calibration(surroundings, measurement).measure(profiles_of(scenario));
}

Command calibrate_command() {
  const auto options = std::make_shared<CalibrateOptions>();
  Command command{"calibrate",
                  "measure what steps cost on this machine; write profiles for engine virtual"};
  Option profiles =
      profiles_option(options->verified.profile_files,
                      "verify the profiles in this file instead of measuring; may be repeated");
  profiles.needs = {"--verify"};
  profiles.excludes = {"PROFILE", "--out", "--budget", "--max-batch"};
  command.options = {
      {.name = "PROFILE",
       .value = texts(options->profiles, "TEXT"),
       .help = "built-in profiles to measure (default: cpu-small; with --verify those of the "
               "scenario)",
       .omissible = true},
      {"--out", name(options->out, "FILE"), "file to write (default: calibrated.toml)"},
      {"--budget", duration(options->budget_ns),
       "time to measure each profile in, set-up included (default: 15s; where it was too short, "
       "how much would do is said)"},
      {"--max-batch", whole(options->max_batch, 2, kLargestCalibratedBatch),
       "batch up to which it is measured, and then holds (default: 16, or that of the scenario to "
       "verify where it is larger)"},
      {"--verify", text(options->verified.reference, "SCENARIO"),
       "then run this scenario on engine threads and, with the same rates and seeds, on engine "
       "virtual, and show how they differ; its runs go into tokenlift-results/verify-NAME-TIME"},
      std::move(profiles),
      {"--repetitions",
       whole(options->plan.repetitions, 1, 10'000),
       "runs on either engine to verify with (default: 5)",
       {"--verify"}},
      {"--quiet", flag(options->quiet), "no progress, no warnings"}};
  command.run = [options](const Surroundings& surroundings) {
    return calibrate(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
