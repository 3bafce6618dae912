#include "bench/record/token_record.hpp"

#include <algorithm>
#include <cassert>

namespace tokenlift {

namespace {

/// Token x ps over the first `steps` of a run, fewer than 2^31. Step j lasts first + j * slope, and
/// R + j * growth tokens are resident meanwhile. Products of 64 bits each, as far as it goes.
__int128 held_token_ps(const StepRun& run, const TokenRecord::Load& load, std::int64_t steps) {
  const std::int64_t length_ps = run.end_ps(steps) - run.begin_frac_ps;
  const __int128 held = static_cast<__int128>(load.resident_tokens) * length_ps;
  if (load.growth == 0 || steps <= 1) return held;
  const std::int64_t pairs = steps * (steps - 1) / 2;  // the sum of all j
  __int128 growing_ps = static_cast<__int128>(run.first_ps) * pairs;
  // The sum of all j squared. Dividing 128 bits takes long.
  constexpr std::int64_t kFew = std::int64_t{1} << 20;
  if (steps <= kFew) {
    growing_ps += static_cast<__int128>(run.slope_ps) * (pairs * (2 * steps - 1) / 3);
  } else {
    growing_ps += static_cast<__int128>(pairs) * (2 * steps - 1) / 3 * run.slope_ps;
  }
  return held + growing_ps * load.growth;
}

}  // namespace

TokenRecord::TokenRecord(const RecordingGrid& grid)
    : grid_(&grid),
      gap_limits_(grid.gap_limits.by_cell.empty() ? nullptr : &grid.gap_limits),
      cells_(grid.cells()),
      phases_(grid.phases.size()),
      tokens_by_bin_(grid.bins),
      draws_(grid),
      jobs_(grid) {
  assert(grid.phases.size() <= kMaxPhases);
}

void TokenRecord::decode(const StepRun& run, std::span<const CellCount> batch) {
  assert(run.begin_frac_ps >= 0 && run.begin_frac_ps < 1000);
  assert(run.steps >= 1 && run.first_ps >= 0 && run.slope_ps >= 0);
  const std::int64_t run_ps = run.end_ps(run.steps) - run.begin_frac_ps;
  const std::int64_t last_at_ns = run.begin_ns + (run.begin_frac_ps + run_ps) / 1000;
  const std::int64_t least_ns = run.first_ps / 1000;
  const std::int64_t most_ns = (run.first_ps + (run.steps - 1) * run.slope_ps) / 1000;
  const std::size_t bucket = Histogram::bucket_of(least_ns);
  at_.look_at(*grid_, run.begin_ns + (run.begin_frac_ps + run.first_ps) / 1000);

  const bool one_window = last_at_ns < at_.end_ns();
  const bool one_bucket = bucket == Histogram::bucket_of(most_ns);
  const auto steps = static_cast<std::uint64_t>(run.steps);
  std::uint64_t sequences = 0;
  for (const CellCount& part : batch) {
    CellRecord& record = cells_[part.cell];
    record.gap_sum_ps += static_cast<unsigned __int128>(run_ps) * part.sequences;
    if (one_window) record.produced[at_.phase()] += steps * part.sequences;
    if (one_bucket) record.gaps.count_in(bucket, steps * part.sequences, least_ns, most_ns);
    sequences += part.sequences;
  }
  if (one_window) {
    tokens_by_bin_[at_.bin()] += static_cast<std::int64_t>(steps * sequences);
  } else {
    count_tokens(run, last_at_ns, batch);
  }
  if (!one_bucket) count_gaps(run, batch);
}

/// Tokens of a run that crosses the border of a bin or phase, starting where at_ is.
void TokenRecord::count_tokens(const StepRun& run, std::int64_t last_at_ns,
                               std::span<const CellCount> batch) {
  std::int64_t done = 0;
  while (done < run.steps) {
    at_.look_at(*grid_, run.end_ns(done + 1));
    std::int64_t until = done + 1;
    if (last_at_ns < at_.end_ns()) {
      until = run.steps;
    } else if (run.end_ns(until + 1) < at_.end_ns()) {  // steps as long as bins need no solving
      until = run.steps_before(at_.end_ns());
    }
    const auto steps = static_cast<std::uint64_t>(until - done);
    for (const CellCount& part : batch) {
      cells_[part.cell].produced[at_.phase()] += steps * part.sequences;
      tokens_by_bin_[at_.bin()] += static_cast<std::int64_t>(steps * part.sequences);
    }
    done = until;
  }
}

/// Gaps of a run that crosses the border of a bucket: its slope is not 0.
void TokenRecord::count_gaps(const StepRun& run, std::span<const CellCount> batch) {
  std::int64_t done = 0;
  while (done < run.steps) {
    const std::int64_t least_ps = run.first_ps + done * run.slope_ps;
    const std::size_t bucket = Histogram::bucket_of(least_ps / 1000);
    std::int64_t until = run.steps;
    if (bucket + 1 < Histogram::kBuckets) {  // nothing is above the last one
      const std::int64_t edge_ps = Histogram::lower_ns(bucket + 1) * 1000;
      until = std::min(until, ceil_div(edge_ps - run.first_ps, run.slope_ps));
    }
    const std::int64_t most_ps = run.first_ps + (until - 1) * run.slope_ps;
    const auto steps = static_cast<std::uint64_t>(until - done);
    for (const CellCount& part : batch) {
      cells_[part.cell].gaps.count_in(bucket, steps * part.sequences, least_ps / 1000,
                                      most_ps / 1000);
    }
    done = until;
  }
}

void TokenRecord::served(const Service& service) {
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    const Phase& phase = grid_->phases[i];
    const std::int64_t length_ns =
        std::min(phase.end_ns, service.end_ns) - std::max(phase.begin_ns, service.begin_ns);
    if (length_ns <= 0) continue;
    const __int128 replica_ns = static_cast<__int128>(length_ns) * service.replicas;
    phases_[i].replica_ns += replica_ns;
    phases_[i].kv_room_token_ns += replica_ns * service.kv_tokens;
  }
  if (!draws_.any()) return;
  assert(service.replicas == 1 && "sites are told apart in virtual time alone");
  draws_.served(service.site, service.begin_ns, service.end_ns);
}

void TokenRecord::PhaseTotals::add(const Load& load, std::int64_t length_ns,
                                   __int128 held_token_ps) {
  busy_ns += length_ns;
  batch_ns += static_cast<__int128>(length_ns) * load.sequences;
  batch_room_ns += static_cast<__int128>(length_ns) * load.max_batch;
  resident_token_ps += held_token_ps;
}

void TokenRecord::steps(const StepRun& run, const Load& load, std::int64_t until_ns) {
  phase_at_.look_at(*grid_, run.begin_ns);
  const std::int64_t end_ns = run.end_ns(run.steps);
  if (end_ns >= std::min(phase_at_.end_ns(), until_ns)) return split_steps(run, load, until_ns);
  phases_[phase_at_.phase()].add(load, end_ns - run.begin_ns, held_token_ps(run, load, run.steps));
}

/// Steps that reach the end of the phase in which they begin, or `until_ns`.
void TokenRecord::split_steps(const StepRun& run, const Load& load, std::int64_t until_ns) {
  const std::int64_t all_ps = run.end_ps(run.steps);  // from begin_ns on, as all instants here
  // Token x ps from the run's beginning to `border_ns`, which is not after its end.
  const auto held_until = [&](std::int64_t border_ns) -> __int128 {
    const std::int64_t at_ps = (border_ns - run.begin_ns) * kPsPerNs;
    if (at_ps <= run.begin_frac_ps) return 0;
    const std::int64_t steps = run.steps_before(border_ns);
    return held_token_ps(run, load, steps) + static_cast<__int128>(at_ps - run.end_ps(steps)) *
                                                 (load.resident_tokens + steps * load.growth);
  };
  std::int64_t from_ns = run.begin_ns;
  __int128 before = 0;
  for (std::uint32_t phase = phase_at_.phase();; ++phase) {
    const bool last = phase + 1 == grid_->phases.size();
    const std::int64_t border_ns =
        std::min(last ? kNever : grid_->phases[phase + 1].begin_ns, until_ns);
    const bool ends = border_ns == kNever || border_ns - run.begin_ns >= ceil_div(all_ps, kPsPerNs);
    const std::int64_t to_ns = ends ? run.end_ns(run.steps) : std::max(from_ns, border_ns);
    const __int128 now = ends ? held_token_ps(run, load, run.steps) : held_until(border_ns);
    phases_[phase].add(load, to_ns - from_ns, now - before);
    if (ends || border_ns == until_ns) return;
    from_ns = to_ns;
    before = now;
  }
}

void TokenRecord::scheduled(CellId cell, std::int64_t at_ns, std::int64_t prompt_tokens,
                            std::int64_t cached_tokens) {
  phase_at_.look_at(*grid_, at_ns);
  Prompts& prompts = cells_[cell].prompts[phase_at_.phase()];
  prompts.tokens += static_cast<std::uint64_t>(prompt_tokens);
  prompts.cached_tokens += static_cast<std::uint64_t>(cached_tokens);
}

TokenRecord::Prompts TokenRecord::prompts() const {
  Prompts all;
  for (const CellRecord& cell : cells_) {
    for (const Prompts& some : cell.prompts) {
      all.tokens += some.tokens;
      all.cached_tokens += some.cached_tokens;
    }
  }
  return all;
}

TokenRecord::Prompts TokenRecord::prompts(std::uint32_t tenant, std::uint32_t phase) const {
  Prompts all;
  for (std::uint32_t due = 0; due < grid_->phases.size(); ++due) {
    const Prompts& some = cells_[grid_->cell(tenant, due)].prompts[phase];
    all.tokens += some.tokens;
    all.cached_tokens += some.cached_tokens;
  }
  return all;
}

void TokenRecord::merge(const TokenRecord& other) {
  assert(cells_.size() == other.cells_.size());
  assert(tokens_by_bin_.size() == other.tokens_by_bin_.size());
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    cells_[i].gaps.merge(other.cells_[i].gaps);
    cells_[i].gap_sum_ps += other.cells_[i].gap_sum_ps;
    for (std::size_t phase = 0; phase < kMaxPhases; ++phase) {
      cells_[i].produced[phase] += other.cells_[i].produced[phase];
      cells_[i].prompts[phase].tokens += other.cells_[i].prompts[phase].tokens;
      cells_[i].prompts[phase].cached_tokens += other.cells_[i].prompts[phase].cached_tokens;
    }
  }
  for (std::size_t i = 0; i < tokens_by_bin_.size(); ++i) {
    tokens_by_bin_[i] += other.tokens_by_bin_[i];
  }
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    phases_[i].busy_ns += other.phases_[i].busy_ns;
    phases_[i].batch_ns += other.phases_[i].batch_ns;
    phases_[i].batch_room_ns += other.phases_[i].batch_room_ns;
    phases_[i].resident_token_ps += other.phases_[i].resident_token_ps;
    phases_[i].replica_ns += other.phases_[i].replica_ns;
    phases_[i].kv_room_token_ns += other.phases_[i].kv_room_token_ns;
  }
  draws_.merge(other.draws_);
  jobs_.merge(other.jobs_);
}

Histogram TokenRecord::gaps(CellId cell) const {
  Histogram gaps = cells_[cell].gaps;
  gaps.add_sum(cells_[cell].gap_sum_ps / 1000);
  return gaps;
}

std::uint64_t TokenRecord::produced(std::uint32_t tenant, std::uint32_t phase) const {
  std::uint64_t tokens = 0;
  for (std::uint32_t due = 0; due < grid_->phases.size(); ++due) {
    tokens += cells_[grid_->cell(tenant, due)].produced[phase];
  }
  return tokens;
}

}  // namespace tokenlift
