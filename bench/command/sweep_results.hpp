#pragma once
// What `sweep` and `size` share: how they say how far they are, and what they leave behind.

#include <filesystem>
#include <optional>
#include <string>

#include "bench/command/command.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/sweep/task.hpp"
#include "reports/findings/sweep_report.hpp"

namespace tokenlift {

inline constexpr const char* kSweepFile = "sweep.json";

/// What the folder has of this sweep; nothing where it has none, or is empty. Throws SweepMistake
/// where it is of something else, RunFileError.
std::optional<SweepReport> known_sweep(const std::string& folder, const SweepTask& task);

/// How far the points are: on a terminal a live line, elsewhere a line for every tenth of a batch.
/// Runs in real time show how they go. What there is, is kept in `folder`, at
/// `place` in it. All stay in use.
SweepWatch watch_points(const Surroundings& surroundings, bool quiet, const OutputFolder& folder,
                        const std::filesystem::path& place = {});

/// Clears the live line.
void end_watch(const Surroundings& surroundings, bool quiet);

/// Writes sweep.json, points.csv and report.html into the folder, at this place in it.
void write_sweep(const OutputFolder& folder, const std::filesystem::path& place,
                 const SweepReport& report);

/// --format of `sweep` and `size`: pages, and formats for programs. `has_curves`: also those of
/// points along keys, which a search has not.
Option sweep_format_option(std::string& format, bool has_curves);

/// Whether it is one of pages: text, markdown, html.
bool is_page_format(const std::string& format);

/// The sweep in that format.
std::string in_sweep_format(const Surroundings& surroundings, const std::string& format,
                            const SweepReport& report);

/// Writes sweep.json, points.csv and report.html, and prints the report; returns the exit code. 3:
/// a point is no measurement, or it was interrupted; 1: what was searched was not found; 4: a point
/// failed.
int show_sweep(const Surroundings& surroundings, const std::string& format,
               const OutputFolder& folder, const SweepReport& report);

}  // namespace tokenlift
