#pragma once
// Another rank that is played in this process: what it is asked to compute it computes at once, as
// text in, text out.

#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/machine/work_pool.hpp"

namespace tokenlift {

class PlayedRanks final : public Ranks {
 public:
  using Worker = std::function<std::string(const std::string& item)>;
  /// By their kinds.
  explicit PlayedRanks(std::map<std::string, Worker> workers) : workers_(std::move(workers)) {}

  std::size_t count() const override { return 2; }
  std::size_t threads() const override { return 1; }
  void help(WorkSource& source, std::optional<std::size_t>) override {
    const WorkElsewhere& elsewhere = source.elsewhere();
    while (const auto packed = source.next_packed()) {
      ++computed_;
      WorkResult reply;
      try {
        reply.text = workers_.at(elsewhere.kind)(packed->text);
      } catch (const std::exception& error) {
        reply = {true, error.what()};
      }
      elsewhere.keep(packed->item, reply);
    }
  }

  std::vector<RankClock> compare_clocks() override { return {{0, 0}, {0, 0}}; }
  void each(const WorkElsewhere& work, const std::function<void()>& here) override {
    here();
    work.keep(1, {false, workers_.at(work.kind)(work.pack(1).value())});
  }

  std::size_t computed() const { return computed_; }

 private:
  std::map<std::string, Worker> workers_;
  std::size_t computed_ = 0;
};

}  // namespace tokenlift
