#include "reports/json/json_suite.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "reports/json/json_field.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kMostEntries = 100'000;

Json json_of(const CasePhase& phase) {
  return {{"name", phase.name},
          {"throughput_tokens_per_s", or_null(phase.throughput_tokens_per_s)},
          {"goodput_tokens_per_s", or_null(phase.goodput_tokens_per_s)},
          {"attainment", or_null(phase.attainment)},
          {"ttft_p50_ms", or_null(phase.ttft_p50_ms)},
          {"ttft_p99_ms", or_null(phase.ttft_p99_ms)},
          {"tpot_p50_ms", or_null(phase.tpot_p50_ms)},
          {"tpot_p99_ms", or_null(phase.tpot_p99_ms)},
          {"itl_p99_ms", or_null(phase.itl_p99_ms)}};
}

Json gain_of(const std::optional<Gain>& gain) {
  if (!gain) return nullptr;
  Json json = {{"change_is", gain->is_difference ? "difference" : "ratio"}};
  json.update(json_of(gain->change));
  return json;
}

Json json_of(const ObjectiveResult& objective) {
  return {{"text", objective.text},
          {"met", objective.met},
          {"value", or_null(objective.value)},
          {"reason", objective.reason}};
}

Json sweep_of(const std::optional<CaseSweep>& sweep) {
  if (!sweep) return nullptr;
  Json answers = Json::array();
  for (const auto& [what, value] : sweep->answers) {
    answers.push_back({{"of", what}, {"value", value}});
  }
  return {{"points", sweep->points},
          {"sentences", sweep->sentences},
          {"knee", or_null(sweep->knee)},
          {"saturated_from", or_null(sweep->saturated_from)},
          {"most_tokens_per_s", or_null(sweep->most_tokens_per_s)},
          {"found", std::move(answers)}};
}

Json json_of(const CaseReport& report) {
  return {{"name", report.name},
          {"folder", report.folder},
          {"status", name_of(report.status)},
          {"failure", report.failure},
          {"engine", report.engine},
          {"runs", report.runs},
          {"elapsed_s", report.elapsed_s},
          {"verdict", report.verdict},
          {"validity", report.validity},
          {"objectives", list_of(report.objectives, json_of)},
          {"phases", list_of(report.phases, json_of)},
          {"goodput_gain", gain_of(report.goodput)},
          {"drain_time_s", or_null(report.drain_s)},
          {"lift_s", or_null(report.lift_s)},
          {"goodput_tokens_per_s", json_of(report.goodput_line)},
          {"ttft_p50_ms", json_of(report.ttft_line)},
          {"sweep", sweep_of(report.sweep)}};
}

void require_suite(const Field& document) {
  if (!document.json().is_object() || !document.json().contains("schema")) {
    document.fail("is not a suite of tokenlift: it has no \"schema\"");
  }
  const std::string schema = document["schema"].text();
  if (schema == kSuiteSchema) return;
  document["schema"].fail(
      fmt::format(R"(is "{}"; this version of tokenlift reads "{}")", schema, kSuiteSchema));
}

SuiteEntry entry_of(const Field& field) {
  SuiteEntry entry;
  entry.name = field["name"].text();
  if (entry.name.empty()) field["name"].fail("must not be empty");
  entry.folder = field["folder"].text();
  const std::string status = field["status"].text();
  const std::optional<CaseStatus> known = case_status(status);
  if (!known) {
    field["status"].fail(
        "must be \"done\", \"invalid\", \"failed\", \"interrupted\" or \"not run\"");
  }
  entry.status = *known;
  entry.runs = field["runs"].count();
  entry.is_sweep = field.has("sweep") && !field["sweep"].is_null();
  entry.elapsed_s = field["elapsed_s"].amount_of_units();
  return entry;
}

}  // namespace

Json json_of(const CaseLine& line) {
  Json values = Json::array();
  for (const std::optional<double>& value : line.values) values.push_back(or_null(value));
  return {{"step_s", line.step_s}, {"values", std::move(values)}};
}

std::string to_json(const SuiteReport& suite) {
  const SuiteCounts counts = counts_of(suite);
  return document({{"schema", kSuiteSchema},
                   {"name", suite.name},
                   {"description", suite.description},
                   {"command", suite.command},
                   {"tokenlift_version", suite.tokenlift_version},
                   {"started_at", suite.started_at},
                   {"verdict", suite_verdict(suite)},
                   {"remarks", suite.remarks},
                   {"objectives", {{"met", counts.met}, {"of", counts.objectives}}},
                   {"cases", list_of(suite.cases, json_of)}});
}

SuiteIndex read_suite(std::string_view text, const std::string& source) {
  const Json json = parse_bounded(text, source);
  const Field document(json, "", source);
  require_suite(document);
  SuiteIndex index;
  index.name = document["name"].text();
  std::set<std::string> names;
  for (const Field& item : document["cases"].items(kMostEntries)) {
    index.cases.push_back(entry_of(item));
    if (!names.insert(index.cases.back().name).second) item["name"].fail("is there twice");
  }
  return index;
}

}  // namespace tokenlift
