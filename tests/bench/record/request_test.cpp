#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "bench/record/request_table.hpp"

namespace tokenlift::request_test {
namespace {

Request request(std::uint64_t number) {
  Request request;
  request.number = number & Request::kMostNumber;
  request.due_ns = static_cast<std::int64_t>(number);
  return request;
}

TEST(RequestTable, TheLastFreePlaceIsTakenFirst) {
  RequestTable table;
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(table.add(request(i)), i);
  table.remove(0);
  table.remove(2);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.add(request(3)), 2U);
  EXPECT_EQ(table.add(request(4)), 0U);
  EXPECT_EQ(table.add(request(5)), 3U) << "none is free: a new place";
}

TEST(RequestTable, RequestsNeverMove) {
  RequestTable table;
  const Request* first = &table[table.add(request(0))];
  for (std::uint64_t i = 1; i < 100'000; ++i) table.add(request(i));
  EXPECT_EQ(&table[0], first);
  for (RequestId id = 0; id < 100'000; ++id) ASSERT_EQ(table[id].number, id);
}

RC_GTEST_PROP(RequestTable, HoldsWhatWasAddedAndNotRemoved, ()) {
  RequestTable table;
  std::map<RequestId, std::uint64_t> expected;
  std::size_t most = 0;
  std::uint64_t number = 0;
  for (int i = *rc::gen::inRange(0, 300); i > 0; --i) {
    if (!expected.empty() && *rc::gen::inRange(0, 3) == 0) {
      const auto which = *rc::gen::inRange<std::size_t>(0, expected.size());
      const auto chosen = std::next(expected.begin(), static_cast<std::ptrdiff_t>(which));
      table.remove(chosen->first);
      expected.erase(chosen);
      continue;
    }
    const RequestId id = table.add(request(number));
    RC_ASSERT(expected.emplace(id, number++).second);
    most = std::max(most, expected.size());
    RC_ASSERT(id < most);  // memory is that of the requests in flight
  }
  RC_ASSERT(table.size() == expected.size());
  std::set<std::uint64_t> visited;
  table.for_each([&](RequestId id, const Request& visit) {
    EXPECT_EQ(&table[id], &visit);
    visited.insert(visit.number);
  });
  RC_ASSERT(visited.size() == expected.size());
  for (const auto& [id, expected_number] : expected) {
    RC_ASSERT(table[id].number == expected_number);
    RC_ASSERT(visited.contains(expected_number));
  }
}

}  // namespace
}  // namespace tokenlift::request_test
