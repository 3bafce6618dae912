#include "reports/analysis/agreement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "reports/analysis/summary.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

struct ComparedRate {
  const char* label;
  const char* unit;
  std::optional<double> Rates::*rate;
  double scale;
  std::optional<double> goal;
};
constexpr std::array<ComparedRate, 5> kComparedRates = {
    {{"throughput", "tokens/s", &Rates::throughput_tokens_per_s, 1, kRateGoal},
     {"goodput", "tokens/s", &Rates::goodput_tokens_per_s, 1, kRateGoal},
     {"attainment", "%", &Rates::attainment, 100, {}},
     {"utilisation", "%", &Rates::utilisation, 100, {}},
     {"batch mean", "sequences", &Rates::batch_mean, 1, {}}}};

struct ComparedLatency {
  const char* label;
  Metric metric;
  int permille;
  std::optional<double> goal;
};
constexpr std::array<ComparedLatency, 6> kComparedLatencies = {
    {{"TTFT", Metric::ttft, 500, kTtftMedianGoal},
     {"TTFT", Metric::ttft, 990, kTtftTailGoal},
     {"TPOT", Metric::tpot, 500, {}},
     {"ITL", Metric::itl, 500, {}},
     {"ITL", Metric::itl, 990, {}},
     {"e2e", Metric::e2e, 500, {}}}};

AgreementRow row_of(const ComparedRate& compared, const PhaseSummary& real,
                    const PhaseSummary& simulated) {
  AgreementRow row;
  row.figure = compared.label;
  row.unit = compared.unit;
  row.goal = compared.goal;
  const auto scaled = [&](const Rates& rates) -> std::optional<double> {
    const std::optional<double>& rate = rates.*compared.rate;
    return rate ? std::optional(*rate * compared.scale) : std::nullopt;
  };
  row.real = scaled(real.rates);
  row.simulated = scaled(simulated.rates);
  return row;
}

AgreementRow row_of(const ComparedLatency& compared, const PhaseSummary& real,
                    const PhaseSummary& simulated) {
  AgreementRow row;
  row.figure = fmt::format("{} {}", compared.label, percentile_name(compared.permille));
  row.goal = compared.goal;
  std::vector<double> known_ns;
  for (const PhaseSummary* phase : {&real, &simulated}) {
    const auto value_ns = phase->of(compared.metric).at(compared.permille);
    if (value_ns) known_ns.push_back(static_cast<double>(*value_ns));
  }
  const DurationUnit unit = duration_unit(known_ns);
  row.unit = unit.name;
  const auto in_unit = [&](const PhaseSummary& phase) -> std::optional<double> {
    const auto value_ns = phase.of(compared.metric).at(compared.permille);
    return value_ns ? std::optional(static_cast<double>(*value_ns) / unit.ns) : std::nullopt;
  };
  row.real = in_unit(real);
  row.simulated = in_unit(simulated);
  return row;
}

/// Fills in the phase's, and whether the goal is met: a share of the real figure or, where that is
/// 0, of `instead_of_zero`.
AgreementRow judged(AgreementRow row, const PhaseSummary& real, double instead_of_zero) {
  row.phase = real.name;
  row.utilisation = real.rates.utilisation;
  if (!row.goal || !row.real || !row.simulated) return row;
  const double base = *row.real == 0 ? instead_of_zero : *row.real;
  row.met = std::abs(*row.simulated - *row.real) <= *row.goal * base;
  return row;
}

}  // namespace

std::vector<AgreementRow> agreement(const Run& real, const Run& simulated) {
  std::vector<AgreementRow> rows;
  const std::vector<PhaseSummary> others = summarize_fleet(simulated);
  for (const PhaseSummary& phase : summarize_fleet(real)) {
    const auto other = std::find_if(others.begin(), others.end(), [&](const PhaseSummary& one) {
      return one.name == phase.name;
    });
    if (other == others.end()) continue;
    for (const ComparedRate& rate : kComparedRates) {
      const bool goodput = rate.rate == &Rates::goodput_tokens_per_s;
      rows.push_back(judged(row_of(rate, phase, *other), phase,
                            goodput ? phase.rates.throughput_tokens_per_s.value_or(0) : 0));
    }
    for (const ComparedLatency& latency : kComparedLatencies) {
      rows.push_back(judged(row_of(latency, phase, *other), phase, 0));
    }
  }
  return rows;
}

bool goals_met(const std::vector<AgreementRow>& rows) {
  return std::all_of(rows.begin(), rows.end(),
                     [](const AgreementRow& row) { return row.met.value_or(true); });
}

std::string to_text(const std::vector<AgreementRow>& rows, const TextStyle& style) {
  Table table;
  table.left_columns = 3;
  table.head_rows = 1;
  table.rows = {{{"phase"},
                 {"figure"},
                 {"unit"},
                 {"threads"},
                 {"virtual"},
                 {"virtual/threads"},
                 {"utilisation"},
                 {"goal"},
                 {"met"}}};
  std::string phase;
  std::size_t judged = 0;
  std::size_t met = 0;
  for (const AgreementRow& row : rows) {
    Cell verdict;
    if (row.met) {
      verdict = *row.met ? Cell{"yes", {}, Ink::green} : Cell{"NO", {}, Ink::red};
      ++judged;
      met += *row.met ? 1 : 0;
    }
    table.rows.push_back(
        {{row.phase == phase ? "" : row.phase},
         {row.figure},
         {row.unit},
         {figure_or_absent(row.real)},
         {figure_or_absent(row.simulated)},
         {row.real && row.simulated ? change_figure(*row.real, *row.simulated) : kAbsent},
         {row.utilisation ? figure(*row.utilisation * 100) + " %" : kAbsent},
         {row.goal ? fmt::format("±{:.0f} %", *row.goal * 100) : ""},
         std::move(verdict)});
    phase = row.phase;
  }
  return to_text(table, style) +
         wrapped(fmt::format("{} of {} goals met. – too few samples for this percentile; "
                             "utilisation is that of the threads: the nearer to 100 %, the more a "
                             "small error in the cost of a step changes latency.",
                             met, judged),
                 style.width, 0);
}

}  // namespace tokenlift
