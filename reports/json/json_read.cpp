// The reader of run.json: Run or RunFileError, whatever the text.
//
// What bounds the memory: the text and its values (json_field.hpp), and the histograms they may ask
// for (24 KiB each; a record holds nine of them).

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "reports/json/json_field.hpp"
#include "reports/json/json_run.hpp"

namespace tokenlift {
namespace {

constexpr std::size_t kMaxRecords = 1024;  // phases of all tenants; 217 KiB each
constexpr std::size_t kMaxBins = 36'000;   // of a column; a run has 3600 at most
constexpr std::size_t kMaxSlices = 3600;
constexpr std::size_t kMaxLimits = 10'000;  // of a throttle, over time
constexpr std::size_t kMaxListed = 10'000;  // checks, words of the command

/// Whether the run is of the present version; an older one lacks some fields.
bool is_present(const Field& run) {
  if (!run.json().is_object() || !run.json().contains("schema")) {
    run.fail("is not a run of tokenlift: it has no \"schema\"");
  }
  const std::string schema = run["schema"].text();
  if (schema == kRunSchema) return true;
  if (schema == kOldRunSchema) return false;
  constexpr std::string_view kFamily = "tokenlift.run/";
  if (schema.starts_with(kFamily)) {
    run["schema"].fail(fmt::format(
        R"(is "{}", written by another version of tokenlift; this one reads "{}" and "{}")", schema,
        kOldRunSchema, kRunSchema));
  }
  run["schema"].fail(fmt::format(R"(is "{}", not a run of tokenlift ("{}"))", schema, kRunSchema));
}

__uint128_t decimal_of(const Field& field) {
  const std::string digits = field.text();
  constexpr std::size_t kMaxDigits = 38;  // 10^38 < 2^127
  if (digits.empty() || digits.size() > kMaxDigits ||
      !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    field.fail("must be a whole number in decimal digits");
  }
  __uint128_t value = 0;
  for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

Histogram histogram_of(const Field& field) {
  const Field list = field["buckets"];
  if (!list.json().is_array()) list.fail("must be an array");
  std::vector<BucketCount> buckets;
  for (const Json& pair : list.json()) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() ||
        !pair[1].is_number_unsigned()) {
      list.fail(fmt::format("item {} must be [bucket index, count]", buckets.size()));
    }
    buckets.push_back({pair[0].get<std::size_t>(), pair[1].get<std::uint64_t>()});
  }
  const __uint128_t sum_ns = decimal_of(field["sum_ns"]);
  // Values above the histogram's range have no bound but their type's.
  const auto bound_ns = [&](const char* key) -> std::int64_t {
    if (buckets.empty()) return 0;
    const std::uint64_t value = field[key].unsigned_integer();
    if (value > INT64_MAX) field[key].fail("must be below 2^63");
    return static_cast<std::int64_t>(value);
  };
  try {
    return Histogram::from_buckets(buckets, sum_ns, bound_ns("min_ns"), bound_ns("max_ns"));
  } catch (const std::invalid_argument& error) {
    field.fail(error.what());
  }
}

Counts counts_of(const Field& field) {
  return {field["due"].count(),      field["completed"].count(), field["rejected"].count(),
          field["expired"].count(),  field["cancelled"].count(), field["failed"].count(),
          field["in_flight"].count()};
}

void read_record(const Field& field, PhaseRecord& record) {
  record.counts = counts_of(field["counts"]);
  record.sent = field["sent"].count();
  record.held = field["held"].count();
  record.attempts = field["attempts"].count();
  record.wasted_tokens = field["wasted_tokens"].count();
  const Field recorded = field["recorded"];
  record.slo_met = recorded["slo_met"].count();
  if (record.slo_met > std::min(record.counts.due, record.counts.completed)) {
    recorded["slo_met"].fail("must not be more than were due, or completed");
  }
  record.goodput_tokens = recorded["goodput_tokens"].count();
  record.offered_input_tokens = recorded["offered_input_tokens"].count();
  record.offered_output_tokens = recorded["offered_output_tokens"].count();
  record.admitted_requests = recorded["admitted_requests"].count();
  record.admitted_input_tokens = recorded["admitted_input_tokens"].count();
  record.admitted_output_tokens = recorded["admitted_output_tokens"].count();
  record.completed_requests = recorded["completed_requests"].count();
  record.output_tokens = recorded["output_tokens"].count();
  const Field histograms = recorded["histograms"];
  for (std::size_t i = 0; i < kMetrics; ++i) {
    if (static_cast<Metric>(i) == Metric::network) continue;
    record.latency[i] = histogram_of(histograms[std::string(name_of(static_cast<Metric>(i)))]);
  }
}

PhaseSpan span_of(const Field& field) {
  const Field recorded = field["recorded"];
  PhaseSpan span;
  span.name = field["name"].text();
  span.begin_ns = field["begin_s"].time_ns();
  span.end_ns = field["end_s"].time_ns();
  span.length_ns = recorded["length_ns"].amount();
  span.replica_ns = recorded["replica_ns"].amount();
  span.busy_ns = recorded["busy_ns"].amount();
  span.batch_ns = static_cast<WideSum>(recorded["batch_ns"].number());
  return span;
}

/// The phases of a tenant or of a throttle: those of the run, in its order.
std::vector<Field> phases_of(const Field& item, const Run& run) {
  std::vector<Field> phases = item["phases"].items(run.phases.size());
  if (phases.size() != run.phases.size()) item["phases"].fail("are fewer than the run's");
  for (std::size_t i = 0; i < phases.size(); ++i) {
    if (phases[i]["name"].text() != run.phases[i].name) {
      phases[i]["name"].fail("must be \"" + run.phases[i].name + "\", as in the run's phases");
    }
  }
  return phases;
}

/// Columns of one length.
std::vector<Column> columns_of(const Field& columns) {
  std::vector<Column> all;
  if (!columns.json().is_object()) columns.fail("must be an object");
  for (const auto& [name, values] : columns.json().items()) {
    Column& column = all.emplace_back();
    column.name = name;
    for (const Json& value : values) {
      // Columns may hold differences; the bound keeps the sums of pooled runs within 64 bits.
      if (!value.is_number_integer() || value.get<double>() > static_cast<double>(kMaxInteger) ||
          value.get<double>() < -static_cast<double>(kMaxInteger)) {
        columns.fail("\"" + name + "\" must hold integers within 2^53");
      }
      column.values.push_back(value.get<std::int64_t>());
    }
    if (!values.is_array() || column.values.size() != all.front().values.size()) {
      columns.fail("must be arrays of one length");
    }
  }
  return all;
}

void read_tenants(const Field& field, bool present, Run& run) {
  for (const Field& item : field.items(kMaxRecords)) {
    const std::vector<Field> phases = phases_of(item, run);
    if (run.tenants.size() * phases.size() + phases.size() > kMaxRecords) {
      field.fail(fmt::format("have more than {} phases in all", kMaxRecords));
    }
    TenantRecord& tenant = run.tenants.emplace_back();
    tenant.name = item["name"].text();
    tenant.phases.resize(phases.size());
    for (std::size_t i = 0; i < phases.size(); ++i) read_record(phases[i], tenant.phases[i]);
    if (!present) continue;
    tenant.weight = item["weight"].number();
    if (!(tenant.weight > 0)) item["weight"].fail("must be above 0");
    tenant.guaranteed_share = item["guaranteed_share"].optional(&Field::number);
    tenant.columns = columns_of(item["columns"]);
  }
}

void read_throttles(const Field& field, bool present, Run& run) {
  for (const Field& item : field.items(kMaxRecords)) {
    ThrottleRecord& throttle = run.throttles.emplace_back();
    throttle.name = item["name"].text();
    throttle.kind = item["kind"].text();
    throttle.unit = item["unit"].text();
    throttle.scope = item["scope"].text();
    throttle.mode = item["mode"].text();
    for (const Field& phase : phases_of(item, run)) {
      throttle.phases.push_back(
          {phase["admitted"].count(), phase["held"].count(), phase["rejected"].count(),
           phase["shadowed"].count(),
           static_cast<WideSum>(phase["taken_units"].amount_of_units() * 1e6),
           static_cast<WideSum>(phase["refunded_units"].amount_of_units() * 1e6)});
    }
    if (!present) continue;
    for (const Field& pair : item["limits"].items(kMaxLimits)) {
      const std::vector<Field> parts = pair.items(2);
      if (parts.size() != 2) pair.fail("must be an instant and a limit");
      const std::int64_t at_ns = parts[0].time_ns();
      if (!throttle.limits.empty() && at_ns < throttle.limits.back().at_ns) {
        parts[0].fail("must not be before the one before");
      }
      throttle.limits.push_back({at_ns, parts[1].optional(&Field::number)});
    }
  }
}

std::size_t bins_of(const Series& series) {
  return series.columns.empty() ? 0 : series.columns.front().values.size();
}

/// All but the last of `parts` so wide must begin at an instant: products of them stay exact.
void require_within_time(const Field& width, std::int64_t width_ns, std::size_t parts) {
  const double most_ns = kMaxSeconds * 1e9;
  if (parts > 1 && static_cast<double>(width_ns) * static_cast<double>(parts - 1) > most_ns) {
    width.fail(fmt::format("is too wide: there are {}, and a run has 26 days", parts));
  }
}

Series series_of(const Field& field) {
  Series series;
  series.bin_ns = field["bin_s"].time_ns();
  if (series.bin_ns == 0) field["bin_s"].fail("must be above 0");
  series.columns = columns_of(field["columns"]);
  if (bins_of(series) > kMaxBins) {
    field["columns"].fail(fmt::format("have {} bins, at most {}", bins_of(series), kMaxBins));
  }
  require_within_time(field["bin_s"], series.bin_ns, bins_of(series));
  series.slice_ns = field["slice_s"].time_ns();
  const std::vector<Field> slices = field["ttft_slices"].items(kMaxSlices);
  if (series.slice_ns == 0 && !slices.empty()) field["slice_s"].fail("must be above 0");
  require_within_time(field["slice_s"], series.slice_ns, slices.size());
  series.ttft_slices.resize(slices.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (!slices[i].is_null()) series.ttft_slices[i] = histogram_of(slices[i]);
  }
  return series;
}

Environment environment_of(const Field& field) {
  Environment environment;
  environment.tokenlift_version = field["tokenlift_version"].text();
  environment.compiler = field["compiler"].text();
  environment.build_type = field["build_type"].text();
  environment.cpu = field["cpu"].text();
  environment.cores = field["cores"].amount();
  environment.memory_bytes = field["memory_bytes"].amount();
  environment.os = field["os"].text();
  environment.decoder_precision = field["decoder_precision"].text();
  environment.started_at = field["started_at"].text();
  for (const Field& word : field["command"].items(kMaxListed)) {
    environment.command.push_back(word.text());
  }
  return environment;
}

std::optional<LiftRecord> lift_of(const Field& field, bool present) {
  if (field.is_null()) return std::nullopt;
  LiftRecord lift;
  lift.at_ns = field["at_s"].optional(&Field::time_ns);
  lift.planned_ns = field["planned_s"].time_ns();
  lift.throttle = field["throttle"].text();
  lift.kind = field["kind"].text();
  lift.waiting_requests = field["waiting_requests"].amount();
  lift.backlog_tokens = field["backlog_tokens"].amount();
  lift.backoff_requests = field["backoff_requests"].amount();
  lift.backoff_tokens = field["backoff_tokens"].amount();
  if (!present) return lift;
  lift.unlock_ns = field["unlock_latency_s"].optional(&Field::time_ns);
  lift.release_lag_ns = field["waiter_release_lag_s"].optional(&Field::time_ns);
  lift.limit_tokens_per_s = field["limit_tokens_per_s"].optional(&Field::amount_of_units);
  if (field.json().contains("length_s")) {
    lift.length_ns = field["length_s"].optional(&Field::time_ns);
  }
  return lift;
}

std::vector<Check> checks_of(const Field& field) {
  std::vector<Check> checks;
  for (const Field& item : field.items(kMaxListed)) {
    checks.push_back({item["name"].text(), item["value"].optional(&Field::number),
                      item["limit"].number(), item["passed"].flag(), item["advice"].text()});
  }
  return checks;
}

/// Phases follow one another, those around a lift in their order.
void require_ordered(const std::vector<Field>& phases, const Run& run) {
  constexpr std::array<std::string_view, 3> kAroundLift = {"before", "transition", "after"};
  std::size_t next = 0;  // of those, what may come
  for (std::size_t i = 0; i < run.phases.size(); ++i) {
    const PhaseSpan& phase = run.phases[i];
    if (phase.end_ns < phase.begin_ns) {
      phases[i]["end_s"].fail("must not be before the phase begins");
    }
    if (i > 0 && phase.begin_ns < run.phases[i - 1].end_ns) {
      phases[i]["begin_s"].fail("must not be before the end of the phase before");
    }
    if (find_phase(run, phase.name) != i) phases[i]["name"].fail("is there twice");
    const auto place = static_cast<std::size_t>(
        std::find(kAroundLift.begin(), kAroundLift.end(), phase.name) - kAroundLift.begin());
    if (place == kAroundLift.size()) continue;
    if (place < next) phases[i]["name"].fail("must come before \"" + run.phases[i - 1].name + "\"");
    next = place + 1;
  }
}

/// The series reach to the end of the last phase, those of tenants as far.
void require_long_enough(const Field& document, const Run& run) {
  const std::size_t bins = bins_of(run.series);
  if (bins > 0 && !run.phases.empty() &&
      static_cast<std::int64_t>(bins) * run.series.bin_ns < run.phases.back().end_ns) {
    document["series"]["columns"].fail("must reach to the end of the last phase");
  }
  for (std::size_t i = 0; i < run.tenants.size(); ++i) {
    for (const Column& column : run.tenants[i].columns) {
      if (column.values.size() == bins) continue;
      document["tenants"].items(kMaxRecords)[i]["columns"].fail("must be as long as the series");
    }
  }
}

/// Reports rely on it.
void require_coherent(const Field& document, const Run& run) {
  require_ordered(document["phases"].items(kMaxRecords), run);
  require_long_enough(document, run);
  if (run.lift && run.lift->at_ns && !run.phases.empty() &&
      *run.lift->at_ns > run.phases.back().end_ns) {
    document["lift"]["at_s"].fail("must not be after the last phase");
  }
}

}  // namespace

Run read_run(std::string_view text, const std::string& source) {
  const Json json = parse_bounded(text, source);
  const Field document(json, "", source);
  const bool present = is_present(document);
  Run run;
  run.scenario_name = document["scenario_name"].text();
  run.engine = document["engine"].text();
  run.seed = document["seed"].unsigned_integer();
  run.repetition = document["repetition"].count();
  run.runs = document["runs"].count();
  if (run.runs == 0) document["runs"].fail("must be above 0");
  if (present) {
    const std::string arm = document["arm"].text();
    if (arm != "lifted" && arm != "control") document["arm"].fail("must be lifted or control");
    run.control = arm == "control";
  }
  run.interrupted = document["interrupted"].flag();
  run.checks = checks_of(document["validity"]["checks"]);
  run.capacity_tokens_per_s = document["capacity"]["tokens_per_s"].optional(&Field::number);
  run.capacity_source = document["capacity"]["source"].text();
  run.lift = lift_of(document["lift"], present);
  run.totals = counts_of(document["totals"]);
  for (const Field& phase : document["phases"].items(kMaxRecords)) {
    run.phases.push_back(span_of(phase));
  }
  read_tenants(document["tenants"], present, run);
  read_throttles(document["throttles"], present, run);
  run.series = series_of(document["series"]);
  require_coherent(document, run);
  run.environment = environment_of(document["environment"]);
  if (!document["scenario"].json().is_object()) document["scenario"].fail("must be an object");
  run.scenario_json = document["scenario"].json().dump();
  return run;
}

}  // namespace tokenlift
