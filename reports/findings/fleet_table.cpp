#include "reports/findings/fleet_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "reports/findings/gains_table.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

using Phases = std::vector<PhaseSummary>;
using Values = std::vector<std::optional<double>>;

/// The latency percentiles that the table shows.
struct Shown {
  Metric metric;
  const char* label;
  std::vector<int> permilles;
};
const std::vector<Shown>& shown_latencies() {
  static const std::vector<Shown> shown = {{Metric::ttft, "TTFT", {500, 900, 990}},
                                           {Metric::tpot, "TPOT", {500, 990}},
                                           {Metric::itl, "ITL", {500, 990}},
                                           {Metric::e2e, "e2e", {500, 990}},
                                           {Metric::first_output, "first output", {500, 990}},
                                           {Metric::throttle_wait, "throttle wait", {500, 990}},
                                           {Metric::headers, "headers", {500, 990}},
                                           {Metric::service_ttft, "service TTFT", {500, 990}},
                                           {Metric::queue_wait, "queue wait", {500, 990}},
                                           {Metric::generator_lag, "generator lag", {990}}};
  return shown;
}

/// The table over the fleet: a row per figure, a column per phase, and how after differs.
class FleetRows {
 public:
  FleetRows(const Phases& phases, const std::vector<Gain>& gains)
      : phases_(phases),
        gains_(gains),
        endpoints_(
            std::any_of(phases.begin(), phases.end(),
                        [](const PhaseSummary& phase) { return phase.tells(Metric::headers); })),
        before_(find_phase(phases, "before")),
        after_(find_phase(phases, "after")) {
    table_.name = "fleet";
    table_.left_columns = 2;
    table_.head_rows = 2;
    add_heading();
    add_counts();
    add_rates();
    for (const Shown& shown : shown_latencies()) {
      if (is_of_them(shown.metric)) add_latency(shown);
    }
    add_notes();
  }

  Table take() { return std::move(table_); }

 private:
  /// What endpoints alone say, of endpoints; what they do not say, of all others.
  bool is_of_them(Metric metric) const {
    switch (metric) {
      case Metric::headers:
      case Metric::first_output:
      case Metric::service_ttft:
        return endpoints_;
      case Metric::queue_wait:
        return !endpoints_;
      default:
        return true;
    }
  }

  bool compares() const { return before_ != nullptr && after_ != nullptr; }

  void add_heading() {
    std::vector<Cell> names = {{""}, {""}};
    std::vector<Cell> times = {{"from–to"}, {"s"}};
    for (const PhaseSummary& phase : phases_) {
      names.push_back({phase.name});
      times.push_back({phase.end_ns == phase.begin_ns
                           ? "not reached"
                           : second_figure(phase.begin_ns) + "–" + second_figure(phase.end_ns)});
    }
    if (compares()) names.push_back({"after/before"});
    table_.rows.push_back(std::move(names));
    table_.rows.push_back(std::move(times));
  }

  /// Of `of_phase(phase)`, left out where all are 0 unless `always`. No ratio: the phases differ in
  /// length.
  template <typename OfPhase>
  void add_amount(const char* label, const char* unit, bool always, const OfPhase& of_phase) {
    std::vector<Cell> row = {{label}, {unit}};
    bool any = false;
    for (const PhaseSummary& phase : phases_) {
      row.push_back({whole_figure(of_phase(phase))});
      any = any || of_phase(phase) != 0;
    }
    if (any || always) table_.rows.push_back(std::move(row));
  }

  void add_count(const char* label, std::uint64_t Counts::*count, bool always) {
    add_amount(label, "requests", always,
               [&](const PhaseSummary& phase) { return phase.counts.*count; });
  }

  void add_counts() {
    add_count("requests due", &Counts::due, true);
    add_count("completed", &Counts::completed, true);
    add_count("rejected", &Counts::rejected, true);
    add_count("expired", &Counts::expired, true);
    add_count("cancelled", &Counts::cancelled, false);
    add_count("failed", &Counts::failed, false);
    add_count("in flight", &Counts::in_flight, false);
    add_amount("denied at first", "requests", false,
               [](const PhaseSummary& phase) { return phase.denied; });
    add_amount("overloaded at first", "requests", false,
               [](const PhaseSummary& phase) { return phase.overloaded; });
    add_amount("wasted", "tokens", false,
               [](const PhaseSummary& phase) { return phase.wasted_tokens; });
  }

  /// Left out where no phase has it.
  void add_known_rate(const char* label, std::optional<double> Rates::*rate, const char* unit = "%",
                      double scale = 100) {
    const bool known = std::any_of(phases_.begin(), phases_.end(), [&](const PhaseSummary& phase) {
      return (phase.rates.*rate).has_value();
    });
    if (known) add_rate(label, unit, rate, scale);
  }

  void add_rate(const char* label, const char* unit, std::optional<double> Rates::*rate,
                double scale = 1) {
    Values values;
    for (const PhaseSummary& phase : phases_) {
      const std::optional<double>& value = phase.rates.*rate;
      values.push_back(value ? std::optional(*value * scale) : std::nullopt);
    }
    add_values(label, unit, values, std::vector<bool>(values.size()));
  }

  void add_rates() {
    add_rate("offered", "requests/s", &Rates::offered_requests_per_s);
    const bool retried = std::any_of(phases_.begin(), phases_.end(), [](const PhaseSummary& phase) {
      return phase.attempts > phase.counts.due;
    });
    if (retried) add_rate("attempts", "per request", &Rates::retry_amplification);
    add_rate("completed", "requests/s", &Rates::completed_requests_per_s);
    add_rate("throughput", "tokens/s", &Rates::throughput_tokens_per_s);
    add_rate("goodput", "tokens/s", &Rates::goodput_tokens_per_s);
    add_rate("attainment", "%", &Rates::attainment, 100);
    add_known_rate("replicas serving", &Rates::replicas_serving, "replicas", 1);
    add_known_rate("capacity", &Rates::capacity_tokens_per_s, "tokens/s", 1);
    if (!endpoints_) {
      add_rate("utilisation", "%", &Rates::utilisation, 100);
      add_rate("batch mean", "sequences", &Rates::batch_mean);
    }
    add_known_rate("batch fill", &Rates::batch_fill);
    add_known_rate("KV used", &Rates::kv_used);
    add_known_rate("headroom", &Rates::headroom);
    add_known_rate("prefix hits", &Rates::prefix_hits);
  }

  /// One unit for all percentiles of a latency, so that they can be compared down the column too.
  void add_latency(const Shown& shown) {
    std::vector<double> known_ns;
    for (const PhaseSummary& phase : phases_) {
      for (const int permille : shown.permilles) {
        const std::optional<std::int64_t> value_ns = phase.of(shown.metric).at(permille);
        if (value_ns) known_ns.push_back(static_cast<double>(*value_ns));
      }
    }
    const DurationUnit unit = duration_unit(known_ns);
    for (const int permille : shown.permilles) add_percentile(shown, permille, unit);
  }

  void add_percentile(const Shown& shown, int permille, const DurationUnit& unit) {
    Values values;
    std::vector<bool> hiding;
    for (std::size_t i = 0; i < phases_.size(); ++i) {
      const PhaseSummary& phase = phases_[i];
      const std::optional<std::int64_t> value_ns = phase.of(shown.metric).at(permille);
      // The generator's lag is that of every request sent, served or not.
      hiding.push_back(value_ns && shown.metric != Metric::generator_lag &&
                       phase.hides_unserved(permille));
      if (hiding.back()) hidden_[i].insert(permille);
      if (value_ns) {
        values.emplace_back(static_cast<double>(*value_ns) / unit.ns);
      } else {
        values.emplace_back();
        unsupported_.insert(permille);
        short_phases_.insert(i);
      }
    }
    add_values(fmt::format("{} {}", shown.label, percentile_name(permille)), std::string(unit.name),
               values, hiding);
  }

  void add_values(const std::string& label, const std::string& unit, const Values& values,
                  const std::vector<bool>& hiding) {
    const auto known = [](const std::optional<double>& value) { return value.has_value(); };
    if (std::none_of(values.begin(), values.end(), known)) {
      left_out_.push_back(label);
      return;
    }
    std::vector<Cell> row = {{label}, {unit}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      row.push_back({values[i] ? figure(*values[i]) : kAbsent, hiding[i] ? kHiding : ""});
    }
    if (compares()) {
      const std::optional<double>& base = values[static_cast<std::size_t>(before_ - &phases_[0])];
      const std::optional<double>& value = values[static_cast<std::size_t>(after_ - &phases_[0])];
      row.push_back({base && value ? change(label, unit, *base, *value) : kAbsent});
    }
    table_.rows.push_back(std::move(row));
  }

  std::string change(const std::string& label, const std::string& unit, double base,
                     double value) const {
    const auto gain = std::find_if(gains_.begin(), gains_.end(), [&](const Gain& each) {
      return gain_label(each.name) == label && each.change.value;
    });
    if (gain == gains_.end()) return change_figure(base, value);
    double scale = unit == "%" ? 100 : 1;
    if (gain->unit == "ns" && *gain->after != 0) scale = value / *gain->after;
    return change_text(gain->change, gain->is_difference, scale);
  }

  void add_notes() {
    if (!left_out_.empty()) {
      table_.notes.push_back(
          fmt::format("Left out, since no phase has such a figure: {}.", listed(left_out_, "and")));
    }
    if (!unsupported_.empty()) {
      std::vector<std::string> needs;
      for (const int permille : unsupported_) {
        needs.push_back(fmt::format("{} {}", percentile_name(permille),
                                    whole_figure(samples_needed(permille))));
      }
      std::vector<std::string> has;
      for (const std::size_t i : short_phases_) {
        const PhaseSummary& phase = phases_[i];
        has.push_back(fmt::format("{} {}", phase.name, whole_figure(phase.counts.completed)));
      }
      table_.notes.push_back(
          fmt::format("{} too few samples for this percentile. Requests needed: {}; "
                      "completed: {}.",
                      kAbsent, listed(needs, "and"), listed(has, "and")));
    }
    std::map<std::string, std::vector<std::string>> no_headroom;  // phases, by reason
    for (const PhaseSummary& phase : phases_) {
      if (!phase.no_headroom.empty()) no_headroom[phase.no_headroom].push_back(phase.name);
    }
    for (const auto& [reason, names] : no_headroom) {
      table_.notes.push_back(
          fmt::format("The headroom in {} is not known, since {}: what the fleet can carry so was "
                      "not computed.",
                      listed(names, "and"), reason));
    }
    for (const auto& [i, permilles] : hidden_) {
      const PhaseSummary& phase = phases_[i];
      std::vector<std::string> names;
      for (const int permille : permilles) names.emplace_back(percentile_name(permille));
      table_.notes.push_back(
          fmt::format("{} {} of the requests due in {} went unserved, so they have no latency: "
                      "{} there {} better than what users saw.",
                      kHiding, percent_figure(phase.unserved().value_or(0)), phase.name,
                      listed(names, "and"), names.size() == 1 ? "looks" : "look"));
    }
  }

  const Phases& phases_;
  const std::vector<Gain>& gains_;
  bool endpoints_;
  const PhaseSummary* before_;
  const PhaseSummary* after_;
  Table table_;
  std::vector<std::string> left_out_;            // labels
  std::set<int> unsupported_;                    // permilles
  std::set<std::size_t> short_phases_;           // that lack one of them
  std::map<std::size_t, std::set<int>> hidden_;  // permilles that hide requests, by phase
};

}  // namespace

Table fleet_table(const std::vector<PhaseSummary>& phases, const std::vector<Gain>& gains) {
  if (phases.empty()) return {};
  return FleetRows(phases, gains).take();
}

}  // namespace tokenlift
