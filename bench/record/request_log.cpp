#include "bench/record/request_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "bench/machine/output_folder.hpp"
#include "bench/record/attempt_name.hpp"
#include "reports/record/request_rows.hpp"
#include "reports/text/csv_text.hpp"

namespace tokenlift {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw MachineError(fmt::format("cannot write the records to '{}': {}", path.string(),
                                 std::generic_category().message(error)));
}

/// No other request of the run in flight has it.
std::uint64_t key_of(const Request& request) {
  constexpr int kNumberBits = 36;
  return std::uint64_t{request.tenant} << kNumberBits | request.number;
}

}  // namespace

RequestLog::RequestLog(std::filesystem::path file) : path_(std::move(file)) {
  file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) fail(path_, errno);
  write(kRequestRowsHead);
  write("\n");
  if (error_ != 0) {
    ::close(file_);
    fail(path_, error_);
  }
  writer_ = std::thread([this] { write_blocks(); });
}

RequestLog::~RequestLog() {
  try {
    close();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the caller that wants to know
                                     // calls it
  }
}

void RequestLog::begin_run(std::uint64_t repetition, bool control,
                           const std::vector<std::string>& tenants, std::vector<std::string> phases,
                           std::optional<std::uint64_t> asked_with_seed) {
  hand_over();
  auto label = std::make_shared<RunLabel>();
  label->head = fmt::format("{},{},", repetition, control ? "control" : "lifted");
  for (const std::string& tenant : tenants) label->tenants.push_back(csv_name(tenant));
  label->phases = std::move(phases);
  label->asked_with_seed = asked_with_seed;
  block_.label = std::move(label);
  block_.records.reserve(kBlock);
}

void RequestLog::name(const Request& request, std::string_view request_id) {
  names_.insert_or_assign(key_of(request), std::string(request_id));
}

void RequestLog::take_name(const Request& request) {
  auto name = names_.extract(key_of(request));
  if (name) block_.names.emplace_back(block_.records.size() - 1, std::move(name.mapped()));
}

void RequestLog::hand_over() {
  if (block_.records.empty()) return;
  Block next{block_.label, {}, {}};
  next.records.reserve(kBlock);
  std::swap(next, block_);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return full_.size() < kMostBlocks; });
    full_.push_back(std::move(next));
  }
  changed_.notify_all();
}

void RequestLog::close() {
  if (!writer_.joinable()) return;
  bool lost = false;
  try {
    hand_over();
  } catch (const std::bad_alloc&) {
    lost = true;
  }
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  writer_.join();
  if (lost && error_ == 0) error_ = ENOMEM;
  if (::close(file_) != 0 && error_ == 0) error_ = errno;
  if (error_ != 0) fail(path_, error_);
}

void RequestLog::write_blocks() {
  while (true) {
    Block block;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !full_.empty(); });
      if (full_.empty()) return;
      block = std::move(full_.front());
      full_.pop_front();
    }
    changed_.notify_all();
    // After a failure the rest is dropped: the run itself goes on, and close() tells.
    try {
      if (error_ == 0) write(block);
    } catch (const std::bad_alloc&) {
      error_ = ENOMEM;
    }
  }
}

void RequestLog::write(const Block& block) {
  std::string text;
  const auto instant = [&](std::int64_t at_ns) {
    text += ',';
    if (at_ns != RequestRecord::kNoInstant) text += fmt::format_int(at_ns).c_str();
  };
  auto name = block.names.begin();
  for (std::size_t i = 0; i < block.records.size(); ++i) {
    const RequestRecord& record = block.records[i];
    const Request& request = record.request;
    fmt::format_to(std::back_inserter(text), "{}{},{},{},{},{},{},{},{}", block.label->head,
                   block.label->tenants[request.tenant], std::uint64_t{request.number},
                   block.label->phases[request.phase], record.outcome, record.slo_met ? 1 : 0,
                   std::uint64_t{request.attempts}, request.prompt_tokens, request.output_tokens);
    instant(request.due_ns);
    instant(request.sent_ns);
    instant(request.admitted_ns);
    instant(record.scheduled_ns);
    instant(record.first_token_ns);
    instant(record.last_token_ns);
    instant(record.end_ns);
    text += ',';
    if (name != block.names.end() && name->first == i) text += csv_name((name++)->second);
    if (block.label->asked_with_seed && request.sent_ns != RequestRecord::kNoInstant) {
      text += attempt_name(*block.label->asked_with_seed, request.tenant, request.number,
                           request.attempts);
    }
    text += '\n';
  }
  write(text);
}

void RequestLog::write(std::string_view text) {
  if (error_ == 0) error_ = write_to(file_, text);
}

}  // namespace tokenlift
