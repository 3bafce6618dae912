#include "workloads/scenario/profile.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

namespace tokenlift {

namespace {

constexpr double kPsPerS = 1e12;
constexpr double kKvRoomMax = 1e12;  // tokens; keeps sums of them within 64 bits

// Costs are sums of exact integers as doubles, floors quotients of them: both are good to 1e-15.
constexpr double kRounding = 1e-12;

double weight_bytes(const ModelSize& model) {
  return model.parameters * model.bytes_per_parameter;
}

double flop_ps(const Profile& profile, std::int64_t tokens) {
  const double flop = 2 * profile.model->parameters * static_cast<double>(tokens);
  const Accelerator& accelerator = *profile.accelerator;
  return flop / (accelerator.tflop_per_s * 1e12 * static_cast<double>(accelerator.count)) * kPsPerS;
}

double read_ps(const Profile& profile, std::int64_t kv_tokens) {
  const ModelSize& model = *profile.model;
  const double bytes =
      weight_bytes(model) + model.kv_bytes_per_token * static_cast<double>(kv_tokens);
  const Accelerator& accelerator = *profile.accelerator;
  return bytes / (accelerator.bandwidth_tb_per_s * 1e12 * static_cast<double>(accelerator.count)) *
         kPsPerS;
}

// As CostModel's, in doubles: a prompt that fills a large cache can cost more than 64 bits hold.
double decode_cost_ps(const CostModel& cost, std::int64_t sequences, std::int64_t kv_tokens) {
  return static_cast<double>(cost.a_ps) +
         static_cast<double>(cost.b_ps) * static_cast<double>(sequences) +
         static_cast<double>(cost.c_ps) * static_cast<double>(kv_tokens);
}

double prefill_cost_ps(const CostModel& cost, std::int64_t tokens) {
  const auto size = static_cast<double>(tokens);
  return static_cast<double>(cost.p0_ps) +
         (static_cast<double>(cost.p1_ps) + static_cast<double>(cost.p2_ps) * size) * size;
}

// To six digits.
std::string milliseconds(double ps) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), ps / 1e9,
                                          std::chars_format::general, 6);
  assert(error == std::errc());
  return {buffer.data(), end};
}

std::string comparison(std::string what, double cost_ps, double floor_ps) {
  return std::move(what) + " costs " + milliseconds(cost_ps) +
         " ms, and physics allows no less than " + milliseconds(floor_ps) + " ms";
}

bool beats(double cost_ps, double floor_ps) {
  return cost_ps < floor_ps * (1 - kRounding);
}

// Cost less the FLOPs' time and cost less the reading time are both linear in (sequences,
// kv_tokens). Sequences are 1 to B and each has one token of context at least, so the steps to be
// checked are a polygon: 1 <= sequences <= B, sequences <= kv_tokens <= room. A linear function is
// smallest at a corner of it, so the corners tell.
std::string decode_violation(const Profile& profile, std::int64_t room) {
  const std::int64_t most = profile.max_batch > 0 ? std::min(profile.max_batch, room) : room;
  const std::array<std::pair<std::int64_t, std::int64_t>, 4> corners = {
      {{1, 1}, {1, room}, {most, most}, {most, room}}};
  for (const auto& [sequences, kv_tokens] : corners) {
    const double cost_ps = decode_cost_ps(*profile.cost, sequences, kv_tokens);
    const double floor_ps = decode_floor_ps(profile, sequences, kv_tokens);
    if (!beats(cost_ps, floor_ps)) continue;
    return comparison("a decode step of " + std::to_string(sequences) + " sequences with " +
                          std::to_string(kv_tokens) + " tokens of context",
                      cost_ps, floor_ps);
  }
  return "";
}

// A prompt in one chunk is the cheapest: e^2 - s^2 >= (e - s)^2, so a later chunk of as many tokens
// costs no less. Up to as many tokens as can be computed while the weights are read, the price is
// held at that. Beyond, cost less the FLOPs' time over the length T, p0 + (p1 - f) T + p2 T^2, is
// convex, so that its smallest value over whole T is at an end or beside the vertex
// (f - p1) / (2 p2).
std::string prefill_violation(const Profile& profile, std::int64_t room) {
  const CostModel& cost = *profile.cost;
  const double while_read = read_ps(profile, 0) / flop_ps(profile, 1);
  if (while_read >= static_cast<double>(room)) return "";
  const std::int64_t shortest = static_cast<std::int64_t>(while_read) + 1;
  std::array<std::int64_t, 4> lengths = {shortest, room, room, room};
  if (cost.p2_ps > 0) {
    const double vertex = (flop_ps(profile, 1) - static_cast<double>(cost.p1_ps)) /
                          (2 * static_cast<double>(cost.p2_ps));
    const double inside =
        std::clamp(vertex, static_cast<double>(shortest), static_cast<double>(room));
    lengths[1] = static_cast<std::int64_t>(std::floor(inside));
    lengths[2] = static_cast<std::int64_t>(std::ceil(inside));
  }
  for (const std::int64_t tokens : lengths) {
    const double cost_ps = prefill_cost_ps(cost, tokens);
    const double floor_ps = flop_ps(profile, tokens);
    if (!beats(cost_ps, floor_ps)) continue;
    return comparison("a prompt of " + std::to_string(tokens) + " tokens", cost_ps, floor_ps);
  }
  return "";
}

}  // namespace

double decode_floor_ps(const Profile& profile, std::int64_t sequences, std::int64_t kv_tokens) {
  assert(profile.model && profile.accelerator);
  return std::max(flop_ps(profile, sequences), read_ps(profile, kv_tokens));
}

double prefill_floor_ps(const Profile& profile, std::int64_t tokens) {
  assert(profile.model && profile.accelerator);
  return std::max(flop_ps(profile, tokens), read_ps(profile, 0));
}

StepPrice price_of(const Profile& profile) {
  assert(profile.cost);
  const std::int64_t overhead_ps = profile.overhead ? profile.overhead->per_step_ps : 0;
  if (!profile.model || !profile.accelerator) return StepPrice(*profile.cost, overhead_ps);
  // Of more than kLongestStepPs it doesn't matter how much more.
  const auto whole = [](double ps) {
    return static_cast<std::int64_t>(
        std::min(std::ceil(ps), 2 * static_cast<double>(kLongestStepPs)));
  };
  return StepPrice(*profile.cost, overhead_ps,
                   {whole(read_ps(profile, 0)), whole(flop_ps(profile, 1))});
}

std::string floor_violation(const Profile& profile) {
  const std::optional<std::int64_t> room = kv_room_tokens(profile);
  if (!profile.cost || !room || *room < 1) return "";
  std::string violation = decode_violation(profile, *room);
  return violation.empty() ? prefill_violation(profile, *room) : violation;
}

std::optional<std::int64_t> kv_room_tokens(const Profile& profile) {
  if (!profile.model || !profile.accelerator) return std::nullopt;
  const Accelerator& accelerator = *profile.accelerator;
  const double memory_bytes = accelerator.memory_gb * 1e9 * static_cast<double>(accelerator.count);
  const double tokens =
      (0.9 * memory_bytes - weight_bytes(*profile.model)) / profile.model->kv_bytes_per_token;
  return static_cast<std::int64_t>(std::clamp(tokens, 0.0, kKvRoomMax));
}

}  // namespace tokenlift
