#pragma once
// Whose requests they are: tenants by key or by name, users by what requests say, and what a
// request of a tenant comes to.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "bench/run/door.hpp"
#include "bench/serve/api_request.hpp"
#include "bench/serve/peer.hpp"
#include "workloads/requests/lengths.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/draw.hpp"

namespace tokenlift {

/// By key: the tenant's name, or empty.
using Keys = std::unordered_map<std::string, std::string>;

/// A key on each line, and behind it, after a blank, the tenant whose it is; `#` begins a comment.
/// Or what is wrong, in a line. No mistake quotes a key.
std::variant<Keys, std::string> parse_keys(std::string_view text, const Scenario& scenario);

class TenantDesk {
 public:
  explicit TenantDesk(const Scenario& scenario);

  /// The tenant of a key, else the one of that name (x-tenant), else the first. Nothing: nobody is
  /// called so.
  std::optional<std::uint32_t> find(const Keys& keys, const std::string& key,
                                    const std::string& name) const;
  /// The user of a tenant whom a request calls so. The first ones that call get places of their
  /// own, as many as the tenant has; others share them.
  std::uint64_t user(std::uint32_t tenant, const std::string& name);
  /// What the largest request may have, prompt and output together: the KV cache of the smallest
  /// site that may serve it.
  std::int64_t most_tokens(std::uint32_t tenant) const { return tenants_[tenant].most_tokens; }
  std::int64_t usual_max_tokens(std::uint32_t tenant) const;

  /// The request of a turn, with the next number of its tenant.
  IncomingRequest request_of(const Peer& peer);

 private:
  struct Desk {
    explicit Desk(const Tenant& tenant, std::uint64_t seed, std::uint64_t number);
    std::optional<LengthSampler> outputs;  // a trace has none
    Draws draws;
    std::int64_t most_tokens = 0;
    std::uint64_t count = 0;  // requests so far
    std::unordered_map<std::string, std::uint64_t> users;
  };
  const Scenario& scenario_;
  std::vector<Desk> tenants_;
};

}  // namespace tokenlift
