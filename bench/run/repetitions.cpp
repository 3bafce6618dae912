#include "bench/run/repetitions.hpp"

#include <optional>
#include <utility>

#include "bench/machine/in_order.hpp"
#include "bench/run/repetition_work.hpp"
#include "reports/json/json_run.hpp"

namespace tokenlift {

namespace fs = std::filesystem;

fs::path run_file(const RepetitionPlan& plan, std::uint64_t repetition, bool control) {
  fs::path name;
  if (plan.repetitions > 1) name /= std::to_string(repetition);
  if (control) name /= "control";
  return name / "run.json";
}

std::set<fs::path> run_files(const RepetitionPlan& plan) {
  std::set<fs::path> files;
  for (std::uint64_t n = 1; n <= plan.repetitions; ++n) {
    files.insert(run_file(plan, n, false));
    if (plan.control) files.insert(run_file(plan, n, true));
  }
  return files;
}

namespace {

struct Made {
  bool control = false;
  Run run;
  fs::path file;
};
using MadeRuns = std::vector<Made>;

/// Runs of one plan, made here or elsewhere.
class Repeating {
 public:
  Repeating(const Prepared& prepared, const RepetitionPlan& plan, const RepeatWith& with)
      : prepared_(prepared), plan_(plan), with_(with) {}

  void run_here(std::uint64_t repetition) {
    MadeRuns made;
    for (const bool control : arms_in_turn(repetition)) {
      if (interrupted_ || (control && !plan_.control)) continue;
      ProgressBoard board;
      auto display = with_.watch(prepared_.scenario, board, repetition, control);
      Run run = with_.experiment.run(prepared_, repetition, board, control);
      display.reset();
      interrupted_ = run.interrupted;
      made.push_back(written(repetition, control, std::move(run)));
    }
    in_order_.add(repetition, std::move(made));
  }

  void keep(std::uint64_t repetition, ReturnedRepetition returned) {
    MadeRuns made;
    for (ReturnedRun& one : returned.runs) {
      made.push_back(written(repetition, one.control, std::move(one.run), one.json));
    }
    if (returned.interrupted) interrupted_ = true;
    in_order_.add(repetition, std::move(made));
  }

  Repeated take() { return {pool_.take(prepared_.scenario.name), std::move(files_)}; }

 private:
  /// `json`: absent: it is written while it is made.
  Made written(std::uint64_t repetition, bool control, Run run,
               std::optional<std::string_view> json = {}) {
    const fs::path name = with_.subfolder / run_file(plan_, repetition, control);
    try {
      fs::path file =
          json ? with_.folder.write(name, *json)
               : with_.folder.write(name, [&run](const auto& take) { write_json(run, take); });
      return {control, std::move(run), std::move(file)};
    } catch (const MachineError& error) {
      throw RunNotWritten(error.what(), std::move(run));
    }
  }

  const Prepared& prepared_;
  const RepetitionPlan& plan_;
  const RepeatWith& with_;
  std::atomic<bool> interrupted_{false};
  Pool pool_;
  std::vector<fs::path> files_;
  InOrder<MadeRuns> in_order_{[this](std::uint64_t repetition, MadeRuns made) {
    for (Made& one : made) {
      files_.push_back(std::move(one.file));
      pool_.add(run_name(repetition, one.control), std::move(one.run));
    }
  }};
};

}  // namespace

Repeated repeat(const Prepared& prepared, const RepetitionPlan& plan, const RepeatWith& with) {
  Repeating repeating(prepared, plan, with);
  const auto number = [](std::size_t item) { return static_cast<std::uint64_t>(item) + 1; };
  WorkItems work;
  work.count = plan.repetitions;
  work.here = [&](std::size_t item) { repeating.run_here(number(item)); };
  std::optional<RepetitionWork> sent;
  if (with.ranks != nullptr && plan.repetitions > 1 && can_be_sent(prepared)) {
    sent.emplace(prepared);
    const auto pack = [&](std::size_t item) { return sent->pack({number(item), plan.control}); };
    const auto keep = [&](std::size_t item, const WorkResult& reply) {
      const std::uint64_t n = number(item);
      repeating.keep(n, returned_repetition(reply, run_name(n, false)));
    };
    work.elsewhere = WorkElsewhere{kRepetitionWork, pack, keep, with.stop};
  }
  // A display, and a recorder of requests, are of one run at a time.
  WorkPool(1, with.ranks).run(work);
  return repeating.take();
}

}  // namespace tokenlift
