#pragma once
// What one replica is: a decoder that computes (engine `threads`), a cost model (engine `virtual`),
// or both; and for accelerators what they are made of, so that a cost model which beats physics can
// be refused.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/scenario/cost_model.hpp"
#include "workloads/scenario/decoder_shape.hpp"
#include "workloads/scenario/power.hpp"

namespace tokenlift {

/// The model that a replica serves, as far as its physical floor needs it.
struct ModelSize {
  double parameters = 0;
  double bytes_per_parameter = 2;
  double kv_bytes_per_token = 0;  ///< keys and values of all layers
  bool operator==(const ModelSize&) const = default;
};

/// The datasheet of one accelerator, and how many of them make a replica.
struct Accelerator {
  std::string name;
  std::int64_t count = 1;
  double bandwidth_tb_per_s = 0;
  double tflop_per_s = 0;  ///< dense, in the precision of the model
  double memory_gb = 0;
  double power_w = 0;                          ///< of its board, at most
  std::optional<AcceleratorPower> power = {};  ///< absent: its site can state no power
  bool operator==(const Accelerator&) const = default;
};

/// What the serving software adds to each step on the host: scheduling, sampling, launching
/// kernels. The cost model is without it.
struct Overhead {
  std::int64_t per_step_ps = 0;
  std::int64_t software_year = 0;  ///< of the software it was seen with: it shrinks over the years
  std::string source;              ///< what it was fitted to
  bool operator==(const Overhead&) const = default;
};

struct Profile {
  std::string name;
  std::string description;
  std::string source;                   ///< of the cost model: who measured it, how
  std::optional<DecoderShape> decoder;  ///< engine `threads` needs it
  std::optional<CostModel> cost;        ///< engine `virtual` needs it
  bool pricing_assumed = false;         ///< its cost model does not say it
  std::optional<Overhead> overhead;     ///< none: the cost model has everything in it
  std::optional<double> fit_error;      ///< mean relative error of the fit, as the source states it
  std::int64_t max_batch = 0;           ///< sequences up to which the cost model holds; 0: no bound
  std::optional<ModelSize> model;
  std::optional<Accelerator> accelerator;
  bool operator==(const Profile&) const = default;
};

/// The least that physics allows, in ps: max(FLOPs / peak, bytes read / bandwidth), over all
/// accelerators of the replica. FLOPs are 2 per parameter and token (attention adds more; leaving
/// it out keeps this a lower bound); bytes are the weights once and, in a decode step, the KV cache
/// read. Both need `model` and `accelerator`.
double decode_floor_ps(const Profile& profile, std::int64_t sequences, std::int64_t kv_tokens);
double prefill_floor_ps(const Profile& profile, std::int64_t tokens);

/// Prices the steps of a replica; `cost` is stated. With model and accelerator no step with prefill
/// costs less than its floor: a fit over whole prompts says little about short ones (p0 alone may
/// be less than one reading of the weights, and it is in measured profiles), nor about many of them
/// in one step.
StepPrice price_of(const Profile& profile);

/// Where the cost model beats its floor, as a sentence; empty if nowhere up to `max_batch`
/// sequences and a full KV cache, or if cost, model or accelerator are not stated. Prefill is held
/// against its arithmetic alone, one prompt at a time: price_of() sees to the rest.
std::string floor_violation(const Profile& profile);

/// Tokens that fit into KV cache and prefix cache: 90 % of the memory less the weights, 0 where
/// these don't fit; nothing where model or accelerator are not stated.
std::optional<std::int64_t> kv_room_tokens(const Profile& profile);

}  // namespace tokenlift
