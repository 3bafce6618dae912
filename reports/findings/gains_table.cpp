#include "reports/findings/gains_table.hpp"

#include <array>
#include <utility>

#include "reports/findings/reason_notes.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

std::string change_text(double value, bool is_difference, double scale) {
  if (!is_difference) return "x" + figure(value);
  return signed_figure(value * scale);
}

/// What the interval says. Without one nothing does.
template <typename Change>
Cell reading(const Change& change, const Estimate& estimate, bool valid) {
  if (!estimate.interval) return {kAbsent};
  if (!valid) return {"not valid"};
  if (!change.shown()) return {"not shown"};
  return change.better() ? Cell{"better", {}, Ink::green} : Cell{"worse", {}, Ink::red};
}

/// What the intervals of a table rest on, and why some are missing.
class Support {
 public:
  void add(const std::string& label, const Estimate& estimate) {
    ++rows_;
    (estimate.interval ? bases_ : reasons_)
        .add(label, estimate.interval ? estimate.basis : estimate.reason);
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> notes =
        bases_.sentences("95 % intervals of", "95 % intervals", bases_.agree() ? 0 : rows_);
    const std::string none = std::string(kAbsent) + " no interval";
    for (std::string& note : reasons_.sentences(none + " of", none, rows_)) {
      notes.push_back(std::move(note));
    }
    return notes;
  }

 private:
  std::size_t rows_ = 0;
  ReasonNotes bases_;
  ReasonNotes reasons_;
};

}  // namespace

std::string gain_label(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNames = {
      {{"ttft", "TTFT"}, {"tpot", "TPOT"}, {"itl", "ITL"}}};
  for (const auto& [own, shown] : kNames) {
    if (name.starts_with(own)) return std::string(shown) + name.substr(own.size());
  }
  return name;
}

ShownUnit shown_unit(const std::string& unit, const std::optional<double>& one,
                     const std::optional<double>& other) {
  if (unit == "share") return {"%", 100};
  if (unit != "ns") return {unit, 1};
  std::vector<double> known_ns;
  if (one) known_ns.push_back(*one);
  if (other) known_ns.push_back(*other);
  const DurationUnit duration = duration_unit(known_ns);
  return {std::string(duration.name), 1 / duration.ns};
}

std::string change_text(const Estimate& estimate, bool is_difference, double scale) {
  return estimate.value ? change_text(*estimate.value, is_difference, scale) : kAbsent;
}

std::string interval_text(const Estimate& estimate, bool is_difference, double scale) {
  if (!estimate.interval) return kAbsent;
  return change_text(estimate.interval->low, is_difference, scale) + " to " +
         change_text(estimate.interval->high, is_difference, scale);
}

Table gains_table(const std::vector<Gain>& gains, bool valid) {
  Table table;
  table.name = "gains";
  table.title = "after against before";
  table.left_columns = 2;
  if (gains.empty()) return table;
  table.head_rows = 1;
  table.rows = {{{""}, {""}, {"before"}, {"after"}, {"change"}, {"95 % interval"}, {"for users"}}};
  Support support;
  ReasonNotes left_out;
  for (const Gain& gain : gains) {
    const ShownUnit unit = shown_unit(gain.unit, gain.before, gain.after);
    const std::string label = gain_label(gain.name);
    if (!gain.before && !gain.after && !gain.change.value) {
      left_out.add(label, gain.change.reason.empty() ? "not measured" : gain.change.reason);
      continue;
    }
    table.rows.push_back({{label},
                          {unit.name},
                          {figure_or_absent(gain.before, unit.scale)},
                          {figure_or_absent(gain.after, unit.scale)},
                          {change_text(gain.change, gain.is_difference, unit.scale)},
                          {interval_text(gain.change, gain.is_difference, unit.scale)},
                          reading(gain, gain.change, valid)});
    support.add(label, gain.change);
  }
  table.notes = support.notes();
  for (std::string& note : left_out.sentences("Left out:", "Left out: all", gains.size() + 1)) {
    table.notes.push_back(std::move(note));
  }
  return table;
}

Table effects_table(const std::vector<Effect>& effects, bool valid) {
  Table table;
  table.name = "effects";
  table.title = "with the lift against without it";
  table.left_columns = 3;
  if (effects.empty()) return table;
  table.head_rows = 1;
  table.rows = {
      {{""}, {""}, {""}, {"with"}, {"without"}, {"difference"}, {"95 % interval"}, {"for users"}}};
  Support support;
  std::string phase;
  for (const Effect& effect : effects) {
    const ShownUnit unit = shown_unit(effect.unit, effect.with, effect.without);
    const std::string label = gain_label(effect.name);
    table.rows.push_back({{effect.phase == phase ? "" : effect.phase},
                          {label},
                          {unit.name},
                          {figure_or_absent(effect.with, unit.scale)},
                          {figure_or_absent(effect.without, unit.scale)},
                          {change_text(effect.difference, true, unit.scale)},
                          {interval_text(effect.difference, true, unit.scale)},
                          reading(effect, effect.difference, valid)});
    phase = effect.phase;
    support.add(label + " in " + effect.phase, effect.difference);
  }
  table.notes = support.notes();
  return table;
}

}  // namespace tokenlift
