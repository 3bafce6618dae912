#include "reports/formats/markdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "reports/formats/text.hpp"
#include "reports/text/markdown_text.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

std::string environment_text(const Run& run) {
  const Environment& environment = run.environment;
  std::string out = visible(shell_command(environment.command)) + "\n\n";
  const auto add = [&](const char* label, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<11} {}\n", label, visible(value));
  };
  add("tokenlift", environment.tokenlift_version);
  add("compiler", environment.compiler);
  add("build", environment.build_type);
  add("CPU", fmt::format("{}, {} cores", environment.cpu, environment.cores));
  add("memory", fmt::format("{:.1f} GiB", static_cast<double>(environment.memory_bytes) /
                                              static_cast<double>(std::int64_t{1} << 30)));
  add("system", environment.os);
  add("precision", environment.decoder_precision);
  add("started", environment.started_at);
  add("seed", std::to_string(run.seed));
  return markdown_code(out);
}

bool stands_open(const Table& table) {
  return table.name == "fleet" || table.name == "gains" || table.name == "lift";
}

/// Its first line, and what failed as a list.
std::string validity_text(const std::vector<std::string>& lines) {
  std::string out = markdown_escaped(lines.front()) + "\n\n";
  for (std::size_t i = 1; i < lines.size(); ++i) out += "- " + markdown_escaped(lines[i]) + "\n";
  return lines.size() > 1 ? out + "\n" : out;
}

std::string trial_text(const TrialReport& trial, bool alone) {
  const Run& run = trial.trial.lifted.pooled;
  std::string out =
      "**" + markdown_escaped(trial.verdict) + "**\n\n" + validity_text(trial.validity);
  for (const std::string& remark : trial.remarks) out += "- " + markdown_escaped(remark) + "\n";
  if (!trial.remarks.empty()) out += "\n";
  const char* separator = "";
  for (const std::string& part : title_parts(run)) {
    out += separator + markdown_escaped(part);
    separator = " · ";
  }
  out += "\n\n";
  for (const Table& table : trial.tables) {
    if (alone && stands_open(table)) out += markdown_titled(table);
  }
  for (const Table& table : trial.tables) {
    if (alone && stands_open(table)) continue;
    out += markdown_folded(table.title.empty() ? table.name : table.title, markdown_table(table));
  }
  return out + markdown_folded("command and environment", environment_text(run));
}

}  // namespace

std::string to_markdown(const Report& report) {
  std::string out;
  if (report.trials.size() == 1) {
    out = trial_text(report.trials[0], true);
  } else {
    out = markdown_titled(report.overview);
    for (const TrialReport& trial : report.trials) {
      out += "### " + markdown_escaped(trial.trial.label) + "\n\n" + trial_text(trial, false);
    }
  }
  out.pop_back();  // one newline ends it
  return out;
}

}  // namespace tokenlift
