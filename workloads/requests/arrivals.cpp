#include "workloads/requests/arrivals.hpp"

#include <cassert>

#include "workloads/requests/shape.hpp"
#include "workloads/requests/trace.hpp"

namespace tokenlift {

namespace {

// A trace brings its own lengths; a sampler of ones stands in their place.
LengthSampler sampler_of(const Arrivals& arrivals, const Lengths& lengths) {
  if (arrivals.process == Process::trace) return LengthSampler(Lengths{.mean = 1});
  return LengthSampler(lengths);
}

}  // namespace

ArrivalSource::ArrivalSource(const Tenant& tenant, std::uint64_t seed, std::uint64_t tenant_index)
    : process_(tenant.arrivals.process),
      gap_draws_(seed, Purpose::gap, tenant_index),
      prompt_draws_(seed, Purpose::prompt_tokens, tenant_index),
      output_draws_(seed, Purpose::output_tokens, tenant_index),
      prompt_(sampler_of(tenant.arrivals, tenant.prompt_tokens)),
      output_(sampler_of(tenant.arrivals, tenant.output_tokens)) {
  if (process_ == Process::trace) {
    assert(tenant.arrivals.trace);
    trace_ = std::make_unique<TraceReader>(*tenant.arrivals.trace, seed, tenant_index);
    steady_ = false;
    return;
  }
  if (tenant.arrivals.shape) {
    shape_ = std::make_unique<ShapeClock>(*tenant.arrivals.shape, seed, tenant_index);
    steady_ = false;
  }
  if (tenant.sessions) {
    most_turns_ = static_cast<std::uint64_t>(largest_tokens(tenant.sessions->turns));
  }
  assert(tenant.arrivals.rate.per_s && *tenant.arrivals.rate.per_s > 0);
  mean_gap_ns_ = 1e9 / *tenant.arrivals.rate.per_s;
  gamma_shape_ = 1 / (tenant.arrivals.cv * tenant.arrivals.cv);
}

ArrivalSource::~ArrivalSource() = default;
ArrivalSource::ArrivalSource(ArrivalSource&&) noexcept = default;
ArrivalSource& ArrivalSource::operator=(ArrivalSource&&) noexcept = default;

bool ArrivalSource::pass_gap_of_shape(std::uint64_t count) {
  if (!shape_->advance(mean_gap_ns_ * draw_gap(count))) return false;
  due_ns_ = shape_->now_ns();
  return true;
}

std::optional<Arrival> ArrivalSource::next_of_trace() {
  return trace_->next();
}

const std::vector<std::uint64_t>& ArrivalSource::blocks() const {
  static const std::vector<std::uint64_t> none;
  return trace_ ? trace_->blocks() : none;
}

const std::vector<TraceTurn>& ArrivalSource::turns() const {
  static const std::vector<TraceTurn> none;
  return trace_ ? trace_->turns() : none;
}

}  // namespace tokenlift
