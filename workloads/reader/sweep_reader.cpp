#include "workloads/reader/sweep_reader.hpp"

#include <algorithm>
#include <optional>

#include "workloads/tuning/candidate.hpp"
#include "workloads/tuning/figure_path.hpp"

namespace tokenlift {

namespace {

constexpr const char* kFindForm = "\"most KEY=LOW:HIGH\" or \"least KEY=LOW:HIGH\"";

/// All that were listed; of a range both ends.
std::vector<std::string> tried_values(const SweptKey& key) {
  if (!key.is_range) return key.values;
  return {value_at(key.parameter, 0), value_at(key.parameter, 1)};
}

}  // namespace

Sweeping SweepReader::read(TableReader table) {
  read_over(table);
  read_finds(table);
  read_objectives(table);
  read_figures(table);
  read_effort(table);
  table.finish();
  return std::move(sweeping_);
}

std::optional<SweptKey> SweepReader::check(const std::string& word, bool is_range,
                                           const Place& place) {
  if (!figure_mistake_) return std::nullopt;
  const Accepts accepts = [&](const std::string& key, const std::string& value) {
    return tried_.mistakes_of({key + "=" + value}).empty();
  };
  SweptKey key;
  try {
    key = is_range ? parse_range(word, accepts) : parse_axis(word, accepts);
  } catch (const SweepMistake& mistake) {
    document_.add(place, mistake.what());
    return std::nullopt;
  }
  for (const std::string& value : tried_values(key)) {
    const std::string setting = key.key + "=" + value;
    const std::vector<Mistake> mistakes = tried_.mistakes_of({setting});
    if (mistakes.empty()) continue;
    const Mistake& first = mistakes.front();
    const bool in_word = first.source == override_source(setting);
    document_.add(
        place,
        "with " + setting + ": " + first.message + (in_word ? "" : " (" + at_place(first) + ")"),
        first.advice);
    return std::nullopt;  // other values are mostly wrong for the same reason
  }
  return key;
}

void SweepReader::read_over(TableReader& table) {
  std::vector<SweptKey> axes;
  for (auto& [word, place] : table.placed_texts("over")) {
    if (std::optional<SweptKey> axis = check(word, false, place)) {
      axes.push_back(*std::move(axis));
      try {
        require_grid(axes);
      } catch (const SweepMistake& mistake) {
        document_.add(place, mistake.what());
        axes.pop_back();
      }
    }
    sweeping_.over.push_back(std::move(word));
  }
}

void SweepReader::read_finds(TableReader& table) {
  const auto finds = table.placed_texts("find");
  for (const auto& [text, place] : finds) {
    const std::size_t space = text.find(' ');
    const std::string wanted = text.substr(0, space);
    const std::size_t begin =
        space == std::string::npos ? space : text.find_first_not_of(' ', space);
    if ((wanted != "most" && wanted != "least") || begin == std::string::npos) {
      document_.add(place, in_quotes(text) + " is not " + kFindForm);
      continue;
    }
    SoughtValue sought{wanted == "most", text.substr(begin)};
    check(sought.range, true, place);
    sweeping_.finds.push_back(std::move(sought));
  }
  if (finds.size() > kMostFinds) {
    table.mistake("find", std::to_string(finds.size()) + " values are searched",
                  std::to_string(kMostFinds) + " are the most");
  }
  if (!finds.empty() && !table.has("while")) {
    table.mistake("find", "a value is searched with which an objective holds, and there is none",
                  "add while = \"attainment >= 0.99\"");
  }
}

void SweepReader::read_objectives(TableReader& table) {
  for (auto& [objective, place] : table.objectives("while")) {
    Quantity<Objective> complete = complete_objective(scenario_, swept_phase(scenario_),
                                                      std::move(objective), figure_mistake_);
    if (!complete.value) {
      document_.add(place, complete.problem, complete.advice);
      continue;
    }
    sweeping_.objectives.push_back(*std::move(complete.value));
  }
}

void SweepReader::read_figures(TableReader& table) {
  for (const auto& [path, place] : table.figures("figures")) {
    Quantity<std::string> complete = complete_figure_path(scenario_, swept_phase(scenario_), path,
                                                          std::nullopt, figure_mistake_);
    if (!complete.value) {
      document_.add(place, complete.problem, complete.advice);
      continue;
    }
    sweeping_.figures.push_back(*std::move(complete.value));
  }
}

void SweepReader::read_effort(TableReader& table) {
  if (const auto repetitions = table.whole("repetitions", 1, kMostRepetitions)) {
    sweeping_.repetitions = static_cast<std::uint64_t>(*repetitions);
  }
  sweeping_.requests = table.whole("requests", 1, kSizeMax);
  sweeping_.time_ns = table.positive_duration_ns("for");
}

}  // namespace tokenlift
