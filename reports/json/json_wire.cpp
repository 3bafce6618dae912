#include "reports/json/json_wire.hpp"

#include <array>
#include <utility>

#include "reports/record/bounds.hpp"

namespace tokenlift {
namespace {

struct Counted {
  const char* name;
  std::uint64_t WireRecord::*count;
};
constexpr std::array<Counted, 10> kCounted = {
    {{"connections", &WireRecord::connections},
     {"reads", &WireRecord::reads},
     {"reads_with_several", &WireRecord::reads_with_several},
     {"deltas", &WireRecord::deltas},
     {"asked_tokens", &WireRecord::asked_tokens},
     {"got_tokens", &WireRecord::got_tokens},
     {"placed_late_tokens", &WireRecord::placed_late_tokens},
     {"without_usage", &WireRecord::without_usage},
     {"asked_prompt_tokens", &WireRecord::asked_prompt_tokens},
     {"got_prompt_tokens", &WireRecord::got_prompt_tokens}}};

ServerColumn column_of(const Field& field, std::size_t bins) {
  ServerColumn column;
  column.site = field["site"].text();
  column.figure = field["figure"].text();
  const Field values = field["values"];
  for (const Json& value : values.json()) {
    if (!value.is_number_integer() || value.get<double>() < ServerColumn::kNotSaid ||
        value.get<double>() > static_cast<double>(kMostSaid)) {
      values.fail("must hold integers from -1 to 2^53");
    }
    column.values.push_back(value.get<std::int64_t>());
  }
  if (!values.json().is_array() || column.values.size() != bins) {
    values.fail("must be as long as the series");
  }
  return column;
}

}  // namespace

Json json_of(const WireRecord& wire) {
  Json json = Json::object();
  for (const Counted& each : kCounted) json[each.name] = wire.*each.count;
  json["busy_s"] = near_seconds(wire.busy_ns);
  Json& failures = json["failures"] = Json::array();
  for (const FailureRecord& failure : wire.failures) {
    failures.push_back(
        {{"kind", failure.kind}, {"attempts", failure.count}, {"example", failure.example}});
  }
  Json& server = json["server"] = Json::array();
  for (const ServerColumn& column : wire.server) {
    server.push_back({{"site", column.site}, {"figure", column.figure}, {"values", column.values}});
  }
  return json;
}

WireRecord wire_of(const Field& field, std::size_t bins) {
  WireRecord wire;
  for (const Counted& each : kCounted) wire.*each.count = field[each.name].count();
  if (wire.reads_with_several > wire.reads) {
    field["reads_with_several"].fail("must not be more than reads");
  }
  wire.busy_ns = field["busy_s"].time_ns();
  for (const Field& item : field["failures"].items(kMostListed)) {
    wire.failures.push_back(
        {item["kind"].text(), item["attempts"].count(), item["example"].text()});
  }
  for (const Field& item : field["server"].items(kMostListed)) {
    wire.server.push_back(column_of(item, bins));
  }
  return wire;
}

}  // namespace tokenlift
