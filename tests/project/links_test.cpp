// The documentation: every link leads somewhere, every command that it names exists, and the first
// page stays short.

#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/testing.hpp"

namespace tokenlift::links_test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLinesOfTheReadme = 220;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Every page of the project, but for what is built, measured or hidden.
std::vector<fs::path> pages() {
  std::vector<fs::path> found;
  auto entries = fs::recursive_directory_iterator(source_folder());
  for (auto entry = fs::begin(entries); entry != fs::end(entries); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() &&
        (name.front() == '.' || name == "build" || name == "tokenlift-results")) {
      entry.disable_recursion_pending();
    }
    if (entry->path().extension() == ".md") found.push_back(entry->path());
  }
  return found;
}

/// A page, its prose apart from its code.
struct Page {
  std::vector<std::string> prose;  ///< lines, code within them left out
  std::vector<std::string> code;   ///< lines of code blocks, and code within lines
  std::set<std::string> anchors;   ///< of its headings
};

/// What GitHub makes of a heading: lower case; letters, digits, '-' and '_' stay, blanks become
/// '-', all else goes. Of what is not ASCII everything counts as a letter.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char letter : heading) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= 0x80 || std::isalnum(byte) != 0 || letter == '-' || letter == '_') {
      anchor += static_cast<char>(std::tolower(byte));
    } else if (letter == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

Page read_page(const std::string& text) {
  static const std::regex code_in_line("`[^`]*`");
  Page page;
  std::map<std::string, int> seen;  // a heading that comes again has a number behind it
  bool fenced = false;
  bool after_blank = true;
  bool indented = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      fenced = !fenced;
      continue;
    }
    // Four blanks after an empty line begin a block, which other text ends.
    indented = line.starts_with("    ") && (after_blank || indented);
    after_blank = line.empty();
    if (fenced || indented) {
      page.code.push_back(line);
      continue;
    }
    if (line.starts_with("#")) {
      const std::string anchor = anchor_of(line.substr(line.find_first_not_of("# ")));
      const int before = seen[anchor]++;
      page.anchors.insert(before == 0 ? anchor : anchor + "-" + std::to_string(before));
    }
    for (std::sregex_iterator code(line.begin(), line.end(), code_in_line), end; code != end;
         ++code) {
      page.code.push_back(code->str());
    }
    page.prose.push_back(std::regex_replace(line, code_in_line, ""));
  }
  return page;
}

/// The targets of links and images in `page` that lie within the project.
std::vector<std::string> links_of(const Page& page) {
  static const std::regex form(R"(\]\(([^)\s]*)\))");
  std::vector<std::string> links;
  for (const std::string& line : page.prose) {
    for (std::sregex_iterator link(line.begin(), line.end(), form), end; link != end; ++link) {
      const std::string target = (*link)[1];
      if (!target.starts_with("http://") && !target.starts_with("https://")) {
        links.push_back(target);
      }
    }
  }
  return links;
}

/// Commands of the program that code of a page names: the word after "tokenlift".
std::set<std::string> commands_of(const std::vector<std::string>& code) {
  static const std::regex kCommand(R"((^|[^\w-])tokenlift ([a-z]+))");
  std::set<std::string> commands;
  for (const std::string& line : code) {
    for (std::sregex_iterator word(line.begin(), line.end(), kCommand), end; word != end; ++word) {
      commands.insert((*word)[2]);
    }
  }
  return commands;
}

TEST(Links, AreFoundInProseAlone) {
  const Page page = read_page(
      "# A `run.json`, read: twice\n## Same\n## Same\nSee [a](b.md#c), `[x](y)` and ![i](i.png).\n"
      "```\n[x](y)\ntokenlift run\n```\n\n    # tokenlift tune x\n\nNot code: tokenlift plays\n");
  EXPECT_EQ(page.anchors, (std::set<std::string>{"a-runjson-read-twice", "same", "same-1"}));
  EXPECT_EQ(links_of(page), (std::vector<std::string>{"b.md#c", "i.png"}));
  EXPECT_EQ(commands_of(page.code), (std::set<std::string>{"run", "tune"}));
}

TEST(Links, LeadSomewhere) {
  std::size_t links = 0;
  for (const fs::path& file : pages()) {
    for (const std::string& link : links_of(read_page(text_of(file)))) {
      const std::size_t hash = link.find('#');
      const std::string path = link.substr(0, hash);
      const fs::path target = path.empty() ? file : file.parent_path() / path;
      ++links;
      if (!fs::exists(target)) {
        ADD_FAILURE() << file << " links to " << link << ", which does not exist";
      } else if (hash != std::string::npos) {
        EXPECT_EQ(read_page(text_of(target)).anchors.count(link.substr(hash + 1)), 1U)
            << file << " links to " << link << ", and there is no such heading";
      }
    }
  }
  EXPECT_GT(links, 50U);
}

TEST(Links, ReachEveryPageFromTheReadme) {
  const fs::path root = source_folder();
  std::set<fs::path> reached;
  std::vector<fs::path> open = {root / "README.md"};
  while (!open.empty()) {
    const fs::path file = open.back().lexically_normal();
    open.pop_back();
    if (file.extension() != ".md" || !reached.insert(file).second) continue;
    for (const std::string& link : links_of(read_page(text_of(file)))) {
      open.push_back(file.parent_path() / link.substr(0, link.find('#')));
    }
  }
  for (const fs::path& file : pages()) {
    EXPECT_EQ(reached.count(file.lexically_normal()), 1U) << file << " is linked by no other page";
  }
}

TEST(Documentation, HasNoCodeThatGoesOnInTheNextLine) {
  // It would be taken for prose here, and is hard to copy.
  for (const fs::path& file : pages()) {
    for (const std::string& line : read_page(text_of(file)).prose) {
      EXPECT_EQ(line.find('`'), std::string::npos) << file << ": " << line;
    }
  }
}

// command_line_test.py compares the table in the README with the program.
TEST(Documentation, NamesCommandsThatExist) {
  std::vector<std::string> table;
  std::ifstream readme(fs::path(source_folder()) / "README.md");
  for (std::string row; std::getline(readme, row);) {
    if (row.starts_with("| `tokenlift ")) table.push_back(row.substr(0, row.find('|', 1)));
  }
  const std::set<std::string> known = commands_of(table);
  EXPECT_GT(known.size(), 5U);
  for (const fs::path& file : pages()) {
    for (const std::string& command : commands_of(read_page(text_of(file)).code)) {
      EXPECT_EQ(known.count(command), 1U)
          << file << " names tokenlift " << command << ", which the README's table does not";
    }
  }
}

TEST(Documentation, TheReadmeIsShort) {
  std::ifstream in(fs::path(source_folder()) / "README.md");
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line);) ++lines;
  EXPECT_GT(lines, 0U);
  EXPECT_LE(lines, kLinesOfTheReadme);
}

}  // namespace
}  // namespace tokenlift::links_test
