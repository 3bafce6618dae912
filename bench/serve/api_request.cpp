#include "bench/serve/api_request.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "bench/wire/json_text.hpp"
#include "reports/json/json_mistake.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift {

namespace json = simdjson::dom;

namespace {

/// Thrown within this file.
struct Wrong {
  ApiMistake mistake;
};

[[noreturn]] void refuse(std::string text, std::string_view key = {}) {
  throw Wrong{{std::move(text), std::string(key)}};
}

constexpr std::int64_t kMostTokens = 1'000'000'000;
/// Of a body that is not JSON the place is looked for up to this size: others wait meanwhile.
constexpr std::size_t kMostLookedAt = 65'536;

/// Of the place of a key, which the client has written, bytes that an answer shows.
constexpr std::size_t kMostShown = 200;

std::int64_t tokens_of(std::int64_t bytes) {
  return (bytes + kBytesPerToken - 1) / kBytesPerToken;
}

/// Null counts as not said.
std::optional<json::element> find(json::object object, std::string_view key) {
  json::element value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

std::optional<bool> flag(json::object object, std::string_view key) {
  const auto value = find(object, key);
  if (!value) return std::nullopt;
  bool on = false;
  if (value->get(on) != simdjson::SUCCESS) refuse(fmt::format("'{}' is true or false", key), key);
  return on;
}

std::optional<std::int64_t> whole(json::object object, std::string_view key) {
  const auto value = find(object, key);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  if (value->get(number) != simdjson::SUCCESS || number < 1 || number > kMostTokens) {
    refuse(fmt::format("'{}' is a whole number from 1 to {}", key, kMostTokens), key);
  }
  return number;
}

std::string text(json::object object, std::string_view key) {
  const auto value = find(object, key);
  if (!value) return {};
  std::string_view said;
  if (value->get(said) != simdjson::SUCCESS) refuse(fmt::format("'{}' is a string", key), key);
  return std::string(said);
}

/// Of a string, or of the text in an array of parts; what is no text counts nothing.
std::int64_t text_bytes(const json::element& content, std::string_view key) {
  std::string_view said;
  if (content.get(said) == simdjson::SUCCESS) return static_cast<std::int64_t>(said.size());
  json::array parts;
  if (content.is_null()) return 0;
  if (content.get(parts) != simdjson::SUCCESS) {
    refuse(fmt::format("'{}' is a string, or an array of parts", key), key);
  }
  std::int64_t bytes = 0;
  for (const json::element part : parts) {
    json::object object;
    if (part.get(object) != simdjson::SUCCESS)
      refuse(fmt::format("a part of '{}' is an object", key), key);
    if (object.at_key("text").get(said) == simdjson::SUCCESS) {
      bytes += static_cast<std::int64_t>(said.size());
    }
  }
  return bytes;
}

std::int64_t message_tokens(json::object body) {
  const auto value = find(body, "messages");
  json::array messages;
  if (!value || value->get(messages) != simdjson::SUCCESS || messages.size() == 0) {
    refuse("'messages' is an array of messages, with one at least", "messages");
  }
  std::int64_t bytes = 0;
  for (const json::element message : messages) {
    json::object object;
    if (message.get(object) != simdjson::SUCCESS) refuse("a message is an object", "messages");
    std::string_view role;
    if (object.at_key("role").get(role) != simdjson::SUCCESS) {
      refuse("a message has a 'role'", "messages");
    }
    if (const auto content = find(object, "content")) bytes += text_bytes(*content, "content");
  }
  if (const auto system = find(body, "system")) bytes += text_bytes(*system, "system");
  return tokens_of(bytes);
}

/// A string, an array of token ids, or an array that holds one of these.
std::int64_t prompt_tokens(const json::element& prompt) {
  std::string_view said;
  if (prompt.get(said) == simdjson::SUCCESS)
    return tokens_of(static_cast<std::int64_t>(said.size()));
  json::array array;
  if (prompt.get(array) != simdjson::SUCCESS) {
    refuse("'prompt' is a string, or an array of token ids", "prompt");
  }
  std::int64_t ids = 0;
  for (const json::element each : array) {
    if (!each.is_int64()) {
      if (array.size() == 1) return prompt_tokens(each);
      refuse("one prompt in a request, please: a string, or an array of token ids", "prompt");
    }
    ++ids;
  }
  return ids;
}

/// Who reads an object with a key twice takes the first value or the last one, and its neighbour
/// the other. `place`: what leads to the value: "messages[0]".
void refuse_repeated_keys(const json::element& value, std::string& place) {
  const std::size_t here = place.size();
  if (value.is_array()) {
    std::size_t index = 0;
    for (const json::element each : json::array(value)) {
      if (each.is_object() || each.is_array()) {
        fmt::format_to(std::back_inserter(place), "[{}]", index);
        refuse_repeated_keys(each, place);
        place.resize(here);
      }
      ++index;
    }
    return;
  }
  if (!value.is_object()) return;
  std::vector<std::string_view> keys;
  for (const auto& [key, its] : json::object(value)) {
    keys.push_back(key);
    if (!its.is_object() && !its.is_array()) continue;
    if (here > 0) place += '.';
    place += key;
    refuse_repeated_keys(its, place);
    place.resize(here);
  }
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice == keys.end()) return;
  if (here > 0) place += '.';
  place += *twice;
  const std::string_view shown = beginning_of(place, kMostShown);
  refuse(fmt::format("'{}' is there twice", shown), shown);
}

void append_toml(const json::element& value, std::string& out);

void append_toml(json::object object, std::string& out) {
  out += "{ ";
  bool first = true;
  for (const auto& [key, value] : object) {
    if (!std::exchange(first, false)) out += ", ";
    out += '"';
    append_json_text(key, out);
    out += "\" = ";
    append_toml(value, out);
  }
  out += " }";
}

void append_toml(const json::element& value, std::string& out) {
  switch (value.type()) {
    case json::element_type::OBJECT:
      append_toml(json::object(value), out);
      return;
    case json::element_type::ARRAY: {
      out += '[';
      bool first = true;
      for (const json::element each : json::array(value)) {
        if (!std::exchange(first, false)) out += ", ";
        append_toml(each, out);
      }
      out += ']';
      return;
    }
    case json::element_type::STRING:
      out += '"';
      append_json_text(std::string_view(value), out);
      out += '"';
      return;
    case json::element_type::DOUBLE:
      out += format_number(double(value));
      return;
    case json::element_type::INT64:
      out += fmt::format("{}", std::int64_t(value));
      return;
    case json::element_type::UINT64:
      out += fmt::format("{}", std::uint64_t(value));
      return;
    case json::element_type::BOOL:
      out += bool(value) ? "true" : "false";
      return;
    case json::element_type::NULL_VALUE:
      refuse("null says nothing: leave the key out");
  }
}

}  // namespace

struct ApiReader::State {
  json::object parse(std::string_view body) {
    json::element root;
    const auto error = parser.parse(body.data(), body.size(), true).get(root);
    if (error != simdjson::SUCCESS) {
      const std::string place = body.size() <= kMostLookedAt ? json_mistake(body) : "";
      refuse(fmt::format("the body is not JSON: {}",
                         place.empty() ? simdjson::error_message(error) : place));
    }
    json::object object;
    if (root.get(object) != simdjson::SUCCESS) refuse("the body is not an object of JSON");
    std::string place;
    refuse_repeated_keys(root, place);
    return object;
  }
  json::parser parser;
};

ApiReader::ApiReader() : state_(std::make_unique<State>()) {}
ApiReader::~ApiReader() = default;

std::variant<ApiRequest, ApiMistake> ApiReader::read(Dialect dialect, std::string_view body) {
  try {
    const json::object object = state_->parse(body);
    ApiRequest request;
    request.model = text(object, "model");
    if (request.model.empty()) refuse("'model' is missing", "model");
    request.user = text(object, "user");
    request.stream = flag(object, "stream").value_or(false);
    request.ignore_eos = flag(object, "ignore_eos").value_or(false);
    if (whole(object, "n").value_or(1) != 1) refuse("'n' can only be 1", "n");
    request.max_tokens = whole(object, "max_tokens");
    if (const auto newer = whole(object, "max_completion_tokens")) request.max_tokens = newer;
    if (const auto options = find(object, "stream_options")) {
      json::object its;
      if (options->get(its) != simdjson::SUCCESS)
        refuse("'stream_options' is an object", "stream_options");
      request.include_usage = flag(its, "include_usage").value_or(false);
    }
    if (dialect == Dialect::anthropic) {
      if (!request.max_tokens) refuse("'max_tokens' is missing", "max_tokens");
      if (const auto metadata = find(object, "metadata")) {
        json::object its;
        if (metadata->get(its) == simdjson::SUCCESS) request.user = text(its, "user_id");
      }
    }
    if (dialect == Dialect::openai_completions) {
      const auto prompt = find(object, "prompt");
      if (!prompt) refuse("'prompt' is missing", "prompt");
      request.prompt_tokens = prompt_tokens(*prompt);
    } else {
      request.prompt_tokens = message_tokens(object);
    }
    request.prompt_tokens = std::max<std::int64_t>(request.prompt_tokens, 1);
    return request;
  } catch (const Wrong& wrong) {
    return wrong.mistake;
  }
}

std::string minified_json(std::string_view json) {
  std::string out(json.size() + simdjson::SIMDJSON_PADDING, '\0');
  std::size_t bytes = 0;
  if (simdjson::minify(json.data(), json.size(), out.data(), bytes) != simdjson::SUCCESS) return {};
  out.resize(bytes);
  return out;
}

std::variant<std::string, ApiMistake> ApiReader::event_table(std::string_view body) {
  try {
    std::string table;
    const json::object event = state_->parse(body);
    if (event.at_key("at").error() == simdjson::SUCCESS) {
      refuse("an event begins at once: leave 'at' out", "at");
    }
    append_toml(event, table);
    return table;
  } catch (const Wrong& wrong) {
    return wrong.mistake;
  }
}

}  // namespace tokenlift
