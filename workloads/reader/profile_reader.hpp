#pragma once
// Reads the tables of profiles: those of a scenario, of a profile file, and the built-in ones.

#include <string>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/profile.hpp"

namespace tokenlift {

/// A built-in profile may state its decoder, and then needs no cost model; others need a cost
/// model.
enum class ProfileKind { builtin, stated };

/// The profile as far as it could be read; all that is wrong is noted.
Profile read_profile(TableReader table, std::string name, ProfileKind kind);

struct ReadProfiles {
  std::vector<Profile> sound;
  std::vector<std::string> broken;  ///< names of those with mistakes
};

/// The [profile.NAME] tables in `parent`, by name. Takes decoders over from the built-in profiles.
ReadProfiles read_profiles(TableReader& parent);

}  // namespace tokenlift
