#!/usr/bin/python3
"""`tokenlift suite` through the real binary: cases are run, reported, killed and gone on with.

    suite_end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

All but one of the cases are of virtual time: they take a moment, and are the same everywhere.
"""

import csv
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from binary_case import SANITIZED, conclusions

TOKENLIFT = ""
SOURCE = Path()
COMPARE = Path("/usr/share/benchmark/compare.py")

SUITE = """
[suite]
name = "small"
repetitions = 3

[[case]]
scenario = "lift-h100"
set = { "run.warmup" = "5s", "run.duration" = "80s", "event.0.at" = "30s", "run.settle" = "15s" }
objectives = ["goodput.gain >= 1.5", "ttft.p50_ms.after <= 500"]
matrix = { "tenant.users.arrivals.load" = [0.5, 0.7] }

[[case]]
name = "two"
scenario = "lift-two-tenants"
engine = "virtual"
control = true
"""

NAMES = ["lift-h100/load=0.5", "lift-h100/load=0.7", "two"]


def without(value, names):
    """The JSON value without the members of these names, wherever they are."""
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    if isinstance(value, list):
        return [without(item, names) for item in value]
    return value


def measured(folder):
    """All that was measured, by file; without what tells when and how it was asked for."""
    files = {
        str(file.relative_to(folder)): without(json.loads(file.read_text()), {"environment"})
        for file in folder.rglob("run.json")
    }
    suite = json.loads((folder / "suite.json").read_text())
    files["suite.json"] = without(suite, {"command", "started_at", "elapsed_s"})
    return files


class Suite(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tokenlift-suite-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = self.folder / "small.toml"
        self.file.write_text(SUITE)

    def suite(self, *words, code=0, suite=None):
        done = subprocess.run(
            [TOKENLIFT, "suite", str(suite or self.file), *map(str, words)],
            cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def run_small(self, name="out", *words):
        out = self.folder / name
        done = self.suite("--out", out, *words)
        return out, done

    # ---------------------------------------------------------------------------- the results

    def test_every_run_and_report_is_in_the_folder(self):
        out, done = self.run_small()
        self.assertIn("3 cases: 3 done; 4 of 4 objectives met.", done.stdout)
        self.assertIn(f"results: {out}", done.stdout)
        for name in NAMES:
            self.assertIn("tokenlift", (out / name / "report.html").read_text()[:2000])
            for repetition in (1, 2, 3):
                run = json.loads((out / name / str(repetition) / "run.json").read_text())
                self.assertEqual(run["repetition"], repetition)
        self.assertTrue(json.loads((out / "two/2/control/run.json").read_text())["arm"] == "control")
        for file in ("report.html", "report.md", "junit.xml", "suite.json", "benchmark.json",
                     "figures.csv"):
            self.assertTrue((out / file).exists(), file)
        self.assertIn('href="lift-h100/load=0.5/report.html"', (out / "report.html").read_text())

    @conclusions
    def test_its_figures_are_one_table(self):
        out, _ = self.run_small()
        rows = list(csv.DictReader((out / "figures.csv").read_text().splitlines()))
        self.assertEqual({row["case"] for row in rows}, set(NAMES))
        gated = [row for row in rows if row["case"] == NAMES[0] and row["gated"] == "yes"]
        self.assertEqual([row["figure"] for row in gated],
                         ["throughput", "goodput", "attainment", "ttft p50", "ttft p99", "itl p99"])
        for row in gated:
            self.assertEqual((row["phase"], row["runs"], row["missing"]), ("after", "3", ""))
            self.assertLessEqual(float(row["least"]), float(row["mean"]))
            self.assertLessEqual(float(row["low"]), float(row["high"]))

    @conclusions
    def test_primary_figures_are_chosen(self):
        out, done = self.run_small("out", "--primary", "e2e_p50,throughput")
        rows = list(csv.DictReader((out / "figures.csv").read_text().splitlines()))
        gated = [row for row in rows if row["case"] == NAMES[0] and row["gated"] == "yes"]
        self.assertEqual([row["figure"] for row in gated], ["throughput", "e2e p50"])
        self.assertIn("e2e p50", " ".join(done.stdout.split()))  # what so many runs show of it
        said = self.suite("--out", "no", "--primary", "throughputs", code=2).stderr
        self.assertIn("did you mean 'throughput'", said)

    @conclusions
    def test_columns_are_chosen(self):
        out, done = self.run_small("out", "--columns", "throughput,tpot_p50,itl_p99")
        head = next(line for line in done.stdout.splitlines() if line.startswith("case "))
        self.assertEqual(head.split()[2:], "throughput TPOT p50 ITL p99".split())
        self.assertIn("TPOT p50", (out / "report.md").read_text())
        said = self.suite("--out", "no", "--columns", "throughputs", code=2).stderr
        self.assertIn("did you mean 'throughput'", said)

    def test_against_a_base_it_is_a_gate_and_says_before_what_it_can_show(self):
        base, first = self.run_small("base")
        self.assertNotIn("From the runs in", first.stderr)  # nothing is known yet
        self.assertIn("Compared with another such suite: 3 runs of 3 cases show",
                      " ".join(first.stdout.split()))
        again, done = self.run_small("again", "--against", base)
        told = " ".join(done.stderr.split())
        self.assertRegex(told, r"From the runs in \S+: 3 runs of 3 cases show a change")
        self.assertRegex(told, r"repetitions (on either side )?(would )?decide whether anything")
        self.assertLess(told.index("From the runs in"), told.index("simulated cases"))
        compared = json.loads((again / "comparison.json").read_text())
        self.assertEqual(compared["primary"]["worse"], 0)
        self.assertEqual(compared["primary"]["open"], 0)  # the same seeds: identical
        self.assertIn("worse than the base", ElementTree.tostring(
            ElementTree.parse(again / "junit.xml").getroot(), encoding="unicode"))
        # Dearer prefill: worse, and the job fails by it.
        profiles = self.folder / "dear.toml"
        body = (SOURCE / "workloads/profiles/h100-8b.toml").read_text()
        lines = [f"[profile.h100-8b.{line[1:]}" if line.startswith("[") else line
                 for line in body.replace('p1 = "15us"', 'p1 = "60us"').splitlines()]
        profiles.write_text("[profile.h100-8b]\n" + "\n".join(lines) + "\n")
        fixed = ["--set", "fleet.capacity=40000/s", "--benchmark_filter=lift-h100"]
        base, _ = self.run_small("fixed", *fixed)
        done = self.suite("--out", self.folder / "dear", "--against", base, "--profiles", profiles,
                          *fixed, code=1)
        self.assertIn("worse: ", " ".join(done.stdout.split()))
        gates = [case for case in ElementTree.parse(self.folder / "dear/junit.xml").iter("testcase")
                 if case.get("name") == "is no worse than the base"]
        self.assertEqual(len(gates), 2)
        self.assertTrue(all(case.find("failure") is not None for case in gates))

    @conclusions
    def test_an_objective_that_is_not_met_is_exit_code_1(self):
        self.file.write_text(SUITE.replace("goodput.gain >= 1.5", "goodput.gain >= 1e6"))
        done = self.suite("--out", "out", code=1)
        self.assertIn("2 of 4 objectives met", done.stdout)
        failures = ElementTree.parse(self.folder / "out/junit.xml").getroot().iter("failure")
        self.assertEqual(len(list(failures)), 2)

    def test_a_mistake_is_told_with_its_place_before_anything_runs(self):
        self.file.write_text(SUITE.replace("goodput.gain", "godput.gain"))
        done = self.suite("--out", "out", code=2)
        self.assertIn("small.toml:9:", done.stderr)
        self.assertIn("goodput", done.stderr)
        self.assertFalse((self.folder / "out").exists())

    @conclusions
    def test_the_number_of_workers_makes_no_difference(self):
        one, _ = self.run_small("one", "--threads", "1")
        three, _ = self.run_small("three", "--threads", "3")
        self.assertEqual(measured(one), measured(three))

    def test_a_case_that_fails_stops_no_other(self):
        out = self.folder / "out"
        out.mkdir()
        (out / "two").write_text("no folder")
        done = self.suite("--out", out, code=4)
        self.assertIn("2 done, 1 failed", done.stdout)
        cases = json.loads((out / "suite.json").read_text())["cases"]
        self.assertEqual([case["status"] for case in cases], ["done", "done", "failed"])
        self.assertIn("two", cases[2]["failure"])
        errors = ElementTree.parse(out / "junit.xml").getroot().iter("error")
        self.assertEqual(len(list(errors)), 1)

    def test_nothing_is_run_into_the_results_of_a_suite(self):
        out, _ = self.run_small()
        self.assertIn("--resume", self.suite("--out", out, code=2).stderr)

    def test_an_unknown_suite_is_told_what_is_meant(self):
        done = self.suite(code=2, suite="smok")
        self.assertIn("did you mean 'smoke'?", done.stderr)

    def test_a_suite_may_come_through_a_pipe(self):
        done = subprocess.run(
            [TOKENLIFT, "suite", "/dev/stdin", "--benchmark_list_tests=true", "--benchmark_filter=^two/"],
            input=SUITE, cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("two", done.stdout)
        self.assertIn("is larger than 8 MiB", self.suite(code=2, suite="/dev/zero").stderr)

    # ------------------------------------------------------------------------ Google Benchmark

    def test_flags_choose_and_list(self):
        names = self.suite("--benchmark_list_tests", "--benchmark_filter=^two/").stdout.split()
        self.assertEqual(names[0], "two/iterations:1/manual_time")
        self.assertTrue(any(name.startswith("two/after/ttft_p99/") for name in names), names)
        out, done = self.run_small("one", "--benchmark_filter=load=0.7/after/ttft_p50",
                                   "--benchmark_repetitions=2")
        self.assertIn("1 case: 1 done", done.stdout)
        self.assertFalse((out / NAMES[1] / "3").exists())
        self.assertFalse((out / NAMES[0]).exists())
        entries = json.loads((out / "benchmark.json").read_text())["benchmarks"]
        self.assertEqual({entry["run_name"].split("/iterations")[0] for entry in entries},
                         {NAMES[1] + "/after/ttft_p50"})

    @conclusions
    def test_flags_that_are_wrong_are_told(self):
        for word in ("--benchmark_filter=nothing_like_this", "--benchmark_filtre=x",
                     "--benchmark_format=yaml", "--benchmark_repetitions=x", "--filter=x"):
            done = self.suite("--out", "out", word, code=2)
            self.assertTrue(done.stderr.strip(), word)
            self.assertFalse((self.folder / "out").exists(), word)

    def test_a_filter_that_would_take_the_whole_stack_is_refused(self):
        for pattern, says in (("(" * 50_000 + ")" * 50_000, "1000 are the most"),
                              ("(" * 51 + "x" + ")" * 51, "more than 50 deep"),
                              ("((x{255}){255}){255}", "more than 1000 times")):
            done = self.suite("--out", "out", "--benchmark_filter=" + pattern, code=2)
            self.assertIn(says, done.stderr)
            self.assertFalse((self.folder / "out").exists())
        done = self.suite("--benchmark_list_tests=true", "--benchmark_filter=^(((two){1,3}))/")
        self.assertIn("two", done.stdout)

    def test_what_google_benchmark_writes_goes_over_nothing_else(self):
        (self.folder / "out").mkdir()
        (self.folder / "here").symlink_to("out")
        for file, says in (("out/suite.json", "suite.json"), ("here/benchmark.json", "benchmark.json"),
                           ("out/two/1/run.json", "case two"), ("out/./two/figures.json", "case two"),
                           (self.file, "which is read")):
            done = self.suite("--out", "out", f"--benchmark_out={file}", code=2)
            self.assertIn(says, done.stderr)
            self.assertIn("give another file", done.stderr)
            self.assertEqual(list((self.folder / "out").iterdir()), [])
        self.assertEqual(self.file.read_text(), SUITE)

    def test_stdout_is_the_report_in_the_format_that_is_asked_for(self):
        out, done = self.run_small("out", "--format", "markdown")
        self.assertEqual(done.stdout, (out / "report.md").read_text())
        self.assertIn(f"results: {out}", done.stderr)
        for format, file in (("html", "report.html"), ("json", "suite.json")):
            done = self.suite("--resume", out, "--format", format)
            self.assertEqual(done.stdout, (out / file).read_text())

    @conclusions
    def test_a_format_of_google_benchmark_takes_the_place_of_the_report(self):
        out, done = self.run_small("out", "--benchmark_format=json")
        shown = json.loads(done.stdout)["benchmarks"]
        self.assertEqual(shown, json.loads((out / "benchmark.json").read_text())["benchmarks"])

    @conclusions
    def test_as_csv_cases_with_and_without_a_lift_share_a_header(self):
        mixed = self.folder / "mixed.toml"
        mixed.write_text('[[case]]\nscenario = "steady"\nengine = "virtual"\n'
                         '[[case]]\nscenario = "lift-h100"\n')
        done = self.suite("--out", "out", "--benchmark_format=csv", suite=mixed)
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        by_name = {row["name"].split("/iterations")[0]: row for row in rows}
        self.assertGreater(float(by_name["steady"]["goodput/steady"]), 0)
        self.assertEqual(by_name["steady"]["goodput/after"], "")
        self.assertGreater(float(by_name["lift-h100"]["goodput/after"]), 0)
        self.assertEqual(by_name["lift-h100"]["goodput/steady"], "")

    @conclusions
    def test_every_percentile_and_phase_is_an_entry_with_a_time(self):
        out, _ = self.run_small("out", f"--benchmark_out={self.folder / 'beside.json'}")
        written = json.loads((out / "benchmark.json").read_text())
        self.assertEqual(json.loads((self.folder / "beside.json").read_text())["benchmarks"],
                         written["benchmarks"])
        entries = written["benchmarks"]
        for name in NAMES:
            for phase in ("before", "after"):
                runs = [json.loads((out / name / str(n) / "run.json").read_text())
                        for n in (1, 2, 3)]
                told = [entry for entry in entries
                        if entry["run_type"] == "iteration"
                        and entry["name"].startswith(f"{name}/{phase}/ttft_p50/")]
                self.assertEqual(len(told), 3)
                for run, entry in zip(runs, told):
                    recorded = next(each for each in run["phases"] if each["name"] == phase)
                    ttft_ms = recorded["latency_ms"]["ttft"]["p50"]
                    self.assertEqual(entry["time_unit"], "ms")
                    # Interpolated within a bucket; run.json gives its middle.
                    self.assertAlmostEqual(entry["real_time"] / ttft_ms, 1, delta=1 / 64)
        own = [entry for entry in entries if entry["name"].startswith("two/iterations")]
        self.assertAlmostEqual(own[0]["real_time"] * own[0]["throughput/after"], 1e9, delta=1)

    @conclusions
    def test_the_compare_script_of_google_benchmark_reads_it(self):
        one, _ = self.run_small("one")
        two, _ = self.run_small("two", "--set", "run.seed=100")
        done = subprocess.run(
            [sys.executable, COMPARE, "--no-color", "benchmarks", one / "benchmark.json",
             two / "benchmark.json"],
            capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in NAMES:
            self.assertIn(f"{name}/after/ttft_p50/", done.stdout)
        self.assertIn("_pvalue", done.stdout)

    # ------------------------------------------------------------------------------ going on

    def test_a_suite_that_was_killed_ends_as_one_that_was_not(self):
        undisturbed, _ = self.run_small("undisturbed", "--threads", "1")
        moments = random.Random(4)
        kills = 0
        for attempt in range(2 if SANITIZED else 8):
            out = self.folder / f"killed-{attempt}"
            process = subprocess.Popen(
                [TOKENLIFT, "suite", str(self.file), "--out", str(out), "--threads", "1"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # From when the suite is known for one on, at some number of runs.
            wanted = moments.randrange(0, 9)
            while process.poll() is None and (not (out / "suite.json").exists() or
                                              len(list(out.rglob("run.json"))) < wanted):
                time.sleep(0.001)
            process.kill()
            process.wait()
            kills += process.returncode == -signal.SIGKILL
            kept = {file: file.stat().st_mtime_ns for file in out.rglob("run.json")}
            self.suite("--resume", out)
            self.assertEqual(measured(out), measured(undisturbed))
            for file, when in kept.items():
                self.assertEqual(file.stat().st_mtime_ns, when, f"{file} was made again")
        self.assertGreater(kills, 0)

    def test_an_interrupted_suite_goes_on_where_it_was(self):
        self.file.write_text(SUITE + """
[[case]]
name = "real"
scenario = "steady"
engine = "null"
repetitions = 2
set = { "run.duration" = "3s", "run.warmup" = "500ms", "fleet.capacity" = "5000/s" }
""")
        out = self.folder / "out"
        process = subprocess.Popen([TOKENLIFT, "suite", str(self.file), "--out", str(out)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not (out / "real/1/run.json").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, shown)
        self.assertIn("1 interrupted", shown)
        kept = {file: file.stat().st_mtime_ns for file in out.rglob("run.json")
                if not json.loads(file.read_text())["interrupted"]}
        self.assertIn(out / "real/1/run.json", kept)
        done = subprocess.run([TOKENLIFT, "suite", str(self.file), "--resume", str(out)],
                              capture_output=True, text=True, timeout=120)
        self.assertIn(done.returncode, (0, 3), done.stderr)  # a busy machine is no measurement
        self.assertNotIn("interrupted", done.stdout)
        for file, when in kept.items():
            self.assertEqual(file.stat().st_mtime_ns, when, f"{file} was made again")

    def test_interrupted_between_repetitions_of_a_case_it_reports_those_that_were_made(self):
        out = self.folder / "out"
        words = [TOKENLIFT, "suite", str(self.file), "--out", str(out), "--threads", "1",
                 "--benchmark_repetitions=200", "--benchmark_filter=load=0.5",
                 "--set", "run.duration=300s"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Two repetitions are what a mean is computed of, and most of the 200 are to come.
        while process.poll() is None and not (out / "lift-h100/load=0.5/2/run.json").exists():
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 3, shown + said)
        self.assertIn("1 interrupted", shown)
        index = json.loads((out / "suite.json").read_text())
        self.assertEqual(index["cases"][0]["status"], "interrupted")
        self.assertGreaterEqual(index["cases"][0]["runs"], 2)
        benchmarks = json.loads((out / "benchmark.json").read_text())["benchmarks"]
        repetitions = [one for one in benchmarks if one["run_type"] == "iteration"
                       and one["run_name"].startswith("lift-h100/load=0.5/iterations")]
        self.assertEqual(len(repetitions), 200)
        self.assertGreaterEqual(sum("error_occurred" not in one for one in repetitions), 2)
        self.assertIn("error_occurred", repetitions[-1])
        for name in ("report.html", "report.md", "junit.xml", "figures.csv"):
            self.assertTrue((out / name).exists(), name)
        kept = (out / "lift-h100/load=0.5/1/run.json").stat().st_mtime_ns
        self.suite("--resume", out, "--benchmark_repetitions=3",
                   "--benchmark_filter=load=0.5", "--set", "run.duration=300s")
        self.assertEqual((out / "lift-h100/load=0.5/1/run.json").stat().st_mtime_ns, kept)
        self.assertEqual(json.loads((out / "suite.json").read_text())["cases"][0]["status"], "done")

    def test_other_words_than_those_that_began_it_replace_nothing(self):
        out, _ = self.run_small()
        before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
        other = self.folder / "other.toml"
        other.write_text(SUITE.replace('"small"', '"other"'))
        fewer = self.folder / "fewer.toml"
        fewer.write_text(SUITE.replace('name = "two"', 'name = "three"'))
        for words, said in (
                (["suite", other], "holds the results of suite 'small', which those of 'other'"),
                (["suite", fewer], "holds case 'two', which these words leave out"),
                (["suite", self.file, "--benchmark_filter=two"], "holds case 'lift-h100/load=0.5'"),
                (["suite", self.file, "--set", "run.settle=16s"],
                 "is of another scenario: they differ at /run/settle")):
            done = subprocess.run([TOKENLIFT, *words, "--resume", out], capture_output=True,
                                  text=True, timeout=120)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertEqual({file: file.read_bytes() for file in out.rglob("*")
                              if file.is_file()}, before)

    def test_it_goes_on_only_with_what_it_began(self):
        self.assertIn("no suite was begun",
                      self.suite("--resume", self.folder / "nowhere", code=2).stderr)
        out, _ = self.run_small()
        control = out / "two/2/control/run.json"
        kept = control.read_text()
        control.write_text((out / "two/2/run.json").read_text())
        self.assertIn("is no control", self.suite("--resume", out, code=4).stdout)
        control.write_text(kept)
        self.suite("--resume", out)


if __name__ == "__main__":
    TOKENLIFT = sys.argv[1]
    SOURCE = Path(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
