#include "bench/ranks/helper.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "bench/machine/parcel.hpp"
#include "bench/ranks/clock_offset.hpp"
#include "bench/run/repetition_work.hpp"
#include "bench/sweep/point_work.hpp"
#include "bench/tune/attempt_work.hpp"

namespace tokenlift {

namespace {

using Worker = std::function<std::string(const std::string& item)>;

/// While all threads compute, the most that can come is that they are to end early.
constexpr std::chrono::microseconds kWhileFree{300}, kWhileBusy{5000};

class Helper {
 public:
  Helper(RankMail& mail, const std::vector<std::string>& words, const std::atomic<bool>& stop)
      : mail_(mail),
        stop_(stop),
        workers_{{kRepetitionWork, repetition_worker(words, cut_)},
                 {kPointWork, point_worker(words, cut_)},
                 {kAttemptWork, attempt_worker(words, cut_)}} {}

  void run() {
    for (;;) {
      while (std::optional<Letter> letter = mail_.collect()) {
        if (letter->tag == Tag::end) return;
        take(*std::move(letter));
      }
      if (stop_) cut_ = true;
      std::unique_lock lock(mutex_);
      const bool busy = under_way_ > 0 && under_way_ == threads_.size();
      finished_.wait_for(lock, busy ? kWhileBusy : kWhileFree, [&] { return !done_.empty(); });
      std::deque<std::string> done = std::exchange(done_, {});
      lock.unlock();
      for (std::string& text : done) mail_.post(0, Tag::result, std::move(text));
    }
  }

 private:
  void take(Letter letter) {
    switch (letter.tag) {
      case Tag::item: {
        const std::lock_guard lock(mutex_);
        if (under_way_ == 0) cut_ = false;  // that was of items before
        ++under_way_;
        items_.push_back(std::move(letter.text));
        if (under_way_ > threads_.size()) {
          threads_.emplace_back([this](const std::stop_token& end) { compute(end); });
        }
        come_.notify_one();
        break;
      }
      case Tag::cut:
        cut_ = true;
        break;
      case Tag::clock:
        answer_clock(mail_, letter.from);
        break;
      case Tag::result:
      case Tag::end:
      case Tag::ping:
        break;
    }
  }

  void compute(const std::stop_token& end) {
    std::unique_lock lock(mutex_);
    while (come_.wait(lock, end, [&] { return !items_.empty(); })) {
      const std::string item = std::move(items_.front());
      items_.pop_front();
      lock.unlock();
      std::string result = result_of(item);
      lock.lock();
      --under_way_;
      done_.push_back(std::move(result));
      finished_.notify_one();
    }
  }

  std::string result_of(const std::string& text) const {
    OpenedParcel opened(text);
    Parcel parcel;
    parcel.add_number(opened.number());
    try {
      const Worker& worker = workers_.at(opened.text());
      const std::string result = worker(opened.text());
      parcel.add_number(0).add(result);
    } catch (const std::exception& error) {
      parcel.add_number(1).add(error.what());
    }
    return parcel.take();
  }

  RankMail& mail_;
  const std::atomic<bool>& stop_;
  std::atomic<bool> cut_{false};
  std::map<std::string, Worker> workers_;
  std::mutex mutex_;
  std::condition_variable_any come_;
  std::condition_variable finished_;
  std::deque<std::string> items_;
  std::deque<std::string> done_;
  std::size_t under_way_ = 0;
  std::vector<std::jthread> threads_;  // as many as rank 0 has had at work at the same time
};

}  // namespace

void help_rank_0(RankMail& mail, const std::vector<std::string>& words,
                 const std::atomic<bool>& stop) {
  Helper(mail, words, stop).run();
}

}  // namespace tokenlift
