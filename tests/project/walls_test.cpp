// The walls between the rooms: who includes whom and what. Read from the sources, so that they
// cannot rot unnoticed.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing.hpp"

namespace tokenlift::walls_test {
namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;  // from the root of the project
  std::string target;
};

std::vector<fs::path> sources(const std::string& room) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(source_folder()) / room)) {
    const std::string extension = entry.path().extension();
    if (extension == ".hpp" || extension == ".cpp") files.push_back(entry.path());
  }
  return files;
}

std::vector<Include> includes(const std::string& room) {
  std::vector<Include> found;
  for (const fs::path& file : sources(room)) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      if (line.rfind("#include ", 0) != 0) continue;
      const auto begin = line.find_first_of("<\"");
      const auto end = line.find_last_of(">\"");
      found.push_back(
          {fs::relative(file, source_folder()).string(), line.substr(begin + 1, end - begin - 1)});
    }
  }
  return found;
}

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}

/// Which library a header belongs to; empty for the standard library and the system.
std::string library_of(const std::string& header) {
  static const std::map<std::string, std::string> prefixes = {
      {"fmt/", "fmt"},           {"nlohmann/", "nlohmann-json"},
      {"oneapi/", "oneTBB"},     {"tbb/", "oneTBB"},
      {"CLI/", "CLI11"},         {"toml++/", "toml++"},
      {"oneapi/dnnl", "oneDNN"}, {"dnnl", "oneDNN"},
      {"boost/", "Boost"},       {"benchmark/", "Google Benchmark"},
      {"omp", "OpenMP"},         {"date/", "date"},
      {"utf8", "utfcpp"},        {"boost/beast", "Beast"},
      {"boost/asio", "Asio"},    {"openssl/", "OpenSSL"},
      {"simdjson", "simdjson"},  {"mpi.h", "MPI"},
  };
  std::string best;
  std::string library;
  for (const auto& [prefix, name] : prefixes) {
    if (starts_with(header, prefix) && prefix.size() > best.size()) {
      best = prefix;
      library = name;
    }
  }
  return library;
}

/// True if `word` stands in `text` and is not the end of a longer name.
bool names_word(const std::string& text, const std::string& word) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    if (std::isalnum(static_cast<unsigned char>(before)) == 0 && before != '_') return true;
  }
  return false;
}

const std::set<std::string> kRooms = {"workloads", "reports", "bench", "tests"};

std::string room_of(const std::string& header) {
  const std::string first = header.substr(0, header.find('/'));
  return kRooms.count(first) != 0 ? first : "";
}

TEST(Walls, EveryRoomIsRead) {
  for (const std::string& room : kRooms) EXPECT_GT(includes(room).size(), 10U) << room;
}

TEST(Walls, WorkloadsAndReportsKnowNoOtherRoom) {
  for (const std::string room : {"workloads", "reports"}) {
    for (const Include& include : includes(room)) {
      const std::string other = room_of(include.target);
      EXPECT_TRUE(other.empty() || other == room) << include.file << " includes " << include.target;
    }
  }
}

TEST(Walls, TheProgramKnowsNoTests) {
  for (const Include& include : includes("bench")) {
    EXPECT_NE(room_of(include.target), "tests") << include.file;
  }
}

TEST(Walls, EachLibraryStaysInTheFilesThatItIsFor) {
  // Library -> where it may be included: a room, or a file of it without its ending.
  const std::map<std::string, std::vector<std::string>> allowed = {
      {"fmt", {"reports/", "bench/"}},
      {"nlohmann-json", {"reports/json/"}},
      {"oneTBB", {"bench/fleet/thread_fleet", "bench/machine/workers"}},
      {"CLI11", {"bench/command/command_line"}},
      {"toml++", {"workloads/"}},
      {"date", {"workloads/plan/calendar"}},
      {"utfcpp", {"workloads/text/utf8", "reports/text/utf8"}},
      {"oneDNN", {"workloads/decoder/kernel_choice", "workloads/decoder/onednn_weights"}},
      {"Boost", {"reports/", "bench/"}},
      {"Beast", {"bench/wire/response_head"}},
      {"Asio", {"bench/wire/"}},
      {"OpenSSL", {"bench/wire/"}},
      {"simdjson", {"bench/wire/delta", "bench/wire/prompt", "bench/serve/api_request"}},
      {"MPI", {"bench/ranks/mail"}},
      {"Google Benchmark", {"bench/micro/", "bench/command/suite_benchmarks"}},
  };
  for (const std::string room : {"workloads", "reports", "bench"}) {
    for (const Include& include : includes(room)) {
      const std::string library = library_of(include.target);
      if (library.empty()) continue;
      const auto places = allowed.find(library);
      ASSERT_NE(places, allowed.end()) << include.file << " includes " << include.target;
      bool fits = false;
      for (const std::string& place : places->second) fits |= starts_with(include.file, place);
      EXPECT_TRUE(fits) << include.file << " includes " << include.target << " (" << library << ")";
    }
  }
}

TEST(Walls, WorkloadsAndReportsHaveNoThreadsAndNoClocks) {
  const std::set<std::string> forbidden = {"thread", "mutex",      "condition_variable",
                                           "future", "unistd.h",   "time.h",
                                           "ctime",  "sys/time.h", "random"};
  for (const std::string room : {"workloads", "reports"}) {
    for (const Include& include : includes(room)) {
      EXPECT_EQ(forbidden.count(include.target), 0U)
          << include.file << " includes " << include.target;
    }
    for (const fs::path& file : sources(room)) {
      std::ifstream in(file);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      for (const char* clock : {"steady_clock", "system_clock", "high_resolution_clock"}) {
        EXPECT_EQ(text.find(clock), std::string::npos) << file << " reads a clock";
      }
    }
  }
}

TEST(Walls, PoliciesTakeTimeAsAnArgument) {
  for (const std::string noun :
       {"throttle/limiter", "throttle/bucket", "throttle/window", "throttle/concurrency",
        "throttle/gates", "throttle/waiting_room", "run/clients", "fleet/router", "fleet/replica",
        "record/recorder", "record/token_record", "record/grid_cursor", "record/recording_grid",
        "run/loop"}) {
    for (const char* ending : {".hpp", ".cpp"}) {
      const fs::path file = fs::path(source_folder()) / "bench" / (noun + ending);
      std::ifstream in(file);
      ASSERT_TRUE(in) << file;
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      for (const char* clock :
           {"steady_clock", "system_clock", "<thread>", "<random>", "std::rand", "srand"}) {
        EXPECT_EQ(text.find(clock), std::string::npos) << file << " uses " << clock;
      }
    }
  }
}

// The folders of each room in the order in which they may be read: a file includes what is in its
// own folder or in one before it.
const std::map<std::string, std::vector<std::string>> kFolders = {
    {"workloads",
     {"text", "scenario", "decoder", "requests", "plan", "writer", "tuning", "reader",
      "reference"}},
    {"reports", {"text", "record", "analysis", "findings", "charts", "json", "page", "formats"}},
    {"bench",
     {"machine", "record", "throttle", "fleet", "wire", "run", "serve", "calibrate", "tune",
      "sweep", "command", "ranks", "micro"}},
};

/// The folder of a room's file, by its path from the root of the project; empty if it has none.
std::string folder_of(const std::string& path) {
  const auto begin = path.find('/') + 1;
  const auto end = path.find('/', begin);
  return end == std::string::npos ? "" : path.substr(begin, end - begin);
}

TEST(Walls, EveryFileLiesInAFolderOfItsRoom) {
  for (const auto& [room, folders] : kFolders) {
    const std::set<std::string> known(folders.begin(), folders.end());
    for (const fs::path& file : sources(room)) {
      const std::string path = fs::relative(file, source_folder()).string();
      EXPECT_EQ(known.count(folder_of(path)), 1U) << path << " lies in none of its room's folders";
    }
  }
}

TEST(Walls, NoFolderIncludesOneThatComesAfterIt) {
  for (const auto& [room, folders] : kFolders) {
    const auto position = [&folders = folders](const std::string& path) {
      return std::find(folders.begin(), folders.end(), folder_of(path)) - folders.begin();
    };
    for (const Include& include : includes(room)) {
      if (room_of(include.target) != room) continue;
      EXPECT_LE(position(include.target), position(include.file))
          << include.file << " includes " << include.target;
    }
  }
}

TEST(Walls, EveryFolderHasAReadmeThatNamesItsFiles) {
  for (const auto& [room, folders] : kFolders) {
    EXPECT_TRUE(fs::exists(fs::path(source_folder()) / room / "README.md")) << room;
    for (const std::string& folder : folders) {
      const std::string place = room + "/" + folder;
      std::ifstream in(fs::path(source_folder()) / place / "README.md");
      EXPECT_TRUE(in) << place << " has no README.md";
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      for (const fs::path& file : sources(place)) {
        EXPECT_TRUE(names_word(text, "`" + file.stem().string()))
            << place << "/README.md does not name " << file.filename();
      }
    }
  }
}

// What is agreed on: more is a reason to ask whether it is one noun, or one thought.
constexpr std::size_t kLinesOfAFile = 600;
constexpr std::size_t kLinesOfAFunction = 80;
constexpr std::size_t kLinesOfATest = 120;  // texts and tables of cases

/// The longest function of a file, as clang-format lays them out: from a line that opens a brace,
/// not indented or within a class, to the brace below it.
std::pair<std::size_t, std::string> longest_function(const std::vector<std::string>& lines) {
  std::pair<std::size_t, std::string> longest;
  for (const std::string indent : {"", "  "}) {
    std::size_t begin = 0;  // after the last line at which a function may begin
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string& line = lines[i];
      const bool at_margin = starts_with(line, indent) && line.size() > indent.size() &&
                             line[indent.size()] != ' ' && line[indent.size()] != '}';
      const bool begins =
          at_margin && line.find('(') != std::string::npos && line.find('=') == std::string::npos;
      if (begins) begin = i;
      if (line == indent + "}" && i - begin + 1 > longest.first &&
          lines[begin].find('(') != std::string::npos) {
        longest = {i - begin + 1, lines[begin]};
      }
      if (starts_with(line, indent + "}")) begin = i;
    }
  }
  return longest;
}

TEST(Walls, TheLengthOfAFunctionIsCounted) {
  const std::vector<std::string> lines = {
      "class Room {",    "  int two() {",     "    return 2;", "  }", "};",
      "int five(int a,", "         int b) {", "  if (a) {",    "  }", "}"};
  EXPECT_EQ(longest_function(lines), std::pair(std::size_t{5}, std::string("int five(int a,")));
}

TEST(Walls, FilesAndFunctionsAreAsShortAsAgreed) {
  for (const std::string& room : kRooms) {
    for (const fs::path& file : sources(room)) {
      std::vector<std::string> lines;
      std::ifstream in(file);
      for (std::string line; std::getline(in, line);) lines.push_back(line);
      EXPECT_LE(lines.size(), kLinesOfAFile) << file;
      const auto [length, first_line] = longest_function(lines);
      EXPECT_LE(length, room == "tests" ? kLinesOfATest : kLinesOfAFunction)
          << file << ": " << first_line;
    }
  }
}

TEST(Walls, NoFileIsForgotten) {
  // Dead files: every source is named in its room's CMakeLists.txt, every header is included.
  std::set<std::string> included;
  for (const std::string& room : kRooms) {
    for (const Include& include : includes(room)) included.insert(include.target);
  }
  for (const std::string& room : kRooms) {
    std::ifstream in(fs::path(source_folder()) / room / "CMakeLists.txt");
    const std::string build{std::istreambuf_iterator<char>(in), {}};
    for (const fs::path& file : sources(room)) {
      const std::string path = fs::relative(file, source_folder()).string();
      if (file.extension() == ".hpp") {
        EXPECT_EQ(included.count(path), 1U) << path << " is included by nobody";
        continue;
      }
      // Tests are listed by folder and noun: tokenlift_tests(FOLDER ... NOUNS NOUN ...), and fuzz
      // targets likewise.
      std::string name = path.substr(room.size() + 1);
      for (const char* ending : {"_test.cpp", "_fuzz.cpp"}) {
        const auto end = name.rfind(ending);
        if (end != std::string::npos) name = fs::path(name.substr(0, end)).filename().string();
      }
      EXPECT_TRUE(names_word(build, name)) << path << " is not built";
    }
  }
}

}  // namespace
}  // namespace tokenlift::walls_test
