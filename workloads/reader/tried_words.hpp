#pragma once
// What words of --set would make wrong with a scenario that is being read: for [tune] and [sweep],
// whose values are tried before anything runs.

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "workloads/text/mistake.hpp"

namespace tokenlift {

class TriedWords {
 public:
  /// What is wrong with the scenario once these words are added; [tune] and [sweep] are not read.
  using MistakesWith = std::function<std::vector<Mistake>(const std::vector<std::string>& words)>;
  explicit TriedWords(MistakesWith mistakes_with) : mistakes_with_(std::move(mistakes_with)) {}

  /// What is wrong with the words and is not without them.
  std::vector<Mistake> mistakes_of(const std::vector<std::string>& words);

 private:
  using Identity = std::tuple<std::string, int, int, std::string>;  // of a mistake

  MistakesWith mistakes_with_;
  std::optional<std::vector<Identity>> by_itself_;  // what is wrong without the words
};

}  // namespace tokenlift
