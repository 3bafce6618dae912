#pragma once
// Reads [[tenant]]: which requests a group of users asks, and how these users behave.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "workloads/reader/arrivals_reader.hpp"
#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

class TenantReader {
 public:
  TenantReader(Document& document, std::string folder);

  /// `sites` are those of the fleet; `engine` is nothing where it is not known.
  Tenant read(TableReader& table, const std::vector<Site>& sites, std::optional<Engine> engine);

  /// The tenants whose sizes are right by themselves.
  const std::vector<Tenant>& sized() const { return sized_; }
  const std::vector<std::string>& names() const { return names_; }
  /// The first `load`, and whether another tenant's arrivals are no load.
  const std::optional<Place>& load_place() const { return load_place_; }
  bool some_by_rate() const { return some_by_rate_; }

 private:
  void read_lengths_of(TableReader& table, Tenant& tenant);
  void read_max_tokens(TableReader& table, Tenant& tenant);
  std::optional<Sessions> read_sessions(TableReader table);
  Slo read_slo(TableReader table);
  Retry read_retry(TableReader table);
  void check_users(TableReader& table, const Tenant& tenant);

  Document& document_;
  std::string folder_;
  ArrivalsReader arrivals_reader_;
  std::vector<Tenant> sized_;
  std::vector<std::string> names_;
  std::set<std::string> taken_;  // the same names
  std::optional<Place> load_place_;
  bool some_by_rate_ = false;
  std::int64_t users_ = 0;  // of all tenants so far
};

}  // namespace tokenlift
