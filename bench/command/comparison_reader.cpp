#include "bench/command/comparison_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "bench/command/input.hpp"
#include "bench/command/sweep_comparison.hpp"
#include "bench/command/sweep_results.hpp"
#include "bench/command/trial_reader.hpp"
#include "reports/json/comparable.hpp"
#include "reports/json/json_suite.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

/// Differences that are named where a comparison is refused.
constexpr std::size_t kMostNamed = 5;

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
    side.cases[0].is_sweep =
        word.ends_with(kSweepFile) || fs::exists(fs::path(word) / kSweepFile, unreadable);
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
    one.folder = (fs::path(word) / folder).string();
    side.cases.push_back(std::move(one));
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

/// Throws UsageError: what was measured is not the same.
[[noreturn]] void refuse(const std::string& name, const std::vector<std::string>& found,
                         const Run& base, const Run& contender) {
  std::string text = name.empty() ? "" : "case '" + name + "': ";
  text += "these runs measured different things";
  for (std::size_t i = 0; i < std::min(found.size(), kMostNamed); ++i) text += "\n  " + found[i];
  if (found.size() > kMostNamed) {
    text += fmt::format("\n  and {} other differences", found.size() - kMostNamed);
  }
  if (base.capacity_tokens_per_s != contender.capacity_tokens_per_s) {
    text +=
        "\nloads are shares of a capacity that differs: the same --set fleet.capacity=... "
        "offers the same load to both";
  }
  throw UsageError(text + "\n--force compares them all the same");
}

/// Runs are let go when their figures are taken: a thousand cases are small.
ComparedCase read_case(const std::string& name, const Trial& one, const SuiteEntry& contender,
                       bool force) {
  const Trial other = read_trial(contender.folder, "contender");
  ComparedCase result;
  result.name = name.empty() ? one.lifted.pooled.scenario_name : name;
  result.differences = what_differs(one.lifted.pooled, other.lifted.pooled);
  if (!force && !result.differences.forbidding.empty()) {
    refuse(name, result.differences.forbidding, one.lifted.pooled, other.lifted.pooled);
  }
  result.base = case_figures(one);
  result.contender = case_figures(other);
  return result;
}

/// The others against the first, or against the one of that name. What they were set to differs:
/// that is what is compared.
Comparison read_cases(Side side, const ComparisonChoice& choice) {
  if (!side.suite) {
    throw UsageError(fmt::format("'{}' does not hold the results of a suite", side.word));
  }
  std::erase_if(side.cases, [](const SuiteEntry& one) { return one.is_sweep; });
  const SuiteEntry* const base =
      choice.base_case.empty() ? side.cases.data() : side.find(choice.base_case);
  if (base == nullptr) {
    std::vector<std::string> names;
    for (const SuiteEntry& one : side.cases) names.push_back(one.name);
    throw UsageError(fmt::format("no case is called '{}'; {}", choice.base_case,
                                 suggestion(choice.base_case, names, "suite.json lists them")));
  }
  if (side.cases.size() < 2) {
    throw UsageError(
        fmt::format("'{}' holds fewer than two cases that were run and are no sweeps", side.word));
  }
  const Trial first = read_trial(base->folder, "base");
  std::vector<ComparedCase> cases;
  for (const SuiteEntry& one : side.cases) {
    if (&one == base) continue;
    cases.push_back(read_case(one.name, first, one, true));
  }
  Comparison comparison = compare(cases, choice.rules);
  comparison.title = fmt::format("Cases, compared with {}", base->name);
  return comparison;
}

}  // namespace

Option primary_option(ComparisonRules& rules) {
  return {"--primary", some_of(rules.primary, gate_names(), "figure that can be gated"),
          fmt::format("the primary figures, of 'after' or 'steady', separated by commas: {}; or "
                      "all (default: throughput, goodput, attainment, ttft_p50, ttft_p99, itl_p99)",
                      fmt::join(gate_names(), ", "))};
}

Comparison read_comparison(const ComparisonChoice& options) {
  const Side base = side_of(options.base);
  if (options.cases) return read_cases(base, options);
  const Side contender = side_of(options.contender);
  if (base.suite != contender.suite) {
    const Side& suite = base.suite ? base : contender;
    throw UsageError(fmt::format(
        "'{}' holds the results of a suite and the other side one case: give the folder of that "
        "case",
        suite.word));
  }
  std::vector<ComparedCase> cases;
  std::vector<ComparedSweep> sweeps;
  for (const SuiteEntry& one : base.cases) {
    const SuiteEntry* const other = contender.find(one.name);
    if (other == nullptr) continue;
    if (one.is_sweep != other->is_sweep) {
      throw UsageError(fmt::format("'{}' is a sweep, and '{}' is none",
                                   one.is_sweep ? one.folder : other->folder,
                                   one.is_sweep ? other->folder : one.folder));
    }
    if (!one.is_sweep) {
      cases.push_back(read_case(one.name, read_trial(one.folder, "base"), *other, options.force));
      continue;
    }
    sweeps.push_back(read_compared_sweep(one.name, one.folder, other->folder, options.force));
    for (const ComparedCase& point : sweeps.back().points) cases.push_back(point);
  }
  if (cases.empty()) {
    throw UsageError(
        fmt::format("'{}' and '{}' have no case in common", base.word, contender.word));
  }
  Comparison comparison = compare(cases, options.rules);
  comparison.base_only = only_in(base, contender);
  comparison.contender_only = only_in(contender, base);
  for (const ComparedSweep& sweep : sweeps) add_sweep(comparison, sweep);
  if (!base.suite && !sweeps.empty()) {
    comparison.title = fmt::format("Sweeps over {}, compared", sweeps[0].keys);
  }
  return comparison;
}

std::vector<CaseFigures> read_figures(const std::string& folder,
                                      const std::vector<std::string>& names) {
  std::vector<CaseFigures> figures;
  const Side side = side_of(folder);
  if (!side.suite)
    throw UsageError(fmt::format("'{}' does not hold the results of a suite", folder));
  for (const std::string& name : names) {
    const SuiteEntry* const found = side.find(name);
    if (found == nullptr || found->is_sweep) continue;
    figures.push_back(case_figures(read_trial(found->folder, name)));
  }
  return figures;
}

}  // namespace tokenlift
