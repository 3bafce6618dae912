#pragma once
// For tests of readers: what is wrong with a text, and edits of a right one that make it so.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "workloads/text/mistake.hpp"

namespace tokenlift {

/// What is wrong with what `read` reads; empty where nothing is.
template <typename Read>
std::vector<Mistake> mistakes_of(const Read& read) {
  try {
    read();
  } catch (const ScenarioError& error) {
    return error.mistakes();
  }
  return {};
}

inline std::string listed(const std::vector<Mistake>& mistakes) {
  return mistakes.empty() ? "no mistake" : ScenarioError(mistakes).what();
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// `text` with the first `from` replaced, which has to be there.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// An edit of a right text that is a mistake, with what its message and advice have to say.
struct Edit {
  std::string from;
  std::string to;
  int line;
  std::string message;
  std::string advice;
};

inline void expect_found(const std::vector<Mistake>& mistakes, const Edit& edit) {
  const bool found = std::ranges::any_of(mistakes, [&](const Mistake& mistake) {
    return mistake.line == edit.line && contains(mistake.message, edit.message) &&
           contains(mistake.advice, edit.advice);
  });
  EXPECT_TRUE(found) << edit.from << " -> " << edit.to << "\n" << listed(mistakes);
}

}  // namespace tokenlift
