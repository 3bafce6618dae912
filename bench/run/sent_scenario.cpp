#include "bench/run/sent_scenario.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "workloads/reader/profile_text.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

std::vector<std::string> traces_of(const Scenario& scenario) {
  std::vector<std::string> traces;
  for (const Tenant& tenant : scenario.tenants) {
    const std::optional<Trace>& trace = tenant.arrivals.trace;
    if (trace) traces.push_back(fmt::format("{} {:016x}", trace->file, trace->summary.digest));
  }
  return traces;
}

}  // namespace

SentScenario sent_scenario(const Scenario& scenario) {
  return {{scenario.name, "/", to_toml(scenario)}};
}

void add(Parcel& parcel, const SentScenario& sent, const Scenario& read) {
  const ScenarioSource& source = sent.source;
  parcel.add(source.name).add(source.folder).add(source.text).add(sent.overrides);
  parcel.add(sent.profiles.empty() ? "" : to_toml(sent.profiles)).add(traces_of(read));
}

ReceivedScenario take_scenario(OpenedParcel& parcel) {
  ReceivedScenario received;
  ScenarioSource& source = received.sent.source;
  source.name = parcel.text();
  source.folder = parcel.text();
  source.text = parcel.text();
  received.sent.overrides = parcel.texts();
  const std::string profiles = parcel.text();
  if (!profiles.empty()) received.sent.profiles = parse_profiles(profiles, source.name);
  received.traces = parcel.texts();
  return received;
}

void ReceivedScenario::require_same_traces(const Scenario& read) const {
  if (traces_of(read) == traces) return;
  throw UnlikeTrace(
      fmt::format("a trace of '{}' is another file on one machine than on another: traces must lie "
                  "where all ranks see them",
                  read.name));
}

}  // namespace tokenlift
