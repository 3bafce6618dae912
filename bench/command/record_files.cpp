#include "bench/command/record_files.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <queue>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "bench/command/surroundings.hpp"
#include "bench/machine/input_file.hpp"
#include "reports/record/request_rows.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;     // of what is handed out at once
constexpr std::size_t kReadBytes = std::size_t{1} << 16;      // of a file, at once
constexpr std::size_t kMostLineBytes = std::size_t{1} << 20;  // much more than any record has

/// Reads a log record by record.
class RecordFile {
 public:
  explicit RecordFile(std::string name) : name_(std::move(name)), in_(name_) {
    if (next_line() != kRequestRowsHead || !ended_) fail("is no log of requests (--records)");
    advance();
  }

  bool is_at_end() const { return record_.empty(); }
  /// The record that is next, with the end of its line; and its place among those of all files.
  const std::string& record() const { return record_; }
  auto place() const { return std::tie(end_ns_, record_); }

  void advance() {
    record_.clear();
    bool quoted = false;  // a quoted field may hold ends of lines
    do {
      const std::string_view line = next_line();
      if (line.empty() && !ended_) {
        if (quoted) fail("ends within a field");
        return;
      }
      record_ += line;
      record_ += '\n';
      if (record_.size() > kMostLineBytes) fail_too_long();
      if (std::ranges::count(line, '"') % 2 != 0) quoted = !quoted;
    } while (quoted);
    if (!ended_) fail("was cut short: its last line has no end");
    end_ns_ = end_of(record_);
  }

 private:
  /// Without its end; ended_ says whether it has one. Valid until the next call.
  std::string_view next_line() {
    std::size_t end = 0;
    for (std::size_t looked = taken_; (end = unread_.find('\n', looked)) == std::string::npos;) {
      unread_.erase(0, std::exchange(taken_, 0));
      looked = unread_.size();
      if (looked > kMostLineBytes) fail_too_long();
      in_.append_to(unread_, kReadBytes);
      if (in_.error() != 0) {
        fail("cannot be read: " + std::generic_category().message(in_.error()));
      }
      if (unread_.size() == looked) break;
    }
    ended_ = end != std::string::npos;
    ++line_;
    const std::size_t begin = taken_;
    taken_ = ended_ ? end + 1 : unread_.size();
    return std::string_view(unread_).substr(begin, ended_ ? end - begin : end);
  }

  [[noreturn]] void fail_too_long() const {
    fail(line_ == 0 ? "is no log of requests (--records)"
                    : fmt::format("has a record of more than {} KiB behind line {}",
                                  kMostLineBytes >> 10, line_));
  }

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
  InputFile in_;
  std::string unread_;
  std::size_t taken_ = 0;  // of it, by next_line()
  bool ended_ = false;
  std::string record_;
  std::int64_t end_ns_ = 0;
  std::size_t line_ = 0;
};

void hand_out(const std::vector<std::string>& files, std::uint64_t due,
              const std::function<void(std::string_view piece)>& take) {
  using Source = std::unique_ptr<RecordFile>;
  const auto later = [](const Source& one, const Source& other) {
    return one->place() > other->place();
  };
  std::priority_queue<Source, std::vector<Source>, decltype(later)> next(later);
  for (const std::string& file : files) {
    auto source = std::make_unique<RecordFile>(file);
    if (!source->is_at_end()) next.push(std::move(source));
  }
  std::string block(kRequestRowsHead);
  block += '\n';
  std::uint64_t records = 0;
  std::string before;
  while (!next.empty()) {
    Source source = std::move(const_cast<Source&>(next.top()));
    next.pop();
    if (source->record() == before) {
      throw UsageError("the records are not those of the run: a request is there twice");
    }
    before = source->record();
    block += before;
    if (block.size() >= kBlockBytes) {
      take(block);
      block.clear();
    }
    ++records;
    source->advance();
    if (!source->is_at_end()) next.push(std::move(source));
  }
  take(block);
  if (records == due) return;
  throw UsageError(
      fmt::format("the records are not those of the run: there are {}, and {} requests were due",
                  records, due));
}

}  // namespace

TextPieces joined_records(const std::vector<std::string>& files, const Run& run) {
  return [&files, due = run.totals.due](const auto& take) { hand_out(files, due, take); };
}

}  // namespace tokenlift
