#include "bench/throttle/gate.hpp"

#include <algorithm>
#include <cmath>

namespace tokenlift {

std::int64_t Gate::reserved_units(const Terms& its, const Request& request) const {
  const std::int64_t output = its.charge == Charge::after ? 0 : request.max_tokens;
  switch (settings.unit) {
    case Unit::requests:
      return 1;
    case Unit::input_tokens:
      return request.prompt_tokens;
    case Unit::output_tokens:
      return output;
    case Unit::tokens:
      return request.prompt_tokens + output;
  }
  return 0;
}

std::int64_t Gate::used_units(const Request& request, const Service& service) const {
  const std::int64_t input =
      request.prompt_tokens - (settings.exempt_cached ? service.cached_tokens : 0);
  switch (settings.unit) {
    case Unit::requests:
      return 1;
    case Unit::input_tokens:
      return input;
    case Unit::output_tokens:
      return service.output_tokens;
    case Unit::tokens:
      return input + service.output_tokens;
  }
  return 0;
}

Settlement Gate::settlement(const Terms& its, const Request& request,
                            const Service& service) const {
  const std::int64_t returned = settings.exempt_cached ? service.cached_tokens : 0;
  return {request.admitted_ns, (reserved_units(its, request) - returned) * its.drain,
          used_units(request, service) * its.drain, service.service_ttft_ns};
}

std::optional<double> Gate::limit() const {
  if (lifted) return std::nullopt;
  if (traits_of(settings.kind).is_adaptive) {
    // Each tenant or user has come to another one.
    return settings.scope == Scope::fleet ? limiter->adapted_limit_units(0) : std::nullopt;
  }
  const double drain_units = terms.back().drain_units;
  if (traits_of(settings.kind).has_rate) return *settings.rate.per_s / drain_units;
  if (!settings.limit) return std::nullopt;
  return *settings.limit / drain_units;
}

GateLevel Gate::level(std::int64_t now_ns) const {
  GateLevel level;
  level.is_lifted = lifted;
  if (lifted) return level;
  level.left_units = limiter->least_level_units(now_ns);
  if (level.left_units && !std::isfinite(*level.left_units)) level.left_units.reset();
  const KindTraits& traits = traits_of(settings.kind);
  if (traits.has_burst) {
    level.most_units = settings.burst.units;
  } else if (traits.is_adaptive) {
    level.most_units = limit();
  } else if (!traits.has_rate && !traits.limits_rise) {
    level.most_units = settings.limit;
  }
  return level;
}

const Terms& Gate::terms_of(std::uint32_t edition) const {
  if (terms.size() == 1) return terms.front();
  const auto later = std::upper_bound(
      terms.begin() + 1, terms.end(), edition,
      [](std::uint32_t sought, const Terms& others) { return sought < others.edition; });
  return *std::prev(later);
}

bool Gate::agree(std::uint32_t edition, double drain, Charge charge) {
  const auto micro = static_cast<Micro>(std::llround(drain * static_cast<double>(kMicro)));
  if (micro == terms.back().drain && charge == terms.back().charge) return false;
  terms.push_back({edition, micro, charge, drain});
  return true;
}

}  // namespace tokenlift
