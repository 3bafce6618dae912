#include "reports/formats/suite_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "reports/analysis/interval.hpp"
#include "reports/text/csv_text.hpp"

namespace tokenlift {
namespace {

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.9g}", *value) : "";
}

/// "runs,mean,low,high,least,most"
std::string values_of(const FigureSet& set, double scale) {
  std::vector<double> values;
  for (const RunFigure& run : set.runs) values.push_back(run.value * scale);
  if (values.empty()) return "0,,,,,";
  const Spread spread = spread_of(values);
  std::optional<double> low;
  std::optional<double> high;
  if (values.size() >= kLeastRuns) {
    const double reach = t_quantile(static_cast<double>(values.size() - 1)) * spread.standard_error;
    low = spread.mean - reach;
    high = spread.mean + reach;
    if (set.scale == FigureScale::share) {
      low = std::max(*low, 0.0);
      high = std::min(*high, 1.0);
    }
  }
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{},{},{},{},{},{}", values.size(), number(spread.mean), number(low),
                     number(high), number(*least), number(*most));
}

}  // namespace

std::string suite_csv(const std::vector<CaseRows>& cases, const std::vector<std::string>& primary) {
  std::string out = "case,status,phase,figure,unit,gated,runs,mean,low,high,least,most,missing\n";
  for (const CaseRows& one : cases) {
    for (const FigureSet& set : one.figures->figures) {
      const bool duration = set.unit == "ns";
      out +=
          fmt::format("{},{},{},{},{},{},{},{}\n", csv_name(one.name), csv_name(one.status),
                      csv_name(set.phase), csv_name(set.name), csv_name(duration ? "ms" : set.unit),
                      is_gated(set, primary) ? "yes" : "no", values_of(set, duration ? 1e-6 : 1),
                      csv_name(set.missing));
    }
  }
  return out;
}

}  // namespace tokenlift
