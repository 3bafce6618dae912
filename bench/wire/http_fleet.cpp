#include "bench/wire/http_fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "bench/record/attempt_name.hpp"
#include "bench/wire/origin.hpp"

namespace tokenlift {

namespace {

// A connection whose answer is complete, but for the end of its body, is worth waiting for so long.
constexpr std::int64_t kLongestDrainNs = 1'000'000'000;
// Usage of fewer requests says little of how many words make a token.
constexpr std::int64_t kFewestRequestsForWords = 5;
constexpr double kFewestWords = 0.05;
constexpr double kMostWords = 20;

}  // namespace

/// What one tenant sends.
struct HttpFleet::TenantState {
  PromptSource prompts;
  std::vector<std::size_t> sites;       // that may serve it
  std::optional<SessionPlan> sessions;  // where it has any
  // Of answers in the warm-up:
  std::int64_t asked_prompt_tokens = 0;
  std::int64_t got_prompt_tokens = 0;
  std::int64_t measured_requests = 0;
};

struct HttpFleet::SiteState {
  SiteState(const Endpoint& of, WireClock& clock, Origin origin, ConnectionPool::Client& client)
      : endpoint(of),
        pool(clock, std::move(origin), of.connect_timeout_ns, client),
        reader(of.api) {}

  const Endpoint& endpoint;
  ConnectionPool pool;
  DeltaReader reader;
  std::vector<RequestWriter> writers;  // by tenant
};

struct HttpFleet::Attempt {
  Work work;
  Answer answer;
  std::string request;  // until the answer begins
  Connection* connection = nullptr;
  std::uint32_t number = 0;
  std::uint32_t replica = 0;     // that the router chose
  std::uint32_t site = 0;        // where it is now
  std::vector<bool> refused_by;  // sites; empty: none yet
  std::int64_t deadline_ns = kNever;
  std::int64_t looked_at_ns = kNever;  // of its entry among the deadlines
  std::int32_t late_gaps = 0;
  std::int64_t previous_ns = -1;    // its last token
  bool used_before = false;         // its connection
  bool has_measured_words = false;  // its prompt was written after the warm-up
  bool told = false;  // what came of it; the rest is read so that the connection can be used again
  bool is_free = true;
};

// ------------------------------------------------------------------------------ what is sent where

namespace {

std::vector<std::string> names_of_sites(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Site& site : scenario.fleet.sites) names.push_back(site.name);
  return names;
}

std::vector<std::size_t> sites_of(const Scenario& scenario, const Tenant& tenant) {
  std::vector<std::size_t> sites;
  for (std::size_t i = 0; i < scenario.fleet.sites.size(); ++i) {
    const std::string& name = scenario.fleet.sites[i].name;
    if (tenant.sites.empty() || std::ranges::count(tenant.sites, name) > 0) sites.push_back(i);
  }
  return sites;
}

}  // namespace

void require_endpoints(const Scenario& scenario) {
  if (!traits_of(scenario.run.engine).remote) return;
  std::vector<PromptSource> prompts;
  for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) {
    prompts.emplace_back(scenario.tenants[i].prompts, scenario.run.seed, i);
  }
  try {
    for (const Site& site : scenario.fleet.sites) {
      const Endpoint& endpoint = *site.endpoint;
      const Origin origin = find_origin(endpoint.url, endpoint.ca_file);
      for (std::size_t i = 0; i < prompts.size(); ++i) {
        const Tenant& tenant = scenario.tenants[i];
        RequestWriter(endpoint, origin.url, tenant.credentials,
                      read_key(endpoint, tenant.credentials), prompts[i]);
      }
      if (!endpoint.metrics_url.empty()) find_origin(endpoint.metrics_url, endpoint.ca_file);
    }
    for (const Event& event : scenario.events) {
      if (!event.call) continue;
      const Origin origin = find_origin(event.call->url, ca_file_for(scenario, event.call->url));
      call_request(*event.call, origin.url, read_key(event.call->credentials));
    }
  } catch (const std::invalid_argument& error) {  // fields that cannot be sent
    throw EndpointError(error.what());
  }
}

HttpFleet::HttpFleet(const Scenario& scenario, const RecordingGrid& grid, WireClock& clock)
    : scenario_(scenario),
      clock_(clock),
      secrets_(secrets_of(scenario)),
      gauges_(grid, names_of_sites(scenario)),
      tokens_(grid) {
  for (std::uint32_t i = 0; i < scenario.tenants.size(); ++i) {
    const Tenant& tenant = scenario.tenants[i];
    tenants_.push_back(TenantState{
        PromptSource(tenant.prompts, scenario.run.seed, i), sites_of(scenario, tenant), {}});
    if (tenant.sessions) tenants_.back().sessions.emplace(tenant, scenario.run.seed, i);
  }
  for (std::size_t i = 0; i < scenario.fleet.sites.size(); ++i) {
    const Endpoint& endpoint = *scenario.fleet.sites[i].endpoint;
    ConnectionPool::Client& client = *this;
    SiteState& site =
        sites_.emplace_back(endpoint, clock, find_origin(endpoint.url, endpoint.ca_file), client);
    for (std::size_t t = 0; t < tenants_.size(); ++t) {
      const Tenant& tenant = scenario.tenants[t];
      site.writers.emplace_back(endpoint, site.pool.origin().url, tenant.credentials,
                                read_key(endpoint, tenant.credentials), tenants_[t].prompts);
    }
    if (endpoint.metrics_url.empty()) continue;
    scrapers_.emplace_back(clock, find_origin(endpoint.metrics_url, endpoint.ca_file), i, gauges_);
  }
}

HttpFleet::~HttpFleet() = default;

std::uint32_t HttpFleet::add_attempt() {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(attempts_.size()));
    attempts_.emplace_back();
  }
  const std::uint32_t who = free_.back();
  free_.pop_back();
  return who;
}

void HttpFleet::submit(const Work& work, std::uint32_t site, std::int64_t now_ns) {
  freeze_words(now_ns);
  const std::uint32_t who = add_attempt();
  Attempt& attempt = attempts_[who];
  const std::int64_t looked_at_ns = attempt.looked_at_ns;  // its entry is there
  attempt = Attempt();
  attempt.looked_at_ns = looked_at_ns;
  attempt.is_free = false;
  attempt.work = work;
  attempt.number = who;
  attempt.replica = site;
  attempt.site = site;
  sites_[site].pool.ask(who, /*fresh=*/false, now_ns);
}

void HttpFleet::write_request(const Attempt& attempt, std::string& out) {
  const Work& work = attempt.work;
  const std::string id = attempt_name(scenario_.run.seed, work.tenant, work.number, work.attempt);
  RequestText text;
  text.key = work.number;
  text.prompt_tokens = work.prompt_tokens;
  text.output_tokens = work.output_tokens;
  text.turns = conversations_.turns(work, system_tokens(work));
  if (text.turns.empty() && work.prefix != nullptr) {
    text.blocks = work.prefix->blocks;
    text.block_tokens = work.prefix->block_tokens;
  }
  text.request_id = id;
  text.attempt = work.attempt;
  sites_[attempt.site].writers[work.tenant].write(text, out);
}

void HttpFleet::assigned(std::uint32_t who, Connection& connection, bool used_before,
                         std::int64_t) {
  Attempt& attempt = attempts_[who];
  attempt.connection = &connection;
  attempt.used_before = used_before;
  connection.use(*this, who, {reinterpret_cast<const char*>(&attempt), sizeof attempt});
  if (may_go_on(attempt.work)) attempt.answer.keep_text();
  write_request(attempt, attempt.request);
  attempt.has_measured_words = words_are_frozen_;
  connection.write(attempt.request);
  set_deadline(who, clock_.now_ns() + sites_[attempt.site].endpoint.first_byte_timeout_ns);
}

void HttpFleet::unconnected(std::uint32_t who, const Connection::Ended& why, std::int64_t now_ns) {
  Attempt& attempt = attempts_[who];
  attempt.answer.fail(why.failure,
                      fmt::format("{}: {}", sites_[attempt.site].endpoint.url, why.message));
  settle(who, now_ns);
  if (attempt.told) let_go(who, now_ns);
}

// ---------------------------------------------------------------------------------- what comes
// back

void HttpFleet::note_admitted(Attempt& attempt) const {
  std::int64_t& admitted_ns = attempt.answer.reply().admitted_ns;
  if (admitted_ns < 0) admitted_ns = attempt.connection->first_written_ns();
}

void HttpFleet::received(Connection& connection, std::string_view bytes, std::int64_t now_ns) {
  const std::uint32_t who = connection.number();
  Attempt& attempt = attempts_[who];
  Answer& answer = attempt.answer;
  SiteState& site = sites_[attempt.site];
  const bool had_status = answer.has_status();
  note_admitted(attempt);
  answer.read(bytes, now_ns, clock_.unix_s(), site.reader);
  if (!had_status && answer.has_status()) take_head(attempt, now_ns);
  if (answer.texts_read() > 0) count_tokens(attempt, now_ns);
  if (answer.outcome() != Answer::Outcome::open && !attempt.told) {
    settle(who, now_ns);
    if (!attempt.told) return;  // it is with the next site
    set_deadline(who, now_ns + kLongestDrainNs);
  }
  if (answer.is_whole() || answer.outcome() == Answer::Outcome::failed) {
    let_go(who, now_ns);
  } else if (!attempt.told && answer.has_status()) {
    set_deadline(who, now_ns + site.endpoint.between_timeout_ns);
  }
}

void HttpFleet::take_head(Attempt& attempt, std::int64_t now_ns) {
  attempt.request = std::string();
  if (const ResponseHead* const head = attempt.answer.head()) {
    gauges_.note(attempt.site, now_ns, rate_limits(*head, clock_.unix_s()));
  }
  attempt.answer.drop_head();
  const Reply& reply = attempt.answer.reply();
  const bool accepted = reply.status >= 200 && reply.status < 300;
  if (accepted && attempt.work.announce) {
    tell(attempt, NewsKind::started, reply.admitted_ns, std::max(reply.cached_tokens, 0));
  }
}

/// Each delta with text is one token, at the instant of its read, until usage says how many.
void HttpFleet::count_tokens(Attempt& attempt, std::int64_t now_ns) {
  const std::int32_t texts = attempt.answer.texts_read();
  open_tokens_ += texts;
  ++wire_.reads;
  if (texts > 1) ++wire_.reads_with_several;
  const CellId cell = attempt.work.cell;
  for (std::int32_t i = 0; i < texts; ++i) {
    const bool first = attempt.previous_ns < 0;
    const std::int64_t gap_ps = first ? -1 : (now_ns - attempt.previous_ns) * kPsPerNs;
    tokens_.token(cell, now_ns, gap_ps);
    const GapLimits* const limits = tokens_.gap_limits();
    if (!first && limits != nullptr && limits->late(cell, gap_ps)) ++attempt.late_gaps;
    attempt.previous_ns = now_ns;
  }
}

void HttpFleet::ended(Connection& connection, const Connection::Ended& how, std::int64_t now_ns) {
  const std::uint32_t who = connection.number();
  Attempt& attempt = attempts_[who];
  SiteState& site = sites_[attempt.site];
  if (attempt.used_before && !attempt.answer.has_begun()) {
    // It had been closed before the request came: nothing was computed, so it is the same attempt.
    site.pool.discard(connection);
    attempt.connection = nullptr;
    set_deadline(who, kNever);
    site.pool.ask(who, /*fresh=*/true, now_ns);
    return;
  }
  note_admitted(attempt);
  attempt.answer.close(how.in_order, how.message, now_ns, site.reader);
  if (attempt.answer.texts_read() > 0) count_tokens(attempt, now_ns);
  if (!attempt.told) settle(who, now_ns);
  if (attempt.told) let_go(who, now_ns);
}

/// What came of it is known: the loop is told, or the next site is asked.
void HttpFleet::settle(std::uint32_t who, std::int64_t now_ns) {
  Attempt& attempt = attempts_[who];
  const Answer& answer = attempt.answer;
  const Reply& reply = answer.reply();
  if (answer.outcome() == Answer::Outcome::completed) {
    complete(attempt);
    return;
  }
  if (answer.outcome() == Answer::Outcome::refused) {
    if (spill(who, now_ns)) return;
    tell(attempt, NewsKind::refused, reply.headers_ns, 0);
    return;
  }
  FailureRecord& failure = failures_[std::string(reply.failure)];
  ++failure.count;
  if (failure.example.empty()) failure.example = secrets_.blank(answer.example());
  tell(attempt, NewsKind::failed, now_ns, reply.deltas);
}

/// To the next site of the tenant that has not refused it; false if there is none.
bool HttpFleet::spill(std::uint32_t who, std::int64_t now_ns) {
  Attempt& attempt = attempts_[who];
  if (sites_[attempt.site].endpoint.on_refusal != OnRefusal::next_site) return false;
  attempt.refused_by.resize(sites_.size());
  attempt.refused_by[attempt.site] = true;
  const std::vector<std::size_t>& allowed = tenants_[attempt.work.tenant].sites;
  const auto here = std::ranges::find(allowed, attempt.site);
  for (std::size_t i = 1; i <= allowed.size(); ++i) {
    const std::size_t next =
        allowed[(static_cast<std::size_t>(here - allowed.begin()) + i) % allowed.size()];
    if (attempt.refused_by[next]) continue;
    release(attempt, now_ns);
    set_deadline(who, kNever);
    attempt.answer = Answer();
    attempt.site = static_cast<std::uint32_t>(next);
    sites_[next].pool.ask(who, /*fresh=*/false, now_ns);
    return true;
  }
  return false;
}

void HttpFleet::complete(Attempt& attempt) {
  const Work& work = attempt.work;
  const Answer& answer = attempt.answer;
  const Reply& reply = answer.reply();
  const std::int32_t missing = reply.output_tokens - reply.deltas;
  if (missing > 0) tokens_.late_tokens(work.cell, answer.last_token_ns(), missing);
  wire_.deltas += static_cast<std::uint64_t>(reply.deltas);
  wire_.asked_tokens += static_cast<std::uint64_t>(work.output_tokens);
  wire_.got_tokens += static_cast<std::uint64_t>(reply.output_tokens);
  wire_.placed_late_tokens += static_cast<std::uint64_t>(std::abs(missing));
  if (!reply.usage_known) ++wire_.without_usage;
  if (reply.prompt_tokens >= 0) {
    measure_words(attempt);
    if (attempt.has_measured_words) {
      wire_.asked_prompt_tokens += static_cast<std::uint64_t>(work.prompt_tokens);
      wire_.got_prompt_tokens += static_cast<std::uint64_t>(reply.prompt_tokens);
    }
  }
  note_said(attempt);
  tell(attempt, NewsKind::completed, answer.last_token_ns(), attempt.late_gaps);
}

/// Whether the next turn may send along what comes back now, as it comes back.
bool HttpFleet::may_go_on(const Work& work) const {
  if (!Conversations::is_turn(work)) return false;
  const TenantState& tenant = tenants_[work.tenant];
  return tenant.prompts.settings().kind != PromptKind::token_ids && tenant.sessions &&
         tenant.sessions->has_next(work.number);
}

/// What the next turn sends along, if one is to come.
void HttpFleet::note_said(Attempt& attempt) {
  const Work& work = attempt.work;
  if (!Conversations::is_turn(work)) return;
  const std::optional<SessionPlan>& sessions = tenants_[work.tenant].sessions;
  const std::int64_t answer_tokens = std::max(attempt.answer.reply().output_tokens, 1);
  const bool goes_on = sessions && sessions->has_next(work.number) &&
                       sessions->prompt_tokens(work.number + 1, work.prompt_tokens + answer_tokens);
  if (goes_on) {
    conversations_.answered(work, system_tokens(work), answer_tokens, attempt.answer.take_text());
  } else {
    conversations_.ended(work.prefix->conversation);
  }
}

std::int64_t HttpFleet::system_tokens(const Work& work) const {
  return scenario_.tenants[work.tenant].prompts.system_tokens;
}

void HttpFleet::tell(Attempt& attempt, NewsKind kind, std::int64_t at_ns, std::int32_t count) {
  const Answer& answer = attempt.answer;
  const RequestId id = attempt.work.id;
  if (replies_.size() <= id) replies_.resize(id + std::size_t{1});
  replies_[id] = answer.reply();
  News news;
  news.id = id;
  news.replica = attempt.replica;
  news.scheduled_ns = answer.reply().admitted_ns;
  news.first_token_ns = answer.first_token_ns();
  news.at_ns = at_ns;
  news.count = count;
  news.kind = kind;
  news.site = static_cast<std::uint16_t>(attempt.site);
  news_[filling_].push_back(news);
  attempt.told = kind != NewsKind::started;
  if (attempt.told) open_tokens_ -= answer.reply().deltas;
  clock_.ring();
}

/// The attempt has no connection any more.
void HttpFleet::release(Attempt& attempt, std::int64_t now_ns) {
  Connection* const connection = std::exchange(attempt.connection, nullptr);
  if (connection == nullptr) return;
  ConnectionPool& pool = sites_[attempt.site].pool;
  if (connection->is_reusable() && attempt.answer.is_whole() && attempt.answer.keep_alive()) {
    pool.give_back(*connection, now_ns);
  } else {
    pool.discard(*connection);
  }
}

void HttpFleet::let_go(std::uint32_t who, std::int64_t now_ns) {
  Attempt& attempt = attempts_[who];
  attempt.is_free = true;
  attempt.deadline_ns = kNever;
  release(attempt, now_ns);
  attempt.request = std::string();
  attempt.answer = Answer();
  free_.push_back(who);
}

// ------------------------------------------------------------------------------- words and
// deadlines

/// How many words make a token for whoever counts at the other end.
void HttpFleet::measure_words(const Attempt& attempt) {
  if (words_are_frozen_) return;
  // A later turn has answers in it, which are as many tokens as they are, whatever a word makes.
  if (Conversations::is_turn(attempt.work) && attempt.work.prefix->known_tokens > 0) return;
  TenantState& tenant = tenants_[attempt.work.tenant];
  tenant.asked_prompt_tokens += attempt.work.prompt_tokens;
  tenant.got_prompt_tokens += attempt.answer.reply().prompt_tokens;
  ++tenant.measured_requests;
}

/// From the end of the warm-up on prompts have the words that it found to be needed.
void HttpFleet::freeze_words(std::int64_t now_ns) {
  if (words_are_frozen_ || now_ns < scenario_.run.warmup_ns) return;
  words_are_frozen_ = true;
  for (TenantState& tenant : tenants_) {
    if (tenant.measured_requests < kFewestRequestsForWords) continue;
    if (tenant.got_prompt_tokens <= 0) continue;
    // Answers in the warm-up were to prompts of one word per token.
    const double words_per_token = static_cast<double>(tenant.asked_prompt_tokens) /
                                   static_cast<double>(tenant.got_prompt_tokens);
    tenant.prompts.set_words_per_token(std::clamp(words_per_token, kFewestWords, kMostWords));
  }
}

void HttpFleet::set_deadline(std::uint32_t who, std::int64_t at_ns) {
  Attempt& attempt = attempts_[who];
  attempt.deadline_ns = at_ns;
  if (at_ns >= attempt.looked_at_ns) return;
  attempt.looked_at_ns = at_ns;
  deadlines_.add(at_ns, who);
}

void HttpFleet::look_at_deadlines(std::int64_t now_ns) {
  while (const auto entry = deadlines_.take(now_ns)) {
    Attempt& attempt = attempts_[entry->who];
    if (entry->at_ns != attempt.looked_at_ns) continue;  // there is an earlier one
    attempt.looked_at_ns = kNever;
    if (attempt.deadline_ns <= now_ns) {
      expire(entry->who, now_ns);
    } else if (attempt.deadline_ns != kNever) {
      set_deadline(entry->who, attempt.deadline_ns);
    }
  }
}

void HttpFleet::expire(std::uint32_t who, std::int64_t now_ns) {
  Attempt& attempt = attempts_[who];
  if (!attempt.told) {
    note_admitted(attempt);
    if (attempt.answer.has_status()) {
      attempt.answer.fail(Failure::stalled, "no byte within timeouts.between");
    } else {
      attempt.answer.fail(Failure::first_byte, "no status within timeouts.first_byte");
    }
    settle(who, now_ns);
  }
  let_go(who, now_ns);
}

// ------------------------------------------------------------------------------------ as the loop
// sees it

std::span<const News> HttpFleet::advance(std::int64_t) {
  const std::int64_t now_ns = clock_.now_ns();
  for (SiteState& site : sites_) site.pool.look(now_ns);
  for (MetricsScraper& scraper : scrapers_) scraper.look(now_ns);
  look_at_deadlines(now_ns);
  std::vector<News>& taken = news_[filling_];
  filling_ ^= 1;
  news_[filling_].clear();
  // A stream may end some time after its last token.
  if (!std::ranges::is_sorted(taken, earlier)) std::ranges::stable_sort(taken, earlier);
  return taken;
}

std::int64_t HttpFleet::next_event_ns() const {
  if (!news_[filling_].empty()) return 0;
  std::int64_t next_ns = deadlines_.next_ns();
  for (const SiteState& site : sites_) next_ns = std::min(next_ns, site.pool.next_ns());
  for (const MetricsScraper& scraper : scrapers_) next_ns = std::min(next_ns, scraper.next_ns());
  return next_ns;
}

void HttpFleet::stop(std::int64_t end_ns, TokenRecord& record) {
  record.merge(tokens_);
  end_ns_ = end_ns;
  wire_.busy_ns = clock_.busy_ns();
}

std::optional<WireRecord> HttpFleet::wire() {
  WireRecord record = wire_;
  for (const SiteState& site : sites_) record.connections += site.pool.opened();
  for (const auto& [kind, failure] : failures_) {
    record.failures.push_back({kind, failure.count, failure.example});
  }
  record.server = gauges_.columns(end_ns_);
  return record;
}

}  // namespace tokenlift
