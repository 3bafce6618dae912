#pragma once
// The chunk that nearly all of a stream of OpenAI's dialect consists of, read in one pass.
//
// A general reader of JSON first finds all structure of a text, and then looks for each key. The
// usual chunk needs neither: its values are strings without escapes, numbers, and null, at known
// places. Whatever is not of that form, or says anything but text, is left to the general reader.

#include <optional>
#include <string_view>

namespace tokenlift {

struct UsualChunk {
  std::string_view content;    ///< delta.content or text, a view into the chunk; may be empty
  std::string_view reasoning;  ///< delta.reasoning or reasoning_content
};

/// What a chunk says, if it is one in which nothing else needs to be read:
///
///     {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[
///      {"index":0,"delta":{"role":"assistant","content":"
///      word"},"finish_reason":null}],"usage":null}
///
/// with one choice, keys in any order, and others beside them whose values are scalars; without
/// escapes and with ASCII alone; and with nothing that may be an error, usage, a refusal or a call
/// of a tool. Nothing: it may be anything.
std::optional<UsualChunk> read_usual_chunk(std::string_view chunk);

}  // namespace tokenlift
