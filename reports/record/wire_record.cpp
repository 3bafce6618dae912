#include "reports/record/wire_record.hpp"

#include <algorithm>

namespace tokenlift {

void merge(WireRecord& into, const WireRecord& other) {
  into.connections += other.connections;
  into.reads += other.reads;
  into.reads_with_several += other.reads_with_several;
  into.deltas += other.deltas;
  into.asked_tokens += other.asked_tokens;
  into.got_tokens += other.got_tokens;
  into.placed_late_tokens += other.placed_late_tokens;
  into.without_usage += other.without_usage;
  into.asked_prompt_tokens += other.asked_prompt_tokens;
  into.got_prompt_tokens += other.got_prompt_tokens;
  into.busy_ns += other.busy_ns;
  for (const FailureRecord& failure : other.failures) {
    const auto same = std::ranges::find(into.failures, failure.kind, &FailureRecord::kind);
    if (same == into.failures.end()) {
      into.failures.push_back(failure);
    } else {
      same->count += failure.count;
      if (same->example.empty()) same->example = failure.example;
    }
  }
}

}  // namespace tokenlift
