#include "workloads/requests/trace.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "workloads/text/mistake.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr std::array kFormats = {&kAzureTrace, &kBurstGptTrace, &kMooncakeTrace};

std::size_t longest_line_bytes() {
  std::size_t bytes = 0;
  for (const TraceFormat* format : kFormats) bytes = std::max(bytes, format->line_bytes_max);
  return bytes;
}

std::string all_forms() {
  return "it begins with " + std::string(kAzureTrace.form) + " (Azure), " +
         std::string(kBurstGptTrace.form) + " (BurstGPT), or a line like " +
         std::string(kMooncakeTrace.form) + " (Mooncake)";
}

// Tells the ids of one file from those of another.
std::uint64_t hash_of(std::string_view file) {
  std::uint64_t hash = 0;
  for (const char c : file) hash = finalise(hash + static_cast<unsigned char>(c) + 1);
  return hash;
}

}  // namespace

TraceReader::TraceReader(const Trace& trace)
    : lines_(trace.file),
      speed_(trace.speed),
      sample_(trace.sample),
      max_prompt_tokens_(trace.max_prompt_tokens.value_or(kTraceTokensMax)),
      max_output_tokens_(trace.max_output_tokens.value_or(kTraceTokensMax)),
      sample_draws_(0, Purpose::trace_sample, 0),
      block_keys_(hash_of(trace.file), Purpose::prompt_content, 0) {
  if (!lines_.next(longest_line_bytes(), "much shorter in all formats")) {
    lines_.fail("the trace is empty", all_forms());
  }
  for (const TraceFormat* format : kFormats) {
    if (parse_ = format->recognise(lines_.line()); !parse_) continue;
    format_ = format;
    row_read_ = !format->has_header;
    return;
  }
  lines_.fail("the trace doesn't begin with its header", all_forms());
}

// Into row_. False at the end of the file.
bool TraceReader::read_row() {
  row_.block_ids.clear();
  row_.failed = false;
  if (!row_read_ && !lines_.next(format_->line_bytes_max, format_->form)) return false;
  row_read_ = false;
  try {
    parse_(lines_.line(), row_);
  } catch (const RowMistake& mistake) {
    lines_.fail(mistake.message, mistake.advice, mistake.offset);
  }
  if (row_.timestamp_ns < last_timestamp_ns_) {
    lines_.fail("the timestamp is earlier than the one before it",
                "sort the trace by its timestamps");
  }
  last_timestamp_ns_ = row_.timestamp_ns;
  return true;
}

// Turns ids into keys, of the blocks that the capped prompt has.
void TraceReader::name_blocks() {
  const auto blocks =
      static_cast<std::size_t>((row_.prompt_tokens + kTraceBlockTokens - 1) / kTraceBlockTokens);
  if (row_.block_ids.size() > blocks) row_.block_ids.resize(blocks);
  for (std::uint64_t& id : row_.block_ids) {
    // A bijection, but for the one id that would become 0.
    id = std::max<std::uint64_t>(block_keys_.bits(id), 1);
  }
}

std::optional<Arrival> TraceReader::next() {
  while (read_row()) {
    const std::uint64_t row_number = row_number_++;
    if (row_.failed) {
      ++failed_;
      continue;
    }
    if (sample_ < 1 && sample_draws_.uniform(row_number) >= sample_) continue;
    if (!first_timestamp_ns_) first_timestamp_ns_ = row_.timestamp_ns;
    // A double is exact to the ns for 104 days, and rounding keeps the order.
    const double due_ns =
        std::round(static_cast<double>(row_.timestamp_ns - *first_timestamp_ns_) / speed_);
    if (due_ns > static_cast<double>(kLongestDurationNs)) {
      lines_.fail("the request is due more than 10000 days after the first", "use a higher speed");
    }
    row_.prompt_tokens = std::min(row_.prompt_tokens, max_prompt_tokens_);
    name_blocks();
    return Arrival{static_cast<std::int64_t>(due_ns), row_.prompt_tokens,
                   std::min(row_.output_tokens, max_output_tokens_), kept_++};
  }
  return std::nullopt;
}

TraceSummary summarise(const Trace& trace) {
  TraceReader reader(trace);
  TraceSummary summary;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  while (const std::optional<Arrival> arrival = reader.next()) {
    ++summary.requests;
    summary.span_ns = arrival->due_ns;
    prompt_tokens += arrival->prompt_tokens;
    output_tokens += arrival->output_tokens;
    summary.prompt_max_tokens = std::max(summary.prompt_max_tokens, arrival->prompt_tokens);
    summary.output_max_tokens = std::max(summary.output_max_tokens, arrival->output_tokens);
  }
  summary.failed = reader.failed();
  if (summary.requests == 0) {
    throw ScenarioError({Mistake{trace.file, 0, 0, "no request is left of the trace",
                                 "it has no rows, or `sample` is too small", ""}});
  }
  const auto requests = static_cast<double>(summary.requests);
  summary.prompt_mean_tokens = static_cast<double>(prompt_tokens) / requests;
  summary.output_mean_tokens = static_cast<double>(output_tokens) / requests;
  return summary;
}

}  // namespace tokenlift
