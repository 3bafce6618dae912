#pragma once
// What tests know of the project that they are in.

#include <string>

namespace tokenlift {

/// The folder of the project's sources, for tests that read files of it.
std::string source_folder();

}  // namespace tokenlift
