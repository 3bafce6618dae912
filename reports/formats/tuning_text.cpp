#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "reports/findings/tuning_tables.hpp"
#include "reports/formats/tuning_formats.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kMostRows = 12;

std::string table_text(const Table& table, const TextStyle& style) {
  return table.rows.empty() ? "" : "\n" + to_text(table, style);
}

std::string list_text(const std::string& title, const std::vector<std::string>& sentences,
                      const TextStyle& style) {
  if (sentences.empty()) return "";
  std::string out = "\n" + inked(title, Ink::bold, style) + "\n";
  for (const std::string& sentence : sentences) out += wrapped("  " + sentence, style.width, 4);
  return out;
}

bool fits(const std::string& text, int width) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (display_width(line) > static_cast<std::size_t>(width)) return false;
  }
  return true;
}

/// With as many of the parameters as there is room for.
std::string pareto_text(const TuningReport& report, const TextStyle& style) {
  std::vector<std::size_t> candidates = pareto_candidates(report);
  if (candidates.empty()) return "";
  const std::size_t all = candidates.size();
  if (all > kMostRows) candidates.resize(kMostRows);
  const TextStyle plain = {false, style.width};
  std::size_t parameters = report.parameters.size();
  const auto table_of = [&](std::size_t most_parameters) {
    Table table = candidates_table(report, candidates, most_parameters);
    table.title = "Pareto set: no other has more goodput, less TTFT p99 and fewer unserved";
    if (all > kMostRows) {
      table.notes.push_back(whole_figure(all - kMostRows) + " more are in tune.json.");
    }
    return table;
  };
  while (parameters > 0) {
    Table rows = table_of(parameters);
    rows.notes.clear();
    if (fits(to_text(rows, plain), style.width)) break;
    --parameters;
  }
  return table_text(table_of(parameters), style);
}

/// As it is, line by line: it is there to be copied.
std::string toml_text(const TuningReport& report, const TextStyle& style) {
  if (report.toml.empty()) return "";
  std::string out = "\n" + inked(paste_title(report), Ink::bold, style) + "\n";
  std::istringstream lines(report.toml);
  for (std::string line; std::getline(lines, line);) {
    out += (line.empty() ? "" : "  " + visible(line)) + "\n";
  }
  return out;
}

}  // namespace

std::string tuning_text(const TuningReport& report, const TextStyle& style) {
  const Ink ink = report.recommended ? Ink::green : Ink::red;
  std::string out = inked(wrapped(tuning_verdict(report), style.width, 2), ink, style);
  std::string title = report.scenario;
  for (const std::string& fact : facts_of(report)) title += " · " + fact;
  out += wrapped(title, style.width, 2);
  if (!report.description.empty()) out += wrapped(report.description, style.width, 0);
  for (const std::string& sentence : task_sentences(report)) {
    out += wrapped(sentence, style.width, 2);
  }
  out += table_text(parameters_table(report), style);
  out += table_text(changes_table(report), style);
  out += table_text(constraints_table(report), style);
  out += list_text("what holds it back", report.binding, style);
  out += list_text("what a larger fleet would do", infeasible_sentences(report), style);
  out += table_text(finalists_table(report), style);
  out += table_text(stress_table(report), style);
  out += pareto_text(report, style);
  out += table_text(verification_table(report), style);
  if (report.verification) {
    out += list_text("why nothing is recommended", report.verification->refusals, style);
  }
  out += table_text(stages_table(report), style);
  return out + toml_text(report, style);
}

}  // namespace tokenlift
