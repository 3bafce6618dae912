#pragma once
// Reads [[job]]: internal work that takes replicas of a site.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class JobReader {
 public:
  /// `fleet` is as it was read; `fleet_sound`: nothing is wrong with it.
  JobReader(const FleetSettings& fleet, bool fleet_sound, std::optional<Engine> engine);

  Job read(TableReader& table);

 private:
  void check_places(TableReader& table, const Job& job);

  const FleetSettings& fleet_;
  bool fleet_sound_;
  std::optional<Engine> engine_;
  std::set<std::string> names_;
  std::vector<std::int64_t> taken_;  // replicas that jobs have, by site
};

/// Yielding to nobody is a mistake: some tenant must go before the job. `tables` are those of
/// `jobs`.
void check_yields(const std::vector<Job>& jobs, const std::vector<Tenant>& tenants,
                  std::vector<TableReader>& tables);

}  // namespace tokenlift
