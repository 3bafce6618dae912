"""`tokenlift serve`, asked by clients of Python's standard library and by `tokenlift run` itself."""

import contextlib
import csv
import http.client
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

from binary_case import BinaryCase, conclusions, main

SERVED = """
name = "served"

[run]
engine = "virtual"
duration = "60s"
settle = "1s"
cooldown_max = "20s"

[[fleet.site]]
name = "hall"
replicas = 2
profile = "h100-8b"
max_batch = 8
max_step_tokens = 512
kv_tokens = 4096

[[tenant]]
name = "users"
users = 4
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 16 }
output_tokens = { distribution = "constant", value = 8 }
max_tokens = 16

[[tenant]]
name = "batch"
arrivals = { process = "poisson", rate = "1/s" }
prompt_tokens = { distribution = "constant", value = 16 }
output_tokens = { distribution = "constant", value = 4 }
max_tokens = 16

[[throttle]]
name = "door"
kind = "token_bucket"
unit = "requests"
tenants = ["batch"]
rate = "1/h"
burst = 1
when_full = "reject"

[[event]]
at = "30s"
lift = "door"
"""

# The same fleet, asked by engine http: requests, instants and lengths are given.
ASKING = """
name = "asking"

[run]
engine = "http"
duration = "20s"
stop_after = { requests = 120 }

[[fleet.site]]
name = "endpoint"
url = "http://127.0.0.1:PORT/v1"
api = "openai_completions"
model = "served"
ignore_eos = true

[[tenant]]
name = "users"
arrivals = { process = "constant", rate = "40/s" }
prompt_tokens = { distribution = "constant", value = 16 }
output_tokens = { distribution = "constant", value = 8 }
"""


class TestAuthority:
    """Certificates that nobody else trusts."""

    def __init__(self, folder):
        self.folder = folder
        self.make("authority", "-addext", "keyUsage=keyCertSign")
        self.ca_file = folder / "authority.pem"

    def make(self, name, *words):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", f"/CN={name}", "-days", "2", "-keyout", self.folder / f"{name}.key",
                        "-out", self.folder / f"{name}.pem", *words], check=True, capture_output=True)

    def words_for(self, name):
        """Of the command line, for a server on this machine."""
        self.make(name, "-CA", self.ca_file, "-CAkey", self.folder / "authority.key", "-addext",
                  "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")
        return ["--tls-cert", str(self.folder / f"{name}.pem"), "--tls-key", str(self.folder / f"{name}.key")]


class Serving:
    """A server on a free port, until the end of `with`. `ca_file`: whom to trust, where it speaks TLS."""

    def __init__(self, case, scenario, *words, ca_file=None):
        self.case = case
        self.tls = ca_file and ssl.create_default_context(cafile=ca_file)
        path = case.path / "served.toml"
        path.write_text(scenario)
        self.out = case.path / "served"
        self.process = subprocess.Popen(
            [case.TOKENLIFT, "serve", str(path), "--listen", "127.0.0.1:0", "--out", str(self.out), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        self.said = ""
        while "serving on" not in self.said:
            line = self.process.stderr.readline()
            if not line:
                raise AssertionError(f"it does not serve: {self.said}")
            self.said += line
        self.port = int(re.search(r":(\d+);", self.said).group(1))
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.end()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.stdout, self.stderr = self.process.communicate(timeout=60)
        self.case.assertEqual(self.process.returncode, 0, self.stderr)
        return json.loads((self.out / "run.json").read_text())

    def ask(self, path, body=None, headers=None, method=None):
        """(status, header fields, body)"""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        origin = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        request = urllib.request.Request(origin + path, data=data, method=method,
                                         headers={"content-type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.tls) as reply:
                return reply.status, reply.headers, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def raw(self, text):
        """All that comes in answer to these bytes, until the server ends the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(text.encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return answer.decode()

    def state(self):
        return json.loads(self.ask("/tokenlift/state")[2])

    def wait_for(self, holds):
        """Until the server says so: its own figures, not a time, end the wait."""
        for _ in range(1000):
            if holds(state := self.state()):
                return state
            time.sleep(0.01)
        raise AssertionError(f"it never came: {state}")


def chat(**more):
    return {"model": "served", "messages": [{"role": "user", "content": "x" * 64}], **more}


def events_of(body):
    return [json.loads(line[6:]) for line in body.split("\n") if line.startswith("data: {")]


class Watching:
    """The event stream of the live page, until the end of `with`."""

    def __init__(self, server, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.connection.request("GET", "/tokenlift/live", headers=headers or {})
        self.reply = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()

    def next(self):
        """(name, data) of the next event, or None at the end of the stream."""
        lines = [self.reply.readline().decode() for _ in range(3)]
        if lines == ["", "", ""]:
            return None
        assert lines[0].startswith("event: ") and lines[1].startswith("data: ") and lines[2] == "\n", lines
        return lines[0][7:-1], json.loads(lines[1][6:])


# Until it holds; the test's own patience with the browser is the bound.
WAIT = "new Promise(done => {{ const look = () => {} ? done(true) : setTimeout(look, 50); look(); }})"


class ServeTest(BinaryCase):
    def test_dialects(self):
        with Serving(self, SERVED) as server:
            status, headers, body = server.ask("/v1/chat/completions", chat())
            self.assertEqual(status, 200)
            whole = json.loads(body)
            self.assertEqual(whole["usage"], {"prompt_tokens": 16, "completion_tokens": 8, "total_tokens": 24})
            self.assertEqual(whole["choices"][0]["finish_reason"], "stop")
            self.assertEqual(whole["choices"][0]["message"]["content"], " tok" * 8)

            status, headers, body = server.ask(
                "/v1/chat/completions",
                chat(stream=True, stream_options={"include_usage": True}, max_tokens=5, ignore_eos=True))
            self.assertEqual((status, headers["content-type"]), (200, "text/event-stream; charset=utf-8"))
            self.assertTrue(body.endswith("data: [DONE]\n\n"))
            events = events_of(body)
            self.assertEqual(events[0]["choices"][0]["delta"], {"role": "assistant", "content": " tok"})
            self.assertEqual([e["choices"][0]["delta"].get("content") for e in events[:5]], [" tok"] * 5)
            self.assertEqual(events[5]["choices"][0]["finish_reason"], "length")
            self.assertEqual(events[6]["choices"], [])
            self.assertEqual(events[6]["usage"]["completion_tokens"], 5)

            status, _, body = server.ask("/v1/completions", {"model": "default", "prompt": [1, 2, 3], "max_tokens": 2})
            self.assertEqual(json.loads(body)["usage"]["prompt_tokens"], 3)
            self.assertEqual(json.loads(body)["choices"][0]["text"], " tok tok")

            message = {"model": "served", "max_tokens": 3, "messages": [{"role": "user", "content": "hello"}]}
            status, _, body = server.ask("/v1/messages", message)
            self.assertEqual(json.loads(body)["usage"], {"input_tokens": 2, "output_tokens": 3})
            self.assertEqual(json.loads(body)["stop_reason"], "max_tokens")
            status, _, body = server.ask("/v1/messages", {**message, "stream": True})
            self.assertEqual(re.findall(r"^event: (\w+)$", body, re.M),
                             ["message_start", "content_block_start"] + ["content_block_delta"] * 3 +
                             ["content_block_stop", "message_delta", "message_stop"])

            models = json.loads(server.ask("/v1/models")[2])
            self.assertEqual([m["id"] for m in models["data"]], ["served", "default", "h100-8b"])
            metrics = server.ask("/metrics")[2]
            self.assertIn('vllm:generation_tokens_total{model_name="h100-8b",engine="0"} 21', metrics)
            self.assertEqual(server.ask("/health")[2], "ok\n")
            self.assertEqual(server.ask("/ready")[0], 200)
            for path in ("/health", "/ready", "/"):  # like GET, without the body
                _, asked, body = server.ask(path)
                status, told, nothing = server.ask(path, method="HEAD")
                self.assertEqual((status, told["content-length"], nothing), (200, asked["content-length"], ""))
                self.assertEqual(int(told["content-length"]), len(body.encode()))
            last = "HEAD {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            for path, status in (("/nothing", 404), ("/tokenlift/live", 405)):
                answer = server.raw(last.format(path))
                self.assertTrue(answer.startswith(f"HTTP/1.1 {status} ") and answer.endswith("\r\n\r\n"), answer)
            run = server.end()
        self.assertEqual(run["totals"]["completed"], 5)
        self.assertIn("results:", server.stdout)

    def test_limit_and_lift(self):
        with Serving(self, SERVED) as server:
            batch = {"x-tenant": "batch"}
            status, headers, _ = server.ask("/v1/chat/completions", chat(), batch)
            self.assertEqual((status, headers["x-ratelimit-remaining-requests"]), (200, "0"))
            status, headers, body = server.ask("/v1/chat/completions", chat(), batch)
            self.assertEqual(status, 429)
            self.assertEqual(json.loads(body)["error"]["code"], "rate_limit_exceeded")
            self.assertTrue(3590 < int(headers["retry-after"]) <= 3600)
            self.assertTrue(3590e3 < int(headers["retry-after-ms"]) <= 3600e3)
            status, headers, body = server.ask(
                "/v1/messages", {"model": "served", "max_tokens": 3, "messages": [{"role": "user", "content": "a"}]},
                batch)
            self.assertEqual((status, json.loads(body)["error"]["type"]), (429, "rate_limit_error"))
            self.assertEqual(headers["anthropic-ratelimit-requests-remaining"], "0")
            self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)  # another tenant

            self.assertEqual(server.ask("/tokenlift/event", {"lift": "dor"})[0], 400)
            self.assertEqual(server.ask("/tokenlift/event", {"lift": "door"}, {"content-type": "text/plain"})[0], 415)
            self.assertEqual(server.ask("/v1/chat/completions", chat(), batch)[0], 429)
            status, _, body = server.ask("/tokenlift/event", {"lift": "door"})
            self.assertEqual(status, 200)
            at_s = json.loads(body)["at_s"]
            for _ in range(3):
                self.assertEqual(server.ask("/v1/chat/completions", chat(), batch)[0], 200)
            self.assertEqual(server.state()["events"], [{"at_s": at_s, "event": {"lift": "door"}}])
            run = server.end()
        self.assertEqual((run["totals"]["completed"], run["totals"]["rejected"]), (5, 3))
        self.assertEqual(run["lift"]["throttle"], "door")
        self.assertEqual([e["lift"] for e in run["scenario"]["event"]], ["door"])
        self.assertIn("transition", [phase["name"] for phase in run["phases"]])

    def test_a_wait_that_is_too_long(self):
        waits = SERVED.replace('when_full = "reject"', 'when_full = "queue"\nmax_wait = "50ms"')
        with Serving(self, waits) as server:
            batch = {"x-tenant": "batch"}
            self.assertEqual(server.ask("/v1/chat/completions", chat(), batch)[0], 200)
            status, headers, body = server.ask("/v1/chat/completions", chat(), batch)
            self.assertEqual((status, json.loads(body)["error"]["code"]), (429, "rate_limit_exceeded"))
            self.assertTrue(3500 < int(headers["retry-after"]) <= 3600)
            message = {"model": "served", "max_tokens": 3, "messages": [{"role": "user", "content": "a"}]}
            self.assertEqual(server.ask("/v1/messages", message, batch)[0], 429)
            queue = '\n[[throttle]]\nname = "queue"\nkind = "queue_limit"\nunit = "requests"\nlimit = 9\n'
            self.assertEqual(server.end()["totals"]["expired"], 2)
        with Serving(self, waits.replace("50ms", "60s") + queue + 'max_wait = "50ms"\n') as server:
            self.assertEqual(server.ask("/v1/chat/completions", chat(), batch)[0], 200)
            self.assertEqual(server.ask("/v1/chat/completions", chat(), batch)[0], 503)
            self.assertEqual(server.ask("/v1/messages", message, batch)[0], 529)

    def test_bad_requests(self):
        with Serving(self, SERVED) as server:
            for path, body, status in [("/v1/chat/completions", b"{", 400),
                                       ("/v1/chat/completions", {"model": "served"}, 400),
                                       ("/v1/chat/completions", chat(max_tokens=5000), 400),
                                       ("/v1/chat/completions", {**chat(), "model": "gpt"}, 404),
                                       ("/v1/nothing", {}, 404),
                                       ("/v1/messages", chat(), 400)]:
                got, _, text = server.ask(path, body)
                self.assertEqual(got, status, text)
                self.assertIn("message", json.loads(text)["error"])
            self.assertEqual(server.ask("/v1/chat/completions")[0], 405)
            self.assertEqual(server.ask("/v1/chat/completions", chat(), {"x-tenant": "nobody"})[0], 400)
            self.assertEqual(server.ask("/health", headers={"host": "evil.example"})[0], 421)
            for request, status in [
                    ("POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\n\r\n", 413),
                    ("POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n"
                     "content-length: 5\r\n\r\n0\r\n\r\n", 400),
                    ("hello\r\n\r\n", 400)]:
                self.assertTrue(server.raw(request).startswith(f"HTTP/1.1 {status} "), request)
            # Two requests in one piece are answered one after the other.
            one = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
            last = one.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")
            self.assertEqual(server.raw(one + last).count("HTTP/1.1 200 OK"), 2)
            self.assertEqual(server.end()["totals"]["due"], 0)

    def test_bodies_in_chunks(self):
        head = "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n"
        body = json.dumps({"model": "served", "prompt": [1, 2, 3], "max_tokens": 2})
        last = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        with Serving(self, SERVED) as server:
            for size in (1, 7, 1000):
                parts = [body[i:i + size] for i in range(0, len(body), size)]
                chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in parts) + "0\r\n\r\n"
                # What comes behind it in one piece is the next request.
                answer = server.raw(head + "\r\n" + chunks + last)
                self.assertEqual(answer.count("HTTP/1.1 200 OK"), 2, answer)
                self.assertIn('"prompt_tokens":3,"completion_tokens":2', answer)
            # Piece by piece, and asked whether to go on.
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
                connection.sendall((head + "expect: 100-continue\r\n\r\n").encode())
                self.assertEqual(connection.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
                for byte in f"{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode():
                    connection.sendall(bytes([byte]))
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200 OK"))
            for chunks, status in [("5\nhello\r\n0\r\n\r\n", 400), ("x\r\n", 400), ("2\r\n{}\r\n0\r\n\r\n", 400),
                                   ("2\r\n{}\r\n0\r\n\r\n" + last, 400)]:
                self.assertTrue(server.raw(head + "connection: close\r\n\r\n" + chunks)
                                .startswith(f"HTTP/1.1 {status} "), chunks)
            # It is the content that is bounded, whatever the pieces; nothing is read beyond it.
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
                connection.sendall((head + "\r\n").encode())
                with contextlib.suppress(ConnectionError):
                    for _ in range(100):
                        connection.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
                answer = b""
                with contextlib.suppress(ConnectionError):
                    answer = connection.recv(100)
                self.assertIn(answer[:13], (b"HTTP/1.1 413 ", b""))  # a reset may overtake it
            self.assertEqual(server.end()["totals"]["completed"], 4)

    def test_tls(self):
        authority = TestAuthority(self.path)
        words = authority.words_for("server")
        with Serving(self, SERVED, *words, ca_file=authority.ca_file) as server:
            self.assertIn(f"serving on https://127.0.0.1:{server.port}; ", server.said)
            self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
            _, _, body = server.ask("/v1/chat/completions", chat(stream=True, max_tokens=500, ignore_eos=True))
            self.assertEqual(body.count("data: "), 502)
            # A body of many records, and more than is read at once.
            status, _, body = server.ask("/v1/completions", {"model": "served", "prompt": "x" * 10_000_000})
            self.assertEqual((status, json.loads(body)["error"]["code"]), (400, "context_length_exceeded"))
            asked = subprocess.run(["curl", "-sS", "--cacert", authority.ca_file,
                                    f"https://localhost:{server.port}/health"], capture_output=True, text=True,
                                   timeout=60)
            self.assertEqual((asked.stdout, asked.stderr), ("ok\n", ""))
            # Who does not speak it, or breaks off, costs its own connection.
            self.assertIn("this server speaks TLS", server.raw("GET /health HTTP/1.1\r\nhost: a\r\n\r\n"))
            with contextlib.suppress(ConnectionResetError, UnicodeDecodeError):  # an alert, if anything
                server.raw("\x16\x03\x01\x7f\x7f" + "x" * 100_000)
            with contextlib.ExitStack() as crowd:
                slow = [crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
                        for _ in range(50)]
                for connection in slow:
                    connection.sendall(b"\x16\x03\x01")  # and no more
                trusting = ssl.create_default_context(cafile=authority.ca_file)
                several = [crowd.enter_context(trusting.wrap_socket(
                    socket.create_connection(("127.0.0.1", server.port), timeout=30), server_hostname="localhost"))
                    for _ in range(50)]
                for connection in several:
                    connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                for connection in several:
                    self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200 OK"))
            asking = self.path / "asking.toml"
            asking.write_text(ASKING.replace("http://127.0.0.1:PORT", f"https://localhost:{server.port}")
                              .replace('api =', f'tls = {{ ca_file = "{authority.ca_file}" }}\napi ='))
            self.run_tokenlift("run", asking, "--out", self.path / "asked", "--quiet", code=(0, 3))
            asked = json.loads((self.path / "asked" / "run.json").read_text())
            self.assertEqual(asked["totals"]["completed"], 120)
            server.end()
        other = authority.words_for("other")
        path = str(self.path / "served.toml")
        for mistake, text in [(words[:2], "--tls-cert and --tls-key belong together"),
                              (words[:2] + other[2:], "holds no key without a password that is the one"),
                              (words[:3] + [path], "holds no key without a password that is the one"),
                              (["--tls-cert", path, *words[2:]], "holds no certificate that can be read"),
                              (["--tls-cert", "/nowhere", *words[2:]], "holds no certificate that can be read")]:
            done = self.run_tokenlift("serve", path, *mistake, code=2)
            self.assertIn(text, done.stderr)

    def test_who_hangs_up_makes_room(self):
        with Serving(self, SERVED) as server:
            body = json.dumps(chat(max_tokens=4000, ignore_eos=True, stream=True))
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
                connection.sendall((head + body).encode())
                self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 OK"))
                self.assertEqual(server.state()["running"], 1)
            server.wait_for(lambda state: state["hung_up"] == 1 and state["running"] == 0)
            self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
            run = server.end()
        self.assertEqual((run["totals"]["cancelled"], run["totals"]["completed"]), (1, 1))

    def test_ctrl_c_waits_for_what_is_in_flight(self):
        with Serving(self, SERVED) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request("POST", "/v1/chat/completions",
                               json.dumps(chat(max_tokens=100, ignore_eos=True)),
                               {"content-type": "application/json"})
            server.wait_for(lambda state: state["running"] == 1)
            server.process.send_signal(signal.SIGINT)
            reply = connection.getresponse()
            self.assertEqual(json.loads(reply.read())["usage"]["completion_tokens"], 100)
            server.stdout, server.stderr = server.process.communicate(timeout=60)
            self.assertEqual(server.process.returncode, 0, server.stderr)
            self.assertIn("no more requests are taken; once more cuts those in flight", server.stderr)
        self.assertFalse(json.loads((server.out / "run.json").read_text())["interrupted"])

    def test_a_second_ctrl_c_cuts(self):
        with Serving(self, SERVED) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request("POST", "/v1/chat/completions",
                               json.dumps(chat(max_tokens=4000, ignore_eos=True)),
                               {"content-type": "application/json"})
            server.wait_for(lambda state: state["running"] == 1)
            server.process.send_signal(signal.SIGINT)
            while "no more requests are taken" not in server.process.stderr.readline():
                pass
            server.process.send_signal(signal.SIGINT)
            server.stdout, server.stderr = server.process.communicate(timeout=60)
            self.assertEqual(server.process.returncode, 0, server.stderr)
            self.assertIn("the requests in flight are cut", server.stderr)
            self.assertIn("INTERRUPTED", server.stdout)
            connection.close()
        self.assertTrue(json.loads((server.out / "run.json").read_text())["interrupted"])

    def test_keys(self):
        keys = self.path / "keys"
        keys.write_text("# of clients\nsk-1\nsk-2 batch\n")
        admin = self.path / "admin"
        admin.write_text("ak-1\n")
        with Serving(self, SERVED, "--api-key-file", str(keys), "--admin-key-file", str(admin)) as server:
            self.assertEqual(server.ask("/health")[0], 200)
            self.assertEqual(server.ask("/v1/models")[0], 401)
            self.assertEqual(server.ask("/")[0], 200)  # it holds no figures: it asks for the key
            self.assertEqual(server.ask("/tokenlift/live")[0], 401)
            with Watching(server, {"authorization": "Bearer sk-1"}) as watching:
                self.assertEqual(watching.next()[0], "begin")
            self.assertEqual(server.ask("/v1/models", headers={"authorization": "Bearer sk-1"})[0], 200)
            self.assertEqual(server.ask("/v1/chat/completions", chat(), {"x-api-key": "sk-2"})[0], 200)
            self.assertEqual(server.ask("/v1/chat/completions", chat(), {"x-api-key": "sk-2"})[0], 429)
            status, _, body = server.ask("/tokenlift/event", {"lift": "door"}, {"x-api-key": "sk-1"})
            self.assertEqual((status, json.loads(body)["error"]["message"]), (403, "this key may not post events"))
            self.assertEqual(server.ask("/tokenlift/event", {"lift": "door"}, {"x-api-key": "sk-3"})[0], 401)
            self.assertEqual(server.ask("/tokenlift/event", {"lift": "door"}, {"x-api-key": "ak-1"})[0], 200)
            server.end()

    def test_engine_http_lifts_with_the_admins_key(self):
        admin = self.path / "admin"
        admin.write_text("ak-of-the-admin\n")
        with Serving(self, SERVED, "--admin-key-file", str(admin)) as server:
            asking = ASKING.replace("PORT", str(server.port)) + f"""
[[event]]
at = "400ms"
call = {{ url = "http://127.0.0.1:{server.port}/tokenlift/event", body = '{{"lift": "door"}}', KEY \
headers = {{ content-type = "application/json" }} }}
"""
            asking = asking.replace('"20s"', '"1s"\nsettle = "200ms"')
            for key, failed in (("", ["event_call"]), ('key_file = "admin",', [])):
                (self.path / "asking.toml").write_text(asking.replace("KEY", key))
                out = self.path / f"asked {bool(key)}"
                done = self.run_tokenlift("run", "asking.toml", "--out", out, code=(0, 3))
                text = (out / "run.json").read_text()
                checks = json.loads(text)["validity"]["checks"]
                self.assertEqual([check["name"] for check in checks
                                  if check["name"] == "event_call" and not check["passed"]], failed)
                self.assertNotIn("ak-of-the-admin", text + done.stdout + done.stderr)
            events = json.loads(server.ask("/tokenlift/state")[2])["events"]
            self.assertEqual([event["event"] for event in events], [{"lift": "door"}])
            server.end()

    def test_ready_and_caches(self):
        with Serving(self, SERVED, "--set", "fleet.site.hall.prefix_cache_tokens=1000") as server:
            self.assertEqual(server.ask("/ready")[0], 200)
            leave = {"leave": {"site": "hall"}}
            self.assertEqual(server.ask("/tokenlift/event", leave)[0], 200)
            server.wait_for(lambda state: state["replicas"] == 0)
            status, _, body = server.ask("/ready")
            self.assertEqual((status, json.loads(body)["error"]["message"]), (503, "no replica serves"))
            self.assertEqual(server.ask("/health")[0], 200)
            self.assertEqual(server.ask("/tokenlift/event", {"join": {"site": "hall"}})[0], 200)
            server.wait_for(lambda state: state["replicas"] == 2)
            self.assertEqual(server.ask("/ready")[0], 200)
            gauge = 'vllm:kv_cache_usage_perc{model_name="h100-8b",engine="0"} '
            self.assertIn(gauge + "0\n", server.ask("/metrics")[2])
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request("POST", "/v1/chat/completions", json.dumps(chat(max_tokens=4000, ignore_eos=True)))
            state = server.wait_for(lambda state: state["kv_resident_tokens"] > 16)
            self.assertEqual(state["kv_room_tokens"], 2 * 4096)
            metrics = server.ask("/metrics")[2]
            self.assertTrue(0 < float(metrics.split(gauge)[1].split("\n")[0]) < 1)
            self.assertIn('vllm:prefix_cache_queries_total{model_name="h100-8b",engine="0"} 16\n', metrics)
            self.assertIn('vllm:prefix_cache_hits_total{model_name="h100-8b",engine="0"} 0\n', metrics)
            connection.close()
        with Serving(self, SERVED) as server:
            self.assertNotIn("prefix_cache", server.ask("/metrics")[2])

    def test_report_so_far(self):
        keys = self.path / "keys"
        keys.write_text("sk-1\n")
        key = {"authorization": "Bearer sk-1"}
        with Serving(self, SERVED, "--api-key-file", str(keys)) as server:
            self.assertEqual(server.ask("/tokenlift/report")[0], 401)
            status, _, body = server.ask("/tokenlift/report", headers=key)
            self.assertEqual((status, json.loads(body)["error"]["message"]),
                             (404, "no request has come yet: there is nothing to report"))
            for _ in range(3):
                self.assertEqual(server.ask("/v1/chat/completions", chat(), key)[0], 200)
            reports = {}
            for query, accept, kind in [("", "*/*", "text/plain; charset=utf-8"),
                                        ("?format=json", "*/*", "application/json"),
                                        ("", "text/x; q=1, application/json", "application/json"),
                                        ("?format=markdown", "text/html", "text/markdown; charset=utf-8"),
                                        ("", "text/html,application/xhtml+xml", "text/html; charset=utf-8")]:
                status, headers, body = server.ask("/tokenlift/report" + query, headers={"accept": accept, **key})
                self.assertEqual((status, headers["content-type"]), (200, kind), body)
                reports[kind] = body
            self.assertIn("completed", reports["text/plain; charset=utf-8"])
            report = json.loads(reports["application/json"])
            self.assertEqual(report["schema"], "tokenlift.report/1")
            self.assertTrue(reports["text/html; charset=utf-8"].startswith("<!DOCTYPE html>"))
            self.assertEqual(server.ask("/tokenlift/report?format=csv", headers=key)[0], 400)
            self.assertEqual(server.ask("/tokenlift/report", headers=key, method="HEAD")[2], "")
            # An event divides it from then on; the run goes on all the while.
            status, _, body = server.ask("/tokenlift/event", {"lift": "door"}, key)
            self.assertEqual(status, 200)
            self.assertEqual(server.ask("/v1/chat/completions", chat(), key)[0], 200)
            text = server.ask("/tokenlift/report", headers=key)[2]
            self.assertIn("transition", text)
            status, _, body = server.ask("/tokenlift/event", {"restore": "door", "measure": True}, key)
            self.assertEqual(status, 400)
            self.assertIn("a run is divided once", json.loads(body)["error"]["message"])
            run = server.end()
        self.assertEqual(run["totals"]["completed"], 4)
        # Nobody asked before the first request, nor after the last one.
        phases = run["phases"]
        self.assertGreater(phases[0]["begin_s"], 0)
        self.assertLess(phases[-1]["end_s"], 60)

    def test_with_load(self):
        with Serving(self, SERVED, "--with-load", "--set", "tenant.users.arrivals.rate=50/s") as server:
            self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
            self.assertEqual(server.wait_for(lambda state: state["running"] > 0)["requests"], 1)
            run = server.end()
        totals = run["totals"]
        self.assertGreater(totals["due"], 1)
        self.assertEqual(totals["due"], totals["completed"] + totals["rejected"])

    def test_on_a_terminal(self):
        path = self.path / "served.toml"
        path.write_text(SERVED)
        code, screen = self.on_terminal("serve", path, "--listen", "127.0.0.1:0", "--duration", "1s", "--out", "out")
        self.assertEqual(code, 0, screen)
        self.assertRegex(screen, r"\x1b\[Kbefore +[0-9.]+ of 1\.0 s   sent 0   done 0   waiting 0")

    def test_who_does_not_read_costs_its_own_request(self):
        fast = SERVED.replace('profile = "h100-8b"', 'profile = "fast"').replace("kv_tokens = 4096", "kv_tokens = 200000")
        fast += """
[profile.fast]
decode = { a = "10us", b = "1ns", c = "0ns" }
prefill = { p0 = "10us", p1 = "1ns", p2 = "0ns" }
"""
        with Serving(self, fast) as server:
            body = json.dumps(chat(max_tokens=150_000, ignore_eos=True, stream=True))
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.connect(("127.0.0.1", server.port))
                deaf.sendall((head + body).encode())
                server.wait_for(lambda state: state["running"] == 1)
                for _ in range(20):
                    answer = server.ask("/v1/chat/completions", chat(stream=True, max_tokens=50, ignore_eos=True))
                    self.assertEqual((answer[0], answer[2].count("data: ")), (200, 52))
                server.wait_for(lambda state: state["hung_up"] == 1 and state["running"] == 0)
            run = server.end()
        self.assertEqual((run["totals"]["completed"], run["totals"]["cancelled"]), (20, 1))

    def test_live_figures(self):
        with Serving(self, SERVED) as server:
            status, headers, page = server.ask("/")
            self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
            self.assertTrue(headers["content-security-policy"].startswith("default-src 'none'; "))
            self.assertIn("frame-ancestors 'none'", headers["content-security-policy"])
            parts = re.findall(r'(?:src|href)="([^"]+)"', page)
            self.assertEqual(sorted(parts), ["data:,", "tokenlift/live.css", "tokenlift/live.js"])
            for part in ("live.css", "live.js"):
                status, headers, text = server.ask("/tokenlift/" + part)
                self.assertEqual((status, headers["x-content-type-options"]), (200, "nosniff"))
                self.assertGreater(len(text), 1000)
            for path in ("/", "/tokenlift/live"):
                self.assertEqual(server.ask(path, headers={"host": "evil.example"})[0], 421)

            with Watching(server) as watching:
                self.assertEqual(watching.reply.getheader("content-type"), "text/event-stream; charset=utf-8")
                name, begin = watching.next()
                self.assertEqual((name, begin["tenants"], begin["sites"]), ("begin", ["users", "batch"], ["hall"]))
                self.assertEqual(begin["throttles"][0]["name"], "door")
                self.assertIn("rate", begin["throttles"][0]["keys"])
                self.assertEqual(server.state()["throttles"],
                                 [{"name": "door", "unit": "requests", "scope": "fleet", "lifted": False, "left": 1,
                                   "most": 1}])
                self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
                # Blanks and lines in an event stay out of the stream.
                event = b'{\n  "leave": {"site": "hall",\r\n "replicas": 1}\n}'
                self.assertEqual(server.ask("/tokenlift/event", event)[0], 200)
                tokens = 0
                at_s = begin["seconds"][-1]["at_s"] if begin["seconds"] else 0
                events = []
                second = {"replicas": 2}
                while tokens < 7.9 or second["replicas"] > 1:  # the test's timeout is the bound
                    name, second = watching.next()
                    self.assertEqual(name, "second")
                    tokens += second["tokens_per_s"] * (second["at_s"] - at_s)
                    at_s = second["at_s"]
                    events += second["events"]
                self.assertAlmostEqual(tokens, 8, 1)
                self.assertGreater(second["ttft_p50_ms"], 0)
                self.assertEqual(second["levels"], [{"lifted": False, "left": 1, "most": 1}])
                self.assertEqual([each["event"] for each in events], [{"leave": {"site": "hall", "replicas": 1}}])
                # Who comes later is told of what was.
                with Watching(server) as later:
                    begin = later.next()[1]
                    self.assertIn(at_s, [each["at_s"] for each in begin["seconds"]])
                    self.assertEqual(begin["events"], events)
                with contextlib.ExitStack() as crowd:
                    # Of the 64 places one is taken, or more, as far as the server has seen who went.
                    statuses = [crowd.enter_context(Watching(server)).reply.status for _ in range(64)]
                    self.assertEqual(set(statuses), {200, 503})
                run = server.end()
                while watching.next() is not None:
                    pass
        self.assertEqual(run["totals"]["completed"], 1)

    @conclusions
    @unittest.skipUnless(any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "no browser")
    def test_live_page_in_a_browser(self):
        sys.path.append(str(self.SOURCE / "tests" / "reports" / "page"))
        from page_test import Browser, Page
        admin = self.path / "admin"
        admin.write_text("ak-1\n")
        browser = Browser()
        self.addCleanup(browser.close)
        with Serving(self, SERVED, "--admin-key-file", str(admin)) as server:
            for _ in range(2):
                server.ask("/v1/chat/completions", chat(), {"x-tenant": "batch"})
            page = Page(browser, f"http://127.0.0.1:{server.port}/")
            page.evaluate(WAIT.format("document.querySelectorAll('#charts path.c0').length === 6"))
            self.assertEqual(page.evaluate("document.title"), "served – tokenlift serve")
            tiles = dict(page.evaluate("[...document.querySelectorAll('#tiles div')].map("
                                       "tile => [...tile.children].map(part => part.textContent))"))
            self.assertEqual(tiles["replicas"], "2")
            self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
            page.evaluate(WAIT.format("/^[0-9.]+ ms$/.test(document.querySelectorAll('#tiles dd')[1].textContent)"))
            self.assertEqual(page.complaints(), [])

            answer = "document.getElementById('answer').textContent"
            press = "document.querySelector('[data-event={}]').click()"
            page.evaluate(press.format("lift"))
            page.evaluate(WAIT.format(answer + " === 'a key is missing'"))
            page.evaluate("document.getElementById('key').value = 'ak-1'")
            page.evaluate("document.getElementById('setting').value = 'rate';"
                          "document.getElementById('value').value = '7/h'")
            for event in ("set", "lift", "leave", "join"):
                page.evaluate(f"document.getElementById('answer').textContent = ''; {press.format(event)}")
                page.evaluate(WAIT.format(answer))
                self.assertIn("It holds from", page.evaluate(answer))
            self.assertEqual([each["event"] for each in server.state()["events"]],
                             [{"set": {"throttle": "door", "rate": "7/h"}}, {"lift": "door"},
                              {"leave": {"site": "hall", "replicas": 1}}, {"join": {"site": "hall", "replicas": 1}}])
            self.assertEqual(server.ask("/v1/chat/completions", chat(), {"x-tenant": "batch"})[0], 200)
            page.evaluate(WAIT.format("document.querySelectorAll('#events li').length === 4"))
            page.evaluate(WAIT.format("document.querySelector('#throttles tr').cells[1].textContent === 'lifted'"))

            origin = f"http://127.0.0.1:{server.port}/"
            self.assertEqual([url for url in page.requests() if not url.startswith((origin, "data:"))], [])
            page.resize(390, 844)
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
            grounds = set()
            for scheme in ("light", "dark"):
                page.scheme(scheme)
                grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            self.assertEqual(len(grounds), 2)
            server.end()

    def test_mistakes_of_the_command_line(self):
        path = self.path / "served.toml"
        path.write_text(SERVED)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            for words, text in [(["--listen", f"127.0.0.1:{taken.getsockname()[1]}"], "the port is taken"),
                                (["--listen", "here"], "no address to listen on"),
                                (["--engine", "null"], "'null' is not known; known are threads, virtual"),
                                (["--set", "run.engine=null"], "cannot be served"),
                                (["--api-key-file", str(path) + "x"], "cannot read")]:
                done = subprocess.run([self.TOKENLIFT, "serve", str(path), *words], capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(text, done.stderr)

    def test_a_folder_of_other_runs(self):
        path = self.path / "served.toml"
        path.write_text(SERVED)
        (self.path / "2").mkdir()
        (self.path / "2" / "run.json").write_text("{}")
        done = subprocess.run([self.TOKENLIFT, "serve", str(path), "--listen", "127.0.0.1:0", "--out", str(self.path)],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("holds a run that this one would not replace", done.stderr)

    def test_engine_http_asks_it(self):
        """Request by request: as many, and as long, on both sides. Latencies are printed, not judged."""
        with Serving(self, SERVED) as server:
            asking = self.path / "asking.toml"
            asking.write_text(ASKING.replace("PORT", str(server.port)))
            out = self.path / "asked"
            records = self.path / "records.csv"
            self.run_tokenlift("run", asking, "--out", out, "--records", records, "--quiet",
                               code=(0, 3))  # a busy machine is no mistake of ours
            metrics = server.ask("/metrics")[2]
            asked = json.loads((out / "run.json").read_text())
            served = server.end()
        self.assertEqual(asked["totals"], served["totals"])
        self.assertEqual(served["totals"]["completed"], 120)
        for metric in ("ttft", "tpot"):
            p50 = [run["phases"][0]["latency_ms"][metric]["p50"] for run in (asked, served)]
            print(f"{metric} p50: {p50[0]:.3f} ms asked, {p50[1]:.3f} ms served")
        with open(records, newline="") as lines:
            self.assertEqual({line["output_tokens"] for line in csv.DictReader(lines)}, {"8"})
        self.assertIn("} 960\n", metrics.split("vllm:generation_tokens_total{")[1])


if __name__ == "__main__":
    main()
