#include "workloads/reader/arrivals_reader.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>
#include <vector>

#include "workloads/requests/trace.hpp"

namespace tokenlift {

namespace {

constexpr double kGammaCvMin = 1e-3;  // below it the gaps are constant to three digits
constexpr double kFactorMax = 1e6;
constexpr std::size_t kMostShapeSteps = 10'000;

// A multiplier of the rate.
void read_factor(TableReader& table, std::string_view key, double& factor) {
  assign(factor, table.number(key, 0, kFactorMax));
}

}  // namespace

std::optional<Lengths> read_lengths(TableReader table) {
  const Mark mark{table.document()};
  Lengths lengths;
  table.require("distribution", R"("constant", "uniform", "lognormal" or "geometric")");
  const auto distribution = table.choice<Distribution>("distribution");
  if (!distribution) return std::nullopt;
  lengths.distribution = *distribution;
  const bool uniform = *distribution == Distribution::uniform;
  const bool lognormal = *distribution == Distribution::lognormal;
  if (*distribution == Distribution::constant) {
    table.require("value", "for example value = 128");
    lengths.mean = static_cast<double>(table.whole("value", 1, kRequestTokensMax).value_or(1));
  } else if (!uniform) {
    table.require("mean", "for example mean = 128");
    assign(lengths.mean,
           table.number("mean", lognormal ? 1e-3 : 1, static_cast<double>(kRequestTokensMax)));
  }
  if (lognormal) {
    table.require("cv", "the standard deviation / the mean, for example cv = 0.6");
    assign(lengths.cv, table.number("cv", 0, kCvMax));
  }
  if (uniform || lognormal) {
    if (uniform) table.require("min", "the smallest value, for example min = 16");
    assign(lengths.min, table.whole("min", 1, kRequestTokensMax));
  }
  if (*distribution != Distribution::constant) {
    if (uniform) table.require("max", "the largest value, for example max = 256");
    const auto clamp = static_cast<std::int64_t>(
        std::ceil(std::min(16 * lengths.mean, static_cast<double>(kRequestTokensMax))));
    lengths.max = table.whole("max", 1, kRequestTokensMax).value_or(std::max(clamp, lengths.min));
    if (lengths.min > lengths.max && table.has("max")) {
      table.mistake(table.has("min") ? "min" : "max", R"("min" is larger than "max")",
                    "exchange them");
    }
  }
  table.finish();
  if (!mark.sound()) return std::nullopt;
  return lengths;
}

std::optional<Wait> read_wait(TableReader& table, std::string_view key, std::int64_t min_ns) {
  const Mark mark{table.document()};
  Wait wait;
  wait.distribution = WaitDistribution::constant;
  const toml::node* node = table.find(key);
  if (node == nullptr) return std::nullopt;
  const auto read_time = [&](TableReader& holder, std::string_view name) {
    const std::optional<std::int64_t> ns = holder.duration_ns(name);
    if (ns && *ns < min_ns) holder.mistake(name, in_quotes(name) + " must be more than 0");
    assign(wait.mean_ns, ns);
  };
  if (!node->is_table()) {
    read_time(table, key);
    return mark.sound() ? std::optional(wait) : std::nullopt;
  }
  TableReader inner = *table.table(key, std::string(key));
  inner.require("distribution", R"("constant" or "exponential")");
  const auto distribution = inner.choice<WaitDistribution>("distribution");
  if (!distribution) return std::nullopt;
  wait.distribution = *distribution;
  const bool constant = *distribution == WaitDistribution::constant;
  inner.require(constant ? "value" : "mean",
                std::string("for example ") + (constant ? "value" : "mean") + " = \"10s\"");
  read_time(inner, constant ? "value" : "mean");
  inner.finish();
  return mark.sound() ? std::optional(wait) : std::nullopt;
}

Rate read_rate(TableReader& table) {
  Rate rate;
  rate.per_s = table.rate_per_s("rate");
  rate.load = table.number("load", kLoadMin, kLoadMax);
  return rate;
}

bool check_one_rate(TableReader& table, bool required) {
  if (table.has("rate") && table.has("load")) {
    table.mistake("load", R"(both "rate" and "load" are given)", "keep one of them");
    return false;
  }
  if (required && !table.has("rate") && !table.has("load")) {
    table.mistake("rate", table.name() + " lacks a rate",
                  "give rate = \"12/s\", or load = 0.7 as a share of the fleet's capacity");
    return false;
  }
  return true;
}

Arrivals ArrivalsReader::read(TableReader table) {
  Arrivals arrivals;
  table.require("process", R"("poisson", "constant", "gamma", "trace" or "closed")");
  const std::optional<Process> process = table.choice<Process>("process");
  if (!process) return arrivals;
  arrivals.process = *process;
  const std::vector<Process> by_rate = {Process::poisson, Process::constant, Process::gamma};
  const bool has_rate = std::ranges::find(by_rate, *process) != by_rate.end();
  for (const char* key : {"rate", "load", "shape"}) {
    table.only_for(key, "process", *process, by_rate);
  }
  if (has_rate) {
    check_one_rate(table, true);
    arrivals.rate = read_rate(table);
    if (auto shape = table.table("shape", "shape")) arrivals.shape = read_shape(std::move(*shape));
  }
  if (*process == Process::trace) arrivals.trace = read_trace(table);
  if (table.only_for("cv", "process", *process, std::vector{Process::gamma})) {
    table.require("cv", "the standard deviation of the gaps / their mean, for example cv = 2");
    assign(arrivals.cv, table.number("cv", kGammaCvMin, kCvMax));
  }
  if (table.only_for("think", "process", *process, std::vector{Process::closed})) {
    table.require("think", "how long a user thinks between answer and question: think = \"5s\"");
    arrivals.think = read_wait(table, "think", 1);
  }
  table.finish();
  return arrivals;
}

std::optional<Trace> ArrivalsReader::read_trace(TableReader& table) {
  const Mark mark{document_};
  Trace trace;
  table.require("file", "the trace, for example file = \"azure.csv\"");
  const std::optional<std::string> file = table.path("file", folder_);
  assign(trace.speed, table.number("speed", 1e-6, 1e6));
  assign(trace.sample, table.number("sample", 1e-9, 1));
  const toml::node* max = table.find("max");
  if (max != nullptr && max->is_table()) {
    TableReader caps = *table.table("max", "max");
    trace.max_prompt_tokens = caps.whole("prompt", 1, kRequestTokensMax);
    trace.max_output_tokens = caps.whole("output", 1, kRequestTokensMax);
    caps.finish();
  } else if (max != nullptr) {
    trace.max_prompt_tokens = table.whole("max", 1, kRequestTokensMax);
    trace.max_output_tokens = trace.max_prompt_tokens;
  }
  assign(trace.start_ns, table.duration_ns("start"));
  trace.resample_ns = table.positive_duration_ns("resample");
  assign(trace.sort, table.flag("sort"));
  assign(trace.block_tokens, table.whole("block_tokens", kBlockUnitTokens, kRequestTokensMax));
  if (trace.block_tokens % kBlockUnitTokens != 0) {
    table.mistake("block_tokens", "\"block_tokens\" is not a multiple of 16",
                  "replicas keep tokens in units of 16");
  }
  if (auto columns = table.table("columns", "columns")) trace.columns = read_columns(*columns);
  if (!mark.sound()) return std::nullopt;
  trace.file = *file;
  std::error_code unreadable;  // a name too long or forbidden is no file
  if (!std::filesystem::is_regular_file(trace.file, unreadable)) {
    table.mistake("file", "there is no file \"" + trace.file + "\"",
                  "a relative name is looked for beside the scenario");
    return std::nullopt;
  }
  try {
    trace.summary = summarise(trace);
  } catch (const ScenarioError& in_trace) {
    document_.add(in_trace.mistakes());
    return std::nullopt;
  }
  return trace;
}

TraceColumns ArrivalsReader::read_columns(TableReader& table) {
  TraceColumns columns;
  const auto read = [&](const char* key, const char* example, std::string& name) {
    table.require(key, "the name of a column of the file's header, for example " +
                           std::string(key) + " = " + in_quotes(example));
    assign(name, table.text(key));
    if (table.has(key) && name.empty()) {
      table.mistake(key, in_quotes(key) + " must be the name of a column");
    }
  };
  read("time", "arrived_at", columns.time);
  read("prompt", "num_prefill_tokens", columns.prompt);
  read("output", "num_decode_tokens", columns.output);
  table.finish();
  return columns;
}

// In the language each kind has words of its own for the few fields of Shape.
std::optional<Shape> ArrivalsReader::read_shape(TableReader table) {
  using enum ShapeKind;
  const Mark mark{document_};
  table.require("kind", R"("ramp", "steps", "diurnal", "burst" or "mmpp")");
  const std::optional<ShapeKind> kind = table.choice<ShapeKind>("kind");
  if (!kind) return std::nullopt;
  Shape shape;
  shape.kind = *kind;
  const auto uses = [&](const char* key, const std::vector<ShapeKind>& users, const char* example) {
    if (!table.only_for(key, "kind", *kind, users)) return false;
    if (example != nullptr) table.require(key, "for example " + std::string(example));
    return true;
  };
  if (uses("from", {ramp}, nullptr)) read_factor(table, "from", shape.from);
  if (uses("to", {ramp}, "to = 1.5, a multiplier of the rate")) read_factor(table, "to", shape.to);
  if (uses("trough", {diurnal}, "trough = 0.5, a multiplier of the rate")) {
    read_factor(table, "trough", shape.from);
  }
  if (uses("peak", {diurnal}, "peak = 1.5, a multiplier of the rate")) {
    read_factor(table, "peak", shape.to);
  }
  if (uses("low", {burst, mmpp}, nullptr)) read_factor(table, "low", shape.from);
  if (uses("high", {burst, mmpp}, "high = 4.0, a multiplier of the rate")) {
    read_factor(table, "high", shape.to);
  }
  if (uses("begin", {ramp, burst}, nullptr)) assign(shape.begin_ns, table.duration_ns("begin"));
  if (uses("peak_at", {diurnal}, nullptr)) assign(shape.begin_ns, table.duration_ns("peak_at"));
  if (uses("length", {ramp, burst, mmpp}, "length = \"20s\"")) {
    assign(shape.length_ns, table.positive_duration_ns("length"));
  }
  if (uses("every", {burst}, "every = \"60s\", from one burst to the next")) {
    assign(shape.period_ns, table.positive_duration_ns("every"));
  }
  if (uses("calm", {mmpp}, "calm = \"60s\", the mean time between bursts")) {
    assign(shape.period_ns, table.positive_duration_ns("calm"));
  }
  if (uses("period", {diurnal}, nullptr)) {
    shape.period_ns = table.positive_duration_ns("period").value_or(86'400'000'000'000);
  }
  if (uses("steps", {steps}, R"(steps = [["10s", 2.0], ["20s", 1.0]])")) read_steps(table, shape);
  if (*kind == burst && mark.sound() && shape.length_ns > shape.period_ns) {
    table.mistake("length", "a burst is longer than the time from one to the next",
                  "length is at most every");
  }
  if (mark.sound() && *kind != steps && shape.from + shape.to <= 0) {
    document_.add(table.place(), "with this shape nobody ever asks", "raise a multiplier above 0");
  }
  table.finish();
  return mark.sound() ? std::optional(shape) : std::nullopt;
}

void ArrivalsReader::read_steps(TableReader& table, Shape& shape) {
  const toml::node* node = table.find("steps");
  if (node == nullptr) return;
  constexpr const char* kExample = R"(for example steps = [["10s", 2.0], ["20s", 1.0]])";
  const toml::array* array = node->as_array();
  if (array == nullptr || array->empty() || array->size() > kMostShapeSteps) {
    table.mistake("steps",
                  "\"steps\" must be an array of 1 to 10000 pairs [from then on, multiplier]",
                  kExample);
    return;
  }
  bool sound = true;
  for (const toml::node& element : *array) {
    const toml::array* pair = element.as_array();
    const auto fail = [&](const std::string& message, const std::string& advice) {
      document_.add(element.source(), message, advice);
      sound = false;
    };
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
        !(*pair)[1].is_number()) {
      fail("a step is a pair [from then on, multiplier]", kExample);
      continue;
    }
    const Quantity<std::int64_t> at = parse_duration_ns((*pair)[0].as_string()->get());
    const double factor = (*pair)[1].value<double>().value_or(-1);
    if (!at.value) {
      fail("a step's instant: " + at.problem, at.advice);
    } else if (!(factor >= 0 && factor <= kFactorMax)) {
      fail("a step's multiplier is out of bounds", "a number from 0 to 1000000");
    } else if (!shape.steps.empty() && *at.value <= shape.steps.back().first) {
      fail("a step is not later than the one before it", "write the steps in order of time");
    } else {
      shape.steps.emplace_back(*at.value, factor);
    }
  }
  if (!sound) return;
  const bool silent = shape.steps.front().first == 0 &&
                      std::ranges::all_of(shape.steps, [](const auto& s) { return s.second == 0; });
  if (silent) {
    table.mistake("steps", "with these steps nobody ever asks", "raise a multiplier above 0");
  }
}

}  // namespace tokenlift
