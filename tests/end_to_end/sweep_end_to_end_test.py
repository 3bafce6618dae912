#!/usr/bin/python3
"""`tokenlift sweep` and `tokenlift size` through the real binary: curves, answers, bad input, Ctrl-C.

    sweep_end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

Everything is in virtual time: it takes a moment, and is the same everywhere.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from binary_case import conclusions

TOKENLIFT = ""
SOURCE = Path()

# Profile and lengths are absolute, so that nothing depends on the machine.
SCENARIO = """
name = "hall"

[run]
engine = "virtual"
duration = "102s"
warmup = "2s"

[[fleet.site]]
name = "hall"
replicas = 2
profile = "server"
max_batch = 4
max_step_tokens = 512
kv_tokens = 4096

[profile.server]
decode = { a = "10ms", b = "1ms", c = "10ns" }
prefill = { p0 = "5ms", p1 = "100us", p2 = "0ns" }

[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.6 }
prompt_tokens = { distribution = "uniform", min = 50, max = 150 }
output_tokens = { distribution = "uniform", min = 5, max = 35 }
slo = { ttft = "1s" }
"""

LOAD = "tenant.users.arrivals.load"


class Sweep(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tokenlift-sweep-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = self.folder / "hall.toml"
        self.file.write_text(SCENARIO)

    def run_tokenlift(self, *words, code=0):
        done = subprocess.run([TOKENLIFT, *map(str, words)], cwd=self.folder, capture_output=True,
                              text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def sweep(self, *words, code=0, out="out"):
        return self.run_tokenlift("sweep", self.file, "--out", out, *words, code=code)

    def result(self, out="out"):
        """What was found, without when and how it was asked for."""
        result = json.loads((self.folder / out / "sweep.json").read_text())
        for key in ("command", "started_at", "elapsed_s"):
            del result[key]
        return result

    def refused(self, *words):
        """Refused before anything is run, and nothing is left behind."""
        done = self.sweep(*words, code=2)
        self.assertFalse((self.folder / "out" / "sweep.json").exists())
        self.assertEqual(done.stdout, "")
        return done.stderr

    # ---------------------------------------------------------------------------- curves

    def test_a_curve_rises_into_saturation(self):
        done = self.sweep("--over", LOAD + "=0.2:1.4:7")
        result = self.result()
        states = [(float(p["values"][0]), p["state"]) for p in result["points"]]
        self.assertGreaterEqual(len(states), 7)
        self.assertEqual(states, sorted(states))
        self.assertEqual(states[0][1], "steady")
        self.assertEqual(states[-1][1], "saturated")
        self.assertIn("saturated from", done.stdout)
        path = result["figures"].index("e2e.p50_ms.steady")
        waits = [p["figures"][path]["value"] for p in result["points"]]
        self.assertEqual([w is None for w in waits], [s == "saturated" for _, s in states])
        steady = [w for w in waits if w is not None]
        self.assertGreater(steady[-1], 1.5 * steady[0])
        # What comes out of a saturated fleet is its capacity.
        path = result["figures"].index("throughput_tokens_per_s.steady")
        last = result["points"][-1]
        self.assertAlmostEqual(last["figures"][path]["value"] / last["capacity_tokens_per_s"], 1,
                               delta=0.1)
        self.assertLess(last["runs"], 5)
        rows = list(csv.DictReader((self.folder / "out/points.csv").read_text().splitlines()))
        self.assertEqual(len(rows), len(states))
        self.assertTrue((self.folder / "out/report.html").is_file())

    @conclusions
    def test_results_do_not_depend_on_threads_and_fit_the_schema(self):
        task = ["--over", LOAD + "=0.2:1.2:5", "--find", "most", LOAD + "=0.2:1.4",
                "--while", "attainment >= 0.9"]
        self.sweep(*task, "--threads", 1, out="one")
        self.sweep(*task, "--threads", 3, out="three")
        self.assertEqual(self.result("one"), self.result("three"))
        done = subprocess.run(
            [sys.executable, SOURCE / "tests/reports/json/validate_json.py",
             SOURCE / "reports/json/sweep.schema.json", self.folder / "one/sweep.json"],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @conclusions
    def test_two_axes_are_a_grid(self):
        self.sweep("--over", "fleet.site.hall.max_batch=1,4", "--over", LOAD + "=0.3:0.9:3",
                   "--repetitions", 1)
        points = self.result()["points"]
        self.assertEqual([p["values"] for p in points],
                         [[b, l] for b in ("1", "4") for l in ("0.3", "0.6", "0.9")])
        self.assertIn("Over both axes", (self.folder / "out/report.html").read_text())

    @conclusions
    def test_other_keys_than_the_first_two_are_panels(self):
        done = self.sweep("--over", "fleet.site.hall.max_batch=1,4", "--over", LOAD + "=0.3,0.6",
                          "--over", "fleet.router=random,round_robin", "--repetitions", 1)
        self.assertEqual(len(self.result()["points"]), 8)
        for router in ("random", "round_robin"):
            self.assertIn("points at router " + router, done.stdout)
            self.assertIn("Over both axes, at router " + router,
                          (self.folder / "out/report.html").read_text())

    @conclusions
    def test_the_scenario_may_say_what_is_swept(self):
        self.file.write_text(SCENARIO + f"""
[sweep]
over = "{LOAD}=0.2:0.6:3"
find = "most {LOAD}=0.2:1.4"
while = "attainment >= 0.9"
repetitions = 2
requests = 1
""")
        self.sweep()
        result = self.result()
        self.assertEqual([p["values"][0] for p in result["points"]], ["0.2", "0.4", "0.6"])
        self.assertEqual(result["finds"][0]["outcome"], "found")
        self.assertEqual(result["repetitions"], 2)
        # Options go before it: where one says what is done, the table says nothing of that.
        self.sweep("--over", LOAD + "=0.3,0.5", "--repetitions", 1, out="options")
        result = self.result("options")
        self.assertEqual([p["values"][0] for p in result["points"]], ["0.3", "0.5"])
        self.assertEqual((result["finds"], result["repetitions"]), ([], 1))
        done = self.run_tokenlift("check", self.file)
        self.assertIn(f'over = ["{LOAD}=0.2:0.6:3"]', done.stdout)
        self.assertIn('while = ["attainment.steady >= 0.9"]', done.stdout)
        self.file.write_text(SCENARIO + f'\n[sweep]\nover = "{LOAD}=0.6:0.2:3"\n')
        done = self.run_tokenlift("check", self.file, code=2)
        self.assertIn("hall.toml:29:8", done.stderr)

    @conclusions
    def test_a_sweep_can_be_shown_again_in_other_formats(self):
        self.sweep("--over", LOAD + "=0.3,0.6,1.5", "--repetitions", 2,
                   "--set", "fleet.site.hall.profile=h100-8b")
        done = self.run_tokenlift("sweep", "out", "--format", "openmetrics")
        self.assertTrue(done.stdout.endswith("# EOF\n"))
        self.assertIn('load="0.3",state="steady"}', done.stdout)
        done = self.run_tokenlift("sweep", "out", "--format", "benchmark-report")
        documents = [json.loads(text) for text in done.stdout.split("---\n")[1:]]
        self.assertEqual(len(documents), 3)
        aggregate = documents[0]["results"]["request_performance"]["aggregate"]
        self.assertGreater(aggregate["latency"]["time_to_first_token"]["mean"], 0)
        self.assertAlmostEqual(aggregate["requests"]["input_length"]["mean"], 100, delta=5)
        done = self.run_tokenlift("sweep", "out/", "--format", "inferencex")
        rows = json.loads(done.stdout)
        self.assertEqual([row[LOAD] for row in rows], ["0.3", "0.6"])
        self.assertGreater(rows[1]["tput_per_gpu"], rows[1]["output_tput_per_gpu"])
        done = self.run_tokenlift("sweep", "out", "--format", "csv")
        self.assertEqual(done.stdout, (self.folder / "out/points.csv").read_text())
        self.run_tokenlift("sweep", "out", "--out", "again", code=2)
        done = self.run_tokenlift("sweep", "out", "out", "--format", "csv", code=2)
        self.assertIn("give one folder", done.stderr)

    @conclusions
    def test_stdout_is_the_format_that_is_asked_for(self):
        axis = ["--over", LOAD + "=0.2,0.5", "--repetitions", 1]
        done = self.sweep(*axis, "--format", "json")
        self.assertEqual(json.loads(done.stdout)["schema"], "tokenlift.sweep/1")
        done = self.sweep(*axis, "--format", "markdown", out="markdown")
        self.assertIn("| 0.2 |", done.stdout)

    # --------------------------------------------------------------------------- answers

    def test_the_most_load_lies_where_the_objective_is_crossed(self):
        done = self.sweep("--find", "most", LOAD + "=0.2:1.4", "--while", "attainment >= 0.9")
        find = self.result()["finds"][0]
        self.assertEqual(find["outcome"], "found")
        self.assertIn(find["value"], done.stdout)
        self.assertTrue(find["interval_95"]["low"] <= find["number"] <= find["interval_95"]["high"])
        path = self.result()["figures"].index("attainment.steady")
        for tried in find["tries"]:
            value = tried["point"]["figures"][path]["value"]
            self.assertEqual(tried["holds"], value is not None and value >= 0.9)
            self.assertEqual(tried["holds"], tried["point"]["numbers"][0] <= find["number"])

    @conclusions
    def test_whole_numbers_stay_whole(self):
        self.sweep("--set", LOAD[:-4] + "rate=40/s", "--find", "least",
                   "fleet.site.hall.replicas=1:16", "--while", "attainment >= 0.9")
        find = self.result()["finds"][0]
        self.assertEqual(find["outcome"], "found")
        self.assertRegex(find["value"], "^[0-9]+$")
        tried = {int(t["point"]["values"][0]): t["holds"] for t in find["tries"]}
        self.assertTrue(tried[int(find["value"])])
        self.assertFalse(tried[int(find["value"]) - 1])

    def test_a_find_whose_ends_agree_says_in_which_direction_it_lies(self):
        done = self.sweep("--find", "most", LOAD + "=0.1:0.2", "--while", "attainment >= 0.5",
                          "--repetitions", 1, code=1)
        self.assertIn("at 0.2 or above", done.stdout)
        done = self.sweep("--find", "most", LOAD + "=1.3:1.5", "--while", "attainment >= 0.9",
                          "--repetitions", 1, code=1, out="none")
        self.assertIn("below 1.3", done.stdout)

    def test_size_finds_the_fewest_replicas(self):
        done = self.run_tokenlift("size", self.file, "--out", "size", "--attainment", 0.9)
        result = self.result("size")
        found = {f["name"]: f["number"] for f in result["finds"]}
        self.assertEqual(len(found), 4)
        self.assertLessEqual(found["with 20 % less load"], found["at the scenario's load"])
        self.assertLessEqual(found["at the scenario's load"], found["with 20 % more load"])
        self.assertEqual(found["with one replica failed"], found["at the scenario's load"] + 1)
        self.assertIn("what was found", done.stdout)
        self.assertRegex(done.stdout, "When one of [0-9]+ replicas fails as they run")

    def size(self, *words, text=SCENARIO, code=0):
        self.file.write_text(text)
        shutil.rmtree(self.folder / "size", ignore_errors=True)
        done = self.run_tokenlift("size", self.file, "--out", "size", *words, code=code)
        return " ".join(done.stdout.split())

    def test_size_says_that_a_limit_is_in_the_way_only_where_it_is(self):
        limit = """
[[throttle]]
name = "narrow"
kind = "token_bucket"
unit = "output_tokens"
rate = "100/s"
burst = "1s"
when_full = "queue"
max_wait = "500ms"
"""
        said = "Without the throttle 'narrow' 16 replicas are enough: its limit stays as it is"
        self.assertIn(said, self.size(text=SCENARIO + limit, code=1))
        # Nobody gets a first token within a millisecond, with or without it.
        hopeless = (SCENARIO + limit).replace('ttft = "1s"', 'ttft = "1ms"')
        self.assertNotIn("Without the throttle", self.size(text=hopeless, code=1))
        wide = limit.replace("100/s", "100000/s")
        self.assertNotIn("Without the throttle", self.size(text=SCENARIO + wide))

    def test_size_says_whom_the_site_does_not_serve(self):
        other = """
[[fleet.site]]
name = "annex"
replicas = 2
profile = "server"
max_batch = 4
max_step_tokens = 512
kv_tokens = 4096
"""
        said = "Tenant 'users' may not use site 'annex': replicas there do not serve it."
        confined = SCENARIO.replace('slo = {', 'sites = ["hall"]\nslo = {').replace(
            "[profile.server]", other + "\n[profile.server]")
        words = ["--site", "annex", "--set", LOAD + "=1.4"]
        self.assertIn(said, self.size(*words, text=confined, code=1))
        open_to_all = confined.replace('sites = ["hall"]', 'sites = ["hall", "annex"]')
        self.assertNotIn("may not use", self.size(*words, text=open_to_all))

    def test_size_counts_what_fails_with_a_replica(self):
        said = "of the requests of a run failed with it, whenever they were due"
        long = SCENARIO.replace("min = 5, max = 35", "min = 90, max = 110").replace(
            "ttft = \"1s\"", "ttft = \"5s\"")
        self.assertIn(said, self.size(text=long))
        retry = ('retry = { policy = "exponential", delay = "100ms", max_delay = "1s", '
                 'attempts = 5 }\n')
        again = long.replace("slo = {", retry + "slo = {")
        self.assertNotIn(said, self.size(text=again))

    def test_a_load_that_grows_does_not_count_as_a_backlog(self):
        ramp = SCENARIO.replace(
            "load = 0.6 }", 'load = 0.95, shape = { kind = "ramp", from = 0.2, to = 1, '
            'begin = "2s", length = "100s" } }')
        text = self.size(text=ramp)
        self.assertIn("The load is another at the end of the phase 'steady' than at its begin, by "
                      "the shape of users", text)
        self.assertNotIn("saturated", text)
        self.assertNotIn("the backlog still grows", text)
        found = {f["name"]: f["number"] for f in self.result("size")["finds"]}
        self.assertLessEqual(found["at the scenario's load"], 3)
        self.assertNotIn("The load is another", self.size())

    # ------------------------------------------------------------------- several commands

    def test_it_goes_on_where_it_was_stopped(self):
        task = ["--over", LOAD + "=0.2:1.2:5"]
        self.sweep(*task, out="whole")
        shutil.copytree(self.folder / "whole", self.folder / "half")
        file = self.folder / "half/sweep.json"
        half = json.loads(file.read_text())
        half["points"] = half["points"][:3]
        file.write_text(json.dumps(half))
        self.run_tokenlift("sweep", self.file, *task, "--resume", "half")
        self.assertEqual(self.result("half"), self.result("whole"))
        done = self.run_tokenlift("sweep", self.file, *task, "--repetitions", 2, "--resume", "half",
                                  code=2)
        self.assertIn("go on with the same words", done.stderr)
        for other in (LOAD + "=0.2:1.3:5", "fleet.site.hall.replicas=1,2"):
            done = self.run_tokenlift("sweep", self.file, "--over", other, "--resume", "half",
                                      code=2)
            self.assertIn("another --over", done.stderr)
        self.assertEqual(self.result("half"), self.result("whole"))
        done = self.sweep(*task, out="whole", code=2)
        self.assertIn("--resume", done.stderr)

    def test_what_was_done_is_there_after_a_kill(self):
        words = ["--over", LOAD + "=0.2:0.9:200", "--repetitions", "20", "--threads", "1"]
        process = subprocess.Popen(
            [TOKENLIFT, "sweep", self.file, "--out", self.folder / "out", *words],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        file = self.folder / "out/sweep.json"
        while not file.exists():  # in the middle of the first pass
            self.assertIsNone(process.poll())
            time.sleep(0.05)
        process.kill()
        process.wait()
        result = self.result()
        self.assertTrue(result["interrupted"])
        self.assertTrue(0 < len(result["points"]) < 200)
        self.assertTrue(all(p["runs"] == 20 for p in result["points"]))

    @conclusions
    def test_two_sweeps_are_compared_point_by_point(self):
        # The same rates for both fleets, of which the slower one can do some 390 tokens/s.
        axis = ["--over", LOAD + "=0.3,0.6,0.9", "--repetitions", 4, "--set", "fleet.capacity=477/s"]
        self.sweep(*axis, out="base")
        self.run_tokenlift("compare", "base", "base", "--primary", "throughput,ttft_p50")
        self.sweep(*axis, "--set", 'profile.server.decode={ a = "14ms", b = "1ms", c = "10ns" }',
                   out="slow")
        self.run_tokenlift("compare", "base", "slow", "--out", "c.json", "--format", "json", code=1)
        cases = {c["name"]: c for c in json.loads((self.folder / "c.json").read_text())["cases"]}
        self.assertEqual(list(cases), ["load=0.3", "load=0.6", "load=0.9"])
        worse = {f["name"] for f in cases["load=0.6"]["figures"] if f["reading"] == "worse"}
        self.assertIn("tpot p50", worse)
        last = {f["name"]: f["reading"] for f in cases["load=0.9"]["figures"]}
        self.assertEqual(last.get("saturated"), "worse")
        self.assertNotIn("ttft p50", last)  # on one side it does not last
        self.sweep("--over", "fleet.site.hall.max_batch=2,4", "--repetitions", 1, out="other")
        done = self.run_tokenlift("compare", "base", "other", code=2)
        self.assertIn("one sweep is over " + LOAD, done.stderr)
        self.sweep(*axis, "--set", "fleet.site.hall.replicas=3", out="larger")
        done = self.run_tokenlift("compare", "base", "larger", code=2)
        self.assertIn("/fleet/site/0/replicas", done.stderr)

    def test_a_suite_may_hold_sweeps(self):
        suite = self.folder / "curves.toml"
        suite.write_text(f"""
[[case]]
name = "curve"
scenario = "hall.toml"
sweep = {{ over = "{LOAD}=0.3,0.6,1.5", find = "most {LOAD}=0.2:1.4", while = "attainment >= 0.9", repetitions = 2 }}
objectives = ["found >= 0.5", "saturated_from <= 1.6", "found <= 0.3"]
[[case]]
scenario = "hall.toml"
repetitions = 1
""")
        self.run_tokenlift("suite", suite, "--out", "suite", "--quiet", code=1)
        suite_json = json.loads((self.folder / "suite/suite.json").read_text())
        curve = suite_json["cases"][0]
        self.assertEqual(curve["status"], "done")
        self.assertEqual([o["met"] for o in curve["objectives"]], [True, True, False])
        self.assertEqual(curve["sweep"]["points"], 3)
        self.assertEqual(curve["sweep"]["saturated_from"], 1.5)
        self.assertIsNone(suite_json["cases"][1]["sweep"])
        self.assertTrue((self.folder / "suite/curve/report.html").is_file())
        self.assertIn("saturated from", (self.folder / "suite/report.md").read_text())
        self.assertIn('classname="curves.curve"', (self.folder / "suite/junit.xml").read_text())
        rows = list(csv.DictReader((self.folder / "suite/figures.csv").read_text().splitlines()))
        self.assertIn("curve/load=0.6", {row["case"] for row in rows})
        points = json.loads((self.folder / "suite/curve/sweep.json").read_text())["points"]
        self.run_tokenlift("suite", suite, "--resume", "suite", "--quiet", code=1)
        again = json.loads((self.folder / "suite/curve/sweep.json").read_text())["points"]
        self.assertEqual(points, again)
        # Each against itself: nothing is worse, whatever few runs leave open.
        self.run_tokenlift("compare", "suite", "suite", "--open", "pass", "--format", "json",
                           "--out", "c.json")
        names = [c["name"] for c in json.loads((self.folder / "c.json").read_text())["cases"]]
        self.assertEqual(names, ["curve/load=0.3", "curve/load=0.6", "curve/load=1.5", "hall"])

    @conclusions
    def test_time_that_is_up_is_an_interruption(self):
        done = self.sweep("--over", LOAD + "=0.2:0.9:200", "--repetitions", 20, "--for", "1ms",
                          code=3)
        self.assertIn("The time was up before all points were run", done.stdout)
        self.assertTrue(self.result()["interrupted"])

    @conclusions
    def test_two_sweeps_are_laid_over_each_other(self):
        axis = ["--over", LOAD + "=0.2:0.8:3", "--repetitions", 1]
        self.sweep(*axis, out="two")
        self.sweep(*axis, "--set", "fleet.site.hall.replicas=4", out="four")
        done = self.run_tokenlift("sweep", "two", "four/", "--out", "both")
        self.assertIn("two: points", done.stdout)
        self.assertIn("four: points", done.stdout)
        self.assertTrue((self.folder / "both/report.html").is_file())
        self.sweep("--over", "fleet.site.hall.replicas=1,2", "--repetitions", 1, out="other")
        done = self.run_tokenlift("sweep", "two", "other", code=2)
        self.assertIn("is over", done.stderr)

    @conclusions
    def test_an_interrupt_keeps_what_there_is(self):
        process = subprocess.Popen(
            [TOKENLIFT, "sweep", self.file, "--out", self.folder / "out", "--over",
             LOAD + "=0.2:0.9:200", "--repetitions", "50"],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = process.stderr.readline()  # some points are done
        self.assertIn("points of this pass", line)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertIn("interrupted", out)
        result = self.result()
        self.assertTrue(result["interrupted"])
        self.assertTrue(0 < len(result["points"]) < 200)
        self.assertTrue(all(p["runs"] == 50 for p in result["points"]))

    # -------------------------------------------------------------------------- bad input

    def test_a_key_that_does_nothing_is_told_before_anything_runs(self):
        self.assertIn("makes no difference",
                      self.refused("--over", "tenant.users.slo.ttft=1s,1000ms"))

    def test_what_is_not_understood_is_refused(self):
        self.assertIn("say what changes", self.refused())
        self.assertIn("is not KEY=FROM:TO:N", self.refused("--over", "load"))
        self.assertIn("not less than", self.refused("--over", LOAD + "=1:0.5:3"))
        self.assertIn("4 are the most", self.refused(
            *[word for key in "abcde" for word in ("--over", key + "=1,2")]))
        self.assertIn("10000 points", self.refused("--over", LOAD + "=0.1:0.9:200", "--over",
                                                   "run.duration=10s:20s:200"))
        self.assertIn("two axes", self.refused("--over", LOAD + "=1,2", "--over", LOAD + "=3,4"))
        self.assertIn("most or least", self.refused("--find", "some", LOAD + "=0.1:1", "--while", "a<1"))
        self.assertIn("--while", self.refused("--find", "most", LOAD + "=0.1:1"))
        self.assertIn("KEY=LOW:HIGH", self.refused("--find", "most", "--while", "attainment >= 0.9"))

    @conclusions
    def test_keys_and_loads_that_cannot_be_are_refused(self):
        self.assertIn("did you mean", self.refused("--over", "tenant.users.arrivals.laod=0.1:1:3"))
        self.assertIn("load", self.refused("--over", LOAD + "=-1:1:3"))
        self.assertIn("load", self.refused("--over", LOAD + "=1:1e12:3"))

    @conclusions
    def test_objectives_that_no_run_has_are_refused(self):
        find = ["--find", "most", LOAD + "=0.1:1"]
        self.assertIn("ttfd", self.refused(*find, "--while", "ttfd.p99_ms <= 5"))
        self.assertIn('did you mean "users"',
                      self.refused(*find, "--while", "tenants.user.attainment >= 0.9"))
        self.assertNotEqual(self.refused(*find, "--while", "attainment >= 1.5"), "")
        self.assertNotEqual(self.refused(*find, "--while", "attainment"), "")

    def test_sizes_that_cannot_be_found_are_refused(self):
        done = self.run_tokenlift("size", self.file, "--site", "hell", code=2)
        self.assertIn("no site 'hell'", done.stderr)
        self.file.write_text(SCENARIO.replace('slo = { ttft = "1s" }', ""))
        done = self.run_tokenlift("size", self.file, code=2)
        self.assertIn("nothing to keep", done.stderr)
        done = self.run_tokenlift("size", self.file, "--attainment", "1.5", code=2)
        self.assertIn("share", done.stderr)


if __name__ == "__main__":
    TOKENLIFT = os.path.abspath(sys.argv[1])
    SOURCE = Path(sys.argv[2]).resolve()
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
