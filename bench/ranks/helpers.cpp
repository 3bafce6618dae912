#include "bench/ranks/helpers.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include "bench/machine/parcel.hpp"
#include "bench/ranks/clock_offset.hpp"

namespace tokenlift {

namespace {

/// MPI's own waiting takes a whole core, which is wanted for computing. Where every rank has but
/// one item, in real time, nothing is gained by looking more often.
constexpr std::chrono::microseconds kBetweenLooks{300}, kSeldom{5000};

}  // namespace

/// Items of one kind on their way to ranks and back.
class Helpers::Handout {
 public:
  /// `free`: how many items each rank takes at a time. `next`: one for a rank, nothing where there
  /// is no more. `is_cut`: what is under way is to end early, and nothing more is taken.
  Handout(RankMail& mail, const WorkElsewhere& work, const std::vector<std::size_t>& free,
          std::function<std::optional<WorkSource::Packed>(std::size_t rank)> next,
          std::function<bool()> is_cut, std::chrono::microseconds between_looks)
      : mail_(mail),
        work_(work),
        next_(std::move(next)),
        is_wanted_no_more_(std::move(is_cut)),
        between_looks_(between_looks) {
    for (const std::size_t items : free) ranks_.push_back({items, 0});
  }

  void run() {
    for (;;) {
      cut_if_due();
      hand_out();
      const bool came = take_in();
      if (under_way_ == 0 && (all_taken_ || is_cut_)) break;
      if (!came) std::this_thread::sleep_for(between_looks_);
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  struct Rank {
    std::size_t free = 0;  // items that it would take
    std::size_t under_way = 0;
  };

  void cut_if_due() {
    if (is_cut_ || !(failure_ || is_wanted_no_more_())) return;
    is_cut_ = true;
    for (std::size_t rank = 1; rank < ranks_.size(); ++rank) {
      if (ranks_[rank].under_way > 0) mail_.post(static_cast<int>(rank), Tag::cut, "");
    }
  }

  /// To each of them one, then to each another one: the last items are spread over all.
  void hand_out() {
    for (bool any = true; any && !all_taken_ && !is_cut_;) {
      any = false;
      for (std::size_t rank = 1; rank < ranks_.size() && !all_taken_ && !failure_; ++rank) {
        if (ranks_[rank].free == 0) continue;
        any = attempt([&] { hand_out_to(rank); });
      }
      if (failure_) return;
    }
  }

  void hand_out_to(std::size_t rank) {
    std::optional<WorkSource::Packed> packed = next_(rank);
    if (!packed) {
      all_taken_ = true;
      return;
    }
    Parcel parcel;
    parcel.add_number(packed->item).add(work_.kind).add(packed->text);
    mail_.post(static_cast<int>(rank), Tag::item, parcel.take());
    --ranks_[rank].free;
    ++ranks_[rank].under_way;
    ++under_way_;
  }

  bool take_in() {
    bool came = false;
    while (std::optional<Letter> letter = mail_.collect()) {
      came = true;
      Rank& from = ranks_[static_cast<std::size_t>(letter->from)];
      ++from.free;
      --from.under_way;
      --under_way_;
      if (failure_) continue;
      attempt([&] {
        OpenedParcel parcel(letter->text);
        const std::uint64_t item = parcel.number();
        const bool failed = parcel.number() == 1;
        work_.keep(item, {failed, parcel.text()});
      });
    }
    return came;
  }

  /// What is under way is still waited for: the next work begins with ranks that are free.
  template <typename Step>
  bool attempt(const Step& step) {
    try {
      step();
      return true;
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
  }

  RankMail& mail_;
  const WorkElsewhere& work_;
  std::function<std::optional<WorkSource::Packed>(std::size_t rank)> next_;
  std::function<bool()> is_wanted_no_more_;
  std::chrono::microseconds between_looks_;
  std::vector<Rank> ranks_;  // by number
  std::size_t under_way_ = 0;
  bool all_taken_ = false;
  bool is_cut_ = false;
  std::exception_ptr failure_;
};

Helpers::Helpers(RankMail& mail, std::vector<Greeting> greetings)
    : mail_(mail), greetings_(std::move(greetings)) {}

void Helpers::help(WorkSource& source, std::optional<std::size_t> threads) {
  std::vector<std::size_t> free = {0};  // rank 0 computes on threads of its own
  for (std::size_t rank = 1; rank < count(); ++rank) {
    free.push_back(threads.value_or(greetings_[rank].threads));
  }
  const auto next = [&](std::size_t) { return source.next_packed(); };
  const auto is_cut = [&] { return source.is_cut(); };
  Handout(mail_, source.elsewhere(), free, next, is_cut, kBetweenLooks).run();
}

std::vector<RankClock> Helpers::compare_clocks() {
  std::vector<RankClock> clocks(1);
  for (std::size_t rank = 1; rank < count(); ++rank) {
    clocks.push_back(measure_clock(mail_, static_cast<int>(rank)));
  }
  return clocks;
}

void Helpers::each(const WorkElsewhere& work, const std::function<void()>& here) {
  std::vector<std::size_t> free(count(), 1);
  free.front() = 0;
  std::size_t given = 0;
  const auto next = [&](std::size_t rank) -> std::optional<WorkSource::Packed> {
    if (++given == count()) return std::nullopt;
    return WorkSource::Packed{rank, work.pack(rank).value()};
  };
  std::atomic<bool> failed{false};
  const auto is_cut = [&] { return failed || (work.stop != nullptr && *work.stop); };
  std::exception_ptr elsewhere;
  {
    const std::jthread others([&] {
      try {
        Handout(mail_, work, free, next, is_cut, kSeldom).run();
      } catch (...) {
        elsewhere = std::current_exception();
      }
    });
    try {
      here();
    } catch (...) {
      failed = true;
      throw;
    }
  }
  if (elsewhere) std::rethrow_exception(elsewhere);
}

void Helpers::end() {
  for (std::size_t rank = 1; rank < greetings_.size(); ++rank) {
    mail_.post(static_cast<int>(rank), Tag::end, "");
  }
  mail_.flush();
}

}  // namespace tokenlift
