#pragma once
// What the body of a request asks for, in the dialects that clients speak.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tokenlift {

enum class Dialect : std::uint8_t { openai_chat, openai_completions, anthropic };

/// Of text whose tokens nobody counts: 4 bytes are one token, rounded up.
inline constexpr std::int64_t kBytesPerToken = 4;

struct ApiRequest {
  std::string model;
  std::string user;  ///< empty: not said
  std::int64_t prompt_tokens = 1;
  std::optional<std::int64_t> max_tokens;
  bool stream = false;
  bool include_usage = false;
  bool ignore_eos = false;
};

/// What is wrong with a body, and with which key of it (empty: with all of it).
struct ApiMistake {
  std::string text;
  std::string key;
};

/// JSON that can be read, without what stands between its signs: on one line.
std::string minified_json(std::string_view json);

class ApiReader {
 public:
  ApiReader();
  ~ApiReader();

  /// Prompts in token ids count themselves, text as said above; of messages all that is text. Keys
  /// that are not known are nobody's business.
  std::variant<ApiRequest, ApiMistake> read(Dialect dialect, std::string_view body);

  /// An event without 'at' as an inline table of TOML: what `--set event.N=` takes. Or what is
  /// wrong.
  std::variant<std::string, ApiMistake> event_table(std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tokenlift
