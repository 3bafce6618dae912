#pragma once
// The requests of a trace file in order of time, before anything of them is left out, capped or
// moved.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/requests/line_reader.hpp"
#include "workloads/requests/trace_row.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// What the rows of a file may take up in memory, to be sorted: some two million without blocks.
inline constexpr std::size_t kSortedBytesMax = std::size_t{256} << 20;

/// Streams the rows in constant memory, each with the turns that follow it; with Trace::sort all
/// rows are held. Rows that failed where the trace was taken are skipped and counted.
class TraceRows {
 public:
  /// Throws ScenarioError if the file can't be opened, is of no known format or, to be sorted, too
  /// large.
  explicit TraceRows(const Trace& trace, std::size_t sorted_bytes_max = kSortedBytesMax);

  /// The next row; its memory is used again. False at the end of the file. Throws ScenarioError at
  /// a bad line, with its number.
  bool next(TraceRow& row);

  /// Where the row begins that next() returned last.
  struct Place {
    std::int64_t at = 0;  ///< bytes of the file, or sorted rows
    int line = 0;
  };
  Place place() const { return place_; }
  /// The next row will be that one.
  void go_to(const Place& place);

  /// Rows so far that failed, and all of them.
  std::int64_t failed() const { return failed_; }
  std::int64_t rows() const { return rows_; }

  /// Throws ScenarioError about the row of that line.
  [[noreturn]] void fail(int line, const std::string& message, const std::string& advice) const {
    lines_.fail_at(line, message, advice);
  }

 private:
  bool read(TraceRow& row);
  bool read_line(TraceRow& row);
  void check_time(const TraceRow& row);
  void read_turns(TraceRow& row);
  void sort_all(std::size_t bytes_max);

  const Trace trace_;
  LineReader lines_;
  const TraceFormat* format_ = nullptr;
  RowParser parse_;
  bool row_read_ = false;          // the line that told the format is a row itself
  std::optional<TraceRow> ahead_;  // read to see whether it is a turn of the one before
  Place ahead_place_;
  Place place_;
  std::vector<TraceRow> sorted_;
  std::int64_t rows_ = 0;
  std::int64_t failed_ = 0;
  std::int64_t last_timestamp_ns_ = INT64_MIN;
};

}  // namespace tokenlift
