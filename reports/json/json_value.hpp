#pragma once
// The JSON values that several files have in common, and how they are laid out.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/analysis/summary.hpp"
#include "reports/findings/report.hpp"
#include "reports/record/run.hpp"
#include "reports/text/figure.hpp"

namespace tokenlift {

using Json = nlohmann::ordered_json;

struct CaseLine;
struct ConstraintResult;
struct TuningFigures;

/// Numbers that are not finite become null when they are written.
template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// Nanoseconds as the nearest number of seconds, also where they are more than a double holds.
double near_seconds(std::int64_t ns);
Json seconds_or_null(const std::optional<std::int64_t>& ns);

template <typename T>
Json milliseconds_or_null(const std::optional<T>& ns) {
  return ns ? Json(static_cast<double>(*ns) / 1e6) : Json(nullptr);
}

template <typename Value>
Json list_of(const std::vector<Value>& values, Json (*json_of_one)(const Value&)) {
  Json list = Json::array();
  for (const Value& value : values) list.push_back(json_of_one(value));
  return list;
}

Json json_of(const Counts& counts);
Json json_of(const LatencySummary& latency);  ///< in ms
/// What fleet and tenants have in common. Rates of the fleet are added by the caller.
Json json_of(const PhaseSummary& phase);
/// What only the fleet has of rates.
Json fleet_rates_of(const Rates& rates);
Json json_of(const Environment& environment);
Json json_of(const ThrottleCounts& counts);
Json checks_of(const Run& run);
/// Values are multiplied by `scale`. null where there is none.
Json scaled(const std::optional<double>& value, double scale);
Json json_of(const std::optional<Interval>& interval, double scale = 1);
Json json_of(const Estimate& estimate, double scale = 1);
/// What report.json holds of a trial.
Json json_of(const TrialReport& trial);
/// What suite.json and tune.json hold of a line.
Json json_of(const CaseLine& line);
/// What tune.json and a search's journal hold of a setting.
Json json_of(const ConstraintResult& result);
Json json_of(const TuningFigures& figures);

/// On one line. Invalid UTF-8 is replaced, and what a terminal would act on is escaped.
std::string compact_text(const Json& json);

/// Readable and small: what fits a line, and arrays of numbers, however long, take one line. Ends
/// with a newline.
std::string document(const Json& json);

/// An array of objects that is too long to be held at once: its items are made one by one.
struct LongArray {
  const char* key;
  std::size_t size;
  std::function<Json(std::size_t)> item;
};

/// Takes a text piece by piece.
using TextSink = std::function<void(std::string_view piece)>;

/// document() of an object that does not fit a line, with the array in place of the value of its
/// key, which is an empty array. It is handed out as it is made.
void write_document(const Json& object, const LongArray& array, const TextSink& sink);

}  // namespace tokenlift
