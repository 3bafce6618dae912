#include "bench/suite_benchmarks.hpp"

#include <benchmark/benchmark.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "bench/command_line_input.hpp"
#include "bench/output_folder.hpp"

namespace tokenlift {

namespace {

using benchmark::State;

constexpr std::string_view kRepetitionsFlag = "--benchmark_repetitions";

/// The value of a flag; nothing where it was not given, empty where it was given without one.
std::optional<std::string> value_of(const std::vector<std::string>& words, std::string_view flag) {
  std::optional<std::string> value;
  for (const std::string& word : words) {
    if (word == flag) value = "";
    if (word.starts_with(std::string(flag) + "=")) value = word.substr(flag.size() + 1);
  }
  return value;
}

/// Google Benchmark ends the program, with success, where one of these is wrong.
void check_choice(const std::vector<std::string>& words, std::string_view flag,
                  const std::vector<std::string>& values) {
  const std::optional<std::string> value = value_of(words, flag);
  if (!value || std::find(values.begin(), values.end(), *value) != values.end()) return;
  throw UsageError(fmt::format("{} is '{}', and can be {}", flag, *value, fmt::join(values, ", ")));
}

/// Sends what is reported to several reporters.
class Reporters : public benchmark::BenchmarkReporter {
 public:
  explicit Reporters(std::vector<benchmark::BenchmarkReporter*> all) : all_(std::move(all)) {}
  bool ReportContext(const Context& context) override {
    return std::all_of(all_.begin(), all_.end(),
                       [&](auto* reporter) { return reporter->ReportContext(context); });
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (auto* const reporter : all_) reporter->ReportRuns(runs);
  }
  void Finalize() override {
    for (auto* const reporter : all_) reporter->Finalize();
  }

 private:
  std::vector<benchmark::BenchmarkReporter*> all_;
};

/// Says nothing: for asking which benchmarks would run.
class Silence : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& /*runs*/) override {}
};

/// A percentile is a benchmark of its own.
bool is_latency(const FigureSet& set) {
  return set.unit == "ns" && set.phase != "lift";
}

std::string word_of(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

std::string latency_benchmark(const std::string& suite_case, const std::string& phase,
                              const std::string& percentile) {
  return fmt::format("{}/{}/{}", suite_case, phase, word_of(percentile));
}

/// `body` is called with the number of the repetition, from 0 on, as often as there are any:
/// `repetitions`, or as the flag says where that is not given.
void register_benchmark(const std::string& name, benchmark::TimeUnit unit,
                        std::optional<std::uint64_t> repetitions,
                        std::function<void(State&, std::size_t)> body) {
  auto* const one = benchmark::RegisterBenchmark(
      name.c_str(), [body = std::move(body), next = std::size_t{0}](State& state) mutable {
        body(state, next++);
      });
  one->Iterations(1)->UseManualTime()->Unit(unit);
  if (repetitions) one->Repetitions(static_cast<int>(*repetitions));
}

void set_time(State& state, double seconds) {
  for (auto _ : state) state.SetIterationTime(seconds);
}

/// The last phase is the one that lasts: `after`, or `steady`.
const FigureSet* lasting_throughput(const CaseFigures& figures) {
  const FigureSet* last = nullptr;
  for (const FigureSet& set : figures.figures) {
    if (set.name == "throughput" && !set.runs.empty()) last = &set;
  }
  return last;
}

void report_case(State& state, const CaseResult& result, std::size_t run) {
  if (result.report.status == CaseStatus::failed) {
    state.SkipWithError(result.report.failure.c_str());
    return;
  }
  if (run >= result.figures.runs) {
    state.SkipWithError("this repetition was not run to its end");
    return;
  }
  const FigureSet* const throughput = lasting_throughput(result.figures);
  if (throughput == nullptr || throughput->runs[run].value <= 0) {
    state.SkipWithError("no output tokens: there is no time per token");
    return;
  }
  set_time(state, 1 / throughput->runs[run].value);
  for (const FigureSet& set : result.figures.figures) {
    if (is_latency(set) || set.runs.empty()) continue;
    const bool time = set.unit == "ns";
    const std::string phase = set.phase == "lift" ? "" : "/" + set.phase;
    state.counters[word_of(set.name) + (time ? "_s" : "") + phase] =
        set.runs[run].value * (time ? 1e-9 : 1);
  }
  if (!result.figures.problem.empty()) state.SetLabel("NOT VALID: " + result.figures.problem);
}

void register_results(const CaseResult& result, std::optional<std::uint64_t> repetitions) {
  const std::string& name = result.report.name;
  register_benchmark(name, benchmark::kNanosecond, repetitions,
                     [&result](State& state, std::size_t run) { report_case(state, result, run); });
  for (const FigureSet& set : result.figures.figures) {
    if (!is_latency(set) || set.runs.empty()) continue;
    register_benchmark(latency_benchmark(name, set.phase, set.name), benchmark::kMillisecond,
                       repetitions, [&set](State& state, std::size_t run) {
                         if (run < set.runs.size()) {
                           set_time(state, set.runs[run].value * 1e-9);
                         } else {
                           state.SkipWithError("this repetition was not run to its end");
                         }
                       });
  }
}

std::vector<std::string> phases_of(const Scenario& scenario) {
  if (measured_event(scenario)) return {"before", "transition", "after"};
  return {"steady"};
}

}  // namespace

SuiteBenchmarks::SuiteBenchmarks(const std::vector<std::string>& words) : words_(words) {
  check_choice(words_, "--benchmark_format", {"console", "json", "csv"});
  check_choice(words_, "--benchmark_out_format", {"console", "json", "csv"});
  displayed_ = value_of(words_, "--benchmark_format").has_value();
  std::vector<std::string> choosing;  // an output file is opened where benchmarks are run
  for (const std::string& word : words_) {
    if (!word.starts_with("--benchmark_out")) choosing.push_back(word);
  }
  initialize(choosing);
}

void SuiteBenchmarks::initialize(const std::vector<std::string>& words) const {
  static std::string program = "tokenlift";  // Google Benchmark keeps the pointer
  std::vector<std::string> copies = words;
  std::vector<char*> arguments = {program.data()};
  for (std::string& copy : copies) arguments.push_back(copy.data());
  arguments.push_back(nullptr);
  int count = static_cast<int>(arguments.size()) - 1;
  benchmark::Initialize(&count, arguments.data());
  if (count > 1) {
    throw UsageError(
        fmt::format("'{}' is no flag of Google Benchmark, or has no such value", arguments[1]));
  }
}

/// A number of repetitions becomes a part of a benchmark's name. It is given by the flag where it
/// can be, so that names are the same for any number.
std::optional<std::uint64_t> SuiteBenchmarks::own_repetitions(const SuiteCase& one) const {
  if (!usual_ || one.repetitions == *usual_) return std::nullopt;
  return one.repetitions;
}

BenchmarkChoice SuiteBenchmarks::choose(const std::vector<SuiteCase>& cases) {
  if (!value_of(words_, kRepetitionsFlag)) {
    usual_ = cases.front().repetitions;
    words_.push_back(fmt::format("{}={}", kRepetitionsFlag, *usual_));
    initialize({words_.back()});
  }
  std::vector<std::uint64_t> runs(cases.size());
  benchmark::ClearRegisteredBenchmarks();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto count = [&runs, i](State& state, std::size_t run) {
      set_time(state, 1);
      runs[i] = std::max(runs[i], static_cast<std::uint64_t>(run) + 1);
    };
    register_benchmark(cases[i].name, benchmark::kNanosecond, own_repetitions(cases[i]), count);
    for (const std::string& phase : phases_of(cases[i].scenario)) {
      for (const std::string& percentile : compared_percentiles(phase)) {
        register_benchmark(latency_benchmark(cases[i].name, phase, percentile),
                           benchmark::kMillisecond, own_repetitions(cases[i]), count);
      }
    }
  }
  std::ostringstream list;
  std::ostringstream problem;
  Silence silence;
  silence.SetOutputStream(&list);
  silence.SetErrorStream(&problem);
  if (benchmark::RunSpecifiedBenchmarks(&silence) == 0) {
    throw UsageError("no case was chosen: " + problem.str());
  }
  BenchmarkChoice choice;
  choice.list = list.str();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (runs[i] == 0) continue;
    choice.cases.push_back(cases[i]);
    choice.cases.back().repetitions = runs[i];
  }
  return choice;
}

SuiteBenchmarks::Output SuiteBenchmarks::report(const std::vector<SuiteCase>& cases,
                                                const std::vector<CaseResult>& results) const {
  if (const auto file = value_of(words_, "--benchmark_out"); file && !file->empty()) {
    // Google Benchmark would end the program.
    if (!std::ofstream(*file, std::ios::app)) {
      throw MachineError(fmt::format("cannot write '{}' (--benchmark_out)", *file));
    }
  }
  initialize(words_);
  benchmark::ClearRegisteredBenchmarks();
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].report.status != CaseStatus::not_run) {
      register_results(results[i], own_repetitions(cases[i]));
    }
  }
  std::ostringstream json_text;
  std::ostringstream display_text;
  std::ostringstream problem;
  benchmark::JSONReporter json;
  json.SetOutputStream(&json_text);
  std::vector<benchmark::BenchmarkReporter*> all = {&json};
  std::unique_ptr<benchmark::BenchmarkReporter> display;
  if (displayed_) {
    display.reset(benchmark::CreateDefaultDisplayReporter());
    display->SetOutputStream(&display_text);
    all.push_back(display.get());
  }
  for (auto* const reporter : all) reporter->SetErrorStream(&problem);
  Reporters reporters(all);
  reporters.SetOutputStream(&problem);
  reporters.SetErrorStream(&problem);
  benchmark::RunSpecifiedBenchmarks(&reporters);
  return {json_text.str(), display_text.str()};
}

}  // namespace tokenlift
