#pragma once
// Reads [tune]: what a search may change, and what it is to achieve.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class TuningReader {
 public:
  /// What is wrong with the scenario once these words of --set are added; [tune] is not read.
  using MistakesWith = std::function<std::vector<Mistake>(const std::vector<std::string>& words)>;

  /// `scenario` is what all the other tables say.
  TuningReader(Document& document, const Scenario& scenario, const FigureMistake& figure_mistake,
               const MistakesWith& mistakes_with)
      : document_(document),
        scenario_(scenario),
        figure_mistake_(figure_mistake),
        mistakes_with_(mistakes_with) {}

  Tuning read(TableReader table);

 private:
  using Identity = std::tuple<std::string, int, int, std::string>;  // of a mistake

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
  /// Whether the tenant or throttle that the path names is there; a mistake is noted if not.
  bool names_are_known(const std::string& path, const Place& place);
  std::vector<Mistake> new_mistakes(const std::vector<std::string>& words);

  Document& document_;
  const Scenario& scenario_;
  const FigureMistake& figure_mistake_;
  const MistakesWith& mistakes_with_;
  Tuning tuning_;
  std::optional<std::vector<Identity>> by_itself_;  // what is wrong without the words
};

}  // namespace tokenlift
