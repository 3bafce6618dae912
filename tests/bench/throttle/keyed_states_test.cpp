#include "bench/throttle/keyed_states.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tokenlift::keyed_states_test {
namespace {

TEST(KeyedStates, AKeyThatNobodyTouchedHasTheTemplatesState) {
  KeyedStates<int> states(10'000'000, 7);
  EXPECT_EQ(states[0], 7);
  EXPECT_EQ(states[9'999'999], 7);
  EXPECT_EQ(states.touched(), 0U) << "looking makes nothing";
}

TEST(KeyedStates, AKeyIsMadeFromTheTemplateWhenItIsFirstTouched) {
  KeyedStates<int> states(1000, 7);
  EXPECT_EQ(states.touch(500), 7);
  states.touch(500) = 8;
  EXPECT_EQ(states[500], 8);
  EXPECT_EQ(states[499], 7);
  EXPECT_EQ(states.touched(), 1U);
}

TEST(KeyedStates, AChangeOfAllVisitsTheTemplateAndWhatWasTouchedOnly) {
  KeyedStates<int> states(1000, 7);
  states.touch(3) = 10;
  states.touch(900) = 20;
  std::vector<int> visited;
  states.for_each([&](int& state) { visited.push_back(state++); });
  EXPECT_EQ(visited, (std::vector<int>{7, 10, 20}));
  EXPECT_EQ(states[3], 11);
  EXPECT_EQ(states[900], 21);
  EXPECT_EQ(states[0], 8);
  EXPECT_EQ(states.touch(1), 8) << "as if it had been there";
}

TEST(KeyedStates, WhatKeysHaveIsVisitedWithoutATemplateThatNoneHas) {
  KeyedStates<int> states(2, 7);
  const auto had = [&] {
    std::vector<int> visited;
    states.for_each_had([&](const int& state) { visited.push_back(state); });
    return visited;
  };
  EXPECT_EQ(had(), std::vector<int>{7});
  states.touch(1) = 3;
  EXPECT_EQ(had(), (std::vector<int>{7, 3}));
  states.touch(0) = 9;
  EXPECT_EQ(had(), (std::vector<int>{3, 9}));
}

TEST(KeyedStates, StatesNeverMove) {
  KeyedStates<std::uint32_t> states(10'000, 0);
  std::vector<std::uint32_t*> places;
  for (std::uint32_t key = 0; key < 10'000; ++key) {
    places.push_back(&states.touch(key));
    *places.back() = key;
  }
  for (std::uint32_t key = 0; key < 10'000; ++key) {
    ASSERT_EQ(&states.touch(key), places[key]);
    ASSERT_EQ(states[key], key);
  }
}

}  // namespace
}  // namespace tokenlift::keyed_states_test
