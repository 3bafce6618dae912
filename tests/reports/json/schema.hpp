#pragma once
// JSON texts held against a schema of reports/, by an independent validator.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "tests/testing.hpp"

namespace tokenlift {

/// The exit code of tests/reports/json/validate_json.py: 0 all valid, 1 one is not, 2 cannot say.
inline int validate_json(const std::string& schema, const std::vector<std::string>& texts) {
  const std::string root = source_folder();
  std::string command = "/usr/bin/python3 '" + root + "/tests/reports/json/validate_json.py' '" +
                        root + "/reports/json/" + schema + "'";
  std::vector<std::string> paths;
  for (const std::string& text : texts) {
    paths.push_back(testing::TempDir() + "tokenlift_schema_" + std::to_string(::getpid()) + "_" +
                    std::to_string(paths.size()) + ".json");
    std::ofstream file(paths.back(), std::ios::binary);
    file << text;
    EXPECT_TRUE(file.flush()) << paths.back();
    command += " '" + paths.back() + "'";
  }
  const int status = std::system(command.c_str());
  for (const std::string& path : paths) std::remove(path.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace tokenlift
