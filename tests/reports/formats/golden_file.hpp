#pragma once
// Texts that were read once and have to stay as they are.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/testing.hpp"

namespace tokenlift {

/// The text equals tests/golden/NAME.txt, which TOKENLIFT_UPDATE_GOLDEN=1 writes anew.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = source_folder() + "/tests/golden/" + name + ".txt";
  const char* const update = std::getenv("TOKENLIFT_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    std::ofstream file(path, std::ios::binary);
    file << text;
    ASSERT_TRUE(file.flush()) << path;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " (TOKENLIFT_UPDATE_GOLDEN=1 writes it)";
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << "TOKENLIFT_UPDATE_GOLDEN=1 writes " << path << " anew";
}

}  // namespace tokenlift
