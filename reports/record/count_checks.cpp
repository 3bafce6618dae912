#include "reports/record/count_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace tokenlift {
namespace {

constexpr std::string_view kDeliveredLoad = "delivered_load";
constexpr std::string_view kEnoughSamples = "enough_samples";
constexpr std::string_view kOutputDelivered = "output_delivered";
constexpr std::string_view kFailedShare = "failed_share";
constexpr std::array kOnCounts = {kDeliveredLoad, kEnoughSamples, kOutputDelivered, kFailedShare};

// How far clocks may be apart: of the shortest phase, but what no phase is too short for.
constexpr double kMostApart = 0.01;
constexpr double kLeastApartMs = 1;
// Of Poisson arrivals: 149 less four standard deviations are 100.
constexpr double kAmpleShare = 1.49;

/// Absent where there is nothing to be a share of.
std::optional<double> share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

const FailureRecord* commonest(const WireRecord& wire) {
  const auto found = std::ranges::max_element(wire.failures, {}, &FailureRecord::count);
  return found == wire.failures.end() ? nullptr : &*found;
}

Counts measured_counts(const Run& run) {
  Counts all;
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& phase : tenant.phases) merge(all, phase.counts);
  }
  return all;
}

std::string advice_on(const FewestRequests& fewest, double least) {
  if (fewest.phase == nullptr) {
    return "there is no phase after the transition: run longer (run.duration), or say how long it "
           "is (run.settle)";
  }
  return fmt::format("too few requests in phase '{}' to measure: {}", fewest.phase->name,
                     advice_on_few(fewest, least, kAmpleShare * least));
}

Check judged(const Check& check, const Run& run) {
  if (check.name == kDeliveredLoad) return delivered_load(run, check.limit);
  if (check.name == kEnoughSamples) {
    const FewestRequests fewest = fewest_requests(run);
    return enough_samples(fewest.requests, check.limit, advice_on(fewest, check.limit));
  }
  if (!run.wire) return check;  // it says something of a wire that there is not
  if (check.name == kOutputDelivered) return output_delivered(*run.wire, check.limit);
  if (check.name == kFailedShare) return failed_share(run, check.limit);
  return check;
}

/// Between the first and the last rank that began, by what they recorded.
double starts_apart_ms(const SharesRecord& shares) {
  const auto [first, last] = std::ranges::minmax(shares.ranks, {}, began_ns);
  return static_cast<double>(began_ns(last) - began_ns(first)) * 1e-6;
}

Check clocks_apart(const Run& run) {
  Check check{"clocks_apart_ms", {}, kLeastApartMs, true, {}};
  if (!run.phases.empty()) {
    const auto shortest = std::ranges::min_element(
        run.phases, {}, [](const PhaseSpan& phase) { return phase.end_ns - phase.begin_ns; });
    const auto length_ms = static_cast<double>(shortest->end_ns - shortest->begin_ns) * 1e-6;
    check.limit = std::max(kLeastApartMs, kMostApart * length_ms);
  }
  const std::optional<std::int64_t> apart_ns = clocks_apart_ns(*run.shares);
  const double starts_ms = starts_apart_ms(*run.shares);
  if (starts_ms > check.limit) {  // too far, however well the clocks are kept
    check.value = apart_ns ? static_cast<double>(*apart_ns) * 1e-6 : starts_ms;
    check.passed = false;
    check.advice = fmt::format(
        "the ranks began {:.1f} ms apart by their clocks, so that what one counts before an event "
        "others count after it: give all of them the same --start-at",
        starts_ms);
    return check;
  }
  if (!apart_ns) {
    check.advice =
        "not checked: of some ranks nobody knows how well their clocks are kept in time (NTP)";
    return check;
  }
  check.value = static_cast<double>(*apart_ns) * 1e-6;
  check.passed = *check.value <= check.limit;
  if (!check.passed) {
    check.advice = fmt::format(
        "the ranks may have begun {:.1f} ms apart, so that what one counts before an event others "
        "count after it: keep their clocks in time (NTP), or start them under MPI, which compares "
        "them",
        *check.value);
  }
  return check;
}

}  // namespace

FewestRequests fewest_requests(const Run& run) {
  FewestRequests fewest;
  bool has_after = false;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const std::string& name = run.phases[i].name;
    if (name == "transition") continue;
    has_after = has_after || name == "after" || name == "steady";
    double decided = 0;
    double due = 0;
    for (const TenantRecord& tenant : run.tenants) {
      const Counts& counts = tenant.phases[i].counts;
      decided += static_cast<double>(counts.due - counts.in_flight);
      due += static_cast<double>(counts.due);
    }
    if (fewest.phase != nullptr && decided >= fewest.requests) continue;
    fewest = {decided, &run.phases[i], due};
  }
  return has_after ? fewest : FewestRequests{};
}

std::string advice_on_few(const FewestRequests& fewest, double least, double ample) {
  if (fewest.due < least) {
    if (fewest.due <= 0) return "run longer (run.duration) or offer more load";
    const double length_s =
        static_cast<double>(fewest.phase->end_ns - fewest.phase->begin_ns) * 1e-9;
    return fmt::format("make it {:.0f} s or longer ({}), or offer more load",
                       std::ceil(length_s * ample / fewest.due),
                       fewest.phase->name == "before"
                           ? "a later event, and as much more run.duration"
                           : "run.duration");
  }
  return fmt::format(
      "{:.0f} were due and {:.0f} of them still waited when the run ended; offer less load, or "
      "wait "
      "for them (run.cooldown_max)",
      fewest.due, fewest.due - fewest.requests);
}

Check delivered_load(const Run& run, double least) {
  Check check{std::string(kDeliveredLoad), 1.0, least, true, {}};
  std::string worst;
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    std::uint64_t due = 0;
    std::uint64_t sent = 0;
    for (const TenantRecord& tenant : run.tenants) {
      due += tenant.phases[i].counts.due;
      sent += tenant.phases[i].sent;
    }
    if (due == 0) continue;
    const double delivered = static_cast<double>(sent) / static_cast<double>(due);
    if (delivered < *check.value) {
      check.value = delivered;
      worst = run.phases[i].name;
    }
  }
  check.passed = *check.value >= check.limit;
  if (!check.passed) {
    check.advice = fmt::format(
        "the harness did not keep pace in phase '{}' (at most 10 million unsent requests are "
        "counted): lower the request rate or use a faster machine",
        worst);
  }
  return check;
}

Check enough_samples(double found, double least, const std::string& advice) {
  Check check{std::string(kEnoughSamples), found, least, found >= least, {}};
  if (!check.passed) check.advice = advice;
  return check;
}

Check output_delivered(const WireRecord& wire, double least) {
  Check check{
      std::string(kOutputDelivered), share(wire.got_tokens, wire.asked_tokens), least, true, {}};
  if (!check.value) {
    check.advice = "not checked: no request completed";
  } else if (*check.value < check.limit) {
    check.passed = false;
    check.advice = fmt::format(
        "replies ended early: of the output tokens that were asked for {:.1f} % came, so that the "
        "load is not the one that was asked for. Let the endpoint go on to the stated length "
        "(ignore_eos, where it knows that), or state the lengths that the model comes to",
        *check.value * 100);
  }
  return check;
}

Check failed_share(const Run& run, double most) {
  const Counts counts = measured_counts(run);
  Check check{std::string(kFailedShare), share(counts.failed, counts.due), most, true, {}};
  if (!check.value) {
    check.advice = "not checked: no request was due";
    return check;
  }
  check.passed = *check.value <= check.limit;
  if (check.passed) return check;
  const bool all = counts.failed == counts.due;
  check.advice = all ? "every request failed" : fmt::format("{:.1f} % failed", *check.value * 100);
  if (const FailureRecord* const commonest_kind = commonest(*run.wire)) {
    check.advice += fmt::format(", most attempts by '{}'", commonest_kind->kind);
    if (!commonest_kind->example.empty()) {
      check.advice += fmt::format(" ({})", commonest_kind->example);
    }
  }
  check.advice += all ? ": see that the endpoint is there, and speaks the API that the site states"
                      : ": what failed is in no latency; see the table of failures";
  return check;
}

void await_other_shares(Run& run) {
  for (Check& check : run.checks) {
    if (std::ranges::find(kOnCounts, check.name) == kOnCounts.end()) continue;
    check = {check.name,
             {},
             check.limit,
             true,
             "not checked: it is about the shares of all ranks together (tokenlift merge)"};
  }
}

void judge_all_shares(Run& run) {
  for (Check& check : run.checks) check = judged(check, run);
  std::erase_if(run.checks, [](const Check& check) { return check.name == "clocks_apart_ms"; });
  run.checks.push_back(clocks_apart(run));
}

WideSum began_ns(const RankRecord& rank) {
  return rank.start_unix_ns - rank.clock_offset_ns.value_or(0);
}

std::optional<std::int64_t> clocks_apart_ns(const SharesRecord& shares) {
  WideSum apart_ns = 0;
  const auto error_ns = [](const RankRecord& rank) {
    return WideSum{*rank.clock_error_ns} + rank.start_error_ns;
  };
  for (std::size_t i = 0; i < shares.ranks.size(); ++i) {
    const RankRecord& one = shares.ranks[i];
    if (!one.clock_error_ns) return std::nullopt;
    for (std::size_t j = 0; j < i; ++j) {
      const RankRecord& other = shares.ranks[j];
      const WideSum between_ns = began_ns(one) - began_ns(other);
      apart_ns = std::max(
          apart_ns, (between_ns < 0 ? -between_ns : between_ns) + error_ns(one) + error_ns(other));
    }
  }
  const WideSum most = WideSum{1} << 62;  // of clocks that somebody made up
  return static_cast<std::int64_t>(std::min(apart_ns, most));
}

}  // namespace tokenlift
