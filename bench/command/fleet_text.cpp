#include "bench/command/fleet_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "reports/text/figure.hpp"
#include "workloads/plan/changes.hpp"
#include "workloads/plan/composition.hpp"
#include "workloads/plan/demand.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/plan/load.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kMostLines = 20;

/// One after the other, each other than the one before, up to the end of the run.
std::vector<ServingSpan> compositions(const Scenario& resolved) {
  std::vector<ServingSpan> result;
  for (ServingSpan& span : serving_over_time(resolved)) {
    if (span.at_ns >= resolved.run.duration_ns) break;
    if (result.empty() || result.back().replicas != span.replicas) {
      result.push_back(std::move(span));
    }
  }
  return result;
}

/// Where the reader looks first: the start, where phases begin, where events begin and end.
std::set<std::int64_t> instants_to_show(const Scenario& resolved) {
  std::set<std::int64_t> instants = {0};
  for (const Phase& phase : plan_phases(resolved)) instants.insert(phase.begin_ns);
  for (const Event& event : resolved.events) {
    if (!changes_fleet(event)) continue;
    instants.insert({begin_ns(resolved, event), end_ns(resolved, event)});
  }
  return instants;
}

/// Of many compositions those that hold at such instants.
std::vector<ServingSpan> some_of(const std::vector<ServingSpan>& all, const Scenario& resolved) {
  if (all.size() <= kMostLines) return all;
  std::vector<ServingSpan> some;
  for (const std::int64_t at_ns : instants_to_show(resolved)) {
    if (at_ns >= resolved.run.duration_ns || some.size() == kMostLines) break;
    const auto next = std::ranges::upper_bound(all, at_ns, {}, &ServingSpan::at_ns);
    some.push_back({at_ns, (next - 1)->replicas});
  }
  return some;
}

class FleetText {
 public:
  explicit FleetText(const Scenario& resolved)
      : resolved_(resolved), loads_(tenant_loads(resolved)), weights_(replica_weights(resolved)) {
    const double begin = capacity_of(weights_, replicas_at_start(resolved));
    const bool absolute = resolved.fleet.sites.front().capacity_tokens_per_s.has_value();
    if (resolved.fleet.capacity_tokens_per_s && begin > 0) {
      tokens_per_weight_ = *resolved.fleet.capacity_tokens_per_s / begin;
    } else if (absolute) {
      tokens_per_weight_ = 1;
    }
  }

  std::string line(const ServingSpan& span) const {
    std::string text = fmt::format("#   {:>9.3f} s ", to_s(span.at_ns));
    for (std::size_t i = 0; i < span.replicas.size(); ++i) {
      text += fmt::format("{} {} {}", i == 0 ? "" : ",", resolved_.fleet.sites[i].name,
                          whole_figure(static_cast<std::uint64_t>(span.replicas[i])));
    }
    if (!tokens_per_weight_) return text + "\n";
    const double capacity = capacity_of_all(span);
    text += fmt::format("; {} tokens/s", figure(capacity));
    double offered = 0;
    for (std::size_t i = 0; i < loads_.size(); ++i) {
      offered += loads_[i].tokens_per_s;
      if (loads_.size() > 1) text += tenant_part(span, i);
    }
    return text + (capacity > 0
                       ? fmt::format("; {} of it offered\n", percent_figure(offered / capacity))
                       : "; nobody serves\n");
  }

  /// Of all compositions.
  std::string summary(const std::vector<ServingSpan>& all) const {
    std::string text = fmt::format("#   {} compositions in all", all.size());
    if (!tokens_per_weight_) return text + "\n";
    double sum = 0;
    const auto capacity = [&](const ServingSpan& span) { return capacity_of_all(span); };
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::int64_t end_ns = i + 1 < all.size() ? all[i + 1].at_ns : resolved_.run.duration_ns;
      sum += capacity(all[i]) * to_s(end_ns - all[i].at_ns);
    }
    const auto least = std::ranges::min_element(all, {}, capacity);
    const auto most = std::ranges::max_element(all, {}, capacity);
    return text + fmt::format(
                      "; tokens/s: {} at {:.3f} s at least, {} at {:.3f} s at most, {} on "
                      "average\n",
                      figure(capacity(*least)), to_s(least->at_ns), figure(capacity(*most)),
                      to_s(most->at_ns), figure(sum / to_s(resolved_.run.duration_ns)));
  }

 private:
  double capacity_of_all(const ServingSpan& span) const {
    return *tokens_per_weight_ * capacity_of(weights_, span.replicas);
  }

  /// Of the sites that the tenant may use.
  std::string tenant_part(const ServingSpan& span, std::size_t tenant) const {
    std::vector<std::int64_t> replicas = span.replicas;
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      if (!may_use(resolved_.tenants[tenant], resolved_.fleet.sites[i])) replicas[i] = 0;
    }
    const double capacity = *tokens_per_weight_ * capacity_of(weights_, replicas);
    const std::string name = (tenant == 0 ? "; " : ", ") + loads_[tenant].tenant + " ";
    if (capacity == 0) return name + "nowhere";
    return name + percent_figure(loads_[tenant].tokens_per_s / capacity) +
           (resolved_.tenants[tenant].sites.empty() ? "" : " of its sites");
  }

  const Scenario& resolved_;
  std::vector<TenantLoad> loads_;
  std::vector<double> weights_;
  std::optional<double> tokens_per_weight_;
};

}  // namespace

std::string fleet_over_time(const Scenario& resolved) {
  if (!fleet_changes(resolved)) return "";
  const std::vector<ServingSpan> all = compositions(resolved);
  const std::vector<ServingSpan> shown = some_of(all, resolved);
  const FleetText words(resolved);
  std::string text = std::string("# the fleet over time, whatever its pace") +
                     (may_be_yielded(resolved) ? ", without what jobs yield" : "") +
                     " (who serves, and what is offered of that):\n";
  for (const ServingSpan& span : shown) text += words.line(span);
  if (all.size() > shown.size() || all.size() > kMostLines) text += words.summary(all);
  return text;
}

}  // namespace tokenlift
