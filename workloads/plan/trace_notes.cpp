#include <string>
#include <vector>

#include "workloads/plan/plan.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

std::string are(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " is" : " are");
}

std::string note_of(const Tenant& tenant, const TraceSummary& trace) {
  std::string note = "the trace of tenant '" + tenant.name + "' has " + std::to_string(trace.rows) +
                     (trace.rows == 1 ? " row" : " rows");
  const std::int64_t left_out = trace.failed + trace.before_start;
  if (left_out == 0) return note + ", and none is left out";
  note += ", of which " + are(left_out) + " left out: ";
  if (trace.failed > 0) {
    note += std::to_string(trace.failed) + " that failed where it was taken";
    if (trace.before_start > 0) note += ", and ";
  }
  if (trace.before_start > 0) note += std::to_string(trace.before_start) + " before its start";
  return note;
}

}  // namespace

std::vector<std::string> trace_notes(const Scenario& scenario) {
  std::vector<std::string> notes;
  for (const Tenant& tenant : scenario.tenants) {
    const std::optional<Trace>& trace = tenant.arrivals.trace;
    if (!trace) continue;
    std::string note = note_of(tenant, trace->summary);
    if (trace->sample < 1) {
      note += "; each seed keeps another " + format_number(trace->sample * 100) + " % of them";
    }
    if (trace->resample_ns) {
      note += "; blocks of " + format_duration(*trace->resample_ns) + " are drawn by the seed";
    }
    notes.push_back(note);
  }
  return notes;
}

}  // namespace tokenlift
