#include "workloads/requests/trace.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "workloads/text/mistake.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kFewestBlocks = 2;
constexpr std::int64_t kMostBlocks = 100'000;

// Tells the ids of one file from those of another, and blocks of one size from those of another.
std::uint64_t hash_of(const Trace& trace) {
  auto hash = static_cast<std::uint64_t>(trace.block_tokens);
  for (const char c : trace.file) hash = finalise(hash + static_cast<unsigned char>(c) + 1);
  return hash;
}

[[noreturn]] void fail(const Trace& trace, const std::string& message, const std::string& advice) {
  throw ScenarioError({Mistake{trace.file, 0, 0, message, advice, ""}});
}

}  // namespace

TraceReader::TraceReader(const Trace& trace, std::uint64_t seed, std::uint64_t tenant)
    : trace_(trace),
      rows_(trace),
      max_prompt_tokens_(trace.max_prompt_tokens.value_or(kTraceTokensMax)),
      max_output_tokens_(trace.max_output_tokens.value_or(kTraceTokensMax)),
      sample_draws_(seed, Purpose::trace_sample, tenant),
      block_draws_(seed, Purpose::trace_block, tenant),
      block_keys_(hash_of(trace), Purpose::prompt_content, 0) {
  if (trace_.resample_ns) find_blocks();
}

// Into row_ and due_ns_, in the file's own order. False at its end.
bool TraceReader::next_row() {
  while (rows_.next(row_)) {
    if (!first_ns_) first_ns_ = row_.timestamp_ns;
    due_ns_ = *row_.timestamp_ns - *first_ns_ - trace_.start_ns;
    if (due_ns_ >= 0) return true;
    before_start_ += 1 + std::ssize(row_.turns);
  }
  return false;
}

// The whole blocks of the file, and where the first row in or after each of them begins.
void TraceReader::find_blocks() {
  const std::int64_t length_ns = *trace_.resample_ns;
  std::optional<std::int64_t> first;
  std::int64_t last = 0;
  while (next_row()) {
    last = due_ns_ / length_ns;
    if (!first) first = last;
    if (last > kMostBlocks) {
      fail(trace_, "the trace has more than 100000 blocks of " + format_duration(length_ns),
           "raise resample");
    }
    while (std::ssize(blocks_) <= last) blocks_.push_back(rows_.place());
  }
  if (last < kFewestBlocks || *first >= last) {
    fail(trace_,
         "resample: of " + format_duration(length_ns) + " there are " + std::to_string(last) +
             " whole blocks from `start` to the last request",
         "lower it: there must be 2 at least, with requests in them");
  }
  blocks_.resize(static_cast<std::size_t>(last));
}

// The same in the order in which blocks are drawn. False where no instant is left for another.
bool TraceReader::next_drawn_row() {
  const std::int64_t length_ns = *trace_.resample_ns;
  const double most_blocks = static_cast<double>(kLongestDurationNs) * std::min(trace_.speed, 1.0) /
                             static_cast<double>(length_ns);
  for (;;) {
    if (block_ >= 0 && rows_.next(row_)) {
      const std::int64_t within_ns =
          *row_.timestamp_ns - *first_ns_ - trace_.start_ns - block_ * length_ns;
      if (within_ns < length_ns) {
        due_ns_ = static_cast<std::int64_t>(drawn_ - 1) * length_ns + within_ns;
        return true;
      }
    }
    if (static_cast<double>(drawn_ + 1) > most_blocks) return false;
    const double draw = block_draws_.uniform(drawn_++) * static_cast<double>(blocks_.size());
    block_ = static_cast<std::int64_t>(draw);
    rows_.go_to(blocks_[static_cast<std::size_t>(block_)]);
  }
}

// Turns ids into keys, of the blocks that the capped prompt has. An id names the prompt up to its
// block, so one that comes a second time in a line names nothing that could be found again: the
// prompt is known up to there.
void TraceReader::name_blocks(std::vector<std::uint64_t>& ids, std::int64_t prompt_tokens) {
  const auto blocks =
      static_cast<std::size_t>((prompt_tokens + trace_.block_tokens - 1) / trace_.block_tokens);
  if (ids.size() > blocks) ids.resize(blocks);
  // Most lines name old blocks before new ones, in rising order: no look at each pair for them.
  if (std::ranges::adjacent_find(ids, std::ranges::greater_equal{}) != ids.end()) {
    std::unordered_set<std::uint64_t> seen;
    const auto again =
        std::ranges::find_if(ids, [&](std::uint64_t id) { return !seen.insert(id).second; });
    ids.erase(again, ids.end());
  }
  for (std::uint64_t& id : ids) {
    // A bijection, but for the one id that would become 0.
    id = std::max<std::uint64_t>(block_keys_.bits(id), 1);
  }
}

std::int64_t TraceReader::on_run_clock(std::int64_t ns, int line) const {
  // A double is exact to the ns for 104 days, and rounding keeps the order.
  const double scaled_ns = std::round(static_cast<double>(ns) / trace_.speed);
  if (scaled_ns > static_cast<double>(kLongestDurationNs)) {
    rows_.fail(line,
               "the request is due more than 10000 days after the one it follows, or the first",
               "use a higher speed");
  }
  return static_cast<std::int64_t>(scaled_ns);
}

std::optional<Arrival> TraceReader::next() {
  while (trace_.resample_ns ? next_drawn_row() : next_row()) {
    const std::uint64_t row_number = row_number_++;
    if (trace_.sample < 1 && sample_draws_.uniform(row_number) >= trace_.sample) continue;
    const std::int64_t due_ns = on_run_clock(due_ns_, row_.line);
    row_.prompt_tokens = std::min(row_.prompt_tokens, max_prompt_tokens_);
    name_blocks(row_.block_ids, row_.prompt_tokens);
    for (TraceTurn& turn : row_.turns) {
      turn.delay_ns = on_run_clock(turn.delay_ns, turn.line);
      turn.prompt_tokens = std::min(turn.prompt_tokens, max_prompt_tokens_);
      turn.output_tokens = std::min(turn.output_tokens, max_output_tokens_);
      name_blocks(turn.block_ids, turn.prompt_tokens);
    }
    const std::uint64_t number = kept_++ * static_cast<std::uint64_t>(trace_.summary.most_turns);
    return Arrival{due_ns, row_.prompt_tokens, std::min(row_.output_tokens, max_output_tokens_),
                   number};
  }
  return std::nullopt;
}

std::uint64_t file_digest(const std::string& file) {
  std::uint64_t digest = 0xcbf29ce484222325U;
  std::ifstream stream(file, std::ios::binary);
  std::array<char, 1 << 16> buffer{};
  while (stream) {
    stream.read(buffer.data(), buffer.size());
    for (const char byte : std::span(buffer).first(static_cast<std::size_t>(stream.gcount()))) {
      digest = (digest ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    }
  }
  return digest;
}

TraceSummary summarise(const Trace& trace) {
  Trace whole = trace;
  whole.sample = 1;
  whole.resample_ns.reset();
  TraceReader reader(whole, 0, 0);
  TraceSummary summary;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  const auto count = [&](std::int64_t prompt, std::int64_t output) {
    ++summary.requests;
    prompt_tokens += prompt;
    output_tokens += output;
    summary.prompt_max_tokens = std::max(summary.prompt_max_tokens, prompt);
    summary.output_max_tokens = std::max(summary.output_max_tokens, output);
  };
  while (const std::optional<Arrival> arrival = reader.next()) {
    summary.span_ns = arrival->due_ns;
    count(arrival->prompt_tokens, arrival->output_tokens);
    for (const TraceTurn& turn : reader.turns()) count(turn.prompt_tokens, turn.output_tokens);
    summary.most_turns = std::max(summary.most_turns, 1 + std::ssize(reader.turns()));
  }
  summary.failed = reader.rows().failed();
  summary.before_start = reader.before_start();
  summary.rows = reader.rows().rows();
  summary.digest = file_digest(trace.file);
  const auto requests = static_cast<double>(summary.requests);
  if (requests * trace.sample < 1) {
    fail(trace, "no request is left of the trace",
         "it has no rows, `start` is after the last one, or `sample` is too small");
  }
  if (trace.resample_ns) TraceReader(trace, 0, 0);  // says whether there are blocks to draw from
  summary.prompt_mean_tokens = static_cast<double>(prompt_tokens) / requests;
  summary.output_mean_tokens = static_cast<double>(output_tokens) / requests;
  return summary;
}

}  // namespace tokenlift
