#include "reports/formats/sweep_csv.hpp"

#include <fmt/format.h>

#include <optional>

#include "reports/text/csv_text.hpp"

namespace tokenlift {
namespace {

std::string number_field(const std::optional<double>& value) {
  return value ? fmt::format("{:.9g}", *value) : "";
}

std::string row_of(const SweepReport& report, const SweepPoint& point, const std::string& of,
                   const std::vector<std::string>& values) {
  std::string row = csv_name(of);
  for (const std::string& value : values) row += "," + csv_name(value);
  row += fmt::format(",{},{},{},{},{},{}", name_of(point.state), point.valid ? "yes" : "no",
                     point.runs, point.requests, number_field(point.capacity_tokens_per_s),
                     number_field(point.accelerators));
  for (std::size_t i = 0; i < report.figures.size(); ++i) {
    const Estimate figure = i < point.figures.size() ? point.figures[i] : Estimate{};
    const auto end = [&](double Interval::*of_interval) {
      return figure.interval ? number_field((*figure.interval).*of_interval) : "";
    };
    row += fmt::format(",{},{},{}", number_field(figure.value), end(&Interval::low),
                       end(&Interval::high));
  }
  return row + "\n";
}

}  // namespace

std::string sweep_csv(const SweepReport& report) {
  // Of a search the key that it changes; others are as the scenario has them.
  std::vector<std::string> keys;
  for (const SweepAxis& axis : report.axes) keys.push_back(axis.key);
  if (keys.empty() && !report.finds.empty()) keys.push_back(report.finds[0].axis.key);
  std::string out = "of";
  for (const std::string& key : keys) out += "," + csv_name(key);
  out += ",state,valid,runs,requests,capacity_tokens_per_s,accelerators";
  for (const std::string& path : report.figures) {
    out += fmt::format(",{0},{0}.low,{0}.high", csv_name(path));
  }
  out += "\n";
  for (const SweepPoint& point : report.points) {
    out += row_of(report, point, "sweep", point.values);
  }
  for (const SweepFind& find : report.finds) {
    for (const FindTry& tried : find.tries) {
      std::vector<std::string> values(keys.size());
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i] == find.axis.key && !tried.point.values.empty()) {
          values[i] = tried.point.values[0];
        }
      }
      const std::string name = find.name.empty() ? (find.most ? "most" : "least") : find.name;
      out += row_of(report, tried.point, name, values);
    }
  }
  return out;
}

}  // namespace tokenlift
