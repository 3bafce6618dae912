#include "bench/wire/usual_chunk.hpp"

#include <bit>
#include <cstddef>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tokenlift {
namespace {

/// What a string goes on with: not `"`, a backslash, a control character, or what is not ASCII.
bool goes_on(char sign) {
  return static_cast<signed char>(sign) >= 0x20 && sign != '"' && sign != '\\';
}

/// Where a string ends or is not a usual one any more; `end` where the text ends before.
const char* find_end_of_string(const char* at, const char* end) {
#if defined(__SSE2__)
  constexpr std::ptrdiff_t kBlock = 16;
  for (; end - at >= kBlock; at += kBlock) {
    const __m128i signs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i quotes = _mm_cmpeq_epi8(signs, _mm_set1_epi8('"'));
    const __m128i slashes = _mm_cmpeq_epi8(signs, _mm_set1_epi8('\\'));
    const __m128i others = _mm_cmplt_epi8(signs, _mm_set1_epi8(0x20));  // signed: or above 0x7f
    const int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), others));
    if (found != 0) return at + std::countr_zero(static_cast<unsigned>(found));
  }
#endif
  while (at != end && goes_on(*at)) ++at;
  return at;
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
    if (at_ != end_ && *at_ == sign) {  // seldom behind a blank
      ++at_;
      return true;
    }
    return take_behind_blanks(sign);
  }
  bool take_string(std::string_view& text) {
    if (!take('"')) return false;
    const char* const begin = at_;
    at_ = find_end_of_string(at_, end_);
    if (at_ == end_ || *at_ != '"') return false;
    text = {begin, static_cast<std::size_t>(at_ - begin)};
    ++at_;
    return true;
  }
  /// A string, a number, or one of the words of JSON.
  bool skip_scalar() {
    skip_blanks();
    std::string_view text;
    if (at_ == end_) return false;
    if (*at_ == '"') return take_string(text);
    if (*at_ >= 'a') return take_word("null") || take_word("true") || take_word("false");
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
  [[gnu::noinline]] bool take_behind_blanks(char sign) {
    if (at_ == end_ || *at_ != ' ') return false;
    skip_blanks();
    if (at_ == end_ || *at_ != sign) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (at_ != end_ && *at_ == ' ') ++at_;
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

/// Most keys are none of those that are looked for, which a length tells.
bool is_reasoning(std::string_view key) {
  if (key.size() == std::string_view("reasoning").size()) return key == "reasoning";
  return key.size() == std::string_view("reasoning_content").size() && key == "reasoning_content";
}

bool is_other_output(std::string_view key) {
  return key.size() >= std::string_view("refusal").size() &&
         (key == "refusal" || key == "tool_calls" || key == "function_call");
}

bool may_be_error(std::string_view key) {
  switch (key.size()) {
    case 4:
      return key == "type";
    case 5:
      return key == "error";
    case 6:
      return key == "detail";
    case 7:
      return key == "message";
    default:
      return false;
  }
}

bool take_delta(Scanner& scanner, Reading& reading) {
  return scanner.take_object([&](std::string_view key) {
    if (key == "content") return take_text(scanner, reading.has_content, reading.chunk.content);
    if (is_reasoning(key)) {
      return take_text(scanner, reading.has_reasoning, reading.chunk.reasoning);
    }
    return is_other_output(key) ? scanner.take_null() : scanner.skip_scalar();
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
    return !may_be_error(key) && scanner.skip_scalar();
  });
  if (!is_usual || !scanner.is_at_end() || !reading.has_choices) return std::nullopt;
  return reading.chunk;
}

}  // namespace tokenlift
