#pragma once
// Who asks, when, and for how much: the requests of one tenant, in order.

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>

#include "workloads/draw.hpp"
#include "workloads/lengths.hpp"
#include "workloads/scenario.hpp"

namespace tokenlift {

struct Arrival {
  std::int64_t due_ns = 0;  ///< from the start of the run; never decreases
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
};

class TraceReader;

/// The requests of one tenant, one after the other. Draws are keyed by (seed, purpose, tenant,
/// request number), so request n is the same whatever else happens. The rate must be absolute.
///
/// The first request is due one gap after the start of the run (constant: at 1/rate), but a trace's
/// first request at its start. A gap is a number of ns with a fraction, and the fraction is carried
/// over to the next request, so the mean rate has no drift from rounding.
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
    if (process_ == Process::trace) return next_of_trace();
    const std::uint64_t number = number_++;
    const double gap_ns = fraction_ns_ + mean_gap_ns_ * draw_gap(number);
    if (due_ns_ >= kEnd || gap_ns >= static_cast<double>(kEnd)) {
      due_ns_ = kEnd;
      return std::nullopt;
    }
    const auto whole_ns = static_cast<std::int64_t>(gap_ns);
    fraction_ns_ = gap_ns - static_cast<double>(whole_ns);
    due_ns_ += whole_ns;
    return Arrival{due_ns_, prompt_.draw(prompt_draws_, number),
                   output_.draw(output_draws_, number)};
  }

 private:
  // 146 years: below it the sum of an instant and a gap can't overflow.
  static constexpr std::int64_t kEnd = std::int64_t{1} << 62;

  // A gap in units of the mean gap.
  double draw_gap(std::uint64_t number) const {
    if (process_ == Process::poisson) return gap_draws_.exponential(number);
    if (process_ == Process::constant) return 1;
    return gap_draws_.gamma(number, gamma_shape_) / gamma_shape_;
  }
  std::optional<Arrival> next_of_trace();

  Process process_;
  std::uint64_t number_ = 0;
  std::int64_t due_ns_ = 0;
  double fraction_ns_ = 0;
  double mean_gap_ns_ = 0;
  double gamma_shape_ = 1;
  Draws gap_draws_;
  Draws prompt_draws_;
  Draws output_draws_;
  LengthSampler prompt_;
  LengthSampler output_;
  std::unique_ptr<TraceReader> trace_;
};

}  // namespace tokenlift
