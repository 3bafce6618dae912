#pragma once
// A scenario on its way to another rank: as text, with all that it is read with.

#include <string>
#include <vector>

#include "bench/machine/parcel.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/scenario/profile.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What parse_scenario() is called with.
struct SentScenario {
  ScenarioSource source;
  std::vector<std::string> overrides = {};
  std::vector<Profile> profiles = {};
};

/// The scenario as it has been read, without overrides.
SentScenario sent_scenario(const Scenario& scenario);

/// `read` is what it was read to be here: its traces must be the same files there.
void add(Parcel& parcel, const SentScenario& sent, const Scenario& read);

/// What was added, and the traces that it must have.
struct ReceivedScenario {
  SentScenario sent;
  std::vector<std::string> traces;

  /// Throws UnlikeTrace where a trace of this process is another one.
  void require_same_traces(const Scenario& read) const;
};
ReceivedScenario take_scenario(OpenedParcel& parcel);

class UnlikeTrace : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace tokenlift
