#include "reports/text/metrics_text.hpp"

#include <fmt/format.h>

namespace tokenlift {
namespace {

std::string label_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace

MetricFamily::MetricFamily(std::string name, std::string type, std::string unit, std::string help)
    : name_(std::move(name)), head_(fmt::format("# TYPE {} {}\n", name_, type)) {
  if (!unit.empty()) head_ += fmt::format("# UNIT {} {}\n", name_, unit);
  head_ += fmt::format("# HELP {} {}\n", name_, label_escaped(help));
}

void MetricFamily::add(std::string_view suffix, const MetricLabels& labels,
                       const std::string& value) {
  samples_ += name_ + std::string(suffix) + "{";
  const char* separator = "";
  for (const auto& [key, text] : labels) {
    samples_ += separator + key + "=\"" + label_escaped(text) + "\"";
    separator = ",";
  }
  samples_ += "} " + value + "\n";
}

void MetricFamily::add(std::string_view suffix, const MetricLabels& labels, double value) {
  add(suffix, labels, fmt::format("{}", value));
}

void MetricFamily::add(const MetricLabels& labels, const std::optional<double>& value) {
  if (value) add("", labels, *value);
}

std::string label_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (digit && name.empty()) name += '_';
    name += letter || digit ? c : '_';
  }
  return name.empty() ? "_" : name;
}

}  // namespace tokenlift
