#include "reports/json_suite_cases.hpp"

#include <fmt/format.h>

#include <set>

#include "reports/json_run.hpp"
#include "reports/json_value.hpp"

namespace tokenlift {
namespace {

constexpr std::string_view kSchema = "tokenlift.suite/1";
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;

std::string text_at(const Json& json, const char* key, const std::string& place,
                    const std::string& source) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (found == json.end() || !found->is_string()) {
    throw RunFileError(source, place, fmt::format("\"{}\" is missing, or no text", key));
  }
  return found->get<std::string>();
}

}  // namespace

std::vector<SuiteCaseFolder> read_suite_cases(std::string_view text, const std::string& source) {
  if (text.size() > kMaxTextBytes) throw RunFileError(source, "", "is larger than 64 MiB");
  const Json suite = Json::parse(text, nullptr, false);
  if (suite.is_discarded()) throw RunFileError(source, "", "is not JSON");
  if (text_at(suite, "schema", "", source) != kSchema) {
    throw RunFileError(source, "/schema", fmt::format("is not \"{}\"", kSchema));
  }
  const auto cases = suite.find("cases");
  if (cases == suite.end() || !cases->is_array()) {
    throw RunFileError(source, "", "\"cases\" is missing, or no array");
  }
  std::vector<SuiteCaseFolder> folders;
  std::set<std::string> names;
  for (const Json& one : *cases) {
    const std::string place = fmt::format("/cases/{}", folders.size());
    folders.push_back({text_at(one, "name", place, source), text_at(one, "folder", place, source)});
    if (!names.insert(folders.back().name).second) {
      throw RunFileError(source, place,
                         fmt::format("a case '{}' was there before", folders.back().name));
    }
  }
  return folders;
}

}  // namespace tokenlift
