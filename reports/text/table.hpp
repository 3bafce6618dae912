#pragma once
// A table of a report, whatever it is shown on: text, markdown and page lay out the same cells.

#include <cstddef>
#include <string>
#include <vector>

namespace tokenlift {

enum class Ink { plain, bold, green, red };

struct Cell {
  std::string text;
  std::string mark = {};  ///< of a footnote: stands right of the number, outside its alignment
  Ink ink = Ink::plain;   ///< repeats what words say
};

struct Table {
  std::string title;             ///< may be empty
  std::size_t left_columns = 1;  ///< aligned left; the others, numbers, right
  std::size_t head_rows = 0;     ///< of `rows`: the first ones
  std::vector<std::vector<Cell>> rows;
  std::vector<std::string> notes;  ///< sentences under it; one that explains a mark begins with it
  /// Which of a report's tables it is, for who picks one or links to it: "fleet", "gains", "lift",
  /// "response", "effects", "cost", "jobs", "split", "tenants", "throttles", "failures", "wire",
  /// "ranks", "checks" or "overview".
  std::string name = {};
  /// Where there is little room (text, markdown) so many rows under the head are enough; 0: all.
  std::size_t few_rows = 0;
  std::string rest_is_in = {};  ///< what holds the rows that are left out: "tune.json"
  /// Columns that may be left out for want of room, the last one first, and what they are called
  /// when that is said: spare_names[i] is column first_spare + i.
  std::size_t first_spare = 0;
  std::vector<std::string> spare_names = {};
};

/// With its first `rows` rows under the head, and a note that says how many more there are.
Table shortened(Table table, std::size_t rows);

}  // namespace tokenlift
