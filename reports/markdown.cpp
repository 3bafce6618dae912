#include "reports/markdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/text.hpp"
#include "reports/visible.hpp"

namespace tokenlift {
namespace {

/// Plain words on one line: nothing in them is markup, a mention or a reference.
std::string escaped(std::string_view words) {
  const std::string text = visible(words);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '@':
      case '#':
        out += c;
        if (i + 1 < text.size() && std::isalnum(static_cast<unsigned char>(text[i + 1])) != 0) {
          out += "<!-- -->";
        }
        break;
      default:
        if (std::string_view("\\`*_|[]~$").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
  }
  return out;
}

/// The heading's rows as one: markdown has but one.
std::vector<std::string> heading_of(const Table& table, std::size_t columns) {
  std::vector<std::string> heading(columns);
  for (std::size_t r = 0; r < table.head_rows; ++r) {
    for (std::size_t i = 0; i < table.rows[r].size(); ++i) {
      const std::string text = escaped(table.rows[r][i].text);
      if (!text.empty()) heading[i] += (heading[i].empty() ? "" : "<br>") + text;
    }
  }
  return heading;
}

std::string line_of(const std::vector<std::string>& fields) {
  std::string out = "|";
  for (const std::string& field : fields) out += field.empty() ? " |" : " " + field + " |";
  return out + "\n";
}

std::string table_text(const Table& table) {
  std::size_t columns = 0;
  for (const std::vector<Cell>& row : table.rows) columns = std::max(columns, row.size());
  std::string out = line_of(heading_of(table, columns)) + "|";
  for (std::size_t i = 0; i < columns; ++i) out += i < table.left_columns ? " :-- |" : " --: |";
  out += "\n";
  for (std::size_t r = table.head_rows; r < table.rows.size(); ++r) {
    std::vector<std::string> fields(columns);
    for (std::size_t i = 0; i < table.rows[r].size(); ++i) {
      const Cell& cell = table.rows[r][i];
      fields[i] = escaped(cell.text) + escaped(cell.mark);
      if (cell.ink == Ink::bold && !fields[i].empty()) fields[i] = "**" + fields[i] + "**";
    }
    out += line_of(fields);
  }
  if (!table.notes.empty()) out += "\n";
  for (const std::string& note : table.notes) out += "- " + escaped(note) + "\n";
  return out;
}

std::string open_text(const Table& table) {
  const std::string title = table.title.empty() ? "" : "**" + escaped(table.title) + "**\n\n";
  return title + table_text(table) + "\n";
}

std::string folded(const std::string& summary, const std::string& content) {
  return "<details><summary>" + escaped(summary) + "</summary>\n\n" + content + "\n</details>\n\n";
}

/// A block of code that `text` cannot end, whatever it holds.
std::string code_block(const std::string& text) {
  std::size_t longest = 0;
  std::size_t ticks = 0;
  for (const char c : text) {
    ticks = c == '`' ? ticks + 1 : 0;
    longest = std::max(longest, ticks);
  }
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  return fence + "text\n" + text + fence + "\n";
}

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
  return code_block(out);
}

bool stands_open(const Table& table) {
  return table.name == "fleet" || table.name == "gains" || table.name == "lift";
}

/// Its first line, and what failed as a list.
std::string validity_text(const std::vector<std::string>& lines) {
  std::string out = escaped(lines.front()) + "\n\n";
  for (std::size_t i = 1; i < lines.size(); ++i) out += "- " + escaped(lines[i]) + "\n";
  return lines.size() > 1 ? out + "\n" : out;
}

std::string trial_text(const TrialReport& trial, bool alone) {
  const Run& run = trial.trial.lifted.pooled;
  std::string out = "**" + escaped(trial.verdict) + "**\n\n" + validity_text(trial.validity);
  for (const std::string& remark : trial.remarks) out += "- " + escaped(remark) + "\n";
  if (!trial.remarks.empty()) out += "\n";
  const char* separator = "";
  for (const std::string& part : title_parts(run)) {
    out += separator + escaped(part);
    separator = " · ";
  }
  out += "\n\n";
  for (const Table& table : trial.tables) {
    if (alone && stands_open(table)) out += open_text(table);
  }
  for (const Table& table : trial.tables) {
    if (alone && stands_open(table)) continue;
    out += folded(table.title.empty() ? table.name : table.title, table_text(table));
  }
  return out + folded("command and environment", environment_text(run));
}

}  // namespace

std::string to_markdown(const Report& report) {
  std::string out;
  if (report.trials.size() == 1) {
    out = trial_text(report.trials[0], true);
  } else {
    out = open_text(report.overview);
    for (const TrialReport& trial : report.trials) {
      out += "### " + escaped(trial.trial.label) + "\n\n" + trial_text(trial, false);
    }
  }
  out.pop_back();  // one newline ends it
  return out;
}

}  // namespace tokenlift
