#include "bench/wire/request_text.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "bench/wire/json_text.hpp"
#include "workloads/text/ascii.hpp"

namespace tokenlift {
namespace {

constexpr std::string_view kUserAgent = "tokenlift/" TOKENLIFT_VERSION;

bool is_field_named(const Header& header, std::string_view name) {
  return equals_ignoring_case(header.first, name);
}

// Fields that are written as they must be, whatever a scenario says. The first ones are so in all
// requests, the others in those that a run consists of.
constexpr std::array kOwnFields = std::to_array<std::string_view>(
    {"host", "content-length", "transfer-encoding", "x-request-id", "x-stainless-retry-count"});
constexpr std::size_t kOwnFieldsOfAll = 3;

/// Adds a field, unless one of its name is there, which came from somebody with more to say.
void add_field(std::vector<Header>& fields, std::string_view name, std::string_view value) {
  const bool is_there = std::any_of(fields.begin(), fields.end(), [name](const Header& field) {
    return is_field_named(field, name);
  });
  if (is_there) return;
  constexpr std::string_view kBreaks("\r\n\0", 3);
  if (name.empty() || name.find_first_of(kBreaks) != std::string_view::npos ||
      value.find_first_of(kBreaks) != std::string_view::npos) {
    throw std::invalid_argument("the header field " +
                                std::string(name.substr(0, name.find_first_of(kBreaks))) +
                                " holds a line break");
  }
  fields.emplace_back(name, value);
}

void add_fields_of_scenario(std::vector<Header>& fields, const std::vector<Header>& headers,
                            std::size_t own_fields) {
  for (const Header& header : headers) {
    for (std::size_t i = 0; i < own_fields; ++i) {
      if (is_field_named(header, kOwnFields[i])) {
        throw std::invalid_argument("the header field " + std::string(kOwnFields[i]) +
                                    " is not a scenario's to set");
      }
    }
    add_field(fields, header.first, header.second);
  }
}

std::string first_lines(std::string_view method, std::string_view path,
                        const std::vector<Header>& fields) {
  std::string head(method);
  head += ' ';
  head += path.empty() ? "/" : path;
  head += " HTTP/1.1\r\n";
  for (const auto& [name, value] : fields) head += name + ": " + value + "\r\n";
  return head;
}

std::string_view path_of(Api api) {
  switch (api) {
    case Api::openai_chat:
      return "/chat/completions";
    case Api::openai_completions:
      return "/completions";
    case Api::anthropic_messages:
      return "/messages";
  }
  return "";
}

/// What stands for the answer to a text where nobody has kept what came back: the same in each
/// further request of the conversation. Keys are numbers of requests: no text has this one.
std::uint64_t answer_key(std::uint64_t key) {
  return PromptSource::kSystemKey - 1 - key;
}

void append_number(std::string_view name, std::int64_t number, std::string& out) {
  out += ",\"";
  out += name;
  out += "\":";
  out += std::to_string(number);
}

}  // namespace

RequestWriter::RequestWriter(const Endpoint& endpoint, const Url& url, const Credentials& tenant,
                             std::string_view key, const PromptSource& prompts)
    : endpoint_(endpoint), prompts_(prompts) {
  std::vector<Header> fields;
  add_field(fields, "Host", url.host_field());
  add_fields_of_scenario(fields, tenant.headers, kOwnFields.size());
  add_fields_of_scenario(fields, endpoint.credentials.headers, kOwnFields.size());
  const bool is_anthropic = endpoint.api == Api::anthropic_messages;
  if (!key.empty() && is_anthropic) add_field(fields, "x-api-key", key);
  if (!key.empty() && !is_anthropic) {
    const Header bearer = bearer_field(key);
    add_field(fields, bearer.first, bearer.second);
  }
  if (is_anthropic) add_field(fields, "anthropic-version", "2023-06-01");
  add_field(fields, "User-Agent", kUserAgent);
  add_field(fields, "Accept", "text/event-stream, application/json");
  add_field(fields, "Content-Type", "application/json");
  head_ = first_lines("POST", url.path_below(path_of(endpoint.api)), fields);
  begin_ = "{\"model\":\"";
  append_json_text(endpoint.model, begin_);
  begin_ += '"';
}

void RequestWriter::write_messages(const RequestText& request, std::string& out) const {
  const std::string& system = prompts_.system_text();
  const bool is_anthropic = endpoint_.api == Api::anthropic_messages;
  if (is_anthropic && !system.empty()) out += ",\"system\":\"" + system + '"';
  out += ",\"messages\":[";
  if (!is_anthropic && !system.empty()) {
    out += R"({"role":"system","content":")" + system + "\"},";
  }
  const auto say = [this, &out](std::string_view role, std::uint64_t key, std::int64_t tokens) {
    out += R"({"role":")";
    out += role;
    out += R"(","content":")";
    prompts_.append_text(key, tokens, out);
    out += "\"},";
  };
  const std::int64_t own = request.prompt_tokens - prompts_.settings().system_tokens;
  if (request.turns.empty()) {
    out += R"({"role":"user","content":")";
    const std::int64_t rest = prompts_.append_blocks(request.blocks, request.block_tokens,
                                                     std::max<std::int64_t>(own, 1), out);
    if (rest > 0) {
      prompts_.append_text(request.key, rest, out);
    } else {
      out.pop_back();  // the space behind the last block
    }
    out += "\"},";
  }
  for (const SaidTurn& turn : request.turns) {
    say("user", turn.key, std::max<std::int64_t>(turn.tokens, 1));
    if (turn.answer != nullptr) {
      out += R"({"role":"assistant","content":")";
      out += *turn.answer;
      out += "\"},";
    } else if (turn.answer_tokens > 0) {
      say("assistant", answer_key(turn.key), turn.answer_tokens);
    }
  }
  out.back() = ']';
}

/// The same as one text, or as one list of token ids.
void RequestWriter::write_prompt(const RequestText& request, std::string& out) const {
  const bool is_ids = prompts_.settings().kind == PromptKind::token_ids;
  out += is_ids ? ",\"prompt\":[" : ",\"prompt\":\"";
  const auto say = [this, is_ids, &out](std::uint64_t key, std::int64_t tokens) {
    if (is_ids) {
      prompts_.append_ids(key, tokens, out);
    } else {
      prompts_.append_text(key, tokens, out);
      out += ' ';
    }
  };
  const std::int64_t system_tokens = prompts_.settings().system_tokens;
  if (is_ids) {
    say(PromptSource::kSystemKey, system_tokens);
  } else if (system_tokens > 0) {
    out += prompts_.system_text() + ' ';
  }
  if (request.turns.empty()) {
    const std::int64_t own = std::max<std::int64_t>(request.prompt_tokens - system_tokens, 1);
    const std::int64_t rest =
        prompts_.append_blocks(request.blocks, request.block_tokens, own, out);
    if (rest > 0) say(request.key, rest);
  }
  for (const SaidTurn& turn : request.turns) {
    say(turn.key, std::max<std::int64_t>(turn.tokens, 1));
    if (turn.answer != nullptr && !is_ids) {
      out.pop_back();  // it went on from the last letter of its prompt
      out += *turn.answer;
      out += ' ';
    } else if (turn.answer_tokens > 0) {
      say(answer_key(turn.key), turn.answer_tokens);
    }
  }
  out.back() = is_ids ? ']' : '"';
}

void RequestWriter::write_settings(const RequestText& request, std::string& out) const {
  const bool is_anthropic = endpoint_.api == Api::anthropic_messages;
  // OpenAI's newer models want max_completion_tokens and refuse both. What knows ignore_eos is no
  // model of OpenAI's, and of those servers all know max_tokens.
  const bool is_chat = endpoint_.api == Api::openai_chat;
  if (is_chat) append_number("max_completion_tokens", request.output_tokens, out);
  if (!is_chat || endpoint_.ignore_eos) append_number("max_tokens", request.output_tokens, out);
  if (endpoint_.ignore_eos && !is_anthropic) {
    append_number("min_tokens", request.output_tokens, out);
    out += R"(,"ignore_eos":true)";
  }
  out += R"(,"stream":true)";
  if (!is_anthropic) out += R"(,"stream_options":{"include_usage":true})";
  if (!request.user.empty()) {
    out += is_anthropic ? R"(,"metadata":{"user_id":")" : R"(,"user":")";
    append_json_text(request.user, out);
    out += is_anthropic ? "\"}" : "\"";
  }
}

void RequestWriter::write(const RequestText& request, std::string& out) const {
  out = begin_;
  if (endpoint_.api == Api::openai_completions) {
    write_prompt(request, out);
  } else {
    write_messages(request, out);
  }
  write_settings(request, out);
  out += '}';

  std::string head = head_;
  head += "x-request-id: ";
  head += request.request_id;
  head += "\r\nx-stainless-retry-count: " + std::to_string(std::max(request.attempt, 1U) - 1);
  head += "\r\nContent-Length: " + std::to_string(out.size()) + "\r\n\r\n";
  out.insert(0, head);
}

std::string plain_request(std::string_view method, const Url& url,
                          const std::vector<Header>& headers, std::string_view body) {
  std::vector<Header> fields;
  add_field(fields, "Host", url.host_field());
  add_fields_of_scenario(fields, headers, kOwnFieldsOfAll);
  add_field(fields, "User-Agent", kUserAgent);
  add_field(fields, "Accept", "*/*");
  if (!body.empty()) add_field(fields, "Content-Type", "application/json");
  std::string text = first_lines(method, url.path, fields);
  const bool has_body = !body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  if (has_body) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text += "\r\n";
  text += body;
  return text;
}

Header bearer_field(std::string_view key) {
  return {"Authorization", "Bearer " + std::string(key)};
}

std::string call_request(const Call& call, const Url& url, std::string_view key) {
  std::vector<Header> headers = call.credentials.headers;
  if (!key.empty()) headers.push_back(bearer_field(key));
  return plain_request(call.method, url, headers, call.body);
}

}  // namespace tokenlift
