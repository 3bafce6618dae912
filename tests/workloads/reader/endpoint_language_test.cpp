// The scenario language of engine http: endpoints, what tenants send there, calls, commands and
// signals; and what is no part of it.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/testing.hpp"
#include "tests/workloads/reader/demo_scenario.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/reader/endpoint_reader.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift::endpoint_language_test {
namespace {

constexpr std::int64_t kS = 1'000'000'000;

// Line numbers in the tests below are of this text.
const std::string kHttpText = R"(name = "demo"
[run]
engine = "http"
duration = "200s"
warmup = "3s"

[[fleet.site]]
name = "gateway"
url = "http://127.0.0.1:8000/v1"
model = "llama-3.1-8b"

[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "12/s" }
prompt_tokens = { distribution = "constant", value = 128 }
output_tokens = { distribution = "constant", value = 64 }

[[event]]
at = "60s"
call = { url = "http://127.0.0.1:8000/lift" }
)";

std::string with(const std::string& from, const std::string& to) {
  return replaced(kHttpText, from, to);
}

TEST(EndpointLanguage, DefaultsAreThoseOfTheStructs) {
  const Scenario scenario = parse(kHttpText);
  EXPECT_EQ(scenario.run.engine, Engine::http);
  Endpoint endpoint;
  endpoint.url = "http://127.0.0.1:8000/v1";
  endpoint.model = "llama-3.1-8b";
  Site site;
  site.name = "gateway";
  site.endpoint = endpoint;
  EXPECT_EQ(scenario.fleet.sites, std::vector<Site>{site});
  EXPECT_EQ(scenario.tenants[0].prompts, Prompts{});
  EXPECT_EQ(scenario.tenants[0].credentials, Credentials{});
  Call call;
  call.url = "http://127.0.0.1:8000/lift";
  EXPECT_EQ(scenario.events[0].kind, EventKind::call);
  EXPECT_EQ(scenario.events[0].call, call);
  EXPECT_EQ(scenario.events[0].at_ns, 60 * kS);
}

TEST(EndpointLanguage, EveryKeyIsRead) {
  const std::string file = source_folder() + "/README.md";
  const Scenario scenario = parse(R"(
[run]
engine = "http"
duration = "200s"
stop_after = { requests = 1000, output_tokens = 200000 }
[fleet]
router = "spill"
[[fleet.site]]
name = "a"
url = "https://llm.example/v1"
api = "openai_completions"
model = "m"
key_env = "LLM_KEY"
headers = { x-team = "perf", "A.b" = "" }
timeouts = { connect = "1s", first_byte = "2s", between = "3s" }
tls = { ca_file = "/etc/ca.pem" }
ignore_eos = true
metrics = "http://127.0.0.1:9000/metrics"
on_refusal = "next_site"
max_in_flight = 64
[[fleet.site]]
name = "b"
url = "http://127.0.0.1:8001"
api = "anthropic_messages"
model = "n"
key_file = "/keys/b"
max_in_flight = 8
[[tenant]]
name = "ids"
sites = ["a"]
arrivals = { process = "closed", think = "1s" }
prompt_tokens = { distribution = "constant", value = 128 }
output_tokens = { distribution = "constant", value = 64 }
prompts = "token_ids"
system_prompt_tokens = 100
key_file = "/keys/ids"
headers = { X-Team = "ids" }
[[tenant]]
name = "lines"
arrivals = { process = "closed", think = "1s" }
prompt_tokens = { distribution = "constant", value = 128 }
output_tokens = { distribution = "constant", value = 64 }
prompts = ")" + file + R"("
[[event]]
at = "signal"
[[event]]
at = "60s"
measure = true
call = { method = "PUT", url = "https://a/b", body = "c", key_env = "ADMIN_KEY", headers = { content-type = "d" }, expect = 204 }
[[event]]
at = "signal"
command = ["kubectl", "apply", "-f", "limits.yaml"]
)");
  EXPECT_EQ(scenario.run.stop_after_requests, 1000);
  EXPECT_EQ(scenario.run.stop_after_output_tokens, 200'000);
  Endpoint a;
  a.url = "https://llm.example/v1";
  a.api = Api::openai_completions;
  a.model = "m";
  a.credentials = {"LLM_KEY", "", {{"A.b", ""}, {"x-team", "perf"}}};
  a.connect_timeout_ns = kS;
  a.first_byte_timeout_ns = 2 * kS;
  a.between_timeout_ns = 3 * kS;
  a.ca_file = "/etc/ca.pem";
  a.ignore_eos = true;
  a.metrics_url = "http://127.0.0.1:9000/metrics";
  a.on_refusal = OnRefusal::next_site;
  EXPECT_EQ(scenario.fleet.sites[0].endpoint, a);
  EXPECT_EQ(scenario.fleet.sites[0].max_in_flight, 64);
  EXPECT_EQ(scenario.fleet.sites[1].endpoint->api, Api::anthropic_messages);
  EXPECT_EQ(scenario.fleet.sites[1].endpoint->credentials, (Credentials{"", "/keys/b", {}}));
  EXPECT_EQ(scenario.tenants[0].prompts, (Prompts{PromptKind::token_ids, "", 100}));
  EXPECT_EQ(scenario.tenants[0].credentials, (Credentials{"", "/keys/ids", {{"X-Team", "ids"}}}));
  EXPECT_EQ(scenario.tenants[1].prompts, (Prompts{PromptKind::file, file, 0}));
  ASSERT_EQ(scenario.events.size(), 3U);  // those that a signal begins are the last
  EXPECT_EQ(scenario.events[0].call,
            (Call{"PUT", "https://a/b", "c", {"ADMIN_KEY", "", {{"content-type", "d"}}}, 204}));
  EXPECT_EQ(scenario.events[1].kind, EventKind::signal);
  EXPECT_TRUE(scenario.events[1].at_signal);
  EXPECT_EQ(scenario.events[2].kind, EventKind::command);
  EXPECT_TRUE(scenario.events[2].at_signal);
  EXPECT_EQ(scenario.events[2].command,
            (std::vector<std::string>{"kubectl", "apply", "-f", "limits.yaml"}));
  EXPECT_EQ(parse(to_toml(scenario)).fleet, scenario.fleet);
}

TEST(EndpointLanguage, PathsAreLookedForBesideTheScenario) {
  const Scenario scenario = parse_scenario(
      with("model = \"llama-3.1-8b\"\n", "model = \"m\"\nkey_file = \"keys/llm\"\n") +
          "[[tenant]]\nname = \"b\"\narrivals = { process = \"closed\", think = \"1s\" }\n"
          "prompt_tokens = { distribution = \"constant\", value = 8 }\n"
          "output_tokens = { distribution = \"constant\", value = 8 }\nprompts = \"README.md\"\n",
      "demo.toml", source_folder(), {});
  EXPECT_EQ(scenario.fleet.sites[0].endpoint->credentials.key_file, source_folder() + "/keys/llm");
  EXPECT_EQ(scenario.tenants[1].prompts.file, source_folder() + "/README.md");
  const std::string call = "call = { url = \"http://h\", key_file = \"keys/admin\" }";
  const Scenario calling =
      parse_scenario(with("call = { url = \"http://127.0.0.1:8000/lift\" }", call), "demo.toml",
                     source_folder(), {});
  EXPECT_EQ(calling.events[0].call->credentials.key_file, source_folder() + "/keys/admin");
}

const std::string kUrl = "url = \"http://127.0.0.1:8000/v1\"";
const std::string kModel = "model = \"llama-3.1-8b\"";
const std::string kOutput = "output_tokens = { distribution = \"constant\", value = 64 }";
const std::string kCall = "call = { url = \"http://127.0.0.1:8000/lift\" }";

// Each edit of kHttpText makes exactly one mistake.
const std::vector<Edit> kEdits = {
    {kUrl, "", 7, "lacks the key \"url\"", "http://127.0.0.1:8000/v1"},
    {kModel, "", 7, "lacks the key \"model\"", "model = "},
    {kModel, "model = \"\"", 10, "can't be the name of a model", "characters"},
    {kUrl, "url = \"127.0.0.1:8000/v1\"", 9, "no scheme", "http://"},
    {kUrl, "url = \"ftp://127.0.0.1\"", 9, "neither http nor https", "http://"},
    {kUrl, "url = \"http://me:pass@host\"", 9, "a user or a key", "key_env = \"LLM_KEY\""},
    {kUrl, "url = \"http://host?api_key=a\"", 9, "a key stands in the URL", "key_env"},
    {kUrl, "url = \"http://ho st\"", 9, "no spaces", "%20"},
    {kUrl, "url = \"http://h\\u0007\"", 9, "control characters", ""},
    {kUrl, "url = \"http://\"", 9, "names no host", "http://127.0.0.1"},
    {kUrl, "url = \"http://:80\"", 9, "names no host", ""},
    {kUrl, "url = \"http://h:0\"", 9, "port is none", "65535"},
    {kUrl, "url = \"http://h:65536\"", 9, "port is none", ""},
    {kUrl, "url = \"http://[::1]:x\"", 9, "port is none", ""},
    {kUrl, "url = \"http://[::1/v1\"", 9, "names no host", ""},
    {kUrl, "url = \"http://h/#a\"", 9, "never sent", "leave it out"},
    {kModel, kModel + "\nmetrics = \"h/metrics\"", 11, "\"metrics\": the URL has no scheme", ""},
    {kModel, kModel + "\napi = \"openai\"", 11, "can't be \"openai\"", "openai_chat"},
    {kModel, kModel + "\nkey = \"sk-abcdefgh\"", 11, "no place in a scenario", "key_env"},
    {kModel, kModel + "\napi_key = \"abc\"", 11, "no place in a scenario", "key_env"},
    {kModel, kModel + "\nkey_env = \"sk-abcdefgh\"", 11, "is not the key itself", "LLM_KEY"},
    {kModel, kModel + "\nkey_file = \"sk-abcdefgh\"", 11, "is not the key itself", "LLM_KEY"},
    {kModel, kModel + "\nkey_env = \"LLM KEY\"", 11, "not the name of an environment", "letters"},
    {kModel, kModel + "\nkey_env = \"A\"\nkey_file = \"b\"", 12, "both", "keep one"},
    {kModel, kModel + "\nkey_file = \"\"", 11, "can't be a file name", ""},
    {kModel, kModel + "\nheaders = { Authorization = \"x\" }", 11, "holds a secret", "key_env"},
    {kModel, kModel + "\nheaders = { X-Api-Key = \"x\" }", 11, "holds a secret", "key_file"},
    {kModel, kModel + "\nheaders = { x-a = \"Bearer abcdefgh\" }", 11, "holds a secret", ""},
    {kModel, kModel + "\nheaders = { X-A = \"1\", x-a = \"2\" }", 11, "there twice", "keep one"},
    {kModel, kModel + "\nheaders = { \"x a\" = \"1\" }", 11, "can't be the name", "letters"},
    {kModel, kModel + "\nheaders = { x-a = \"1\\n2\" }", 11, "control characters", ""},
    {kModel, kModel + "\nheaders = { x-a = 1 }", 11, "not a string", ""},
    {kModel, kModel + "\nheaders = { Host = \"a\" }", 11, "says itself", "remove"},
    {kModel, kModel + "\nheaders = { content-type = \"a\" }", 11, "says itself", "remove"},
    {kModel, kModel + "\ntimeouts = { connect = \"0s\" }", 11, "more than 0", ""},
    {kModel, kModel + "\ntimeouts = { first = \"1s\" }", 11, "unknown key", "\"first_byte\""},
    {kModel, kModel + "\ntls = { ca_file = \"a.pem\" }", 11, "no effect", "https://"},
    {kModel, kModel + "\napi = \"anthropic_messages\"\nignore_eos = true", 12, "no effect on api",
     "\"openai_chat\""},
    {kModel, kModel + "\non_refusal = \"next_site\"", 11, "no next site", "[[fleet.site]]"},
    {kModel, kModel + "\nreplicas = 2", 11, "no effect on engine \"http\"", "run.engine"},
    {kModel, kModel + "\nprofile = \"cpu-small\"", 11, "no effect on engine \"http\"", ""},
    {kModel, kModel + "\nmax_batch = 8", 11, "no effect on engine \"http\"", ""},
    {kModel, kModel + "\nkv_tokens = 1", 11, "no effect on engine \"http\"", ""},
    {kModel, kModel + "\nprefix_cache_tokens = 1", 11, "no effect on engine \"http\"", ""},
    {kModel, kModel + "\ncapacity = \"5/s\"", 11, "no effect on engine \"http\"", ""},
    {kModel, kModel + "\nboot = \"5s\"", 11, "no effect on engine \"http\"", ""},
    {kModel, kModel + "\nfailures = { mtbf = \"1h\", repair = \"1h\" }", 11, "no effect", ""},
    {kModel, kModel + "\nmax_in_flight = 8", 11, "no effect on router", "\"spill\""},
    {"[[fleet.site]]", "[fleet]\nrouter = \"spill\"\n[[fleet.site]]", 9, "\"max_in_flight\"",
     "nobody knows"},
    {"[[fleet.site]]", "[fleet]\nrouter = \"shared_queue\"\n[[fleet.site]]", 8, "places in batches",
     "least_loaded"},
    {"[[fleet.site]]", "[fleet]\nrouter = \"session_affinity\"\n[[fleet.site]]", 8, "prefix caches",
     "least_loaded"},
    {kOutput, kOutput + "\nprompts = \"token_id\"", 17, "no file", "did you mean \"token_ids\"?"},
    {kOutput, kOutput + "\nprompts = \"token_ids\"", 17, "takes no token ids",
     "openai_completions"},
    {kOutput, kOutput + "\nprompts = \"\"", 17, "can't be a file name", ""},
    {kOutput, kOutput + "\nsystem_prompt_tokens = 128", 17, "no prompt has more than 128",
     "raise prompt_tokens"},
    {kOutput, kOutput + "\nkey = \"sk-abcdefgh\"", 17, "no place in a scenario", "key_env"},
    {kOutput, kOutput + "\nheaders = { cookie = \"a\" }", 17, "holds a secret", ""},
    {"rate = \"12/s\"", "load = 0.7", 14, "nobody knows that of the endpoints", "--find-capacity"},
    {"warmup", "stop_after = { requests = 0 }\nwarmup", 5, "too small", ""},
    {"warmup", "stop_after = { request = 1 }\nwarmup", 5, "unknown key", "\"requests\""},
    {kCall, "", 18, "does nothing", ""},
    {"\"60s\"", "\"signl\"", 19, "\"at\"", ""},
    {kCall, "call = \"http://127.0.0.1/\"", 20, "not a table", ""},
    {kCall, "call = {}", 20, "lacks the key \"url\"", ""},
    {kCall, "call = { url = \"http://h\", method = \"post\" }", 20, "can't be \"post\"", "POST"},
    {kCall, "call = { url = \"http://h\", expect = 100 }", 20, "too small", "200 to 599"},
    {kCall, "call = { url = \"http://h\", body = \"Bearer abcdefgh\" }", 20, "holds a secret",
     "command"},
    {kCall, "call = { url = \"http://h\", headers = { authorization = \"a\" } }", 20,
     "holds a secret", "key_env = \"ADMIN_KEY\""},
    {kCall, "call = { url = \"http://h\", key_env = \"sk-abcdefgh\" }", 20, "is not the key itself",
     "LLM_KEY"},
    {kCall, "call = { url = \"http://h\", key_env = \"A\", key_file = \"b\" }", 20, "both",
     "keep one"},
    {kCall, "call = { url = \"http://h\", token = \"a\" }", 20, "no place in a scenario", ""},
    {kCall, "command = \"kubectl apply\"", 20, "not an array", "\"kubectl\", \"apply\""},
    {kCall, "command = []", 20, "one at least", ""},
    {kCall, "command = [\"\", \"a\"]", 20, "can't be a command", ""},
    {kCall, "command = [\"curl\", \"-H\", \"Authorization: a\"]", 20, "holds a secret",
     "environment"},
    {kCall, kCall + "\ncommand = [\"a\"]", 21, "not both", ""},
    {kCall, "join = { site = \"gateway\" }", 20, "no replicas that could join", "call"},
    {kCall, "fail = { site = \"gateway\" }", 20, "no replicas that could fail", "call"},
    {kCall, kCall + "\nmeasure = true\n[[event]]\nat = \"70s\"\nmeasure = true\n" + kCall, 20,
     "divides the run alone", "measure = true"},
};

TEST(EndpointLanguage, EachMistakeIsFoundAtItsPlaceAndAlone) {
  EXPECT_EQ(listed(mistakes_in(kHttpText)), "no mistake");
  for (const Edit& edit : kEdits) {
    const std::vector<Mistake> mistakes = mistakes_in(with(edit.from, edit.to));
    expect_found(mistakes, edit);
    EXPECT_EQ(mistakes.size(), 1U) << ScenarioError(mistakes).what();
  }
}

// A command may say where it finds a key.
TEST(EndpointLanguage, ACommandMayNameTheVariableThatHoldsAKey) {
  const std::string command =
      R"(command = ["sh", "-c", 'curl -H "Authorization: Bearer $ADMIN_KEY" http://h/lift'])";
  EXPECT_EQ(listed(mistakes_in(with(kCall, command))), "no mistake");
}

TEST(EndpointLanguage, OtherEnginesHaveNoneOfIt) {
  const std::string site = "replicas = 2\n";
  for (const std::string_view key : kEndpointKeys) {
    const std::string text = replaced(kText, site, site + std::string(key) + " = \"a\"\n");
    const Edit edit = {"", "", 11, "no effect on engine \"threads\"", "run.engine = \"http\""};
    expect_found(mistakes_in(text), edit);
    EXPECT_EQ(mistakes_in(text).size(), 1U) << key;
  }
  const std::string tenant = "name = \"users\"\n";
  for (const std::string_view key : kSentKeys) {
    const std::string text = replaced(kText, tenant, tenant + std::string(key) + " = \"a\"\n");
    const Edit edit = {"", "", 14, "no effect on engine \"threads\"", "run.engine = \"http\""};
    expect_found(mistakes_in(text), edit);
    EXPECT_EQ(mistakes_in(text).size(), 1U) << key;
  }
  const std::vector<Edit> edits = {
      {"lift = \"output limit\"", "call = { url = \"http://a\" }", 27, "no effect", "http"},
      {"lift = \"output limit\"", "command = [\"a\"]", 27, "no effect on engine", "http"},
      {"at = \"15s\"\nlift = \"output limit\"", "at = \"signal\"", 26, "waits for no signal", ""},
      {"warmup", "stop_after = { requests = 9 }\nwarmup", 4, "no effect on engine", "http"},
  };
  for (const Edit& edit : edits) {
    const std::vector<Mistake> mistakes = mistakes_in(replaced(kText, edit.from, edit.to));
    expect_found(mistakes, edit);
    EXPECT_EQ(mistakes.size(), 1U) << ScenarioError(mistakes).what();
  }
}

// Where the engine is the slip, nothing else is said of what belongs to one engine or the other.
TEST(EndpointLanguage, AnUnknownEngineIsOneMistake) {
  const std::vector<Mistake> mistakes = mistakes_in(with("\"http\"", "\"htp\""));
  EXPECT_EQ(mistakes.size(), 1U) << ScenarioError(mistakes).what();
}

TEST(EndpointLanguage, ASignalMayChangeAThrottle) {
  const std::string throttle =
      "[[throttle]]\nname = \"limit\"\nkind = \"token_bucket\"\nunit = \"requests\"\n"
      "rate = \"1/s\"\n[[event]]\nat = \"signal\"\n";
  for (const std::string action :
       {"lift = \"limit\"", "restore = \"limit\"", "set = { throttle = \"limit\", rate = \"9/s\" }",
        "ramp = { throttle = \"limit\", to = \"9/s\", over = \"1s\" }"}) {
    const Scenario scenario = parse(kHttpText + throttle + action);
    ASSERT_EQ(scenario.events.size(), 2U);  // the one that waits is the last
    EXPECT_TRUE(scenario.events.back().at_signal) << action;
    EXPECT_EQ(scenario.events.back().throttle, "limit");
    EXPECT_NE(scenario.events.back().kind, EventKind::signal);
    EXPECT_TRUE(plan_changes(resolve(scenario, std::nullopt)).empty()) << "nobody knows when";
    EXPECT_EQ(parse(to_toml(scenario)).events, scenario.events) << action;
  }
}

TEST(EndpointLanguage, ALoadNeedsACapacityThatIsStatedOrFound) {
  const std::string text = with("rate = \"12/s\"", "load = 0.7");
  EXPECT_EQ(mistakes_in(text).size(), 1U);
  EXPECT_TRUE(mistakes_in(text, {"fleet.capacity=5000/s"}).empty());
  EXPECT_NO_THROW(parse_scenario(text, "demo.toml", "", {}, {}, {}, true));
}

TEST(EndpointLanguage, AnEmptyBoundIsNone) {
  EXPECT_EQ(parse(with("warmup", "stop_after = {}\nwarmup")), parse(kHttpText));
  const std::string text = with("warmup", "stop_after = { requests = 9 }\nwarmup");
  EXPECT_EQ(parse(text, {"run.stop_after={}"}), parse(kHttpText));
}

TEST(EndpointLanguage, OverridesReachItsKeys) {
  const Scenario scenario =
      parse(kHttpText,
            {"fleet.site.gateway.url=https://llm.example/v1?a=b",
             "fleet.site.gateway.headers.x-team=perf", "fleet.site.gateway.timeouts.between=9s",
             "run.stop_after.requests=5", "tenant.users.key_env=A", "tenant.users.key_file=/b",
             "event.0.command=[\"a\"]", "event.0.at=signal"});
  const Endpoint& endpoint = *scenario.fleet.sites[0].endpoint;
  EXPECT_EQ(endpoint.url, "https://llm.example/v1?a=b");
  EXPECT_EQ(endpoint.credentials.headers, (std::vector<Header>{{"x-team", "perf"}}));
  EXPECT_EQ(endpoint.between_timeout_ns, 9 * kS);
  EXPECT_EQ(scenario.run.stop_after_requests, 5);
  EXPECT_EQ(scenario.tenants[0].credentials.key_env, "");  // the later one replaced it
  EXPECT_EQ(scenario.tenants[0].credentials.key_file, "/b");
  EXPECT_EQ(scenario.events[0].kind, EventKind::command);
  EXPECT_FALSE(scenario.events[0].call);
  EXPECT_TRUE(scenario.events[0].at_signal);
}

// Whatever is wrong, and wherever a secret stands: it is shown nowhere.
TEST(EndpointLanguage, NoMistakeShowsASecret) {
  const std::string secret = "sk-abcdefgh12345";
  const std::vector<std::string> texts = {
      with(kModel, kModel + "\nkey = \"" + secret + "\""),
      with(kModel, kModel + "\nkey_env = \"" + secret + "\""),
      with(kModel, kModel + "\napi = \"" + secret + "\""),
      with(kModel, kModel + "\nheaders = { Authorization = \"Bearer " + secret + "\", b = 1 }"),
      with(kModel, kModel + "\nkey = \"" + secret),
      with(kModel, "model = 5 # " + secret),
      with("http://127", "http://me:" + secret + "@127")};
  for (const std::string& text : texts) {
    const std::vector<Mistake> mistakes = mistakes_in(text);
    EXPECT_FALSE(mistakes.empty()) << text;
    EXPECT_FALSE(contains(listed(mistakes), secret)) << listed(mistakes);
  }
  for (const char* key : {"fleet.site.gateway.key=", "fleet.site.gateway.headers.authorization=",
                          "fleet.site.gateway.key_env=", "run.duration=", "nothing.x="}) {
    const std::vector<Mistake> mistakes = mistakes_in(kHttpText, {key + secret});
    EXPECT_FALSE(mistakes.empty()) << key;
    EXPECT_FALSE(contains(listed(mistakes), secret)) << listed(mistakes);
  }
}

TEST(EndpointLanguage, TheReferenceHasItsKeys) {
  std::ifstream in(std::filesystem::path(source_folder()) / "workloads" / "README.md");
  const std::string reference{std::istreambuf_iterator<char>(in), {}};
  for (const std::string_view key : kEndpointKeys) {
    EXPECT_TRUE(contains(reference, "| site: `" + std::string(key) + "`")) << key;
  }
  for (const std::string_view key : kSentKeys) {
    const bool is_there = contains(reference, "| `" + std::string(key) + "`") ||
                          contains(reference, ", `" + std::string(key) + "`");
    EXPECT_TRUE(is_there) << key;
  }
  for (const Keyword<Api>& api : kKeywords<Api>) {
    EXPECT_TRUE(contains(reference, "`" + std::string(api.name) + "`")) << api.name;
  }
}

}  // namespace
}  // namespace tokenlift::endpoint_language_test
