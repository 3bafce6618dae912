#include "bench/command/compare_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/command/input.hpp"
#include "bench/command/trial_reader.hpp"
#include "bench/machine/output_folder.hpp"
#include "reports/findings/comparison.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/json/comparable.hpp"
#include "reports/json/json_comparison.hpp"
#include "reports/json/json_suite.hpp"
#include "reports/page/comparison_page.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

/// Differences that are named where a comparison is refused.
constexpr std::size_t kMostNamed = 5;

struct CompareOptions {
  std::string base;  ///< a run.json, a folder of runs, or the results of a suite
  std::string contender;
  std::string format = "text";  ///< "text", "markdown", "html" or "json"
  std::string out;              ///< a file; empty: stdout
  ComparisonRules rules;
  bool all = false;    ///< every figure, not only what changed
  bool force = false;  ///< compare other scenarios and engines, too
};

// ---------------------------------------------------------------------------------- which runs

/// One side: its cases in their order, and where each is.
struct Side {
  std::string word;
  bool suite = false;
  std::vector<SuiteEntry> cases;  ///< folders as they are opened

  const SuiteEntry* find(const std::string& name) const {
    const auto found = std::find_if(cases.begin(), cases.end(),
                                    [&](const SuiteEntry& one) { return one.name == name; });
    return found == cases.end() ? nullptr : &*found;
  }
};

/// The results of a suite, or one case without a name.
Side side_of(const std::string& word) {
  Side side;
  side.word = word;
  const fs::path index = fs::path(word) / "suite.json";
  std::error_code unreadable;
  if (!fs::exists(index, unreadable)) {
    side.cases = {{"", word}};
    return side;
  }
  side.suite = true;
  for (SuiteEntry& one : read_suite(read_file(index), index.string()).cases) {
    if (one.runs == 0) continue;  // it failed, or was not run: there is nothing to compare
    const fs::path folder = fs::path(one.folder).lexically_normal();
    if (folder.is_absolute() || *folder.begin() == "..") {
      throw UsageError(fmt::format("'{}': the folder of case '{}' is not below it: '{}'",
                                   index.string(), one.name, one.folder));
    }
    side.cases.push_back({std::move(one.name), (fs::path(word) / folder).string()});
  }
  return side;
}

std::vector<std::string> only_in(const Side& one, const Side& other) {
  std::vector<std::string> names;
  for (const SuiteEntry& each : one.cases) {
    if (other.find(each.name) == nullptr) names.push_back(each.name);
  }
  return names;
}

// ------------------------------------------------------------------------------------ one case

/// Throws UsageError where what was measured is not the same, unless told to go on.
void refuse(const std::string& name, const Differences& differences, bool force) {
  const std::vector<std::string>& found = differences.forbidding;
  if (found.empty() || force) return;
  std::string text = name.empty() ? "" : "case '" + name + "': ";
  text += "these runs measured different things";
  for (std::size_t i = 0; i < std::min(found.size(), kMostNamed); ++i) text += "\n  " + found[i];
  if (found.size() > kMostNamed) {
    text += fmt::format("\n  and {} other differences", found.size() - kMostNamed);
  }
  throw UsageError(text + "\n--force compares them all the same");
}

/// Runs are let go when their figures are taken: a thousand cases are small.
ComparedCase read_case(const SuiteEntry& base, const SuiteEntry& contender, bool force) {
  const Trial one = read_trial(base.folder, "base");
  const Trial other = read_trial(contender.folder, "contender");
  ComparedCase result;
  result.name = base.name.empty() ? one.lifted.pooled.scenario_name : base.name;
  result.differences = what_differs(one.lifted.pooled, other.lifted.pooled);
  refuse(base.name, result.differences, force);
  result.base = case_figures(one);
  result.contender = case_figures(other);
  return result;
}

Comparison read_comparison(const CompareOptions& options) {
  const Side base = side_of(options.base);
  const Side contender = side_of(options.contender);
  if (base.suite != contender.suite) {
    const Side& suite = base.suite ? base : contender;
    throw UsageError(fmt::format(
        "'{}' holds the results of a suite and the other side one case: give the folder of that "
        "case",
        suite.word));
  }
  std::vector<ComparedCase> cases;
  for (const SuiteEntry& one : base.cases) {
    const SuiteEntry* const other = contender.find(one.name);
    if (other != nullptr) cases.push_back(read_case(one, *other, options.force));
  }
  if (cases.empty()) {
    throw UsageError(
        fmt::format("'{}' and '{}' have no case in common", base.word, contender.word));
  }
  Comparison comparison = compare(cases, options.rules);
  comparison.base_only = only_in(base, contender);
  comparison.contender_only = only_in(contender, base);
  return comparison;
}

std::string rendered(const Surroundings& surroundings, const CompareOptions& options,
                     const Comparison& comparison) {
  if (options.format == "json") return to_json(comparison);
  return in_format(comparison_page(comparison, options.all), options.format,
                   options.out.empty() ? style_of(surroundings) : TextStyle());
}

/// Compares, writes the result and returns the exit code: kNotValid where a set of runs is no
/// measurement, else kGoalMissed where anything is worse.
int compare_runs(const Surroundings& surroundings, const CompareOptions& options) {
  if (options.rules.threshold >= options.rules.detect) {
    throw UsageError("--threshold must be less than --detect");
  }
  if (options.out.empty()) {
    require_no_html_on_terminal(surroundings, options.format);
  } else {
    require_no_folder(options.out);
  }
  const Comparison comparison = read_comparison(options);
  const std::string text = rendered(surroundings, options, comparison);
  if (options.out.empty()) {
    print_result(surroundings, text);
  } else {
    OutputFile(options.out).write(text);
  }
  if (!comparison.valid()) return kNotValid;
  return comparison.count(Reading::worse) > 0 ? kGoalMissed : kDone;
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
  const char* const kWhat = "a run.json, a folder of repetitions, or the results of a suite";
  command.options = {
      {"BASE", text(options->base), kWhat},
      {"CONTENDER", text(options->contender), kWhat},
      {"--threshold", share(options->rules.threshold),
       "a change of up to this is none, however sure it is (default: 1%)"},
      {"--detect", share(options->rules.detect),
       "'no difference shown' is said only where a change of this size would have been (default: "
       "10%)"},
      {"--all", flag(options->all), "of several cases every figure, not only what changed"},
      {"--force", flag(options->force),
       "compare different scenarios or engines, too, and say how they differ"},
      {"--format", one_of(options->format, {"text", "markdown", "html", "json"}),
       "text; markdown: to paste into a pull request; html: a page that fetches nothing; json: "
       "everything (reports/json/comparison.schema.json) (default: text)"},
      {"--out", name(options->out, "FILE"), "write into this file instead of to stdout"}};
  command.footer =
      "Exit codes: 1 something is worse; 3 a set of runs is no measurement, whatever else.\n"
      "Examples:\n"
      "  tokenlift compare last-week/ today/\n"
      "  tokenlift compare baseline/ results/ --format markdown --out comment.md\n"
      "  tokenlift compare baseline/ results/ --detect 5% --threshold 2%";
  command.run = [options](const Surroundings& surroundings) {
    return compare_runs(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
