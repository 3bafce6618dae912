#include "reports/json/json_field.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

namespace tokenlift {
namespace {

constexpr std::size_t kMaxValues = 8'000'000;  // a run of kMostTenants has 6.5 M
constexpr std::size_t kMaxKeys = 512;          // keys of an object are found one after the other
constexpr std::size_t kMaxDepth = 32;

std::string line_and_column(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 = 0
  return fmt::format("line {}, column {}", line, before.size() - line_start + 1);
}

/// Refuses what would cost too much to parse. It need not be JSON yet.
void require_bounded(std::string_view text, const std::string& source) {
  if (text.size() > kMostTextBytes) {
    throw RunFileError(source, "", fmt::format("is larger than {} MiB", kMostTextBytes >> 20));
  }
  std::array<std::size_t, kMaxDepth + 1> commas{};  // at each depth, of the value that is open
  std::size_t depth = 0;
  std::size_t values = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto refuse = [&](const char* reason) {
      throw RunFileError(source, line_and_column(text, i), reason);
    };
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (depth == kMaxDepth) refuse("is nested too deeply");
      commas[++depth] = 0;
      if (++values > kMaxValues) refuse("has too many values");
    } else if (c == ']' || c == '}') {
      if (depth > 0) --depth;
    } else if (c == ',') {
      ++commas[depth];
      if (++values > kMaxValues) refuse("has too many values");
    } else if (c == ':' && commas[depth] >= kMaxKeys) {
      refuse("has too many keys");
    }
  }
}

/// Finds keys that an object has twice, of which readers would each take another one.
class RepeatedKeys {
 public:
  bool operator()(int /*depth*/, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      objects_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      objects_.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!objects_.back().insert(key).second && !found_) found_ = key;
    }
    return true;
  }
  const std::optional<std::string>& found() const { return found_; }

 private:
  std::vector<std::unordered_set<std::string>> objects_;  // that are open
  std::optional<std::string> found_;
};

std::string message(const std::string& source, const std::string& position,
                    const std::string& reason) {
  return source + ": " + (position.empty() ? "" : position + ": ") + reason;
}

}  // namespace

RunFileError::RunFileError(std::string source, std::string position, std::string reason)
    : std::runtime_error(message(source, position, reason)),
      source_(std::move(source)),
      position_(std::move(position)),
      reason_(std::move(reason)) {}

Json parse_bounded(std::string_view text, const std::string& source) {
  require_bounded(text, source);
  try {
    RepeatedKeys keys;
    Json json = Json::parse(text, std::ref(keys));
    if (!keys.found()) return json;
    throw RunFileError(source, "",
                       fmt::format("has the key \"{}\" twice in one object", *keys.found()));
  } catch (const Json::parse_error& error) {
    const std::size_t offset = error.byte == 0 ? 0 : error.byte - 1;
    const std::string position = line_and_column(text, offset);
    if (offset >= text.size()) throw RunFileError(source, position, "ends too early");
    throw RunFileError(source, position, "is not JSON");
  } catch (const Json::out_of_range&) {
    throw RunFileError(source, "", "has a number that is out of range");
  }
}

}  // namespace tokenlift
