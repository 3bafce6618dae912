#include "workloads/requests/trace_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tokenlift {

namespace {

constexpr std::array kFormats = {&kAzureTrace, &kBurstGptTrace, &kMooncakeTrace};
constexpr std::size_t kMostTurns = 10'000;

std::size_t longest_line_bytes() {
  std::size_t bytes = kNamedColumnsTrace.line_bytes_max;
  for (const TraceFormat* format : kFormats) bytes = std::max(bytes, format->line_bytes_max);
  return bytes;
}

std::string all_forms() {
  return "it begins with " + std::string(kAzureTrace.form) + " (Azure), " +
         std::string(kBurstGptTrace.form) + " (BurstGPT), or a line like " +
         std::string(kMooncakeTrace.form) +
         " (Mooncake); of other CSV, `columns` says which column is what";
}

std::size_t bytes_of(const TraceRow& row) {
  std::size_t bytes = sizeof row + row.block_ids.capacity() * sizeof row.block_ids[0];
  for (const TraceTurn& turn : row.turns) {
    bytes += sizeof turn + turn.block_ids.capacity() * sizeof turn.block_ids[0];
  }
  return bytes;
}

/// Whether it is asked when the turn before it was answered.
bool follows(const TraceRow& row, const std::string& session) {
  return !session.empty() && row.session == session && (row.delay_ns || !row.timestamp_ns);
}

}  // namespace

TraceRows::TraceRows(const Trace& trace, std::size_t sorted_bytes_max)
    : trace_(trace), lines_(trace.file) {
  if (!lines_.next(longest_line_bytes(), "much shorter in all formats")) {
    lines_.fail("the trace is empty", all_forms());
  }
  try {
    if (trace_.columns) {
      format_ = &kNamedColumnsTrace;
      parse_ = format_->recognise(lines_.line(), trace_);
    }
    for (const TraceFormat* format : kFormats) {
      if (format_ != nullptr) break;
      if (parse_ = format->recognise(lines_.line(), trace_); parse_) format_ = format;
    }
  } catch (const RowMistake& mistake) {
    lines_.fail(mistake.message, mistake.advice, mistake.offset);
  }
  if (format_ == nullptr) lines_.fail("the trace doesn't begin with its header", all_forms());
  row_read_ = !format_->has_header;
  if (trace_.sort) sort_all(sorted_bytes_max);
}

// A row by its line alone. False at the end of the file.
bool TraceRows::read_line(TraceRow& row) {
  if (!row_read_ && !lines_.next(format_->line_bytes_max, format_->form)) return false;
  row_read_ = false;
  if (lines_.line().find_first_not_of(" \t") == std::string_view::npos) {
    if (lines_.rest_is_blank()) return false;
  }
  row.timestamp_ns.reset();
  row.block_ids.clear();
  row.failed = false;
  row.session.clear();
  row.delay_ns.reset();
  row.turns.clear();
  row.line = lines_.number();
  row.prompt_tokens = 0;
  row.output_tokens = 0;
  try {
    parse_(lines_.line(), row);
  } catch (const RowMistake& mistake) {
    lines_.fail(mistake.message, mistake.advice, mistake.offset);
  }
  ++rows_;
  return true;
}

// Of the current line, which is no turn that follows the line before it.
void TraceRows::check_time(const TraceRow& row) {
  constexpr const char* kTogether =
      "the turns of a session stand one after the other, and the first has a timestamp";
  if (!row.timestamp_ns) lines_.fail("timestamp is missing", kTogether);
  if (row.delay_ns.value_or(0) > 0) {
    lines_.fail("there is a delay, but the line before it is no turn of this session", kTogether);
  }
  if (trace_.sort) return;
  if (*row.timestamp_ns < last_timestamp_ns_) {
    lines_.fail("the timestamp is earlier than the one before it",
                "sort the trace by its timestamps, or set sort = true");
  }
  last_timestamp_ns_ = *row.timestamp_ns;
}

// Adds the rows that follow as turns. The first other one is kept for later.
void TraceRows::read_turns(TraceRow& row) {
  TraceRow next;
  while (read_line(next)) {
    if (!follows(next, row.session)) {
      check_time(next);
      ahead_place_ = {lines_.offset(), lines_.number()};
      ahead_ = std::move(next);
      return;
    }
    if (row.turns.size() == kMostTurns) {
      lines_.fail("the session has more than " + std::to_string(kMostTurns) + " turns", "");
    }
    row.turns.push_back({next.delay_ns.value_or(0), next.prompt_tokens, next.output_tokens,
                         std::move(next.block_ids), next.line});
  }
}

// A row with its turns.
bool TraceRows::read(TraceRow& row) {
  if (ahead_) {
    row = std::move(*ahead_);
    ahead_.reset();
    place_ = ahead_place_;
  } else {
    if (!read_line(row)) return false;
    check_time(row);
    place_ = {lines_.offset(), lines_.number()};
  }
  if (!row.session.empty()) read_turns(row);
  return true;
}

bool TraceRows::next(TraceRow& row) {
  if (trace_.sort) {
    ++place_.at;
    if (place_.at >= std::ssize(sorted_)) return false;
    row = sorted_[static_cast<std::size_t>(place_.at)];
    return true;
  }
  while (read(row)) {
    if (!row.failed) return true;
    ++failed_;
  }
  return false;
}

void TraceRows::go_to(const Place& place) {
  if (trace_.sort) {
    place_.at = place.at - 1;
    return;
  }
  lines_.go_to(place.at, place.line);
  ahead_.reset();
  row_read_ = false;
  last_timestamp_ns_ = INT64_MIN;
}

void TraceRows::sort_all(std::size_t bytes_max) {
  TraceRow row;
  std::size_t bytes = 0;
  while (read(row)) {
    if (row.failed) {
      ++failed_;
      continue;
    }
    bytes += bytes_of(row);
    if (bytes > bytes_max) {
      fail(row.line,
           "the trace is too large to be sorted here: up to this line it takes " +
               std::to_string(bytes_max >> 20) + " MiB of memory",
           "sort the file by its timestamps, and leave out sort");
    }
    sorted_.push_back(std::exchange(row, {}));
  }
  std::ranges::stable_sort(sorted_, {}, [](const TraceRow& one) { return *one.timestamp_ns; });
  place_.at = -1;
}

}  // namespace tokenlift
