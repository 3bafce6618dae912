#include "bench/wire/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "bench/machine/input_file.hpp"
#include "bench/wire/origin.hpp"
#include "workloads/scenario/scenario.hpp"
#include "workloads/text/ascii.hpp"
#include "workloads/text/secret.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kMostKeyBytes = std::size_t{16} << 10;  // servers take no longer heads

/// A line break in a head would begin another field.
std::string require_key(std::string_view text, std::string_view where) {
  std::string key(trimmed(text));
  if (key.empty()) throw EndpointError(fmt::format("{} is empty: it is to hold a key", where));
  if (key.size() > kMostKeyBytes) {
    throw EndpointError(
        fmt::format("{} holds no key: it has more than {} KiB", where, kMostKeyBytes >> 10));
  }
  if (!std::ranges::all_of(key, is_visible_ascii)) {
    throw EndpointError(fmt::format("{} holds no key: a key is one word of ASCII", where));
  }
  return key;
}

/// Of a file that may have no end, as devices have none. Throws EndpointError.
std::string first_line(const std::string& name) {
  constexpr std::size_t kPieceBytes = 4096;
  InputFile file(name);
  std::string text;
  std::size_t before = 0;
  do {
    before = text.size();
    file.append_to(text, kPieceBytes);
    if (const std::size_t end = text.find('\n', before); end != std::string::npos) {
      return text.substr(0, end);
    }
  } while (text.size() > before && text.size() <= kMostKeyBytes);  // the rest is not looked at
  if (file.error() == 0 && !text.empty()) return text;
  throw EndpointError(fmt::format(
      "no key can be read from the file '{}', which key_file names: {}", name,
      file.error() == 0 ? "it is empty" : std::generic_category().message(file.error())));
}

}  // namespace

std::string read_key(const Credentials& credentials) {
  if (!credentials.key_env.empty()) {
    const char* const value = std::getenv(credentials.key_env.c_str());
    if (value == nullptr) {
      throw EndpointError(
          fmt::format("the environment has no variable '{0}', which key_env names: export {0}=...",
                      credentials.key_env));
    }
    return require_key(value, fmt::format("the environment variable '{}'", credentials.key_env));
  }
  if (credentials.key_file.empty()) return "";
  return require_key(first_line(credentials.key_file),
                     fmt::format("the first line of '{}'", credentials.key_file));
}

std::string read_key(const Endpoint& endpoint, const Credentials& tenant) {
  return read_key(tenant.has_key() ? tenant : endpoint.credentials);
}

void Secrets::add(std::string_view secret) {
  if (secret.size() < kShortest) return;
  if (std::ranges::find(secrets_, secret) != secrets_.end()) return;
  secrets_.emplace_back(secret);
  // One may be a part of another.
  std::ranges::sort(secrets_, std::ranges::greater(), &std::string::size);
}

void Secrets::add(const std::vector<Header>& headers) {
  for (const auto& [name, value] : headers) {
    if (value.size() < kShortestUnnamed && !names_secret(name)) continue;
    add(value);
    // "Bearer KEY": the key may be quoted without its scheme.
    if (const std::size_t space = value.rfind(' '); space != std::string::npos) {
      add(std::string_view(value).substr(space + 1));
    }
  }
}

std::string Secrets::blank(std::string_view text) const {
  std::string blanked(text);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = 0; (at = blanked.find(secret, at)) != std::string::npos;) {
      blanked.replace(at, secret.size(), "***");
      at += 3;
    }
  }
  return without_secrets(blanked);
}

Secrets secrets_of(const Scenario& scenario) {
  Secrets secrets;
  const auto add = [&](const Credentials& credentials) {
    secrets.add(read_key(credentials));
    secrets.add(credentials.headers);
  };
  for (const Site& site : scenario.fleet.sites) {
    if (site.endpoint) add(site.endpoint->credentials);
  }
  for (const Tenant& tenant : scenario.tenants) add(tenant.credentials);
  for (const Event& event : scenario.events) {
    if (event.call) add(event.call->credentials);
  }
  return secrets;
}

}  // namespace tokenlift
