#include "bench/command/suite_benchmarks.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "bench/command/input.hpp"
#include "bench/machine/output_folder.hpp"

namespace tokenlift {

namespace {

using benchmark::State;

constexpr std::string_view kRepetitionsFlag = "--benchmark_repetitions";
constexpr std::string_view kOutFlag = "--benchmark_out";
constexpr std::string_view kOutFormatFlag = "--benchmark_out_format";

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

/// Sends what is reported, in several batches, to several reporters as one whole.
class Reporters : public benchmark::BenchmarkReporter {
 public:
  Reporters() {
    SetOutputStream(&unread_);
    SetErrorStream(&unread_);
  }
  /// Returns the text to be.
  std::ostringstream& add(std::unique_ptr<benchmark::BenchmarkReporter> reporter) {
    auto text = std::make_unique<std::ostringstream>();
    reporter->SetOutputStream(text.get());
    reporter->SetErrorStream(&unread_);
    all_.push_back({std::move(reporter), std::move(text)});
    return *all_.back().text;
  }
  void finish() {
    for (const Each& each : all_) each.reporter->Finalize();
  }

  bool ReportContext(const Context& context) override {
    if (!std::exchange(begun_, true)) {
      for (const Each& each : all_) each.reporter->ReportContext(context);
    }
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Each& each : all_) each.reporter->ReportRuns(runs);
  }

 private:
  struct Each {
    std::unique_ptr<benchmark::BenchmarkReporter> reporter;
    std::unique_ptr<std::ostringstream> text;
  };
  std::vector<Each> all_;
  std::ostringstream unread_;
  bool begun_ = false;
};

/// Google Benchmark ends the process where it cannot read what the machine is, for which it opens
/// two files at once. Throws MachineError.
void require_descriptors() {
  const int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int second = dup(first);
  const int error = errno;
  if (second >= 0) close(second);
  if (first >= 0) close(first);
  if (second < 0)
    throw MachineError(fmt::format("cannot open two files more: {}", std::strerror(error)));
}

/// Google Benchmark takes time that grows with the square of how many benchmarks there are, so it
/// gets a few cases at a time. Returns how many benchmarks its filter matched.
std::size_t run_in_batches(std::size_t cases, benchmark::BenchmarkReporter& reporter,
                           const std::function<void(std::size_t)>& register_case) {
  constexpr std::size_t kBatch = 10;
  require_descriptors();
  std::size_t matched = 0;
  for (std::size_t begin = 0; begin < cases; begin += kBatch) {
    benchmark::ClearRegisteredBenchmarks();
    for (std::size_t i = begin; i < std::min(cases, begin + kBatch); ++i) register_case(i);
    matched += benchmark::RunSpecifiedBenchmarks(&reporter);
  }
  benchmark::ClearRegisteredBenchmarks();
  return matched;
}

#pragma GCC diagnostic push  // it goes in a later version, and is its flag's until then
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/// Its header has the counters of what it gets first, and it ends the program where a later one has
/// others (a case with a lift after one without): it gets all at once.
class CsvReporter : public benchmark::CSVReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    all_.insert(all_.end(), runs.begin(), runs.end());
  }
  void Finalize() override {
    if (!all_.empty()) CSVReporter::ReportRuns(all_);
  }

 private:
  std::vector<Run> all_;
};
#pragma GCC diagnostic pop

std::unique_ptr<benchmark::BenchmarkReporter> reporter_of(const std::string& format) {
  if (format == "csv") return std::make_unique<CsvReporter>();
  if (format == "console") {
    return std::make_unique<benchmark::ConsoleReporter>(benchmark::ConsoleReporter::OO_None);
  }
  return std::make_unique<benchmark::JSONReporter>();
}

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

/// There is nothing to show of a repetition. All repetitions of a benchmark must have as many
/// iterations, or Google Benchmark ends the program where it computes their mean: so it has one.
void show_nothing(State& state, const char* why) {
  set_time(state, 0);
  state.SkipWithError(why);
}

/// The last phase is the one that lasts: `after`, or `steady`.
const FigureSet* lasting_throughput(const CaseFigures& figures) {
  const FigureSet* last = nullptr;
  for (const FigureSet& set : figures.figures) {
    if (set.name == "throughput" && !set.runs.empty()) last = &set;
  }
  return last;
}

/// Which of a set's runs a repetition shows: where no seed makes another run, the one that there
/// is.
std::size_t shown_run(const CaseFigures& figures, std::size_t repetition) {
  return figures.without_chance ? 0 : repetition;
}

constexpr const char* kNoRun =
    "this repetition was not run to its end, or agrees in everything with one before";

/// Of a sweep: the time per output token where it makes the most of them, whatever the repetition.
void report_sweep(State& state, const CaseSweep& sweep) {
  if (!sweep.most_tokens_per_s || *sweep.most_tokens_per_s <= 0) {
    show_nothing(state, "no output tokens along a key: there is no time per token");
    return;
  }
  set_time(state, 1 / *sweep.most_tokens_per_s);
  if (sweep.knee) state.counters["knee"] = *sweep.knee;
  if (sweep.saturated_from) state.counters["saturated_from"] = *sweep.saturated_from;
}

void report_case(State& state, const CaseResult& result, std::size_t repetition) {
  const std::size_t run = shown_run(result.figures, repetition);
  if (result.report.status == CaseStatus::failed) {
    show_nothing(state, result.report.failure.c_str());
    return;
  }
  if (result.report.sweep) return report_sweep(state, *result.report.sweep);
  if (run >= result.figures.runs) {
    show_nothing(state, kNoRun);
    return;
  }
  const FigureSet* const throughput = lasting_throughput(result.figures);
  if (throughput == nullptr || throughput->runs[run].value <= 0) {
    show_nothing(state, "no output tokens: there is no time per token");
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
  if (result.figures.without_chance) state.SetLabel("the same run for any seed");
  if (!result.figures.problem.empty()) state.SetLabel("NOT VALID: " + result.figures.problem);
}

void register_results(const CaseResult& result, std::optional<std::uint64_t> repetitions) {
  const std::string& name = result.report.name;
  register_benchmark(name, benchmark::kNanosecond, repetitions,
                     [&result](State& state, std::size_t run) { report_case(state, result, run); });
  for (const FigureSet& set : result.figures.figures) {
    if (!is_latency(set) || set.runs.empty()) continue;
    register_benchmark(latency_benchmark(name, set.phase, set.name), benchmark::kMillisecond,
                       repetitions, [&result, &set](State& state, std::size_t repetition) {
                         const std::size_t run = shown_run(result.figures, repetition);
                         if (run < set.runs.size()) {
                           set_time(state, set.runs[run].value * 1e-9);
                         } else {
                           show_nothing(state, kNoRun);
                         }
                       });
  }
}

std::vector<std::string> phases_of(const Scenario& scenario) {
  if (measured_event(scenario)) return {"before", "transition", "after"};
  return {"steady"};
}

/// regcomp(), which Google Benchmark uses, calls itself for each bracket, and writes out what a
/// number in braces repeats: it dies of a pattern that is large or deep enough.
void check_filter(const std::string& filter) {
  constexpr std::size_t kMostBytes = 1000;
  constexpr std::size_t kMostDepth = 50;
  constexpr std::size_t kMostCopies = 1000;
  if (filter.size() > kMostBytes) {
    throw UsageError(fmt::format("the filter of benchmarks has {} bytes, and {} are the most",
                                 filter.size(), kMostBytes));
  }
  std::size_t depth = 0;
  std::size_t copies = 1;  // if all braces are around one another
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] == ')' && depth > 0) --depth;
    if (filter[i] == '(' && ++depth > kMostDepth) {
      throw UsageError(fmt::format(
          "the filter of benchmarks has brackets in brackets more than {} deep", kMostDepth));
    }
    if (filter[i] != '{') continue;
    std::size_t most = 1;
    for (std::size_t number = 0; ++i < filter.size() && filter[i] != '}';) {
      const bool digit = filter[i] >= '0' && filter[i] <= '9';
      number =
          digit ? std::min(10 * number + static_cast<std::size_t>(filter[i] - '0'), kMostCopies + 1)
                : 0;
      most = std::max(most, number);
    }
    copies *= most;
    if (copies > kMostCopies) {
      throw UsageError(fmt::format(
          "the filter of benchmarks repeats by its braces more than {} times", kMostCopies));
    }
  }
}

}  // namespace

SuiteBenchmarks::SuiteBenchmarks(const std::vector<std::string>& words) {
  check_choice(words, "--benchmark_format", {"console", "json", "csv"});
  check_choice(words, kOutFormatFlag, {"console", "json", "csv"});
  display_format_ = value_of(words, "--benchmark_format").value_or("");
  file_ = value_of(words, kOutFlag).value_or("");
  file_format_ = value_of(words, kOutFormatFlag).value_or("json");
  if (!file_.empty()) require_no_folder(file_);
  // The file is written here, whole or not at all, when all is known.
  for (const std::string& word : words) {
    if (!word.starts_with(kOutFlag)) words_.push_back(word);
  }
  initialize(words_);
  check_filter(benchmark::GetBenchmarkFilter());
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
  std::ostringstream list;
  std::ostringstream problem;
  Silence silence;
  silence.SetOutputStream(&list);
  silence.SetErrorStream(&problem);
  const std::size_t chosen = run_in_batches(cases.size(), silence, [&](std::size_t i) {
    const auto count = [&runs, i](State& state, std::size_t run) {
      set_time(state, 1);
      runs[i] = std::max<std::uint64_t>(runs[i], run + 1);
    };
    register_benchmark(cases[i].name, benchmark::kNanosecond, own_repetitions(cases[i]), count);
    if (cases[i].sweep) return;
    for (const std::string& phase : phases_of(cases[i].scenario)) {
      for (const std::string& percentile : compared_percentiles(phase)) {
        register_benchmark(latency_benchmark(cases[i].name, phase, percentile),
                           benchmark::kMillisecond, own_repetitions(cases[i]), count);
      }
    }
  });
  if (chosen == 0) {
    const std::string text = problem.str();
    throw UsageError("no case was chosen: " + text.substr(0, text.find('\n')));
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
  Reporters reporters;
  std::ostringstream& json = reporters.add(std::make_unique<benchmark::JSONReporter>());
  std::ostringstream* display = nullptr;
  if (!display_format_.empty()) display = &reporters.add(reporter_of(display_format_));
  std::ostringstream* file = nullptr;
  if (!file_.empty()) file = &reporters.add(reporter_of(file_format_));
  run_in_batches(results.size(), reporters, [&](std::size_t i) {
    if (results[i].report.status == CaseStatus::not_run) return;
    register_results(results[i], own_repetitions(cases[i]));
  });
  reporters.finish();
  if (file != nullptr) OutputFile(file_).write(file->str());
  return {json.str(), display == nullptr ? "" : display->str()};
}

}  // namespace tokenlift
