#pragma once
// What accelerators and sites draw, and what holds that back. Of engine virtual.

#include <cstdint>
#include <optional>
#include <string>

namespace tokenlift {

/// What one accelerator draws, by what its replica does: of a step with a chunk of a prompt
/// prompt_w; of one in which B sequences decode, and nothing else,
/// low + (high - low) / (1 + e^-(log2 B - middle)), the law of arXiv 2602.05116.
struct AcceleratorPower {
  double idle_w = 0;
  double prompt_w = 0;
  double decode_low_w = 0;
  double decode_high_w = 0;  ///< as decode_low_w: a decode step draws this, whatever its batch
  double decode_middle_log2 = 0;
  std::string source;
  bool assumed = false;  ///< nobody measured it
  bool operator==(const AcceleratorPower&) const = default;

  double decode_w(std::int64_t sequences) const;
};

/// How a site that would draw more than its limit is held back: each step takes longer and draws
/// less, or fewer sequences are in a step.
enum class WhenOver { slow, batch };

/// Full at the start. Its losses are not counted.
struct Battery {
  std::int64_t energy_milliwatt_h = 0;
  std::int64_t power_mw = 0;  ///< with which it is filled or emptied, at most
  bool operator==(const Battery&) const = default;
};

/// What a site draws is pue x (its accelerators + the rest of their servers). All power is in
/// milliwatts.
struct PowerSettings {
  std::optional<std::int64_t> limit_mw = {};  ///< of all that it draws
  double pue = 1;                             ///< power usage effectiveness: cooling and losses
  std::int64_t per_accelerator_mw = 0;        ///< the rest of a server, for each accelerator
  std::int64_t control_ns = 1'000'000'000;    ///< from one look at the draw to the next
  WhenOver when_over = WhenOver::slow;
  std::optional<Battery> battery = {};
  bool operator==(const PowerSettings&) const = default;
};

/// To keep a limit of power no step takes more than so many times as long.
inline constexpr std::int64_t kMostSlowing = 20;
inline constexpr double kMostPue = 10;

}  // namespace tokenlift
