#pragma once
// The text of the built-in scenarios, suites and profiles; defined in a file that CMake writes from
// embedded.cpp.in and the files themselves.

#include <span>
#include <string_view>

namespace tokenlift {

struct EmbeddedText {
  std::string_view name;  ///< the file's, without its extension
  std::string_view text;
};

std::span<const EmbeddedText> embedded_scenarios();  ///< by name
std::span<const EmbeddedText> embedded_suites();     ///< by name
std::span<const EmbeddedText> embedded_profiles();   ///< by name

}  // namespace tokenlift
