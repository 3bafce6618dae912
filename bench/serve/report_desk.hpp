#pragma once
// Writes reports of a run that goes on, on a thread of its own: that takes as long as many tokens.

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "bench/machine/clock.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

enum class ReportFormat : std::uint8_t { text, json, markdown, html };

/// By name ("text"), or the first that an Accept field names ("text/html, */*"; text where it names
/// none of them). Nothing where there is no format of that name.
std::optional<ReportFormat> report_format(std::string_view name);
ReportFormat accepted_format(std::string_view accept);
/// Of a response.
std::string_view content_type_of(ReportFormat format);

class ReportDesk {
 public:
  /// `clock` is rung when a report is done.
  explicit ReportDesk(BellClock& clock) : clock_(clock) {}

  bool is_busy() const { return report_.valid(); }
  /// Not while it is busy.
  void write(Run run, ReportFormat format);
  /// What was to be written, once, when it is done.
  std::optional<std::string> take();

 private:
  BellClock& clock_;
  std::future<std::string> report_;
  std::jthread thread_;
};

}  // namespace tokenlift
