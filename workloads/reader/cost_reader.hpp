#pragma once
// Reads what a site costs: price, electricity, carbon.

#include <optional>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/cost.hpp"
#include "workloads/scenario/profile.hpp"

namespace tokenlift {

/// The keys of a site's table that say what it costs; nothing where there is none. `engine` is
/// nothing where it is not known; `profile` is that of the site, null where there is none of that
/// name.
std::optional<SiteCost> read_cost(TableReader& site, std::optional<Engine> engine,
                                  const Profile* profile);

/// Of a site that is no part of a simulated fleet: a mistake for each of those keys.
void refuse_cost(TableReader& site, Engine engine);

}  // namespace tokenlift
