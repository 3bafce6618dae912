#!/usr/bin/python3
"""`tokenlift tune` through the real binary: searched, killed and gone on with, stopped, refused.

    tune_end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

The searches are of virtual time: they take a moment, and are the same everywhere.
"""

import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from binary_case import SANITIZED, conclusions

TOKENLIFT = ""
SOURCE = Path()

# A fleet that is overrun: a limit on what is in flight is all that keeps the first token in time.
# Profile and rates are absolute, so that nothing depends on the machine.
SCENARIO = """
name = "overrun"

[run]
engine = "virtual"
duration = "12s"
warmup = "2s"

[[fleet.site]]
name = "site"
replicas = 1
profile = "server"
max_batch = 4
max_step_tokens = 512
kv_tokens = 4096

[profile.server]
decode = { a = "10ms", b = "1ms", c = "10ns" }
prefill = { p0 = "5ms", p1 = "100us", p2 = "0ns" }

[fleet]
capacity = "280/s"

[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "20/s" }
prompt_tokens = { distribution = "constant", value = 100 }
output_tokens = { distribution = "constant", value = 20 }
slo = { ttft = "1s" }

[[throttle]]
name = "places"
kind = "concurrency"
limit = 200
when_full = "reject"
"""

SEARCH = ["--budget", "80k"]


class Tune(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tokenlift-tune-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = self.folder / "overrun.toml"
        self.file.write_text(SCENARIO)

    def tune(self, *words, code=0, scenario=None):
        done = subprocess.run(
            [TOKENLIFT, "tune", str(scenario or self.file), *map(str, words)],
            cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def search(self, name="out", *words, code=0):
        out = self.folder / name
        done = self.tune("--out", out, *SEARCH, *words, code=code)
        return out, done

    def result(self, out):
        """What was found, without when and how it was asked for."""
        result = json.loads((out / "tune.json").read_text())
        for key in ("command", "started_at", "elapsed_s"):
            del result[key]
        return result

    # ---------------------------------------------------------------------------- the results

    def test_a_limit_that_lets_in_too_many_is_lowered(self):
        out, done = self.search()
        self.assertIn("maximizing goodput_tokens_per_s.steady", done.stderr)
        self.assertIn("throttle.places.limit", done.stderr)
        self.assertIn("places in all batches", done.stderr)
        self.assertIn("[[throttle]]", done.stdout)
        self.assertIn(f"results: {out}", done.stdout)
        result = self.result(out)
        best = result["candidates"][result["recommended"]]
        present = result["candidates"][0]
        self.assertGreater(best["figures"]["objective"], 2 * present["figures"]["objective"])
        for name in ("tune.json", "report.html", "recommended.toml", "journal.jsonl"):
            self.assertTrue((out / name).is_file(), name)

    @conclusions
    def test_the_result_fits_its_schema(self):
        out, _ = self.search()
        language = subprocess.run([TOKENLIFT, "schema", "scenario"], capture_output=True, text=True,
                                  check=True).stdout
        (self.folder / "scenario.schema.json").write_text(language)
        for schema, file in ((SOURCE / "reports/json/tuning.schema.json", "tune.json"),
                             (self.folder / "scenario.schema.json", "recommended.toml")):
            done = subprocess.run(
                [sys.executable, SOURCE / "tests/reports/json/validate_json.py", schema, out / file],
                capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @conclusions
    def test_stdout_is_the_result_in_the_format_that_is_asked_for(self):
        out, done = self.search("out", "--format", "markdown")
        self.assertTrue(done.stdout.startswith("**Setting "), done.stdout)
        self.assertIn(f"results: {out}", done.stderr)
        for format, file in (("html", "report.html"), ("json", "tune.json")):
            done = self.tune("--resume", out, *SEARCH, "--format", format)
            self.assertEqual(done.stdout, (out / file).read_text())

    @conclusions
    def test_what_is_recommended_can_be_run(self):
        out, _ = self.search()
        best = self.result(out)
        value = best["parameters"][0]["recommended"]
        done = subprocess.run([TOKENLIFT, "check", out / "recommended.toml"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"limit = {value}", done.stdout)

    @conclusions
    def test_the_same_whatever_the_number_of_threads(self):
        one, _ = self.search("one", "--threads", "1")
        two, _ = self.search("two", "--threads", "2")
        self.assertEqual(self.result(one), self.result(two))
        other, _ = self.search("other", "--seed", "2")
        self.assertNotEqual(self.result(one), self.result(other))

    @conclusions
    def test_killed_and_resumed_it_ends_as_if_it_had_not_been(self):
        whole, _ = self.search("whole")
        expected = self.result(whole)
        draws = random.Random(7)
        begin = time.monotonic()
        self.search("measure")
        length_s = time.monotonic() - begin
        for attempt in range(1 if SANITIZED else 3):
            out = self.folder / f"killed{attempt}"
            process = subprocess.Popen(
                [TOKENLIFT, "tune", self.file, "--out", out, "--quiet", *SEARCH],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(draws.uniform(0.1, 0.9) * length_s)
            process.kill()
            process.wait()
            if not (out / "journal.jsonl").exists():
                continue
            self.tune("--resume", out, *SEARCH)
            self.assertEqual(self.result(out), expected)

    # ----------------------------------------------------------------------------- the limits

    def test_ctrl_c_gives_the_best_so_far(self):
        out = self.folder / "stopped"
        process = subprocess.Popen(
            [TOKENLIFT, "tune", self.file, "--out", out, "--for", "120s"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        journal = out / "journal.jsonl"
        for _ in range(600):
            if journal.exists() and journal.read_bytes().count(b"\n") > 40:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, stdout + stderr)
        self.assertIn("best so far", stdout)
        result = self.result(out)
        self.assertTrue(result["interrupted"])
        self.assertIsNotNone(result["best"])

    def test_no_feasible_setting_is_an_answer(self):
        out, done = self.search("out", "--set", 'tune.constraints="attainment >= 0.99"', code=1)
        result = self.result(out)
        self.assertIsNone(result["recommended"])
        remedies = result["infeasible"]["remedies"]
        self.assertTrue(remedies[0]["meets"] and remedies[0]["fleet"] > 1, remedies)
        self.assertIn("attainment.steady >= 0.99", done.stdout)
        self.assertIn("times the fleet", done.stdout)

    def test_wrong_input_is_named(self):
        for words, says in [
            (["--budget", "10"], "a budget of 10 requests is too small"),
            (["--budget", "0"], "--budget"),
            (["--budget", "1.5M"], "'1.5M' is no number of requests from 1 to 2^53, as 5M or 500k"),
            (["--for", "soon"], '"soon"'),
            (["--for", "5s", "--budget", "5"], "excludes"),
            (["--set", "tune.objective=speed"], "there is no figure"),
            (["--set", "tune.constraints=attainment"], "tune.constraints"),
            (["--lift"], "no event"),
            (["--resume", self.folder / "nowhere"], "no search was begun"),
        ]:
            with self.subTest(says=says):
                done = self.tune(*words, code=2)
                self.assertIn(says, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_scenario_without_a_throttle_has_nothing_to_tune(self):
        done = self.tune(code=2, scenario="steady")
        self.assertIn("no throttle to tune", done.stderr)
        self.assertFalse((self.folder / "tokenlift-results").exists())

    @conclusions
    def test_a_folder_with_another_search_is_not_touched(self):
        out, _ = self.search()
        before = (out / "journal.jsonl").read_bytes()
        self.assertIn("holds a search", self.tune("--out", out, code=2).stderr)
        self.assertIn("another scenario",
                      self.tune("--resume", out, "--seed", "9", code=2).stderr)
        self.assertEqual((out / "journal.jsonl").read_bytes(), before)

    def test_a_journal_that_cannot_be_read_is_wrong_input(self):
        out = self.folder / "out"
        out.mkdir()
        journal = out / "journal.jsonl"
        journal.symlink_to("/dev/zero")
        self.assertIn("larger than 320 MiB", self.tune("--resume", out, *SEARCH, code=2).stderr)
        journal.unlink()
        journal.mkdir()
        self.assertIn("Is a directory", self.tune("--resume", out, *SEARCH, code=2).stderr)
        self.assertTrue(journal.is_dir())

    # ------------------------------------------------------------------------------- the lift

    def lift(self, *words, code=0):
        out = self.folder / "lift"
        done = self.tune("--lift", "--budget", "600000", "--out", out, *words, scenario="lift",
                         code=code)
        result = self.result(out)
        self.assertEqual(result["searched"], "lift")
        self.assertIn("lift.shape", [each["key"] for each in result["parameters"]])
        return result, done

    @conclusions
    def test_the_shortest_lift_that_keeps_its_promise_is_found(self):
        """Five seconds are kept by any lift: the one at one stroke stays."""
        result, done = self.lift("--set", 'tune.constraints="ttft.p99_ms <= 5000"')
        self.assertEqual(result["candidates"][result["recommended"]]["figures"]["objective"], 0)
        self.assertIn("[[event]]", done.stdout)

    @conclusions
    def test_a_lift_that_can_keep_no_promise_says_what_would(self):
        """Whoever comes after a backlog of two seconds waits for longer than one."""
        result, done = self.lift(code=1)
        self.assertIsNone(result["recommended"])
        self.assertTrue(result["infeasible"]["remedies"][0]["meets"], result["infeasible"])

    # ---------------------------------------------------------------------------- the terminal

    def test_on_a_terminal_progress_is_live(self):
        reader, writer = pty.openpty()
        process = subprocess.Popen(
            [TOKENLIFT, "tune", self.file, "--out", self.folder / "live", *SEARCH],
            stdout=subprocess.PIPE, stderr=writer, text=True,
            env={**os.environ, "TERM": "xterm"})
        os.close(writer)
        seen = b""
        while True:
            try:
                part = os.read(reader, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        stdout, _ = process.communicate(timeout=120)
        os.close(reader)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"of the budget, at most", seen)
        self.assertIn(b"\r", seen)
        self.assertNotIn("\033", stdout)

if __name__ == "__main__":
    TOKENLIFT = os.path.abspath(sys.argv[1])
    SOURCE = Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
