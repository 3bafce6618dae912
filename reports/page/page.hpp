#pragma once
// A page as a value: what is said of a run, a suite, a search or a comparison, in order, whatever
// it is shown on. Text, markdown and HTML each have one renderer (formats/page_*.hpp).

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reports/charts/chart.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// Which formats show a block or a section.
enum class Place {
  open,       ///< all
  folded,     ///< all; markdown folds it
  appendix,   ///< HTML and, folded, markdown: a terminal has no room for it
  html_only,  ///< charts, and what is long; HTML folds tables of this kind
};

struct Paragraph {
  std::string text;
};

/// "name: the first line", and the other lines as a list below it.
struct ListItem {
  std::string name;  ///< may be empty
  std::vector<std::string> lines;
};

struct List {
  std::vector<ListItem> items;
};

/// To be copied: it is shown as it is, line by line.
struct Code {
  std::string title;  ///< may be empty
  std::string text;   ///< ends with a newline
};

/// Names and values, as of a machine. Entries without a value are left out.
struct Facts {
  std::vector<std::pair<std::string, std::string>> entries;
};

/// A chart that is ready as SVG.
struct Picture {
  std::string title;
  std::string explanation;  ///< may be empty
  /// Classes of the style sheet (line..., thread..., present, or those of dots) and what they mean.
  std::vector<std::pair<std::string, std::string>> key;
  std::string svg;
  std::vector<Table> numbers;  ///< what it shows, folded under it
  bool small = false;          ///< small ones that follow each other stand side by side
};

/// HTML that is ready, and the script that goes with it picks and orders its cards.
struct Cards {
  std::string html;
};

struct Block {
  std::variant<Paragraph, List, Table, Code, Facts, Chart, Picture, Cards> content;
  Place place = Place::open;
};

struct Section {
  std::string heading;
  std::vector<Block> blocks;
  Place place = Place::open;
  bool heading_in_html_only = false;  ///< its tables have titles that say as much
  std::vector<Section> parts;         ///< each with a heading; they have no parts
};

enum class Tone { plain, good, bad };

/// A figure that matters most, for the top of an HTML page: tables have it, too.
struct Tile {
  std::string label;
  std::string value;
  std::string unit;
  std::string change;
  std::string detail;
  Tone tone = Tone::plain;
};

/// What comes first. Every text may be empty.
struct Summary {
  std::string label;  ///< of one of several that are shown side by side
  std::string title;
  std::vector<std::string> facts;  ///< beside the title
  std::string description;
  std::string status;  ///< "valid: 8 of 8 checks passed"
  Tone tone = Tone::plain;
  std::string status_word;            ///< the beginning of `status` that is coloured; empty: all
  std::vector<std::string> problems;  ///< what is wrong, below the status
  std::string verdict;
  /// The same for whoever decides, a few sentences; pages have it instead of the verdict. May be
  /// empty.
  std::vector<std::string> answer;
  std::vector<Tile> tiles;
  std::vector<std::string> remarks;
};

struct Page {
  std::string window_title;  ///< of the HTML document
  Summary summary;
  /// They follow the summary. Code in them is last in text: what ends there stands above the
  /// prompt.
  std::vector<Block> highlights;
  std::vector<Summary> parts;  ///< of what is shown side by side, one each
  std::vector<Section> sections;
  std::string legend_note;  ///< what all charts have in common
  std::string tokenlift_version;
};

/// Items of one line each, without names.
List list_of(const std::vector<std::string>& sentences);

/// Adds the block unless it is a table without rows, a list without items, a picture without a
/// drawing or code without text.
void add_block(std::vector<Block>& blocks, Block block);

/// Adds the section unless it is empty.
void add_section(std::vector<Section>& sections, Section section);

/// "fleet" is "Fleet"; what begins with anything but a small letter stays as it is.
std::string capitalized(std::string text);

}  // namespace tokenlift
