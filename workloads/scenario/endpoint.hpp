#pragma once
// What engine http talks to, and what it says there. Secrets are named here, never held: a key is
// read from the environment or from a file when the run begins.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenlift {

enum class Api { openai_chat, openai_completions, anthropic_messages };
/// Where a request goes that an endpoint refuses: back to its client, or to the next site.
enum class OnRefusal { client, next_site };
enum class PromptKind {
  text,       ///< words, as many as the stated tokens need
  token_ids,  ///< exact (openai_completions, where the server takes them)
  file        ///< lines of a file, in turn by seed and number
};

using Header = std::pair<std::string, std::string>;  ///< name and value

/// Where the key of a request is found, and what else its head says.
struct Credentials {
  std::string key_env;          ///< an environment variable; empty: none
  std::string key_file;         ///< a file whose first line it is; empty: none
  std::vector<Header> headers;  ///< a tenant's win over a site's of the same name
  bool has_key() const { return !key_env.empty() || !key_file.empty(); }
  bool operator==(const Credentials&) const = default;
};

struct Endpoint {
  std::string url;  ///< http or https, with the path before the API's own: http://127.0.0.1:8000/v1
  Api api = Api::openai_chat;
  std::string model;
  Credentials credentials;
  std::int64_t connect_timeout_ns = 5'000'000'000;
  std::int64_t first_byte_timeout_ns = 120'000'000'000;  ///< from the request to its status line
  std::int64_t between_timeout_ns = 60'000'000'000;      ///< from one read to the next
  std::string ca_file;      ///< certificates to trust beside the system's; empty: none
  bool ignore_eos = false;  ///< asks for exactly the stated output (ignore_eos and min_tokens)
  std::string metrics_url;  ///< scraped once a second; empty: not
  OnRefusal on_refusal = OnRefusal::client;
  bool operator==(const Endpoint&) const = default;
};

/// What the prompts of a tenant are made of.
struct Prompts {
  PromptKind kind = PromptKind::text;
  std::string file;                ///< kind file: JSON Lines, each {"prompt": "..."} or a string
  std::int64_t system_tokens = 0;  ///< a system prompt, the same for all requests of the tenant
  bool operator==(const Prompts&) const = default;
};

/// A request to whoever throws the switch.
struct Call {
  std::string method = "POST";
  std::string url;
  std::string body;
  Credentials credentials;    ///< its key is sent as a bearer's (Authorization)
  std::int64_t expect = 200;  ///< the status that it must have; anything else ends the run
  bool operator==(const Call&) const = default;
};

}  // namespace tokenlift
