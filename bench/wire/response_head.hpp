#pragma once
// The head of an HTTP/1.1 response, from bytes that come in any pieces.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace tokenlift {

class ResponseHead {
 public:
  ResponseHead();
  ~ResponseHead();
  ResponseHead(ResponseHead&&) noexcept;
  ResponseHead& operator=(ResponseHead&&) noexcept;

  enum class State : std::uint8_t { more, done, broken };
  /// Takes bytes from the front of `bytes`, and takes those away. Informational responses (1xx) are
  /// skipped, but for a switch of protocols (101), which nobody asked for. Once it is done, what is
  /// left of `bytes` is of the body. At most 64 kB in all: more is broken.
  State feed(std::string_view& bytes);

  /// Once done:
  int status() const;
  /// The first field of that name, in any case; its value without the spaces around it.
  std::optional<std::string_view> field(std::string_view name) const;
  /// Visits every field.
  template <typename Visit>
  void for_each_field(Visit&& visit) const {
    for (std::size_t i = 0; i < field_count(); ++i) visit(field_name(i), field_value(i));
  }
  std::size_t field_count() const;
  std::string_view field_name(std::size_t i) const;
  std::string_view field_value(std::size_t i) const;

  /// How the body ends.
  enum class Framing : std::uint8_t { none, length, chunked, until_close };
  Framing framing() const;
  std::uint64_t content_length() const;  ///< framing length
  bool keep_alive() const;               ///< the connection can be used once more after the body

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace tokenlift
