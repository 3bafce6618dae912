#pragma once
// What `sweep` and `size` share: how they say how far they are, and what they leave behind.

#include <optional>
#include <string>

#include "bench/command/command.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/sweep/sweeper.hpp"
#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

inline constexpr const char* kSweepFile = "sweep.json";

/// How far the points are: on a terminal a live line, elsewhere a line for every tenth of a batch.
/// Runs in real time show how they go. What there is, is kept in `folder` after each batch. All
/// stay in use.
SweepWatch watch_points(const Surroundings& surroundings, bool quiet, const OutputFolder& folder);

/// Clears the live line.
void end_watch(const Surroundings& surroundings, bool quiet);

/// Writes sweep.json, points.csv and report.html, and prints the report; returns the exit code. 3:
/// a point is no measurement, or it was interrupted; 1: what was searched was not found; 4: a point
/// failed.
int show_sweep(const Surroundings& surroundings, const std::string& format,
               const OutputFolder& folder, const SweepReport& report);

}  // namespace tokenlift
