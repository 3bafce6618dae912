"""A scenario played directly, and by engine http against `tokenlift serve`: for what has to come out alike."""

import contextlib
import csv
import json
import pathlib
import re
import signal
import subprocess
import time

FLEETS = {
    "virtual": """
[[fleet.site]]
name = "hall"
replicas = 2
profile = "h100-8b"
max_batch = 8
max_step_tokens = 512
kv_tokens = 4096
""",
    "threads": """
[[fleet.site]]
name = "here"
replicas = 1
profile = "cpu-tiny"
max_batch = 8
max_step_tokens = 128
kv_tokens = 4096
""",
}
ENDPOINT = """
[[fleet.site]]
name = "endpoint"
url = "http://127.0.0.1:{port}/v1"
api = "openai_completions"
model = "default"
ignore_eos = true
"""
# One bucket, whose instants lie between those of the requests.
LIMIT = """
[[throttle]]
name = "door"
kind = "token_bucket"
unit = "requests"
rate = "{rate}/s"
burst = {burst}
when_full = "reject"
"""
LIMIT_RATE = 6.7
LIMIT_BURST = 2


def scenario(engine, seconds, site, rate, more=""):
    """Constant arrivals and lengths. A client that is refused does not try again."""
    prompts = 'prompts = "token_ids"\n' if engine == "http" else ""
    return f"""
name = "both-ends"
[run]
engine = "{engine}"
duration = "{seconds}s"
warmup = "0s"
settle = "200ms"
cooldown_max = "20s"
{site}
[[tenant]]
name = "users"
arrivals = {{ process = "constant", rate = "{rate}/s" }}
prompt_tokens = {{ distribution = "constant", value = 16 }}
output_tokens = {{ distribution = "constant", value = 8 }}
max_tokens = 8
{prompts}{more}"""


def rows_of(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


class Played:
    """run.json, and the rows of the log of requests."""

    def __init__(self, folder, code=0, wait_s=0):
        self.folder = folder
        self.run = json.loads((folder / "run.json").read_text())
        self.rows = rows_of(folder / "records.csv")
        self.code = code
        self.wait_s = wait_s  # for a core

    def decided(self, seconds):
        """Rows of requests that were due long enough before the end to be through."""
        return [row for row in self.rows if int(row["due_ns"]) < (seconds - 0.5) * 1e9]

    def refused(self, seconds):
        return sum(row["outcome"] == "rejected" for row in self.decided(seconds))

    def latency_ms(self, metric, percentile):
        """Of the phases that are measured, in order."""
        return [phase["latency_ms"][metric][percentile] for phase in self.run["phases"]]


class BothEnds:
    def __init__(self, tokenlift, path, fleet="virtual", seconds=2, rate=40, limited=False):
        self.tokenlift = tokenlift
        self.path = path
        self.fleet = fleet
        self.seconds = seconds
        self.rate = rate
        self.limit = LIMIT.format(rate=LIMIT_RATE, burst=LIMIT_BURST) if limited else ""

    def run(self, name, text):
        folder = self.path / name
        folder.mkdir()
        file = self.path / f"{name}.toml"
        file.write_text(text)
        with open(self.path / f"{name}.log", "w+") as log:
            run = subprocess.Popen([self.tokenlift, "run", file, "--out", folder, "--records",
                                    folder / "records.csv", "--quiet"], stdout=log, stderr=log)
            wait_s = 0
            while run.poll() is None:
                wait_s = max(wait_s, run_queue_wait_s(run.pid))  # the last one that can be read
                time.sleep(0.2)
            if run.returncode not in (0, 3):  # a busy machine is no mistake of ours
                log.seek(0)
                raise AssertionError(log.read())
        return Played(folder, run.returncode, wait_s)

    def direct(self):
        lift = f'[[event]]\nat = "{self.seconds / 2}s"\nlift = "door"\n' if self.limit else ""
        return self.run("direct", scenario(self.fleet, self.seconds, FLEETS[self.fleet], self.rate,
                                           self.limit + lift))

    @contextlib.contextmanager
    def served(self):
        """(its port, the process): the fleet serves until the end of the `with`."""
        folder = self.path / "server"
        folder.mkdir()
        file = self.path / "server.toml"
        # What is served brings no requests of its own.
        file.write_text(scenario(self.fleet, self.seconds, FLEETS[self.fleet], self.rate, self.limit))
        server = subprocess.Popen([self.tokenlift, "serve", file, "--listen", "127.0.0.1:0", "--out", folder,
                                   "--records", folder / "records.csv"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            said = ""
            while "serving on" not in said:
                line = server.stderr.readline()
                if not line:
                    raise AssertionError(f"it does not serve: {said}")
                said += line
            yield re.search(r":(\d+);", said).group(1), server
            server.send_signal(signal.SIGINT)
            out, err = server.communicate(timeout=60)
            if server.returncode != 0:
                raise AssertionError(out + err)
        finally:
            if server.poll() is None:
                server.kill()
                server.communicate()

    @staticmethod
    def endpoint(port):
        return ENDPOINT.format(port=port)

    def lift_by_call(self, port):
        """The event of a scenario that has the server lift its limit in the middle."""
        return f"""
[[event]]
at = "{self.seconds / 2}s"
call = {{ url = "http://127.0.0.1:{port}/tokenlift/event", body = '{{"lift": "door"}}', \
headers = {{ content-type = "application/json" }} }}
"""

    def over_the_wire(self):
        """(client, server, how long the server's threads waited for a core, in s)"""
        with self.served() as (port, server):
            client = self.run("client", scenario("http", self.seconds, self.endpoint(port), self.rate,
                                                 self.lift_by_call(port) if self.limit else ""))
            waited_s = run_queue_wait_s(server.pid)
        return client, Played(self.path / "server"), waited_s

    def audit(self, code=(0, 1)):
        done = subprocess.run([self.tokenlift, "audit", self.path / "client" / "run.json", self.path / "server",
                               "--format", "json"], capture_output=True, text=True, timeout=60)
        if done.returncode not in code:
            raise AssertionError(done.stdout + done.stderr)
        return json.loads(done.stdout)


def run_queue_wait_s(pid):
    """Of all threads of a process so far: ready to run, while others had the cores."""
    wait_ns = 0
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            wait_ns += int(file.read_text().split()[1])
        except (OSError, IndexError):  # it has just ended
            pass
    return wait_ns / 1e9


def admitted_by_a_bucket(instants_ns, lifted_ns):
    """What a token bucket of these lets through: it is full at first, and gone from the lift on."""
    left = LIMIT_BURST
    before_ns = instants_ns[0] if instants_ns else 0
    for at_ns in instants_ns:
        left = min(LIMIT_BURST, left + (at_ns - before_ns) * LIMIT_RATE / 1e9)
        before_ns = at_ns
        if at_ns >= lifted_ns:
            yield True
            continue
        yield left >= 1
        if left >= 1:
            left -= 1
