#pragma once
// A scenario's text as a TOML tree, with the --set overrides applied, and the mistakes found in it.
// For the readers of scenarios, suites and profiles alone: nothing else sees toml++.

#include <toml++/toml.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/text/mistake.hpp"

namespace tokenlift {

/// Where something stands. `path` is null in the main text and the index of an override otherwise.
using Place = toml::source_region;

/// How deep tables and arrays may stand in each other: nothing that is read needs more than a few,
/// and what takes a deep tree apart takes a deep stack.
inline constexpr std::size_t kDeepestTable = 32;

/// What mistakes in an override call their source; secrets in it are blanked out.
std::string override_source(const std::string& word);

/// A string as TOML and JSON alike write it. Bytes that are not UTF-8, which neither allows, become
/// U+FFFD.
std::string string_literal(std::string_view text);

/// A value as TOML on one line.
std::string value_literal(const toml::node& node);

/// A value as it stands behind KEY= of an override: strings without quotes, unless they would read
/// as another value.
std::string override_value(const toml::node& node);

/// False for text that an override takes for a string without quotes.
bool reads_as_toml(std::string_view value);

/// What stands at the dotted path of an override; null if nothing does.
const toml::node* find_value(const toml::table& root, std::string_view path);

class Document {
 public:
  /// Throws ScenarioError if the text is not TOML, larger than kMostDocumentBytes, or deeper than
  /// kDeepestTable.
  Document(std::string_view text, std::string source_name,
           const std::vector<std::string>& overrides);

  const toml::table& root() const { return root_; }

  /// What looks like a secret is shown in none of them.
  void add(const Place& place, const std::string& message, const std::string& advice = "");
  /// What could be right elsewhere (Mistake::conflicts).
  void add_conflict(const Place& place, const std::string& message, const std::string& advice);
  /// Mistakes in another file.
  void add(const std::vector<Mistake>& mistakes);
  std::size_t mistake_count() const { return count_; }
  /// There are so many mistakes that no more advice is needed, where it takes long to find.
  bool has_many_mistakes() const { return count_ > 4 * kMostMistakes; }
  /// Throws ScenarioError with the first kMostMistakes, in order of place: the main text's, those
  /// of other files, then the overrides'.
  void throw_mistakes() const;

 private:
  struct Source {
    std::string name;
    std::string text;
  };
  struct Found {
    std::size_t rank = 0;   // of its source
    std::size_t index = 0;  // of its source; mistakes in other files have their excerpts
    Mistake mistake;        // with line and column as the parser counts them
  };
  void apply(std::size_t index);
  void note(Found found);

  std::vector<Source> sources_;  // the main text, then the overrides
  std::vector<Found> found_;     // of all the first, and some more that have come since
  std::size_t count_ = 0;        // of all
  std::size_t repeated_ = 0;     // of these, had been said before
  toml::table root_;
};

/// How many mistakes there were when it was made; sound() then tells whether none came after.
struct Mark {
  const Document& document;
  std::size_t count = document.mistake_count();
  bool sound() const { return document.mistake_count() == count; }
};

}  // namespace tokenlift
