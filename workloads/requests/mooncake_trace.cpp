// Rows of Mooncake's traces: one JSON object a line, read by a small strict reader.

#include <algorithm>
#include <array>
#include <charconv>

#include "workloads/requests/trace_row.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kForm =
    R"({"timestamp": 0, "input_length": 600, "output_length": 50, "hash_ids": [0, 1]})";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// JSON (RFC 8259) from left to right, as far as these lines need it. The line is UTF-8.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view line) : line_(line) {}

  [[noreturn]] void fail(const std::string& message, const std::string& advice) const {
    throw RowMistake{message, advice, at_};
  }
  [[noreturn]] void expected(const std::string& what) const {
    fail((at_ == line_.size() ? "the line ends where there should be " : "there should be ") + what,
         "a line is " + std::string(kForm));
  }

  /// Skips white space; true if `c` follows, which is consumed.
  bool take(char c) {
    skip_space();
    if (at_ == line_.size() || line_[at_] != c) return false;
    ++at_;
    return true;
  }
  void require(char c, const std::string& what) {
    if (!take(c)) expected(what);
  }
  void require_end() {
    skip_space();
    if (at_ != line_.size()) expected("nothing after the object");
  }

  /// What stands between the quotes, escapes as they are.
  std::string_view string() {
    require('"', "a string");
    const std::size_t begin = at_;
    while (at_ < line_.size() && line_[at_] != '"') {
      if (static_cast<unsigned char>(line_[at_]) < 0x20) expected("no control character");
      if (line_[at_] == '\\') {
        ++at_;
        escape();
      } else {
        ++at_;
      }
    }
    if (at_ == line_.size()) expected("a '\"'");
    return line_.substr(begin, at_++ - begin);
  }

  std::string_view number() {
    skip_space();
    const std::size_t begin = at_;
    take_here('-');
    if (!take_here('0')) digits();
    if (take_here('.')) digits();
    if (take_here('e') || take_here('E')) {
      if (!take_here('+')) take_here('-');
      digits();
    }
    return line_.substr(begin, at_ - begin);
  }

  /// Goes over a number, a string, true, false or null, or an array of them.
  void skip_value() {
    if (!take('[')) return skip_scalar();
    if (take(']')) return;
    do skip_scalar();
    while (take(','));
    require(']', "',' or ']'");
  }

 private:
  void skip_space() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) {
      ++at_;
    }
  }
  bool take_here(char c) {
    if (at_ == line_.size() || line_[at_] != c) return false;
    ++at_;
    return true;
  }
  void digits() {
    if (at_ == line_.size() || !is_digit(line_[at_])) expected("a digit");
    while (at_ < line_.size() && is_digit(line_[at_])) ++at_;
  }
  void escape() {
    constexpr std::string_view kEscapes = "\"\\/bfnrtu";
    if (at_ == line_.size() || kEscapes.find(line_[at_]) == std::string_view::npos) {
      expected("an escape of JSON");
    }
    if (line_[at_++] != 'u') return;
    for (int i = 0; i < 4; ++i, ++at_) {
      constexpr std::string_view kHex = "0123456789abcdefABCDEF";
      if (at_ == line_.size() || kHex.find(line_[at_]) == std::string_view::npos) {
        expected("four hexadecimal digits");
      }
    }
  }
  void skip_scalar() {
    skip_space();
    for (const std::string_view word : {"true", "false", "null"}) {
      if (line_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return;
      }
    }
    if (at_ < line_.size() && line_[at_] == '"') {
      string();
    } else if (at_ < line_.size() && (line_[at_] == '-' || is_digit(line_[at_]))) {
      number();
    } else {
      expected("a number, a string, true, false, null, or one array of these");
    }
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

void read_block_ids(JsonScanner& json, std::vector<std::uint64_t>& ids) {
  json.require('[', "'[', the beginning of hash_ids");
  if (json.take(']')) return;
  do {
    const std::string_view text = json.number();
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size()) {
      json.fail("an id in hash_ids is not a whole number from 0 to 2^64 - 1", "");
    }
    ids.push_back(id);
  } while (json.take(','));
  json.require(']', "',' or ']'");
}

constexpr std::array<std::string_view, 4> kKeys = {"timestamp", "input_length", "output_length",
                                                   "hash_ids"};
constexpr std::size_t kRequiredKeys = 3;

// The value of kKeys[key].
void read_value(JsonScanner& json, std::size_t key, TraceRow& row) {
  if (key == 3) return read_block_ids(json, row.block_ids);
  const std::string_view text = json.number();
  if (key == 1) row.prompt_tokens = parse_tokens(text, 1, kKeys[key]);
  if (key == 2) row.output_tokens = parse_tokens(text, 1, kKeys[key]);
  if (key != 0) return;
  const auto timestamp_ns = parse_decimal_ns(text, 1'000'000);
  if (!timestamp_ns) {
    json.fail("timestamp is not a number of milliseconds from 0 to 9000000000000",
              "write it without an exponent");
  }
  row.timestamp_ns = *timestamp_ns;
}

void parse_row(std::string_view line, TraceRow& row) {
  JsonScanner json(line);
  std::array<bool, kKeys.size()> seen{};
  json.require('{', "'{'");
  do {
    const std::string_view name = json.string();
    json.require(':', "':'");
    const auto* const known = std::ranges::find(kKeys, name);
    if (known == kKeys.end()) {
      json.skip_value();
      continue;
    }
    const auto key = static_cast<std::size_t>(known - kKeys.begin());
    if (seen[key]) json.fail(std::string(name) + " is there twice", "");
    seen[key] = true;
    read_value(json, key, row);
  } while (json.take(','));
  json.require('}', "',' or '}'");
  json.require_end();
  for (std::size_t key = 0; key < kRequiredKeys; ++key) {
    if (!seen[key]) {
      throw RowMistake{std::string(kKeys[key]) + " is missing", "a line is " + std::string(kForm)};
    }
  }
  // More ids than blocks: the file's blocks are smaller, and reuse would be counted wrong.
  const std::int64_t blocks = (row.prompt_tokens + kTraceBlockTokens - 1) / kTraceBlockTokens;
  if (row.block_ids.size() > static_cast<std::size_t>(blocks)) {
    throw RowMistake{"hash_ids has " + std::to_string(row.block_ids.size()) +
                         " ids, but input_length is only " + std::to_string(blocks) +
                         (blocks == 1 ? " block" : " blocks") + " of " +
                         std::to_string(kTraceBlockTokens) + " tokens",
                     "an id stands for " + std::to_string(kTraceBlockTokens) + " tokens"};
  }
}

// There is no header: the first line is a row, which begins an object.
RowParser recognise(std::string_view first_line) {
  const std::size_t begin = first_line.find_first_not_of(" \t");
  const bool object = begin != std::string_view::npos && first_line[begin] == '{';
  return object ? RowParser(parse_row) : RowParser();
}

}  // namespace

const TraceFormat kMooncakeTrace = {kForm, 16 * 1024, false, recognise};

}  // namespace tokenlift
