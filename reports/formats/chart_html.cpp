#include "reports/formats/chart_html.hpp"

#include <fmt/format.h>

#include "reports/text/figure.hpp"
#include "reports/text/html_text.hpp"

namespace tokenlift {
namespace {

/// What the chart shows, for who cannot see it.
std::string spoken(const Chart& chart) {
  std::vector<std::string> labels;
  for (const Line& line : chart.lines) labels.push_back(line.label);
  std::string text = fmt::format("{}. {} of {}; vertical: {}", chart.title,
                                 chart.categories.empty() ? "Line chart" : "Bar chart",
                                 listed(labels, "and"), chart.y.label);
  if (chart.right) text += ", right: " + chart.right->label;
  if (!chart.x.label.empty()) text += "; horizontal: " + chart.x.label;
  text += ".";
  for (const Mark& mark : chart.marks) text += " Marked: " + mark.label + ".";
  return text + " The numbers are in the table that follows.";
}

std::string numbers_html(const std::string& title, const std::vector<Table>& tables) {
  if (tables.empty()) return "";
  std::string out = fmt::format(
      "<details class=\"numbers\"><summary>Numbers<span class=\"hidden\"> of {}</span></summary>\n",
      escaped(title));
  for (const Table& table : tables) out += table_html(table, title);
  return out + "</details>\n";
}

std::string heading_html(const std::string& title, const std::string& explanation) {
  std::string out = "<h3>" + escaped(title) + "</h3>\n";
  if (explanation.empty()) return out;
  return out + "<p class=\"explanation\">" + escaped(explanation) + "</p>\n";
}

std::string key_html(const Picture& picture) {
  if (picture.key.empty()) return "";
  std::string out = "<ul class=\"key\">\n";
  for (const auto& [css_class, words] : picture.key) {
    const bool line = css_class.starts_with("line") || css_class.starts_with("thread");
    const std::string shape =
        line ? fmt::format("<path class=\"{}\" d=\"M1 7H25\"/>", css_class)
        : css_class == "present"
            ? "<path class=\"present\" d=\"M13 1l6 6l-6 6l-6-6z\"/>"
            : fmt::format("<circle class=\"{}\" cx=\"13\" cy=\"7\" r=\"5.5\"/>", css_class);
    out += fmt::format(
        "<li><svg class=\"plot-svg\" viewBox=\"0 0 26 14\" aria-hidden=\"true\">{}</svg>{}</li>\n",
        shape, escaped(words));
  }
  return out + "</ul>\n";
}

}  // namespace

std::string chart_html(const Chart& chart) {
  const std::string id = escaped(chart.id);
  return fmt::format("<article class=\"chart\" id=\"{}\">\n", id) +
         heading_html(chart.title, chart.explanation) +
         fmt::format(
             "<div class=\"legend\" data-legend=\"{0}\"></div>\n"
             "<div class=\"plot{1}\"><canvas data-chart=\"{0}\" role=\"img\" tabindex=\"0\" "
             "aria-label=\"{2}\"></canvas></div>\n"
             "<p class=\"readout hidden\" aria-live=\"polite\"></p>\n",
             id, chart.categories.empty() ? "" : " bars", escaped(spoken(chart))) +
         numbers_html(chart.title, chart.numbers) + "</article>\n";
}

std::string picture_html(const Picture& picture) {
  return "<article class=\"chart\">\n" + heading_html(picture.title, picture.explanation) +
         key_html(picture) + "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" +
         escaped(picture.title) + "\">\n" + picture.svg + "</div>\n" +
         numbers_html(picture.title, picture.numbers) + "</article>\n";
}

}  // namespace tokenlift
