#include "reports/analysis/trial.hpp"

#include <algorithm>
#include <utility>

#include "reports/analysis/drain.hpp"
#include "reports/analysis/summary.hpp"

namespace tokenlift {
namespace {

std::optional<double> per_s(std::uint64_t amount, double length_s) {
  if (length_s == 0) return std::nullopt;
  return static_cast<double>(amount) / length_s;
}

std::optional<double> share_of(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::optional<double> for_each(const std::optional<double>& amount, std::uint64_t tokens) {
  if (!amount || tokens == 0) return std::nullopt;
  return *amount / static_cast<double>(tokens);
}

std::vector<BucketCount> buckets_of(const Histogram& histogram) {
  std::vector<BucketCount> buckets;
  histogram.for_each_bucket([&](std::int64_t lower_ns, std::int64_t, std::uint64_t count) {
    buckets.push_back({Histogram::bucket_of(lower_ns), count});
  });
  return buckets;
}

PhaseBrief brief_of(const PhaseSpan& span, const PhaseRecord& record) {
  PhaseBrief brief;
  brief.length_s = static_cast<double>(span.length_ns) * 1e-9;
  brief.counts = record.counts;
  brief.slo_met = record.slo_met;
  brief.output_tokens = record.output_tokens;
  brief.goodput_tokens = record.goodput_tokens;
  if (span.cost_microusd) brief.usd = static_cast<double>(*span.cost_microusd) / 1e6;
  if (span.site_energy_fj) brief.joules = static_cast<double>(*span.site_energy_fj) / 1e15;
  for (std::size_t i = 0; i < kMetrics; ++i) brief.latency[i] = buckets_of(record.latency[i]);
  return brief;
}

std::vector<PhaseBrief> briefs_of_phases(const Run& run) {
  std::vector<PhaseBrief> phases;
  const bool judged = has_objectives(run);
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    phases.push_back(brief_of(run.phases[i], fleet_record(run, i)));
    phases.back().judged = judged;
  }
  return phases;
}

RunBrief brief_of(const Run& run) {
  RunBrief brief;
  brief.seed = run.seed;
  brief.lift = run.lift;
  if (run.lift && run.lift->at_ns && run.lift->waiting_requests + run.lift->backoff_requests > 0) {
    brief.drain_ns = drain_time(run).ns;
  }
  brief.phases = briefs_of_phases(run);
  brief.unfairness = unfairness(run);
  brief.starvation = starvation(run);
  return brief;
}

enum class Repeats { nothing, seed, all };

/// A seed is a set of draws: to simulate it again adds nothing, and neither does a copied file.
/// Simulated runs of other seeds that agree in every count and latency drew nothing that matters.
Repeats what_repeats(const Arm& arm, const Run& run) {
  const bool simulated = is_simulated(run);
  const std::vector<PhaseBrief> phases = briefs_of_phases(run);
  Repeats result = Repeats::nothing;
  for (const RunBrief& other : arm.runs) {
    const bool equal = other.phases == phases;
    if (other.seed == run.seed && (simulated || equal)) return Repeats::seed;
    if (simulated && equal) result = Repeats::all;
  }
  return result;
}

/// "4 runs, NAME to NAME", "NAME"
std::string words_for(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  return std::to_string(names.size()) + " runs, " + names.front() + " to " + names.back();
}

bool same_phases(const Run& one, const Run& other) {
  return std::equal(one.phases.begin(), one.phases.end(), other.phases.begin(), other.phases.end(),
                    [](const PhaseSpan& a, const PhaseSpan& b) { return a.name == b.name; });
}

}  // namespace

std::optional<double> PhaseBrief::throughput_tokens_per_s() const {
  return per_s(output_tokens, length_s);
}

std::optional<double> PhaseBrief::goodput_tokens_per_s() const {
  return per_s(goodput_tokens, length_s);
}

std::optional<double> PhaseBrief::attainment() const {
  return judged ? share_of(slo_met, counts.due) : std::nullopt;
}

std::optional<double> PhaseBrief::unserved() const {
  const std::optional<double> served = share_of(counts.completed, counts.due);
  return served ? std::optional(1 - *served) : std::nullopt;
}

std::optional<double> PhaseBrief::usd_per_m_output_tokens() const {
  const std::optional<double> each = for_each(usd, output_tokens);
  return each ? std::optional(*each * 1e6) : std::nullopt;
}

std::optional<double> PhaseBrief::usd_per_m_goodput_tokens() const {
  const std::optional<double> each = for_each(usd, goodput_tokens);
  return each ? std::optional(*each * 1e6) : std::nullopt;
}

std::optional<double> PhaseBrief::j_per_output_token() const {
  return for_each(joules, output_tokens);
}

Arm::Arm(Run first) : pooled(std::move(first)) {
  runs.push_back(brief_of(pooled));
}

void Arm::add(const Run& run) {
  RunBrief brief = brief_of(run);
  runs.reserve(runs.size() + 1);  // whatever can throw comes before anything changes
  merge(pooled, run);
  runs.push_back(std::move(brief));
}

bool Pool::add(const std::string& name, Run run) {
  Side& side = run.control ? control_ : lifted_;
  if (run.interrupted) {
    interrupted_ = true;
    if (side.cut_short) {
      left_out_.push_back(name + ": it was ended early");
    } else {
      side.cut_short = std::move(run);
      side.cut_short_name = name;
    }
    return false;
  }
  if (!side.arm) {
    side.arm.emplace(std::move(run));
    return true;
  }
  switch (what_repeats(*side.arm, run)) {
    case Repeats::nothing:
      side.arm->add(run);
      return true;
    case Repeats::seed:
      left_out_.push_back(name + ": its seed, " + std::to_string(run.seed) +
                          ", is there already, and it says nothing else");
      break;
    case Repeats::all:
      side.equal.push_back(name);
      ++side.arm->equal_runs;
      break;
  }
  return false;
}

void Pool::tell_of_equal_runs(const Side& side) {
  if (side.equal.empty()) return;
  const bool one = side.equal.size() == 1;
  left_out_.push_back(words_for(side.equal) + ": " + (one ? "it agrees" : "they agree") +
                      " with one before in every count and latency, whatever the seed, so they are "
                      "one run, counted once, and there is no interval over runs");
}

Trial Pool::take(std::string label) {
  const auto leave_out = [&](const std::string& name, const char* why) {
    left_out_.push_back(name + ": " + why);
  };
  if (!lifted_.arm && lifted_.cut_short) {
    lifted_.arm.emplace(std::move(*lifted_.cut_short));
    if (control_.arm) leave_out("the control", "no run with the event was measured to its end");
    control_.arm.reset();
  } else if (lifted_.cut_short) {
    leave_out(lifted_.cut_short_name, "it was ended early");
  }
  tell_of_equal_runs(lifted_);
  tell_of_equal_runs(control_);
  if (!lifted_.arm) throw RunMismatch("there is no run with the lift, only controls without it");
  if (control_.cut_short) leave_out(control_.cut_short_name, "it was ended early");
  if (control_.arm && !same_phases(lifted_.arm->pooled, control_.arm->pooled)) {
    throw RunMismatch("runs with the lift and without it have different phases");
  }
  return {std::move(label), std::move(*lifted_.arm), std::move(control_.arm), std::move(left_out_),
          interrupted_};
}

Trial make_trial(std::string label, const std::vector<Run>& runs) {
  Pool pool;
  for (std::size_t i = 0; i < runs.size(); ++i) pool.add("run " + std::to_string(i + 1), runs[i]);
  return pool.take(std::move(label));
}

}  // namespace tokenlift
