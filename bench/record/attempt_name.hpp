#pragma once
// The name of an attempt at an endpoint, as its x-request-id says it: what a server's log and
// the client's own know the same attempt by.

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace tokenlift {

/// "tokenlift-SEED-TENANT-NUMBER-ATTEMPT"; tenants count from 0, attempts from 1.
inline std::string attempt_name(std::uint64_t seed, std::uint64_t tenant, std::uint64_t number,
                                std::uint64_t attempt) {
  return fmt::format("tokenlift-{}-{}-{}-{}", seed, tenant, number, attempt);
}

}  // namespace tokenlift
