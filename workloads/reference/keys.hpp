#pragma once
// The keys of the scenario language, a row for each: what its value may be, within which bounds,
// and a line of help. The JSON Schema, the manual page and what shells complete after --set are
// made from these rows; a test holds the readers and the reference (../README.md) against them.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// What a value may be written as: one of these, or several joined by |.
enum class Form : unsigned {
  text = 1U << 0U,
  name = 1U << 1U,    ///< text without control characters, 1 to 1000 bytes
  word = 1U << 2U,    ///< one of LanguageKey::words
  texts = 1U << 3U,   ///< one text, or an array of them, one at least
  flag = 1U << 4U,    ///< true or false
  whole = 1U << 5U,   ///< a whole number, within LanguageKey::bounds
  number = 1U << 6U,  ///< a number, within LanguageKey::bounds
  duration = 1U << 7U,
  cost = 1U << 8U,  ///< a duration that may be as short as picoseconds
  rate = 1U << 9U,
  power = 1U << 10U,
  energy = 1U << 11U,
  time_of_day = 1U << 12U,
  instant = 1U << 13U,  ///< a date and a time
  table = 1U << 14U,    ///< with the keys of LanguageKey::table
  tables = 1U << 15U,   ///< an array of such tables
  steps = 1U << 16U,    ///< an array of pairs [duration, number]
  values = 1U << 17U,   ///< an array of strings, numbers, booleans or tables, two at least
};
constexpr Form operator|(Form a, Form b) {
  return static_cast<Form>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// Whether `forms` has all of `form`.
constexpr bool has(Form forms, Form form) {
  return (static_cast<unsigned>(forms) & static_cast<unsigned>(form)) ==
         static_cast<unsigned>(form);
}

struct Bounds {
  double least = 0;
  double most = 0;
};

struct LanguageKey {
  std::string_view name;  ///< "*": any name
  Form forms;
  std::string_view by_default = {};  ///< Markdown; empty: none, or see `help`
  std::string_view help = {};        ///< a line of Markdown; empty: the name says it
  Bounds bounds = {};                ///< of a number
  std::vector<std::string_view> words = {};
  std::string_view table = {};  ///< whose keys a table has: LanguageTable::name
  bool required = false;        ///< in every table of its kind
  /// Of a throttle's key: the kinds that have it, where not all do.
  std::vector<std::string_view> kinds = {};
};

/// How the reference (../README.md) shows the keys of a table.
enum class Shown {
  as_rows,  ///< a row of a table of Markdown for each, made of its default and its help
  in_prose  ///< their names, in code
};

struct LanguageTable {
  std::string_view name;   ///< "fleet.site"; "lengths" of what stands in several places
  std::string_view title;  ///< as it is written: "[[fleet.site]]"
  std::string_view help;   ///< a sentence of Markdown; may be empty
  Shown shown = Shown::in_prose;
  std::string_view row_prefix = {};  ///< of its rows in the reference: "site: "
  std::vector<LanguageKey> keys = {};
};

/// All tables, the one that holds the others first (its name is empty), each before those in it.
std::span<const LanguageTable> language_tables();

/// The table of that name, which there must be.
const LanguageTable& language_table(std::string_view name);

/// Help as plain text: code without its backticks, links as their words.
std::string plain_text(std::string_view markdown);

}  // namespace tokenlift
