#pragma once
// The body of an HTTP/1.1 message, freed from its framing.

#include <cstdint>
#include <string_view>

#include "bench/wire/response_head.hpp"

namespace tokenlift {

/// A pure state machine of 16 bytes: there is one for each stream. Any split of the bytes gives the
/// same data.
class Body {
 public:
  /// How strictly the lines between chunks are read. A client takes LF alone for CR LF, as curl
  /// does, and blanks behind a size. A server takes neither: who stands before it may have read
  /// them in another way, and where a request ends must be the same to both.
  enum class Lines : std::uint8_t { leniently, strictly };

  Body() = default;
  Body(ResponseHead::Framing framing, std::uint64_t length, Lines lines = Lines::leniently);

  enum class State : std::uint8_t { more, done, broken };
  /// Takes bytes from the front of `bytes` up to the next piece of data but one, and takes those
  /// away; `data` is the piece, a view into them (empty where there is none yet), whatever the
  /// state is. To be called again while `bytes` is not empty and the state is `more`. What is left
  /// once it is done is not of this message.
  State feed(std::string_view& bytes, std::string_view& data);

  /// The connection was closed: complete (`done`) only where that is how the body ends.
  State close() const;

 private:
  enum class Part : std::uint8_t {
    content,       // of stated length
    until_close,   //
    size,          // of a chunk, in hexadecimal digits
    extension,     // what else stands in that line
    size_end,      // its LF
    chunk,         //
    chunk_end,     // CR LF behind it
    chunk_end_lf,  //
    trailer,       // at the beginning of a line
    trailer_name,
    trailer_line,  // what follows its colon
    trailer_line_end,
    trailer_end,  // the LF of the empty line
    done,
    broken
  };
  State state() const;
  void take(std::string_view& bytes, std::string_view& data);
  bool take_usual_line(std::string_view& bytes);
  void step(char byte);
  bool is_misplaced(char byte) const;
  void step_in_size(char byte);
  void begin_chunk();

  std::uint64_t left_ = 0;        // of the content, or of the chunk
  std::uint16_t line_bytes_ = 0;  // of the line of a size, or of all trailers
  Part part_ = Part::done;
  Lines lines_ = Lines::leniently;
};

}  // namespace tokenlift
