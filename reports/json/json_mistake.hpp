#pragma once
// What is wrong with a text that a quicker reader could not read as JSON.

#include <string>
#include <string_view>

namespace tokenlift {

/// Where the text ceases to be JSON, and how: "line 2, column 14: is not JSON". Empty where nothing
/// is wrong with it. Takes as long as reading all of it.
std::string json_mistake(std::string_view text);

}  // namespace tokenlift
