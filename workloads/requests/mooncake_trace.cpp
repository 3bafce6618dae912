// Rows of Mooncake's traces: one JSON object a line, read by a small strict reader.

#include <algorithm>
#include <array>
#include <charconv>

#include "workloads/requests/trace_row.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kForm =
    R"({"timestamp": 0, "input_length": 600, "output_length": 50, "hash_ids": [0, 1]})";

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

  /// Goes over a value of any kind.
  void skip_value(int depth = 0) {
    if (depth == kDeepest) {
      fail("values are nested more than " + std::to_string(kDeepest) + " deep", "");
    }
    if (take('[')) {
      if (take(']')) return;
      do skip_value(depth + 1);
      while (take(','));
      require(']', "',' or ']'");
    } else if (take('{')) {
      if (take('}')) return;
      do {
        string();
        require(':', "':'");
        skip_value(depth + 1);
      } while (take(','));
      require('}', "',' or '}'");
    } else {
      skip_scalar();
    }
  }

  /// True if null follows, which is consumed.
  bool take_null() {
    skip_space();
    if (!line_.substr(at_).starts_with("null")) return false;
    at_ += 4;
    return true;
  }
  /// What stands there: a string without its quotes, or a number.
  std::string_view string_or_number() {
    skip_space();
    return at_ < line_.size() && line_[at_] == '"' ? string() : number();
  }

 private:
  static constexpr int kDeepest = 100;

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
      expected("a value");
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

enum Key : std::size_t {
  timestamp,
  input_length,
  output_length,
  hash_ids,
  session_id,
  delay,
};
constexpr std::array<std::string_view, 6> kKeys = {"timestamp", "input_length", "output_length",
                                                   "hash_ids",  "session_id",   "delay"};

std::int64_t read_ms(JsonScanner& json, std::string_view name) {
  const std::optional<std::int64_t> ns = parse_decimal_ns(json.number(), 1'000'000);
  if (!ns) {
    json.fail(std::string(name) + " is not a number of milliseconds from 0 to 9000000000000", "");
  }
  return *ns;
}

void read_value(JsonScanner& json, Key key, TraceRow& row) {
  switch (key) {
    case timestamp:
      row.timestamp_ns = read_ms(json, kKeys[key]);
      break;
    case input_length:
      row.prompt_tokens = parse_tokens(json.number(), 1, kKeys[key]);
      break;
    case output_length:
      row.output_tokens = parse_tokens(json.number(), 1, kKeys[key]);
      break;
    case hash_ids:
      read_block_ids(json, row.block_ids);
      break;
    case session_id:
      row.session = json.string_or_number();
      break;
    case delay:
      row.delay_ns = read_ms(json, kKeys[key]);
      break;
  }
}

// Others than the lengths may be null, as if they were not there.
bool is_left_open(JsonScanner& json, Key key) {
  return key != input_length && key != output_length && json.take_null();
}

void require_keys(const TraceRow& row) {
  const auto require = [](bool there, Key key) {
    if (there) return;
    throw RowMistake{std::string(kKeys[key]) + " is missing", "a line is " + std::string(kForm)};
  };
  // A turn of a session may be due without one: TraceRows knows which.
  require(row.timestamp_ns.has_value() || !row.session.empty(), timestamp);
  require(row.prompt_tokens > 0, input_length);
  require(row.output_tokens > 0, output_length);
}

// More ids than blocks: the file's blocks are smaller, and reuse would be counted wrong.
void check_blocks(const TraceRow& row, std::int64_t block_tokens) {
  const std::int64_t blocks = (row.prompt_tokens + block_tokens - 1) / block_tokens;
  if (row.block_ids.size() <= static_cast<std::size_t>(blocks)) return;
  throw RowMistake{"hash_ids has " + std::to_string(row.block_ids.size()) +
                       " ids, but input_length is only " + std::to_string(blocks) +
                       (blocks == 1 ? " block" : " blocks") + " of " +
                       std::to_string(block_tokens) + " tokens",
                   "an id stands for " + std::to_string(block_tokens) +
                       " tokens: state the size of the file's blocks with block_tokens"};
}

void parse_row(std::string_view line, std::int64_t block_tokens, TraceRow& row) {
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
    const auto key = static_cast<Key>(known - kKeys.begin());
    if (seen[key]) json.fail(std::string(name) + " is there twice", "");
    seen[key] = true;
    if (!is_left_open(json, key)) read_value(json, key, row);
  } while (json.take(','));
  json.require('}', "',' or '}'");
  json.require_end();
  require_keys(row);
  check_blocks(row, block_tokens);
}

// There is no header: the first line is a row, which begins an object.
RowParser recognise(std::string_view first_line, const Trace& trace) {
  const std::size_t begin = first_line.find_first_not_of(" \t");
  const bool object = begin != std::string_view::npos && first_line[begin] == '{';
  if (!object) return {};
  return [block_tokens = trace.block_tokens](std::string_view line, TraceRow& row) {
    parse_row(line, block_tokens, row);
  };
}

}  // namespace

// A prompt of 128 k tokens in blocks of 16 has 8 k ids, and some tools put messages in, too.
const TraceFormat kMooncakeTrace = {kForm, std::size_t{1} << 20, false, recognise};

}  // namespace tokenlift
