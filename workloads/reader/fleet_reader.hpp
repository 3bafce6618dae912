#pragma once
// Reads [fleet] with its sites, and holds each site against its profile.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "workloads/reader/profile_reader.hpp"
#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// A site that is right by itself, and where it stands.
struct PlacedSite {
  Site site;
  Place table;
  Place kv_tokens;
  Place boot;
  Place power;
};

/// The keys of a battery, both required.
Battery read_battery(TableReader& table);

class FleetReader {
 public:
  /// `folder` is where relative paths begin; `engine` is nothing where it is not known; `given` are
  /// the profiles of the command line, `own` those of the scenario.
  FleetReader(Document& document, std::string folder, std::optional<Engine> engine,
              const std::vector<Profile>& given, ReadProfiles own);

  FleetSettings read(TableReader table);
  const std::vector<PlacedSite>& sound_sites() const { return sound_sites_; }

  /// The scenario's own profiles, and on engine virtual all that the sites use, so that the
  /// scenario means the same without the files and the program that it was read with. What their
  /// accelerators draw is left out where no site of theirs states power. By name; there must be no
  /// mistakes.
  std::vector<Profile> profiles_to_keep(const FleetSettings& fleet) const;

 private:
  Site read_site(TableReader& table, RouterPolicy router);
  void read_remote(TableReader& table, RouterPolicy router, Site& site);
  void read_replicas(TableReader& table, Site& site);
  bool is_remote() const { return engine_ && traits_of(*engine_).remote; }
  void check_remote(TableReader& table, std::vector<TableReader>& sites,
                    const FleetSettings& fleet);
  void read_course(TableReader& table, Site& site);
  std::optional<Failures> read_failures(TableReader& table);
  std::optional<Availability> read_available(TableReader& table);
  std::optional<PowerSettings> read_power(TableReader& table);
  void check_power(TableReader& table, const Site& site, const Profile& profile);
  void check_capacities(std::vector<TableReader>& tables, const std::vector<Site>& sites);
  const Profile* profile_named(const std::string& name) const;
  void check_profile(TableReader& table, const Site& site);
  void check_cost(TableReader& table, const Site& site, const Profile& profile);
  static bool check_memory(TableReader& table, const Site& site, const Profile& profile);

  Document& document_;
  std::string folder_;
  std::optional<Engine> engine_;
  const std::vector<Profile>& given_;
  ReadProfiles own_;
  std::set<std::string> site_names_;
  std::vector<PlacedSite> sound_sites_;
};

}  // namespace tokenlift
