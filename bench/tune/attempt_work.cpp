#include "bench/tune/attempt_work.hpp"

#include <memory>
#include <utility>

#include "bench/machine/last_made.hpp"
#include "bench/machine/parcel.hpp"
#include "bench/run/sent_scenario.hpp"
#include "reports/json/json_evaluation.hpp"

namespace tokenlift {

namespace {

struct Received {
  Received(TuningProblem its_problem, std::vector<std::string> command,
           const std::atomic<bool>& stop)
      : problem(std::move(its_problem)), simulator(problem, std::move(command), stop) {}
  TuningProblem problem;
  TuningSimulator simulator;
};

/// Null if it was stopped.
std::shared_ptr<const Received> received_from(const std::string& head,
                                              const std::vector<std::string>& command,
                                              const std::atomic<bool>& stop) {
  OpenedParcel parcel(head);
  ReceivedScenario received = take_scenario(parcel);
  SentScenario& sent = received.sent;
  std::optional<TuningProblem> problem = make_tuning_problem(
      std::move(sent.source), std::move(sent.overrides), std::move(sent.profiles), stop);
  if (!problem) return nullptr;
  received.require_same_traces(problem->scenario);
  for (const std::string& floor : parcel.texts()) {
    problem->tuning.constraints.push_back(parse_objective(floor).value.value());
  }
  return std::make_shared<const Received>(*std::move(problem), command, stop);
}

Attempt attempt_from(OpenedParcel& parcel) {
  Attempt attempt;
  for (std::uint64_t left = parcel.number(); left > 0; --left) {
    attempt.point.push_back(parcel.real());
  }
  attempt.effort.runs = parcel.number();
  attempt.effort.length_share = parcel.real();
  attempt.stress = static_cast<Stress>(parcel.number());
  attempt.by_run = parcel.number() == 1;
  attempt.larger.fleet = parcel.real();
  attempt.larger.limits = parcel.real();
  attempt.larger.throttle = parcel.text();
  return attempt;
}

}  // namespace

AttemptWork::AttemptWork(const TuningProblem& problem, const std::vector<std::string>& floors) {
  Parcel head;
  add(head, SentScenario{problem.source, problem.overrides, problem.profiles}, problem.scenario);
  head.add(floors);
  head_ = head.take();
}

std::string AttemptWork::pack(const Attempt& attempt) const {
  Parcel item;
  item.add(head_).add_number(attempt.point.size());
  for (const double position : attempt.point) item.add_real(position);
  item.add_number(attempt.effort.runs).add_real(attempt.effort.length_share);
  item.add_number(static_cast<std::uint64_t>(attempt.stress)).add_number(attempt.by_run ? 1 : 0);
  item.add_real(attempt.larger.fleet).add_real(attempt.larger.limits);
  item.add(attempt.larger.throttle);
  return item.take();
}

std::optional<TuningFigures> returned_figures(const WorkResult& reply) {
  const std::string& line = reply.result();
  if (line.empty()) return std::nullopt;
  return read_journal_line(line, "an attempt of another rank").second;
}

std::function<std::string(const std::string&)> attempt_worker(std::vector<std::string> command,
                                                              const std::atomic<bool>& stop) {
  const auto known = std::make_shared<LastMade<const Received>>(1);
  return [known, command = std::move(command), &stop](const std::string& item) {
    OpenedParcel parcel(item);
    const std::string head = parcel.text();
    const auto received = known->get(head, [&] { return received_from(head, command, stop); });
    std::optional<TuningFigures> figures;
    if (received) figures = received->simulator.figures(attempt_from(parcel));
    return figures ? journal_line("", *figures) : std::string();
  };
}

}  // namespace tokenlift
