#pragma once
// The words of the scenario language: one table for reading and writing.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "workloads/scenario/cost_model.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

template <typename Value>
struct Keyword {
  std::string_view name;
  Value value;
};

/// The words for the values of an enumeration; empty for types that have none.
template <typename Value>
inline constexpr std::array<Keyword<Value>, 0> kKeywords{};

template <>
inline constexpr auto kKeywords<Engine> = [] {
  std::array<Keyword<Engine>, kEngines.size()> words{};
  std::ranges::transform(kEngines, words.begin(), [](const EngineTraits& traits) {
    return Keyword<Engine>{traits.name, traits.engine};
  });
  return words;
}();

template <>
inline constexpr auto kKeywords<Pricing> =
    std::to_array<Keyword<Pricing>>({{"separate", Pricing::separate}, {"mixed", Pricing::mixed}});

template <>
inline constexpr auto kKeywords<Process> =
    std::to_array<Keyword<Process>>({{"poisson", Process::poisson},
                                     {"constant", Process::constant},
                                     {"gamma", Process::gamma},
                                     {"trace", Process::trace},
                                     {"closed", Process::closed}});

template <>
inline constexpr auto kKeywords<Distribution> =
    std::to_array<Keyword<Distribution>>({{"constant", Distribution::constant},
                                          {"uniform", Distribution::uniform},
                                          {"lognormal", Distribution::lognormal},
                                          {"geometric", Distribution::geometric}});

template <>
inline constexpr auto kKeywords<Unit> =
    std::to_array<Keyword<Unit>>({{"requests", Unit::requests},
                                  {"input_tokens", Unit::input_tokens},
                                  {"output_tokens", Unit::output_tokens},
                                  {"tokens", Unit::tokens}});

template <>
inline constexpr auto kKeywords<WhenFull> =
    std::to_array<Keyword<WhenFull>>({{"queue", WhenFull::queue}, {"reject", WhenFull::reject}});

template <>
inline constexpr auto kKeywords<RouterPolicy> =
    std::to_array<Keyword<RouterPolicy>>({{"shared_queue", RouterPolicy::shared_queue},
                                          {"round_robin", RouterPolicy::round_robin},
                                          {"random", RouterPolicy::random},
                                          {"power_of_two", RouterPolicy::power_of_two},
                                          {"least_loaded", RouterPolicy::least_loaded},
                                          {"session_affinity", RouterPolicy::session_affinity},
                                          {"spill", RouterPolicy::spill}});

template <>
inline constexpr auto kKeywords<ThrottleKind> = [] {
  std::array<Keyword<ThrottleKind>, kThrottleKinds.size()> words{};
  std::ranges::transform(kThrottleKinds, words.begin(), [](const KindTraits& traits) {
    return Keyword<ThrottleKind>{traits.name, traits.kind};
  });
  return words;
}();

template <>
inline constexpr auto kKeywords<Scope> = std::to_array<Keyword<Scope>>({{"fleet", Scope::fleet},
                                                                        {"tenant", Scope::tenant},
                                                                        {"user", Scope::user}});

template <>
inline constexpr auto kKeywords<Charge> =
    std::to_array<Keyword<Charge>>({{"reserve", Charge::reserve}, {"after", Charge::after}});

template <>
inline constexpr auto kKeywords<Mode> = std::to_array<Keyword<Mode>>({{"enforce", Mode::enforce},
                                                                      {"shadow", Mode::shadow}});

template <>
inline constexpr auto kKeywords<QueueOrder> = std::to_array<Keyword<QueueOrder>>(
    {{"fifo", QueueOrder::fifo}, {"priority", QueueOrder::priority}, {"fair", QueueOrder::fair}});

template <>
inline constexpr auto kKeywords<EventKind> =
    std::to_array<Keyword<EventKind>>({{"lift", EventKind::lift},
                                       {"set", EventKind::set},
                                       {"restore", EventKind::restore},
                                       {"ramp", EventKind::ramp},
                                       {"join", EventKind::join},
                                       {"leave", EventKind::leave},
                                       {"fail", EventKind::fail},
                                       {"slow", EventKind::slow},
                                       {"power", EventKind::power},
                                       {"battery", EventKind::battery},
                                       {"call", EventKind::call},
                                       {"command", EventKind::command},
                                       {"signal", EventKind::signal}});

template <>
inline constexpr auto kKeywords<InFlight> = std::to_array<Keyword<InFlight>>(
    {{"finish", InFlight::finish}, {"move", InFlight::move}, {"drop", InFlight::drop}});

template <>
inline constexpr auto kKeywords<WhenOver> =
    std::to_array<Keyword<WhenOver>>({{"slow", WhenOver::slow}, {"batch", WhenOver::batch}});

template <>
inline constexpr auto kKeywords<Follows> = std::to_array<Keyword<Follows>>({{"capacity",
                                                                             Follows::capacity}});

template <>
inline constexpr auto kKeywords<ShapeKind> =
    std::to_array<Keyword<ShapeKind>>({{"ramp", ShapeKind::ramp},
                                       {"steps", ShapeKind::steps},
                                       {"diurnal", ShapeKind::diurnal},
                                       {"burst", ShapeKind::burst},
                                       {"mmpp", ShapeKind::mmpp}});

template <>
inline constexpr auto kKeywords<WaitDistribution> = std::to_array<Keyword<WaitDistribution>>(
    {{"constant", WaitDistribution::constant}, {"exponential", WaitDistribution::exponential}});

template <>
inline constexpr auto kKeywords<RetryPolicy> =
    std::to_array<Keyword<RetryPolicy>>({{"none", RetryPolicy::none},
                                         {"fixed", RetryPolicy::fixed},
                                         {"exponential", RetryPolicy::exponential},
                                         {"honour_retry_after", RetryPolicy::honour_retry_after},
                                         {"sdk_openai", RetryPolicy::sdk_openai},
                                         {"sdk_anthropic", RetryPolicy::sdk_anthropic}});

template <>
inline constexpr auto kKeywords<Inherit> =
    std::to_array<Keyword<Inherit>>({{"as_is", Inherit::as_is},
                                     {"proportional", Inherit::proportional},
                                     {"reset", Inherit::reset},
                                     {"additive", Inherit::additive}});

template <>
inline constexpr auto kKeywords<Api> =
    std::to_array<Keyword<Api>>({{"openai_chat", Api::openai_chat},
                                 {"openai_completions", Api::openai_completions},
                                 {"anthropic_messages", Api::anthropic_messages}});

template <>
inline constexpr auto kKeywords<OnRefusal> = std::to_array<Keyword<OnRefusal>>(
    {{"client", OnRefusal::client}, {"next_site", OnRefusal::next_site}});

/// Any other word is the path of a file.
template <>
inline constexpr auto kKeywords<PromptKind> = std::to_array<Keyword<PromptKind>>(
    {{"text", PromptKind::text}, {"token_ids", PromptKind::token_ids}});

template <>
inline constexpr auto kKeywords<ParameterScale> =
    std::to_array<Keyword<ParameterScale>>({{"linear", ParameterScale::linear},
                                            {"log", ParameterScale::log},
                                            {"integer", ParameterScale::integer},
                                            {"log_integer", ParameterScale::log_integer},
                                            {"choice", ParameterScale::choice}});

/// The word for a value.
template <typename Value>
requires(!kKeywords<Value>.empty()) constexpr std::string_view name_of(Value value) {
  for (const Keyword<Value>& keyword : kKeywords<Value>) {
    if (keyword.value == value) return keyword.name;
  }
  std::abort();  // a value outside its enumeration
}

}  // namespace tokenlift
