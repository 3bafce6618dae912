#pragma once
// Reads what engine http talks to: of a site its endpoint, of a tenant its prompts, of both, and of
// a call, their keys and headers. A secret is a mistake wherever it stands; where it can be found
// is read.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Keys of a site that only an endpoint has,
inline constexpr auto kEndpointKeys =
    std::to_array<std::string_view>({"url", "api", "model", "key_env", "key_file", "headers",
                                     "timeouts", "tls", "ignore_eos", "metrics", "on_refusal"});
/// and keys of a tenant that say what it sends there.
inline constexpr auto kSentKeys = std::to_array<std::string_view>(
    {"prompts", "system_prompt_tokens", "key_env", "key_file", "headers"});

/// Who writes the other headers of a request.
enum class HeadersOf { site_or_tenant, call };

/// The key is a URL that a request can be sent to; empty, and a mistake unless the key is absent,
/// where it is none.
std::string read_url(TableReader& table, std::string_view key);

/// Where the key is found, and headers in the order of their names. `folder` is where relative
/// paths begin. A mistake for each key that would be a secret.
Credentials read_credentials(TableReader& table, const std::string& folder, HeadersOf of);

/// `folder` is as above.
Endpoint read_endpoint(TableReader& site, const std::string& folder);

/// Into `tenant`, which has its lengths (right by themselves where `lengths_sound`) and its sites.
/// `sites` are those of the fleet.
void read_sent(TableReader& table, const std::string& folder, const std::vector<Site>& sites,
               bool lengths_sound, Tenant& tenant);

}  // namespace tokenlift
