#include "reports/formats/text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/findings/verdict.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

std::string title(const Run& run, const TextStyle& style) {
  std::vector<std::string> parts = title_parts(run);
  for (std::string& part : parts) part = visible(part);
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t size = display_width(parts[i]);
    if (i > 0 && column + 3 + size > static_cast<std::size_t>(std::max(style.width, 0))) {
      out += "\n  ";
      column = 2;
    } else if (i > 0) {
      out += " · ";
      column += 3;
    }
    out += i == 0 ? inked(parts[i], Ink::bold, style) : parts[i];
    column += size;
  }
  return out + "\n";
}

/// The first words in the colour of what they say: "valid: ..." or "NOT VALID ...".
std::string validity_text(const TrialReport& trial, const TextStyle& style) {
  const bool valid = is_valid(trial.trial);
  const std::string head = valid ? "valid" : "NOT VALID";
  std::string text;
  for (const std::string& line : trial.validity) text += wrapped(line, style.width, 4);
  if (!text.starts_with(head)) return text;
  return inked(head, valid ? Ink::green : Ink::red, style) + text.substr(head.size());
}

std::string trial_text(const TrialReport& trial, const TextStyle& style) {
  std::string out = validity_text(trial, style);
  out += wrapped(trial.verdict, style.width, 2);
  for (const std::string& remark : trial.remarks) out += wrapped(remark, style.width, 2);
  out += title(trial.trial.lifted.pooled, style);
  for (const Table& table : trial.tables) out += "\n" + to_text(table, style);
  return out;
}

}  // namespace

std::vector<std::string> title_parts(const Run& run) {
  std::vector<std::string> parts = {
      run.scenario_name, "engine " + run.engine,
      run.runs > 1 ? fmt::format("seeds from {}", run.seed) : fmt::format("seed {}", run.seed),
      run.runs > 1 ? fmt::format("{} runs pooled", run.runs)
                   : fmt::format("repetition {}", run.repetition)};
  if (!run.environment.cpu.empty()) {
    parts.push_back(fmt::format("{}, {} cores", run.environment.cpu, run.environment.cores));
  }
  if (run.capacity_tokens_per_s) {
    parts.push_back(fmt::format("capacity {} tokens/s{}", figure(*run.capacity_tokens_per_s),
                                run.capacity_source.empty() ? "" : ", " + run.capacity_source));
  }
  return parts;
}

std::string to_text(const Report& report, const TextStyle& style) {
  if (report.trials.size() == 1) return trial_text(report.trials[0], style);
  std::string out = to_text(report.overview, style);
  for (const TrialReport& trial : report.trials) {
    out += "\n" + inked("== " + visible(trial.trial.label) + " ==", Ink::bold, style) + "\n";
    out += trial_text(trial, style);
  }
  return out;
}

}  // namespace tokenlift
