#include "workloads/text/secret.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace tokenlift {

namespace {

constexpr auto kNames = std::to_array<std::string_view>(
    {"access_token", "api-key", "api_key", "apikey", "auth_token", "authorization", "bearer",
     "cookie", "password", "proxy-authorization", "secret", "token", "x-api-key",
     "x-goog-api-key"});

// What keys of providers begin with, and so many characters at least that follow.
constexpr auto kBeginnings = std::to_array<std::string_view>(
    {"sk-", "hf_", "gsk_", "eyJ", "AIza", "Bearer ", "bearer ", "Basic "});
constexpr std::size_t kLeastFollowing = 8;

// "key" alone is also what a search calls what it changes: there it is a path.
constexpr std::string_view kKey = "key";

char small_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_letter_or_digit(char c) {
  const char small = small_letter(c);
  return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9');
}

bool is_of_name(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '-';
}

// Of a key: base64 and what is between its parts.
bool is_of_key(char c) {
  return is_of_name(c) || c == '.' || c == '+' || c == '/' || c == '=';
}

bool is_quote(char c) {
  return c == '"' || c == '\'';
}

// [begin, end) of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The name that ends before `end`, with or without quotes.
std::string_view name_before(std::string_view text, std::size_t end) {
  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t')) --end;
  if (end > 0 && is_quote(text[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && is_of_name(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

// The ends of the lines of a text, asked for from its second character on: each is looked for once.
class LineEnds {
 public:
  explicit LineEnds(std::string_view text) : text_(text) {}
  std::size_t behind(std::size_t at) {
    if (end_ < at) end_ = std::min(text_.find('\n', at), text_.size());
    return end_;
  }

 private:
  std::string_view text_;
  std::size_t end_ = 0;
};

// The value that begins at `begin`: in quotes, or up to the end of the line.
Span value_from(std::string_view text, std::size_t begin, LineEnds& ends) {
  while (begin < text.size() && (text[begin] == ' ' || text[begin] == '\t')) ++begin;
  if (begin == text.size() || !is_quote(text[begin])) return {begin, ends.behind(begin)};
  const char quote = text[begin++];
  std::size_t end = begin;
  while (end < text.size() && text[end] != quote && text[end] != '\n') {
    end += text[end] == '\\' && quote == '"' ? 2 : 1;
  }
  return {begin, std::min(end, text.size())};
}

// "$LLM_KEY", "Bearer $LLM_KEY": where it is found, as a shell has it. No word before it is longer
// than so many characters.
bool is_variable(std::string_view value) {
  constexpr std::size_t kLongest = 100;
  value = value.substr(0, kLongest);
  const std::size_t at = value.find('$');
  return at == 0 ||
         (at != std::string_view::npos && value[at - 1] == ' ' && value.find(' ') == at - 1);
}

// Blanks spans that come in the order of their beginnings: where they overlap, once.
class Blanking {
 public:
  explicit Blanking(std::vector<bool>& blanked) : blanked_(blanked) {}
  void blank(const Span& span) {
    if (span.end <= end_) return;
    const std::size_t begin = std::max(span.begin, end_);
    end_ = span.end;
    std::fill(blanked_.begin() + static_cast<std::ptrdiff_t>(begin),
              blanked_.begin() + static_cast<std::ptrdiff_t>(end_), true);
  }
  /// All before it, from the beginning of the span that ends there on, is blank.
  std::size_t end() const { return end_; }

 private:
  std::vector<bool>& blanked_;
  std::size_t end_ = 0;
};

void blank_values(std::string_view text, std::vector<bool>& blanked) {
  Blanking blanking(blanked);
  LineEnds ends(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=' && text[i] != ':') continue;
    const std::string_view name = name_before(text, i);
    const bool is_secret = names_secret(name);
    if (!is_secret && name != kKey) continue;
    const Span value = value_from(text, i + 1, ends);
    const std::string_view said = text.substr(value.begin, value.end - value.begin);
    const bool is_key =
        name == kKey && said.size() >= kLeastFollowing && std::ranges::all_of(said, is_of_name);
    if (is_key || (is_secret && !is_variable(said))) blanking.blank(value);
  }
}

void blank_keys(std::string_view text, std::vector<bool>& blanked) {
  for (const std::string_view beginning : kBeginnings) {
    Blanking blanking(blanked);
    for (std::size_t at = text.find(beginning); at != std::string_view::npos;
         at = text.find(beginning, at + 1)) {
      if (at > 0 && is_letter_or_digit(text[at - 1])) continue;
      const std::size_t begin = at + beginning.size();
      if (begin < blanking.end()) continue;  // of a key that is blank to its end
      std::size_t end = begin;
      while (end < text.size() && is_of_key(text[end])) ++end;
      if (end - begin >= kLeastFollowing) blanking.blank({at, end});
    }
  }
}

void blank_users_of_urls(std::string_view text, std::vector<bool>& blanked) {
  constexpr std::string_view kBehindScheme = "://";
  Blanking blanking(blanked);
  for (std::size_t at = text.find(kBehindScheme); at != std::string_view::npos;
       at = text.find(kBehindScheme, at + 1)) {
    const std::size_t begin = at + kBehindScheme.size();
    const std::size_t end = std::min(text.find_first_of("/?# \t\n\"'", begin), text.size());
    const std::size_t user_bytes = text.substr(begin, end - begin).rfind('@');
    if (user_bytes != std::string_view::npos) blanking.blank({begin, begin + user_bytes});
  }
}

}  // namespace

bool names_secret(std::string_view name) {
  constexpr std::size_t kLongest = 32;  // of kNames, and some more
  if (name.size() > kLongest) return false;
  std::string small(name);
  std::ranges::transform(small, small.begin(), small_letter);
  return std::ranges::find(kNames, small) != kNames.end();
}

std::string without_secrets(std::string_view text) {
  std::vector<bool> blanked(text.size(), false);
  blank_values(text, blanked);
  blank_keys(text, blanked);
  blank_users_of_urls(text, blanked);
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool goes_on = (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
    if (!blanked[i]) {
      result += text[i];
    } else if (!goes_on) {
      result += '*';
    }
  }
  return result;
}

}  // namespace tokenlift
