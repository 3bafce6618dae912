#include "bench/run/repetition_work.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "bench/machine/last_made.hpp"
#include "bench/machine/parcel.hpp"
#include "bench/machine/progress.hpp"
#include "bench/run/sent_scenario.hpp"
#include "reports/json/json_run.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift {

namespace {

/// Cases of a suite that are under way at the same time, or nearly.
constexpr std::size_t kScenariosAtATime = 4;

Scenario read_back(const SentScenario& sent) {
  return parse_scenario(sent.source.text, sent.source.name, sent.source.folder, sent.overrides,
                        sent.profiles);
}

void add(Parcel& parcel, const Part& part) {
  parcel.add_number(static_cast<std::uint64_t>(part.share.rank));
  parcel.add_number(static_cast<std::uint64_t>(part.share.count));
  for (const std::int64_t ns :
       {part.start_unix_ns, part.clock_offset_ns.value_or(0), part.clock_error_ns.value_or(0)}) {
    parcel.add_number(static_cast<std::uint64_t>(ns));
  }
}

Part take_part(OpenedParcel& parcel) {
  Part part;
  part.share.rank = static_cast<int>(parcel.number());
  part.share.count = static_cast<int>(parcel.number());
  part.start_unix_ns = static_cast<std::int64_t>(parcel.number());
  part.clock_offset_ns = static_cast<std::int64_t>(parcel.number());
  part.clock_error_ns = static_cast<std::int64_t>(parcel.number());
  return part;
}

std::string head_of(const Scenario& scenario, const Prepared* prepared) {
  Parcel head;
  head.add_number(prepared != nullptr ? 1 : 0);
  head.add(prepared != nullptr ? prepared->capacity_source : "");
  add(head, sent_scenario(scenario), scenario);
  return head.take();
}

/// Nothing if it was stopped.
std::shared_ptr<const Prepared> prepared_from(const std::string& head, Experiment& experiment) {
  OpenedParcel parcel(head);
  const bool is_prepared = parcel.number() == 1;
  const std::string capacity_source = parcel.text();
  const ReceivedScenario received = take_scenario(parcel);
  Scenario scenario = read_back(received.sent);
  received.require_same_traces(scenario);
  if (is_prepared) {
    return std::make_shared<const Prepared>(Prepared{std::move(scenario), capacity_source});
  }
  std::optional<Prepared> prepared = experiment.prepare(scenario);
  return prepared ? std::make_shared<const Prepared>(*std::move(prepared)) : nullptr;
}

}  // namespace

RepetitionWork::RepetitionWork(const Scenario& given) : head_(head_of(given, nullptr)) {}

RepetitionWork::RepetitionWork(const Prepared& prepared)
    : head_(head_of(prepared.scenario, &prepared)) {}

bool can_be_sent(const Prepared& prepared) {
  return traits_of(prepared.scenario.run.engine).simulated && reads_back(prepared);
}

bool reads_back(const Prepared& prepared) {
  try {
    return read_back(sent_scenario(prepared.scenario)) == prepared.scenario;
  } catch (const ScenarioError&) {
    return false;
  }
}

std::string RepetitionWork::pack(const SentRepetition& repetition) const {
  Parcel item;
  item.add(head_).add_number(repetition.number).add_number(repetition.control ? 1 : 0);
  item.add_number(repetition.part ? 1 : 0);
  if (repetition.part) add(item, *repetition.part);
  return item.take();
}

ReturnedRepetition returned_repetition(const WorkResult& reply, const std::string& source) {
  OpenedParcel parcel(reply.result());
  ReturnedRepetition returned;
  returned.interrupted = parcel.number() == 1;
  returned.elapsed_s = parcel.real();
  for (std::uint64_t left = parcel.number(); left > 0; --left) {
    const bool control = parcel.number() == 1;
    std::string json = parcel.text();
    Run run = read_run(json, source);
    returned.runs.push_back({control, std::move(json), std::move(run)});
  }
  return returned;
}

std::function<std::string(const std::string&)> repetition_worker(std::vector<std::string> command,
                                                                 const std::atomic<bool>& stop) {
  const auto known = std::make_shared<LastMade<const Prepared>>(kScenariosAtATime);
  return [known, command = std::move(command), &stop](const std::string& item) {
    const auto begin = std::chrono::steady_clock::now();
    OpenedParcel parcel(item);
    const std::string head = parcel.text();
    const std::uint64_t repetition = parcel.number();
    const bool with_control = parcel.number() == 1;
    Experiment experiment(command, stop, 1);
    if (parcel.number() == 1) experiment.play_part(take_part(parcel));
    const auto prepared = known->get(head, [&] { return prepared_from(head, experiment); });
    Parcel runs;
    std::uint64_t made = 0;
    bool interrupted = prepared == nullptr;
    for (const bool control : arms_in_turn(repetition)) {
      if (interrupted || (control && !with_control)) continue;
      ProgressBoard board;
      const Run run = experiment.run(*prepared, repetition, board, control);
      runs.add_number(control ? 1 : 0).add(to_json(run));
      ++made;
      interrupted = run.interrupted;
    }
    const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - begin;
    Parcel reply;
    reply.add_number(interrupted ? 1 : 0).add_real(gone.count()).add_number(made);
    return reply.take() + runs.take();
  };
}

}  // namespace tokenlift
