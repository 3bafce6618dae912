#include "reports/findings/reason_notes.hpp"

#include <algorithm>

#include "reports/text/figure.hpp"

namespace tokenlift {

void ReasonNotes::add(const std::string& label, const std::string& reason) {
  if (reason.empty()) return;
  auto found = std::find_if(labels_by_reason_.begin(), labels_by_reason_.end(),
                            [&](const auto& entry) { return entry.first == reason; });
  if (found == labels_by_reason_.end()) {
    found = labels_by_reason_.insert(found, {reason, {}});
  }
  found->second.push_back(label);
}

std::vector<std::string> ReasonNotes::sentences(const std::string& some, const std::string& all,
                                                std::size_t of) const {
  std::vector<std::string> out;
  for (const auto& [reason, labels] : labels_by_reason_) {
    std::string sentence = labels.size() < of ? some + " " + listed(labels, "and") : all;
    sentence += ": " + reason;
    if (!sentence.ends_with('.')) sentence += '.';
    out.push_back(std::move(sentence));
  }
  return out;
}

}  // namespace tokenlift
