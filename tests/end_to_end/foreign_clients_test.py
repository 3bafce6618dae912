#!/usr/bin/python3
"""Software that nobody here wrote: official clients, curl and a Prometheus parser ask `tokenlift serve`,
and engine http asks servers of others. Everything on loopback.

    foreign_clients_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

npm/ names the packages, scripts/install_dependencies fetches them; where it could not, what needs them is
skipped. (`openai-api-mock` is not among them: it has no server, it replaces Node's own client.)
"""

import csv
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from binary_case import BinaryCase, main
from serve_test import SERVED, Serving, chat

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None


def modules_folder():
    """Where scripts/install_dependencies puts the packages."""
    lock = (Path(__file__).parent / "npm" / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "tokenlift" / f"npm-{hashlib.sha256(lock).hexdigest()[:16]}"


def node_version():
    """As (major, minor); nothing where there is no Node."""
    try:
        said = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ()
    return tuple(int(number) for number in said.strip().removeprefix("v").split(".")[:2])


MODULES = modules_folder()
NODE = node_version()
with_packages = unittest.skipUnless(
    NODE and MODULES.is_dir(),
    f"no npm packages in {MODULES}: 'scripts/install_dependencies test' fetches them")
with_newer_node = unittest.skipIf(NODE < (20, 15), "aimock needs Node 20.15; Debian 12 has 18")

# What the servers answer: this text, in pieces of so many characters.
TEXT = "one two three four five six seven eight nine ten"
PIECE = 8
PIECES = len(TEXT) // PIECE


def mock_config(content):
    """A configuration of mock-llm in which all chats are answered with this."""
    return {
        "streaming": {"chunkSize": PIECE, "chunkIntervalMs": 2},
        "rules": [
            {"path": "/v1/chat/completions", "method": "POST",
             "response": {"status": 200, "content": json.dumps(content)}},
            {"path": "/v1/models", "method": "GET",
             "response": {"status": 200, "content": json.dumps(
                 {"object": "list", "data": [{"id": "small", "object": "model"}]})}},
        ]}


ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "small",
          "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT},
                       "finish_reason": "stop"}]}
OVERLOADED = {"error": {"message": "the engine is overloaded", "type": "server_error"}}

ASKING = """
name = "asking"
[run]
engine = "http"
duration = "{duration}"
settle = "200ms"
stop_after = {{ requests = {requests} }}
[[fleet.site]]
name = "mock"
url = "{address}/v1"
api = "{api}"
model = "{model}"
[[tenant]]
name = "users"
arrivals = {{ process = "constant", rate = "40/s" }}
prompt_tokens = {{ distribution = "constant", value = 16 }}
output_tokens = {{ distribution = "constant", value = {pieces} }}
{events}
"""


class ForeignServers(BinaryCase):
    """Engine http asks servers of others."""

    def start(self, path, words, environment=None):
        """A server from an npm package, told `PORT` in `words` or the environment; its address."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        told = {name: value.replace("PORT", port) for name, value in (environment or {}).items()}
        log = open(self.path / "server.log", "w+")
        self.addCleanup(log.close)
        server = subprocess.Popen(
            ["node", str(MODULES / "node_modules" / path), *(word.replace("PORT", port) for word in words)],
            cwd=self.path, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **told})

        def stop():
            server.kill()
            server.wait()

        self.addCleanup(stop)
        address = f"http://127.0.0.1:{port}"
        for _ in range(3000):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=30).close()
                return address
            except urllib.error.HTTPError:
                return address
            except OSError:
                self.assertIsNone(server.poll(), (self.path / "server.log").read_text())
                time.sleep(0.01)
        raise AssertionError("it does not listen")

    def mock_llm(self, content):
        (self.path / "mock.json").write_text(json.dumps(mock_config(content)))
        return self.start("@dwmkerr/mock-llm/dist/main.js", ["--config", "mock.json"],
                          {"HOST": "127.0.0.1", "PORT": "PORT"})

    def aimock(self):
        (self.path / "fixtures.json").write_text(json.dumps({"fixtures": [
            {"match": {"model": "limited"}, "response": {
                "error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429}},
            {"match": {"model": "small"}, "response": {"content": TEXT}}]}))
        return self.start("@copilotkit/aimock/dist/cli.js",
                          ["--host", "127.0.0.1", "--port", "PORT", "--fixtures", "fixtures.json",
                           "--latency", "2", "--chunk-size", str(PIECE), "--log-level", "silent"])

    def play(self, address, api="openai_chat", model="small", events="", duration="60s", requests=40):
        scenario = self.path / "asking.toml"
        scenario.write_text(ASKING.format(address=address, api=api, model=model, events=events,
                                          duration=duration, requests=requests,
                                          pieces=PIECES))
        out = self.path / "out"
        done = self.run_tokenlift("run", scenario, "--out", out, "--records", self.path / "records.csv",
                                  code=(0, 3))
        run = json.loads((out / "run.json").read_text())
        totals = run["totals"]
        self.assertGreater(totals["due"], 0)
        self.assertEqual(totals["due"], sum(totals[name] for name in (
            "completed", "rejected", "expired", "cancelled", "failed", "in_flight")))
        return done, run

    def assert_all_completed(self, run):
        self.assertEqual(run["totals"]["completed"], run["totals"]["due"], run["wire"]["failures"])
        self.assertEqual(run["wire"]["failures"], [])
        with open(self.path / "records.csv", newline="") as lines:
            self.assertEqual({line["output_tokens"] for line in csv.DictReader(lines)}, {str(PIECES)})

    @with_packages
    def test_mock_llm_answers(self):
        address = self.mock_llm(ANSWER)
        _, run = self.play(address)
        self.assert_all_completed(run)
        done = self.run_tokenlift("check", self.path / "asking.toml", code=0)
        self.assertIn("it has 'small'", done.stdout)

    @with_packages
    def test_mock_llm_fails_within_the_stream_until_a_call_mends_it(self):
        address = self.mock_llm(OVERLOADED)
        call = json.dumps(json.dumps(mock_config(ANSWER)))  # a string of TOML, too
        _, run = self.play(address, duration="3s", requests=1000, events=f"""
[[event]]
at = "1s"
call = {{ url = "{address}/config", body = {call}, headers = {{ content-type = "application/json" }} }}
""")
        phases = {phase["name"]: phase["counts"] for phase in run["tenants"][0]["phases"]}
        # What is due just before the call may be answered after it.
        self.assertGreater(phases["before"]["failed"], phases["before"]["completed"])
        self.assertGreater(phases["after"]["completed"], 0)
        self.assertEqual(phases["after"]["failed"], 0)
        [failure] = run["wire"]["failures"]
        self.assertEqual(failure["kind"], "error_in_stream")
        self.assertIn("the engine is overloaded", json.dumps(failure))

    @with_packages
    @with_newer_node
    def test_aimock_answers_in_both_dialects(self):
        address = self.aimock()
        for api in ("openai_chat", "anthropic_messages"):
            with self.subTest(api=api):
                _, run = self.play(address, api)
                self.assert_all_completed(run)
                # It has no usage in streams, or one of zeros.
                self.assertEqual(run["wire"]["without_usage"], run["totals"]["due"])

    @with_packages
    @with_newer_node
    def test_aimock_refuses_and_does_not_know(self):
        address = self.aimock()
        _, run = self.play(address, model="limited")
        self.assertEqual(run["totals"]["rejected"], run["totals"]["due"])
        self.assertEqual(run["wire"]["failures"], [])
        _, run = self.play(address, model="unknown")
        self.assertEqual(run["totals"]["failed"], run["totals"]["due"])
        self.assertEqual([failure["kind"] for failure in run["wire"]["failures"]], ["status"])


class ForeignClients(BinaryCase):
    """Clients of others ask `tokenlift serve`."""

    def errand(self, server, name):
        done = subprocess.run(
            ["node", str(Path(__file__).parent / "npm" / "clients.js"), str(MODULES),
             f"http://127.0.0.1:{server.port}", name],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def curl(self, server, path, *words):
        done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "60", *words,
                               f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @with_packages
    def test_openai(self):
        with Serving(self, SERVED) as server:
            seen = self.errand(server, "openai_replies")
            run = server.end()
        self.assertIn("served", seen["models"])
        for whole in (seen["whole"], seen["final"]):
            [choice] = whole["choices"]
            self.assertEqual(choice["message"]["content"], " tok" * 8)
            self.assertEqual(choice["message"]["role"], "assistant")
            self.assertEqual(choice["finish_reason"], "stop")
        self.assertEqual(seen["whole"]["usage"],
                         {"prompt_tokens": 16, "completion_tokens": 8, "total_tokens": 24})
        events = seen["events"]
        self.assertEqual("".join(event["choices"][0]["delta"].get("content") or ""
                                 for event in events[:-1]), " tok" * 5)
        self.assertEqual(events[-2]["choices"][0]["finish_reason"], "length")
        self.assertEqual(events[-1]["usage"]["completion_tokens"], 5)
        self.assertEqual(len({event["id"] for event in events}), 1)
        self.assertEqual(seen["text"]["choices"][0]["text"], " tok" * 2)
        self.assertEqual(seen["text"]["usage"]["prompt_tokens"], 3)
        self.assertEqual((run["totals"]["due"], run["totals"]["completed"]), (4, 4))

    @with_packages
    def test_anthropic(self):
        with Serving(self, SERVED) as server:
            seen = self.errand(server, "anthropic_replies")
            run = server.end()
        for whole in (seen["whole"], seen["final"]):
            self.assertEqual([block["text"] for block in whole["content"]], [" tok" * 3])
            self.assertEqual(whole["stop_reason"], "max_tokens")
            self.assertEqual((whole["usage"]["input_tokens"], whole["usage"]["output_tokens"]), (16, 3))
        self.assertEqual([event["type"] for event in seen["events"]],
                         ["message_start", "content_block_start"] + ["content_block_delta"] * 3 +
                         ["content_block_stop", "message_delta", "message_stop"])
        self.assertEqual((run["totals"]["due"], run["totals"]["completed"]), (3, 3))

    @with_packages
    def test_errors_are_those_that_the_clients_know(self):
        with Serving(self, SERVED) as server:
            seen = self.errand(server, "errors")
        for client, limited in (("openai", ["limited"]), ("anthropic", ["limited", "streamed"])):
            errors = seen[client]
            for name in limited:
                self.assertEqual((errors[name]["class"], errors[name]["status"], errors[name]["type"]),
                                 ("RateLimitError", 429, "rate_limit_error"))
            self.assertEqual((errors["unknown"]["class"], errors["unknown"]["status"]), ("NotFoundError", 404))
            self.assertEqual((errors["wrong"]["class"], errors["wrong"]["status"]), ("BadRequestError", 400))
        self.assertEqual(seen["openai"]["limited"]["code"], "rate_limit_exceeded")
        self.assertEqual(seen["openai"]["unknown"]["code"], "model_not_found")
        self.assertEqual(seen["openai"]["long"]["code"], "context_length_exceeded")
        self.assertEqual(seen["anthropic"]["unknown"]["type"], "not_found_error")
        self.assertEqual(seen["anthropic"]["wrong"]["type"], "invalid_request_error")

    @with_packages
    def test_a_lift_lets_a_refused_client_through(self):
        with Serving(self, SERVED) as server:
            seen = self.errand(server, "lift")
            run = server.end()
        self.assertEqual(seen["lifted"]["status"], 200)
        self.assertEqual([attempt["status"] for attempt in seen["attempts"]], [200, 429, 200, 200])
        self.assertEqual([attempt["retry_count"] for attempt in seen["attempts"]], ["0", "0", "1", "0"])
        self.assertEqual((run["totals"]["completed"], run["totals"]["rejected"]), (3, 1))
        self.assertEqual(run["lift"]["throttle"], "door")
        self.assertAlmostEqual(run["lift"]["planned_s"], seen["lifted"]["at_s"], places=6)

    @with_packages
    def test_who_comes_back_when_told_is_let_in(self):
        """What retry-after says is enough. (A timer of Node may be early, but not by 2 ms.)"""
        with Serving(self, SERVED.replace('rate = "1/h"', 'rate = "2/s"')) as server:
            seen = self.errand(server, "retries")
        for attempts in seen.values():
            self.assertEqual(attempts[-1]["status"], 200)
            refusals = [attempt for attempt in attempts if attempt["status"] == 429]
            self.assertEqual(attempts[-1 - len(refusals):-1], refusals)
            waits_ms = [int(refusal["retry_after_ms"]) for refusal in refusals]
            self.assertTrue(0 < waits_ms[0] <= 500, attempts)
            self.assertTrue(all(wait_ms <= 2 for wait_ms in waits_ms[1:]), attempts)
            self.assertEqual(attempts[-1]["retry_count"], str(len(refusals)))

    @with_packages
    def test_many_streams_at_once_some_left_unread(self):
        with Serving(self, SERVED) as server:
            seen = self.errand(server, "many")
            server.wait_for(lambda state: state["running"] == 0)
            run = server.end()
        self.assertEqual(seen, {"read": 75 * 8, "left": 25})
        self.assertEqual((run["totals"]["completed"], run["totals"]["cancelled"]), (75, 25))

    @unittest.skipIf(text_string_to_metric_families is None, "no python3-prometheus-client")
    def test_prometheus_reads_metrics(self):
        with Serving(self, SERVED) as server:
            for _ in range(3):
                self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
            _, headers, text = server.ask("/metrics")
        self.assertTrue(headers["content-type"].startswith("text/plain"))
        families = {family.name: family for family in text_string_to_metric_families(text)}
        self.assertEqual({family.type for family in families.values()}, {"gauge", "counter", "histogram"})

        def total(name):
            family = families[name.removesuffix("_total")]
            return sum(sample.value for sample in family.samples if sample.name == name)

        self.assertEqual(total("vllm:generation_tokens_total"), 24)
        self.assertEqual(total("vllm:prompt_tokens_total"), 48)
        self.assertEqual(total("vllm:request_success_total"), 3)
        self.assertEqual(total("vllm:num_requests_running"), 0)
        for family in families.values():
            if family.type != "histogram":
                continue
            buckets = [sample for sample in family.samples if sample.name.endswith("_bucket")]
            counts = [sample.value for sample in buckets]
            bounds = [float(sample.labels["le"]) for sample in buckets]
            self.assertEqual(counts, sorted(counts))
            self.assertEqual(bounds, sorted(set(bounds)))
            self.assertEqual(bounds[-1], float("inf"))
            [count] = [s.value for s in family.samples if s.name.endswith("_count")]
            self.assertEqual(counts[-1], count)
        [first] = [s for s in families["vllm:time_to_first_token_seconds"].samples
                   if s.name.endswith("_count")]
        self.assertEqual(first.value, 3)

    @unittest.skipUnless(shutil.which("curl"), "no curl")
    def test_curl(self):
        as_json = ["--header", "content-type: application/json", "--data-binary"]
        with Serving(self, SERVED) as server:
            body = json.loads(self.curl(server, "/v1/chat/completions", *as_json, json.dumps(chat())))
            self.assertEqual(body["usage"]["completion_tokens"], 8)
            stream = self.curl(server, "/v1/chat/completions", "--no-buffer", *as_json,
                               json.dumps(chat(stream=True)))
            self.assertTrue(stream.endswith("data: [DONE]\n\n"))
            self.assertEqual(stream.count('" tok"'), 8)
            # Older HTTP has no chunks: whole replies only.
            body = json.loads(self.curl(server, "/v1/chat/completions", "--http1.0", *as_json,
                                        json.dumps(chat())))
            self.assertEqual(body["usage"]["completion_tokens"], 8)
            # An offer of HTTP/2 is passed over.
            self.assertIn("served", self.curl(server, "/v1/models", "--http2"))
            # curl asks for leave before it sends a body of more than 1 MB.
            long = self.path / "long.json"
            long.write_text(json.dumps({**chat(), "messages": [{"role": "user", "content": "x" * 2_000_000}]}))
            answer = self.curl(server, "/v1/chat/completions", "--include", *as_json, f"@{long}")
            self.assertTrue(answer.startswith("HTTP/1.1 100 Continue"), answer[:200])
            self.assertIn("context_length_exceeded", answer)
            # All on one connection.
            codes = subprocess.run(
                ["curl", "--silent", "--max-time", "60", "--write-out", "%{http_code} %{num_connects}\n",
                 "--output", "/dev/null", f"http://127.0.0.1:{server.port}/health",
                 "--output", "/dev/null", f"http://127.0.0.1:{server.port}/v1/nothing",
                 "--output", "/dev/null", f"http://127.0.0.1:{server.port}/ready"],
                capture_output=True, text=True).stdout
            self.assertEqual(codes, "200 1\n404 0\n200 0\n")
            self.assertEqual(server.end()["totals"]["completed"], 3)


if __name__ == "__main__":
    main()
