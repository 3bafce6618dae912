#include "reports/findings/unserved_remarks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// The throttle that did most of something in a phase, and how much of it there was.
struct Culprit {
  const ThrottleRecord* throttle = nullptr;
  std::uint64_t own = 0;
  std::uint64_t all = 0;
};
Culprit culprit(const Run& run, std::size_t phase, std::uint64_t ThrottleCounts::*count) {
  Culprit most;
  for (const ThrottleRecord& throttle : run.throttles) {
    const std::uint64_t own = throttle.phases.at(phase).*count;
    most.all += own;
    if (own > most.own) {
      most.throttle = &throttle;
      most.own = own;
    }
  }
  return most;
}

/// "351 of the 451", "all of the 400"
std::string part_words(const Culprit& culprit) {
  return fmt::format("{} of the {}", culprit.own == culprit.all ? "all" : whole_figure(culprit.own),
                     whole_figure(culprit.all));
}

/// ", 98.0 % of them of tenant 'api'": where there are several and most come from one.
std::string mostly_of_tenant(const Run& run, std::size_t phase, std::uint64_t Counts::*count) {
  constexpr double kMost = 0.5;
  std::uint64_t all = 0;
  const TenantRecord* most = nullptr;
  for (const TenantRecord& tenant : run.tenants) {
    const std::uint64_t own = tenant.phases.at(phase).counts.*count;
    all += own;
    if (most == nullptr || own > most->phases.at(phase).counts.*count) most = &tenant;
  }
  if (run.tenants.size() < 2) return "";
  const double share =
      static_cast<double>(most->phases.at(phase).counts.*count) / static_cast<double>(all);
  if (share < kMost) return "";
  return fmt::format(", {} of them of tenant '{}'", percent_figure(share), most->name);
}

/// Whether what was changed is still in the way of many of a phase.
bool still_binds(const Run& run, std::size_t phase, std::uint64_t due) {
  for (const ThrottleRecord& throttle : run.throttles) {
    if (throttle.name == run.lift->throttle) return binds(throttle.phases.at(phase), due);
  }
  return true;  // nothing is known of it
}

/// Where the requests that expired had been: at a throttle, in back-off, or in the fleet.
std::string where_they_expired(const TrialReport& report, std::size_t phase) {
  const Run& run = report.trial.lifted.pooled;
  const std::uint64_t expired = report.phases[phase].counts.expired;
  const Culprit holding = culprit(run, phase, &ThrottleCounts::held);
  const Culprit refusing = culprit(run, phase, &ThrottleCounts::rejected);
  const TimeSplit& split = report.split[phase];
  // Those that were served waited where the others did.
  const bool before_the_fleet = split.throttle_wait_ns >= split.queue_wait_ns;
  if (holding.all >= expired && before_the_fleet) {
    return fmt::format("'{}' let {} attempts wait that any throttle did", holding.throttle->name,
                       part_words(holding));
  }
  if (refusing.all >= expired && before_the_fleet) {
    return fmt::format("'{}' refused {} attempts that any throttle refused",
                       refusing.throttle->name, part_words(refusing));
  }
  if (holding.all + refusing.all >= expired && before_the_fleet) return "where is not known";
  return fmt::format("{}, so they were too late {}",
                     holding.all == 0 ? "no throttle let them wait" : "few waited at a throttle",
                     run.wire ? "at the endpoint" : "in the fleet");
}

}  // namespace

std::vector<std::string> unserved_remarks(const TrialReport& report) {
  std::vector<std::string> remarks;
  const Run& run = report.trial.lifted.pooled;
  const std::optional<std::size_t> phase = find_phase(run, run.lift ? "after" : "steady");
  if (!phase) return remarks;
  const Counts& counts = report.phases[*phase].counts;
  const auto many = [&](std::uint64_t requests) {
    return requests > 0 &&
           static_cast<double>(requests) >= kBinds * static_cast<double>(counts.due);
  };
  const auto share = [&](std::uint64_t requests) {
    return percent_figure(static_cast<double>(requests) / static_cast<double>(counts.due));
  };
  const Culprit refusing = culprit(run, *phase, &ThrottleCounts::rejected);
  if (many(counts.rejected) && refusing.throttle != nullptr) {
    std::string text = fmt::format(
        "{} of the requests due in '{}' were rejected for good{}: '{}' refuses, {} attempts that "
        "were refused.",
        share(counts.rejected), run.phases[*phase].name,
        mostly_of_tenant(run, *phase, &Counts::rejected), refusing.throttle->name,
        part_words(refusing));
    const std::string& changed = run.lift ? run.lift->throttle : "";
    if (!changed.empty() && changed != refusing.throttle->name &&
        !still_binds(run, *phase, counts.due)) {
      text += fmt::format(" '{}' is in nobody's way any more.", changed);
    }
    remarks.push_back(std::move(text));
  }
  if (!many(counts.expired)) return remarks;
  remarks.push_back(fmt::format("{} of the requests due in '{}' expired{}: {}.",
                                share(counts.expired), run.phases[*phase].name,
                                mostly_of_tenant(run, *phase, &Counts::expired),
                                where_they_expired(report, *phase)));
  return remarks;
}

std::vector<std::string> throttle_remarks(const TrialReport& report) {
  const Run& run = report.trial.lifted.pooled;
  const std::optional<std::size_t> before = find_phase(run, "before");
  if (!before || run.throttles.size() < 2) return {};
  const auto bites = [&](const ThrottleRecord& throttle) {
    return throttle.phases.at(*before).held + throttle.phases.at(*before).rejected;
  };
  const auto most = std::max_element(
      run.throttles.begin(), run.throttles.end(),
      [&](const ThrottleRecord& a, const ThrottleRecord& b) { return bites(a) < bites(b); });
  std::uint64_t all = 0;
  for (const ThrottleRecord& throttle : run.throttles) all += bites(throttle);
  if (all == 0) return {};
  return {
      fmt::format("Before, '{}' held or rejected {} of the {} attempts that any "
                  "throttle did.",
                  most->name, whole_figure(bites(*most)), whole_figure(all))};
}

}  // namespace tokenlift
