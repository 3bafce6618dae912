#pragma once
// Reads [sweep] of a scenario, and the table `sweep` of a case of a suite.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/reader/tried_words.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/tuning/swept_key.hpp"

namespace tokenlift {

class SweepReader {
 public:
  /// `scenario` is what all the other tables say. Without `figure_mistake` paths stay as they are
  /// written and no value is tried: the scenario is then read for a single run.
  SweepReader(Document& document, const Scenario& scenario, const FigureMistake& figure_mistake,
              TriedWords& tried)
      : document_(document), scenario_(scenario), figure_mistake_(figure_mistake), tried_(tried) {}

  Sweeping read(TableReader table);

 private:
  void read_over(TableReader& table);
  void read_finds(TableReader& table);
  void read_objectives(TableReader& table);
  void read_figures(TableReader& table);
  void read_effort(TableReader& table);
  /// Notes what is wrong with the word, or with one of the values that it stands for. Its key and
  /// values; nothing where something is wrong, or no value is tried.
  std::optional<SweptKey> check(const std::string& word, bool is_range, const Place& place);

  Document& document_;
  const Scenario& scenario_;
  const FigureMistake& figure_mistake_;
  TriedWords& tried_;
  Sweeping sweeping_;
};

}  // namespace tokenlift
