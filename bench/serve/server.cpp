#include "bench/serve/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bench/fleet/router.hpp"
#include "bench/serve/live_page.hpp"
#include "workloads/plan/fleet_plan.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kEndNs = 2'000'000'000;  // for a client to end what has been ended
constexpr std::int64_t kFinishNs = 1'000'000'000;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kUsualModel = "default";  // for who does not care

struct Route {
  std::string_view path;
  std::string_view method;
};
constexpr auto kRoutes = std::to_array<Route>({{"/v1/chat/completions", "POST"},
                                               {"/v1/completions", "POST"},
                                               {"/v1/messages", "POST"},
                                               {"/v1/models", "GET"},
                                               {"/health", "GET"},
                                               {"/ready", "GET"},
                                               {"/metrics", "GET"},
                                               {"/tokenlift/state", "GET"},
                                               {"/tokenlift/event", "POST"},
                                               {"/tokenlift/live", "GET"},
                                               {"/tokenlift/report", "GET"},
                                               {"/", "GET"},
                                               {"/tokenlift/live.css", "GET"},
                                               {"/tokenlift/live.js", "GET"}});

/// Of the live page, which holds no figures: those come by /tokenlift/live. It loads what is here,
/// asks nobody else, and stands in no other page, which could lead a click to its switch.
constexpr std::string_view kPageFields =
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\nx-content-type-options: nosniff\r\n"
    "referrer-policy: no-referrer\r\ncache-control: no-cache\r\n";

Dialect dialect_of(std::string_view path) {
  if (path == "/v1/messages") return Dialect::anthropic;
  return path == "/v1/completions" ? Dialect::openai_completions : Dialect::openai_chat;
}

/// Of the response that begins there, which is the last one.
void cut_body(std::size_t begin, std::string& out) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  out.resize(out.find(kHeadEnd, begin) + kHeadEnd.size());
}

bool is_json(std::string_view content_type) {
  return content_type.substr(0, content_type.find(';')) == kJson;
}

}  // namespace

Server::Server(const Scenario& scenario, ServerSettings settings, ServeClock& clock,
               Timetable& timetable)
    : scenario_(scenario),
      settings_(std::move(settings)),
      clock_(clock),
      timetable_(timetable),
      tenants_(scenario),
      desk_(clock),
      live_(scenario, settings_.plays_load),
      listener_(clock.wire(), settings_.listen, [this](int socket) { take(socket); }) {
  figures_.scenario = scenario.name;
  figures_.engine = name_of(scenario.run.engine);
  figures_.model = scenario.fleet.sites.front().profile;
  figures_.tenants.resize(scenario.tenants.size());
  figures_.replicas = std::ranges::count(serving_at_start(scenario), true);
  caches_prefixes_ = prefix_cache_tokens(scenario) > 0;
}

Server::~Server() = default;

void Server::finish() {
  listener_.close();
  const std::int64_t until_ns = clock_.now_ns() + kFinishNs;
  const auto unsent = [](const std::unique_ptr<Peer>& peer) {
    return peer && peer->is_open() && peer->has_unsent();
  };
  for (const Asked& watcher : std::exchange(watchers_, {})) {
    if (Peer* const peer = peer_at(watcher, Turn::State::watching)) {
      append_events_end(peer->output());
    }
  }
  for (const auto& peer : peers_) {
    if (peer && peer->is_open() && peer->turn.state == Turn::State::reported) {
      refuse(*peer, {503, "the server is shutting down"});
    }
    if (peer) peer->flush();
  }
  while (std::ranges::any_of(peers_, unsent) && clock_.now_ns() < until_ns) {
    clock_.wait(std::min(until_ns, clock_.now_ns() + kFinishNs / 20));
  }
  for (const auto& peer : peers_) {
    if (peer) peer->close();
  }
}

// ------------------------------------------------------------------------------------ connections

void Server::take(int socket) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(peers_.size()));
    peers_.emplace_back();
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  Peer::Owner& owner = *this;
  peers_[number] =
      std::make_unique<Peer>(clock_.wire(), socket, number, ++stamps_, owner, settings_.tls.get());
  ++figures_.connections;
  expect(*peers_[number], settings_.times.head_ns);
}

void Server::wants_to_shake_hands(Peer& peer) {
  hands_.emplace_back(peer.number(), peer.stamp());
  clock_.wire().ring();
}

/// One between two looks at what is due: of a crowd that comes at once nobody else is delayed by
/// more than that.
void Server::shake_hands() {
  while (!hands_.empty()) {
    Peer* const peer = peer_at(hands_.front(), Turn::State::listening);
    hands_.pop_front();
    if (peer == nullptr) continue;
    peer->shake_hands();
    break;
  }
  if (!hands_.empty()) clock_.wire().ring();
}

void Server::received(Peer& peer) {
  while (peer.is_open() && !peer.ends() && peer.turn.state == Turn::State::listening) {
    if (!take_request(peer)) break;
  }
}

void Server::gone(Peer& peer) {
  if (peer.turn.state == Turn::State::begun) {
    hang_ups_.push_back(peer.turn.id);
    peer_of_[peer.turn.id] = kNone;
    ++figures_.hung_up;
    clock_.wire().ring();
  }
  peer.turn.state = Turn::State::listening;
  left_.push_back(peer.number());
  --figures_.connections;
}

/// It waits to be sent, and the loop pauses soon.
void Server::soil(Peer& peer) {
  clock_.wire().ring();
  if (std::exchange(peer.is_dirty, true)) return;
  dirty_.push_back(peer.number());
}

void Server::expect(Peer& peer, std::int64_t within_ns) {
  if (within_ns == kNever) {
    peer.deadline_ns = kNever;
    return;
  }
  peer.deadline_ns = clock_.now_ns() + within_ns;
  if (peer.deadline_ns >= peer.timer_ns) return;  // it is looked at before, and then once more
  peer.timer_ns = peer.deadline_ns;
  timers_.add(peer.deadline_ns, peer.number());
}

void Server::look_at_timers(std::int64_t now_ns) {
  while (const auto timer = timers_.take(now_ns)) {
    Peer* const peer = peers_[timer->who].get();
    if (peer == nullptr || !peer->is_open()) continue;
    if (timer->at_ns >= peer->timer_ns) peer->timer_ns = kNever;
    if (peer->deadline_ns > now_ns) {
      if (peer->deadline_ns != kNever) expect(*peer, peer->deadline_ns - now_ns);
      continue;
    }
    const bool asks = peer->coming || !peer->input().empty();
    if (!asks || peer->ends()) {  // idle, or it does not hang up
      peer->close();
      gone(*peer);
      continue;
    }
    turn_off(*peer, {408, "the request did not come in time"});
  }
}

// --------------------------------------------------------------------------------------- requests

/// The first one of what has come. False if it is not complete.
bool Server::take_request(Peer& peer) {
  const bool begins = !peer.coming;
  if (begins && !take_head(peer)) return false;
  if (!peer.coming) return true;  // it was refused
  std::size_t bytes = 0;
  if (!take_body(peer, bytes)) {
    if (!peer.coming) return true;
    if (begins) expect(peer, settings_.times.body_ns);
    if (begins && peer.coming->head.expects_continue && peer.input().empty() &&
        peer.coming->body.empty()) {
      peer.output() += "HTTP/1.1 100 Continue\r\n\r\n";
      soil(peer);
    }
    return false;
  }
  expect(peer, kNever);
  const std::unique_ptr<ComingRequest> request = std::move(peer.coming);
  if (request->head.chunked) {
    handle(peer, request->head, request->body);
  } else {
    handle(peer, request->head, std::string_view(peer.input()).substr(0, bytes));
  }
  peer.take_off(bytes);
  return true;
}

/// False if it is not complete.
bool Server::take_head(Peer& peer) {
  if (peer.input().empty()) return false;
  Turn& turn = peer.turn;
  turn = Turn{};
  HeadReading reading = read_request_head(peer.input());
  if (reading.mistake) {
    turn_off(peer, {reading.mistake->status, reading.mistake->text});
    return true;
  }
  if (reading.bytes == 0) {
    if (peer.deadline_ns > clock_.now_ns() + settings_.times.head_ns)
      expect(peer, settings_.times.head_ns);
    return false;
  }
  turn.keep_alive = reading.head.keep_alive;
  turn.facts.dialect = dialect_of(reading.head.path);
  peer.take_off(reading.bytes);
  peer.coming = std::make_unique<ComingRequest>();
  peer.coming->head = std::move(reading.head);
  if (peer.coming->head.chunked) {
    peer.coming->chunks = Body(ResponseHead::Framing::chunked, 0, Body::Lines::strictly);
  }
  return true;
}

/// `bytes` of the input are the body then; in chunks it is taken as they come. False if it is not
/// complete, or refused.
bool Server::take_body(Peer& peer, std::size_t& bytes) {
  ComingRequest& coming = *peer.coming;
  Body::State state = Body::State::more;
  if (coming.head.chunked) {
    std::string_view rest = peer.input();
    while (!rest.empty() && state == Body::State::more && coming.body.size() <= kMostBodyBytes) {
      std::string_view data;
      state = coming.chunks.feed(rest, data);
      coming.body += data;
    }
    peer.take_off(peer.input().size() - rest.size());
  }
  const auto stated = static_cast<std::uint64_t>(coming.head.content_length);
  if (std::max<std::uint64_t>(stated, coming.body.size()) > kMostBodyBytes) {
    turn_off(peer, {413, fmt::format("the body is longer than {} bytes", kMostBodyBytes)});
    return false;
  }
  if (state == Body::State::broken) {
    turn_off(peer, {400, "the chunks of the body cannot be read"});
    return false;
  }
  if (coming.head.chunked) return state == Body::State::done;
  bytes = static_cast<std::size_t>(stated);
  return peer.input().size() >= bytes;
}

/// What comes behind this is no request.
void Server::turn_off(Peer& peer, const ErrorText& error) {
  peer.coming.reset();
  peer.turn.keep_alive = false;
  refuse(peer, error);
}

void Server::handle(Peer& peer, const RequestHead& head, std::string_view body) {
  peer.turn.facts.request_id =
      head.request_id.empty() ? fmt::format("req-{}", ++replies_) : head.request_id;
  peer.turn.asked_ns = clock_.now_ns();
  peer.turn.head_only = head.method == "HEAD";
  const auto route = std::ranges::find(kRoutes, std::string_view(head.path), &Route::path);
  // A page of another site that names this machine may ask for nothing, unless it has a key.
  if (settings_.keys.empty() && !is_own_host(head.host, settings_.listen.host)) {
    return refuse(peer, {421, "this server is not the host that was asked for"});
  }
  if (route == kRoutes.end()) {
    return refuse(peer, {404, fmt::format("there is nothing at {}", head.path)});
  }
  // Answered like GET, without the body; a stream has no end to wait for.
  const bool head_of_get =
      head.method == "HEAD" && route->method == "GET" && route->path != "/tokenlift/live";
  if (head.method != route->method && !head_of_get) {
    return refuse(peer, {405, fmt::format("{} takes {}", route->path, route->method)},
                  fmt::format("allow: {}\r\n", route->method));
  }
  if (head.path == "/health") return answer(peer, "text/plain", "ok\n");
  if (head.path == "/") return answer(peer, "text/html; charset=utf-8", kLivePage, kPageFields);
  if (head.path == "/tokenlift/live.css") return answer(peer, "text/css", kLiveStyle, kPageFields);
  if (head.path == "/tokenlift/live.js") {
    return answer(peer, "text/javascript", kLiveScript, kPageFields);
  }
  if (!is_allowed(peer, head)) return;
  if (head.path == "/ready") {
    if (closing_) return refuse(peer, {503, "the server is shutting down"});
    if (figures_.replicas == 0) return refuse(peer, {503, "no replica serves"});
    return answer(peer, "text/plain", "ready\n");
  }
  if (head.path == "/v1/models") return answer(peer, kJson, models_json());
  if (head.path == "/metrics") {
    look();
    return answer(peer, "text/plain; version=0.0.4; charset=utf-8",
                  metrics_text(figures_, caches_prefixes_));
  }
  if (head.path == "/tokenlift/state") {
    look();
    return answer(peer, kJson, state_json(figures_, scenario_.throttles));
  }
  if (head.path == "/tokenlift/report") return ask_for_report(peer, head);
  if (head.path == "/tokenlift/event") return post_event(peer, head, body);
  if (head.path == "/tokenlift/live") return watch(peer, head);
  ask(peer, peer.turn.facts.dialect, head, body);
}

/// Else it has been told so.
bool Server::is_allowed(Peer& peer, const RequestHead& head) {
  const bool event = head.path == "/tokenlift/event" && !settings_.admin_keys.empty();
  const Keys& keys = event ? settings_.admin_keys : settings_.keys;
  const bool admin = !head.key.empty() && settings_.admin_keys.contains(head.key);
  if (keys.empty() || admin || keys.contains(head.key)) return true;
  if (event && settings_.keys.contains(head.key)) {
    refuse(peer, {403, "this key may not post events", {}, "insufficient_permissions"});
    return false;
  }
  refuse(peer, {401,
                head.key.empty() ? "a key is missing" : "the key is not one of this server's",
                {},
                "invalid_api_key"});
  return false;
}

void Server::ask(Peer& peer, Dialect dialect, const RequestHead& head, std::string_view body) {
  auto read = reader_.read(dialect, body);
  if (const auto* wrong = std::get_if<ApiMistake>(&read)) {
    return refuse(peer, {400, wrong->text, wrong->key});
  }
  auto& request = std::get<ApiRequest>(read);
  if (!names_us(request.model)) {
    return refuse(peer, {404,
                         fmt::format("there is no model '{}' here; /v1/models lists them",
                                     request.model.substr(0, 200)),
                         "model", "model_not_found"});
  }
  if (request.stream && !head.takes_chunks) return refuse(peer, {400, "a stream takes HTTP/1.1"});
  const auto tenant = tenants_.find(settings_.keys, head.key, head.tenant);
  if (!tenant) {
    return refuse(peer, {400, fmt::format("there is no tenant '{}'", head.tenant.substr(0, 200))});
  }
  const std::int64_t most = tenants_.most_tokens(*tenant);
  const std::int64_t room = most - request.prompt_tokens;
  if (room < 1 || request.max_tokens.value_or(1) > room) {
    return refuse(peer, {400,
                         fmt::format("{} tokens of prompt and {} of output are more than the "
                                     "{} that there is room for",
                                     request.prompt_tokens, request.max_tokens.value_or(1), most),
                         {},
                         "context_length_exceeded"});
  }
  Turn& turn = peer.turn;
  turn.tenant = *tenant;
  if (closing_) return turn_down(peer, true, {503, "the server is shutting down"}, {});
  turn.state = Turn::State::asked;
  turn.stream = request.stream;
  turn.user = tenants_.user(*tenant, request.user.substr(0, 256));
  turn.ignore_eos = request.ignore_eos;
  turn.max_tokens = request.max_tokens.value_or(std::min(tenants_.usual_max_tokens(*tenant), room));
  turn.facts.model = std::move(request.model);
  turn.facts.created_s = clock_.wire().unix_s();
  turn.facts.prompt_tokens = request.prompt_tokens;
  turn.facts.include_usage = request.include_usage;
  asked_.emplace_back(peer.number(), peer.stamp());
  ++figures_.requests;
  figures_.prompt_tokens += static_cast<std::uint64_t>(request.prompt_tokens);
  clock_.wire().ring();
}

/// Only what a page of another site cannot send unasked: its type must be JSON's.
void Server::post_event(Peer& peer, const RequestHead& head, std::string_view body) {
  if (!is_json(head.content_type)) {
    return refuse(peer, {415, "an event is an object of JSON: content-type: application/json"});
  }
  auto table = reader_.event_table(body);
  if (const auto* wrong = std::get_if<ApiMistake>(&table)) {
    return refuse(peer, {400, wrong->text, wrong->key});
  }
  if (closing_) return refuse(peer, {503, "the server is shutting down"});
  peer.turn.state = Turn::State::posted;
  peer.turn.text = std::get<std::string>(table);
  peer.turn.fields = minified_json(body);
  posted_.emplace_back(peer.number(), peer.stamp());
  clock_.wire().ring();
}

void Server::watch(Peer& peer, const RequestHead& head) {
  if (!head.takes_chunks) return refuse(peer, {400, "a stream takes HTTP/1.1"});
  std::erase_if(watchers_, [this](const Asked& watcher) {
    return peer_at(watcher, Turn::State::watching) == nullptr;
  });
  if (closing_) return refuse(peer, {503, "the server is shutting down"});
  if (watchers_.size() >= kMostWatchers) return refuse(peer, {503, "too many watch already"});
  peer.turn.state = Turn::State::watching;
  peer.turn.stream = true;
  watchers_.emplace_back(peer.number(), peer.stamp());
  append_events_begin(peer.output());
  append_event("begin", live_.begin(figures_.events), peer.output());
  soil(peer);
}

/// What is not looked at unless somebody asks.
void Server::look() {
  if (run_ == nullptr) return;
  figures_.levels = run_->levels(clock_.now_ns());
  figures_.cache_use = run_->cache_use();
}

void Server::ask_for_report(Peer& peer, const RequestHead& head) {
  constexpr std::string_view kFormat = "format=";
  peer.turn.format = accepted_format(head.accept);
  if (!head.query.empty()) {
    const auto format = head.query.starts_with(kFormat)
                            ? report_format(std::string_view(head.query).substr(kFormat.size()))
                            : std::nullopt;
    if (!format) {
      return refuse(peer,
                    {400, "format is text, json, markdown or html: /tokenlift/report?format=json"});
    }
    peer.turn.format = *format;
  }
  peer.turn.state = Turn::State::reported;
  reports_.emplace_back(peer.number(), peer.stamp());
  clock_.wire().ring();
}

void Server::answer(Peer& peer, std::string_view type, std::string_view body,
                    std::string_view fields) {
  const std::size_t begin = peer.output().size();
  append_response(200, type, fields, body, peer.turn.keep_alive && !closing_, peer.output());
  if (peer.turn.head_only) cut_body(begin, peer.output());
  end_turn(peer);
}

void Server::refuse(Peer& peer, const ErrorText& error, std::string_view fields) {
  const std::size_t begin = peer.output().size();
  append_error(peer.turn.facts.dialect, error, peer.turn.facts.request_id, fields,
               peer.turn.keep_alive && !closing_, peer.output());
  if (peer.turn.head_only) cut_body(begin, peer.output());
  end_turn(peer);
}

/// What is said is to be sent, and the next request is listened to, or none any more.
void Server::end_turn(Peer& peer) {
  peer.turn.state = Turn::State::listening;
  if (!peer.turn.keep_alive || closing_) {
    peer.end_after_sending();
    expect(peer, kEndNs);
  } else {
    expect(peer, settings_.times.idle_ns);
  }
  soil(peer);
}

bool Server::names_us(std::string_view model) const {
  return model == scenario_.name || model == kUsualModel ||
         std::ranges::find(scenario_.fleet.sites, model, &Site::profile) !=
             scenario_.fleet.sites.end();
}

std::string Server::models_json() const {
  std::vector<std::string> names = {scenario_.name, std::string(kUsualModel)};
  for (const Site& site : scenario_.fleet.sites) {
    if (std::ranges::find(names, site.profile) == names.end()) names.push_back(site.profile);
  }
  std::string list;
  for (const std::string& name : names) {
    list +=
        fmt::format("{}{{\"id\":{},\"object\":\"model\",\"created\":0,\"owned_by\":\"tokenlift\"}}",
                    list.empty() ? "" : ",", quoted_json(name));
  }
  return fmt::format("{{\"object\":\"list\",\"data\":[{}]}}\n", list);
}

}  // namespace tokenlift
