#include "workloads/reader/tuning_reader.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/plan/plan.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/text/utf8.hpp"
#include "workloads/tuning/candidate.hpp"
#include "workloads/tuning/defaults.hpp"
#include "workloads/tuning/figure_path.hpp"
#include "workloads/tuning/lift.hpp"

namespace tokenlift {

namespace {

constexpr double kSurelyCounts = 50;    // max - min of whole numbers that are no ratios
constexpr double kLogarithmicFrom = 4;  // max / min where nothing is said
// Neither an end nor a round number.
constexpr double kBetween = 0.618;

bool is_whole(double value) {
  return value == std::floor(value) && std::abs(value) <= 9e15;
}

std::string_view name_of_form(ParameterForm form) {
  return form == ParameterForm::duration ? "a duration"
         : form == ParameterForm::rate   ? "a rate"
                                         : "a number";
}

std::vector<std::string> names_of_inherit() {
  std::vector<std::string> names;
  for (const Keyword<Inherit>& keyword : kKeywords<Inherit>) names.emplace_back(keyword.name);
  return names;
}

}  // namespace

Tuning TuningReader::read(TableReader table) {
  read_lift(table);
  std::vector<TableReader> tables =
      table.tables("parameters", "[[tune.parameters]]", kMostParameters);
  for (TableReader& each : tables) read_parameter(each);
  check_lift_parameters(table);
  read_objective(table);
  read_constraints(table);
  tuning_.budget_requests = table.whole("budget", 1, kSizeMax);
  table.finish();
  return std::move(tuning_);
}

void TuningReader::read_lift(TableReader& table) {
  assign(tuning_.lift, table.flag("lift"));
  if (!tuning_.lift) return;
  const std::optional<std::size_t> measured = measured_event(scenario_);
  if (!measured) {
    table.mistake("lift", "there is no event whose course could be searched", "add an [[event]]");
  } else if (measured_events(scenario_).size() > 1 ||
             scenario_.events[*measured].throttle.empty()) {
    table.mistake("lift", "the search is for the course of one event that changes a throttle",
                  "give such an event, and no other, measure = true");
  }
}

void TuningReader::read_parameter(TableReader& table) {
  const Mark mark{document_};
  Parameter parameter;
  read_key(table, parameter);
  Places places{table.place("key"), {}};
  if (table.has("choices")) {
    read_choices(table, parameter, places);
  } else {
    read_range(table, parameter);
    places.values = {table.place("min"), table.place("max")};
  }
  table.finish();
  if (!mark.sound()) return;
  if (is_lift_key(parameter.key)) {
    check_lift_parameter(table, parameter, places);
  } else {
    check_values(parameter, places);
  }
  if (mark.sound()) tuning_.parameters.push_back(std::move(parameter));
}

void TuningReader::read_key(TableReader& table, Parameter& parameter) {
  table.require("key", "what is changed, as for --set: key = \"throttle.NAME.rate\"");
  const std::optional<std::string> key = table.text("key");
  if (!key) return;
  parameter.key = *key;
  if (key->empty() || find_outside_quotes(*key, "=") != std::string::npos) {
    table.mistake("key", in_quotes(*key) + " can't be a key", "for example \"throttle.NAME.rate\"");
  } else if (*key == "tune" || key->starts_with("tune.")) {
    table.mistake("key", "what is searched can't change the search", "remove it");
  } else if (std::ranges::find(tuning_.parameters, *key, &Parameter::key) !=
             tuning_.parameters.end()) {
    table.mistake("key", "there are two parameters " + in_quotes(*key), "remove one of them");
  }
}

void TuningReader::read_range(TableReader& table, Parameter& parameter) {
  const Mark mark{document_};
  table.require("min", "give min and max, or choices = [...]");
  if (table.has("min")) table.require("max", "where the range ends");
  std::optional<ParameterForm> form;
  read_end(table, "min", form, parameter.min);
  read_end(table, "max", form, parameter.max);
  if (form) parameter.form = *form;
  if (mark.sound() && !(parameter.max > parameter.min)) {
    table.mistake("max", "\"max\" is not more than \"min\"", "exchange them, or widen the range");
  }
  read_scale(table, parameter, mark.sound());
}

void TuningReader::read_end(TableReader& table, std::string_view key,
                            std::optional<ParameterForm>& form, double& value) {
  const toml::node* node = table.find(key);
  if (node == nullptr) return;
  ParameterForm found = ParameterForm::number;
  if (node->is_string()) {
    const bool per_time = node->as_string()->get().find('/') != std::string::npos;
    found = per_time ? ParameterForm::rate : ParameterForm::duration;
    if (per_time) {
      assign(value, table.rate_per_s(key));
    } else if (const std::optional<std::int64_t> ns = table.duration_ns(key)) {
      value = static_cast<double>(*ns);
    }
  } else if (node->is_number()) {
    assign(value, table.number(key, -kLargestLimit, kLargestLimit));
  } else {
    table.wrong_type(key, *node, "a number, a duration or a rate", "\"2s\"");
    return;
  }
  if (form && *form != found) {
    table.mistake(key,
                  "\"min\" is " + std::string(name_of_form(*form)) + " and \"max\" " +
                      std::string(name_of_form(found)),
                  "give both in the same form");
  }
  form = found;
}

void TuningReader::read_scale(TableReader& table, Parameter& parameter, bool sound_range) {
  using enum ParameterScale;
  const bool wide = parameter.min > 0 && parameter.max / parameter.min >= kLogarithmicFrom;
  // Ends that are written as whole numbers, of what is counted: what lies between is whole, too.
  const auto is_integer = [&](std::string_view key) {
    const toml::node* const node = table.find(key);
    return node != nullptr && node->is_integer();
  };
  const bool counts =
      is_integer("min") && is_integer("max") &&
      (parameter.key.ends_with("limit") || parameter.max - parameter.min >= kSurelyCounts);
  const ParameterScale usual = counts ? (wide ? log_integer : integer) : (wide ? log : linear);
  parameter.scale = table.choice<ParameterScale>("scale").value_or(usual);
  const ParameterScale scale = parameter.scale;
  if (!sound_range) return;
  if (scale == choice) {
    table.mistake("scale", "a range has no choices", "give choices = [...] instead of min and max");
  } else if (scale == log && !(parameter.min > 0)) {
    table.mistake("min", "on a logarithmic scale both ends are above 0",
                  "raise it, or set scale = \"linear\"");
  }
  if (scale != integer && scale != log_integer) return;
  if (parameter.form != ParameterForm::number || !is_whole(parameter.min) ||
      !is_whole(parameter.max)) {
    table.mistake("scale", "\"min\" and \"max\" are no whole numbers",
                  "give whole numbers, or set scale = \"linear\" or \"log\"");
  } else if (scale == log_integer && parameter.min < 1) {
    table.mistake("min", "on a logarithmic scale whole numbers begin at 1",
                  "raise it, or set scale = \"integer\"");
  }
}

void TuningReader::read_choices(TableReader& table, Parameter& parameter, Places& places) {
  parameter.scale = ParameterScale::choice;
  parameter.form = ParameterForm::word;
  const auto scale = table.choice<ParameterScale>("scale");
  if (scale && *scale != ParameterScale::choice) {
    table.mistake("scale", "choices have no scale", "remove it");
  }
  for (const char* key : {"min", "max"}) {
    if (table.find(key) == nullptr) continue;
    table.mistake(key, "a parameter has choices or a range, not both", "remove one of them");
  }
  const toml::node* node = table.find("choices");
  const toml::array* array = node->as_array();
  if (array == nullptr || array->size() < 2) {
    table.mistake("choices", "\"choices\" must be an array of two values at least",
                  "for example choices = [\"queue\", \"reject\"]");
    return;
  }
  if (array->size() > kMostChoices) {
    table.mistake("choices", std::to_string(array->size()) + " choices",
                  std::to_string(kMostChoices) + " are the most");
    return;
  }
  for (const toml::node& each : *array) {
    if (!each.is_string() && !each.is_number() && !each.is_boolean() && !each.is_table()) {
      document_.add(each.source(), "a choice is a string, a number, a boolean or a table");
      continue;
    }
    std::string value = override_value(each);
    if (std::ranges::find(parameter.choices, value) != parameter.choices.end()) {
      document_.add(each.source(), "the choice " + value + " is there twice", "remove one of them");
    }
    parameter.choices.push_back(std::move(value));
    places.values.push_back(each.source());
  }
}

void TuningReader::check_values(const Parameter& parameter, const Places& places) {
  const Mark mark{document_};
  const std::size_t count = places.values.size();
  for (std::size_t i = 0; i < count; ++i) {
    // The ends of a range, or the middles of the parts that choices have.
    const bool chosen = parameter.scale == ParameterScale::choice;
    const double position = chosen ? (static_cast<double>(i) + 0.5) / static_cast<double>(count)
                                   : static_cast<double>(i);
    // What is wrong with the key is wrong with all of its values.
    if (!check_value(parameter, position, places.key, places.values[i])) return;
  }
  const ParameterScale scale = parameter.scale;
  if (mark.sound() && (scale == ParameterScale::linear || scale == ParameterScale::log)) {
    check_between(parameter, places.values.front());
  }
}

bool TuningReader::check_value(const Parameter& parameter, double position, const Place& key_place,
                               const Place& place) {
  const std::string word = parameter.key + "=" + value_at(parameter, position);
  bool sound_key = true;
  for (const Mistake& mistake : tried_.mistakes_of({word})) {
    const bool in_word = mistake.source == override_source(word);
    const bool in_key =
        in_word && mistake.column <= static_cast<int>(count_code_points(parameter.key));
    sound_key = sound_key && !in_key;
    document_.add(in_key ? key_place : place,
                  mistake.message + (in_word ? "" : " (" + at_place(mistake) + ")"),
                  mistake.advice);
  }
  return sound_key;
}

// Both ends may be right where only whole numbers are, and what lies between is not.
void TuningReader::check_between(const Parameter& parameter, const Place& place) {
  if (parameter.form != ParameterForm::number) return;
  const std::string word = parameter.key + "=" + value_at(parameter, kBetween);
  const std::vector<Mistake> mistakes = tried_.mistakes_of({word});
  if (mistakes.empty()) return;
  document_.add(place, "between the ends, with " + word + ": " + mistakes.front().message,
                "for whole numbers alone set scale = \"integer\" or \"log_integer\"");
}

void TuningReader::check_lift_parameter(TableReader& table, const Parameter& parameter,
                                        const Places& places) {
  if (!tuning_.lift) {
    document_.add(places.key, in_quotes(parameter.key) + " is of the search for a lift",
                  "set tune.lift = true, or remove it");
    return;
  }
  if (parameter.key == kLiftLength) {
    if (parameter.form != ParameterForm::duration || parameter.min < 1) {
      table.mistake("min", "a lift takes a duration of more than 0", "for example min = \"100ms\"");
      return;
    }
    const std::optional<std::size_t> measured = measured_event(scenario_);
    const std::int64_t room_ns =
        measured ? scenario_.run.duration_ns - scenario_.events[*measured].at_ns : 0;
    if (measured && parameter.max >= static_cast<double>(room_ns)) {
      table.mistake(
          "max", "such a lift ends after the run",
          "the event leaves it less than " + format_duration(std::max<std::int64_t>(room_ns, 0)));
    }
    return;
  }
  const std::vector<std::string> names =
      parameter.key == kLiftShape ? std::vector<std::string>(kLiftShapes.begin(), kLiftShapes.end())
                                  : names_of_inherit();
  if (parameter.scale != ParameterScale::choice) {
    document_.add(
        places.key, in_quotes(parameter.key) + " has choices, no range",
        "for example choices = [" + in_quotes(names[0]) + ", " + in_quotes(names[1]) + "]");
    return;
  }
  for (std::size_t i = 0; i < places.values.size(); ++i) {
    const std::string& word = parameter.choices[i];
    if (parameter.key == kLiftShape && is_lift_shape(word)) continue;
    if (std::ranges::find(names, word) != names.end()) continue;
    document_.add(places.values[i], in_quotes(parameter.key) + " can't be " + in_quotes(word),
                  suggest(word, names));
  }
}

// A shape that takes time needs one, and a time a shape; both need something to be moved.
void TuningReader::check_lift_parameters(TableReader& table) {
  const auto has_key = [&](const char* key) {
    return std::ranges::find(tuning_.parameters, key, &Parameter::key) != tuning_.parameters.end();
  };
  const bool shape = has_key(kLiftShape);
  const bool length = has_key(kLiftLength);
  if ((!shape && !length) || document_.mistake_count() > 0) return;
  const Event& event = scenario_.events[measured_event(scenario_).value()];
  if (!ramp_of(scenario_, event)) {
    table.mistake("parameters",
                  "no number says how much throttle " + in_quotes(event.throttle) +
                      " lets through, so that its event can only happen at once",
                  "remove lift.shape and lift.over");
  } else if (shape != length && event.kind != EventKind::ramp) {
    table.mistake("parameters",
                  shape ? "\"lift.shape\" is searched without \"lift.over\""
                        : "\"lift.over\" is searched without \"lift.shape\"",
                  "add the other one");
  }
}

std::optional<std::string> TuningReader::complete_path(const std::string& path,
                                                       std::optional<double> bound,
                                                       const Place& place) {
  Quantity<std::string> complete = complete_figure_path(scenario_, judged_phase(tuning_, scenario_),
                                                        path, bound, figure_mistake_);
  if (!complete.value) document_.add(place, complete.problem, complete.advice);
  return std::move(complete.value);
}

void TuningReader::read_objective(TableReader& table) {
  const std::optional<std::string> text = table.text("objective");
  if (!text) return;
  Aim aim;
  bool has_direction = false;
  std::string path = *text;
  for (const auto& [verb, maximize] :
       {std::pair("maximize ", true), std::pair("minimize ", false)}) {
    if (!path.starts_with(verb)) continue;
    path.erase(0, std::string_view(verb).size());
    aim.maximize = maximize;
    has_direction = true;
    break;
  }
  if (path.empty() || find_outside_quotes(path, " \t\r\n<>=") != std::string::npos) {
    table.mistake("objective", in_quotes(*text) + " is no objective",
                  "\"maximize FIGURE\" or \"minimize FIGURE\"; a bound is one of the constraints");
    return;
  }
  const std::optional<std::string> complete =
      complete_path(path, std::nullopt, table.place("objective"));
  if (!complete) return;
  // Of others it is not plain what is better.
  const bool more_is_better = std::ranges::any_of(
      std::array<std::string_view, 3>{"goodput", "throughput", "attainment"},
      [&](std::string_view word) { return path.find(word) != std::string::npos; });
  if (!has_direction && !more_is_better) {
    table.mistake("objective", "more, or less of " + in_quotes(path) + "?",
                  "\"minimize " + path + "\" or \"maximize " + path + "\"");
    return;
  }
  aim.path = *complete;
  tuning_.objective = std::move(aim);
}

void TuningReader::read_constraints(TableReader& table) {
  const std::string phase = judged_phase(tuning_, scenario_);
  for (auto& [constraint, place] : table.objectives("constraints")) {
    Quantity<Objective> complete =
        complete_objective(scenario_, phase, std::move(constraint), figure_mistake_);
    if (!complete.value) {
      document_.add(place, complete.problem, complete.advice);
      continue;
    }
    tuning_.constraints.push_back(*std::move(complete.value));
  }
}

}  // namespace tokenlift
