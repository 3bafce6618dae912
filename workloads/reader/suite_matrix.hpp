#pragma once
// What a suite sets in its scenarios: single keys, and a matrix of them. For the reader of suites
// alone.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/reader/table_reader.hpp"

namespace tokenlift {

/// One key of a scenario that the suite sets.
struct Setting {
  std::string key;   ///< dotted: "throttle.limit.load"
  std::string word;  ///< KEY=VALUE, as for --set
  Place key_place;
  Place place;  ///< of the value
};

/// One of the values of a dimension: what it sets (one key, or what a group says), and its name.
struct Alternative {
  std::string label;
  std::vector<Setting> settings;
  Place place;
};

struct Dimension {
  std::string key;
  std::string label;  ///< the shortest end of the key that no other key of the matrix has
  Place place;
  std::vector<Alternative> alternatives;  ///< one at least
};

/// The text with everything but letters, digits, '_', '-' and '.' as '_'; "_" where it is empty.
std::string fit_for_names(std::string_view text);

/// For messages that name a second place.
std::string line_and_column(const Place& place);

/// What the table `key` sets, in the order of the file; nothing if it is not there. Keys may be
/// quoted ("run.seed" = 1) or not (run.seed = 1).
std::vector<Setting> read_settings(TableReader& table, std::string_view key);

/// The key "engine" (one: it is added to `settings`; an array: a dimension) and the table "matrix",
/// in the order of the file. Labels are set.
std::vector<Dimension> read_dimensions(TableReader& table, std::vector<Setting>& settings);

/// How many combinations there are; at most `most` + 1.
std::size_t count_combinations(const std::vector<Dimension>& dimensions, std::size_t most);

/// The alternatives of combination `index`, one of each dimension; the last dimension is fastest.
std::vector<const Alternative*> combination(const std::vector<Dimension>& dimensions,
                                            std::size_t index);

}  // namespace tokenlift
