#pragma once
// The JSON of a run with something changed, and what reading such a text says.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "reports/json/json_run.hpp"
#include "tests/reports/record/sample_runs.hpp"

namespace tokenlift {

/// The error's position and reason; the test fails where there is none.
inline std::string refusal_of(const std::string& text) {
  try {
    read_run(text, "run.json");
  } catch (const RunFileError& error) {
    EXPECT_EQ(error.source(), "run.json");
    return error.position() + "|" + error.reason();
  }
  ADD_FAILURE() << "the text was read";
  return "";
}

/// The lift run's JSON with one value replaced (an object's key is added where it is missing).
inline std::string with(const char* pointer, const nlohmann::ordered_json& value) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json(lift_run()));
  json[nlohmann::ordered_json::json_pointer(pointer)] = value;
  return json.dump();
}

inline std::string without(const char* pointer, const char* key) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json(lift_run()));
  json[nlohmann::ordered_json::json_pointer(pointer)].erase(key);
  return json.dump();
}

}  // namespace tokenlift
