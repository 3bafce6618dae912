#include "bench/machine/parcel.hpp"

#include <bit>
#include <cstring>

namespace tokenlift {

Parcel& Parcel::add_number(std::uint64_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  bytes_.append(bytes, sizeof bytes);
  return *this;
}

Parcel& Parcel::add_real(double number) {
  return add_number(std::bit_cast<std::uint64_t>(number));
}

Parcel& Parcel::add(std::string_view text) {
  add_number(text.size());
  bytes_.append(text);
  return *this;
}

Parcel& Parcel::add(const std::vector<std::string>& texts) {
  add_number(texts.size());
  for (const std::string& text : texts) add(text);
  return *this;
}

std::string_view OpenedParcel::taken(std::uint64_t bytes) {
  if (bytes > bytes_.size()) throw WrongParcel("a message between ranks was cut");
  const std::string_view field = bytes_.substr(0, bytes);
  bytes_.remove_prefix(bytes);
  return field;
}

std::uint64_t OpenedParcel::number() {
  std::uint64_t number = 0;
  std::memcpy(&number, taken(sizeof number).data(), sizeof number);
  return number;
}

double OpenedParcel::real() {
  return std::bit_cast<double>(number());
}

std::string OpenedParcel::text() {
  return std::string(taken(number()));
}

std::vector<std::string> OpenedParcel::texts() {
  std::vector<std::string> texts;
  for (std::uint64_t left = number(); left > 0; --left) texts.push_back(text());
  return texts;
}

}  // namespace tokenlift
