#pragma once
// Latencies in HdrHistogram's percentile distribution format (.hgrm), as its plotters read it.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"
#include "reports/record/histogram.hpp"

namespace tokenlift {

/// One distribution, values in ms to the nanosecond: a line per percentile (five between each two
/// of 0, 50, 75, 87.5 % and so on as far as the sample reaches, and those that reports give), with
/// how many samples are at or below its value; mean, standard deviation, max and count at the end.
/// The histogram must not be empty.
std::string to_hgrm(const Histogram& histogram);

struct HgrmFile {
  /// PHASE.METRIC.hgrm, no two alike; with several trials in a folder of each one's own.
  std::string name;
  std::string title;  ///< trial, phase and metric, made visible()
  std::string text;
};

/// A distribution per trial, phase and metric, over the fleet; empty ones are left out. A file may
/// hold but one: plotters draw all lines of a file as one curve.
std::vector<HgrmFile> hgrm_files(const Report& report);

/// All of them in one text to read, each under a line "# title".
std::string to_hgrm(const Report& report);

}  // namespace tokenlift
