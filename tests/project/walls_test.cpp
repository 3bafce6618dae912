// The walls between the rooms: who includes whom and what. Read from the sources, so that they
// cannot rot unnoticed.

#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tokenlift {
namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;  // from the root of the project
  std::string target;
};

std::vector<fs::path> sources(const std::string& room) {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(TOKENLIFT_SOURCE_DIR) / room)) {
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
      found.push_back({fs::relative(file, TOKENLIFT_SOURCE_DIR).string(),
                       line.substr(begin + 1, end - begin - 1)});
    }
  }
  return found;
}

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}

/// Which library a header belongs to; empty for the standard library and the system.
std::string library_of(const std::string& header) {
  static const std::map<std::string, std::string> kPrefixes = {
      {"fmt/", "fmt"},           {"nlohmann/", "nlohmann-json"},
      {"oneapi/", "oneTBB"},     {"tbb/", "oneTBB"},
      {"CLI/", "CLI11"},         {"toml++/", "toml++"},
      {"oneapi/dnnl", "oneDNN"}, {"dnnl", "oneDNN"},
      {"boost/", "Boost"},       {"benchmark/", "Google Benchmark"},
      {"omp", "OpenMP"},         {"date/", "date"},
  };
  std::string best;
  std::string library;
  for (const auto& [prefix, name] : kPrefixes) {
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
      {"CLI11", {"bench/command/"}},
      {"toml++", {"workloads/"}},
      {"date", {"workloads/plan/calendar"}},
      {"oneDNN", {"workloads/decoder/decoder"}},
      {"Boost", {"reports/", "bench/"}},
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
  for (const std::string noun : {"throttle/limiter", "throttle/bucket", "throttle/window",
                                 "throttle/concurrency", "throttle/waiting_room", "run/clients",
                                 "fleet/router", "fleet/replica", "record/recorder", "run/loop"}) {
    for (const char* ending : {".hpp", ".cpp"}) {
      const fs::path file = fs::path(TOKENLIFT_SOURCE_DIR) / "bench" / (noun + ending);
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

TEST(Walls, EveryRoomHasAReadmeThatNamesItsFiles) {
  for (const std::string room : {"workloads", "reports", "bench"}) {
    std::ifstream in(fs::path(TOKENLIFT_SOURCE_DIR) / room / "README.md");
    ASSERT_TRUE(in) << room;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (const fs::path& file : sources(room)) {
      EXPECT_TRUE(names_word(text, "`" + file.stem().string()))
          << room << "/README.md does not name " << file.filename();
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
    std::ifstream in(fs::path(TOKENLIFT_SOURCE_DIR) / room / "CMakeLists.txt");
    const std::string build{std::istreambuf_iterator<char>(in), {}};
    for (const fs::path& file : sources(room)) {
      const std::string path = fs::relative(file, TOKENLIFT_SOURCE_DIR).string();
      if (file.extension() == ".hpp") {
        EXPECT_EQ(included.count(path), 1U) << path << " is included by nobody";
        continue;
      }
      // Tests are listed by folder and noun: tokenlift_tests(FOLDER ... NOUNS NOUN ...).
      std::string name = path.substr(room.size() + 1);
      const auto test = name.rfind("_test.cpp");
      if (test != std::string::npos) name = fs::path(name.substr(0, test)).filename().string();
      EXPECT_TRUE(names_word(build, name)) << path << " is not built";
    }
  }
}

}  // namespace
}  // namespace tokenlift
