#include "bench/machine/work_pool.hpp"

#include <thread>
#include <utility>

#include "bench/machine/host.hpp"

namespace tokenlift {

std::optional<std::size_t> WorkSource::next() {
  if (failed_) return std::nullopt;
  const std::size_t item = next_.fetch_add(1);
  return item < work_.count ? std::optional(item) : std::nullopt;
}

std::optional<WorkSource::Packed> WorkSource::next_packed() {
  while (const std::optional<std::size_t> item = next()) {
    if (std::optional<std::string> text = work_.elsewhere->pack(*item)) {
      return Packed{*item, *std::move(text)};
    }
    left_here_.push_back(*item);
  }
  return std::nullopt;
}

bool WorkSource::is_cut() const {
  const std::atomic<bool>* const stop = work_.elsewhere->stop;
  return failed_ || (stop != nullptr && *stop);
}

std::size_t usual_threads(const Ranks* ranks) {
  return ranks != nullptr ? ranks->threads() : core_count();
}

WorkPool::WorkPool(std::optional<std::size_t> threads, Ranks* ranks)
    : threads_(threads), ranks_(ranks), workers_(threads.value_or(usual_threads(ranks))) {}

void WorkPool::run(const WorkItems& work) {
  std::atomic<bool> failed{false};
  WorkSource source(work, failed);
  std::exception_ptr elsewhere;
  {
    std::jthread others;
    if (ranks_ != nullptr && ranks_->count() > 1 && work.elsewhere) {
      others = std::jthread([&] {
        try {
          ranks_->help(source, threads_);
        } catch (...) {
          elsewhere = std::current_exception();
          failed = true;
        }
      });
    }
    workers_.run(workers_.count(), [&](std::size_t) {
      try {
        while (const std::optional<std::size_t> item = source.next()) work.here(*item);
      } catch (...) {
        failed = true;
        throw;
      }
    });
  }
  if (elsewhere) std::rethrow_exception(elsewhere);
  const std::vector<std::size_t> left = source.left_here();
  workers_.run(left.size(), [&](std::size_t i) { work.here(left[i]); });
}

}  // namespace tokenlift
