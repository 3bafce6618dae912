#!/usr/bin/python3
"""What is measured on this machine's threads, through the real binary. Nothing else may run meanwhile.

    measured_end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

Machines are noisy all the same, so an exit code of 0 or 3 is right wherever threads compute.
"""

import json
import subprocess
import sys

import binary_case
import tune_end_to_end_test

SEARCHED = """
name = "searched"
[run]
duration = "6s"
warmup = "1s"
[[fleet.site]]
name = "site"
replicas = 1
profile = "cpu-tiny"
max_batch = 4
max_step_tokens = 256
kv_tokens = 4096
[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.5 }
prompt_tokens = { distribution = "constant", value = 16 }
output_tokens = { distribution = "constant", value = 8 }
slo = { ttft = "1s" }
[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "output_tokens"
load = 0.2
max_wait = "500ms"
"""


class Measured(binary_case.BinaryCase):
    def test_a_replica_joins_on_threads_and_a_limit_is_lifted(self):
        # The capacity is stated, and low, so that any machine carries the load.
        words = ["fleet.capacity=200/s", "run.duration=8s", "run.warmup=1s", "run.settle=1s",
                 "event.0.at=3s", "event.1.at=4s"]
        done = self.run_tokenlift("run", "lift-join", "--out", "out", code=(0, 3),
                                  *(word for each in words for word in ("--set", each)))
        self.assertIn("replica joined 'commodity' at 3.0 s", done.stdout.replace("\n  ", " "))
        run = json.loads((self.path / "out" / "run.json").read_text())
        self.assertEqual([each["replicas"] for each in run["fleet"]["compositions"]], [[1], [2]])
        self.assertEqual((run["lift"]["kind"], run["lift"]["site"]), ("join", "commodity"))
        self.assertEqual([each["kind"] for each in run["further_lifts"]], ["lift"])
        serving = run["series"]["columns"]["replicas_serving"]
        self.assertEqual((min(serving), max(serving)), (1, 2))
        for phase in run["phases"]:
            counts = phase["counts"]
            self.assertEqual(counts["due"], sum(counts.values()) - counts["due"])

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
        schema = self.SOURCE / "reports" / "json" / "run.schema.json"
        validate = [sys.executable, str(self.SOURCE / "tests" / "reports" / "json" / "validate_json.py"), str(schema)]
        subprocess.run(validate + [str(self.path / "out" / "run.json")], check=True)

    @binary_case.conclusions
    def test_load_is_measured_and_resolved(self):
        path = self.scenario_with('rate = "150/s"', "load = 0.5")
        done = self.run_tokenlift("run", path, "--out", "out", code=(0, 3))
        if "nothing was run" in done.stderr:  # others use the machine: that is right, too
            self.assertEqual(done.returncode, 3)
            self.assertIn("--set fleet.capacity=", done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertFalse((self.path / "out").exists())
            return
        self.assertIn("capacity: ", done.stderr)
        run = json.loads((self.path / "out" / "run.json").read_text())
        self.assertEqual(run["capacity"]["source"], "measured")
        arrivals = run["scenario"]["tenant"][0]["arrivals"]
        rate_per_s = float(arrivals["rate"].removesuffix("/s"))
        mean_output = 9.0
        self.assertAlmostEqual(rate_per_s * mean_output / run["capacity"]["tokens_per_s"], 0.5,
                               places=3)
        self.assertNotIn("load", arrivals)

    @binary_case.conclusions
    def test_a_fleet_that_is_too_slow_is_told_so_before_the_run(self):
        path = self.scenario_with('rate = "150/s"', "load = 0.0001")
        done = self.run_tokenlift("run", path, "--out", "out", code=3)
        self.assertIn("nothing was run", done.stderr)
        self.assertFalse((self.path / "out").exists())
        if "requests fall into 'before'" in done.stderr:  # else others use the machine
            self.assertIn("run.duration=", done.stderr)

    @binary_case.conclusions
    def test_calibrate_writes_a_profile_that_runs_take(self):
        done = self.run_tokenlift("calibrate", "cpu-tiny", "--budget", "1s", "--max-batch", "8",
                                  "--out", "here/tiny.toml", code=(0, 3))
        self.assertIn("measuring cpu-tiny", done.stderr)
        written = self.path / "here" / "tiny.toml"
        if "was too short" in done.stderr:  # others use nearly all of this machine
            self.assertEqual(done.returncode, 3)
            self.assertFalse(written.exists())
            return
        for word in ("decode step", "prefill chunk", "R²", "worst error"):
            self.assertIn(word, done.stdout)
        if done.returncode == 3:  # others use this machine
            self.assertIn("nothing was written", done.stderr)
            self.assertFalse(written.exists())
            return
        text = written.read_text()
        for part in ("[profile.cpu-tiny]", "fit_error", "decode", "prefill", "max_batch = 8"):
            self.assertIn(part, text)
        _, run = self.run_small("--engine", "virtual", "--profiles", written)
        self.assertGreater(run["phases"][-1]["counts"]["completed"], 0)

    @binary_case.conclusions
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

    @binary_case.conclusions
    def test_a_search_ends_when_its_time_has_come(self):
        """In two seconds this machine simulates what the smallest search takes, and more."""
        scenario = self.path / "overrun.toml"
        scenario.write_text(tune_end_to_end_test.SCENARIO)
        self.run_tokenlift("tune", scenario, "--for", "2s", "--out", "out", code=0)
        result = json.loads((self.path / "out" / "tune.json").read_text())
        self.assertIsNotNone(result["recommended"])

    @binary_case.conclusions
    def test_what_a_search_recommends_is_verified(self):
        """What holds on any machine is that it was run, compared and decided."""
        scenario = self.path / "searched.toml"
        scenario.write_text(SEARCHED)
        done = self.run_tokenlift("tune", scenario, "--verify", 1, "--budget", 700000, "--out",
                                  "out", "--profiles", self.profile_file(), code=(0, 1, 3),
                                  timeout=300)
        if done.returncode == 3 and "nothing was run" in done.stderr:
            self.skipTest("others use the machine, and its capacity cannot be measured")
        out = self.path / "out"
        result = json.loads((out / "tune.json").read_text())
        verification = result["verification"]
        self.assertEqual(verification["arms"][0]["label"], "present")
        self.assertGreaterEqual(len(verification["arms"]), 2)
        for arm in verification["arms"]:
            self.assertGreater(arm["measured"], 0)
            self.assertTrue((out / "verify" / arm["label"] / "1" / "run.json").is_file())
        refused = bool(verification["refusals"])
        self.assertEqual(result["recommended"] is None, refused)
        self.assertEqual(done.returncode == 0, not refused)


if __name__ == "__main__":
    binary_case.main()
