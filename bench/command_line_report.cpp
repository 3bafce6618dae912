#include "bench/command_line_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "bench/command_line_input.hpp"
#include "bench/command_line_run.hpp"
#include "bench/output_folder.hpp"
#include "reports/csv.hpp"
#include "reports/hgrm.hpp"
#include "reports/html.hpp"
#include "reports/json_report.hpp"
#include "reports/json_run.hpp"
#include "reports/markdown.hpp"
#include "reports/openmetrics.hpp"
#include "reports/report.hpp"
#include "reports/text.hpp"
#include "reports/verdict.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

/// The formats that are one text. Beside them: text, which looks at the terminal, and hgrm, which
/// is several files.
struct Format {
  const char* name;
  std::string (*render)(const Report&);
};
constexpr std::array<Format, 5> kFormats = {{{"html", to_html},
                                             {"markdown", to_markdown},
                                             {"json", to_json},
                                             {"csv", to_csv},
                                             {"openmetrics", to_openmetrics}}};

// ---------------------------------------------------------------------------------- the runs

/// As people count: 2 before 10.
bool natural_less(std::string_view one, std::string_view other) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  /// Takes the number that `text` begins with, without leading zeros.
  const auto take_number = [&](std::string_view& text) {
    std::size_t end = 0;
    while (end < text.size() && digit(text[end])) ++end;
    const std::size_t begin = std::min(text.find_first_not_of('0'), end);
    const std::string_view number = text.substr(begin, end - begin);
    text.remove_prefix(end);
    return number;
  };
  while (!one.empty() && !other.empty()) {
    if (digit(one[0]) && digit(other[0])) {
      const std::string_view mine = take_number(one);
      const std::string_view theirs = take_number(other);
      if (mine.size() != theirs.size()) return mine.size() < theirs.size();
      if (mine != theirs) return mine < theirs;
    } else {
      if (one[0] != other[0]) return one[0] < other[0];
      one.remove_prefix(1);
      other.remove_prefix(1);
    }
  }
  return one.size() < other.size();
}

/// Every run.json at and below the folder, in natural order.
std::vector<fs::path> runs_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() == "run.json") files.push_back(entry->path());
  }
  if (error) {
    throw UsageError(fmt::format("cannot read '{}': {}", folder.string(), error.message()));
  }
  if (files.empty()) {
    throw UsageError(fmt::format("no run.json in the folder '{}' or below it", folder.string()));
  }
  std::sort(files.begin(), files.end(), [](const fs::path& one, const fs::path& other) {
    return natural_less(one.string(), other.string());
  });
  return files;
}

std::vector<fs::path> runs_at(const std::string& word) {
  std::error_code error;
  const fs::file_status status = fs::status(word, error);
  if (fs::is_directory(status)) return runs_below(word);
  if (fs::exists(status)) return {word};
  throw UsageError(fmt::format("cannot read '{}': {}", word,
                               error ? error.message() : "no such file or folder"));
}

/// The runs of one experiment, one after the other, so that only the pooled ones take memory.
class TrialReader {
 public:
  explicit TrialReader(const Surroundings& surroundings) : surroundings_(surroundings) {}

  void add(const fs::path& file) {
    const Run run = read_run(read_file(file), file.string());
    std::optional<Arm>& arm = run.control ? control_ : lifted_;
    if (!first_) {
      first_file_ = file.string();
      first_.emplace(run);
    } else if (const std::string place = scenario_difference(*first_, run); !place.empty()) {
      mismatch(file, "their scenarios differ at " + place);
    }
    if (!arm) {
      arm.emplace(run);
      return;
    }
    try {
      arm->add(run);
    } catch (const RunMismatch& error) {
      if (!run.interrupted) mismatch(file, error.what());
      say(surroundings_, false, "'{}' ended early: the report leaves it out", file.string());
      arm->pooled.interrupted = true;
    }
  }

  Trial take(std::string label) {
    if (!lifted_) {
      throw UsageError(fmt::format(
          "'{}' is a control, without the event: give the folder that holds the run with it, too",
          first_file_));
    }
    return {std::move(label), std::move(*lifted_), std::move(control_)};
  }

 private:
  [[noreturn]] void mismatch(const fs::path& file, const std::string& reason) const {
    throw UsageError(fmt::format(
        "'{}' and '{}' are no repetitions of one experiment: {}. Give them one by one, for a "
        "column each",
        first_file_, file.string(), reason));
  }

  const Surroundings& surroundings_;
  std::string first_file_;
  std::optional<Run> first_;
  std::optional<Arm> lifted_;
  std::optional<Arm> control_;
};

/// The last `parts` of what tells a path from others: its folders, and its name but for run.json.
std::string label_of(const std::string& word, std::size_t parts) {
  fs::path path = fs::path(word).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a/b/
  if (path.filename() == "run.json" && path.has_parent_path()) path = path.parent_path();
  fs::path label;
  for (; parts > 0 && path.has_filename(); --parts) {
    label = label.empty() ? path.filename() : path.filename() / label;
    path = path.parent_path();
  }
  return label.empty() ? word : label.string();
}

/// As short as tells them apart; a path that was given twice is numbered.
std::vector<std::string> labels_of(const std::vector<std::string>& words) {
  constexpr std::size_t kMostParts = 100;
  std::vector<std::string> labels;
  for (const std::string& word : words) {
    const auto taken = [&](std::size_t parts) {
      return std::count_if(words.begin(), words.end(), [&](const std::string& other) {
        return other != word && label_of(other, parts) == label_of(word, parts);
      });
    };
    std::size_t parts = 1;
    while (taken(parts) > 0 && parts < kMostParts) ++parts;
    std::string label = label_of(word, parts);
    const auto before = std::count(labels.begin(), labels.end(), label);
    if (before > 0) label += fmt::format(" ({})", before + 1);
    labels.push_back(std::move(label));
  }
  return labels;
}

Report read_report(const Surroundings& surroundings, const std::vector<std::string>& words) {
  const std::vector<std::string> labels = labels_of(words);
  std::vector<Trial> trials;
  for (std::size_t i = 0; i < words.size(); ++i) {
    TrialReader reader(surroundings);
    for (const fs::path& file : runs_at(words[i])) reader.add(file);
    trials.push_back(reader.take(labels[i]));
  }
  return make_report(std::move(trials));
}

// -------------------------------------------------------------------------------- the report

std::string rendered(const Surroundings& surroundings, const ReportOptions& options,
                     const Report& report) {
  if (options.format == "hgrm") return to_hgrm(report);
  if (options.format == "text") {
    return to_text(report, options.out.empty() ? style_of(surroundings) : TextStyle());
  }
  const auto format = std::find_if(kFormats.begin(), kFormats.end(),
                                   [&](const Format& one) { return one.name == options.format; });
  return format->render(report);
}

/// Into a file or, of several, into a folder; whole or not at all.
void write_report(const Surroundings& surroundings, const ReportOptions& options,
                  const Report& report) {
  if (options.format == "hgrm") {
    const OutputFolder folder(options.out);
    for (const HgrmFile& file : hgrm_files(report)) folder.write(file.name, file.text);
    return;
  }
  const fs::path path = options.out;
  const OutputFolder folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
  folder.write(path.filename(), rendered(surroundings, options, report));
}

bool is_measurement(const TrialReport& report) {
  const Trial& trial = report.trial;
  return is_valid(trial) && !trial.lifted.pooled.interrupted &&
         !(trial.control && trial.control->pooled.interrupted);
}

}  // namespace

std::vector<std::string> report_formats() {
  std::vector<std::string> names = {"text", "hgrm"};
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

int report_runs(const Surroundings& surroundings, const ReportOptions& options) {
  std::error_code unreadable;
  if (options.format != "hgrm" && !options.out.empty() &&
      (fs::is_directory(options.out, unreadable) || !fs::path(options.out).has_filename())) {
    throw UsageError(fmt::format("'{}' is a folder: --out names the file to write", options.out));
  }
  if (options.format == "html" && options.out.empty() && surroundings.out_is_terminal) {
    throw UsageError("a page is nothing for a terminal: give --out report.html, or redirect it");
  }
  const Report report = read_report(surroundings, options.runs);
  if (options.out.empty()) {
    print_result(surroundings, rendered(surroundings, options, report));
  } else {
    write_report(surroundings, options, report);
  }
  const bool valid = std::all_of(report.trials.begin(), report.trials.end(), is_measurement);
  return valid ? kDone : kNotValid;
}

}  // namespace tokenlift
