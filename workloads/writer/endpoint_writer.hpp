#pragma once
// What engine http talks to as keys of TOML: endpoints, what tenants send there, calls. Where a key
// is found is written; the key itself is nowhere in a scenario.

#include "workloads/scenario/scenario.hpp"
#include "workloads/writer/toml_keys.hpp"

namespace tokenlift::writing {

/// Of a site.
void add_endpoint(const Endpoint& endpoint, TomlKeys& keys);

/// Of a tenant: its prompts and its credentials.
void add_sent(const Tenant& tenant, TomlKeys& keys);

TomlKeys keys_of(const Call& call);

}  // namespace tokenlift::writing
