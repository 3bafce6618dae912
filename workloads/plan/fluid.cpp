#include "workloads/plan/fluid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

void lower(std::optional<double>& bound, const std::optional<double>& other) {
  if (other) bound = std::min(bound.value_or(kUnlimited), *other);
}

// What closed tenants can leave waiting: one request for each user.
double closed_backlog_tokens(const Scenario& scenario) {
  double tokens = 0;
  for (const Tenant& tenant : scenario.tenants) {
    if (!tenant.arrivals.think) continue;
    tokens += static_cast<double>(tenant.users) * mean_output_tokens(tenant);
  }
  return tokens;
}

// Fills and drains as time goes on.
class Backlog {
 public:
  explicit Backlog(const Scenario& resolved)
      : offered_(offered(resolved)), closed_tokens_(closed_backlog_tokens(resolved)) {}

  // Below zero it is what the bucket still has: the burst, spent before anything queues.
  void start(const Stages& stages) { tokens_ = -stages.narrowest().burst_tokens; }

  void advance(std::int64_t until_ns, const Stages& stages) {
    const Stage stage = stages.narrowest();
    const double flow = stages.flow(offered_.total());
    if (until_ns > now_ns_) tokens_ += (flow - stage.limit_tokens_per_s) * to_s(until_ns - now_ns_);
    now_ns_ = until_ns;
    tokens_ = std::max(tokens_, -stage.burst_tokens);
    if (stage.max_wait_s) tokens_ = std::min(tokens_, flow * *stage.max_wait_s);
    if (stage.most_waiting_tokens) tokens_ = std::min(tokens_, *stage.most_waiting_tokens);
    if (stages.flow(offered_.open_tokens_per_s) <= stage.limit_tokens_per_s &&
        offered_.closed_tokens_per_s > 0) {
      tokens_ = std::min(tokens_, closed_tokens_);
    }
  }

  double tokens() const { return std::max(tokens_, 0.0); }

  // Nothing if it never does. Who waits for an answer does not stand in its way.
  std::optional<double> drain_s(const Stages& stages) const {
    if (tokens() == 0) return 0;
    const double limit = stages.narrowest().limit_tokens_per_s;
    double spare = limit - stages.flow(offered_.total());
    if (spare <= 0) spare = limit - stages.flow(offered_.open_tokens_per_s);
    if (spare <= 0) return std::nullopt;
    return tokens() / spare;
  }

 private:
  Offered offered_;
  double closed_tokens_;
  double tokens_ = 0;
  std::int64_t now_ns_ = 0;
};

}  // namespace

Stages::Stages(const Scenario& resolved)
    : capacity_at_start_(resolved.fleet.capacity_tokens_per_s.value_or(kUnlimited)),
      capacity_tokens_per_s_(capacity_at_start_),
      changes_(plan_changes(resolved)),
      shares_(capacity_over_time(resolved)) {
  const Mix of_all = request_mix(resolved);
  for (const Throttle& throttle : resolved.throttles) {
    View view;
    Mix mix = of_all;
    if (!throttle.tenants.empty()) {
      mix = request_mix(resolved, throttle);
      Scenario others = resolved;
      std::erase_if(others.tenants, [&](const Tenant& t) { return looks_at(throttle, t); });
      view.beside_tokens_per_s = offered(others).total();
    }
    view.tokens_per_unit = output_tokens_per_unit(throttle.unit, mix);
    double users = 0;
    double tenants = 0;
    for (const Tenant& tenant : resolved.tenants) {
      if (!looks_at(throttle, tenant)) continue;
      users += static_cast<double>(tenant.users);
      ++tenants;
    }
    if (throttle.scope != Scope::fleet) view.keys = throttle.scope == Scope::user ? users : tenants;
    views_.push_back(view);
    stages_.push_back(stage_of(stages_.size(), throttle, false, 1));
  }
  advance(0);
}

std::int64_t Stages::next_ns() const {
  std::int64_t next_ns = std::numeric_limits<std::int64_t>::max();
  if (next_change_ < changes_.size()) next_ns = changes_[next_change_].at_ns;
  if (next_share_ < shares_.size()) next_ns = std::min(next_ns, shares_[next_share_].at_ns);
  return next_ns;
}

void Stages::advance(std::int64_t until_ns) {
  for (; next_change_ < changes_.size() && changes_[next_change_].at_ns <= until_ns;
       ++next_change_) {
    const Change& change = changes_[next_change_];
    stages_[change.throttle] =
        stage_of(change.throttle, change.settings, change.lifted, change.drain);
  }
  for (; next_share_ < shares_.size() && shares_[next_share_].at_ns <= until_ns; ++next_share_) {
    if (std::isinf(capacity_at_start_)) continue;
    capacity_tokens_per_s_ = capacity_at_start_ * shares_[next_share_].share;
  }
}

Stage Stages::stage_of(std::size_t index, const Throttle& throttle, bool lifted,
                       double drain) const {
  const View& view = views_[index];
  Stage stage{throttle.when_full, kUnlimited, 0, std::nullopt, std::nullopt};
  if (lifted || throttle.mode == Mode::shadow) return stage;
  const double tokens_per_unit = view.tokens_per_unit * view.keys / drain;
  double units_per_s = kUnlimited;
  const KindTraits& kind = traits_of(throttle.kind);
  if (kind.has_rate) units_per_s = *throttle.rate.per_s;
  if (kind.has_burst) stage.burst_tokens = *throttle.burst.units * tokens_per_unit;
  if (kind.has_windows) {
    units_per_s = *throttle.limit / to_s(throttle.window_ns);
    stage.burst_tokens = *throttle.limit * tokens_per_unit;
  }
  stage.limit_tokens_per_s = units_per_s * tokens_per_unit + view.beside_tokens_per_s;
  if (throttle.max_wait_ns) stage.max_wait_s = to_s(*throttle.max_wait_ns);
  if (kind.limits_queue && throttle.limit) {
    stage.most_waiting_tokens = *throttle.limit * tokens_per_unit;
  }
  return stage;
}

double Stages::flow(double offered_tokens_per_s) const {
  for (const Stage& stage : stages_) {
    if (stage.when_full == WhenFull::reject)
      offered_tokens_per_s = std::min(offered_tokens_per_s, stage.limit_tokens_per_s);
  }
  return offered_tokens_per_s;
}

Stage Stages::narrowest() const {
  const Stage fleet{WhenFull::queue, capacity_tokens_per_s_, 0, std::nullopt, std::nullopt};
  Stage result = fleet;
  std::optional<double> max_wait_s;
  std::optional<double> most_waiting_tokens;
  for (const Stage& stage : stages_) {
    if (stage.when_full == WhenFull::reject) continue;
    lower(max_wait_s, stage.max_wait_s);
    lower(most_waiting_tokens, stage.most_waiting_tokens);
    if (stage.limit_tokens_per_s < result.limit_tokens_per_s) result = stage;
  }
  if (result.limit_tokens_per_s >= capacity_tokens_per_s_) return fleet;
  result.max_wait_s = max_wait_s;
  result.most_waiting_tokens = most_waiting_tokens;
  return result;
}

FluidDrain fluid_drain(const Scenario& resolved) {
  const std::optional<MeasuredSpan> span = measured_span(resolved);
  if (!span) return {0, 0, std::nullopt};
  Stages stages(resolved);
  Backlog backlog(resolved);
  // Up to an instant, and not what changes at it.
  const auto advance = [&](std::int64_t until_ns) {
    while (stages.next_ns() < until_ns) {
      const std::int64_t next_ns = stages.next_ns();
      backlog.advance(next_ns, stages);
      stages.advance(next_ns);
    }
    backlog.advance(until_ns, stages);
  };
  backlog.start(stages);
  advance(span->begin_ns);
  const double found_tokens = backlog.tokens();
  advance(span->end_ns);
  stages.advance(span->end_ns);
  backlog.advance(span->end_ns, stages);
  const double limit = stages.narrowest().limit_tokens_per_s;
  return {found_tokens, backlog.drain_s(stages),
          std::isfinite(limit) ? std::optional(limit) : std::nullopt};
}

}  // namespace tokenlift
