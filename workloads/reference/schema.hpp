#pragma once
// The scenario language as a JSON Schema, with which editors check and complete TOML files.

#include <string>

namespace tokenlift {

/// Draft 7, of a scenario file. It knows every key, and what each may be; what keys mean to each
/// other only `tokenlift check` knows.
std::string scenario_schema();

}  // namespace tokenlift
