#pragma once
// Keys and passwords in texts that people write: they are told from other text by where they stand
// and by what they look like, so that they are neither taken nor shown.

#include <string>
#include <string_view>

namespace tokenlift {

/// `text` with an asterisk for each character of what looks like a secret: the value of a name like
/// "Authorization" or "api_key" (NAME = "VALUE", NAME=VALUE or "NAME": "VALUE"; behind `key` only
/// where it has no full stop, which the keys of a scenario have; a variable of a shell is none),
/// what begins like the keys of providers ("sk-...", "Bearer ..."), and what stands before the '@'
/// of a URL. As many characters as before, so that places in it stay what they are.
std::string without_secrets(std::string_view text);

/// Some of it looks like a secret.
inline bool holds_secret(std::string_view text) {
  return without_secrets(text) != text;
}

/// Names whose values are secrets, whatever they look like: of headers, keys, parameters of URLs.
bool names_secret(std::string_view name);

}  // namespace tokenlift
