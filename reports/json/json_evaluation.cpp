#include "reports/json/json_evaluation.hpp"

#include "reports/json/json_field.hpp"
#include "reports/json/json_value.hpp"

namespace tokenlift {
namespace {

constexpr const char* kSchema = "tokenlift.tuning-journal/1";
constexpr std::size_t kMostConstraints = 1000;
constexpr std::size_t kMostRuns = 100'000;

ConstraintResult read_constraint(const Field& field) {
  ConstraintResult result;
  result.value = field["value"].optional(&Field::number);
  result.met = field["met"].flag();
  result.violation = field["violation"].amount_of_units();
  result.room = field["room"].amount_of_units();
  result.reason = field["reason"].text();
  return result;
}

struct Named {
  const char* key;
  std::optional<double> TuningFigures::*figure;
};
constexpr Named kFigures[] = {{"objective", &TuningFigures::objective},
                              {"throughput_tokens_per_s", &TuningFigures::throughput_tokens_per_s},
                              {"goodput_tokens_per_s", &TuningFigures::goodput_tokens_per_s},
                              {"attainment", &TuningFigures::attainment},
                              {"unserved", &TuningFigures::unserved},
                              {"ttft_p50_ms", &TuningFigures::ttft_p50_ms},
                              {"ttft_p99_ms", &TuningFigures::ttft_p99_ms}};

}  // namespace

Json json_of(const ConstraintResult& result) {
  return {{"value", or_null(result.value)},
          {"met", result.met},
          {"violation", result.violation},
          {"room", result.room},
          {"reason", result.reason}};
}

Json json_of(const TuningFigures& figures) {
  Json json = {{"runs", figures.runs},
               {"length_share", figures.length_share},
               {"requests", figures.requests},
               {"feasible", figures.feasible()},
               {"violation", figures.violation()},
               {"constraints", list_of(figures.constraints, json_of)},
               {"reason", figures.reason},
               {"failure", figures.failure},
               {"objective_by_run", figures.objective_by_run}};
  for (const Named& named : kFigures) json[named.key] = or_null(figures.*named.figure);
  return json;
}

std::string journal_line(const JournalHead& head) {
  return compact_text({{"schema", kSchema},
                       {"scenario", head.scenario},
                       {"capacity_tokens_per_s", or_null(head.capacity_tokens_per_s)},
                       {"of_lift", head.of_lift}}) +
         "\n";
}

JournalHead read_journal_head(std::string_view line, const std::string& source) {
  const Json json = parse_bounded(line, source);
  const Field field(json, "", source);
  if (field["schema"].text() != kSchema) {
    field["schema"].fail(std::string("must be \"") + kSchema + "\"");
  }
  return {field["scenario"].text(), field["capacity_tokens_per_s"].optional(&Field::number),
          field["of_lift"].flag()};
}

std::string journal_line(std::string_view attempt, const TuningFigures& figures) {
  Json json = {{"attempt", attempt}};
  json.update(json_of(figures));
  return compact_text(json) + "\n";
}

std::pair<std::string, TuningFigures> read_journal_line(std::string_view line,
                                                        const std::string& source) {
  const Json json = parse_bounded(line, source);
  const Field field(json, "", source);
  TuningFigures figures;
  figures.runs = field["runs"].count();
  figures.length_share = field["length_share"].number();
  figures.requests = field["requests"].count();
  figures.reason = field["reason"].text();
  figures.failure = field["failure"].text();
  for (const Field& each : field["objective_by_run"].items(kMostRuns)) {
    figures.objective_by_run.push_back(each.number());
  }
  for (const Named& named : kFigures) {
    figures.*named.figure = field[named.key].optional(&Field::number);
  }
  for (const Field& each : field["constraints"].items(kMostConstraints)) {
    figures.constraints.push_back(read_constraint(each));
  }
  return {field["attempt"].text(), std::move(figures)};
}

}  // namespace tokenlift
