#pragma once
// Dotted paths of keys and figures, as --set, suites and objectives write them: words that name a
// key or a thing, with full stops between them. A word that holds anything but letters, digits,
// spaces, '_' and '-' stands in quotes, as TOML writes it: tenant."gpt-4.1".slo.itl

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tokenlift {

/// A name as a word of a path: itself, or in quotes.
std::string path_word(std::string_view name);

/// What a word of a path names: the word without its quotes.
std::string name_of_word(std::string_view word);

/// The first of `characters` from `begin` on that is not in quotes; npos if there is none. `begin`
/// is not in quotes.
std::size_t find_outside_quotes(std::string_view path, std::string_view characters,
                                std::size_t begin = 0);

/// The word that begins at `begin`: up to the next full stop, or to the end.
std::string_view word_at(std::string_view path, std::size_t begin);

/// What each word of a path names, in order. At least one.
std::vector<std::string> names_in(std::string_view path);

}  // namespace tokenlift
