#pragma once
// How sure the mean of one series is: means of blocks that are long against its autocorrelation.
//
// What happens in one bin depends on what happened in those before (a queue remembers), so bins are
// not a sample. Means of blocks that are long against the autocorrelation time nearly are
// ("batch means": Schmeiser, Batch Size Effects in the Analysis of Simulation Output, Operations
// Research 30, 1982, who found that more than 10 to 30 blocks gain little).
//
// A block is kBlockTimes autocorrelation times long, and at least a thirtieth of the series (the
// autocorrelation time is an estimate too, and of a short series one that is too short). With fewer
// than kLeastBlocks of them there is no standard error.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "reports/analysis/interval.hpp"

namespace tokenlift {

inline constexpr double kBlockTimes = 10;
inline constexpr std::size_t kLeastBlocks = 10;
inline constexpr std::size_t kMostBlocks = 30;

/// Of a series that is not empty. From the first value on, so that a constant one has exactly its
/// mean, and no variance.
double mean_of(std::span<const double> values);

/// 1 + 2 x the sum of the autocorrelations, in bins, and at least 1: so many bins tell as much of
/// the mean as one independent value. The sum ends as in Geyer's initial monotone sequence
/// (Practical Markov Chain Monte Carlo, Statistical Science 7, 1992). 1 for a constant series.
double autocorrelation_time(std::span<const double> values);

/// n x the variance of the mean of n values: their variance x their autocorrelation time, both
/// estimated about the series' own mean and so too small by a share of time / n, which is put
/// right.
double long_run_variance(std::span<const double> values);

struct BlockMeans {
  std::size_t bins = 0;
  double autocorrelation_bins = 1;
  std::size_t bins_per_block = 1;
  std::size_t blocks = 0;  ///< whole ones
  double mean = 0;         ///< of all bins
  /// Of the mean; absent: fewer than kLeastBlocks. Where the bins that are in no whole block move
  /// the mean by more than two of it, by how much they do is part of it.
  std::optional<double> standard_error;

  double effective_samples() const { return static_cast<double>(bins) / autocorrelation_bins; }
  std::size_t bins_needed() const { return kLeastBlocks * bins_per_block; }
};

BlockMeans block_means(std::span<const double> values);

/// What the bins of a series are.
struct Bins {
  std::int64_t ns = 0;   ///< how long each is
  std::size_t runs = 1;  ///< whose series were added up
};

// None of them is an interval of zero width: where all blocks are alike, and yet there is a
// difference, they do not show how much it varies.

/// after / before of the means within a run: delta method on logarithms, degrees of freedom after
/// Welch and Satterthwaite. Both means must be above 0.
Estimate ratio_of_blocks(const BlockMeans& before, const BlockMeans& after, const Bins& bins);

/// after - before, the same way on the means as they are.
Estimate difference_of_blocks(const BlockMeans& before, const BlockMeans& after, const Bins& bins);

/// The mean of one series, such as of the differences of two, bin by bin.
Estimate mean_of_blocks(const BlockMeans& blocks, const Bins& bins);

}  // namespace tokenlift
