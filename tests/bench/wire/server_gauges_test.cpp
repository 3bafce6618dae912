#include "bench/wire/server_gauges.hpp"

#include <gtest/gtest.h>

#include "bench/wire/metrics_scraper.hpp"

namespace tokenlift::server_gauges_test {
namespace {

RecordingGrid seconds(std::size_t bins) {
  RecordingGrid grid;
  grid.bin_ns = 1'000'000'000;
  grid.bins = bins;
  return grid;
}

TEST(ServerGauges, ABinHasWhatWasSaidLastAndKeepsItUntilMoreIsSaid) {
  const RecordingGrid grid = seconds(10);
  ServerGauges gauges(grid, {"a", "b"});
  gauges.note(1, "waiting", 1'100'000'000, 7);
  gauges.note(1, "waiting", 1'900'000'000, 3);
  gauges.note(1, "waiting", 4'000'000'000, 0);
  gauges.note(0, 500'000'000,
              {{LimitUnit::tokens, LimitFigure::remaining, 90},
               {LimitUnit::output_tokens, LimitFigure::reset_ms, 1500}});
  const std::vector<ServerColumn> columns = gauges.columns(6'000'000'000);
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0].site, "a");
  EXPECT_EQ(columns[0].figure, "remaining.tokens");
  EXPECT_EQ(columns[0].values, (std::vector<std::int64_t>{90, 90, 90, 90, 90, 90}));
  EXPECT_EQ(columns[1].figure, "reset_ms.output_tokens");
  EXPECT_EQ(columns[2].site, "b");
  EXPECT_EQ(columns[2].values, (std::vector<std::int64_t>{ServerColumn::kNotSaid, 3, 3, 3, 0, 0}));
}

TEST(ServerMetrics, AreReadFromWhatVllmSays) {
  const ServerMetrics metrics = read_metrics(
      "# HELP vllm:num_requests_waiting Number of requests waiting.\n"
      "# TYPE vllm:num_requests_waiting gauge\n"
      "vllm:num_requests_waiting{engine=\"0\",model_name=\"a}b\"} 3.0\n"
      "vllm:num_requests_waiting{engine=\"1\",model_name=\"m\"} 4.0\r\n"
      "vllm:num_requests_waiting_by_reason{engine=\"1\"} 400\n"
      "vllm:num_requests_running 12 1700000000000\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n"
      "vllm:kv_cache_usage_perc{engine=\"1\"} 7.5e-1");
  EXPECT_EQ(metrics.waiting, 7);
  EXPECT_EQ(metrics.running, 12);
  EXPECT_EQ(metrics.kv_used_ppm, 500'000);
}

TEST(ServerMetrics, SayNothingWhereTheyAreNoNumbers) {
  EXPECT_EQ(read_metrics(""), ServerMetrics());
  EXPECT_EQ(read_metrics("<html>vllm:num_requests_waiting</html>"), ServerMetrics());
  EXPECT_EQ(read_metrics("vllm:num_requests_waiting{engine=\"0\" 3\n"
                         "vllm:num_requests_running NaN\n"
                         "vllm:kv_cache_usage_perc +Inf\n"
                         "vllm:kv_cache_usage_perc\n"),
            ServerMetrics());
}

}  // namespace
}  // namespace tokenlift::server_gauges_test
