#include "reports/json/json_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <span>
#include <utility>

#include "reports/analysis/cost.hpp"
#include "reports/analysis/interval.hpp"
#include "reports/analysis/lift.hpp"
#include "reports/analysis/summary.hpp"
#include "reports/json/json_value.hpp"

namespace tokenlift {
namespace {

constexpr const char* kAnyName = "*";
constexpr const char* kNoData = "not enough data";

std::string joined(const std::string& path, const std::string& word) {
  return path.empty() || word.empty() ? path + word : path + "." + word;
}

/// A name as a word of a path, in quotes if it holds anything that plain words don't, as keys of
/// scenarios write it: tenants."gpt-4.1".attainment.after
std::string word_of(const std::string& name) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == ' ' || c == '_' || c == '-' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  if (name == kAnyName || std::all_of(name.begin(), name.end(), plain)) return name;
  std::string word = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') word += '\\';
    word += c;
  }
  return word + '"';
}

/// A path with its names as they are.
std::string without_quotes(const std::string& path) {
  std::string plain;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '"') continue;
    if (path[i] == '\\' && i + 1 < path.size()) ++i;
    plain += path[i];
  }
  return plain;
}

/// What tells an item of a list from the others.
std::string label_of(const Json& item, std::size_t index) {
  for (const char* const key : {"name", "tenant"}) {
    if (item.contains(key)) return word_of(item[key].get<std::string>());
  }
  return std::to_string(index + 1);
}

/// Why a key of `object` is null.
std::string reason_of(const Json& object, const std::string& key) {
  if (std::string reason = object.value("reason", ""); !reason.empty()) return reason;
  const auto unsupported = object.find("unsupported");
  if (unsupported == object.end()) return kNoData;
  for (const Json& line : *unsupported) {
    if (line.get_ref<const std::string&>().starts_with(key + ": ")) return line;
  }
  return kNoData;
}

class Collector {
 public:
  std::vector<TrialFigure> figures;

  void add(std::string path, const Json& value, std::string reason) {
    if (value.is_number()) {
      figures.push_back({std::move(path), value.get<double>(), ""});
    } else {
      figures.push_back({std::move(path), std::nullopt, std::move(reason)});
    }
  }

  /// Every number in `json`, and every null, which stands where a number could not be given.
  /// `ending` ends all paths.
  void walk(const Json& json, const std::string& path, const std::string& ending) {
    if (json.is_array()) return walk_list(json, path);
    for (const auto& [key, value] : json.items()) {
      if (key == "latency_ms") {
        walk_latency(value, path, ending);
      } else if (key == "phases") {
        walk_phases(value, path, "name");
      } else if (value.is_structured()) {
        const bool named_by_its_members = key == "rates";
        walk(value, named_by_its_members ? path : joined(path, key), ending);
      } else if (value.is_number() || value.is_null()) {
        // A delay, {"s": ..., "reason": ...}, is named as run.json names it: drain_time_s.
        const bool delay = key == "s" && json.contains("reason");
        add(joined(delay ? path + "_s" : joined(path, key), ending), value, reason_of(json, key));
      }
    }
  }

  void walk_phases(const Json& phases, const std::string& path, const char* name) {
    for (const Json& phase : phases) walk(phase, path, phase[name].get<std::string>());
  }

  /// A change is a ratio, or a difference where a figure is 0 in some run: the other is absent.
  void walk_gains(const Json& gains) {
    for (const Json& gain : gains) {
      const std::string figure = figure_of(gain);
      const std::string ratio = figure + ".gain";
      const std::string difference = figure + ".difference";
      const bool is_ratio = gain["change_is"] == "ratio";
      walk_estimate(gain["change"], is_ratio ? ratio : difference, "");
      const bool positive = gain["before"].is_number() && gain["after"].is_number() &&
                            gain["before"].get<double>() > 0;
      const std::string zero = positive
                                   ? "it is 0 in some run or near 0 beside the other, so there "
                                     "is no interval of a ratio; "
                                   : "it is 0 in some run, so there is no ratio; ";
      const std::string reason =
          is_ratio ? ratio + " has the change" : zero + difference + " has the change";
      Json other = nullptr;  // a ratio to next to nothing has a value still, for a bound from below
      if (!is_ratio && positive) {
        other = gain["after"].get<double>() / gain["before"].get<double>();
      }
      walk_estimate({{"value", other}, {"interval_95", nullptr}, {"reason", reason}},
                    is_ratio ? difference : ratio, "");
      for (const char* const side : {"before", "after"}) {
        add(joined(ratio, side), gain[side], kNoData);
      }
    }
  }

  void walk_effects(const Json& effects) {
    for (const Json& effect : effects) {
      const std::string path = figure_of(effect) + ".effect";
      const auto phase = effect["phase"].get<std::string>();
      walk_estimate(effect["difference"], path, phase);
      for (const char* const arm : {"with", "without"}) {
        add(joined(joined(path, arm), phase), effect[arm], kNoData);
      }
    }
  }

 private:
  void walk_list(const Json& list, const std::string& path) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].is_object()) walk(list[i], joined(path, label_of(list[i], i)), "");
    }
  }

  void walk_latency(const Json& latencies, const std::string& path, const std::string& ending) {
    for (const auto& [metric, latency] : latencies.items()) {
      for (const auto& [key, value] : latency.items()) {
        if (value.is_structured()) continue;
        const std::string figure = joined(metric, key == "count" ? key : key + "_ms");
        add(joined(joined(path, figure), ending), value, reason_of(latency, key));
      }
    }
  }

  /// "goodput", or of a percentile, "ttft p99", what its phases have: "ttft.p99_ms".
  static std::string figure_of(const Json& change) {
    auto name = change["name"].get<std::string>();
    const std::size_t space = name.find(' ');
    if (space != std::string::npos) name = name.replace(space, 1, ".") + "_ms";
    return name;
  }

  void walk_estimate(const Json& estimate, const std::string& path, const std::string& ending) {
    add(joined(path, ending), estimate["value"], reason_of(estimate, "value"));
    const Json& interval = estimate["interval_95"];
    for (const char* const end : {"low", "high"}) {
      add(joined(joined(path, end), ending), interval.is_null() ? interval : interval[end],
          reason_of(estimate, "interval_95"));
    }
  }
};

void walk_lift(const Json& lift, Collector& collector) {
  collector.walk_gains(lift["gains"]);
  collector.walk_effects(lift["effects"]);
  Json others = lift;
  // A fleet is what was done, not what came of it.
  for (const char* const done : {"gains", "effects", "fleet"}) others.erase(done);
  // The one member that is null as a whole.
  if (others["unfairness"].is_null()) others.erase("unfairness");
  collector.walk(others, "lift", "");
}

/// What run.json tells of tenants and throttles.
Json run_members(const Run& run) {
  Json tenants = Json::array();
  for (const TenantRecord& tenant : run.tenants) {
    Json phases = Json::array();
    for (const PhaseSummary& phase : summarize_tenant(run, tenant)) {
      phases.push_back(json_of(phase));
    }
    tenants.push_back({{"name", tenant.name},
                       {"weight", tenant.weight},
                       {"guaranteed_share", or_null(tenant.guaranteed_share)},
                       {"phases", std::move(phases)}});
  }
  Json throttles = Json::array();
  for (const ThrottleRecord& throttle : run.throttles) {
    Json phases = Json::array();
    for (std::size_t i = 0; i < run.phases.size(); ++i) {
      Json phase = json_of(throttle.phases.at(i));
      phase["name"] = run.phases[i].name;
      phases.push_back(std::move(phase));
    }
    throttles.push_back({{"name", throttle.name}, {"phases", std::move(phases)}});
  }
  return {{"totals", json_of(run.totals)},
          {"tenants", std::move(tenants)},
          {"throttles", std::move(throttles)}};
}

/// A run that has one of everything, by any name: its paths are all that there are.
TrialReport sample_trial() {
  Run run;
  for (const char* const name : {"before", "transition", "after", "steady"}) {
    PhaseSpan& phase = run.phases.emplace_back();
    phase.name = name;
    phase.end_ns = 1;
    phase.length_ns = 1;
  }
  run.fleet = {{kAnyName}, {{0, {1}, 1}, {1, {2}, 2}}};
  run.tenants.push_back({kAnyName, std::vector<PhaseRecord>(run.phases.size())});
  for (PhaseRecord& phase : run.tenants[0].phases) {
    for (Histogram& latency : phase.latency) latency.record(1);
  }
  run.throttles.emplace_back().name = kAnyName;
  run.throttles[0].phases.resize(run.phases.size());
  run.checks.emplace_back().name = kAnyName;
  run.lift.emplace().at_ns = 0;
  run.series.bin_ns = 1;
  Run control = run;
  control.control = true;
  TrialReport report{
      make_trial("", {run, control}), summarize_fleet(run), time_split(run), {}, {}, {}, {}, {}};
  report.lift = analyse_lift(report.trial);
  report.lift->unfairness.emplace();
  report.lift->starvation = {{kAnyName, 0, 0}};
  report.lift->found = {{}};
  for (const PhaseSpan& phase : run.phases) {
    PhaseCost& cost = report.costs.emplace_back();
    cost.name = phase.name;
    for (const CostFigure& figure : kCostFigures) cost.*figure.value = 0;
  }
  report.marginal.emplace();
  JobWork& job = report.jobs.emplace_back();
  job.name = kAnyName;
  for (const PhaseSpan& phase : run.phases) {
    JobPhaseWork& work = job.phases.emplace_back();
    work.name = phase.name;
    for (const JobFigure& figure : kJobFigures) work.*figure.value = 0;
  }
  return report;
}

std::vector<std::string> words_of(const std::string& path) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    if (i == path.size() || (path[i] == '.' && !quoted)) {
      words.push_back(std::move(word));
      word.clear();
      continue;
    }
    if (path[i] == '"') quoted = !quoted;
    word += path[i];
    if (quoted && path[i] == '\\' && i + 1 < path.size()) word += path[++i];
  }
  return words;
}

/// Names may hold full stops, so that "*" is any text but none.
bool matches(const std::string& path, const std::string& pattern) {
  const std::size_t star = pattern.find(kAnyName);
  if (star == std::string::npos) return path == pattern;
  const std::string_view after = std::string_view(pattern).substr(star + 1);
  return path.size() >= pattern.size() &&
         path.starts_with(std::string_view(pattern).substr(0, star)) && path.ends_with(after);
}

bool is_path(const std::string& path) {
  const std::vector<std::string>& paths = figure_paths();
  return std::any_of(paths.begin(), paths.end(),
                     [&](const std::string& each) { return matches(path, each); });
}

const std::vector<std::vector<std::string>>& words_of_figures() {
  static const std::vector<std::vector<std::string>> all = [] {
    std::vector<std::vector<std::string>> words;
    for (const std::string& path : figure_paths()) words.push_back(words_of(path));
    return words;
  }();
  return all;
}

/// The words that may stand after the first ones of a path, once each; the empty one where a path
/// may end.
std::vector<std::string> words_after(std::span<const std::string> begin) {
  std::vector<std::string> next;
  for (const std::vector<std::string>& words : words_of_figures()) {
    const auto fits = [](const std::string& word, const std::string& pattern) {
      return pattern == word || pattern == kAnyName;
    };
    if (words.size() < begin.size() ||
        !std::equal(begin.begin(), begin.end(), words.begin(), fits)) {
      continue;
    }
    std::string word = words.size() == begin.size() ? "" : words[begin.size()];
    if (std::find(next.begin(), next.end(), word) == next.end()) next.push_back(std::move(word));
  }
  return next;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!word.empty()) out += (out.empty() ? "\"" : ", \"") + word + "\"";
  }
  return out;
}

/// Why a run has none of a path that others have.
std::string missing_reason(const std::vector<TrialFigure>& figures, const std::string& path) {
  const auto any = [&](const auto& holds) {
    return std::any_of(figures.begin(), figures.end(),
                       [&](const TrialFigure& each) { return holds(each.path); });
  };
  const std::string last = words_of(path).back();
  if (!any([](const std::string& each) { return each.starts_with("lift."); }) &&
      (path.starts_with("lift.") || path.find(".gain") != std::string::npos ||
       path.find(".difference") != std::string::npos)) {
    return "nothing was lifted";
  }
  if (path.find(".effect.") != std::string::npos) return "there are no runs without the lift";
  const auto is_cost = [&](const CostFigure& figure) {
    return path.starts_with(std::string(figure.key) + ".");
  };
  if (path.starts_with("marginal.") || std::ranges::any_of(kCostFigures, is_cost)) {
    return "the scenario states no price or power that it follows from";
  }
  const std::string counted = "counts.due.";
  if (is_path(counted + last) &&
      !any([&](const std::string& each) { return each == counted + last; })) {
    return std::string(kNoPhase) + "\"" + last + "\"";
  }
  return "this run has none";
}

/// Nothing is attained where nothing was to be.
void say_no_objectives(std::vector<TrialFigure>& figures) {
  for (TrialFigure& figure : figures) {
    const std::vector<std::string> words = words_of(figure.path);
    const bool attainment = std::ranges::find(words, "attainment") != words.end();
    if (attainment && !figure.value && figure.reason == kNoData) figure.reason = kNoObjectives;
  }
}

}  // namespace

std::vector<TrialFigure> figures_of(const TrialReport& report) {
  Json json = json_of(report);
  Collector collector;
  collector.walk_phases(json["mean_ttft_ms"], "mean_ttft_ms", "phase");
  if (!json["lift"].is_null()) walk_lift(json["lift"], collector);
  for (const char* const done : {"mean_ttft_ms", "lift"}) json.erase(done);
  json.update(run_members(report.trial.lifted.pooled));
  collector.walk(json, "", "");
  if (!has_objectives(report.trial.lifted.pooled)) say_no_objectives(collector.figures);
  return std::move(collector.figures);
}

TrialFigure figure_at(const std::vector<TrialFigure>& figures, const std::string& path) {
  const auto found = std::find_if(figures.begin(), figures.end(), [&](const TrialFigure& each) {
    return each.path == path || without_quotes(each.path) == path;
  });
  if (found != figures.end()) return *found;
  return {path, std::nullopt, missing_reason(figures, path)};
}

const std::vector<std::string>& figure_paths() {
  static const std::vector<std::string> paths = [] {
    std::vector<std::string> all;
    for (TrialFigure& figure : figures_of(sample_trial())) {
      // The one point of change is the first of any number.
      const std::string first = "lift.change_points.points.1.";
      if (figure.path.starts_with(first)) {
        figure.path.replace(first.size() - 2, 1, kAnyName);
      }
      all.push_back(std::move(figure.path));
    }
    return all;
  }();
  return paths;
}

std::string bound_mistake(const std::string& path, double bound) {
  const auto says_share = [](const std::string& word) {
    return word == "attainment" || word == "utilisation" || word == "batch_fill" ||
           word == "kv_used" || word == "prefix_hits" || word.ends_with("share") ||
           word.ends_with("fraction");
  };
  const auto says_change = [](const std::string& word) {
    return word == "gain" || word == "difference" || word == "effect";
  };
  const std::vector<std::string> words = words_of(path);
  const auto share = std::ranges::find_if(words, says_share);
  if (share == words.end() || std::ranges::any_of(words, says_change)) return "";
  if (bound >= 0 && bound <= 1) return "";
  std::string problem =
      fmt::format("\"{}\" is a share, between 0 and 1, and is held against {}", *share, bound);
  if (bound > 1 && bound <= 100) {
    problem += fmt::format("; {} % is {}", bound, bound / 100);
  }
  return problem;
}

std::string path_mistake(const std::string& path, NearestWord nearest) {
  if (is_path(path)) return "";
  const std::vector<std::string> words = words_of(path);
  std::vector<std::string> possible = words_after({});
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::vector<std::string> next = words_after(std::span(words).first(i + 1));
    if (!next.empty()) {
      possible = std::move(next);
      continue;
    }
    std::string before = words[0];
    for (std::size_t k = 1; k < i; ++k) before += "." + words[k];
    const std::string what = i == 0 ? "there is no figure \"" + words[i] + "\""
                                    : "\"" + before + "\" has no \"" + words[i] + "\"";
    const std::optional<std::string> meant = nearest(words[i], possible);
    if (meant) return what + "; did you mean \"" + *meant + "\"?";
    const std::string list = quoted_list(possible);
    return what + (list.empty() ? ": it is a figure itself" : "; possible are " + list);
  }
  return "\"" + path + "\" is not one figure; possible after it are " + quoted_list(possible);
}

}  // namespace tokenlift
