#include "bench/command/run_labels.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

/// A path, and how much of its end is its label so far.
class Label {
 public:
  explicit Label(const std::string& word) : word_(word) {
    fs::path path = fs::path(word).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // a/b/
    if (path.filename() == "run.json" && path.has_parent_path()) path = path.parent_path();
    path_ = path.relative_path().string();
    begin_ = path_.size();
  }

  /// Takes one part more, if there is one.
  bool lengthen() {
    if (begin_ == 0) return false;
    const std::size_t slash = begin_ < 2 ? std::string::npos : path_.rfind('/', begin_ - 2);
    begin_ = slash == std::string::npos ? 0 : slash + 1;
    return true;
  }
  std::string_view text() const {
    return path_.empty() ? std::string_view(word_) : std::string_view(path_).substr(begin_);
  }

 private:
  std::string word_;
  std::string path_;
  std::size_t begin_ = 0;
};

}  // namespace

std::vector<std::string> run_labels(const std::vector<std::string>& words) {
  constexpr int kMostParts = 100;
  std::unordered_map<std::string, Label> labels;
  for (const std::string& word : words) labels.try_emplace(word, word);
  std::vector<Label*> alike;
  for (auto& [word, label] : labels) alike.push_back(&label);
  // Those that differ in their last parts differ in more of them, too.
  for (int parts = 0; parts < kMostParts && !alike.empty(); ++parts) {
    bool longer = false;
    for (Label* const label : alike) longer |= label->lengthen();
    if (!longer) break;
    std::unordered_map<std::string_view, std::size_t> times;
    for (const Label* const label : alike) ++times[label->text()];
    std::erase_if(alike, [&](const Label* label) { return times[label->text()] == 1; });
  }
  std::vector<std::string> result;
  std::unordered_map<std::string, std::size_t> given;
  for (const std::string& word : words) {
    std::string label(labels.at(word).text());
    const std::size_t before = given[label];
    if (before > 0) label += fmt::format(" ({})", before + 1);
    ++given[label];
    result.push_back(std::move(label));
  }
  return result;
}

}  // namespace tokenlift
