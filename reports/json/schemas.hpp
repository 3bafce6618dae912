#pragma once
// The JSON Schemas of this folder as text; defined in a file that CMake writes from schemas.cpp.in
// and the files themselves.

#include <span>
#include <string_view>

namespace tokenlift {

struct SchemaText {
  std::string_view name;  ///< the file's, without its extensions: "run"
  std::string_view of;    ///< whose schema it is: "run.json"
  std::string_view text;
};

std::span<const SchemaText> embedded_schemas();

}  // namespace tokenlift
