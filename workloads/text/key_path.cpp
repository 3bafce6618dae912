#include "workloads/text/key_path.hpp"

#include <algorithm>

namespace tokenlift {

namespace {

// Bytes above 0x7f belong to letters of other alphabets.
bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' ||
         c == '_' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string path_word(std::string_view name) {
  if (!name.empty() && std::ranges::all_of(name, is_plain)) return std::string(name);
  std::string word = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') word += '\\';
    word += c;
  }
  return word + '"';
}

std::string name_of_word(std::string_view word) {
  if (word.size() < 2 || !word.starts_with('"') || !word.ends_with('"')) return std::string(word);
  std::string name;
  for (std::size_t i = 1; i + 1 < word.size(); ++i) {
    if (word[i] == '\\' && i + 2 < word.size()) ++i;
    name += word[i];
  }
  return name;
}

std::size_t find_outside_quotes(std::string_view path, std::string_view characters,
                                std::size_t begin) {
  bool quoted = false;
  for (std::size_t i = begin; i < path.size(); ++i) {
    if (quoted && path[i] == '\\') {
      ++i;
    } else if (path[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && characters.find(path[i]) != std::string_view::npos) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::string_view word_at(std::string_view path, std::size_t begin) {
  const std::size_t end = find_outside_quotes(path, ".", begin);
  return path.substr(begin, end == std::string_view::npos ? end : end - begin);
}

std::vector<std::string> names_in(std::string_view path) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::string_view word = word_at(path, begin);
    names.push_back(name_of_word(word));
    begin += word.size() + 1;
  }
  return names;
}

}  // namespace tokenlift
