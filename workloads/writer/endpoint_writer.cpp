#include "workloads/writer/endpoint_writer.hpp"

namespace tokenlift::writing {

namespace {

void add_headers(const std::vector<Header>& headers, TomlKeys& keys) {
  if (headers.empty()) return;
  TomlKeys written;
  for (const auto& [name, value] : headers) written.add(toml_key(name), string_literal(value));
  keys.add("headers", written.inline_table());
}

void add_credentials(const Credentials& credentials, TomlKeys& keys) {
  if (!credentials.key_env.empty()) keys.add("key_env", string_literal(credentials.key_env));
  if (!credentials.key_file.empty()) keys.add("key_file", string_literal(credentials.key_file));
  add_headers(credentials.headers, keys);
}

}  // namespace

void add_endpoint(const Endpoint& endpoint, TomlKeys& keys) {
  keys.add("url", string_literal(endpoint.url));
  keys.add("api", word(endpoint.api));
  keys.add("model", string_literal(endpoint.model));
  add_credentials(endpoint.credentials, keys);
  TomlKeys timeouts;
  timeouts.add("connect", duration(endpoint.connect_timeout_ns));
  timeouts.add("first_byte", duration(endpoint.first_byte_timeout_ns));
  timeouts.add("between", duration(endpoint.between_timeout_ns));
  keys.add("timeouts", timeouts.inline_table());
  if (!endpoint.ca_file.empty()) {
    TomlKeys tls;
    tls.add("ca_file", string_literal(endpoint.ca_file));
    keys.add("tls", tls.inline_table());
  }
  if (endpoint.ignore_eos) keys.add("ignore_eos", std::string("true"));
  if (!endpoint.metrics_url.empty()) keys.add("metrics", string_literal(endpoint.metrics_url));
  if (endpoint.on_refusal != OnRefusal::client) keys.add("on_refusal", word(endpoint.on_refusal));
}

void add_sent(const Tenant& tenant, TomlKeys& keys) {
  const Prompts& prompts = tenant.prompts;
  if (prompts.kind == PromptKind::file) {
    keys.add("prompts", string_literal(prompts.file));
  } else if (prompts.kind != PromptKind::text) {
    keys.add("prompts", word(prompts.kind));
  }
  if (prompts.system_tokens > 0) keys.add("system_prompt_tokens", prompts.system_tokens);
  add_credentials(tenant.credentials, keys);
}

TomlKeys keys_of(const Call& call) {
  TomlKeys keys;
  keys.add("method", string_literal(call.method));
  keys.add("url", string_literal(call.url));
  if (!call.body.empty()) keys.add("body", string_literal(call.body));
  add_credentials(call.credentials, keys);
  keys.add("expect", call.expect);
  return keys;
}

}  // namespace tokenlift::writing
