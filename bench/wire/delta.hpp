#pragma once
// What an event of a stream, or a whole reply, says: text, usage, an end or an error.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "workloads/scenario/endpoint.hpp"

namespace tokenlift {

struct Usage {
  std::int32_t prompt_tokens = -1;  ///< negative: not said
  std::int32_t cached_tokens = -1;
  std::int32_t output_tokens = -1;  ///< so far (Anthropic), or in all
};

struct Delta {
  bool has_text = false;             ///< output text, or reasoning
  bool has_output = false;           ///< output text
  bool ends = false;                 ///< the stream is complete: [DONE] or message_stop
  std::optional<Usage> usage;        ///< null and missing parts are not said
  std::optional<std::string> error;  ///< an error in a 200: its message, 200 bytes at most
};

/// Reads deltas. One serves all streams of an API: it keeps nothing from one to the next but
/// memory.
class DeltaReader {
 public:
  explicit DeltaReader(Api api);
  ~DeltaReader();

  /// One event; nothing where it is not JSON, or not what the API sends. Where `text` is not null
  /// the output text is appended to it as the inside of a JSON string: not reasoning, tool calls
  /// and refusals, nor content that is no string.
  std::optional<Delta> event(std::string_view name, std::string_view data,
                             std::string* text = nullptr);
  /// A whole reply that is no stream.
  std::optional<Delta> reply(std::string_view body, std::string* text = nullptr);
  /// What the body of a refusal or a failure says: the error's message, else the first line of it,
  /// 200 bytes at most, in printable UTF-8.
  std::string error_text(std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tokenlift
