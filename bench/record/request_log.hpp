#pragma once
// One record per request, streamed into a CSV file while the run goes on.
//
// The loop hands over plain records, some thousand at a time; a thread of its own writes them, so
// that neither formatting nor the disk makes the loop late. The file is not kept whole or not at
// all: what was written is there, also after a crash.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/record/request.hpp"

namespace tokenlift {

/// What became of a request, and when. kNoInstant: it did not get there.
struct RequestRecord {
  static constexpr std::int64_t kNoInstant = -1;  ///< as in a Request that is not admitted

  Request request;
  std::string_view outcome;  ///< as in run.json's counts; must outlive the log
  bool slo_met = false;
  std::int64_t scheduled_ns = kNoInstant;
  std::int64_t first_token_ns = kNoInstant;
  std::int64_t last_token_ns = kNoInstant;
  std::int64_t end_ns = 0;  ///< when it was decided; in_flight: when the run ended
};

class RequestLog {
 public:
  /// Makes the file, with a head line. Throws MachineError.
  explicit RequestLog(std::filesystem::path file);
  /// What is left is written; failures are then known to nobody. Call close() before.
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  /// The records that follow are of this run. `asked_with_seed`: its requests go to endpoints, and
  /// have the names of their last attempts (attempt_name.hpp).
  void begin_run(std::uint64_t repetition, bool control, const std::vector<std::string>& tenants,
                 std::vector<std::string> phases,
                 std::optional<std::uint64_t> asked_with_seed = std::nullopt);

  /// A request that came from elsewhere is called so by its client (x-request-id): for its record,
  /// which is still to be added.
  void name(const Request& request, std::string_view request_id);

  /// Waits only where the disk is some 250,000 records behind.
  void add(const RequestRecord& record) {
    block_.records.push_back(record);
    if (!names_.empty()) take_name(record.request);
    if (block_.records.size() == kBlock) hand_over();
  }

  /// Writes what is left. Throws MachineError if anything could not be written.
  void close();

 private:
  static constexpr std::size_t kBlock = 4096;
  static constexpr std::size_t kMostBlocks = 64;

  /// What the records of one run have in common.
  struct RunLabel {
    std::string head;                  // repetition and arm, as they are written
    std::vector<std::string> tenants;  // as fields
    std::vector<std::string> phases;
    std::optional<std::uint64_t> asked_with_seed;
  };
  struct Block {
    std::shared_ptr<const RunLabel> label;
    std::vector<RequestRecord> records;
    std::vector<std::pair<std::size_t, std::string>> names;  // by record, of those that have one
  };

  void take_name(const Request& request);
  void hand_over();
  void write_blocks();
  void write(const Block& block);
  void write(std::string_view text);

  std::filesystem::path path_;
  int file_ = -1;
  Block block_;                                           // being filled by the loop
  std::unordered_map<std::uint64_t, std::string> names_;  // of requests in flight
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> full_;  // guarded by mutex_
  bool closing_ = false;    // guarded by mutex_
  int error_ = 0;           // of the writer; read once it has been joined
  std::thread writer_;
};

}  // namespace tokenlift
