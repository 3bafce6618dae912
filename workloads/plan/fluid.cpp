#include "workloads/plan/fluid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "workloads/plan/changes.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/drain_doubts.hpp"
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
      : offered_(tokenlift::offered(resolved)), closed_tokens_(closed_backlog_tokens(resolved)) {}

  // Below zero it is what the bucket still has: the burst, spent before anything queues.
  void start(const Stages& stages) { tokens_ = -stages.narrowest().burst_tokens; }

  void advance(std::int64_t until_ns, const Stages& stages) {
    const Stage stage = stages.narrowest();
    const double flow = stages.flow(offered_.total());
    if (until_ns > now_ns_) grow(flow - stage.limit_tokens_per_s, to_s(until_ns - now_ns_), stage);
    now_ns_ = until_ns;
    tokens_ = std::max(tokens_, -stage.burst_tokens);
    if (stage.max_wait_s) tokens_ = std::min(tokens_, flow * *stage.max_wait_s);
    if (stage.gives_up_s) tokens_ = std::min(tokens_, flow * *stage.gives_up_s);
    if (stage.most_waiting_tokens) tokens_ = std::min(tokens_, *stage.most_waiting_tokens);
    if (stages.flow(offered_.open_tokens_per_s) <= stage.limit_tokens_per_s &&
        offered_.closed_tokens_per_s > 0) {
      tokens_ = std::min(tokens_, closed_tokens_);
    }
  }

  double tokens() const { return std::max(tokens_, 0.0); }

  // Nothing if it never does. Who waits for an answer does not stand in its way.
  std::optional<double> drain_s(const Stages& stages) const {
    const double limit = stages.narrowest().limit_tokens_per_s;
    double spare = limit - stages.flow(offered_.total());
    if (spare <= 0) spare = limit - stages.flow(offered_.open_tokens_per_s);
    if (tokens() == 0 && spare >= 0) return 0;
    if (spare <= 0) return std::nullopt;
    return tokens() / spare;
  }

  const Offered& offered() const { return offered_; }

 private:
  // By so much a second, of which who has exponential patience takes away what is there / its mean.
  void grow(double per_s, double s, const Stage& stage) {
    const double before = tokens_;
    tokens_ += per_s * s;
    if (!stage.patience_mean_s || tokens_ <= 0 || per_s <= 0) return;
    const double mean_s = *stage.patience_mean_s;
    const double waiting_s = before < 0 ? s + before / per_s : s;  // once the burst is spent
    const double most = per_s * mean_s;
    tokens_ = most + (std::max(before, 0.0) - most) * std::exp(-waiting_s / mean_s);
  }

  Offered offered_;
  double closed_tokens_;
  double tokens_ = 0;
  std::int64_t now_ns_ = 0;
};

// Advances throttles, fleet and backlog together, and notes what the model leaves out.
class Flow {
 public:
  explicit Flow(const Scenario& resolved)
      : stages_(resolved), backlog_(resolved), held_(resolved.throttles.size()) {
    backlog_.start(stages_);
    note();
  }

  // Up to an instant, and not what changes at it.
  void advance(std::int64_t until_ns) {
    while (stages_.next_ns() < until_ns) {
      const std::int64_t next_ns = stages_.next_ns();
      backlog_.advance(next_ns, stages_);
      stages_.advance(next_ns);
      note();
    }
    backlog_.advance(until_ns, stages_);
  }

  // ... with what changes at it.
  void pass(std::int64_t at_ns) {
    advance(at_ns);
    stages_.advance(at_ns);
    backlog_.advance(at_ns, stages_);
    note();
  }

  // From the instant reached on, through what still changes in the run.
  std::optional<double> drain_s(std::int64_t from_ns, std::int64_t duration_ns) {
    double gone_s = 0;
    for (;;) {
      const std::optional<double> rest_s = backlog_.drain_s(stages_);
      const std::int64_t next_ns = stages_.next_ns();
      const double left_s = to_s(next_ns - from_ns) - gone_s;
      if (rest_s && (next_ns >= duration_ns || *rest_s <= left_s)) return gone_s + *rest_s;
      if (next_ns >= duration_ns) return std::nullopt;
      gone_s += left_s;
      pass(next_ns);
    }
  }

  const Stages& stages() const { return stages_; }
  const Backlog& backlog() const { return backlog_; }
  HeldBack held() const {
    HeldBack held;
    held.throttles = held_;
    held.is_full = is_full_;
    held.narrowest = stages_.narrowest();
    held.narrowest_throttle = stages_.narrowest_throttle();
    return held;
  }

 private:
  void note() {
    for (std::size_t i = 0; i < held_.size(); ++i) {
      held_[i] = held_[i] || backlog_.offered().total() > stages_[i].limit_tokens_per_s;
    }
    const Stage stage = stages_.narrowest();
    is_full_ = is_full_ ||
               (stage.most_waiting_tokens && backlog_.offered().total() > stage.limit_tokens_per_s);
  }

  Stages stages_;
  Backlog backlog_;
  std::vector<bool> held_;
  bool is_full_ = false;
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
    if (const std::optional<GivingUp> giving_up = giving_up_alike(resolved, throttle)) {
      view.gives_up_s = giving_up->after_s;
      view.patience_mean_s = giving_up->patience_mean_s;
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
  stage.gives_up_s = view.gives_up_s;
  stage.patience_mean_s = view.patience_mean_s;
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
  const std::optional<std::size_t> throttle = narrowest_throttle();
  if (!throttle) return {WhenFull::queue, capacity_tokens_per_s_, 0, std::nullopt, std::nullopt};
  Stage result = stages_[*throttle];
  for (const Stage& stage : stages_) {
    if (stage.when_full == WhenFull::reject) continue;
    lower(result.max_wait_s, stage.max_wait_s);
    lower(result.most_waiting_tokens, stage.most_waiting_tokens);
  }
  return result;
}

std::optional<std::size_t> Stages::narrowest_throttle() const {
  std::optional<std::size_t> result;
  double least = capacity_tokens_per_s_;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (stages_[i].when_full == WhenFull::reject || stages_[i].limit_tokens_per_s >= least)
      continue;
    least = stages_[i].limit_tokens_per_s;
    result = i;
  }
  return result;
}

FluidDrain fluid_drain(const Scenario& resolved) {
  const std::optional<MeasuredSpan> span = measured_span(resolved);
  FluidDrain result;
  if (!span) {
    result.drain_s = result.model_s = 0;
    return result;
  }
  Flow flow(resolved);
  flow.advance(span->begin_ns);
  result.backlog_tokens = flow.backlog().tokens();
  flow.pass(span->end_ns);
  result.left_tokens = flow.backlog().tokens();
  const double limit = flow.stages().narrowest().limit_tokens_per_s;
  if (std::isfinite(limit)) result.limit_tokens_per_s = limit;
  result.model_s = flow.drain_s(span->end_ns, resolved.run.duration_ns);
  HeldBack held = flow.held();
  held.waits = result.backlog_tokens > 0 || result.left_tokens > 0;
  result.doubt = drain_doubt(resolved, *span, held, result.model_s);
  if (result.doubt.empty()) result.drain_s = result.model_s;
  return result;
}

bool never_settles(const Scenario& resolved) {
  const std::optional<MeasuredSpan> span = measured_span(resolved);
  return span && resolved.run.settle_ns == resolved.run.duration_ns - span->end_ns &&
         fluid_drain(resolved).never();
}

}  // namespace tokenlift
