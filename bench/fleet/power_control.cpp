#include "bench/fleet/power_control.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

namespace tokenlift {

namespace {

constexpr __int128 kPpm = 1'000'000;

}  // namespace

// -------------------------------------------------------------------------------------- battery

BatteryCharge::BatteryCharge(const Battery& battery)
    : power_mw_(battery.power_mw),
      capacity_(static_cast<__int128>(battery.energy_milliwatt_h) * kHourNs),
      stored_(capacity_) {}

std::int64_t BatteryCharge::available_mw(std::int64_t length_ns) const {
  return static_cast<std::int64_t>(std::min<__int128>(power_mw_, stored_ / length_ns));
}

std::int64_t BatteryCharge::pass(std::int64_t length_ns, std::int64_t mean_mw,
                                 std::int64_t limit_mw) {
  if (mean_mw > limit_mw) {
    const __int128 wanted = static_cast<__int128>(std::min(mean_mw - limit_mw, power_mw_));
    const __int128 taken = std::min(wanted * length_ns, stored_);
    stored_ -= taken;
    return mean_mw - static_cast<std::int64_t>(taken / length_ns);
  }
  const __int128 room = static_cast<__int128>(std::min(limit_mw - mean_mw, power_mw_));
  stored_ = std::min(stored_ + room * length_ns, capacity_);
  return mean_mw;
}

// ----------------------------------------------------------------------------- what a site draws

SiteView::SiteView(const SitePower* power, std::int64_t max_batch, bool by_batch) : power_(power) {
  if (by_batch) by_batch_.resize(static_cast<std::size_t>(max_batch) + 1);
}

void SiteView::add(const StepDraw& step, std::int64_t now_ns, std::int64_t serving_since_ns) {
  ++replicas_;
  served_ns_ += now_ns - serving_since_ns;
  above_mw_ns_ += static_cast<__int128>(step.above_mw) * (now_ns - step.begin_ns);
  demand_mw_ += power_->above_mw(step.sequences, step.chunk);
  if (by_batch_.empty()) return;
  if (step.chunk) {
    ++chunks_;
  } else {
    ++by_batch_[std::min(static_cast<std::size_t>(step.asked), by_batch_.size() - 1)];
  }
}

void SiteView::add_job(std::int64_t replicas) {
  replicas_ += replicas;
  demand_mw_ += static_cast<__int128>(replicas) * power_->above_mw(0, true);
  if (!by_batch_.empty()) chunks_ += replicas;
}

void SiteView::merge(const SiteView& other) {
  demand_mw_ += other.demand_mw_;
  above_mw_ns_ += other.above_mw_ns_;
  served_ns_ += other.served_ns_;
  replicas_ += other.replicas_;
  chunks_ += other.chunks_;
  std::transform(by_batch_.begin(), by_batch_.end(), other.by_batch_.begin(), by_batch_.begin(),
                 std::plus<>());
}

__int128 SiteView::demand_mw(std::int64_t max_batch) const {
  __int128 sum = static_cast<__int128>(chunks_) * power_->above_mw(0, true);
  for (std::size_t batch = 1; batch < by_batch_.size(); ++batch) {
    const std::int64_t sequences = std::min(static_cast<std::int64_t>(batch), max_batch);
    sum += static_cast<__int128>(by_batch_[batch]) * power_->decode_mw(sequences);
  }
  return sum;
}

// -------------------------------------------------------------------------------------- control

PowerControl::PowerControl(const Scenario& scenario, std::size_t site)
    : site_(site),
      power_(*replica_power(scenario, scenario.fleet.sites[site])),
      course_(scenario, scenario.fleet.sites[site]),
      when_over_(scenario.fleet.sites[site].power->when_over),
      max_batch_(scenario.fleet.sites[site].max_batch),
      battery_changes_(battery_changes(scenario, scenario.fleet.sites[site])) {
  const PowerSettings& settings = *scenario.fleet.sites[site].power;
  if (settings.battery) battery_.emplace(*settings.battery);
}

bool PowerControl::control(const SiteView& view, __int128 above_mw_ns, __int128 powered_ns,
                           std::int64_t booting, DrawRecord& record) {
  account(next_ns_, above_mw_ns, powered_ns, record);
  change_battery(next_ns_);
  next_ns_ += power_.control_ns;
  limit_mw_ = course_.at(since_ns_);
  const HeldBack now = least(view, booting);
  const bool changed = now != held_back_;
  held_back_ = now;
  return changed;
}

void PowerControl::stop(std::int64_t end_ns, __int128 above_mw_ns, __int128 powered_ns,
                        DrawRecord& record) {
  assert(end_ns <= next_ns_);
  account(end_ns, above_mw_ns, powered_ns, record);
}

void PowerControl::change_battery(std::int64_t now_ns) {
  for (; next_battery_ < battery_changes_.size(); ++next_battery_) {
    if (battery_changes_[next_battery_].at_ns > now_ns) return;
    battery_.emplace(battery_changes_[next_battery_].battery);
  }
}

/// What was drawn since the last control instant.
void PowerControl::account(std::int64_t now_ns, __int128 above_mw_ns, __int128 powered_ns,
                           DrawRecord& record) {
  const std::int64_t length_ns = now_ns - since_ns_;
  const __int128 drawn = above_mw_ns + powered_ns * (power_.idle_mw + power_.rest_mw);
  if (length_ns > 0) {
    DrawRecord::Interval interval{since_ns_, now_ns, limit_mw_};
    interval.mean_mw =
        static_cast<std::int64_t>((drawn - drawn_mw_ns_) * power_.pue_ppm / (kPpm * length_ns));
    interval.taken_mw = interval.mean_mw;
    if (battery_) {
      interval.stored_from = battery_->stored();
      interval.taken_mw = battery_->pass(length_ns, interval.mean_mw, limit_mw_);
      interval.stored_to = battery_->stored();
    }
    record.controlled(site_, interval);
  }
  drawn_mw_ns_ = drawn;
  since_ns_ = now_ns;
}

/// What has to be held back so that the steps under way would keep the limit until the next look.
HeldBack PowerControl::least(const SiteView& view, std::int64_t booting) const {
  HeldBack held;
  const __int128 allowed_mw =
      limit_mw_ + (battery_ ? battery_->available_mw(power_.control_ns) : 0);
  const __int128 fixed_mw =
      static_cast<__int128>(view.replicas() + booting) * (power_.idle_mw + power_.rest_mw);
  const __int128 left_mw = allowed_mw * kPpm / power_.pue_ppm - fixed_mw;
  if (when_over_ == WhenOver::batch) {
    if (view.demand_mw(max_batch_) <= left_mw) return held;
    std::int64_t fits = 1;  // the least that a batch may be
    for (std::int64_t beyond = max_batch_; beyond - fits > 1;) {
      const std::int64_t middle = fits + (beyond - fits) / 2;
      (view.demand_mw(middle) <= left_mw ? fits : beyond) = middle;
    }
    held.max_batch = fits;
    return held;
  }
  constexpr __int128 kMost = __int128{1000} * kMostSlowing;
  const __int128 demand_mw = view.demand_mw();
  if (demand_mw <= left_mw) return held;
  const __int128 least = left_mw > 0 ? (demand_mw * 1000 + left_mw - 1) / left_mw : kMost;
  held.slow_milli = static_cast<std::int64_t>(std::min(least, kMost));
  return held;
}

}  // namespace tokenlift
