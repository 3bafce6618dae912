#pragma once
// Rank 0's side: the other ranks, which compute for it.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "bench/machine/work_pool.hpp"
#include "bench/ranks/greeting.hpp"
#include "bench/ranks/mail.hpp"

namespace tokenlift {

class Helpers final : public Ranks {
 public:
  /// `mail` stays in use. `greetings`: of all ranks, rank 0 included.
  Helpers(RankMail& mail, std::vector<Greeting> greetings);

  std::size_t count() const override { return greetings_.size(); }
  std::size_t threads() const override { return greetings_.front().threads; }
  void help(WorkSource& source, std::optional<std::size_t> threads) override;
  std::vector<RankClock> compare_clocks() override;
  void each(const WorkElsewhere& work, const std::function<void()>& here) override;

  /// Tells them that nothing more will come.
  void end();

 private:
  class Handout;

  RankMail& mail_;
  std::vector<Greeting> greetings_;
};

}  // namespace tokenlift
