#!/usr/bin/python3
"""The real binary, end to end: on a pipe and on a terminal, on good days and bad ones.

    end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

Machines are noisy, so an exit code of 0 or 3 is right wherever threads compute.
"""

import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOKENLIFT = ""
SOURCE = Path()

SMALL = """
name = "small"
description = "A lift in three seconds"

[run]
engine = "threads"
duration = "3s"
warmup = "200ms"
settle = "300ms"
seed = 7

[[fleet.site]]
name = "here"
replicas = 2
profile = "cpu-tiny"
max_batch = 8
max_step_tokens = 128
kv_tokens = 4096

[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "150/s" }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }
slo = { ttft = "200ms" }

[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
rate = "700/s"
burst = "500ms"
when_full = "queue"
max_wait = "200ms"

[[event]]
at = "1.5s"
lift = "output limit"
"""

# What a step of cpu-tiny roughly costs; any machine may play it.
PROFILE = """
[profile.cpu-tiny]
description = "by hand"
max_batch = 8
decode = { a = "60us", b = "4us", c = "50ns" }
prefill = { p0 = "60us", p1 = "3.6us", p2 = "11ns" }
"""

TRACE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:46.9951690,396,109
2023-11-16 18:15:47.2224670,879,55
2023-11-16 18:15:47.3910170,91,16
"""


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


class EndToEnd(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)
        self.scenario = self.path / "small.toml"
        self.scenario.write_text(SMALL)

    def run_tokenlift(self, *words, code=None, **options):
        options.setdefault("cwd", self.path)
        done = subprocess.run([TOKENLIFT, *map(str, words)], capture_output=True, text=True,
                              timeout=120, **options)
        if code is not None:
            self.assertIn(done.returncode, code if isinstance(code, tuple) else (code,),
                          done.stdout + done.stderr)
        return done

    def run_small(self, *words, out="out", code=(0, 3), **options):
        done = self.run_tokenlift("run", self.scenario, "--out", out, *words, code=code, **options)
        return done, json.loads((self.path / out / "run.json").read_text())

    def scenario_with(self, old, new):
        self.assertIn(old, SMALL)
        path = self.path / "changed.toml"
        path.write_text(SMALL.replace(old, new))
        return path

    # ------------------------------------------------------------------ good days

    def test_a_lift_on_threads_through_a_pipe(self):
        done, run = self.run_small()
        for word in ("before", "transition", "after", "throughput", "goodput", "results:"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("\x1b", done.stdout + done.stderr, "no escapes on a pipe")
        self.assertIn("before", done.stderr, "a plain line per phase")
        self.assertEqual(done.returncode == 0, run["validity"]["valid"])
        self.assertEqual([phase["name"] for phase in run["phases"]],
                         ["before", "transition", "after"])
        for phase in run["phases"]:
            counts = phase["counts"]
            self.assertEqual(counts["due"], sum(counts.values()) - counts["due"])
            self.assertGreater(phase["rates"]["throughput_tokens_per_s"], 0)
        before, _, after = run["phases"]
        self.assertGreater(before["counts"]["expired"], 0, "the throttle held")
        self.assertEqual(after["counts"]["expired"], 0, "and was lifted")
        self.assertGreater(after["rates"]["throughput_tokens_per_s"],
                           1.3 * before["rates"]["throughput_tokens_per_s"])
        self.assertGreaterEqual(run["lift"]["at_s"], 1.5)
        checks = {check["name"]: check for check in run["validity"]["checks"]}
        for exact in ("conservation", "littles_law_error", "interrupted", "most_in_flight"):
            self.assertTrue(checks[exact]["passed"], checks[exact])

    def test_the_result_fits_the_schema(self):
        self.run_small()
        schema = SOURCE / "reports" / "run.schema.json"
        validate = [sys.executable, str(SOURCE / "tests" / "validate_json.py"), str(schema)]
        subprocess.run(validate + [str(self.path / "out" / "run.json")], check=True)

    def test_on_a_terminal_progress_is_live_and_no_color_is_honoured(self):
        code, screen = self.on_terminal({})
        self.assertIn(code, (0, 3))
        self.assertIn("\r\x1b[K", screen, "one line, redrawn")
        self.assertIn("\x1b[1m", screen, "bold headings")
        code, screen = self.on_terminal({"NO_COLOR": "1"})
        self.assertIn(code, (0, 3))
        self.assertNotIn("m", [part[:3].lstrip("0123456789;")[:1]
                               for part in screen.split("\x1b[")[1:]], "no colour, no bold")

    def on_terminal(self, environment):
        """Runs the small lift on a pseudo-terminal; returns its exit code and the screen's bytes."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.pop("NO_COLOR", None)
            os.environ.update(environment)
            os.chdir(self.path)
            os.execv(TOKENLIFT, [TOKENLIFT, "run", str(self.scenario)])
        screen = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other side has been closed
                break
            if not piece:
                break
            screen += piece
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), screen.decode()

    def test_a_run_can_be_repeated_from_its_result(self):
        _, first = self.run_small()
        self.run_tokenlift("run", self.path / "out" / "run.json", "--out", "again", code=(0, 3))
        again = json.loads((self.path / "again" / "run.json").read_text())
        self.assertEqual(first["scenario"], again["scenario"])
        self.assertEqual(first["seed"], again["seed"])
        for a, b in zip(first["phases"], again["phases"]):
            self.assertEqual(a["counts"]["due"], b["counts"]["due"], "the same requests")

    def test_repetitions_have_a_folder_and_a_seed_each(self):
        self.run_tokenlift("run", self.scenario, "--engine", "null", "--repetitions", 3,
                           "--out", "many", code=(0, 3))
        runs = [json.loads((self.path / "many" / str(n) / "run.json").read_text())
                for n in (1, 2, 3)]
        self.assertEqual([run["repetition"] for run in runs], [1, 2, 3])
        self.assertEqual([run["seed"] for run in runs], [7, 8, 9])
        self.assertFalse((self.path / "many" / "run.json").exists())

    def test_the_default_folder_is_named_after_the_scenario(self):
        done = self.run_tokenlift("run", self.scenario, "--engine", "null", code=(0, 3))
        results = list((self.path / "tokenlift-results").glob("small-*/run.json"))
        self.assertEqual(len(results), 1)
        self.assertIn(str(results[0].relative_to(self.path)), done.stdout)

    def test_overrides_reach_the_run(self):
        _, run = self.run_small("--engine", "null", "--set", "tenant.users.arrivals.rate=50/s",
                                "--set", "throttle.output limit.max_wait=100ms", "--seed", "3")
        self.assertEqual(run["engine"], "null")
        self.assertEqual(run["seed"], 3)
        self.assertEqual(run["scenario"]["tenant"][0]["arrivals"]["rate"], "50/s")
        self.assertEqual(run["scenario"]["throttle"][0]["max_wait"], "100ms")

    def test_load_is_measured_and_resolved(self):
        path = self.scenario_with('rate = "150/s"', "load = 0.5")
        self.run_tokenlift("run", path, "--out", "out", code=(0, 3))
        run = json.loads((self.path / "out" / "run.json").read_text())
        self.assertEqual(run["capacity"]["source"], "measured")
        arrivals = run["scenario"]["tenant"][0]["arrivals"]
        rate_per_s = float(arrivals["rate"].removesuffix("/s"))
        mean_output = 9.0
        self.assertAlmostEqual(rate_per_s * mean_output / run["capacity"]["tokens_per_s"], 0.5,
                               places=3)
        self.assertNotIn("load", arrivals)

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

    def test_check_prints_a_scenario_that_resolves_to_itself(self):
        once = self.run_tokenlift("check", self.scenario, code=0).stdout
        self.assertIn("# phases:", once)
        (self.path / "resolved.toml").write_text(once)
        again = self.run_tokenlift("check", self.path / "resolved.toml", code=0).stdout
        self.assertEqual(once, again)

    def test_every_builtin_scenario_is_right(self):
        listing = self.run_tokenlift("scenarios", code=0).stdout.splitlines()
        names = [line.split()[0] for line in listing]
        self.assertIn("lift", names)
        for name in names:
            self.assertIn("# phases", self.run_tokenlift("check", name, code=0).stdout)

    def profile_file(self, text=PROFILE):
        path = self.path / "profiles.toml"
        path.write_text(text)
        return path

    def simulate(self, scenario, *words):
        """Phases by name of a built-in scenario in virtual time, which is the same every time."""
        self.run_tokenlift("run", scenario, "--out", "out", *words, code=0)
        run = json.loads((self.path / "out" / "run.json").read_text())
        self.assertTrue(run["validity"]["valid"])
        return {phase["name"]: phase for phase in run["phases"]}, run

    def of_tenant(self, run, name, phase, *keys):
        tenant = next(tenant for tenant in run["tenants"] if tenant["name"] == name)
        value = next(entry for entry in tenant["phases"] if entry["name"] == phase)
        for key in keys:
            value = value[key]
        return value

    # What each built-in scenario says that it shows.

    def test_higher_limits_end_the_refusals_of_every_tier(self):
        phases, run = self.simulate("higher-limits")
        for tier in ("tier 1", "tier 2", "tier 3", "tier 4"):
            self.assertGreater(
                self.of_tenant(run, tier, "before", "rates", "retry_amplification"), 1.5)
            self.assertGreater(self.of_tenant(run, tier, "after", "rates", "attainment"), 0.99)
        self.assertGreater(run["lift"]["backoff_requests"], 0)

    def test_a_doubled_five_hour_window_leaves_the_weekly_one(self):
        _, run = self.simulate("five-hour-window", "--set", "run.duration=7d")
        short, week = run["throttles"]
        self.assertGreater(short["phases"][0]["rejected"], 10_000)
        self.assertLess(short["phases"][2]["rejected"], 100)
        self.assertEqual(week["phases"][0]["rejected"], 0)
        self.assertGreater(week["phases"][2]["rejected"], 10_000)

    def test_peak_hours_refuse_until_they_are_lifted(self):
        phases, _ = self.simulate("peak-hours")
        self.assertGreater(phases["before"]["counts"]["rejected"], 1_000)
        self.assertLess(phases["after"]["counts"]["rejected"], 100)

    def test_research_starves_without_its_share(self):
        _, fair = self.simulate("research-starvation")
        _, starved = self.simulate("research-starvation", "--set", "queue.order=priority", "--set",
                                   "tenant.users.priority=1")
        goodput = ("rates", "goodput_tokens_per_s")
        self.assertGreater(self.of_tenant(fair, "research", "before", *goodput),
                           10 * self.of_tenant(starved, "research", "before", *goodput))

    def test_a_lift_into_a_retry_storm_serves_fewer_in_time_than_the_limit_did(self):
        phases, run = self.simulate("retry-storm")
        self.assertLess(phases["transition"]["rates"]["attainment"],
                        phases["before"]["rates"]["attainment"])
        self.assertGreater(run["lift"]["backoff_requests"], 1_000)
        self.assertEqual(run["lift"]["waiting_requests"], 0)

    def test_a_staged_lift_protects_who_was_not_limited(self):
        ttft = ("latency_ms", "ttft", "p99")
        _, staged = self.simulate("staged-lift")
        _, at_once = self.simulate("staged-lift", "--set", "event.1.at=120.001s")
        self.assertLess(10 * self.of_tenant(staged, "business", "transition", *ttft),
                        self.of_tenant(at_once, "business", "transition", *ttft))

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
        self.assertGreater(sum(phase["refunded_units"] for phase in in_cache["phases"]), 0,
                           "cached input comes back")

    def test_simulated_runs_are_equal_whatever_the_threads(self):
        profiles = self.profile_file()
        runs = []
        for threads in (1, 2, 3):
            done, run = self.run_small("--engine", "virtual", "--profiles", profiles, "--threads",
                                       threads, out=f"out{threads}", code=0)
            self.assertIn("(simulated)", done.stderr)
            self.assertIn("real time", done.stderr)
            del run["environment"]
            runs.append(run)
        self.assertEqual(runs[0]["engine"], "virtual")
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(runs[0], runs[2])

    def test_nothing_is_said_of_crowding_or_measuring_where_time_is_simulated(self):
        path = self.scenario_with('rate = "150/s"', "load = 0.5")
        done = self.run_tokenlift("run", path, "--engine", "virtual", "--profiles",
                                  self.profile_file(), "--set", "fleet.site.here.replicas=400",
                                  "--out", "out", code=0)
        self.assertNotIn("more replicas than cores", done.stderr)
        self.assertNotIn("measuring", done.stderr)

    def test_the_last_profile_file_wins(self):
        slow = self.path / "slow.toml"
        slow.write_text(PROFILE.replace('a = "60us"', 'a = "90ms"'))
        fast = self.profile_file()
        medians = []
        for files in ((slow, fast), (fast, slow)):
            words = [word for file in files for word in ("--profiles", file)]
            _, run = self.run_small("--engine", "virtual", *words)
            medians.append(run["phases"][-1]["latency_ms"]["itl"]["p50"])
        self.assertLess(medians[0], 10)
        self.assertGreater(medians[1], 80)

    def test_the_profiles_are_listed(self):
        listing = self.run_tokenlift("profiles", code=0).stdout.splitlines()
        names = [line.split()[0] for line in listing]
        self.assertIn("cpu-small", names)
        self.assertIn("h100-8b", names)

    def test_calibrate_writes_a_profile_that_runs_take(self):
        done = self.run_tokenlift("calibrate", "cpu-tiny", "--budget", "1s", "--max-batch", "8",
                                  "--out", "here/tiny.toml", code=(0, 3))
        for word in ("decode step", "prefill chunk", "R²", "worst error"):
            self.assertIn(word, done.stdout)
        self.assertIn("measuring cpu-tiny", done.stderr)
        written = self.path / "here" / "tiny.toml"
        if done.returncode == 3:  # others use this machine
            self.assertIn("nothing was written", done.stderr)
            self.assertFalse(written.exists())
            return
        text = written.read_text()
        for part in ("[profile.cpu-tiny]", "fit_error", "decode", "prefill", "max_batch = 8"):
            self.assertIn(part, text)
        _, run = self.run_small("--engine", "virtual", "--profiles", written)
        self.assertGreater(run["phases"][-1]["counts"]["completed"], 0)

    def test_verify_shows_both_engines_side_by_side(self):
        done = self.run_tokenlift("calibrate", "--verify", self.scenario, "--repetitions", 2,
                                  "--profiles", self.profile_file(), code=(0, 1, 3))
        for word in ("virtual/threads", "utilisation", "goals met", "throughput", "TTFT p50"):
            self.assertIn(word, done.stdout)
        folders = list((self.path / "tokenlift-results").glob("verify-small-*"))
        self.assertEqual(len(folders), 1)
        runs = {}
        for engine in ("threads", "virtual"):
            for n in (1, 2):
                text = (folders[0] / engine / str(n) / "run.json").read_text()
                runs[engine, n] = json.loads(text)
                self.assertEqual(runs[engine, n]["engine"], engine)
        for n in (1, 2):
            for a, b in zip(runs["threads", n]["phases"], runs["virtual", n]["phases"]):
                self.assertEqual(a["counts"]["due"], b["counts"]["due"], "the same requests")
        self.assertFalse((self.path / "calibrated.toml").exists(), "nothing was measured")

    def test_help_and_version(self):
        done = self.run_tokenlift("calibrate", "--help", code=0)
        self.assertIn("--verify", done.stdout)
        for words in (["--help"], ["run", "--help"], ["check", "--help"], ["--version"],
                      ["report", "--help"]):
            done = self.run_tokenlift(*words, code=0)
            self.assertEqual(done.stderr, "")
            if words[-1] == "--help":
                self.assertIn("Exit codes:", done.stdout)
            self.assertIn({"--version": "tokenlift", "--help": "run", "report": "RUN"}.get(
                words[0], "SCENARIO"), done.stdout)

    def test_an_installed_binary_needs_no_files_and_works_from_any_folder(self):
        build = Path(TOKENLIFT).parents[1]
        subprocess.run(["cmake", "--install", str(build), "--prefix", str(self.path / "usr")],
                       check=True, capture_output=True)
        done = subprocess.run([str(self.path / "usr" / "bin" / "tokenlift"), "check", "lift"],
                              cwd="/", capture_output=True, text=True, check=True)
        self.assertIn('name = "lift"', done.stdout)

    # ------------------------------------------------------------------ bad input: 2

    def assert_wrong(self, *words, says=()):
        done = self.run_tokenlift(*words, code=2)
        self.assertEqual(done.stdout, "", "nothing that looks like a result")
        for text in says:
            self.assertIn(text, done.stderr)
        return done

    def test_every_mistake_is_reported_with_its_place(self):
        path = self.scenario_with('rate = "150/s"', 'rat = "-3/s"')
        path.write_text(path.read_text().replace('duration = "3s"', "duration = 3"))
        self.assert_wrong("check", path, says=("changed.toml:7:", "changed.toml:22:", "^",
                                               "did you mean"))
        self.assert_wrong("run", path, says=("changed.toml:7:",))
        self.assertFalse((self.path / "tokenlift-results").exists(), "nothing was begun")

    def test_wrong_values(self):
        for old, new, says in (
                ('rate = "150/s"', 'rate = "-1/s"', "changed.toml:"),
                ("replicas = 2", "replicas = 0", "changed.toml:"),
                ('burst = "500ms"', "burst = 3", "burst"),
                ('profile = "cpu-tiny"', 'profile = "cpu-tinny"', "cpu-tiny"),
                ("max_batch = 8", "max_batch = 8.5", "changed.toml:"),
                ('lift = "output limit"', 'lift = "output limmit"', "output limit"),
                ('[[throttle]]', '[[throttle]', "changed.toml:")):
            with self.subTest(new=new):
                self.assert_wrong("run", self.scenario_with(old, new), says=(says,))

    def test_wrong_words(self):
        self.assert_wrong("run", "lfit", says=("did you mean 'lift'",))
        self.assert_wrong("run", self.path, says=("is a folder",))
        self.assert_wrong("run", "x" * 5000, says=("no file",))
        self.assert_wrong(says=())
        self.assert_wrong("fly", says=())
        self.assert_wrong("run", "lift", "--engine", "warp", says=("warp",))
        self.assert_wrong("run", "lift", "--repetitions", "0", says=())
        self.assert_wrong("run", "lift", "--seed", "9" * 20, says=("2^63",))
        self.assert_wrong("run", self.scenario, "--set", "run.sed=3", says=("run.sed", "seed"))
        self.assert_wrong("run", self.scenario, "--set", "nonsense", says=("nonsense",))

    def test_a_name_to_write_to_is_not_empty(self):
        for words in (("run", self.scenario, "--out", ""), ("run", self.scenario, "--records", ""),
                      ("report", "out", "--out", ""), ("calibrate", "--out", "")):
            with self.subTest(words=words):
                self.assert_wrong(*words, says=(f"{words[-2]}: the name is empty",))
        self.assertEqual(list(self.path.iterdir()), [self.scenario])

    def test_records_are_not_written_where_something_else_goes(self):
        run = ("run", self.scenario, "--engine", "null", "--out", "out")
        self.assert_wrong(*run, "--records", "-", says=("stdout", "give a file"))
        self.assert_wrong(*run, "--records", "out/report.html", says=("report.html",))
        self.assertFalse((self.path / "out").exists(), "nothing was begun")
        (self.path / "out" / "1").mkdir(parents=True)
        (self.path / "here").symlink_to("out")
        (self.path / "latest").symlink_to("out/run.json")
        (self.path / "out" / "1" / "run.json").symlink_to("../../elsewhere.csv")
        for records, *more in (("out/run.json",), ("./out/../out//run.json",),
                               (self.path / "out" / "run.json",), ("here/run.json",), ("latest",),
                               ("elsewhere.csv", "--repetitions", 2),
                               ("out/2/control/run.json", "--repetitions", 2, "--control")):
            with self.subTest(records=records):
                self.assert_wrong(*run, "--records", records, *more,
                                  says=("run.json: give another",))
        self.assertFalse((self.path / "elsewhere.csv").exists(), "nothing was begun")
        self.assertFalse((self.path / "out" / "run.json").exists())
        self.run_tokenlift(*run, "--records", "out/2.csv", "--repetitions", 2, code=(0, 3))
        self.assertTrue((self.path / "out" / "2.csv").read_text().startswith("repetition,"))

    def test_wrong_words_to_calibrate(self):
        self.assert_wrong("calibrate", "cpu-smal", says=("did you mean 'cpu-small'",))
        self.assert_wrong("calibrate", "h100-8b", says=("no decoder", "cpu-small"))
        self.assert_wrong("calibrate", "--budget", "soon", says=("soon",))
        self.assert_wrong("calibrate", "--budget", "0s", says=("0s",))
        self.assert_wrong("calibrate", "--max-batch", "0", says=("--max-batch",))
        self.assert_wrong("calibrate", "--repetitions", "2", says=("--verify",))
        self.assert_wrong("calibrate", "--profiles", self.profile_file(), says=("--verify",))
        self.assert_wrong("calibrate", "--verify", "lfit", says=("did you mean 'lift'",))
        self.assert_wrong("calibrate", "--out", self.path, says=("is a folder",))
        self.assertFalse((self.path / "tokenlift-results").exists(), "nothing was begun")

    def test_wrong_profiles(self):
        for old, new, says in (('a = "60us"', 'a = "-60us"', "profiles.toml:"),
                               ("decode", "decoder", "decode"),
                               ("[profile.cpu-tiny]", "[profile.cpu-tiny", "profiles.toml:")):
            with self.subTest(new=new):
                path = self.profile_file(PROFILE.replace(old, new))
                self.assert_wrong("run", self.scenario, "--engine", "virtual", "--profiles", path,
                                  says=(says,))
        self.assert_wrong("run", self.scenario, "--profiles", "none.toml", says=("none.toml",))
        self.assert_wrong("run", self.scenario, "--threads", "2", says=("engine virtual",))
        narrow = self.profile_file(PROFILE.replace("max_batch = 8", "max_batch = 4"))
        self.assert_wrong("run", self.scenario, "--engine", "virtual", "--profiles", narrow,
                          says=("max_batch",))
        self.assert_wrong("calibrate", "--verify", self.scenario, "--profiles", narrow,
                          says=("max_batch",))

    def test_a_bad_line_in_a_trace_is_named(self):
        (self.path / "trace.csv").write_text(TRACE + "2023-11-16 18:15:48,12,few\n")
        path = self.scenario_with(
            """arrivals = { process = "poisson", rate = "150/s" }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }""",
            'arrivals = { process = "trace", file = "trace.csv" }')
        self.assert_wrong("run", path, says=("trace.csv:6:",))

    def test_a_broken_result_cannot_be_repeated(self):
        for text in ("{", "{}", '{"schema": "tokenlift.run/99"}', "[1, 2]"):
            (self.path / "run.json").write_text(text)
            with self.subTest(text=text):
                self.assert_wrong("run", self.path / "run.json", says=("run.json",))

    # ------------------------------------------------------------------ bad days: 3 and 4

    def test_a_folder_that_cannot_be_written_is_found_before_the_run(self):
        (self.path / "taken").write_text("")
        done = self.run_tokenlift("run", self.scenario, "--out", self.path / "taken", code=4)
        self.assertIn("taken", done.stderr)
        self.assertNotIn("before", done.stderr, "nothing was run")

    def test_a_full_disk_shows_the_result_and_leaves_nothing_half_written(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        done = self.run_tokenlift("run", self.scenario, "--engine", "null", "--out", "out", code=4,
                                  preexec_fn=limit)
        self.assertIn("run.json", done.stderr)
        self.assertIn("throughput", done.stdout, "what was measured is shown")
        self.assertEqual(list((self.path / "out").iterdir()), [])

    def test_a_page_that_cannot_be_written_hides_nothing_else(self):
        (self.path / "out" / "report.html").mkdir(parents=True)
        done = self.run_tokenlift("run", self.scenario, "--engine", "null", "--out", "out",
                                  "--records", "records.csv", code=4)
        self.assertIn("cannot write 'out/report.html'", done.stderr)
        self.assertIn("throughput", done.stdout)
        self.assertIn("results: out/run.json", done.stdout)
        self.assertNotIn("report:", done.stdout)
        run = json.loads((self.path / "out" / "run.json").read_text())
        records = (self.path / "records.csv").read_text().splitlines()
        self.assertEqual(len(records) - 1, run["totals"]["due"], "all were written")

    def test_each_file_that_cannot_be_written_is_told(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        done = self.run_tokenlift("run", self.scenario, "--engine", "null", "--out", "out",
                                  "--records", "records.csv", code=4, preexec_fn=limit)
        self.assertIn("run.json", done.stderr)
        self.assertIn("records to 'records.csv'", done.stderr)

    def test_a_profile_that_cannot_be_written_is_found_before_measuring(self):
        (self.path / "taken").write_text("")
        done = self.run_tokenlift("calibrate", "--out", self.path / "taken" / "file", code=4)
        self.assertIn("taken", done.stderr)
        self.assertNotIn("measuring", done.stderr)

    def test_ctrl_c_while_calibrating_leaves_nothing(self):
        process = subprocess.Popen([TOKENLIFT, "calibrate", "cpu-tiny", "--budget", "60s"],
                                   cwd=self.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.assertIn("measuring", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertEqual(out, "")
        self.assertIn("nothing was written", err)
        self.assertEqual(list(self.path.iterdir()), [self.scenario])

    def test_a_run_survives_whoever_reads_its_progress(self):
        words = [TOKENLIFT, "run", str(self.scenario), "--engine", "null", "--out", "out"]
        for stderr in ("2>&-", "2>/dev/full", "2>&1 >/dev/null | true"):
            with self.subTest(stderr=stderr):
                subprocess.run(["sh", "-c", f'"$@" {stderr}', "sh", *words], cwd=self.path,
                               stdout=subprocess.DEVNULL)
                (self.path / "out" / "run.json").unlink()

    def test_stdout_that_cannot_be_written_is_said(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([TOKENLIFT, "scenarios"], stdout=full, stderr=subprocess.PIPE,
                                  text=True)
        self.assertEqual(done.returncode, 4)
        self.assertIn("stdout", done.stderr)

    def test_ctrl_c_keeps_what_was_measured(self):
        path = self.scenario_with('duration = "3s"', 'duration = "60s"')
        process = subprocess.Popen([TOKENLIFT, "run", path, "--out", "out"], cwd=self.path,
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
        process = subprocess.Popen([TOKENLIFT, "run", self.scenario, "--engine", "null", "--out",
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
        process = subprocess.Popen([TOKENLIFT, "run", path, "--out", "out"], cwd=self.path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("measuring", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertIn("nothing was measured", err)
        self.assertEqual(out, "")


if __name__ == "__main__":
    TOKENLIFT = os.path.abspath(sys.argv[1])
    SOURCE = Path(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
