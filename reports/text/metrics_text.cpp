#include "reports/text/metrics_text.hpp"

#include <fmt/format.h>

#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

/// The format itself knows of the ends of lines; of what else a terminal acts on it takes all.
std::string label_escaped(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = text.find('\n');
    for (const char c : visible(text.substr(0, end))) {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
    if (end == std::string_view::npos) return out;
    out += "\\n";
    text.remove_prefix(end + 1);
  }
}

}  // namespace

MetricFamily::MetricFamily(std::string name, const std::string& type, const std::string& unit,
                           const std::string& help)
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
