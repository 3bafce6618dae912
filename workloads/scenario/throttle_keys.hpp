#pragma once
// The keys of a throttle, a row for each: where its value is kept, its bounds, which kinds have it,
// and a line of help. The reader, the writer, `set` events and what they do, and the reference
// (README.md) all go over these rows. A new key is a row, and a member of Throttle (and of
// Settings, if events can set it).

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// Where the value of a key is kept: of a throttle, and of what an event sets.
template <typename Value, typename Kept = Value>
struct Member {
  Kept Throttle::*throttle;
  std::optional<Value> Settings::*settings;
};
/// `rate` and `load` share one.
struct RateMember : Member<Rate> {
  std::optional<double> Rate::*part;
};
/// Of a key that no event can set.
template <typename Value>
struct FixedMember {
  Value Throttle::*throttle;
};

struct ThrottleKey {
  std::string_view name;
  std::variant<RateMember, Member<Burst>, Member<double>, Member<double, std::optional<double>>,
               Member<std::int64_t>, Member<std::int64_t, std::optional<std::int64_t>>,
               Member<Charge>, Member<Mode>, Member<WhenFull>, FixedMember<std::string>,
               FixedMember<ThrottleKind>, FixedMember<Unit>, FixedMember<Scope>, FixedMember<bool>,
               FixedMember<std::int64_t>, FixedMember<std::optional<Follows>>,
               FixedMember<std::vector<std::string>>, FixedMember<std::vector<PeakHours>>>
      member;
  /// Of a number.
  double least = 0;
  double most = 0;
  bool (*belongs_to)(const KindTraits& kind);
  /// Written also where it has the value that it has by default.
  bool always_written = true;
  std::string_view by_default = {};  ///< in words, or as it is written; empty: see `help`
  std::string_view help = {};        ///< in a line of Markdown
};

/// In the order in which they are written.
std::span<const ThrottleKey> throttle_keys();

/// The row of that name, which there must be.
const ThrottleKey& throttle_key(std::string_view name);

/// The kinds that have a key.
std::vector<ThrottleKind> kinds_with(const ThrottleKey& key);

/// Calls visit(key, member) for each key that an event can set.
template <typename Visit>
void for_each_setting(const Visit& visit) {
  for (const ThrottleKey& key : throttle_keys()) {
    std::visit(
        [&](const auto& member) {
          if constexpr (requires { member.settings; }) visit(key, member);
        },
        key.member);
  }
}

}  // namespace tokenlift
