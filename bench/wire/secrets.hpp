#pragma once
// Keys, and where they must not be seen.

#include <string>
#include <string_view>
#include <vector>

#include "workloads/scenario/endpoint.hpp"

namespace tokenlift {

/// The key that the credentials name: the environment variable's value, or the first line of the
/// file; empty where they name none. Throws EndpointError, which names the variable or the file.
std::string read_key(const Credentials& credentials);
/// The key that a tenant's requests carry to an endpoint: the tenant's own goes before that of the
/// site.
std::string read_key(const Endpoint& endpoint, const Credentials& tenant);

/// What must not be seen in what is quoted.
class Secrets {
 public:
  /// Nothing shorter than this is blanked: it would be found everywhere.
  static constexpr std::size_t kShortest = 4;
  static constexpr std::size_t kShortestUnnamed = 8;  ///< of a header whose name does not say so

  void add(std::string_view secret);
  /// The values of all that may be secret.
  void add(const std::vector<Header>& headers);

  /// The text with "***" for each secret in it, and asterisks for what looks like one.
  std::string blank(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  // the longest first
};

/// All that a scenario holds, or names, for its endpoints and calls. Throws EndpointError.
Secrets secrets_of(const struct Scenario& scenario);

}  // namespace tokenlift
