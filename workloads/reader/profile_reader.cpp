#include "workloads/reader/profile_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/profile_text.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kDecoderSizeMax = 1'000'000;
constexpr double kParametersMax = 1e15;
constexpr double kDatasheetMin = 1e-6;
constexpr double kDatasheetMax = 1e9;

// Of one accelerator: with kCountMax of them a replica stays within kMostPowerMw.
constexpr double kMostWatts = 1e5;

constexpr std::int64_t kFirstYear = 2000;
constexpr std::int64_t kLastYear = 2100;

constexpr const char* kDecodeAdvice =
    R"(decode = { a = "6.28ms", b = "7.4us", c = "41.1ns" }: per step, sequence, KV token)";
constexpr const char* kPrefillAdvice =
    R"(prefill = { p0 = "4.3ms", p1 = "15us", p2 = "0.976ns" }: the fixed part, per token, token squared)";
constexpr const char* kOverheadAdvice =
    R"(overhead = { per_step = "1.4ms", software_year = 2024 }: what the software adds to a step)";

constexpr const char* kPowerAdvice =
    R"(power = { idle_w = 75, prompt_w = 700, decode_w = 380 }, or, by the batch, )"
    R"(decode = { low_w = 300, high_w = 600, middle_log2 = 4.2 } instead of decode_w)";

std::int64_t read_cost(TableReader& table, std::string_view key, const char* advice) {
  table.require(key, advice);
  return table.cost_ps(key).value_or(0);
}

void read_decode(TableReader& parent, CostModel& cost) {
  parent.require("decode", kDecodeAdvice);
  auto table = parent.table("decode", "decode");
  if (!table) return;
  const Mark mark{parent.document()};
  cost.a_ps = read_cost(*table, "a", kDecodeAdvice);
  cost.b_ps = read_cost(*table, "b", kDecodeAdvice);
  cost.c_ps = read_cost(*table, "c", kDecodeAdvice);
  if (mark.sound() && cost.a_ps + cost.b_ps == 0) {
    parent.mistake("decode", "a decode step costs nothing, so simulated time would stand still",
                   "a or b must be more than 0");
  }
  table->finish();
}

void read_prefill(TableReader& parent, CostModel& cost) {
  parent.require("prefill", kPrefillAdvice);
  auto table = parent.table("prefill", "prefill");
  if (!table) return;
  const Mark mark{parent.document()};
  cost.p0_ps = read_cost(*table, "p0", kPrefillAdvice);
  cost.p1_ps = read_cost(*table, "p1", kPrefillAdvice);
  cost.p2_ps = read_cost(*table, "p2", kPrefillAdvice);
  if (mark.sound() && cost.p0_ps + cost.p1_ps == 0) {
    parent.mistake("prefill", "a prefill chunk costs nothing, so simulated time would stand still",
                   "p0 or p1 must be more than 0");
  }
  table->finish();
}

Overhead read_overhead(TableReader table) {
  Overhead overhead;
  overhead.per_step_ps = read_cost(table, "per_step", kOverheadAdvice);
  table.require("software_year", kOverheadAdvice);
  assign(overhead.software_year, table.whole("software_year", kFirstYear, kLastYear));
  assign(overhead.source, table.text("source"));
  table.finish();
  return overhead;
}

double read_figure(TableReader& table, std::string_view key, double min, double max,
                   const char* advice) {
  table.require(key, advice);
  return table.number(key, min, max).value_or(1);
}

ModelSize read_model(TableReader table) {
  ModelSize model;
  model.parameters =
      read_figure(table, "parameters", 1, kParametersMax, "for example parameters = 8.03e9");
  assign(model.bytes_per_parameter, table.number("bytes_per_parameter", 0.01, 64));
  model.kv_bytes_per_token =
      read_figure(table, "kv_bytes_per_token", 1, kDatasheetMax,
                  "keys and values of all layers: layers x 2 x KV heads x head size x bytes each");
  table.finish();
  return model;
}

double read_watts(TableReader& table, std::string_view key) {
  table.require(key, kPowerAdvice);
  return table.number(key, 0, kMostWatts).value_or(0);
}

void read_decode_power(TableReader& table, AcceleratorPower& power) {
  if (table.has("decode") == table.has("decode_w")) {
    table.mistake("decode_w",
                  table.has("decode") ? R"(both "decode" and "decode_w" are given)"
                                      : "nothing says what a step draws in which sequences decode",
                  kPowerAdvice);
  }
  if (const std::optional<double> watts = table.number("decode_w", 0, kMostWatts)) {
    power.decode_low_w = power.decode_high_w = *watts;
  }
  std::optional<TableReader> law = table.table("decode", "decode");
  if (!law) return;
  power.decode_low_w = read_watts(*law, "low_w");
  power.decode_high_w = read_watts(*law, "high_w");
  law->require("middle_log2", kPowerAdvice);
  assign(power.decode_middle_log2, law->number("middle_log2", -64, 64));
  law->finish();
}

AcceleratorPower read_power(TableReader table, double board_w) {
  const Mark mark{table.document()};
  AcceleratorPower power;
  power.idle_w = read_watts(table, "idle_w");
  power.prompt_w = read_watts(table, "prompt_w");
  read_decode_power(table, power);
  assign(power.source, table.text("source"));
  assign(power.assumed, table.flag("assumed"));
  table.finish();
  if (!mark.sound()) return power;
  if (power.decode_high_w < power.decode_low_w) {
    table.mistake("decode", "a larger batch draws less", "\"high_w\" is at least \"low_w\"");
  }
  if (power.idle_w > std::min(power.prompt_w, power.decode_low_w)) {
    table.mistake("idle_w", "an accelerator draws less while it computes than while it is idle",
                  "lower idle_w");
  }
  const double most_w = std::max(power.prompt_w, power.decode_high_w);
  if (board_w > 0 && most_w > board_w) {
    table.mistake(power.prompt_w > board_w ? "prompt_w" : "decode",
                  "an accelerator draws " + format_number(most_w) + " W, and its board " +
                      format_number(board_w) + " W at most",
                  "lower it, or raise power_w, which is of the datasheet");
  }
  return power;
}

Accelerator read_accelerator(TableReader table) {
  Accelerator accelerator;
  table.require("name", "for example name = \"H100\"");
  assign(accelerator.name, table.text("name"));
  assign(accelerator.count, table.whole("count", 1, kCountMax));
  accelerator.bandwidth_tb_per_s =
      read_figure(table, "bandwidth_tb_per_s", kDatasheetMin, kDatasheetMax,
                  "of the memory of one, for example bandwidth_tb_per_s = 3.35");
  accelerator.tflop_per_s =
      read_figure(table, "tflop_per_s", kDatasheetMin, kDatasheetMax,
                  "of one, dense, in the precision of the model: for example tflop_per_s = 989");
  accelerator.memory_gb = read_figure(table, "memory_gb", kDatasheetMin, kDatasheetMax,
                                      "of one, for example memory_gb = 80");
  assign(accelerator.power_w, table.number("power_w", 0, kDatasheetMax));
  if (auto power = table.table("power", "power")) {
    accelerator.power = read_power(std::move(*power), accelerator.power_w);
  }
  table.finish();
  return accelerator;
}

// decoder.hpp says which shapes are valid.
DecoderShape read_decoder(TableReader table) {
  const auto size = [&](const char* key) {
    table.require(key);
    return table.whole(key, 1, kDecoderSizeMax).value_or(1);
  };
  const DecoderShape shape{size("layers"),   size("d_model"), size("heads"),
                           size("kv_heads"), size("d_ff"),    size("vocabulary")};
  table.finish();
  return shape;
}

void check_physics(TableReader& table, const Profile& profile) {
  if (kv_room_tokens(profile) == 0) {
    table.mistake("accelerator", "the model's weights don't fit into 90 % of the memory",
                  "raise count or memory_gb, or lower parameters or bytes_per_parameter");
    return;
  }
  const std::string violation = floor_violation(profile);
  if (violation.empty()) return;
  table.document().add(
      table.place(), "profile " + in_quotes(profile.name) + " beats physics: " + violation,
      "the floor is max(FLOPs / peak, bytes read / bandwidth) with 2 FLOPs per parameter and "
      "token, "
      "the weights read once and the KV cache: correct the costs, " +
          std::string(profile.max_batch > 0 ? "or lower the max_batch up to which they hold"
                                            : "or state the max_batch up to which they hold"));
}

}  // namespace

Profile read_profile(TableReader table, std::string name, ProfileKind kind) {
  const Mark mark{table.document()};
  Profile profile;
  profile.name = std::move(name);
  assign(profile.description, table.text("description"));
  assign(profile.source, table.text("source"));
  profile.fit_error = table.number("fit_error", 0, 1);
  assign(profile.max_batch, table.whole("max_batch", 1, kCountMax));
  if (kind == ProfileKind::builtin) {
    if (auto decoder = table.table("decoder", "decoder")) profile.decoder = read_decoder(*decoder);
  } else if (table.find("decoder") != nullptr) {
    table.mistake("decoder", "only built-in profiles bring a decoder",
                  "remove it: a profile with the name of a built-in one takes over its decoder");
  }
  if (table.has("decode") || table.has("prefill") || !profile.decoder) {
    CostModel cost;
    read_decode(table, cost);
    read_prefill(table, cost);
    profile.pricing_assumed = table.find("pricing") == nullptr;
    assign(cost.pricing, table.choice<Pricing>("pricing"));
    profile.cost = cost;
    if (auto overhead = table.table("overhead", "overhead")) {
      profile.overhead = read_overhead(std::move(*overhead));
    }
  }
  if (auto model = table.table("model", "model")) profile.model = read_model(*model);
  if (auto accelerator = table.table("accelerator", "accelerator")) {
    profile.accelerator = read_accelerator(*accelerator);
  }
  table.finish();
  if (mark.sound()) check_physics(table, profile);
  return profile;
}

ReadProfiles read_profiles(TableReader& parent) {
  ReadProfiles result;
  std::optional<TableReader> tables = parent.table("profile", "[profile]");
  if (!tables) return result;
  std::vector<std::string> names = tables->keys();
  if (names.size() > kMostProfiles) {
    parent.mistake("profile", std::to_string(names.size()) + " tables [profile.NAME]",
                   std::to_string(kMostProfiles) + " are the most");
    result.broken = std::move(names);
    return result;
  }
  for (const std::string& name : names) {
    const Mark mark{parent.document()};
    if (!is_name(name)) {
      tables->mistake(name, in_quotes(name) + " can't be a name", std::string(kNameAdvice));
    }
    if (auto table = tables->table(name, "[profile." + name + "]")) {
      Profile profile = read_profile(std::move(*table), name, ProfileKind::stated);
      if (const Profile* builtin = find_profile(name)) profile.decoder = builtin->decoder;
      if (mark.sound()) result.sound.push_back(std::move(profile));
    }
    if (!mark.sound()) result.broken.push_back(name);
  }
  return result;
}

std::vector<Profile> parse_profiles(std::string_view text, const std::string& source_name) {
  Document document(text, source_name, {});
  TableReader root(document, document.root(), "the profile file");
  root.require("profile", "add a [profile.NAME], or let `tokenlift calibrate` write the file");
  ReadProfiles profiles = read_profiles(root);
  root.finish();
  document.throw_mistakes();
  return profiles.sound;
}

}  // namespace tokenlift
