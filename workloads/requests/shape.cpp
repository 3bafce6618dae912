#include "workloads/requests/shape.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace tokenlift {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kNever = std::numeric_limits<double>::infinity();

double overlap_ns(double begin_ns, double end_ns, double duration_ns) {
  return std::max(0.0, std::min(end_ns, duration_ns) - std::clamp(begin_ns, 0.0, duration_ns));
}

double ramp_work(const Shape& shape, double duration_ns) {
  const auto begin = static_cast<double>(shape.begin_ns);
  const auto length = static_cast<double>(shape.length_ns);
  const double climb_ns = overlap_ns(begin, begin + length, duration_ns);
  const double slope = length > 0 ? (shape.to - shape.from) / length : 0;
  return shape.from * overlap_ns(0, begin, duration_ns) +
         (shape.from + slope * climb_ns / 2) * climb_ns +
         shape.to * overlap_ns(begin + length, duration_ns, duration_ns);
}

double steps_work(const Shape& shape, double duration_ns) {
  double work = 0;
  double begin_ns = 0;
  double factor = 1;
  for (const auto& [at_ns, next] : shape.steps) {
    work += factor * overlap_ns(begin_ns, static_cast<double>(at_ns), duration_ns);
    begin_ns = static_cast<double>(at_ns);
    factor = next;
  }
  return work + factor * overlap_ns(begin_ns, duration_ns, duration_ns);
}

double diurnal_work(const Shape& shape, double duration_ns) {
  const double turn_per_ns = 2 * kPi / static_cast<double>(shape.period_ns);
  const auto begin = static_cast<double>(shape.begin_ns % shape.period_ns);
  return (shape.from + shape.to) / 2 * duration_ns +
         (shape.to - shape.from) / 2 / turn_per_ns *
             (std::sin(turn_per_ns * (duration_ns - begin)) + std::sin(turn_per_ns * begin));
}

double burst_work(const Shape& shape, double duration_ns) {
  const double after_ns = std::max(0.0, duration_ns - static_cast<double>(shape.begin_ns));
  const auto period = static_cast<double>(shape.period_ns);
  const double length = std::min(static_cast<double>(shape.length_ns), period);
  const double periods = std::floor(after_ns / period);
  const double burst_ns = periods * length + std::min(after_ns - periods * period, length);
  return shape.from * (duration_ns - burst_ns) + shape.to * burst_ns;
}

}  // namespace

double mean_factor(const Shape& shape, std::int64_t duration_ns) {
  assert(duration_ns > 0);
  const auto duration = static_cast<double>(duration_ns);
  switch (shape.kind) {
    case ShapeKind::ramp:
      return ramp_work(shape, duration) / duration;
    case ShapeKind::steps:
      return steps_work(shape, duration) / duration;
    case ShapeKind::diurnal:
      return diurnal_work(shape, duration) / duration;
    case ShapeKind::burst:
      return burst_work(shape, duration) / duration;
    case ShapeKind::mmpp:
      break;
  }
  const auto calm = static_cast<double>(shape.period_ns);
  const auto burst = static_cast<double>(shape.length_ns);
  return (shape.from * calm + shape.to * burst) / (calm + burst);
}

ShapeClock::ShapeClock(Shape shape, std::uint64_t seed, std::uint64_t tenant)
    : shape_(std::move(shape)), draws_(seed, Purpose::shape, tenant) {
  begin();
}

// Where the factor doesn't change there is no border to cross: crossing one would round the time
// before it and the time after it apart, and a factor of 1 is to change no instant.
void ShapeClock::begin() {
  const bool steps = shape_.kind == ShapeKind::steps;
  if (!steps && shape_.from == shape_.to) {
    shape_.kind = ShapeKind::steps;
    shape_.steps = {{0, shape_.from}};
  } else if (shape_.kind == ShapeKind::burst && shape_.length_ns >= shape_.period_ns) {
    shape_.kind = ShapeKind::steps;
    shape_.steps = {{0, shape_.from}, {shape_.begin_ns, shape_.to}};
  }
  const auto add = [this](std::int64_t begin_ns, double factor, double slope_per_ns) {
    if (!pieces_.empty()) {
      Piece& last = pieces_.back();
      if (last.slope_per_ns == 0 && slope_per_ns == 0 && last.factor == factor) return;
      last.end_ns = begin_ns;
    }
    pieces_.push_back({begin_ns, kForever, factor, slope_per_ns});
  };
  switch (shape_.kind) {
    case ShapeKind::ramp: {
      const double slope_per_ns = (shape_.to - shape_.from) /
                                  static_cast<double>(std::max<std::int64_t>(shape_.length_ns, 1));
      add(0, shape_.from, 0);
      if (shape_.length_ns > 0) add(shape_.begin_ns, shape_.from, slope_per_ns);
      add(shape_.begin_ns + shape_.length_ns, shape_.to, 0);
      break;
    }
    case ShapeKind::steps:
      // A step at 0 leaves nothing of the 1 before it.
      if (shape_.steps.empty() || shape_.steps.front().first > 0) add(0, 1, 0);
      for (const auto& [at_ns, factor] : shape_.steps) add(at_ns, factor, 0);
      break;
    case ShapeKind::burst:
      assert(shape_.period_ns >= 1);
      piece_ = {0, shape_.begin_ns, shape_.from, 0};
      return;
    case ShapeKind::mmpp: {
      const auto burst_ns = static_cast<double>(shape_.length_ns);
      const auto calm_ns = static_cast<double>(shape_.period_ns);
      // Sojourns of an odd number are bursts. `sub` keeps this draw apart from theirs.
      next_ = draws_.uniform(0, 0) * (burst_ns + calm_ns) < burst_ns ? 1 : 0;
      sojourn();
      return;
    }
    case ShapeKind::diurnal:
      assert(shape_.period_ns >= 1);
      return;
  }
  next_piece();
}

void ShapeClock::next_piece() {
  switch (shape_.kind) {
    case ShapeKind::ramp:
    case ShapeKind::steps:
      piece_ = pieces_[next_++];
      break;
    case ShapeKind::burst:
      enter_burst();
      break;
    case ShapeKind::mmpp:
      sojourn();
      break;
    case ShapeKind::diurnal:
      break;
  }
}

// The piece of a burst's period that begins at whole_ns_.
void ShapeClock::enter_burst() {
  const std::int64_t in_period_ns = (whole_ns_ - shape_.begin_ns) % shape_.period_ns;
  const bool high = in_period_ns < shape_.length_ns;
  piece_ = {whole_ns_, whole_ns_ - in_period_ns + (high ? shape_.length_ns : shape_.period_ns),
            high ? shape_.to : shape_.from, 0};
}

void ShapeClock::sojourn() {
  const bool calm = next_ % 2 == 0;
  const auto mean_ns = static_cast<double>(calm ? shape_.period_ns : shape_.length_ns);
  const double length_ns =
      std::min(std::round(mean_ns * draws_.exponential(next_++)), static_cast<double>(kEnd));
  // whole_ns_ is below kEnd, so the sum doesn't overflow.
  piece_ = {whole_ns_, whole_ns_ + static_cast<std::int64_t>(length_ns),
            calm ? shape_.from : shape_.to, 0};
}

// Whole periods at once, where the wait is longer than one. Not the one whose end the integral just
// reaches: it may have reached it before, if the factor is 0 at its end.
void ShapeClock::skip_periods(double& work_ns) {
  if (whole_ns_ < shape_.begin_ns) return;
  const auto period = static_cast<double>(shape_.period_ns);
  const auto length = static_cast<double>(shape_.length_ns);
  const double work_per_period = shape_.to * length + shape_.from * (period - length);
  const double periods = std::ceil(work_ns / work_per_period) - 1;  // infinite where it is never
  if (!(periods >= 1)) return;
  if (periods * period >= static_cast<double>(kEnd - whole_ns_)) {
    ended_ = true;
    return;
  }
  const std::int64_t skipped_ns = static_cast<std::int64_t>(periods) * shape_.period_ns;
  whole_ns_ += skipped_ns;
  piece_.begin_ns += skipped_ns;
  piece_.end_ns += skipped_ns;
  work_ns -= periods * work_per_period;
}

double ShapeClock::factor_now() const {
  if (piece_.slope_per_ns == 0) return piece_.factor;
  const double since_ns = static_cast<double>(whole_ns_ - piece_.begin_ns) + fraction_ns_;
  return std::max(0.0, piece_.factor + piece_.slope_per_ns * since_ns);
}

// How long the integral takes to grow by `work_ns` if the piece goes on for ever.
double ShapeClock::time_for(double work_ns) const {
  if (work_ns <= 0) return 0;
  const double factor = factor_now();
  if (piece_.slope_per_ns == 0) return factor > 0 ? work_ns / factor : kNever;
  const double square = factor * factor + 2 * piece_.slope_per_ns * work_ns;
  if (square < 0) return kNever;  // it falls to 0 before
  // The quadratic formula in the form that subtracts nothing: it holds as the slope goes to 0.
  return 2 * work_ns / (factor + std::sqrt(square));
}

double ShapeClock::work_in(double time_ns) const {
  return (factor_now() + piece_.slope_per_ns * time_ns / 2) * time_ns;
}

bool ShapeClock::move(double time_ns) {
  const double sum_ns = fraction_ns_ + time_ns;
  if (whole_ns_ >= kEnd || !(sum_ns < static_cast<double>(kEnd))) {
    ended_ = true;
    return false;
  }
  const auto moved_ns = static_cast<std::int64_t>(sum_ns);
  fraction_ns_ = sum_ns - static_cast<double>(moved_ns);
  whole_ns_ += moved_ns;
  return true;
}

bool ShapeClock::advance(double work_ns) {
  if (shape_.kind == ShapeKind::diurnal) return advance_sine(work_ns);
  for (std::uint64_t switches = 0; !ended_; ++switches) {
    if (shape_.kind == ShapeKind::burst) skip_periods(work_ns);
    if (ended_) break;
    const double time_ns = time_for(work_ns);
    if (piece_.end_ns == kForever) return move(time_ns);
    const double left_ns =
        std::max(0.0, static_cast<double>(piece_.end_ns - whole_ns_) - fraction_ns_);
    if (time_ns < left_ns) return move(time_ns);
    ended_ = piece_.end_ns >= kEnd || switches == kMostSwitches;
    work_ns = std::max(0.0, work_ns - work_in(left_ns));
    // The sum of a fraction and a time just short of the end may have rounded up to it.
    whole_ns_ = std::max(whole_ns_, piece_.end_ns);
    fraction_ns_ = 0;
    if (!ended_) next_piece();
  }
  return false;
}

// The time, of one period at most, in which the sine's integral grows by `work_ns`, which is at
// most that of a period. Newton's method inside a bracket (the integral is increasing), halving it
// where Newton's steps don't become shorter: near a trough of 0 they would leave it or go round.
double ShapeClock::sine_time_for(double work_ns) const {
  const auto period = static_cast<double>(shape_.period_ns);
  const double turn_per_ns = 2 * kPi / period;
  const double middle = (shape_.from + shape_.to) / 2;
  const double swing = (shape_.to - shape_.from) / 2;
  const double angle =
      turn_per_ns *
      (static_cast<double>((whole_ns_ - shape_.begin_ns) % shape_.period_ns) + fraction_ns_);
  double low_ns = 0;
  double high_ns = period;
  double last_step_ns = 2 * period;
  double time_ns = std::min(work_ns / (middle + std::abs(swing)), period);
  for (int i = 0; i < 100; ++i) {
    // sin(angle + turn) - sin(angle), as a product that cancels nothing for a short time.
    const double half_turn = turn_per_ns * time_ns / 2;
    const double grown = 2 * std::cos(angle + half_turn) * std::sin(half_turn);
    const double missing = work_ns - middle * time_ns - swing / turn_per_ns * grown;
    (missing > 0 ? low_ns : high_ns) = time_ns;
    double step_ns = missing / (middle + swing * std::cos(angle + 2 * half_turn));
    const bool good = time_ns + step_ns >= low_ns && time_ns + step_ns <= high_ns &&
                      std::abs(step_ns) <= last_step_ns / 2;
    if (!good) step_ns = (low_ns + high_ns) / 2 - time_ns;
    time_ns += step_ns;
    last_step_ns = std::abs(step_ns);
    // What a step of Newton's leaves is its square times the factor's slope: far below what a
    // double holds of the time.
    if (step_ns == 0 || (good && last_step_ns <= 1e-9 * time_ns)) break;
  }
  return time_ns;
}

bool ShapeClock::advance_sine(double work_ns) {
  if (ended_) return false;
  const auto period = static_cast<double>(shape_.period_ns);
  const double work_per_period = (shape_.from + shape_.to) / 2 * period;
  const double periods = std::floor(work_ns / work_per_period);
  if (!(periods * period < static_cast<double>(kEnd - whole_ns_))) {
    ended_ = true;
    return false;
  }
  whole_ns_ += static_cast<std::int64_t>(periods) * shape_.period_ns;
  return move(sine_time_for(std::max(0.0, work_ns - periods * work_per_period)));
}

}  // namespace tokenlift
