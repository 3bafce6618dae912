#pragma once
// Reads [tune]: what a search may change, and what it is to achieve.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/reader/tried_words.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class TuningReader {
 public:
  /// `scenario` is what all the other tables say.
  TuningReader(Document& document, const Scenario& scenario, const FigureMistake& figure_mistake,
               TriedWords& tried)
      : document_(document), scenario_(scenario), figure_mistake_(figure_mistake), tried_(tried) {}

  Tuning read(TableReader table);

 private:
  /// Where a parameter says what.
  struct Places {
    Place key;
    std::vector<Place> values;  ///< its choices, or min and max
  };

  void read_lift(TableReader& table);
  void read_parameter(TableReader& table);
  void read_key(TableReader& table, Parameter& parameter);
  void read_range(TableReader& table, Parameter& parameter);
  void read_end(TableReader& table, std::string_view key, std::optional<ParameterForm>& form,
                double& value);
  /// `sound_range`: nothing is wrong with min and max, so that they can be held against it.
  void read_scale(TableReader& table, Parameter& parameter, bool sound_range);
  void read_choices(TableReader& table, Parameter& parameter, Places& places);
  void check_values(const Parameter& parameter, const Places& places);
  bool check_value(const Parameter& parameter, double position, const Place& key_place,
                   const Place& place);
  void check_between(const Parameter& parameter, const Place& place);
  void check_lift_parameter(TableReader& table, const Parameter& parameter, const Places& places);
  void check_lift_parameters(TableReader& table);
  void read_objective(TableReader& table);
  void read_constraints(TableReader& table);
  /// With its phase; nothing, and a mistake, where there is no such figure, or none that can be
  /// held against the bound.
  std::optional<std::string> complete_path(const std::string& path, std::optional<double> bound,
                                           const Place& place);

  Document& document_;
  const Scenario& scenario_;
  const FigureMistake& figure_mistake_;
  TriedWords& tried_;
  Tuning tuning_;
};

}  // namespace tokenlift
