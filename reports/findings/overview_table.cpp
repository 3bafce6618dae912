#include "reports/findings/overview_table.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "reports/findings/gains_table.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

using Trials = std::vector<TrialReport>;

/// The phases whose figures an overview gives: before and after, or the last one alone.
std::vector<const PhaseSummary*> shown_phases(const TrialReport& trial) {
  const PhaseSummary* const before = find_phase(trial.phases, "before");
  const PhaseSummary* const after = find_phase(trial.phases, "after");
  if (before != nullptr && after != nullptr) return {before, after};
  if (trial.phases.empty()) return {};
  return {&trial.phases.back()};
}

class OverviewRows {
 public:
  explicit OverviewRows(const Trials& trials) : trials_(trials) {
    table_.name = "overview";
    table_.title = "side by side";
    table_.left_columns = 2;
    table_.head_rows = 1;
    std::vector<Cell> heading = {{""}, {""}};
    for (const TrialReport& trial : trials) heading.push_back({trial.trial.label});
    table_.rows.push_back(std::move(heading));
  }

  template <typename CellOf>
  void add(const std::string& label, const std::string& unit, const CellOf& cell_of) {
    std::vector<Cell> row = {{label}, {unit}};
    bool any = false;
    for (const TrialReport& trial : trials_) {
      row.push_back(cell_of(trial));
      any = any || row.back().text != kAbsent;
    }
    if (any) table_.rows.push_back(std::move(row));
  }

  /// "before -> after" of what `value_of` gives of a phase.
  template <typename ValueOf>
  void add_phases(const std::string& label, const std::string& unit, double scale,
                  const ValueOf& value_of) {
    add(label, unit, [&](const TrialReport& trial) {
      std::vector<std::string> figures;
      bool any = false;
      for (const PhaseSummary* const phase : shown_phases(trial)) {
        const std::optional<double> value = value_of(*phase);
        figures.push_back(value ? figure(*value * scale) : kAbsent);
        any = any || value;
      }
      if (!any) return Cell{kAbsent};
      return Cell{figures.size() == 2 ? figures[0] + " -> " + figures[1] : figures[0]};
    });
  }

  void add_rate(const std::string& label, const std::string& unit, double scale,
                std::optional<double> Rates::*rate) {
    add_phases(label, unit, scale, [&](const PhaseSummary& phase) { return phase.rates.*rate; });
  }

  /// One unit for all trials, so that they can be compared.
  void add_ttft(int permille) {
    const auto value_of = [&](const PhaseSummary& phase) -> std::optional<double> {
      const std::optional<std::int64_t> ns = phase.of(Metric::ttft).at(permille);
      return ns ? std::optional(static_cast<double>(*ns)) : std::nullopt;
    };
    std::vector<double> known_ns;
    for (const TrialReport& trial : trials_) {
      for (const PhaseSummary* const phase : shown_phases(trial)) {
        if (const std::optional<double> ns = value_of(*phase)) known_ns.push_back(*ns);
      }
    }
    const DurationUnit unit = duration_unit(known_ns);
    add_phases("TTFT " + std::string(percentile_name(permille)), std::string(unit.name),
               1 / unit.ns, value_of);
  }

  void add_gain(const std::string& name) {
    add(gain_label(name) + ", after against before", "", [&](const TrialReport& trial) {
      if (!trial.lift) return Cell{kAbsent};
      const Gain* const gain = find_gain(trial.lift->gains, name);
      if (gain == nullptr || !gain->change.value) return Cell{kAbsent};
      const ShownUnit unit = shown_unit(gain->unit, gain->before, gain->after);
      std::string text = change_text(gain->change, gain->is_difference, unit.scale);
      if (gain->is_difference) text += " " + unit.name;
      if (gain->change.interval) {
        text += " (" + interval_text(gain->change, gain->is_difference, unit.scale) + ")";
      }
      return Cell{std::move(text)};
    });
  }

  void add_delay(const std::string& label, const Delay& (*delay_of)(const LiftReport&)) {
    add(label, "s", [&](const TrialReport& trial) {
      if (!trial.lift || !delay_of(*trial.lift).ns) return Cell{kAbsent};
      return Cell{figure(static_cast<double>(*delay_of(*trial.lift).ns) / 1e9)};
    });
  }

  Table take() {
    table_.notes.emplace_back(
        "a -> b: before and after the change; in brackets the 95 % interval, where there is one.");
    return std::move(table_);
  }

 private:
  const Trials& trials_;
  Table table_;
};

}  // namespace

Table overview_table(const std::vector<TrialReport>& trials) {
  if (trials.size() < 2) return {};
  OverviewRows rows(trials);
  rows.add("valid", "", [](const TrialReport& trial) {
    return is_valid(trial.trial) ? Cell{"yes", {}, Ink::green} : Cell{"NO", {}, Ink::red};
  });
  rows.add("runs", "", [](const TrialReport& trial) {
    return Cell{whole_figure(trial.trial.lifted.pooled.runs)};
  });
  rows.add_rate("throughput", "tokens/s", 1, &Rates::throughput_tokens_per_s);
  rows.add_rate("goodput", "tokens/s", 1, &Rates::goodput_tokens_per_s);
  rows.add_rate("attainment", "%", 100, &Rates::attainment);
  rows.add_ttft(500);
  rows.add_ttft(990);
  for (const char* name : {"throughput", "goodput", "ttft p50", "ttft p99"}) rows.add_gain(name);
  rows.add_delay("drain time", [](const LiftReport& lift) -> const Delay& { return lift.drain; });
  rows.add_delay("settling time of goodput",
                 [](const LiftReport& lift) -> const Delay& { return lift.goodput.settling; });
  rows.add("SLO debt", "requests per run", [](const TrialReport& trial) {
    if (!trial.lift || !trial.lift->slo_debt_requests) return Cell{kAbsent};
    return Cell{figure(*trial.lift->slo_debt_requests)};
  });
  return rows.take();
}

}  // namespace tokenlift
