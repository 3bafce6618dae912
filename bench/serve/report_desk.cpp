#include "bench/serve/report_desk.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "reports/analysis/trial.hpp"
#include "reports/findings/report.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/json/json_report.hpp"
#include "reports/page/report_page.hpp"
#include "workloads/text/ascii.hpp"

namespace tokenlift {

namespace {

struct Format {
  ReportFormat format;
  std::string_view name;
  std::string_view media_type;
  std::string_view content_type;
};
constexpr auto kFormats = std::to_array<Format>({
    {ReportFormat::text, "text", "text/plain", "text/plain; charset=utf-8"},
    {ReportFormat::json, "json", "application/json", "application/json"},
    {ReportFormat::markdown, "markdown", "text/markdown", "text/markdown; charset=utf-8"},
    {ReportFormat::html, "html", "text/html", "text/html; charset=utf-8"},
});

const Format& row_of(ReportFormat format) {
  return *std::ranges::find(kFormats, format, &Format::format);
}

std::string written(const Run& run, ReportFormat format) {
  Pool pool;
  pool.add(run.scenario_name, run);
  const Report report = make_report({pool.take(run.scenario_name)});
  if (format == ReportFormat::json) return to_json(report);
  return in_format(report_page(report), row_of(format).name, TextStyle());
}

}  // namespace

std::optional<ReportFormat> report_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &Format::name);
  return found == kFormats.end() ? std::nullopt : std::optional(found->format);
}

ReportFormat accepted_format(std::string_view accept) {
  while (!accept.empty()) {
    const auto end = std::min(accept.find(','), accept.size());
    std::string_view type = accept.substr(0, end);
    type = trimmed(type.substr(0, type.find(';')), " \t");
    const auto found = std::ranges::find_if(kFormats, [&](const Format& format) {
      return equals_ignoring_case(type, format.media_type);
    });
    if (found != kFormats.end()) return found->format;
    accept.remove_prefix(std::min(end + 1, accept.size()));
  }
  return ReportFormat::text;
}

std::string_view content_type_of(ReportFormat format) {
  return row_of(format).content_type;
}

void ReportDesk::write(Run run, ReportFormat format) {
  std::packaged_task<std::string()> task(
      [its = std::move(run), format] { return written(its, format); });
  report_ = task.get_future();
  thread_ = std::jthread([this, its = std::move(task)]() mutable {
    its();
    clock_.ring();
  });
}

std::optional<std::string> ReportDesk::take() {
  if (!is_busy()) return std::nullopt;
  if (report_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
  return report_.get();
}

}  // namespace tokenlift
