#include "bench/command/record_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <memory>
#include <queue>
#include <system_error>
#include <tuple>
#include <utility>

#include "bench/command/surroundings.hpp"
#include "bench/machine/output_folder.hpp"
#include "reports/record/request_rows.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;  // of what is written at once

/// Reads a log record by record.
class RecordFile {
 public:
  explicit RecordFile(std::string name) : name_(std::move(name)), in_(name_) {
    std::string head;
    if (!in_ || !std::getline(in_, head)) fail("cannot be read");
    if (head != kRequestRowsHead) fail("is no log of requests (--records)");
    ++line_;
    advance();
  }

  bool is_at_end() const { return record_.empty(); }
  /// The record that is next, with the end of its line; and its place among those of all files.
  const std::string& record() const { return record_; }
  auto place() const { return std::tie(end_ns_, record_); }

  void advance() {
    record_.clear();
    bool quoted = false;  // a quoted field may hold ends of lines
    std::string line;
    do {
      if (!std::getline(in_, line)) {
        if (quoted) fail("ends within a field");
        return;
      }
      ++line_;
      record_ += line;
      record_ += '\n';
      if (std::ranges::count(line, '"') % 2 != 0) quoted = !quoted;
    } while (quoted);
    if (in_.eof()) fail("was cut short: its last line has no end");
    end_ns_ = end_of(record_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw UsageError(fmt::format("'{}' {}", name_, why));
  }

  /// When the request was decided, or the run ended.
  std::int64_t end_of(const std::string& record) const {
    std::size_t field = 0;
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < record.size(); ++i) {
      if (record[i] == '"') quoted = !quoted;
      const bool ends = !quoted && (record[i] == ',' || i + 1 == record.size());
      if (!ends) continue;
      if (field++ < kRequestRowsEndField) {
        begin = i + 1;
        continue;
      }
      std::int64_t end_ns = 0;
      const char* const end = record.data() + i;
      const auto [stopped, error] = std::from_chars(record.data() + begin, end, end_ns);
      if (error == std::errc{} && stopped == end && record[i] == ',') return end_ns;
      break;
    }
    fail(fmt::format("has no record of a request that ends at line {}", line_));
  }

  std::string name_;
  std::ifstream in_;
  std::string record_;
  std::int64_t end_ns_ = 0;
  std::size_t line_ = 0;
};

/// What is written, in large pieces.
class RecordOutput {
 public:
  explicit RecordOutput(const std::filesystem::path& path)
      : path_(path), file_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (file_ < 0) fail(errno);
  }
  ~RecordOutput() {
    if (file_ >= 0) ::close(file_);
  }
  RecordOutput(const RecordOutput&) = delete;
  RecordOutput& operator=(const RecordOutput&) = delete;

  void add(std::string_view text) {
    text_ += text;
    if (text_.size() >= kBlockBytes) flush();
  }
  void close() {
    flush();
    if (::close(std::exchange(file_, -1)) != 0) fail(errno);
  }

 private:
  void flush() {
    const int error = write_to(file_, text_);
    if (error != 0) fail(error);
    text_.clear();
  }
  [[noreturn]] void fail(int error) const {
    throw MachineError(fmt::format("cannot write the records to '{}': {}", path_.string(),
                                   std::generic_category().message(error)));
  }

  std::filesystem::path path_;
  int file_;
  std::string text_;
};

}  // namespace

void join_record_files(const std::vector<std::string>& files, const std::filesystem::path& out,
                       const Run& run) {
  using Source = std::unique_ptr<RecordFile>;
  const auto later = [](const Source& one, const Source& other) {
    return one->place() > other->place();
  };
  std::priority_queue<Source, std::vector<Source>, decltype(later)> next(later);
  for (const std::string& file : files) {
    auto source = std::make_unique<RecordFile>(file);
    if (!source->is_at_end()) next.push(std::move(source));
  }
  RecordOutput output(out);
  output.add(kRequestRowsHead);
  output.add("\n");
  std::uint64_t records = 0;
  std::string before;
  while (!next.empty()) {
    Source source = std::move(const_cast<Source&>(next.top()));
    next.pop();
    if (source->record() == before) {
      throw UsageError("the records are not those of the run: a request is there twice");
    }
    before = source->record();
    output.add(before);
    ++records;
    source->advance();
    if (!source->is_at_end()) next.push(std::move(source));
  }
  output.close();
  if (records == run.totals.due) return;
  throw UsageError(
      fmt::format("the records are not those of the run: there are {}, and {} requests were due",
                  records, run.totals.due));
}

}  // namespace tokenlift
