#include "bench/run/repetitions.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/run/repetition_work.hpp"
#include "reports/json/json_run.hpp"
#include "tests/bench/machine/played_ranks.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift::repetitions_test {
namespace {

namespace fs = std::filesystem;
using RunValue = Run;  // within a TEST, Run is a function of testing::Test

/// The built-in scenario of a lift on engine virtual, at a stated capacity.
Scenario lift() {
  for (const BuiltinScenario& scenario : builtin_scenarios()) {
    if (scenario.name != "lift") continue;
    return parse_scenario(scenario.text, "lift", "/",
                          {"run.engine=virtual", "fleet.capacity=5000/s"}, {});
  }
  throw std::logic_error("no scenario lift");
}

RunValue read(const fs::path& path) {
  std::ifstream in(path);
  return read_run(std::string(std::istreambuf_iterator<char>(in), {}), path.string());
}

class RepetitionsTest : public testing::Test {
 protected:
  RepetitionsTest()
      : root_(fs::temp_directory_path() / ("tokenlift_repetitions_" + std::to_string(getpid()))),
        folder_(root_) {}
  ~RepetitionsTest() override { fs::remove_all(root_); }

  Repeated play(const RepetitionPlan& plan, Ranks* ranks = nullptr) {
    const Prepared prepared = *experiment_.prepare(lift());
    const auto watch = [this](const Scenario&, const ProgressBoard&, std::uint64_t repetition,
                              bool control) {
      watched_.emplace_back(repetition, control);
      return std::unique_ptr<ProgressDisplay>();
    };
    return repeat(prepared, plan, {experiment_, folder_, "below", watch, ranks, &stop_});
  }

  std::atomic<bool> stop_{false};
  Experiment experiment_{{"tokenlift"}, stop_, 1};
  fs::path root_;
  OutputFolder folder_;
  std::vector<std::pair<std::uint64_t, bool>> watched_;
};

TEST_F(RepetitionsTest, ArmsTakeTurnsInGoingFirstAndEachRunIsWrittenAndPooled) {
  const Repeated repeated = play({2, true});
  const std::vector<std::pair<std::uint64_t, bool>> order = {
      {1, false}, {1, true}, {2, true}, {2, false}};
  EXPECT_EQ(watched_, order);
  const fs::path below = root_ / "below";
  const std::vector<fs::path> files = {
      below / "1" / "run.json", below / "1" / "control" / "run.json",
      below / "2" / "control" / "run.json", below / "2" / "run.json"};
  ASSERT_EQ(repeated.files, files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const RunValue run = read(files[i]);
    EXPECT_EQ(run.repetition, order[i].first) << files[i];
    EXPECT_EQ(run.control, order[i].second) << files[i];
    EXPECT_EQ(run.seed, lift().run.seed + order[i].first - 1) << files[i];
  }
  EXPECT_EQ(repeated.trial.lifted.runs.size(), 2U);
  ASSERT_TRUE(repeated.trial.control.has_value());
  EXPECT_EQ(repeated.trial.control->runs.size(), 2U);
}

TEST_F(RepetitionsTest, TheFilesOfAPlanAreThoseThatItWrites) {
  for (const RepetitionPlan& plan :
       {RepetitionPlan{1, false}, RepetitionPlan{1, true}, RepetitionPlan{2, true}}) {
    std::set<fs::path> written;
    for (const fs::path& file : play(plan).files) {
      written.insert(fs::relative(file, root_ / "below"));
    }
    EXPECT_EQ(written, run_files(plan));
  }
}

TEST_F(RepetitionsTest, AreTheSameWhereAnotherRankMakesSomeOfThem) {
  const auto texts = [](const Repeated& repeated) {
    std::vector<std::string> all;
    for (const fs::path& file : repeated.files) {
      RunValue run = read(file);
      run.environment = {};
      all.push_back(file.string() + "\n" + to_json(run));
    }
    RunValue pooled = repeated.trial.lifted.pooled;
    pooled.environment = {};
    all.push_back(to_json(pooled));
    return all;
  };
  const std::vector<std::string> alone = texts(play({6, true}));
  PlayedRanks ranks({{kRepetitionWork, repetition_worker({"tokenlift"}, stop_)}});
  EXPECT_EQ(texts(play({6, true}, &ranks)), alone);
}

TEST_F(RepetitionsTest, AnotherRankPreparesWhatItIsGivenUnprepared) {
  const auto worker = repetition_worker({"tokenlift"}, stop_);
  const RepetitionWork work(lift());
  const ReturnedRepetition returned =
      returned_repetition({false, worker(work.pack({2, true}))}, "returned");
  ASSERT_EQ(returned.runs.size(), 2U);
  EXPECT_TRUE(returned.runs[0].control);  // they take turns in going first
  const Prepared prepared = *experiment_.prepare(lift());
  ProgressBoard board;
  RunValue run = experiment_.run(prepared, 2, board, false);
  RunValue other = returned.runs[1].run;
  run.environment = other.environment = {};
  EXPECT_EQ(to_json(other), to_json(run));
}

TEST_F(RepetitionsTest, AnInterruptedRunIsTheLast) {
  stop_ = true;
  const Repeated repeated = play({3, false});
  EXPECT_EQ(repeated.files.size(), 1U);
  EXPECT_TRUE(repeated.trial.interrupted);
}

TEST_F(RepetitionsTest, ARunThatCannotBeWrittenComesWithTheError) {
  fs::create_directories(root_ / "below" / "run.json" / "in the way");
  try {
    play({1, false});
    FAIL() << "it was written";
  } catch (const RunNotWritten& error) {
    EXPECT_NE(std::string(error.what()).find("run.json"), std::string::npos) << error.what();
    EXPECT_GT(error.run().totals.completed, 0U);
  }
}

}  // namespace
}  // namespace tokenlift::repetitions_test
