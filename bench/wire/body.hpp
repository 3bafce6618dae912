#pragma once
// The body of an HTTP/1.1 message, freed from its framing.

#include <cstdint>
#include <string_view>

#include "bench/wire/response_head.hpp"

namespace tokenlift {

/// A pure state machine of a few bytes: there is one for each stream. Any split of the bytes gives
/// the same data.
class Body {
 public:
  Body() = default;
  Body(ResponseHead::Framing framing, std::uint64_t length);

  enum class State : std::uint8_t { more, done, broken };
  /// Takes bytes from the front of `bytes` up to the next piece of data, and takes those away;
  /// `data` is that piece, a view into them (empty where there is none yet). To be called again
  /// while `bytes` is not empty and the state is `more`.
  State feed(std::string_view& bytes, std::string_view& data);

  /// The connection was closed: complete (`done`) only where that is how the body ends.
  State close() const;

 private:
  enum class Part : std::uint8_t {
    data,
    until_close,
    size,
    extension,
    size_end,
    data_end,
    data_line_end,
    trailer,
    trailer_end,
    done,
    broken
  };
  std::uint64_t left_ = 0;  // of the content, or of the chunk
  std::uint8_t digits_ = 0;
  std::uint8_t trailer_bytes_ = 0;
  bool chunked_ = false;
  Part part_ = Part::done;
};

}  // namespace tokenlift
