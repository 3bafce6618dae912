#include "bench/sweep/point_work.hpp"

#include <memory>
#include <utility>

#include "bench/machine/last_made.hpp"
#include "bench/machine/parcel.hpp"
#include "bench/machine/progress.hpp"
#include "bench/run/sent_scenario.hpp"
#include "reports/json/json_sweep.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kProblemsAtATime = 2;  // one, and the next as it begins

struct Received {
  Received(SweepProblem its_problem, const std::atomic<bool>& stop)
      : problem(std::move(its_problem)), runner(problem, stop) {}
  SweepProblem problem;
  PointRunner runner;
};

std::shared_ptr<Received> received_from(const std::string& head, const std::atomic<bool>& stop) {
  OpenedParcel parcel(head);
  ReceivedScenario received = take_scenario(parcel);
  const std::uint64_t repetitions = parcel.number();
  SentScenario& sent = received.sent;
  SweepProblem problem = make_sweep_problem(std::move(sent.source), std::move(sent.overrides),
                                            std::move(sent.profiles), repetitions);
  received.require_same_traces(problem.scenario);
  problem.figures = parcel.texts();
  return std::make_shared<Received>(std::move(problem), stop);
}

/// A point by itself, as sweep.json has it.
std::string text_of(const SweepProblem& problem, SweepPoint point) {
  point.values = {""};
  point.numbers = {0};
  SweepReport report;
  report.axes.push_back({"point"});
  report.figures = problem.figures;
  report.points.push_back(std::move(point));
  return to_json(report);
}

}  // namespace

PointWork::PointWork(const SweepProblem& problem) {
  Parcel head;
  add(head, SentScenario{problem.source, problem.overrides, problem.profiles}, problem.scenario);
  head.add_number(problem.repetitions).add(problem.figures);
  head_ = head.take();
}

std::string PointWork::pack(const std::vector<std::string>& settings) const {
  Parcel item;
  item.add(head_).add(settings);
  return item.take();
}

SweepPoint returned_point(const WorkResult& reply) {
  SweepPoint point = std::move(read_sweep(reply.result(), "a point of another rank").points.at(0));
  point.values.clear();
  point.numbers.clear();
  return point;
}

std::function<std::string(const std::string&)> point_worker(std::vector<std::string> command,
                                                            const std::atomic<bool>& stop) {
  const auto known = std::make_shared<LastMade<Received>>(kProblemsAtATime);
  return [known, command = std::move(command), &stop](const std::string& item) {
    OpenedParcel parcel(item);
    const std::string head = parcel.text();
    const std::vector<std::string> settings = parcel.texts();
    const auto received = known->get(head, [&] { return received_from(head, stop); });
    const auto unwatched = [](auto&&...) { return std::unique_ptr<ProgressDisplay>(); };
    Experiment experiment(command, stop, 1);
    return text_of(received->problem, received->runner.run(settings, experiment, unwatched));
  };
}

}  // namespace tokenlift
