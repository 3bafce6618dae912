"""A small endpoint of OpenAI's chat for tests, on loopback: with a limit that a call lifts."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ScriptedEndpoint(ThreadingHTTPServer):
    """Serves until it is closed. `limited`: lets every third request through, and says 429 to the
    others, until somebody posts to /lift."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, limited=False, token_seconds=0.002):
        super().__init__(("127.0.0.1", 0), Handler)
        self.limited = limited
        self.token_seconds = token_seconds
        self.lock = threading.Lock()
        self.asked = 0
        self.lifts = []
        self.heads = []
        self.bodies = []
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def admits(self):
        with self.lock:
            self.asked += 1
            return not self.limited or self.asked % 3 == 0

    def handle_error(self, *_):
        pass  # a client that has gone

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, value, **fields):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in fields.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self):
        if self.path == "/v1/models":
            return self.answer(200, {"object": "list", "data": [{"id": "small"}]})
        if self.path == "/metrics":
            body = b"vllm:num_requests_waiting{engine=\"0\"} 5\nvllm:num_requests_running 2\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return self.wfile.write(body)
        return self.answer(404, {"error": {"message": f"no {self.path} here"}})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        if self.path == "/lift":
            with server.lock:
                server.lifts.append(body.decode())
                server.limited = False
            return self.answer(200, {})
        if self.path != "/v1/chat/completions":
            return self.answer(404, {"error": {"message": f"no {self.path} here"}})
        asked = json.loads(body)
        with server.lock:
            server.heads.append(dict(self.headers.items()))
            server.bodies.append(asked)
        if not server.admits():
            return self.answer(429, {"error": {"message": "slow down"}}, retry_after="0.2",
                               x_ratelimit_limit_requests="100",
                               x_ratelimit_remaining_requests="0")
        return self.stream(asked)

    def stream(self, asked):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("x-ratelimit-limit-requests", "100")
        self.send_header("x-ratelimit-remaining-requests", "99")
        self.end_headers()
        tokens = asked["max_completion_tokens"]
        words = sum(len(m["content"].split()) for m in asked["messages"])
        for _ in range(tokens):
            time.sleep(self.server.token_seconds)
            self.event({"choices": [{"index": 0, "delta": {"content": " word"},
                                     "finish_reason": None}]})
        self.event({"choices": [],
                    "usage": {"prompt_tokens": words + 4, "completion_tokens": tokens}})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def event(self, value):
        value["object"] = "chat.completion.chunk"
        self.chunk(f"data: {json.dumps(value)}\n\n".encode())

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()
