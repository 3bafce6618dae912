#include "workloads/text/did_you_mean.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace tokenlift {

namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Damerau-Levenshtein distance in its "optimal string alignment" form: insertions, deletions,
// substitutions and swaps of neighbours cost 1; case is free.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& candidates) {
  constexpr std::size_t kWordBytesMax = 64;  // bounds the work on a hostile key
  if (word.empty() || word.size() > kWordBytesMax) return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t distance_end = 2 + word.size() / 4;  // 1 edit, and 1 more for every 4 letters
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    // As many edits as letters: nothing of the word is left.
    if (distance >= distance_end || distance >= candidate.size()) continue;
    distance_end = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace tokenlift
