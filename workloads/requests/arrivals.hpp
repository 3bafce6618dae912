#pragma once
// Who asks, when, and for how much: the requests of one tenant, in order.

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "workloads/requests/lengths.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

struct Arrival {
  std::int64_t due_ns = 0;  ///< from the start of the run; never decreases
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::uint64_t number = 0;  ///< within its tenant: the key of its draws
};

class ShapeClock;
class TraceReader;
struct TraceTurn;

/// The requests that one tenant asks of its own accord, one after the other. Draws are keyed by
/// (seed, purpose, tenant, request number), so request n is the same whatever else happens. The
/// rate must be absolute. For closed tenants, who ask when they were answered, see SessionPlan.
///
/// The first request is due one gap after the start of the run (constant: at 1/rate), but a trace's
/// first request at its start. Of gamma that gap is what is left of one that was under way when the
/// run began, so that from then on as many requests come as the rate says, whatever the cv. A gap
/// is a number of ns with a fraction, and the fraction is carried over to the next request, so the
/// mean rate has no drift from rounding. A shape stretches and shrinks the time between requests
/// and changes nothing else.
///
/// Of a tenant with sessions these are the first turns: session s is asked gap s after the one
/// before it, and its first turn is request s x (the largest number of turns).
class ArrivalSource {
 public:
  /// Throws ScenarioError if a trace can't be opened.
  ArrivalSource(const Tenant& tenant, std::uint64_t seed, std::uint64_t tenant_index);
  ~ArrivalSource();
  ArrivalSource(ArrivalSource&&) noexcept;
  ArrivalSource& operator=(ArrivalSource&&) noexcept;

  /// The next request, or nothing when the source has run dry: a trace that has ended, or a rate so
  /// low that the next request is due later than kEnd. Throws ScenarioError if a trace has a bad
  /// line (one that was put there after the scenario was read).
  std::optional<Arrival> next() {
    return next_of([](std::uint64_t) { return true; }, kEnd);
  }

  /// The next request whose number `is_ours`: those before it are left to others. Nothing also
  /// where all are that are due until `until_ns`.
  template <typename Ours>
  std::optional<Arrival> next_of(const Ours& is_ours, std::int64_t until_ns) {
    if (trace_) {
      std::optional<Arrival> arrival = next_of_trace();
      while (arrival && !is_ours(arrival->number)) {
        if (arrival->due_ns > until_ns) return std::nullopt;
        arrival = next_of_trace();
      }
      return arrival;
    }
    while (true) {
      const std::uint64_t count = count_++;
      if (!(steady_ ? pass_gap(count) : pass_gap_of_shape(count))) return std::nullopt;
      if (is_ours(count * most_turns_)) return request(count);
      if (due_ns_ > until_ns) return std::nullopt;
    }
  }

  /// The blocks of the prompt of the request that next() returned last, as Prefix::blocks of
  /// bench/request.hpp holds them; empty for all but traces that name them.
  const std::vector<std::uint64_t>& blocks() const;
  /// The turns that follow the request that next() returned last (TraceReader::turns()).
  const std::vector<TraceTurn>& turns() const;

 private:
  // 146 years: below it the sum of an instant and a gap can't overflow.
  static constexpr std::int64_t kEnd = std::int64_t{1} << 62;

  // A gap in units of the mean gap.
  double draw_gap(std::uint64_t count) const {
    if (process_ == Process::poisson) return gap_draws_.exponential(count);
    if (process_ == Process::constant) return 1;
    if (count == 0) return gap_draws_.rest_of_gamma(count, gamma_shape_) / gamma_shape_;
    return gap_draws_.gamma(count, gamma_shape_) / gamma_shape_;
  }
  Arrival request(std::uint64_t count) const {
    const std::uint64_t number = count * most_turns_;
    return {due_ns_, prompt_.draw(prompt_draws_, number), output_.draw(output_draws_, number),
            number};
  }
  /// From the request before to request (or session) `count`; false where there is none.
  bool pass_gap(std::uint64_t count) {
    const double gap_ns = fraction_ns_ + mean_gap_ns_ * draw_gap(count);
    if (due_ns_ >= kEnd || gap_ns >= static_cast<double>(kEnd)) {
      due_ns_ = kEnd;
      return false;
    }
    const auto whole_ns = static_cast<std::int64_t>(gap_ns);
    fraction_ns_ = gap_ns - static_cast<double>(whole_ns);
    due_ns_ += whole_ns;
    return true;
  }
  bool pass_gap_of_shape(std::uint64_t count);
  std::optional<Arrival> next_of_trace();

  Process process_;
  bool steady_ = true;  // neither a trace nor a shape
  std::uint64_t most_turns_ = 1;
  std::uint64_t count_ = 0;  // requests so far, of sessions their first turns
  std::int64_t due_ns_ = 0;
  double fraction_ns_ = 0;
  double mean_gap_ns_ = 0;
  double gamma_shape_ = 1;
  Draws gap_draws_;
  Draws prompt_draws_;
  Draws output_draws_;
  LengthSampler prompt_;
  LengthSampler output_;
  std::unique_ptr<ShapeClock> shape_;
  std::unique_ptr<TraceReader> trace_;
};

}  // namespace tokenlift
