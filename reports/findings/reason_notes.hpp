#pragma once
// Why figures of a table are absent, said once for all that share the reason.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace tokenlift {

class ReasonNotes {
 public:
  /// `label` has this reason (or basis). An empty one says nothing and is left out.
  void add(const std::string& label, const std::string& reason);

  /// Whether all that have one have the same.
  bool agree() const { return labels_by_reason_.size() == 1; }

  /// A sentence per reason, in the order in which they came: "`some` a, b and c: reason." Where all
  /// `of` labels share one the labels are left out: "`all`: reason."
  std::vector<std::string> sentences(const std::string& some, const std::string& all,
                                     std::size_t of) const;

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> labels_by_reason_;
};

}  // namespace tokenlift
