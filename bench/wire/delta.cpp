#include "bench/wire/delta.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "bench/wire/json_text.hpp"
#include "bench/wire/usual_chunk.hpp"
#include "reports/text/utf8.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {
namespace {

namespace json = simdjson::ondemand;

constexpr std::size_t kMostMessageBytes = 200;
constexpr std::string_view kBlanks = " \t\r\n";

/// `text` on one line of printable UTF-8.
std::string printable(std::string_view text) {
  // No more is looked at than can be needed, with the character that is cut: bodies may be long.
  std::string line(text.substr(0, kMostMessageBytes + 4));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return kBlanks.find(c) != std::string_view::npos; },
      ' ');
  const std::string shown = visible(line);
  std::size_t end = 0;
  while (end < shown.size()) {
    const std::size_t bytes = character_bytes(std::string_view(shown).substr(end));
    if (end + bytes > kMostMessageBytes) break;
    end += bytes;
  }
  return shown.substr(0, end);
}

std::string_view first_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_first_of("\r\n"));
}

bool is_null(json::value& value) {
  json::json_type type;
  return value.type().get(type) == simdjson::SUCCESS && type == json::json_type::null;
}

/// A string, an array or an object that is not empty. False also where it is none of them.
bool says_something(json::value& value) {
  const std::string_view token = value.raw_json_token();
  if (token.empty()) return false;
  if (token[0] == '"') return token.size() > 1 && token[1] != '"';
  bool is_empty = true;
  if (token[0] == '[') {
    json::array array;
    if (value.get_array().get(array) || array.is_empty().get(is_empty)) return false;
  } else if (token[0] == '{') {
    json::object object;
    if (value.get_object().get(object) || object.is_empty().get(is_empty)) return false;
  }
  return !is_empty;
}

/// Calls `read(key, value)` for each field of an object; false where it is none, or no JSON, or
/// where `read` is false.
template <typename Read>
bool for_each_field(json::object& object, Read&& read) {
  for (auto each : object) {
    json::field field;
    if (std::move(each).get(field)) return false;
    json::value value = field.value();
    if (!read(field.key(), value)) return false;
  }
  return true;
}

template <typename Read>
bool read_object(json::value& value, Read&& read) {
  if (is_null(value)) return true;
  json::object object;
  return value.get_object().get(object) == simdjson::SUCCESS && for_each_field(object, read);
}

/// ... for each element of an array that is an object.
template <typename Read>
bool read_array(json::value& value, Read&& read) {
  if (is_null(value)) return true;
  json::array array;
  if (value.get_array().get(array)) return false;
  for (auto each : array) {
    json::value element;
    // NOLINTNEXTLINE(performance-move-const-arg): only of an rvalue it can be got
    if (std::move(each).get(element) || !read_object(element, read)) return false;
  }
  return true;
}

void read_count(json::value& value, std::int32_t& count) {
  std::int64_t number = 0;
  if (value.get_int64().get(number) || number < 0) return;  // null, or not said
  count = static_cast<std::int32_t>(
      std::min<std::int64_t>(number, std::numeric_limits<std::int32_t>::max()));
}

/// usage of OpenAI: {prompt_tokens, completion_tokens, prompt_tokens_details: {cached_tokens}}.
bool read_openai_usage(json::value& value, std::optional<Usage>& usage) {
  if (is_null(value)) return true;
  Usage& counts = usage.emplace();
  return read_object(value, [&counts](json::raw_json_string key, json::value& count) {
    if (key == "prompt_tokens") {
      read_count(count, counts.prompt_tokens);
    } else if (key == "completion_tokens") {
      read_count(count, counts.output_tokens);
    } else if (key == "prompt_tokens_details") {
      return read_object(count, [&counts](json::raw_json_string detail, json::value& tokens) {
        if (detail == "cached_tokens") read_count(tokens, counts.cached_tokens);
        return true;
      });
    }
    return true;
  });
}

/// usage of Anthropic: input_tokens leaves out what was read from or written to the cache.
bool read_anthropic_usage(json::value& value, std::optional<Usage>& usage) {
  if (is_null(value)) return true;
  std::int32_t input = -1;
  std::int32_t written = 0;
  Usage& counts = usage ? *usage : usage.emplace();
  const bool sound = read_object(value, [&](json::raw_json_string key, json::value& count) {
    if (key == "input_tokens") {
      read_count(count, input);
    } else if (key == "cache_creation_input_tokens") {
      read_count(count, written);
    } else if (key == "cache_read_input_tokens") {
      read_count(count, counts.cached_tokens);
    } else if (key == "output_tokens") {
      read_count(count, counts.output_tokens);
    }
    return true;
  });
  if (input >= 0) {
    const std::int64_t all =
        std::int64_t{input} + written + std::max<std::int64_t>(counts.cached_tokens, 0);
    counts.prompt_tokens = static_cast<std::int32_t>(
        std::min<std::int64_t>(all, std::numeric_limits<std::int32_t>::max()));
  }
  return sound;
}

void note_text(Delta& delta, json::value& value, bool is_output) {
  if (!says_something(value)) return;
  delta.has_text = true;
  delta.has_output |= is_output;
}

/// What goes into a conversation, where somebody keeps that. What is no sound string is left out.
void append_text(json::value& value, std::string* text) {
  std::string_view said;
  if (text == nullptr || value.get_string().get(said)) return;
  append_json_text(said, *text);
}

/// A delta or a message of OpenAI.
bool read_openai_message(json::value& value, Delta& delta, std::string* text) {
  return read_object(value, [&delta, text](json::raw_json_string key, json::value& part) {
    const bool is_content = key == "content";
    if (is_content || key == "refusal" || key == "tool_calls" || key == "function_call") {
      note_text(delta, part, true);
      if (is_content) append_text(part, text);
    } else if (key == "reasoning" || key == "reasoning_content") {
      note_text(delta, part, false);
    }
    return true;
  });
}

bool read_choices(json::value& value, Delta& delta, std::string* text) {
  return read_array(value, [&delta, text](json::raw_json_string key, json::value& part) {
    if (key == "delta" || key == "message") return read_openai_message(part, delta, text);
    if (key == "text") {
      note_text(delta, part, true);
      append_text(part, text);
    }
    return true;
  });
}

/// A delta, a block or an element of the content of Anthropic.
bool read_anthropic_part(json::raw_json_string key, json::value& part, Delta& delta,
                         std::string* text) {
  const bool is_text = key == "text";
  if (is_text || key == "partial_json") {
    note_text(delta, part, true);
    if (is_text) append_text(part, text);
  } else if (key == "thinking") {
    note_text(delta, part, false);
  }
  return true;
}

/// What the top of a JSON object says that may be an error, in the dialects that there are.
/// Views, good until the next text is read.
struct Said {
  std::string_view error;    ///< error, or its message
  std::string_view message;  ///< message or detail beside it
  std::string_view type;
  std::string_view object;
  bool has_error = false;
  bool has_body = false;  ///< what a reply of this API cannot be without

  bool is_error() const { return has_error || type == "error" || object == "error"; }
  std::string_view words() const { return error.empty() ? message : error; }
};

/// A string, or what else stands there as it stands.
std::string_view text_of(json::value& value) {
  std::string_view text;
  if (value.raw_json_token().starts_with('"')) {
    if (value.get_string().get(text)) return {};
  } else if (simdjson::to_json_string(value).get(text)) {
    return {};
  }
  return text;
}

/// error: null, a text, or {message, ...}.
bool read_error(json::value& value, Said& said) {
  json::json_type type;
  if (value.type().get(type)) return false;
  if (type == json::json_type::null) return true;
  said.has_error = true;
  if (type != json::json_type::object) {
    said.error = text_of(value);
    return true;
  }
  std::string_view kind;
  const bool sound = read_object(value, [&](json::raw_json_string key, json::value& part) {
    if (key == "message") said.error = text_of(part);
    if (key == "type") kind = text_of(part);
    return true;
  });
  if (said.error.empty()) said.error = kind;
  return sound;
}

/// The keys that errors have at the top. False where it is none of them.
bool is_error_key(json::raw_json_string key) {
  return key == "error" || key == "detail" || key == "type" || key == "object";
}

bool read_error_key(json::raw_json_string key, json::value& value, Said& said) {
  if (key == "error") return read_error(value, said);
  if (key == "type") {
    said.type = text_of(value);
  } else if (key == "object") {
    said.object = text_of(value);
  } else {
    said.message = text_of(value);
  }
  return true;
}

bool read_openai(json::object& object, Delta& delta, Said& said, std::string* text) {
  return for_each_field(object, [&](json::raw_json_string key, json::value& value) {
    if (key == "choices") {
      said.has_body = true;
      return read_choices(value, delta, text);
    }
    if (key == "usage") {
      said.has_body = true;
      return read_openai_usage(value, delta.usage);
    }
    if (key == "message") {
      said.message = text_of(value);
      return true;
    }
    return is_error_key(key) ? read_error_key(key, value, said) : true;
  });
}

bool read_anthropic(json::object& object, Delta& delta, Said& said, std::string* text) {
  const auto part = [&delta, text](json::raw_json_string key, json::value& value) {
    return read_anthropic_part(key, value, delta, text);
  };
  return for_each_field(object, [&](json::raw_json_string key, json::value& value) {
    if (key == "delta" || key == "content_block") return read_object(value, part);
    if (key == "usage") return read_anthropic_usage(value, delta.usage);
    if (key == "content") {
      said.has_body = true;
      return read_array(value, part);
    }
    if (key == "message") {
      json::json_type type;
      if (value.type().get(type)) return false;
      if (type != json::json_type::object) {
        said.message = text_of(value);
        return true;
      }
      return read_object(value, [&delta](json::raw_json_string inner, json::value& usage) {
        return inner == "usage" ? read_anthropic_usage(usage, delta.usage) : true;
      });
    }
    return is_error_key(key) ? read_error_key(key, value, said) : true;
  });
}

}  // namespace

struct DeltaReader::State {
  Api api = Api::openai_chat;
  json::parser parser;
  std::vector<char> padded;  // simdjson reads some bytes beyond the end

  /// Calls `read(object)` where `text` is a JSON object, and nothing else.
  template <typename Read>
  bool with_object(std::string_view text, Read&& read) {
    const std::size_t needed = text.size() + simdjson::SIMDJSON_PADDING;
    if (padded.size() < needed) padded.resize(2 * needed);
    std::memcpy(padded.data(), text.data(), text.size());
    std::memset(padded.data() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
    json::document document;
    json::object object;
    if (parser.iterate(padded.data(), text.size(), padded.size()).get(document)) return false;
    return !document.get_object().get(object) && read(object) &&
           document.current_location().error() == simdjson::OUT_OF_BOUNDS;  // nothing behind it
  }

  bool read(std::string_view data, Delta& delta, Said& said, std::string* text) {
    if (data.empty()) return false;
    return with_object(data, [&](json::object& object) {
      return api == Api::anthropic_messages ? read_anthropic(object, delta, said, text)
                                            : read_openai(object, delta, said, text);
    });
  }
};

DeltaReader::DeltaReader(Api api) : state_(std::make_unique<State>()) {
  state_->api = api;
}
DeltaReader::~DeltaReader() = default;

std::optional<Delta> DeltaReader::event(std::string_view name, std::string_view data,
                                        std::string* text) {
  Delta delta;
  if (data.starts_with("[DONE]") && data.find_first_not_of(kBlanks, 6) == std::string_view::npos) {
    delta.ends = true;
    return delta;
  }
  if (state_->api != Api::anthropic_messages && name != "error") {
    if (const auto usual = read_usual_chunk(data)) {
      delta.has_output = !usual->content.empty();
      delta.has_text = delta.has_output || !usual->reasoning.empty();
      if (text != nullptr) append_json_text(usual->content, *text);
      return delta;
    }
  }
  Said said;
  if (!state_->read(data, delta, said, text)) return std::nullopt;
  if (said.is_error() || name == "error") {
    delta.error = printable(said.words().empty() ? data : said.words());
    return delta;
  }
  if (state_->api != Api::anthropic_messages) {
    if (!said.has_body) return std::nullopt;
    return delta;
  }
  const std::string_view type = said.type.empty() ? name : said.type;
  if (type.empty()) return std::nullopt;
  delta.ends = type == "message_stop";
  return delta;
}

std::optional<Delta> DeltaReader::reply(std::string_view body, std::string* text) {
  Delta delta;
  Said said;
  if (!state_->read(body, delta, said, text)) return std::nullopt;
  if (said.is_error()) {
    delta.error = printable(said.words().empty() ? body : said.words());
    return delta;
  }
  if (!said.has_body) return std::nullopt;
  delta.ends = true;
  return delta;
}

std::string DeltaReader::error_text(std::string_view body) {
  Delta delta;
  Said said;
  const bool is_json = state_->read(body, delta, said, nullptr);
  return printable(is_json && !said.words().empty() ? said.words() : first_line(body));
}

}  // namespace tokenlift
