"""What tests of `tokenlift serve` share: a fleet that is served, the server while a test asks it, and keys for TLS."""

import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

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
