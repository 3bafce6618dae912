#include "bench/wire/usual_chunk.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tokenlift {
namespace {

constexpr std::uint64_t each_byte(std::uint64_t byte) {
  return byte * 0x0101010101010101U;
}

/// The high bit of the first byte that is `"`, a backslash, a control character, or not ASCII; what
/// is set above it means nothing ("Bit Twiddling Hacks", haszero and hasless).
std::uint64_t ends_of_string(std::uint64_t bytes) {
  constexpr std::uint64_t kHigh = each_byte(0x80);
  const std::uint64_t quote = bytes ^ each_byte('"');
  const std::uint64_t slash = bytes ^ each_byte('\\');
  return (((quote - each_byte(1)) & ~quote) | ((slash - each_byte(1)) & ~slash) |
          ((bytes - each_byte(0x20)) & ~bytes) | bytes) &
         kHigh;
}

/// Each of its functions is false where the text goes on in another way than the usual one.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool is_at_end() {
    skip_blanks();
    return at_ == end_;
  }
  bool take(char sign) {
    skip_blanks();
    if (at_ == end_ || *at_ != sign) return false;
    ++at_;
    return true;
  }
  bool take_string(std::string_view& text) {
    if (!take('"')) return false;
    const char* const begin = at_;
    if constexpr (std::endian::native == std::endian::little) {
      for (std::uint64_t bytes = 0; end_ - at_ >= std::ptrdiff_t{sizeof bytes};
           at_ += sizeof bytes) {
        std::memcpy(&bytes, at_, sizeof bytes);
        if (const std::uint64_t found = ends_of_string(bytes); found != 0) {
          at_ += std::countr_zero(found) / 8;
          return end_string(begin, text);
        }
      }
    }
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && *at_ >= 0x20 && *at_ < 0x7f) ++at_;
    return at_ != end_ && end_string(begin, text);
  }
  /// A string, a number, or one of the words of JSON.
  bool skip_scalar() {
    skip_blanks();
    std::string_view text;
    if (at_ != end_ && *at_ == '"') return take_string(text);
    if (take_word("null") || take_word("true") || take_word("false")) return true;
    const char* const begin = at_;
    while (at_ != end_ && ((*at_ >= '0' && *at_ <= '9') || *at_ == '-' || *at_ == '.')) ++at_;
    return at_ != begin && is_behind_scalar();
  }
  bool take_null() {
    skip_blanks();
    return take_word("null");
  }
  /// An object: `read(key)` takes the value of each key.
  template <typename Read>
  bool take_object(Read&& read) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      std::string_view key;
      if (!take_string(key) || !take(':') || !read(key)) return false;
    } while (take(','));
    return take('}');
  }

 private:
  void skip_blanks() {
    while (at_ != end_ && *at_ == ' ') ++at_;
  }
  bool end_string(const char* begin, std::string_view& text) {
    if (*at_ != '"') return false;
    text = {begin, static_cast<std::size_t>(at_ - begin)};
    ++at_;
    return true;
  }
  bool is_behind_scalar() const {
    return at_ != end_ && (*at_ == ',' || *at_ == '}' || *at_ == ' ');
  }
  bool take_word(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
      return false;
    }
    at_ += word.size();
    return is_behind_scalar();
  }

  const char* at_;
  const char* end_;
};

/// Once, and a string or null.
bool take_text(Scanner& scanner, bool& is_there, std::string_view& text) {
  if (is_there) return false;
  is_there = true;
  return scanner.take_string(text) || scanner.take_null();
}

struct Reading {
  UsualChunk chunk;
  bool has_choices = false;
  bool has_content = false;
  bool has_reasoning = false;
};

bool take_delta(Scanner& scanner, Reading& reading) {
  return scanner.take_object([&](std::string_view key) {
    if (key == "content") return take_text(scanner, reading.has_content, reading.chunk.content);
    if (key == "reasoning" || key == "reasoning_content") {
      return take_text(scanner, reading.has_reasoning, reading.chunk.reasoning);
    }
    if (key == "refusal" || key == "tool_calls" || key == "function_call") {
      return scanner.take_null();
    }
    return scanner.skip_scalar();
  });
}

bool take_choices(Scanner& scanner, Reading& reading) {
  if (reading.has_choices) return false;
  reading.has_choices = true;
  return scanner.take('[') && scanner.take_object([&](std::string_view key) {
    if (key == "delta") return take_delta(scanner, reading);
    if (key == "text") return take_text(scanner, reading.has_content, reading.chunk.content);
    return key != "message" && scanner.skip_scalar();
  }) && scanner.take(']');
}

}  // namespace

std::optional<UsualChunk> read_usual_chunk(std::string_view chunk) {
  Scanner scanner(chunk);
  Reading reading;
  const bool is_usual = scanner.take_object([&](std::string_view key) {
    if (key == "choices") return take_choices(scanner, reading);
    if (key == "object") {
      std::string_view kind;
      return scanner.take_string(kind) && kind != "error";
    }
    if (key == "usage") return scanner.take_null();
    const bool may_be_error =
        key == "error" || key == "message" || key == "detail" || key == "type";
    return !may_be_error && scanner.skip_scalar();
  });
  if (!is_usual || !scanner.is_at_end() || !reading.has_choices) return std::nullopt;
  return reading.chunk;
}

}  // namespace tokenlift
