#pragma once
// What a run.json may hold. Its writer and its reader go by these; what the scenario language
// allows stays within them (bench/run/experiment.cpp asserts it), so that what can be run can be
// read.

#include <cstddef>
#include <cstdint>

namespace tokenlift {

/// Instants, from the start of the run: twice the longest duration that a scenario can have. In
/// seconds they are exact to the ns up to 2^23 s (97 days), from there on to 1 part in 2^53.
inline constexpr std::int64_t kMostInstantNs = 20'000LL * 86'400 * 1'000'000'000;
/// Phases of all tenants: each has twelve histograms, of 24 KiB at most when it is read.
inline constexpr std::size_t kMostRecords = 30'000;
inline constexpr std::size_t kMostLimits = 250'000;  ///< of a throttle, over time
inline constexpr std::size_t kMostBins = 36'000;     ///< of a column; a run has 3,600 at most
inline constexpr std::size_t kMostSlices = 3600;
/// Ranks that play a run together: what each counts, up to 2^53, adds up in 64 bits.
inline constexpr std::int64_t kMostRanksRead = 1000;
/// Checks, words of the command, measured events, compositions of the fleet.
inline constexpr std::size_t kMostListed = 10'000;
/// Of what a server says of itself: exact in every JSON reader.
inline constexpr std::int64_t kMostSaid = std::int64_t{1} << 53;
inline constexpr std::size_t kMostDigits = 36;  ///< of a sum
/// Of a name, an advice, a word of the command (128 KiB at most) or the buckets of a histogram (80
/// KiB at most): reports repeat names in many places.
inline constexpr std::size_t kMostWordBytes = std::size_t{1} << 20;
/// Of the file. A large one is histograms: 12 of each record, and kMostSlices. There is room for
/// all of those of kFullRecords to spread over 16 octaves (10 ms to 10 min) with up to 10^7 samples
/// in each of the 1,024 buckets, 13 bytes, beside everything else at its bounds; of more records,
/// each has as much less. Reading holds the text twice.
inline constexpr std::size_t kFullRecords = 1536;
inline constexpr std::size_t kMostTextBytes = std::size_t{320} << 20;

}  // namespace tokenlift
