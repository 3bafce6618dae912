#pragma once
// What a trial says, in words: whether it is a measurement, one sentence for whoever decides, and
// what else has to be known.

#include <string>
#include <vector>

#include "reports/findings/report.hpp"

namespace tokenlift {

/// "valid: 8 of 8 checks passed", or "NOT VALID as a measurement: ...", of both arms; then a line
/// for every failed check, and for what was left out.
std::vector<std::string> validity(const Trial& trial);
/// Every check of both arms passed, and no run was ended early.
bool is_valid(const Trial& trial);

/// The one figure that a judgement of a lift rests on (several would add up their false alarms):
/// goodput, or throughput where goodput cannot tell. Null where it was not measured on both sides.
struct Deciding {
  const Gain* gain = nullptr;
  std::string reason;  ///< why it is not goodput
  /// "53.5 -> 0 requests/s completed": what is made is no measure of it, either, and nothing is
  /// judged by it. Else empty.
  std::string apart;
};
Deciding deciding_gain(const LiftReport& lift);
/// Why a vacuous lift is one.
std::string why_vacuous(const LiftReport& lift);
/// With the control: what the lift did to that figure, once all is settled. Null without one.
const Effect* deciding_effect(const LiftReport& lift, const Gain& gain);

/// Of that figure: with a control the difference that it shows, else before and after.
struct Judgement {
  bool shown = false;
  bool better = false;
  bool has_interval = false;
  std::string reason;  ///< without one
};
Judgement judge(const LiftReport& lift);

/// What the change took and what it cost: "the backlog drained in 6.10 s and ..."; may be empty.
std::string cost_clause(const LiftReport& lift);

/// The one sentence. `report` has everything but this and what comes after it.
std::string verdict(const TrialReport& report);

/// Further sentences: what is odd, what is missing, what to do about it.
std::vector<std::string> remarks(const TrialReport& report);

}  // namespace tokenlift
