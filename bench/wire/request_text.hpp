#pragma once
// The bytes of a request to an endpoint.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/wire/prompt.hpp"
#include "bench/wire/url.hpp"
#include "workloads/scenario/endpoint.hpp"

namespace tokenlift {

/// One turn of a conversation that the endpoint is to know, in their order.
struct SaidTurn {
  std::uint64_t key = 0;           ///< of the text that the user said
  std::int64_t tokens = 0;         ///< of it; those of the system prompt are not among them
  std::int64_t answer_tokens = 0;  ///< that came back; 0 for the last turn
  /// What came back, as the inside of a JSON string; null: synthetic text stands for it, as long as
  /// the answer was. Not sent where prompts are token ids.
  std::shared_ptr<const std::string> answer = nullptr;
};

struct RequestText {
  std::uint64_t key = 0;           ///< of the prompt's text: the request's number
  std::int64_t prompt_tokens = 0;  ///< in all; the system prompt counts. Not used with turns
  std::int64_t output_tokens = 0;  ///< max_tokens, and min_tokens with ignore_eos
  std::vector<SaidTurn> turns;     ///< of a session, the last one is this request; empty: none
  std::span<const std::uint64_t> blocks;  ///< that the prompt begins with, of a trace; no turns
  std::int64_t block_tokens = 0;          ///< in each of them
  std::string_view request_id;            ///< x-request-id
  std::uint32_t attempt = 1;              ///< x-stainless-retry-count is attempt - 1
  std::string_view user;                  ///< empty: not said
};

/// Writes requests of one tenant to one endpoint. What does not change from one to the next is
/// written once.
class RequestWriter {
 public:
  /// `key` is the secret itself, or empty. It goes into the head (Authorization: Bearer, or
  /// x-api-key) and nowhere else. Headers of the tenant win over those of the endpoint, and these
  /// over the fields that are usual. Throws std::invalid_argument, which says the name and not the
  /// value, for a field that holds a line break or
  /// that is not a scenario's to set (host, content-length, ...).
  RequestWriter(const Endpoint& endpoint, const Url& url, const Credentials& tenant,
                std::string_view key, const PromptSource& prompts);

  /// Head and body, into `out` (which is emptied first). Streams, and asks for usage. Text of the
  /// same key is the same in whatever turn it stands: what the server knows of a conversation is
  /// the beginning of its next request.
  void write(const RequestText& request, std::string& out) const;

 private:
  void write_messages(const RequestText& request, std::string& out) const;
  void write_prompt(const RequestText& request, std::string& out) const;
  void write_settings(const RequestText& request, std::string& out) const;

  const Endpoint& endpoint_;
  const PromptSource& prompts_;
  std::string head_;   // up to and with the fields that are always the same
  std::string begin_;  // of the body, with the model
};

/// A request with a body of the caller's, or none: GET /v1/models, a scrape, a call. Throws as
/// RequestWriter does.
std::string plain_request(std::string_view method, const Url& url,
                          const std::vector<Header>& headers, std::string_view body);

/// The field that carries a key, but to Anthropic's API.
Header bearer_field(std::string_view key);

/// The request of a call to `url`. `key` is the secret itself, or empty. Throws as RequestWriter
/// does.
std::string call_request(const Call& call, const Url& url, std::string_view key);

}  // namespace tokenlift
