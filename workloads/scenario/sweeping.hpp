#pragma once
// What `sweep` does with a scenario: its table [sweep], or that of a case of a suite. The words are
// those of the options of the same names (tuning/swept_key.hpp reads them).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/objective.hpp"

namespace tokenlift {

/// "most KEY=LOW:HIGH" or "least KEY=LOW:HIGH".
struct SoughtValue {
  bool most = true;
  std::string range;  ///< "KEY=LOW:HIGH"
  bool operator==(const SoughtValue&) const = default;
};

struct Sweeping {
  std::vector<std::string> over;  ///< "KEY=FROM:TO:N", or a list
  std::vector<SoughtValue> finds;
  std::vector<Objective> objectives;         ///< the key `while`
  std::vector<std::string> figures;          ///< paths, shown besides
  std::optional<std::uint64_t> repetitions;  ///< of each point
  std::optional<std::int64_t> requests;      ///< up to which points are added
  std::optional<std::int64_t> time_ns;       ///< the key `for`: no point begins later
  bool operator==(const Sweeping&) const = default;
};

/// What is wrong with the path of a figure of a sweep over so many keys that searches so many
/// values; empty: nothing. May be empty itself: then nothing is checked.
using SweepFigureMistake =
    std::function<std::string(const std::string& path, std::size_t axes, std::size_t finds)>;

/// Two are axes of tables and maps, each combination of the others is a panel.
inline constexpr std::size_t kMostSweptKeys = 4;
inline constexpr std::size_t kMostFinds = 16;
/// Of the first pass.
inline constexpr std::size_t kMostGridPoints = 10'000;
/// Of each point: as many as an interval of a percentile needs.
inline constexpr std::uint64_t kUsualSweepRepetitions = 5;

}  // namespace tokenlift
