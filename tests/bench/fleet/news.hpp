#pragma once
// News by its kind.

#include <span>
#include <vector>

#include "bench/record/request.hpp"

namespace tokenlift {

inline std::vector<News> of_kind(NewsKind kind, std::span<const News> all) {
  std::vector<News> some;
  for (const News& news : all) {
    if (news.kind == kind) some.push_back(news);
  }
  return some;
}

}  // namespace tokenlift
