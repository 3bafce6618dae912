#pragma once
// Metrics as OpenMetrics writes them: families with labelled samples.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenlift {

/// Names and values. Names are letters, digits and '_'; values are any text.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// One family of metrics: its metadata, and samples as they come.
class MetricFamily {
 public:
  /// `type`: "gauge", "counter", "info", ...; `unit` may be empty, else the name ends in it.
  MetricFamily(std::string name, const std::string& type, const std::string& unit,
               const std::string& help);

  void add(std::string_view suffix, const MetricLabels& labels, const std::string& value);
  void add(std::string_view suffix, const MetricLabels& labels, double value);
  void add(const MetricLabels& labels, const std::optional<double>& value);

  /// Empty where it has no samples.
  std::string text() const { return samples_.empty() ? "" : head_ + samples_; }

 private:
  std::string name_;
  std::string head_;
  std::string samples_;
};

/// The text as the name of a label: other characters as '_', and none in front that is a digit.
std::string label_name(std::string_view text);

}  // namespace tokenlift
