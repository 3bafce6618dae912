#pragma once
// The live figures: what each of the last seconds brought, as JSON for the live page.

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/run/door.hpp"
#include "bench/serve/pages.hpp"
#include "reports/record/histogram.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class LiveFigures {
 public:
  /// Seconds that whoever comes later is told of; and those whose first tokens percentiles of TTFT
  /// are of.
  static constexpr std::size_t kKeptSeconds = 300;
  static constexpr std::size_t kTtftSeconds = 10;

  /// `scenario`: scenario_at_door(), which outlives this. `plays_load`: its tenants ask as well,
  /// and only what waits and is in flight counts them.
  explicit LiveFigures(const Scenario& scenario, bool plays_load = false);

  void first_token(std::int64_t ttft_ns) { ttft_[second_ % kTtftSeconds].record(ttft_ns); }

  /// When the second ends that goes on.
  std::int64_t next_ns() const { return next_ns_; }
  /// It has ended: an object of JSON on one line, good until the next call. Rates are per second
  /// since the call before, which a busy server may have made late. What is not known is null.
  std::string_view end_second(const ServerFigures& figures, const Door::Gauges& gauges);

  /// What is served, all seconds that are kept, and of the `events` that came, those of seconds
  /// that have ended: an object of JSON on one line.
  std::string begin(std::span<const std::string> events) const;

 private:
  std::optional<double> capacity_tokens_per_s(std::span<const std::int64_t> replicas) const;
  std::string tenants_json(const ServerFigures& figures, const Door::Gauges& gauges,
                           double length_s) const;

  const Scenario& scenario_;
  std::string served_;  // keys of begin() that never change
  std::deque<std::string> seconds_;
  std::array<Histogram, kTtftSeconds> ttft_;  // of a second each
  std::size_t second_ = 0;
  std::int64_t begin_ns_ = 0;  // of the second that goes on
  std::int64_t next_ns_ = 1'000'000'000;
  struct Totals {
    std::uint64_t output_tokens = 0;
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;
    std::uint64_t overloaded = 0;
    std::size_t events = 0;
    std::vector<TenantFigures> tenants;
  };
  Totals before_;  // as of begin_ns_
};

}  // namespace tokenlift
