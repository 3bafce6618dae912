#include "bench/machine/work_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/machine/in_order.hpp"
#include "bench/machine/last_made.hpp"
#include "bench/machine/parcel.hpp"
#include "tests/bench/machine/played_ranks.hpp"

namespace tokenlift::work_pool_test {
namespace {

using Counts = std::vector<std::atomic<int>>;

std::string squared(const std::string& item) {
  const int number = std::stoi(item);
  if (number == 13) throw std::runtime_error("thirteen");
  return std::to_string(number * number);
}

/// Squares of 0 .. count - 1, of which the odd ones may be computed elsewhere.
struct Squares {
  explicit Squares(std::size_t count) : here(count), elsewhere(count), squares(count) {
    work.count = count;
    work.here = [this](std::size_t item) {
      ++here[item];
      squares[item] = static_cast<int>(item * item);
    };
    work.elsewhere =
        WorkElsewhere{"square",
                      [](std::size_t item) {
                        return item % 2 == 1 ? std::optional(std::to_string(item)) : std::nullopt;
                      },
                      [this](std::size_t item, const WorkResult& reply) {
                        ++elsewhere[item];
                        squares[item] = std::stoi(reply.result());
                      },
                      nullptr};
  }
  Counts here, elsewhere;
  std::vector<int> squares;
  WorkItems work;
};

TEST(WorkPool, EveryItemIsComputedOnceByWhoeverMay) {
  for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
    PlayedRanks ranks({{"square", squared}});
    Squares squares(12);
    WorkPool(threads, &ranks).run(squares.work);
    std::size_t elsewhere = 0;
    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_EQ(squares.here[i] + squares.elsewhere[i], 1) << i;
      EXPECT_TRUE(i % 2 == 1 || squares.here[i] == 1) << i;
      EXPECT_EQ(squares.squares[i], static_cast<int>(i * i));
      elsewhere += static_cast<std::size_t>(squares.elsewhere[i]);
    }
    EXPECT_EQ(ranks.computed(), elsewhere);
  }
}

TEST(WorkPool, WithoutOtherRanksAllIsComputedHereAndInOrder) {
  std::vector<std::size_t> order;
  WorkPool(1).run(5, [&](std::size_t item) { order.push_back(item); });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(WorkPool, WhatFailsHereEndsItForAll) {
  PlayedRanks ranks({{"square", squared}});
  Squares squares(1000);
  squares.work.here = [](std::size_t) { throw std::logic_error("here"); };
  EXPECT_THROW(WorkPool(2, &ranks).run(squares.work), std::logic_error);
}

TEST(WorkPool, WhatFailsElsewhereIsThrownWhereItIsKept) {
  PlayedRanks ranks({{"square", squared}});
  Squares squares(14);
  // Nothing but the item that fails is there for the others.
  squares.work.elsewhere->pack = [](std::size_t item) {
    return item == 0 ? std::optional<std::string>("13") : std::nullopt;
  };
  squares.work.here = [](std::size_t) {};
  squares.work.count = 1;
  bool thrown = false;
  for (int attempt = 0; attempt < 1000 && !thrown; ++attempt) {  // this process may be quicker
    try {
      WorkPool(1, &ranks).run(squares.work);
    } catch (const FailedElsewhere& error) {
      EXPECT_STREQ(error.what(), "thirteen");
      thrown = true;
    }
  }
  EXPECT_EQ(thrown, ranks.computed() > 0);
}

TEST(WorkSource, IsCutWhereItsWorkIsToEnd) {
  Squares squares(3);
  std::atomic<bool> stop{false}, failed{false};
  squares.work.elsewhere->stop = &stop;
  WorkSource source(squares.work, failed);
  EXPECT_FALSE(source.is_cut());
  stop = true;
  EXPECT_TRUE(source.is_cut());
  stop = false;
  failed = true;
  EXPECT_TRUE(source.is_cut());
  EXPECT_FALSE(source.next());
}

TEST(WorkSource, KeepsWhatMustBeComputedHere) {
  Squares squares(3);
  const std::atomic<bool> failed{false};
  WorkSource source(squares.work, failed);
  EXPECT_EQ(source.next_packed()->item, 1U);
  EXPECT_FALSE(source.next_packed());
  EXPECT_EQ(source.left_here(), (std::vector<std::size_t>{0, 2}));
}

TEST(InOrder, HandsOnByNumberWhateverTheOrderInWhichItComes) {
  std::string all;
  InOrder<std::string> in_order([&](std::uint64_t number, const std::string& text) {
    all += std::to_string(number) + text + " ";
  });
  in_order.add(2, "b");
  EXPECT_EQ(all, "");
  in_order.add(1, "a");
  EXPECT_EQ(all, "1a 2b ");
  in_order.add(4, "d");
  in_order.add(3, "c");
  EXPECT_EQ(all, "1a 2b 3c 4d ");
}

TEST(LastMade, MakesAnewOnlyWhatHasNotComeLately) {
  int made = 0;
  LastMade<const std::string> last(2);
  const auto get = [&](const std::string& text) {
    return *last.get(
        text, [&] { return std::make_shared<const std::string>(text + std::to_string(++made)); });
  };
  EXPECT_EQ(get("a"), "a1");
  EXPECT_EQ(get("b"), "b2");
  EXPECT_EQ(get("a"), "a1");
  EXPECT_EQ(get("c"), "c3");  // in the place of b, which came before a came again
  EXPECT_EQ(get("a"), "a1");
  EXPECT_EQ(get("b"), "b4");
  EXPECT_THROW(
      last.get("d", []() -> std::shared_ptr<const std::string> { throw std::logic_error(""); }),
      std::logic_error);
  EXPECT_EQ(last.get("d", [] { return nullptr; }), nullptr);
  EXPECT_EQ(get("d"), "d5");
}

TEST(Parcel, WhatComesOutIsWhatWentIn) {
  const double tiny = std::numeric_limits<double>::denorm_min();
  Parcel parcel;
  parcel.add("").add(std::string("a\0b\n", 4)).add(std::vector<std::string>{"", "x"});
  parcel.add_number(std::numeric_limits<std::uint64_t>::max()).add_real(tiny).add_real(-0.0);
  const std::string bytes = parcel.take();
  OpenedParcel opened(bytes);
  EXPECT_EQ(opened.text(), "");
  EXPECT_EQ(opened.text(), std::string("a\0b\n", 4));
  EXPECT_EQ(opened.texts(), (std::vector<std::string>{"", "x"}));
  EXPECT_EQ(opened.number(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(opened.real(), tiny);
  EXPECT_TRUE(std::signbit(opened.real()));
  EXPECT_THROW(opened.number(), WrongParcel);
  for (std::size_t bytes_left = 0; bytes_left < bytes.size(); ++bytes_left) {
    OpenedParcel cut(std::string_view(bytes).substr(0, bytes_left));
    const auto read_all = [&] {
      cut.text(), cut.text(), cut.texts(), cut.number(), cut.real(), cut.real();
    };
    EXPECT_THROW(read_all(), WrongParcel) << bytes_left;
  }
}

}  // namespace
}  // namespace tokenlift::work_pool_test
