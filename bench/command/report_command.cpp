#include "bench/command/report_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "bench/command/input.hpp"
#include "bench/command/run_labels.hpp"
#include "bench/command/trial_reader.hpp"
#include "bench/machine/output_folder.hpp"
#include "reports/findings/report.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/formats/csv.hpp"
#include "reports/formats/hgrm.hpp"
#include "reports/formats/openmetrics.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/json/json_report.hpp"
#include "reports/page/report_page.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  std::vector<std::string> runs;  ///< files and folders, a column of the report each
  std::string format = "text";
  std::string out;  ///< a file, or a folder where a format has several; empty: stdout
};

constexpr std::array<const char*, 3> kPageFormats = {"text", "markdown", "html"};

/// The formats for programs that are one text; hgrm is several files.
struct Format {
  const char* name;
  std::string (*render)(const Report&);
};
constexpr std::array<Format, 3> kFormats = {
    {{"json", to_json}, {"csv", to_csv}, {"openmetrics", to_openmetrics}}};

Report read_report(const std::vector<std::string>& words) {
  const std::vector<std::string> labels = run_labels(words);
  std::vector<Trial> trials;
  for (std::size_t i = 0; i < words.size(); ++i) trials.push_back(read_trial(words[i], labels[i]));
  return make_report(std::move(trials));
}

// -------------------------------------------------------------------------------- the report

std::string rendered(const Surroundings& surroundings, const ReportOptions& options,
                     const Report& report) {
  if (options.format == "hgrm") return to_hgrm(report);
  const auto format = std::find_if(kFormats.begin(), kFormats.end(),
                                   [&](const Format& one) { return one.name == options.format; });
  if (format != kFormats.end()) return format->render(report);
  return in_format(report_page(report), options.format,
                   options.out.empty() ? style_of(surroundings) : TextStyle());
}

/// Into a file or, of several, into a folder; whole or not at all.
void write_report(const Surroundings& surroundings, const ReportOptions& options,
                  const Report& report) {
  if (options.format == "hgrm") {
    const OutputFolder folder(options.out);
    for (const HgrmFile& file : hgrm_files(report)) folder.write(file.name, file.text);
    return;
  }
  OutputFile(options.out).write(rendered(surroundings, options, report));
}

/// What --format takes.
std::vector<std::string> report_formats() {
  std::vector<std::string> names(kPageFormats.begin(), kPageFormats.end());
  names.emplace_back("hgrm");
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

/// Reads the runs, writes the report and returns the exit code. A folder holds repetitions of one
/// experiment, with and without its event.
int report_runs(const Surroundings& surroundings, const ReportOptions& options) {
  if (options.format != "hgrm" && !options.out.empty()) require_no_folder(options.out);
  if (options.out.empty()) require_no_html_on_terminal(surroundings, options.format);
  for (const std::string& word : options.runs) {
    require_no_input("--out", options.out, runs_at(word));
  }
  const Report report = read_report(options.runs);
  if (options.out.empty()) {
    print_result(surroundings, rendered(surroundings, options, report));
  } else {
    write_report(surroundings, options, report);
  }
  const bool valid = std::all_of(report.trials.begin(), report.trials.end(),
                                 [](const TrialReport& each) { return is_valid(each.trial); });
  return valid ? kDone : kNotValid;
}

}  // namespace

Command report_command() {
  const auto options = std::make_shared<ReportOptions>();
  Command command{"report", "report on runs measured before, in several formats"};
  command.options = {
      {"RUN", texts(options->runs, "TEXT"),
       "a run.json, or a folder: every run.json in it and below is a repetition of one "
       "experiment, or of its control. Each RUN is a column of the report"},
      {"--format", one_of(options->format, report_formats()),
       "text: for a terminal or a pipe; html: a page that fetches nothing; markdown: to paste into "
       "a pull request; json: all that was concluded (reports/json/report.schema.json); csv: the "
       "series, a row per time bin; hgrm: percentile distributions of HdrHistogram; openmetrics: "
       "for Prometheus (default: text)"},
      {"--out", name(options->out, "FILE"),
       "write into this file instead of to stdout; with --format hgrm a folder, for a file per "
       "phase and latency, as plotters want them"}};
  command.footer =
      "Examples:\n"
      "  tokenlift report tokenlift-results/lift-20260506-120000\n"
      "  tokenlift report before/run.json after/run.json --format markdown\n"
      "  tokenlift report results/ --format csv --out series.csv\n"
      "  tokenlift report results/ --format hgrm --out curves/\n\n" +
      std::string(kExitCodes);
  command.run = [options](const Surroundings& surroundings) {
    return report_runs(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
