#include "workloads/reader/call_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "workloads/reader/endpoint_reader.hpp"
#include "workloads/text/secret.hpp"

namespace tokenlift {

namespace {

constexpr std::int64_t kLeastStatus = 200;  // those below are no answer yet
constexpr std::int64_t kMostStatus = 599;

void read_method(TableReader& table, Call& call) {
  const std::vector<std::string> methods = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  const std::optional<std::string> method = table.text("method");
  if (!method) return;
  if (std::ranges::find(methods, *method) == methods.end()) {
    table.unknown_word("method", *method, methods);
  } else {
    call.method = *method;
  }
}

void read_call(TableReader table, const std::string& folder, Event& event) {
  event.kind = EventKind::call;
  Call call;
  read_method(table, call);
  table.require("url", "who is called: url = \"http://127.0.0.1:8000/limits\"");
  call.url = read_url(table, "url");
  if (const std::optional<std::string> body = table.text("body")) {
    call.body = *body;
    if (holds_secret(*body)) {
      table.mistake("body", "the body holds a secret, which has no place in a scenario",
                    "let a command send it, which reads it from its environment");
    }
  }
  call.credentials = read_credentials(table, folder, HeadersOf::call);
  assign(call.expect, table.whole("expect", kLeastStatus, kMostStatus));
  table.finish();
  event.call = std::move(call);
}

// A single string would be a program whose name has spaces: an array says what is meant.
void read_command(TableReader& table, Event& event) {
  constexpr std::string_view kExample = R"(["kubectl", "apply", "-f", "limits.yaml"])";
  const toml::node* node = table.find("command");
  event.kind = EventKind::command;
  if (!node->is_array()) {
    table.wrong_type("command", *node, "an array of strings", kExample);
    return;
  }
  const std::optional<std::vector<std::string>> words = table.texts("command");
  if (!words) return;
  const bool has_nul = std::ranges::any_of(
      *words, [](const std::string& word) { return word.find('\0') != std::string::npos; });
  if (words->front().empty() || has_nul) {
    table.mistake("command", "this can't be a command",
                  "the program and its arguments: command = " + std::string(kExample));
  } else if (std::ranges::any_of(*words, holds_secret)) {
    table.mistake("command", "the command holds a secret, which has no place in a scenario",
                  "let it read the secret from its environment or from a file");
  }
  event.command = *words;
}

}  // namespace

void read_call_or_command(TableReader& table, std::optional<Engine> engine,
                          const std::string& folder, Event& event) {
  constexpr auto kKeys = std::to_array<std::string_view>({"call", "command"});
  if (engine && !traits_of(*engine).remote) {
    table.refuse_on(*engine, "has nobody elsewhere to change anything", kKeys,
                    "remove the event, or set run.engine = \"http\"");
    return;
  }
  if (auto call = table.table("call", "call")) read_call(std::move(*call), folder, event);
  if (table.has("command")) read_command(table, event);
}

}  // namespace tokenlift
