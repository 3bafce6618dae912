#pragma once
// How the rate of arrivals changes over time: the factor that a shape makes of it, and the clock
// that runs as fast as that factor.
//
// The factor is the stated rate's multiplier at an instant of the run. Arrivals follow it by time
// rescaling: a request is due where the integral of the factor reaches the sum of the gaps that it
// would have without a shape. So the draws stay what they are, a factor of 1 changes no instant,
// and while the factor is 0 no request comes.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// The mean factor over [0, duration_ns), duration_ns > 0; of mmpp the long-run mean, whatever the
/// seed draws.
double mean_factor(const Shape& shape, std::int64_t duration_ns);

/// An instant that moves on as the integral of the factor grows. It is a number of ns with a
/// fraction, so no rounding adds up over a long run. Memory is constant.
///
/// The sojourns of mmpp are draws of Purpose::shape keyed by (seed, tenant, switch number), rounded
/// to ns. It begins in a burst as often as it is in one in the long run, so that the mean rate is
/// what mean_factor() says from the start; what is left of an exponential sojourn is one.
class ShapeClock {
 public:
  /// Factors are 0 or more and finite; periods of diurnal, burst and mmpp are 1 ns or more.
  ShapeClock(Shape shape, std::uint64_t seed, std::uint64_t tenant);

  /// On to where the integral of the factor has grown by `work_ns` (of time at factor 1; 0 or
  /// more). False, from then on, if that is never, or later than kEnd, or if mmpp would switch more
  /// than kMostSwitches times on the way.
  bool advance(double work_ns);

  /// The instant, without its fraction.
  std::int64_t now_ns() const { return whole_ns_; }

  static constexpr std::int64_t kEnd = std::int64_t{1} << 62;  ///< 146 years
  /// Between two requests: a bound of about half a second on what drawing the second one takes.
  static constexpr std::uint64_t kMostSwitches = std::uint64_t{1} << 24;

 private:
  // The factor is `factor` + `slope_per_ns` x (time since begin_ns) until end_ns.
  struct Piece {
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = kForever;
    double factor = 1;
    double slope_per_ns = 0;
  };
  static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

  void begin();
  void next_piece();
  void enter_burst();
  void sojourn();
  void skip_periods(double& work_ns);
  double factor_now() const;
  double time_for(double work_ns) const;
  double work_in(double time_ns) const;
  double sine_time_for(double work_ns) const;
  bool advance_sine(double work_ns);
  bool move(double time_ns);

  Shape shape_;
  Draws draws_;
  std::int64_t whole_ns_ = 0;
  double fraction_ns_ = 0;
  bool ended_ = false;
  Piece piece_;
  std::size_t next_ = 0;       // piece of ramp or steps, sojourn of mmpp
  std::vector<Piece> pieces_;  // of ramp and steps, no two neighbours with the same factor
};

}  // namespace tokenlift
