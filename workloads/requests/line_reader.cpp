#include "workloads/requests/line_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "workloads/text/mistake.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kBufferBytes = 1 << 16;
constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

LineReader::LineReader(std::string file, std::string what)
    : file_(std::move(file)), what_(std::move(what)), buffer_(kBufferBytes) {
  // A pipe can't be read twice (once to check it, once to replay it), a directory not at all.
  std::error_code error;
  if (!std::filesystem::is_regular_file(file_, error)) {
    fail(std::filesystem::exists(file_, error) ? "the " + what_ + " is not a regular file"
                                               : "there is no such " + what_ + " file",
         "a relative name is looked for beside the scenario");
  }
  stream_.open(file_, std::ios::binary);
  if (!stream_) fail("the " + what_ + " can't be opened", "check that it may be read");
}

void LineReader::fail(const std::string& message, const std::string& advice,
                      std::size_t offset) const {
  const int column = offset == std::string_view::npos
                         ? 0
                         : static_cast<int>(count_code_points(line().substr(0, offset))) + 1;
  Mistake mistake{file_, number_, column, message, advice, ""};
  take_excerpt(mistake, line_);
  throw ScenarioError({std::move(mistake)});
}

void LineReader::fail_at(int number, const std::string& message, const std::string& advice) const {
  throw ScenarioError({Mistake{file_, number, 0, message, advice, ""}});
}

void LineReader::go_to(std::int64_t offset, int number) {
  stream_.clear();
  stream_.seekg(offset);
  if (!stream_) fail("the " + what_ + " can't be read", "");
  buffer_begin_ = 0;
  buffer_end_ = 0;
  buffer_end_offset_ = offset;
  number_ = number - 1;
}

bool LineReader::rest_is_blank() {
  do {
    for (; buffer_begin_ < buffer_end_; ++buffer_begin_) {
      if (kBlank.find(buffer_[buffer_begin_]) == std::string_view::npos) return false;
    }
  } while (refill());
  return true;
}

bool LineReader::refill() {
  stream_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  if (stream_.bad()) fail("the " + what_ + " can't be read", "");
  buffer_begin_ = 0;
  buffer_end_ = static_cast<std::size_t>(stream_.gcount());
  buffer_end_offset_ += stream_.gcount();
  return buffer_end_ > 0;
}

// Into line_, without the LF, and no more than bytes_max + 1 of it. False at the end of the file.
bool LineReader::read(std::size_t bytes_max) {
  line_.clear();
  bool any = false;
  while (line_.size() <= bytes_max) {
    if (buffer_begin_ == buffer_end_ && !refill()) break;
    if (!any) {
      ++number_;
      line_offset_ = buffer_end_offset_ - static_cast<std::int64_t>(buffer_end_ - buffer_begin_);
    }
    any = true;
    const char* begin = buffer_.data() + buffer_begin_;
    const char* end = buffer_.data() + buffer_end_;
    const char* newline = std::find(begin, end, '\n');
    const auto length = static_cast<std::size_t>(newline - begin);
    line_.append(begin, std::min(length, bytes_max + 1 - line_.size()));
    buffer_begin_ += length + (newline == end ? 0 : 1);
    if (newline != end) break;
  }
  return any;
}

bool LineReader::next(std::size_t bytes_max, std::string_view form) {
  if (!read(bytes_max)) return false;
  if (line_.size() > bytes_max) {
    fail("the line is longer than " + std::to_string(bytes_max) + " bytes",
         "a line is " + std::string(form));
  }
  if (line_.ends_with('\r')) line_.pop_back();
  if (number_ == 1 && line_.starts_with(kByteOrderMark)) line_.erase(0, kByteOrderMark.size());
  const std::size_t invalid = find_not_utf8(line_);
  if (invalid != std::string_view::npos) {
    fail("the line is not UTF-8", "a line is " + std::string(form), invalid);
  }
  return true;
}

}  // namespace tokenlift
