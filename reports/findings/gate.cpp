#include "reports/findings/gate.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>

namespace tokenlift {
namespace {

double difficulty(const ComparedLine& line, const ComparisonRules& rules) {
  const double distance = excluded(line, rules);
  return distance > 0 ? line.shift.deviation / distance : INFINITY;
}

}  // namespace

void moderate(const ComparedLines& lines) {
  using Family = std::tuple<std::string, bool, bool, bool>;
  std::map<Family, ComparedLines> families;
  for (ComparedLine* const line : lines) {
    const ComparedFigure& figure = line->figure;
    const std::string phase = is_lasting(figure.phase) ? "" : figure.phase;
    families[{figure.name + phase, figure.primary, figure.is_difference, line->shift.paired}]
        .push_back(line);
  }
  for (const auto& [family, members] : families) {
    std::vector<Shift> shifts;
    for (const ComparedLine* const line : members) shifts.push_back(line->shift);
    const std::vector<Shift> with_prior = moderated(shifts);
    for (std::size_t i = 0; i < members.size(); ++i) {
      members[i]->shift = with_prior[i];
      members[i]->figure.change = members[i]->estimate();
    }
  }
}

double negligible(const ComparedLine& line, const ComparisonRules& rules) {
  return line.size_of(rules.threshold) + line.grain;
}

double excluded(const ComparedLine& line, const ComparisonRules& rules) {
  return line.size_of(rules.detect) - line.grain;
}

double first_level(std::size_t tests) {
  return kComparisonLevel / static_cast<double>(std::max<std::size_t>(1, tests));
}

double least_change(const ComparedLine& line, std::size_t runs, std::size_t tests,
                    const ComparisonRules& rules) {
  return line.change_of(least_shown(line.shift, runs, negligible(line, rules), first_level(tests)));
}

std::vector<GatedShift> gated_shifts(ComparedLines& lines, const ComparisonRules& rules) {
  std::stable_sort(lines.begin(), lines.end(),
                   [&](const ComparedLine* one, const ComparedLine* other) {
                     return difficulty(*one, rules) < difficulty(*other, rules);
                   });
  std::vector<GatedShift> gated;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ComparedLine& line = *lines[i];
    const auto left = static_cast<double>(lines.size() - i);
    gated.push_back({line.shift,
                     {negligible(line, rules), line.size_of(kSurelyWorse * rules.detect),
                      first_level(lines.size())},
                     {line.grain, line.size_of(rules.detect), kExclusionLevel / left}});
  }
  return gated;
}

}  // namespace tokenlift
