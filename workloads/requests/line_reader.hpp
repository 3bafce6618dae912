#pragma once
// The lines of a file, one after the other, in constant memory.

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// Lines end in LF or CRLF; the last may lack it. A byte order mark at the beginning is skipped.
class LineReader {
 public:
  /// Throws ScenarioError if the file can't be opened, or is not a regular file. `what` it holds is
  /// what mistakes call it.
  explicit LineReader(std::string file, std::string what = "trace");

  /// Goes on to the next line; false at the end of the file. Throws ScenarioError for a line that
  /// is longer than `bytes_max` or not UTF-8; `form`, what a line looks like, is the advice then.
  bool next(std::size_t bytes_max, std::string_view form);
  /// The current line, without its end.
  std::string_view line() const { return line_; }
  int number() const { return number_; }
  /// Where the current line begins, in bytes.
  std::int64_t offset() const { return line_offset_; }

  /// The next line will be that one, which begins there.
  void go_to(std::int64_t offset, int number);

  /// Whether nothing but white space follows the current line. No line can be read after that.
  bool rest_is_blank();

  /// Throws ScenarioError about the current line (before the first: about the file).
  /// `offset`: the byte that it is about; npos: the line as a whole.
  [[noreturn]] void fail(const std::string& message, const std::string& advice,
                         std::size_t offset = std::string_view::npos) const;
  /// About a line before.
  [[noreturn]] void fail_at(int number, const std::string& message,
                            const std::string& advice) const;

 private:
  bool refill();
  bool read(std::size_t bytes_max);

  std::string file_;
  std::string what_;
  std::ifstream stream_;
  std::vector<char> buffer_;
  std::size_t buffer_begin_ = 0;
  std::size_t buffer_end_ = 0;
  std::int64_t buffer_end_offset_ = 0;  // in the file
  std::int64_t line_offset_ = 0;
  std::string line_;
  int number_ = 0;
};

}  // namespace tokenlift
