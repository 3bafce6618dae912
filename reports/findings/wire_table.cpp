#include "reports/findings/wire_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "reports/text/figure.hpp"

namespace tokenlift {
namespace {

/// Of the requests due in measured phases, those that failed so.
std::uint64_t requests_failed(const Run& run, const std::string& kind) {
  std::uint64_t count = 0;
  for (const TenantRecord& tenant : run.tenants) {
    for (const PhaseRecord& phase : tenant.phases) {
      const auto found = phase.failures.find(kind);
      if (found != phase.failures.end()) count += found->second;
    }
  }
  return count;
}

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

/// " %" of `whole`; absent where there is nothing.
std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? kAbsent : figure(100 * number(part) / number(whole));
}

}  // namespace

std::optional<double> tokens_per_chunk(const WireRecord& wire) {
  if (wire.deltas == 0 || wire.got_tokens == 0) return std::nullopt;
  return number(wire.got_tokens) / number(wire.deltas);
}

Table failures_table(const Run& run) {
  if (!run.wire || run.wire->failures.empty()) return {};
  std::vector<FailureRecord> failures = run.wire->failures;
  std::ranges::stable_sort(failures, std::greater<>(), &FailureRecord::count);
  Table table;
  table.name = "failures";
  table.title = "failures";
  table.head_rows = 1;
  table.rows = {{{"kind"}, {"attempts"}, {"requests"}}};
  for (const FailureRecord& failure : failures) {
    table.rows.push_back({{failure.kind},
                          {whole_figure(failure.count)},
                          {whole_figure(requests_failed(run, failure.kind))}});
    if (failure.example.empty()) continue;
    table.notes.push_back(fmt::format("{}, for example: {}", failure.kind, failure.example));
  }
  table.notes.insert(table.notes.begin(),
                     "Attempts of the whole run; of requests those that were due in a measured "
                     "phase and failed for good.");
  return table;
}

Table wire_table(const Run& run) {
  if (!run.wire) return {};
  const WireRecord& wire = *run.wire;
  Table table;
  table.name = "wire";
  table.title = "on the wire";
  table.left_columns = 2;
  const auto add = [&](const char* label, const char* unit, std::string value) {
    table.rows.push_back({{label}, {unit}, {std::move(value)}});
  };
  add("output tokens asked for", "tokens", whole_figure(wire.asked_tokens));
  add("output tokens that came", "tokens", whole_figure(wire.got_tokens));
  add("of what was asked for", "%", share_of(wire.got_tokens, wire.asked_tokens));
  add("placed late", "% of tokens", share_of(wire.placed_late_tokens, wire.got_tokens));
  if (wire.without_usage > 0) {
    add("replies without usage", "requests", whole_figure(wire.without_usage));
  }
  if (wire.asked_prompt_tokens > 0) {
    add("prompt tokens by usage", "% of those meant",
        share_of(wire.got_prompt_tokens, wire.asked_prompt_tokens));
  }
  add("tokens per chunk", "tokens", figure_or_absent(tokens_per_chunk(wire)));
  add("reads with several chunks", "% of reads", share_of(wire.reads_with_several, wire.reads));
  add("connections", "connections", whole_figure(wire.connections));
  table.notes.emplace_back(
      "Tokens are those of usage, where it came: what was not seen as a chunk is placed at its "
      "request's last one. ITL is of chunks.");
  return table;
}

}  // namespace tokenlift
