#pragma once
// The lines of a file, one after the other, in constant memory.

#include <cstddef>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// Lines end in LF or CRLF; the last may lack it.
class LineReader {
 public:
  /// Throws ScenarioError if the file can't be opened, or is not a regular file.
  explicit LineReader(std::string file);

  /// Goes on to the next line; false at the end of the file. Throws ScenarioError for a line that
  /// is longer than `bytes_max` or not UTF-8; `form`, what a line looks like, is the advice then.
  bool next(std::size_t bytes_max, std::string_view form);
  /// The current line, without its end.
  std::string_view line() const { return line_; }

  /// Throws ScenarioError about the current line (before the first: about the file).
  /// `offset`: the byte that it is about; npos: the line as a whole.
  [[noreturn]] void fail(const std::string& message, const std::string& advice,
                         std::size_t offset = std::string_view::npos) const;

 private:
  bool refill();
  bool read(std::size_t bytes_max);

  std::string file_;
  std::ifstream stream_;
  std::vector<char> buffer_;
  std::size_t buffer_begin_ = 0;
  std::size_t buffer_end_ = 0;
  std::string line_;
  int number_ = 0;
};

}  // namespace tokenlift
