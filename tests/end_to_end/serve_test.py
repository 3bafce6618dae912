"""`tokenlift serve`, asked by clients of Python's standard library and by `tokenlift run` itself."""

import contextlib
import csv
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess

from binary_case import BinaryCase, main
from served import SERVED, Serving, TestAuthority, Watching, chat, events_of

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
            # Each token of a stream is a chunk, with an instant at which it was due.
            self.assertIn("\ntokenlift:chunk_lateness_seconds_count 8\n", metrics)
            self.assertIn('\ntokenlift:chunk_lateness_net_seconds_bucket{le="+Inf"} 8\n', metrics)
            late = server.state()["lateness_ms"]
            self.assertEqual(late["chunks"], 8)
            self.assertTrue(0 < late["p50"] <= late["p99"] <= late["most"] and late["net_p99"] <= late["p99"], late)
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
            status, _, body = server.ask("/tokenlift/event", {"lift": "door"})
            self.assertEqual((status, json.loads(body)["error"]["message"]),
                             (409, "the event changes nothing: throttle 'door' is lifted already"))
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
            # A key that is there twice, wherever it stands, is told in the way of the dialect.
            messages = b'{"model": "served", "max_tokens": 3, "messages": [{"role": "user", "role": "user", "content": "a"}]}'
            for path in ("/v1/chat/completions", "/v1/messages"):
                status, _, text = server.ask(path, messages)
                error = json.loads(text)["error"]
                self.assertEqual((status, error["type"], error["message"]),
                                 (400, "invalid_request_error", "'messages[0].role' is there twice"))
                self.assertEqual(error.get("param"), "messages[0].role" if "chat" in path else None)
            status, _, text = server.ask("/v1/completions", b'{"model": "served", "prompt": "a", "prompt": "b"}')
            self.assertEqual((status, json.loads(text)["error"]["param"]), (400, "prompt"))
            status, _, text = server.ask("/tokenlift/event",
                                         b'{"set": {"throttle": "door", "rate": "1/s", "rate": "2/s"}}')
            self.assertEqual((status, json.loads(text)["error"]["message"]), (400, "'set.rate' is there twice"))
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
            self.assertEqual(server.ask("/tokenlift/event", {"join": {"site": "hall"}})[0], 409)
            self.assertEqual(server.ask("/tokenlift/event", leave)[0], 200)
            server.wait_for(lambda state: state["replicas"] == 0)
            status, _, body = server.ask("/tokenlift/event", leave)
            self.assertEqual(status, 409)
            self.assertIn('nobody is there to leave site "hall"', json.loads(body)["error"]["message"])
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

    def test_mistakes_of_the_command_line(self):
        path = self.path / "served.toml"
        path.write_text(SERVED)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            for words, text in [(["--listen", f"127.0.0.1:{taken.getsockname()[1]}"], "the port is taken"),
                                (["--listen", "here"], "no address to listen on"),
                                (["--engine", "null"], "'null' is not known; known are threads, virtual"),
                                (["--set", "run.engine=null"], "cannot be served"),
                                (["--records", str(path), "--out", str(self.path / "over")], "which is read"),
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
