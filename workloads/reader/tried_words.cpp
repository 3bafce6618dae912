#include "workloads/reader/tried_words.hpp"

#include <algorithm>

namespace tokenlift {

std::vector<Mistake> TriedWords::mistakes_of(const std::vector<std::string>& words) {
  const auto identity_of = [](const Mistake& m) {
    return Identity(m.source, m.line, m.column, m.message);
  };
  if (!by_itself_) {
    by_itself_.emplace();
    for (const Mistake& each : mistakes_with_({})) by_itself_->push_back(identity_of(each));
  }
  std::vector<Mistake> mistakes = mistakes_with_(words);
  std::erase_if(mistakes, [&](const Mistake& each) {
    return std::ranges::find(*by_itself_, identity_of(each)) != by_itself_->end();
  });
  return mistakes;
}

}  // namespace tokenlift
