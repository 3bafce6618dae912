// The stream of requests on disk: complete, in order, and loud when it cannot be written.

#include "bench/record/request_log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bench/machine/output_folder.hpp"

namespace tokenlift::request_log_test {
namespace {

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

class RequestLogFile : public testing::Test {
 protected:
  std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) /
                                ("tokenlift_records_" + std::to_string(::getpid()) + ".csv");
  ~RequestLogFile() override { std::filesystem::remove(path_); }
};

RequestRecord record(std::uint64_t number) {
  RequestRecord record;
  record.request.number = number & Request::kMostNumber;
  record.request.due_ns = 10;
  record.request.sent_ns = 12;
  record.request.admitted_ns = 20;
  record.request.prompt_tokens = 7;
  record.request.output_tokens = 3;
  record.outcome = "completed";
  record.slo_met = true;
  record.scheduled_ns = 21;
  record.first_token_ns = 30;
  record.last_token_ns = 50;
  record.end_ns = 50;
  return record;
}

TEST_F(RequestLogFile, HoldsALinePerRequestWithWhatItIsOf) {
  RequestLog log(path_);
  log.begin_run(1, false, {"users", "a \"b\", c"}, {"warmup", "before"});
  RequestRecord one = record(4);
  one.request.phase = 1;
  one.request.attempts = 3;
  log.add(one);
  RequestRecord two = record(5);
  two.request.tenant = 1;
  two.request.admitted_ns = two.scheduled_ns = RequestRecord::kNoInstant;
  two.first_token_ns = two.last_token_ns = RequestRecord::kNoInstant;
  two.outcome = "rejected";
  two.slo_met = false;
  log.add(two);
  log.begin_run(1, true, {"users"}, {"warmup"}, 8);
  log.add(record(4));
  log.begin_run(2, false, {"users"}, {"warmup"});
  log.name(record(7).request, "req-7");
  log.name(record(8).request, "-8");
  log.add(record(6));
  log.add(record(8));
  log.add(record(7));
  log.add(record(8));  // another one of that number: the name was of the first
  log.close();
  const std::vector<std::string> expected = {
      "repetition,arm,tenant,number,phase,outcome,slo_met,attempts,prompt_tokens,output_tokens,"
      "due_ns,sent_ns,admitted_ns,scheduled_ns,first_token_ns,last_token_ns,end_ns,"
      "request_id",
      "1,lifted,users,4,before,completed,1,3,7,3,10,12,20,21,30,50,50,",
      "1,lifted,\"a \"\"b\"\", c\",5,warmup,rejected,0,1,7,3,10,12,,,,,50,",
      "1,control,users,4,warmup,completed,1,1,7,3,10,12,20,21,30,50,50,tokenlift-8-0-4-1",
      "2,lifted,users,6,warmup,completed,1,1,7,3,10,12,20,21,30,50,50,",
      "2,lifted,users,8,warmup,completed,1,1,7,3,10,12,20,21,30,50,50,'-8",
      "2,lifted,users,7,warmup,completed,1,1,7,3,10,12,20,21,30,50,50,req-7",
      "2,lifted,users,8,warmup,completed,1,1,7,3,10,12,20,21,30,50,50,"};
  EXPECT_EQ(lines_of(path_), expected);
}

TEST_F(RequestLogFile, LosesNothingAndKeepsTheOrderHoweverManyThereAre) {
  RequestLog log(path_);
  log.begin_run(1, false, {"users"}, {"steady"});
  constexpr std::uint64_t kMany = 300'000;  // more than may be waiting for the disk
  for (std::uint64_t i = 0; i < kMany; ++i) log.add(record(i));
  log.close();
  const std::vector<std::string> lines = lines_of(path_);
  ASSERT_EQ(lines.size(), kMany + 1);
  for (std::uint64_t i = 0; i < kMany; ++i) {
    ASSERT_TRUE(lines[i + 1].starts_with("1,lifted,users," + std::to_string(i) + ",steady,"));
  }
}

TEST_F(RequestLogFile, IsMadeAtOnceAndEmptyButForItsHeadWhereNothingHappens) {
  RequestLog log(path_);
  EXPECT_EQ(lines_of(path_).size(), 1U);
  log.close();
  log.close();  // does no harm
  EXPECT_EQ(lines_of(path_).size(), 1U);
}

TEST(RequestLog, SaysWhyTheFileCannotBeMade) {
  try {
    RequestLog log("/no such folder/records.csv");
    FAIL() << "it was made";
  } catch (const MachineError& error) {
    EXPECT_STREQ(error.what(),
                 "cannot write the records to '/no such folder/records.csv': No such file or "
                 "directory");
  }
}

TEST(RequestLog, AFullDiskIsToldAndDoesNotStopTheRun) {
  EXPECT_THROW(RequestLog("/dev/full"), MachineError);
}

}  // namespace
}  // namespace tokenlift::request_log_test
