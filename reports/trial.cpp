#include "reports/trial.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tokenlift {
namespace {

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
  for (std::size_t i = 0; i < kMetrics; ++i) brief.latency[i] = buckets_of(record.latency[i]);
  return brief;
}

RunBrief brief_of(const Run& run) {
  RunBrief brief;
  brief.seed = run.seed;
  brief.lift = run.lift;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    brief.phases.push_back(brief_of(run.phases[i], fleet_record(run, i)));
  }
  return brief;
}

void add_to(std::optional<Arm>& arm, const Run& run) {
  if (arm) {
    arm->add(run);
  } else {
    arm.emplace(run);
  }
}

}  // namespace

Arm::Arm(Run first) : pooled(std::move(first)) {
  runs.push_back(brief_of(pooled));
}

void Arm::add(const Run& run) {
  RunBrief brief = brief_of(run);
  runs.reserve(runs.size() + 1);  // whatever can throw comes before anything changes
  merge(pooled, run);
  runs.push_back(std::move(brief));
}

Trial make_trial(std::string label, const std::vector<Run>& runs) {
  if (runs.empty()) throw std::invalid_argument("a trial needs a run");
  std::optional<Arm> lifted;
  std::optional<Arm> control;
  for (const Run& run : runs) add_to(run.control ? control : lifted, run);
  if (!lifted) throw RunMismatch("all runs are controls: there is none with the lift");
  const auto same_phase = [](const PhaseSpan& a, const PhaseSpan& b) { return a.name == b.name; };
  const std::vector<PhaseSpan>& phases = lifted->pooled.phases;
  if (control && !std::equal(phases.begin(), phases.end(), control->pooled.phases.begin(),
                             control->pooled.phases.end(), same_phase)) {
    throw RunMismatch("runs with the lift and without it have different phases");
  }
  return {std::move(label), std::move(*lifted), std::move(control)};
}

}  // namespace tokenlift
