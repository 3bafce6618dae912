#pragma once
// Which known word was probably meant by one that is misspelt.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// The candidate nearest to `word` by edit distance, if it is near enough to be meant.
std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& candidates);

}  // namespace tokenlift
