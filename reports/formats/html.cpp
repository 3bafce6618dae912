#include "reports/formats/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/charts/charts.hpp"
#include "reports/formats/html_charts.hpp"
#include "reports/formats/html_summary.hpp"
#include "reports/json/json_charts.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/page_assets.hpp"
#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

const Run& first_run(const Report& report) {
  return report.trials.front().trial.lifted.pooled;
}

std::string title_of(const Report& report) {
  if (report.trials.size() == 1) return first_run(report).scenario_name;
  std::vector<std::string> labels;
  for (const TrialReport& each : report.trials) labels.push_back(each.trial.label);
  return listed(labels, "and");
}

std::string header_html(const Report& report) {
  const Run& run = first_run(report);
  std::string out = "<header>\n<p class=\"brand\">tokenlift</p>\n";
  out += "<h1>" + escaped(title_of(report)) + "</h1>\n";
  if (report.trials.size() == 1) {
    std::vector<std::string> facts = {"engine " + run.engine,
                                      run.runs == 1 ? "1 run" : fmt::format("{} runs", run.runs),
                                      run.environment.started_at};
    if (report.trials[0].trial.control) facts[1] += ", each with a control";
    facts.erase(std::remove(facts.begin(), facts.end(), ""), facts.end());
    std::string line;
    for (const std::string& fact : facts) line += (line.empty() ? "" : " · ") + fact;
    out += "<p class=\"facts\">" + escaped(line) + "</p>\n";
  }
  return out + "</header>\n";
}

std::string navigation_html(const std::vector<Chart>& charts) {
  std::string out = "<nav aria-label=\"Sections\"><ul>\n";
  for (std::size_t i = 0; i < charts.size(); ++i) {
    if (i > 0 && charts[i].section == charts[i - 1].section) continue;
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section_id(charts[i].section),
                       charts[i].section);
  }
  out += "<li><a href=\"#tables\">Tables</a></li>\n";
  return out + "<li><a href=\"#origin\">How it was made</a></li>\n</ul></nav>\n";
}

/// Tables without a title are called by what they are of: "tenants" is "Tenants".
Table titled(Table table) {
  if (table.title.empty()) table.title = table.name;
  if (!table.title.empty() && table.title[0] >= 'a' && table.title[0] <= 'z') {
    table.title[0] = static_cast<char>(table.title[0] - 'a' + 'A');
  }
  return table;
}

std::string tables_html(const Report& report) {
  std::string out = "<section>\n<h2 id=\"tables\">Tables</h2>\n";
  for (const TrialReport& each : report.trials) {
    if (report.trials.size() > 1) out += "<h3>" + escaped(each.trial.label) + "</h3>\n";
    for (const Table& table : each.tables) {
      if (table.rows.empty()) continue;
      out += "<div class=\"table\">\n" + table_html(titled(table), "Figures") + "</div>\n";
    }
  }
  return out + "</section>\n";
}

std::string seeds_of(const Trial& trial) {
  std::string seeds;
  for (const RunBrief& run : trial.lifted.runs) {
    seeds += (seeds.empty() ? "" : ", ") + std::to_string(run.seed);
  }
  return seeds;
}

std::string environment_html(const Trial& trial) {
  const Run& run = trial.lifted.pooled;
  const Environment& environment = run.environment;
  const std::string command = shell_command(environment.command);
  std::string capacity;
  if (run.capacity_tokens_per_s) {
    capacity = fmt::format("{} output tokens/s ({})", figure(*run.capacity_tokens_per_s),
                           run.capacity_source.empty() ? "source not known" : run.capacity_source);
  }
  const std::string memory =
      environment.memory_bytes > 0
          ? fmt::format("{:.1f} GiB", static_cast<double>(environment.memory_bytes) / (1 << 30))
          : "";
  const std::string cores = environment.cores > 0 ? std::to_string(environment.cores) : "";
  const std::vector<std::pair<std::string_view, std::string>> facts = {
      {"tokenlift", environment.tokenlift_version},
      {"started", environment.started_at},
      {"engine", run.engine},
      {"seeds", seeds_of(trial)},
      {"capacity", capacity},
      {"CPU", environment.cpu},
      {"cores", cores},
      {"memory", memory},
      {"system", environment.os},
      {"compiler", environment.compiler},
      {"build", environment.build_type},
      {"decoder", environment.decoder_precision}};
  std::string out = "<dl class=\"environment\">\n";
  for (const auto& [name, value] : facts) {
    if (value.empty()) continue;
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, escaped(value));
  }
  out += "</dl>\n";
  if (command.empty()) return out;
  return out + "<h4>To repeat it</h4>\n<pre tabindex=\"0\"><code>" + escaped(command) +
         "</code></pre>\n";
}

std::string origin_html(const Report& report) {
  std::string out = "<section>\n<h2 id=\"origin\">How it was made</h2>\n";
  for (const TrialReport& each : report.trials) {
    if (report.trials.size() > 1) out += "<h3>" + escaped(each.trial.label) + "</h3>\n";
    out += environment_html(each.trial);
    out += "<h4>The scenario as resolved</h4>\n<pre tabindex=\"0\" class=\"scenario\"><code>";
    out += escaped(scenario_toml(each.trial.lifted.pooled)) + "</code></pre>\n";
  }
  return out + "</section>\n";
}

}  // namespace

std::string to_html(const Report& report) {
  const std::vector<Chart> charts = charts_of(report);
  std::string out = page_head(title_of(report), kPageStyle);
  out += "<body>\n<a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n";
  out += header_html(report) + "<main id=\"main\">\n" + summary_html(report);
  out += navigation_html(charts);
  out +=
      "<noscript><p class=\"noscript\">Charts are drawn by a script, which is off: the numbers of "
      "each are in the table under its title.</p></noscript>\n";
  out += charts_html(report, charts) + tables_html(report) + origin_html(report);
  out += "</main>\n" + page_foot(first_run(report).environment.tokenlift_version);
  out += "<script type=\"application/json\" id=\"chart-data\">" + chart_data(charts) +
         "</script>\n<script>\n";
  out += kChartLibrary;
  out += "</script>\n<script>\n";
  out += kPageScript;
  return out + "</script>\n</body>\n</html>\n";
}

}  // namespace tokenlift
