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
  /// "response", "effects", "split", "tenants", "throttles", "checks" or "overview".
  std::string name = {};
};

}  // namespace tokenlift
