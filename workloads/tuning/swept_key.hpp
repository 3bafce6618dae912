#pragma once
// What changes from point to point of a sweep, and in which range a search looks: as the command
// line and [sweep] write them.

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/tuning.hpp"

namespace tokenlift {

/// What is wrong with what a sweep was asked for.
class SweepMistake : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A key and the values that it takes. Positions in its range are those of value_at().
struct SweptKey {
  std::string key;      ///< as for --set: "tenant.users.arrivals.load"
  std::string unit;     ///< of its numbers: "s", "1/s" or empty
  bool numeric = true;  ///< else its values are words
  Parameter parameter;
  std::vector<std::string> values;  ///< as --set takes them, all different; of a search none
  bool is_range = true;             ///< else the values were listed, and none lie between them
};

inline constexpr std::size_t kMostValues = 1000;

/// "KEY=FROM:TO:N", "KEY=FROM:TO:N:log", or "KEY=A,B,C". FROM and TO are numbers, durations or
/// rates. `accepts` says whether the scenario takes a value of the key: where both ends are whole,
/// and it takes nothing between two whole numbers, all values are whole. Throws SweepMistake.
using Accepts = std::function<bool(const std::string& key, const std::string& value)>;
SweptKey parse_axis(const std::string& word, const Accepts& accepts);

/// "KEY=LOW:HIGH" or "KEY=LOW:HIGH:log", the same way. Throws SweepMistake.
SweptKey parse_range(const std::string& word, const Accepts& accepts);

/// Every axis has a key of its own, and there are not too many axes or points. Throws SweepMistake.
void require_grid(const std::vector<SweptKey>& axes);

/// A value as a number: of a duration in s, of a rate per s. Nothing where it is none.
std::optional<double> number_of(const std::string& value);

/// The number of a point on this axis: that of the value, or its place where values are words.
double number_on(const SweptKey& key, const std::string& value);

}  // namespace tokenlift
