#pragma once
// What is wrong with an input, where, and what to do about it.

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// Bytes of a scenario, a suite or a file of profiles: beyond that somebody has given another file.
/// What is read takes some sixty times as much memory.
inline constexpr std::size_t kMostDocumentBytes = std::size_t{8} << 20;
/// Mistakes of which each is said; of more there is a count.
inline constexpr std::size_t kMostMistakes = 50;
/// Bytes of a message, or of an advice: the rest is cut off. Code points of a source.
inline constexpr std::size_t kLongestMessage = 1000;
/// Code points of a word in quotes: the rest is cut off.
inline constexpr std::size_t kLongestQuoted = 200;
/// Code points of a line that a mistake keeps on either side of its column, some more than it
/// shows.
inline constexpr std::size_t kKeptBeside = 4000;

/// One thing wrong with a scenario, where it stands, and what to do about it.
struct Mistake {
  std::string source;  ///< file name, "--set KEY=VALUE", a built-in's name, or a trace file
  int line = 0;        ///< from 1; 0 = the text as a whole (no excerpt is shown)
  int column = 0;      ///< from 1, in code points; 0 = the line as a whole (no caret)
  std::string message;
  std::string advice;   ///< "did you mean ...", allowed values; may be empty
  std::string excerpt;  ///< the source line, or of a long one what is around the column
  /// It could be right elsewhere: something before it has left nothing for it to do.
  bool conflicts = false;
  int excerpt_column = 1;  ///< of the excerpt's first code point
};

/// Keeps of the line of a mistake what is kKeptBeside its column. A column behind the end of the
/// line becomes that of its end.
void take_excerpt(Mistake& mistake, std::string_view line);

/// file:line:column: error: message, the line, a caret under the column, the advice.
/// The excerpt is cut to a window around the caret, and its control characters and bytes that are
/// not UTF-8 are shown as '?', so that a hostile file can't write escape sequences to a terminal.
std::string to_string(const Mistake& mistake);

/// file:line:column, for messages that name a second place; the source cut to kLongestMessage.
std::string at_place(const Mistake& mistake);

/// The text in double quotes, for messages: cut to kLongestQuoted, and "..." in the quotes then.
std::string in_quotes(std::string_view text);

/// Advice about a word that is none of `names`: "did you mean ...?" if one is near, else all of
/// them.
std::string suggest(std::string_view word, const std::vector<std::string>& names);

/// The mistakes of a scenario; what() is their rendering, one after the other.
class ScenarioError : public std::runtime_error {
 public:
  /// `more`: so many are not among them.
  explicit ScenarioError(std::vector<Mistake> mistakes, std::size_t more = 0);
  const std::vector<Mistake>& mistakes() const { return mistakes_; }

 private:
  std::vector<Mistake> mistakes_;
};

}  // namespace tokenlift
