#include "workloads/reader/tenant_reader.hpp"

#include <algorithm>
#include <utility>

#include "workloads/plan/plan.hpp"
#include "workloads/reader/endpoint_reader.hpp"
#include "workloads/requests/lengths.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kPriorityMax = 1'000'000;
constexpr double kWeightMin = 1e-6;
constexpr double kWeightMax = 1e6;
constexpr std::int64_t kTurnsMax = 10'000;
constexpr std::int64_t kAttemptsMax = 255;
constexpr double kBudgetMax = 1000;
constexpr double kJitterMax = 10;

}  // namespace

TenantReader::TenantReader(Document& document, std::string folder)
    : document_(document), folder_(std::move(folder)), arrivals_reader_(document, folder_) {}

Tenant TenantReader::read(TableReader& table, const std::vector<Site>& sites,
                          std::optional<Engine> engine) {
  const Mark mark{document_};
  Tenant tenant;
  tenant.name = table.name_apart_from(taken_);
  taken_.insert(tenant.name);
  names_.push_back(tenant.name);
  table.require("arrivals", R"(for example arrivals = { process = "poisson", rate = "12/s" })");
  if (auto arrivals = table.table("arrivals", "arrivals")) {
    tenant.arrivals = arrivals_reader_.read(*arrivals);
    const bool by_load = tenant.arrivals.rate.load.has_value();
    if (by_load && !load_place_) load_place_ = arrivals->place("load");
    some_by_rate_ = some_by_rate_ || tenant.arrivals.rate.per_s || tenant.arrivals.trace ||
                    tenant.arrivals.think;
  }
  read_lengths_of(table, tenant);
  read_max_tokens(table, tenant);
  const bool lengths_sound = mark.sound();
  if (auto sessions = table.table("sessions", "sessions")) {
    if (tenant.arrivals.process == Process::trace) {
      table.mistake("sessions", "\"sessions\" can't be set: a trace brings its own requests",
                    "remove it, or take another process");
    } else {
      tenant.sessions = read_sessions(std::move(*sessions));
      if (tenant.sessions && lengths_sound &&
          tenant.sessions->max_context_tokens < largest_tokens(tenant.prompt_tokens)) {
        table.mistake("sessions",
                      "\"max_context\" is " + std::to_string(tenant.sessions->max_context_tokens) +
                          ", but a first prompt can have " +
                          std::to_string(largest_tokens(tenant.prompt_tokens)) + " tokens",
                      "raise it: a session whose first prompt is longer would ask nothing");
      }
    }
  }
  std::vector<std::string> site_names;
  for (const Site& site : sites) site_names.push_back(site.name);
  tenant.sites = table.names_among("sites", "site", site_names);
  if (mark.sound()) sized_.push_back(tenant);
  assign(tenant.users, table.whole("users", 1, kMostUsers));
  check_users(table, tenant);
  if (mark.sound()) sized_.back().users = tenant.users;
  assign(tenant.priority, table.whole("priority", -kPriorityMax, kPriorityMax));
  assign(tenant.weight, table.number("weight", kWeightMin, kWeightMax));
  if (auto slo = table.table("slo", "slo")) tenant.slo = read_slo(std::move(*slo));
  if (auto retry = table.table("retry", "retry")) tenant.retry = read_retry(std::move(*retry));
  tenant.patience = read_wait(table, "patience", 1);
  tenant.deadline_ns = table.positive_duration_ns("deadline");
  if (!engine) {
    table.pass_over(kSentKeys);
  } else if (traits_of(*engine).remote) {
    read_sent(table, folder_, sites, lengths_sound, tenant);
  } else {
    table.refuse_on(*engine, "asks no endpoints", kSentKeys,
                    "remove it, or set run.engine = \"http\"");
  }
  table.finish();
  return tenant;
}

void TenantReader::read_lengths_of(TableReader& table, Tenant& tenant) {
  const bool from_trace = tenant.arrivals.process == Process::trace;
  for (const char* key : {"prompt_tokens", "output_tokens"}) {
    if (from_trace) {
      if (table.has(key)) {
        table.mistake(key, in_quotes(key) + " can't be set: the trace brings its own lengths",
                      "remove it, or cap them with arrivals.max");
      }
      table.find(key);
      continue;
    }
    table.require(key, "for example " + std::string(key) +
                           " = { distribution = \"lognormal\", mean = 128, cv = 0.6 }");
    auto lengths = table.table(key, key);
    if (!lengths) continue;
    Lengths& target =
        key == std::string_view("prompt_tokens") ? tenant.prompt_tokens : tenant.output_tokens;
    assign(target, read_lengths(std::move(*lengths)));
  }
}

void TenantReader::read_max_tokens(TableReader& table, Tenant& tenant) {
  const std::optional<std::int64_t> max_tokens = table.whole("max_tokens", 1, kRequestTokensMax);
  const std::int64_t largest = largest_output_tokens(tenant);
  tenant.max_tokens = max_tokens.value_or(largest);
  if (tenant.max_tokens >= largest) return;
  table.mistake("max_tokens",
                "\"max_tokens\" is " + std::to_string(tenant.max_tokens) +
                    ", but requests generate up to " + std::to_string(largest) + " tokens",
                "raise it, or lower the largest output");
}

std::optional<Sessions> TenantReader::read_sessions(TableReader table) {
  const Mark mark{document_};
  Sessions sessions;
  table.require("turns", "for example turns = { distribution = \"geometric\", mean = 5 }");
  if (auto turns = table.table("turns", "turns")) {
    const Mark of_turns{document_};
    assign(sessions.turns, read_lengths(*turns));
    if (of_turns.sound() && largest_tokens(sessions.turns) > kTurnsMax) {
      document_.add(
          turns->place(),
          "a session can have " + std::to_string(largest_tokens(sessions.turns)) + " turns",
          std::to_string(kTurnsMax) + " are the most: lower max");
    }
  }
  table.require("think", "how long a user thinks between two turns: think = \"5s\"");
  assign(sessions.think, read_wait(table, "think", 0));
  table.require("max_context", "the longest prompt of a turn, for example max_context = 8192");
  assign(sessions.max_context_tokens, table.whole("max_context", 1, kRequestTokensMax));
  table.finish();
  return mark.sound() ? std::optional(sessions) : std::nullopt;
}

// Users are numbered over all tenants.
void TenantReader::check_users(TableReader& table, const Tenant& tenant) {
  const bool fitted = users_ <= kMostUsers;
  users_ += tenant.users;
  if (!fitted || users_ <= kMostUsers) return;
  table.mistake("users", "all tenants together have " + std::to_string(users_) + " users",
                std::to_string(kMostUsers) + " are the most");
}

Slo TenantReader::read_slo(TableReader table) {
  Slo slo;
  slo.ttft_ns = table.positive_duration_ns("ttft");
  slo.tpot_ns = table.positive_duration_ns("tpot");
  slo.itl_ns = table.positive_duration_ns("itl");
  slo.e2e_ns = table.positive_duration_ns("e2e");
  table.finish();
  return slo;
}

Retry TenantReader::read_retry(TableReader table) {
  using enum RetryPolicy;
  Retry retry;
  table.require("policy", "for example policy = \"exponential\"");
  const std::optional<RetryPolicy> policy = table.choice<RetryPolicy>("policy");
  if (!policy) return retry;
  retry.policy = *policy;
  const std::vector<RetryPolicy> timed = {fixed, exponential, honour_retry_after};
  std::vector<RetryPolicy> all = timed;
  all.insert(all.end(), {sdk_openai, sdk_anthropic});
  const auto uses = [&](const char* key, const std::vector<RetryPolicy>& users) {
    return table.only_for(key, "policy", *policy, users);
  };
  if (uses("delay", timed)) assign(retry.delay_ns, table.positive_duration_ns("delay"));
  if (uses("max_delay", {exponential, honour_retry_after})) {
    const std::optional<std::int64_t> most_ns = table.positive_duration_ns("max_delay");
    retry.max_delay_ns = most_ns.value_or(std::max(retry.max_delay_ns, retry.delay_ns));
    if (retry.max_delay_ns < retry.delay_ns) {
      table.mistake("max_delay", R"("max_delay" is less than "delay")", "exchange them");
    }
  }
  if (uses("attempts", all)) assign(retry.attempts, table.whole("attempts", 1, kAttemptsMax));
  if (uses("budget", all)) retry.budget = table.number("budget", 0, kBudgetMax);
  if (uses("jitter", {honour_retry_after})) {
    assign(retry.jitter, table.number("jitter", 0, kJitterMax));
  }
  table.finish();
  return retry;
}

}  // namespace tokenlift
