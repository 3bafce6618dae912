#!/usr/bin/python3
"""The real binary, end to end, in real time: on a terminal, with every throttle, and interrupted.

    end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

It holds on a machine that does much else: an exit code of 0 or 3 is right wherever threads compute.
What needs the machine to itself is in measured_end_to_end_test.py.
"""

import json
import os
import select
import signal
import subprocess

import binary_case
from binary_case import TRACE

EVERYTHING = """
name = "everything"

[run]
engine = "threads"
duration = "3s"
settle = "500ms"
time_zone = "Europe/Berlin"

[queue]
order = "fair"

[fleet]
router = "session_affinity"

[[fleet.site]]
name = "here"
replicas = 2
profile = "cpu-tiny"
max_batch = 8
kv_tokens = 4096
prefix_cache_tokens = 20000

[[tenant]]
name = "chats"
users = 5
arrivals = { process = "poisson", rate = "20/s", shape = { kind = "burst", high = 2, every = "1s", length = "200ms" } }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }
sessions = { turns = { distribution = "uniform", min = 2, max = 4 }, think = "50ms", max_context = 500 }
retry = { policy = "exponential", delay = "50ms", max_delay = "200ms", attempts = 3 }
patience = "2s"

[[tenant]]
name = "jobs"
users = 3
weight = 2.0
arrivals = { process = "closed", think = "20ms" }
prompt_tokens = { distribution = "constant", value = 40 }
output_tokens = { distribution = "constant", value = 10 }
deadline = "2s"
retry = { policy = "honour_retry_after" }

[[throttle]]
name = "input"
kind = "token_bucket"
unit = "input_tokens"
rate = "20000/s"
exempt_cached = true

[[throttle]]
name = "gcra"
kind = "gcra"
unit = "requests"
scope = "user"
rate = "40/s"
burst = 5

[[throttle]]
name = "leaky"
kind = "leaky_bucket"
unit = "requests"
rate = "400/s"

[[throttle]]
name = "fixed"
kind = "fixed_window"
unit = "output_tokens"
window = "500ms"
limit = 3000

[[throttle]]
name = "anchored"
kind = "anchored_window"
unit = "tokens"
scope = "user"
window = "1s"
limit = 20000
schedule = [{ days = "mon", drain = 2.0, from = "00:00", to = "24:00" }]

[[throttle]]
name = "sliding"
kind = "sliding_window"
unit = "requests"
scope = "tenant"
window = "500ms"
limit = 200
when_full = "reject"

[[throttle]]
name = "in flight"
kind = "concurrency"
limit = 40

[[throttle]]
name = "line"
kind = "queue_limit"
limit = 100

[[throttle]]
name = "aimd"
kind = "aimd"
target = "500ms"

[[throttle]]
name = "gradient"
kind = "gradient"
mode = "shadow"

[[throttle]]
name = "vegas"
kind = "vegas"
mode = "shadow"

[[throttle]]
name = "acceleration"
kind = "acceleration_limit"
unit = "requests"
window = "200ms"
limit = 50
when_full = "reject"

[[event]]
at = "1s"
ramp = { throttle = "input", to = "40000/s", over = "200ms" }

[[event]]
at = "1.2s"
set = { throttle = "in flight", limit = 60 }

[[event]]
at = "1.4s"
lift = "leaky"

[[event]]
at = "1.6s"
restore = "leaky"
"""


class EndToEnd(binary_case.BinaryCase):
    def test_on_a_terminal_progress_is_live_and_no_color_is_honoured(self):
        code, screen = self.on_terminal("run", self.scenario)
        self.assertIn(code, (0, 3))
        self.assertIn("\r\x1b[K", screen, "one line, redrawn")
        self.assertIn("\x1b[1m", screen, "bold headings")
        code, screen = self.on_terminal("run", self.scenario, environment={"NO_COLOR": "1"})
        self.assertIn(code, (0, 3))
        self.assertNotIn("m", [part[:3].lstrip("0123456789;")[:1]
                               for part in screen.split("\x1b[")[1:]], "no colour, no bold")

    def test_overrides_reach_the_run(self):
        _, run = self.run_small("--engine", "null", "--set", "tenant.users.arrivals.rate=50/s",
                                "--set", "throttle.output limit.max_wait=100ms", "--seed", "3")
        self.assertEqual(run["engine"], "null")
        self.assertEqual(run["seed"], 3)
        self.assertEqual(run["scenario"]["tenant"][0]["arrivals"]["rate"], "50/s")
        self.assertEqual(run["scenario"]["throttle"][0]["max_wait"], "100ms")

    def test_a_trace_is_played(self):
        (self.path / "trace.csv").write_text(TRACE)
        path = self.scenario_with(
            """arrivals = { process = "poisson", rate = "150/s" }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }""",
            'arrivals = { process = "trace", file = "trace.csv", max = 64 }')
        self.run_tokenlift("run", path, "--engine", "null", "--out", "out", code=3)
        run = json.loads((self.path / "out" / "run.json").read_text())
        self.assertEqual(run["totals"]["due"], 4)
        checks = {check["name"]: check for check in run["validity"]["checks"]}
        self.assertFalse(checks["enough_samples"]["passed"], "four requests are no measurement")

    def test_more_replicas_than_cores_works(self):
        replicas = 2 * (os.cpu_count() or 1) + 1
        done, run = self.run_small("--set", f"fleet.site.here.replicas={replicas}")
        self.assertIn("more replicas than cores", done.stderr)
        self.assertGreater(run["phases"][-1]["counts"]["completed"], 0)

    def test_a_cpu_without_avx512_works(self):
        environment = dict(os.environ, ONEDNN_MAX_CPU_ISA="AVX2")
        _, run = self.run_small(env=environment)
        self.assertEqual(run["environment"]["decoder_precision"], "f32")
        self.assertGreater(run["phases"][-1]["counts"]["completed"], 0)

    def test_every_kind_of_throttle_and_client_plays_on_threads(self):
        """Sessions with a prefix cache, closed users, retries, every kind, on real replicas."""
        scenario = self.path / "everything.toml"
        scenario.write_text(EVERYTHING)
        self.run_tokenlift("run", scenario, "--out", "out", code=(0, 3))
        run = json.loads((self.path / "out" / "run.json").read_text())
        for phase in run["phases"]:
            counts = phase["counts"]
            self.assertEqual(counts["due"], sum(counts.values()) - counts["due"])
            self.assertGreater(counts["completed"], 0)
        self.assertEqual(len(run["throttles"]), 12)
        in_cache = next(entry for entry in run["throttles"] if entry["name"] == "input")
        self.assertGreater(sum(int(phase["refunded_microunits"]) for phase in in_cache["phases"]), 0,
                           "cached input comes back")

    def test_ctrl_c_while_calibrating_leaves_nothing(self):
        process = subprocess.Popen([self.TOKENLIFT, "calibrate", "cpu-tiny", "--budget", "60s"],
                                   cwd=self.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.assertIn("measuring", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertEqual(out, "")
        self.assertIn("nothing was written", err)
        self.assertEqual(list(self.path.iterdir()), [self.scenario])

    def test_ctrl_c_keeps_what_was_measured(self):
        path = self.scenario_with('duration = "3s"', 'duration = "60s"')
        process = subprocess.Popen([self.TOKENLIFT, "run", path, "--out", "out"], cwd=self.path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Wait for the run to be under way: its first phase has ended.
        ready, _, _ = select.select([process.stderr], [], [], 60)
        self.assertTrue(ready)
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertIn("interrupted", out)
        run = json.loads((self.path / "out" / "run.json").read_text())
        self.assertTrue(run["interrupted"])
        self.assertFalse(run["validity"]["valid"])
        counts = run["totals"]
        self.assertEqual(counts["due"], sum(counts.values()) - counts["due"])
        for phase in run["phases"]:
            self.assertLessEqual(phase["rates"]["utilisation"], 1, "a step cut short counts in part")

    def test_ctrl_c_in_a_later_repetition_keeps_the_earlier_ones(self):
        process = subprocess.Popen([self.TOKENLIFT, "run", self.scenario, "--engine", "null", "--out",
                                    "out", "--repetitions", "9"], cwd=self.path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "run 2 of 9" in line:
                break
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertIn("interrupted", out)
        runs = [json.loads((self.path / "out" / n / "run.json").read_text()) for n in ("1", "2")]
        self.assertEqual([run["interrupted"] for run in runs], [False, True])
        self.assertFalse((self.path / "out" / "3").exists())

    def test_ctrl_c_during_the_capacity_measurement_ends_at_once(self):
        path = self.scenario_with('rate = "150/s"', "load = 0.5")
        process = subprocess.Popen([self.TOKENLIFT, "run", path, "--out", "out"], cwd=self.path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("measuring", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertIn("nothing was measured", err)
        self.assertEqual(out, "")


if __name__ == "__main__":
    binary_case.main()
