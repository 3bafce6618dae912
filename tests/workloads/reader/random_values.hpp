#pragma once
// Names, texts, numbers and times at random (RapidCheck), as scenarios have them.

#include <rapidcheck.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tokenlift::random_parts {

constexpr std::int64_t kS = 1'000'000'000;

inline std::string random_name() {
  const std::vector<std::string> letters = {"a", "b", "X",  "0",  "19", " ", "_", "-",  ".",
                                            "/", "=", "\"", "\\", "'",  "#", "é", "字", "]"};
  std::string name;
  const int size = *rc::gen::inRange(1, 12);
  for (int i = 0; i < size; ++i) name += letters[*rc::gen::inRange<std::size_t>(0, letters.size())];
  return name;
}

inline double random_double(double min, double max) {
  return min + (max - min) * *rc::gen::inRange(0, 1'000'000) / 999'999.0;
}

inline std::int64_t random_ns(std::int64_t max_ns) {
  const auto granule = *rc::gen::element<std::int64_t>(1, 1'000, 1'000'000, kS);
  return std::min(max_ns, (1 + *rc::gen::inRange<std::int64_t>(0, 100'000)) * granule);
}

inline std::string random_text() {
  std::string text;
  const int size = *rc::gen::inRange(0, 20);
  for (int i = 0; i < size; ++i) {
    text += *rc::gen::element<std::string>("a", " ", "\"", "\\", "\n", "\r", "\t", "#", "'", "\x01",
                                           "\x7f", "\u00e9", "\u2028", "\U0001F600", "\\u0041",
                                           std::string(1, '\0'));
  }
  return text;
}

}  // namespace tokenlift::random_parts
