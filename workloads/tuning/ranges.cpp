#include "workloads/tuning/ranges.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "workloads/plan/demand.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr double kHalf = 0.5;
constexpr double kBeyond = 1.25;         // of the capacity: there nothing limits any more
constexpr double kLeastWidth = 8;        // of a range that would be narrow, or none
constexpr double kNoObjectiveNs = 10e9;  // how long users wait where no objective says it
constexpr double kSmallestSlack = 0.1;   // of the objective, however long the prefill takes

// To three significant digits; what floating point adds or takes does not count. Powers of ten
// below 1 have no exact doubles: dividing by the whole one keeps figures as short as they look.
double in_digits(double value, double (*round)(double), double tolerance) {
  const double exponent = std::floor(std::log10(value)) - 2;
  const double unit = std::pow(10, std::abs(exponent));
  return exponent < 0 ? round(value * unit + tolerance) / unit
                      : round(value / unit + tolerance) * unit;
}
double down(double value) {
  return in_digits(value, std::floor, 1e-6);
}
double up(double value) {
  return in_digits(value, std::ceil, -1e-6);
}

// For people: 0.35, 9600, 39.4k, 1540M.
std::string figure(double value) {
  value = in_digits(value, std::round, 0);
  if (value >= 1e6) return format_number(value / 1e6) + "M";
  return value >= 1e4 ? format_number(value / 1e3) + "k" : format_number(value);
}
std::string time_figure(double ns) {
  return format_duration(std::llround(in_digits(ns, std::round, 0)));
}

const Profile* profile_of(const Scenario& scenario, const Site& site,
                          const std::vector<Profile>& builtin) {
  if (const Profile* const own = own_profile(scenario, site)) return own;
  const auto found = std::ranges::find(builtin, site.profile, &Profile::name);
  return found != builtin.end() ? &*found : nullptr;
}

// Of full batches; nothing where a site has no cost model.
std::optional<double> estimated_capacity_tokens_per_s(const Scenario& scenario,
                                                      const std::vector<Profile>& builtin) {
  const Mix mix = request_mix(scenario);
  double tokens_per_s = 0;
  for (const Site& site : scenario.fleet.sites) {
    const Profile* profile = profile_of(scenario, site, builtin);
    if (profile == nullptr || !profile->cost) return std::nullopt;
    const double fitting = std::max(
        static_cast<double>(site.kv_tokens) / (mix.prompt_tokens + mix.output_tokens), 1.0);
    const double batch = std::min(static_cast<double>(site.max_batch), fitting);
    const auto sequences = static_cast<std::int64_t>(batch);
    const double context_tokens = mix.prompt_tokens + mix.output_tokens / 2;
    const std::int64_t kv_tokens = std::llround(batch * context_tokens);
    const StepPrice price = price_of(*profile);
    // So many prompts are taken in per step: one at a time in some of the steps, or several in all.
    const double prompts = batch / mix.output_tokens;
    const double at_once = std::max(prompts, 1.0);
    const auto chunk_ps = static_cast<double>(price.chunk_ps(0, std::llround(mix.prompt_tokens)));
    const auto decode_ps = static_cast<double>(price.decode_ps(sequences, kv_tokens));
    const auto prefill_ps = static_cast<double>(
        price.prefill_ps(std::llround(at_once * mix.prompt_tokens),
                         std::llround(at_once * chunk_ps), sequences, kv_tokens));
    const double step_s = 1e-12 * (decode_ps + std::min(prompts, 1.0) * (prefill_ps - decode_ps));
    tokens_per_s += static_cast<double>(site.replicas) * batch / step_s;
  }
  return tokens_per_s;
}

class Ranges {
 public:
  Ranges(const Scenario& scenario, const Scenario& resolved, std::size_t index,
         const std::vector<Profile>& builtin)
      : written_(scenario.throttles[index]), throttle_(resolved.throttles[index]) {
    Scenario seen = resolved;
    std::erase_if(seen.tenants, [&](const Tenant& t) { return !looks_at(throttle_, t); });
    const Mix mix = request_mix(seen);
    const double tokens_per_unit = output_tokens_per_unit(throttle_.unit, mix);
    const double offered_tokens_per_s = offered(seen).total();
    const double capacity_tokens_per_s = resolved.fleet.capacity_tokens_per_s.value_or(
        estimated_capacity_tokens_per_s(resolved, builtin).value_or(2 * offered_tokens_per_s));
    offered_load_ = offered_tokens_per_s / capacity_tokens_per_s;
    capacity_per_s_ = capacity_tokens_per_s / tokens_per_unit;
    largest_ = largest_cost(resolved, throttle_);
    for (const Site& site : resolved.fleet.sites) {
      places_ += static_cast<double>(site.replicas) * static_cast<double>(site.max_batch);
    }
    units_per_request_ = mix.output_tokens / tokens_per_unit;
    if (throttle_.scope == Scope::tenant) keys_ = static_cast<double>(seen.tenants.size());
    if (throttle_.scope == Scope::user) {
      keys_ = 0;
      for (const Tenant& tenant : seen.tenants) keys_ += static_cast<double>(tenant.users);
    }
    slack_ns_ = slack_ns(resolved, seen, mix, builtin);
  }

  std::vector<Parameter> all() && {
    const KindTraits& kind = traits_of(throttle_.kind);
    if (throttle_.mode == Mode::shadow) return {};
    if (kind.has_rate) add_rate();
    if (kind.has_burst) add_burst();
    if (kind.has_windows || kind.limits_rise) add_window_limit();
    if (kind.limits_rise) {
      add({"rise",
           ParameterScale::log,
           ParameterForm::number,
           1.1,
           10,
           {},
           "use that hardly grows from a window to the next to use that grows tenfold"},
          throttle_.rise);
    }
    if (kind.is_adaptive) {
      add_in_flight("max_limit", *throttle_.limit, throttle_.max_limit);
    } else if (kind.counts_in_flight && !kind.limits_queue) {
      add_in_flight("limit", 0, *throttle_.limit);
    }
    if (kind.has_target) {
      add({"target",
           ParameterScale::log,
           ParameterForm::duration,
           slack_ns_ / 10,
           slack_ns_,
           {},
           "a tenth of " + slack_words() + " to all of it"},
          static_cast<double>(throttle_.target_ns));
    }
    if (kind.limits_queue && throttle_.limit) add_waiting();
    if (throttle_.max_wait_ns && throttle_.when_full == WhenFull::queue) {
      add({"max_wait",
           ParameterScale::log,
           ParameterForm::duration,
           slack_ns_ / 20,
           slack_ns_,
           {},
           "a twentieth of " + slack_words() + " to all of it"},
          static_cast<double>(*throttle_.max_wait_ns));
    }
    return std::move(parameters_);
  }

 private:
  // What the tightest TTFT objective leaves for waiting.
  double slack_ns(const Scenario& resolved, const Scenario& seen, const Mix& mix,
                  const std::vector<Profile>& builtin) const {
    std::optional<std::int64_t> objective_ns;
    for (const Tenant& tenant : seen.tenants) {
      if (!tenant.slo.ttft_ns) continue;
      objective_ns = std::min(objective_ns.value_or(*tenant.slo.ttft_ns), *tenant.slo.ttft_ns);
    }
    if (!objective_ns) return kNoObjectiveNs;
    double prefill_ns = 0;
    for (const Site& site : resolved.fleet.sites) {
      const Profile* profile = profile_of(resolved, site, builtin);
      if (profile == nullptr || !profile->cost) continue;
      const std::int64_t prompt_tokens = std::llround(mix.prompt_tokens);
      const StepPrice price = price_of(*profile);
      const std::int64_t ps =
          price.prefill_ps(prompt_tokens, price.chunk_ps(0, prompt_tokens), 0, 0);
      prefill_ns = std::max(prefill_ns, static_cast<double>(ps) / 1000);
    }
    const auto ttft_ns = static_cast<double>(*objective_ns);
    return down(std::max(ttft_ns - prefill_ns, ttft_ns * kSmallestSlack));
  }
  std::string slack_words() const { return "the TTFT slack of " + time_figure(slack_ns_); }

  // Per key: a key may have all, and all keys together should have the least.
  std::string for_each() const {
    return keys_ > 1 ? " for each of " + format_number(keys_) +
                           (throttle_.scope == Scope::user ? " users" : " tenants")
                     : "";
  }
  std::string for_one() const { return keys_ > 1 ? " for one alone" : ""; }

  double least_load() const { return kHalf * std::min(offered_load_, 1.0) / keys_; }
  std::string least_words() const {
    return (offered_load_ < 1 ? "half of what is offered" : "half of the capacity") + for_each();
  }
  std::string most_words() const { return " to 1.25 of the capacity" + for_one(); }

  void add_rate() {
    if (written_.rate.load) {
      add_load(0);
      return;
    }
    Parameter parameter;
    parameter.key = "rate";
    parameter.scale = ParameterScale::log;
    parameter.form = ParameterForm::rate;
    parameter.min = down(least_load() * capacity_per_s_);
    parameter.max = std::min(up(kBeyond * capacity_per_s_), kHighestRatePerS);
    parameter.reason = least_words() + " (" + figure(parameter.min) + "/s)" + most_words() + " (" +
                       figure(parameter.max) + "/s)";
    add(parameter, *throttle_.rate.per_s);
  }

  void add_load(double smallest) {
    const double least = std::max(down(least_load()), smallest);
    add({"load",
         ParameterScale::log,
         ParameterForm::number,
         std::max(least, kLoadMin),
         std::max(kBeyond, 2 * least),
         {},
         least_words() + " (" + figure(least) + ")" + most_words()},
        *written_.rate.load);
  }

  void add_window_limit() {
    const double per_window = capacity_per_s_ * static_cast<double>(throttle_.window_ns) * 1e-9;
    if (written_.rate.load) {
      add_load(largest_ / per_window);
      return;
    }
    Parameter parameter;
    parameter.key = "limit";
    parameter.scale = ParameterScale::log;
    parameter.min = std::max(down(least_load() * per_window), largest_);
    parameter.max = up(kBeyond * per_window);
    parameter.reason = (parameter.min > largest_ ? least_words() : "the largest request") + " (" +
                       figure(parameter.min) + ")" + most_words() + " (" + figure(parameter.max) +
                       " in a window)";
    add(parameter, *throttle_.limit, largest_);
  }

  void add_burst() {
    if (written_.burst.of_rate_ns) {
      add_burst_of_rate();
      return;
    }
    const double worked_off = up(capacity_per_s_ * slack_ns_ * 1e-9);
    const double most = std::max(worked_off, kLeastWidth * largest_);
    Parameter parameter;
    parameter.key = "burst";
    parameter.scale = ParameterScale::log;
    parameter.min = largest_;
    parameter.max = most;
    parameter.reason =
        "the largest request (" + format_number(largest_) + ") to " +
        (worked_off < most ? "8 of them" : "what the fleet works off in " + slack_words()) + " (" +
        figure(most) + ")";
    add(parameter, *written_.burst.units, largest_);
  }

  // The rate is searched, too: what so many seconds of it are, is at most what they are of the
  // capacity. (A burst is never less than the largest request.)
  void add_burst_of_rate() {
    Parameter parameter;
    parameter.key = "burst";
    parameter.scale = ParameterScale::log;
    parameter.form = ParameterForm::duration;
    parameter.min = 1e9 * largest_ / (kBeyond * capacity_per_s_);
    parameter.max = std::max(slack_ns_, kLeastWidth * parameter.min);
    parameter.reason = "the largest request at 1.25 of the capacity to " +
                       (parameter.max > slack_ns_ ? "8 times that" : slack_words()) +
                       ", which a full fleet takes to work it off";
    add(parameter, static_cast<double>(*written_.burst.of_rate_ns));
  }

  // Little's law: full batches hold as many requests as there are places, and what is offered is a
  // share of what they work off.
  void add_in_flight(const char* key, double start, double present) {
    const double in_flight = places_ * offered_load_ * units_per_request_;
    const double places = places_ * units_per_request_;
    const double least = std::floor(std::min(in_flight, places) / 8 / keys_);
    const double smallest = std::ceil(std::max({largest_, start, 1.0}));
    Parameter parameter;
    parameter.key = key;
    parameter.scale = ParameterScale::log_integer;
    parameter.min = std::max(least, smallest);
    parameter.max = std::ceil(2 * places);
    const std::string least_of = start > least      ? "where it starts"
                                 : smallest > least ? "the largest request"
                                                    : "an eighth of what is in flight at full "
                                                      "batches" +
                                                          for_each();
    parameter.reason = least_of + " (" + figure(parameter.min) +
                       ") to twice the places in all batches" + for_one() + " (" +
                       figure(parameter.max) + ")";
    add(parameter, present, smallest);
  }

  void add_waiting() {
    const double arriving = up(offered_load_ * capacity_per_s_ * slack_ns_ * 1e-9);
    Parameter parameter;
    parameter.key = "limit";
    parameter.scale = ParameterScale::log_integer;
    parameter.min = std::ceil(largest_);
    parameter.max = std::max(arriving, kLeastWidth * largest_);
    parameter.reason =
        "the largest request (" + format_number(largest_) + ") to " +
        (arriving < parameter.max ? "8 of them" : "what arrives in " + slack_words()) + " (" +
        figure(parameter.max) + ")";
    add(parameter, *throttle_.limit, parameter.min);
  }

  // In round figures, with what the throttle has inside, and wide enough to be searched. `smallest`
  // is what no value may be below.
  void add(Parameter parameter, double present, double smallest = 0) {
    const bool number = parameter.form == ParameterForm::number;
    const double most = parameter.form == ParameterForm::duration
                            ? static_cast<double>(kLongestDurationNs)
                            : kLargestLimit;
    parameter.key = "throttle." + path_word(throttle_.name) + "." + parameter.key;
    parameter.min = std::max(down(parameter.min), smallest);
    parameter.max = std::min(up(std::max(parameter.max, 2 * parameter.min)), most);
    if (present < parameter.min || present > parameter.max) {
      const std::string has = number                                  ? figure(present)
                              : parameter.form == ParameterForm::rate ? figure(present) + "/s"
                                                                      : time_figure(present);
      parameter.reason += ", and what it has (" + has + ")";
    }
    const bool whole =
        parameter.scale == ParameterScale::log_integer || parameter.form == ParameterForm::duration;
    parameter.min = std::min(parameter.min, whole ? std::max(std::floor(present), 1.0) : present);
    parameter.max = std::max(parameter.max, whole ? std::ceil(present) : present);
    if (parameter.form == ParameterForm::duration) parameter.min = std::max(parameter.min, 1.0);
    if (whole) parameter.min = std::floor(parameter.min);
    if (whole) parameter.max = std::ceil(parameter.max);
    parameters_.push_back(std::move(parameter));
  }

  const Throttle& written_;
  const Throttle& throttle_;
  double offered_load_ = 0;       // by the tenants that it looks at
  double capacity_per_s_ = 0;     // in its unit
  double largest_ = 1;            // request, in its unit
  double places_ = 0;             // in all batches
  double units_per_request_ = 1;  // on average
  double keys_ = 1;
  double slack_ns_ = 0;
  std::vector<Parameter> parameters_;
};

}  // namespace

std::vector<Parameter> throttle_ranges(const Scenario& scenario, const Scenario& resolved,
                                       std::size_t index, const std::vector<Profile>& builtin) {
  return Ranges(scenario, resolved, index, builtin).all();
}

}  // namespace tokenlift
