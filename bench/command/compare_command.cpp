#include "bench/command/compare_command.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/command/comparison_reader.hpp"
#include "bench/command/input.hpp"
#include "bench/command/trial_reader.hpp"
#include "bench/machine/output_folder.hpp"
#include "reports/findings/comparison.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/json/json_comparison.hpp"
#include "reports/page/comparison_page.hpp"

namespace tokenlift {

namespace {

struct CompareOptions {
  ComparisonChoice choice;
  std::string format = "text";  ///< "text", "markdown", "html" or "json"
  std::string out;              ///< a file; empty: stdout
  std::string open = "fail";    ///< "fail" or "pass": an open figure
  bool all = false;             ///< every figure, not only what changed
};

std::string rendered(const Surroundings& surroundings, const CompareOptions& options,
                     const Comparison& comparison) {
  if (options.format == "json") return to_json(comparison);
  return in_format(comparison_page(comparison, options.all), options.format,
                   options.out.empty() ? style_of(surroundings) : TextStyle());
}

/// Nothing was compared, and why: who reads the file learns it there, too.
Comparison refused(const CompareOptions& options, const std::string& why) {
  Comparison comparison;
  comparison.rules = options.choice.rules;
  comparison.title = "Nothing compared";
  comparison.refused = why;
  return comparison;
}

/// kNotValid where a set of runs is no measurement, else kGoalMissed where a primary figure is
/// worse, else kOpen where one is open. Cases of one suite are not held to one of them.
int exit_code(const Comparison& comparison, const CompareOptions& options) {
  if (!comparison.valid()) return kNotValid;
  if (options.choice.cases) return kDone;
  if (comparison.primary(Reading::worse) > 0) return kGoalMissed;
  return comparison.primary(Reading::open) > 0 && options.open == "fail" ? kOpen : kDone;
}

/// What is read: the files that are named, and all results in the folders.
std::vector<std::filesystem::path> inputs_of(const ComparisonChoice& choice) {
  std::vector<std::filesystem::path> files;
  for (const std::string& word : {choice.base, choice.contender}) {
    files.emplace_back(word);
    std::error_code error;
    if (!std::filesystem::is_directory(word, error)) continue;
    for (const char* name : {"suite.json", "sweep.json"}) {
      files.push_back(std::filesystem::path(word) / name);
    }
    try {
      for (const std::filesystem::path& file : runs_at(word)) files.push_back(file);
    } catch (const UsageError&) {  // NOLINT(bugprone-empty-catch): there is no run in it
    }
  }
  return files;
}

/// Compares, writes the result and returns the exit code.
int compare_runs(const Surroundings& surroundings, const CompareOptions& options) {
  if (options.choice.rules.threshold >= options.choice.rules.detect) {
    throw UsageError("--threshold must be less than --detect");
  }
  if (options.choice.cases != options.choice.contender.empty()) {
    throw UsageError(options.choice.cases
                         ? "--cases compares the cases of one suite: give one folder"
                         : "CONTENDER is required");
  }
  if (options.out.empty()) {
    require_no_html_on_terminal(surroundings, options.format);
  } else {
    require_no_folder(options.out);
    require_no_input("--out", options.out, inputs_of(options.choice));
  }
  Comparison comparison;
  try {
    comparison = read_comparison(options.choice);
  } catch (const std::runtime_error& error) {
    if (!options.out.empty()) {
      OutputFile(options.out)
          .write(rendered(surroundings, options, refused(options, error.what())));
    }
    throw;
  }
  const std::string text = rendered(surroundings, options, comparison);
  if (options.out.empty()) {
    print_result(surroundings, text);
  } else {
    OutputFile(options.out).write(text);
  }
  return exit_code(comparison, options);
}

// --------------------------------------------------------------------------------- its options

/// "10%" or "0.1", into a share of 0 .. 1; nothing where it is neither.
std::optional<double> parse_share(const std::string& word) {
  const bool percent = word.ends_with('%');
  const char* const end = word.data() + word.size() - (percent ? 1 : 0);
  double value = 0;
  const auto [stopped, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  if (percent) value /= 100;
  return value >= 0 && value <= 1 ? std::optional(value) : std::nullopt;
}

Value share(double& target) {
  return {"PERCENT", [&target](const std::string& word) {
            const std::optional<double> read = parse_share(word);
            if (!read) return fmt::format("'{}' is no share from 0% to 100%", word);
            target = *read;
            return std::string();
          }};
}

}  // namespace

Command compare_command() {
  const auto options = std::make_shared<CompareOptions>();
  Command command{"compare", "say what got better or worse between two sets of runs"};
  ComparisonChoice& choice = options->choice;
  constexpr const char* kWhat = "a run.json, a folder of repetitions, or the results of a suite";
  command.options = {
      {"BASE", text(choice.base), kWhat},
      {"CONTENDER", text(choice.contender), kWhat, {}, {}, true},
      {"--threshold", share(choice.rules.threshold),
       "a change of up to this is none, however sure it is (default: 1%)"},
      {"--detect", share(choice.rules.detect),
       "a primary figure passes only where a worsening of this size is excluded (default: 10%)"},
      primary_option(choice.rules),
      {"--open", one_of(options->open, {"fail", "pass"}),
       "whether a primary figure that is neither worse nor passed ends in exit code 5 (default: "
       "fail)"},
      {"--cases", flag(choice.cases),
       "compare the cases of one suite with its first one; nothing is gated"},
      {"--base-case",
       text(choice.base_case, "NAME"),
       "with --cases: compare them with this one",
       {"--cases"}},
      {"--all", flag(options->all), "of several cases every figure, not only what changed"},
      {"--force", flag(choice.force),
       "compare different scenarios or engines, too, and say how they differ"},
      {"--format", one_of(options->format, {"text", "markdown", "html", "json"}),
       "text; markdown: to paste into a pull request; html: a page that fetches nothing; json: "
       "everything (reports/json/comparison.schema.json) (default: text)"},
      {"--out", name(options->out, "FILE"),
       "write into this file instead of to stdout, whatever the exit code"}};
  command.footer =
      "Primary figures are gated; all else is explored.\n"
      "Exit codes: 0 passed; 1 a primary figure is worse; 5 one is open: more runs would tell; 3 "
      "a\n"
      "set of runs is no measurement, whatever else; 2 other things were measured.\n"
      "Examples:\n"
      "  tokenlift compare last-week/ today/\n"
      "  tokenlift compare baseline/ results/ --format markdown --out comment.md\n"
      "  tokenlift compare baseline/ results/ --detect 5% --threshold 2%\n"
      "  tokenlift compare baseline/ results/ --primary throughput,ttft_p99\n"
      "  tokenlift compare results/ --cases";
  command.run = [options](const Surroundings& surroundings) {
    return compare_runs(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
