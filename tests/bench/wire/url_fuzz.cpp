// URLs: what is taken has a host that can be written into the head of a request, and no more.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "bench/wire/url.hpp"
#include "tests/fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenlift;
  const auto read = parse_url(as_text(data, size));
  const Url* const url = std::get_if<Url>(&read);
  if (url == nullptr) {
    fuzz_check(!std::get<std::string>(read).empty());
    return 0;
  }
  fuzz_check(!url->host.empty() && url->port > 0);
  fuzz_check(url->path.empty() || url->path.starts_with('/'));
  for (const std::string& text : {url->host_field(), url->path_below("/v1/models")}) {
    for (const char c : text) fuzz_check(static_cast<unsigned char>(c) > ' ' && c != 0x7f);
  }
  return 0;
}
