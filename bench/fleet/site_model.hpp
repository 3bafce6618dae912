#pragma once
// What replicas in virtual time are told: what those of a site have in common, and the requests
// that come and go.

#include <cstdint>
#include <optional>

#include "bench/fleet/replica.hpp"
#include "bench/fleet/site_power.hpp"
#include "bench/record/request.hpp"
#include "bench/record/step_run.hpp"
#include "workloads/scenario/cost_model.hpp"

namespace tokenlift {

/// What the replicas of one site have in common.
struct SiteModel {
  SiteModel(const ReplicaLimits& site_limits, const StepPrice& site_price);

  /// The least that `steps` decode steps take; what is more than 2^61 ps counts as that.
  std::int64_t least_decode_ns(std::int64_t steps) const;
  /// The least that a request takes from when it comes; where there is a prefix cache, if all of
  /// its prompt is found there that can be.
  std::int64_t least_service_ns(std::int64_t prompt_tokens, std::int64_t output_tokens) const;

  ReplicaLimits limits;
  StepPrice price;
  std::int64_t most_steps = 1;  ///< in one run: keeps its length below 2^61 ps
  std::uint16_t site = 0;       ///< its number
  std::int64_t out_ns = 0;      ///< as in Distance
  std::int64_t back_ns = 0;
  const SitePower* power = nullptr;  ///< none where the site states none
  HeldBack held_back = {};           ///< what is in price and limits already

  /// What a step draws more than idle, held back as it is; there must be `power`.
  std::int64_t above_mw(std::int64_t sequences, bool chunk) const {
    return power->above_mw(sequences, chunk) * 1000 / held_back.slow_milli;
  }
  bool holds_back() const { return held_back != HeldBack{}; }
};

/// A request for a replica, and when it came.
struct Newcomer {
  RequestId id = 0;
  CellId cell = 0;
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::int64_t at_ns = 0;
};

/// What few requests bring along. The prefix is good until the request has left.
struct RequestContext {
  const Prefix* prefix = nullptr;
  bool announce = false;
  std::optional<Progress> progress;  ///< of a request that was scheduled elsewhere
  bool stream = false;               ///< its tokens are news: only of replicas that step

  bool any() const { return prefix != nullptr || announce || progress || stream; }
};

/// A request that was on a replica which is gone.
struct Withdrawn {
  RequestId id = 0;
  Progress progress;
  std::int32_t computed_tokens = 0;  ///< in the KV cache: they are to be computed once more
};

}  // namespace tokenlift
