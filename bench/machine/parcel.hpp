#pragma once
// Fields of text and numbers as one string, for another process of the same program: numbers are
// their bits, so that what arrives is what was sent.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

class Parcel {
 public:
  Parcel& add(std::string_view text);
  Parcel& add(const std::vector<std::string>& texts);
  Parcel& add_number(std::uint64_t number);
  Parcel& add_real(double number);

  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// A parcel that was cut, or is of another kind.
class WrongParcel : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Takes the fields out in the order in which they were added. Every call throws WrongParcel where
/// the parcel has no such field.
class OpenedParcel {
 public:
  /// `bytes` stay in use.
  explicit OpenedParcel(std::string_view bytes) : bytes_(bytes) {}

  std::string text();
  std::vector<std::string> texts();
  std::uint64_t number();
  double real();

 private:
  std::string_view taken(std::uint64_t bytes);

  std::string_view bytes_;  // that are left
};

}  // namespace tokenlift
