#include "workloads/reader/endpoint_reader.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "workloads/plan/demand.hpp"
#include "workloads/requests/lengths.hpp"
#include "workloads/text/ascii.hpp"
#include "workloads/text/secret.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kKeyAdvice =
    R"(put it into an environment variable and name that: key_env = "LLM_KEY"; or into a file: )"
    R"(key_file = "llm.key")";
constexpr std::string_view kCallKeyAdvice =
    R"(where Authorization carries it as a bearer's: key_env = "ADMIN_KEY", or key_file; else let )"
    R"(a command send it, which reads it from its environment: command = ["sh", "-c", "..."])";

// What tokenlift says itself, in every request.
constexpr auto kFramingHeaders =
    std::to_array<std::string_view>({"connection", "content-length", "expect", "host", "keep-alive",
                                     "te", "trailer", "transfer-encoding", "upgrade"});
constexpr auto kOwnHeaders = std::to_array<std::string_view>(
    {"accept", "accept-encoding", "content-type", "x-request-id", "x-stainless-retry-count"});

// What is wrong with a text.
struct Fault {
  std::string message;
  std::string advice;
};

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535;
}

// "host:8000", "[::1]:8000"
std::optional<Fault> fault_of_authority(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) {
    return Fault{"a user or a key stands in the URL", std::string(kKeyAdvice)};
  }
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  if (host.empty() || (host.front() == '[') != (host.back() == ']')) {
    return Fault{"the URL names no host", "for example \"http://127.0.0.1:8000/v1\""};
  }
  if (colon != std::string_view::npos && !is_port(authority.substr(colon + 1))) {
    return Fault{"the URL's port is none", "a whole number from 1 to 65535"};
  }
  return std::nullopt;
}

std::optional<Fault> fault_of_url(std::string_view url) {
  const std::string example = "for example \"http://127.0.0.1:8000/v1\"";
  if (!std::ranges::all_of(url, is_visible_ascii)) {
    return Fault{"a URL has no spaces, control characters or letters beyond ASCII",
                 "write them as %20 and the like"};
  }
  if (!url.starts_with(kHttp) && !url.starts_with(kHttps)) {
    const bool has_scheme = url.find("://") != std::string_view::npos;
    return Fault{
        has_scheme ? "the URL's scheme is neither http nor https" : "the URL has no scheme",
        example};
  }
  const std::string_view rest = url.substr(url.find("//") + 2);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (auto fault = fault_of_authority(authority)) return fault;
  if (rest.find('#') != std::string_view::npos) {
    return Fault{"what stands behind '#' in a URL is never sent", "leave it out"};
  }
  if (holds_secret(url)) {
    return Fault{"a key stands in the URL", std::string(kKeyAdvice)};
  }
  return std::nullopt;
}

bool is_token(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), ascii_lower);
  return small;
}

template <typename Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::optional<Fault> fault_of_header(const std::string& name, const std::string& value,
                                     HeadersOf of) {
  const std::string quoted = "header " + in_quotes(name);
  if (!is_token(name)) {
    return Fault{in_quotes(name) + " can't be the name of a header",
                 "letters, digits, '-' and '_'"};
  }
  if (names_secret(name) || holds_secret(value)) {
    return Fault{quoted + " holds a secret, which has no place in a scenario",
                 std::string(of == HeadersOf::call ? kCallKeyAdvice : kKeyAdvice)};
  }
  const std::string small = lower(name);
  if (is_one_of(kFramingHeaders, small) ||
      (of == HeadersOf::site_or_tenant && is_one_of(kOwnHeaders, small))) {
    return Fault{quoted + " is what tokenlift says itself", "remove it"};
  }
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  };
  if (std::ranges::any_of(value, is_control)) {
    return Fault{"the value of " + quoted + " has control characters", "leave them out"};
  }
  return std::nullopt;
}

// The name of an environment variable, which is quoted in no message: it may be a key.
bool is_variable(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && !is_digit(name.front()) && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
  });
}

// A mistake where the key stands in the place of where it is.
bool is_key_itself(TableReader& table, std::string_view key) {
  const toml::node* node = table.find(key);
  if (node == nullptr || !node->is_string() || !holds_secret(node->as_string()->get())) {
    return false;
  }
  table.mistake(key, in_quotes(key) + " says where the key is, and is not the key itself",
                std::string(kKeyAdvice));
  return true;
}

std::vector<Header> read_headers(TableReader& table, HeadersOf of) {
  std::vector<Header> headers;
  std::optional<TableReader> given = table.table("headers", "headers");
  if (!given) return headers;
  std::set<std::string> names;
  for (const std::string& name : given->keys()) {
    const std::optional<std::string> value = given->text(name);
    if (!value) continue;
    if (const std::optional<Fault> fault = fault_of_header(name, *value, of)) {
      given->mistake(name, fault->message, fault->advice);
    } else if (!names.insert(lower(name)).second) {
      given->mistake(name, "header " + in_quotes(name) + " is there twice",
                     "names of headers are the same in small letters and in capitals: keep one");
    } else {
      headers.emplace_back(name, *value);
    }
  }
  return headers;
}

void refuse_secrets(TableReader& table) {
  for (const std::string& key : table.keys()) {
    if (key != "key" && !names_secret(key)) continue;
    table.find(key);
    table.mistake(key, "a key has no place in a scenario, which is shown and kept",
                  std::string(kKeyAdvice));
  }
}

void read_timeouts(TableReader timeouts, Endpoint& endpoint) {
  assign(endpoint.connect_timeout_ns, timeouts.positive_duration_ns("connect"));
  assign(endpoint.first_byte_timeout_ns, timeouts.positive_duration_ns("first_byte"));
  assign(endpoint.between_timeout_ns, timeouts.positive_duration_ns("between"));
  timeouts.finish();
}

void read_tls(TableReader& site, const std::string& folder, Endpoint& endpoint) {
  std::optional<TableReader> tls = site.table("tls", "tls");
  if (!tls) return;
  tls->require("ca_file", "certificates to trust beside the system's: ca_file = \"ca.pem\"");
  assign(endpoint.ca_file, tls->path("ca_file", folder));
  tls->finish();
  if (endpoint.url.starts_with(kHttp)) {
    site.mistake("tls", "\"tls\" has no effect on a URL that begins with http://",
                 "write https://, or remove it");
  }
}

// A word for a kind, or the path of a file, which must be there: else any slip would be a path.
void read_prompts(TableReader& table, const std::string& folder, Prompts& prompts) {
  const std::optional<std::string> word = table.text("prompts");
  if (!word) return;
  std::vector<std::string> names;
  for (const Keyword<PromptKind>& keyword : kKeywords<PromptKind>) {
    names.emplace_back(keyword.name);
    if (keyword.name != *word) continue;
    prompts.kind = keyword.value;
    return;
  }
  const std::optional<std::string> path = table.path("prompts", folder);
  if (!path) return;
  prompts.kind = PromptKind::file;
  prompts.file = *path;
  std::error_code unreadable;  // a name too long or forbidden is no file
  if (std::filesystem::is_regular_file(*path, unreadable)) return;
  table.mistake("prompts", "there is no file " + in_quotes(*path),
                suggest(*word, names) +
                    "; or the path of a file of JSON lines: a relative one is looked for beside "
                    "the scenario");
}

void check_token_ids(TableReader& table, const std::vector<Site>& sites, const Tenant& tenant) {
  for (const Site& site : sites) {
    if (!site.endpoint || !may_use(tenant, site)) continue;
    if (site.endpoint->api == Api::openai_completions) continue;
    table.mistake("prompts",
                  "site " + in_quotes(site.name) + " takes no token ids: its API is " +
                      in_quotes(name_of(site.endpoint->api)),
                  "set api = \"openai_completions\" in the site, or prompts = \"text\"");
    return;
  }
}

void check_system_prompt(TableReader& table, const Tenant& tenant) {
  const std::int64_t largest = tenant.arrivals.trace
                                   ? tenant.arrivals.trace->summary.prompt_max_tokens
                                   : largest_tokens(tenant.prompt_tokens);
  if (tenant.prompts.system_tokens < largest) return;
  table.mistake("system_prompt_tokens",
                "\"system_prompt_tokens\" is " + std::to_string(tenant.prompts.system_tokens) +
                    ", and no prompt has more than " + std::to_string(largest),
                "prompts have the system prompt in them: lower it, or raise prompt_tokens");
}

}  // namespace

std::string read_url(TableReader& table, std::string_view key) {
  const std::optional<std::string> url = table.text(key);
  if (!url) return "";
  const std::optional<Fault> fault = fault_of_url(*url);
  if (!fault) return *url;
  table.mistake(key, in_quotes(key) + ": " + fault->message, fault->advice);
  return "";
}

Credentials read_credentials(TableReader& table, const std::string& folder, HeadersOf of) {
  Credentials credentials;
  refuse_secrets(table);
  if (!is_key_itself(table, "key_env")) {
    assign(credentials.key_env, table.text("key_env"));
    const toml::node* node = table.find("key_env");
    if (node != nullptr && node->is_string() && !is_variable(credentials.key_env)) {
      table.mistake("key_env", "\"key_env\" is not the name of an environment variable",
                    "letters, digits and '_', for example key_env = \"LLM_KEY\"");
    }
  }
  if (!is_key_itself(table, "key_file")) {
    assign(credentials.key_file, table.path("key_file", folder));
  }
  if (table.has("key_env") && table.has("key_file")) {
    table.mistake("key_file", R"(both "key_env" and "key_file" are given)", "keep one of them");
  }
  credentials.headers = read_headers(table, of);
  return credentials;
}

Endpoint read_endpoint(TableReader& site, const std::string& folder) {
  Endpoint endpoint;
  site.require("url", "where its API begins: url = \"http://127.0.0.1:8000/v1\"");
  endpoint.url = read_url(site, "url");
  assign(endpoint.api, site.choice<Api>("api"));
  site.require("model", "its name there, for example model = \"llama-3.1-8b\"");
  assign(endpoint.model, site.text("model"));
  if (site.has("model") && site.find("model")->is_string() && !is_name(endpoint.model)) {
    site.mistake("model", "this can't be the name of a model", std::string(kNameAdvice));
  }
  endpoint.credentials = read_credentials(site, folder, HeadersOf::site_or_tenant);
  if (auto timeouts = site.table("timeouts", "timeouts")) {
    read_timeouts(std::move(*timeouts), endpoint);
  }
  read_tls(site, folder, endpoint);
  if (site.only_for("ignore_eos", "api", endpoint.api,
                    std::vector{Api::openai_chat, Api::openai_completions})) {
    assign(endpoint.ignore_eos, site.flag("ignore_eos"));
  }
  endpoint.metrics_url = read_url(site, "metrics");
  assign(endpoint.on_refusal, site.choice<OnRefusal>("on_refusal"));
  return endpoint;
}

void read_sent(TableReader& table, const std::string& folder, const std::vector<Site>& sites,
               bool lengths_sound, Tenant& tenant) {
  tenant.credentials = read_credentials(table, folder, HeadersOf::site_or_tenant);
  read_prompts(table, folder, tenant.prompts);
  if (tenant.prompts.kind == PromptKind::token_ids) check_token_ids(table, sites, tenant);
  assign(tenant.prompts.system_tokens, table.whole("system_prompt_tokens", 0, kRequestTokensMax));
  if (lengths_sound && tenant.prompts.system_tokens > 0) check_system_prompt(table, tenant);
}

}  // namespace tokenlift
