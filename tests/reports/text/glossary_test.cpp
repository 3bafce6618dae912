// What the glossary says of labels as tables have them.

#include "reports/text/glossary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace tokenlift::glossary_test {
namespace {

std::string named(const char* label) {
  const Term* const term = find_term(label);
  return term == nullptr ? "" : std::string(term->name);
}

TEST(Glossary, IsInOrderAndEndsEveryMeaningWithAFullStop) {
  std::vector<std::string> names;
  for (const Term& term : glossary()) {
    std::string& name = names.emplace_back(term.name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    EXPECT_TRUE(term.meaning.ends_with('.')) << term.name;
    EXPECT_EQ(find_term(term.name), &term) << term.name;
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST(Glossary, FindsATermWhateverItsLabelAdds) {
  EXPECT_EQ(named("TTFT p99"), "TTFT");
  EXPECT_EQ(named("TTFT p99 after"), "TTFT");
  EXPECT_EQ(named("TTFT (ms)"), "TTFT");
  EXPECT_EQ(named("generator lag p99 (ms)"), "generator lag");
  EXPECT_EQ(named("attempts, before"), "attempts");
  EXPECT_EQ(named("starvation of batch"), "starvation");
  EXPECT_EQ(named("Goodput"), "goodput");
  EXPECT_EQ(named("attained"), "attainment");
  EXPECT_EQ(named("mean after"), "mean after");
}

TEST(Glossary, FindsNoneForWhatIsNoTerm) {
  EXPECT_EQ(named(""), "");
  EXPECT_EQ(named("after"), "");
  EXPECT_EQ(named(" (ms)"), "");
  EXPECT_EQ(named("seed"), "");
}

}  // namespace
}  // namespace tokenlift::glossary_test
