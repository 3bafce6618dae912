#!/usr/bin/python3
"""`tokenlift report` through the real binary: what was measured once is read again and laid out.

    report_end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

Runs are of virtual time, so they are made once, in a moment, and are the same everywhere.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from binary_case import conclusions

TOKENLIFT = ""
SOURCE = Path()

SCENARIO = """
name = "small"

[run]
engine = "virtual"
duration = "60s"
warmup = "5s"
settle = "10s"
seed = 7

[profile.hand]
max_batch = 16
decode = { a = "2ms", b = "50us", c = "10ns" }
prefill = { p0 = "1ms", p1 = "20us", p2 = "1ns" }

[[fleet.site]]
name = "here"
replicas = 2
profile = "hand"
max_batch = 8
kv_tokens = 8192

[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "60/s" }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }
slo = { ttft = "200ms" }

[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
rate = "400/s"
burst = "500ms"
when_full = "queue"
max_wait = "2s"

[[event]]
at = "30s"
lift = "output limit"
"""


def tokenlift(*words, cwd, **options):
    return subprocess.run([TOKENLIFT, *map(str, words)], capture_output=True, text=True,
                          timeout=120, cwd=cwd, **options)


class ReportEndToEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = Path(cls.folder.name)
        (cls.path / "small.toml").write_text(SCENARIO)
        cls.measure("one")
        cls.measure("three", "--repetitions", "11", "--control")
        cls.measure("higher", "--set", "throttle.0.rate=500/s")

    @classmethod
    def measure(cls, out, *words):
        done = tokenlift("run", "small.toml", "--quiet", "--out", out, *words, cwd=cls.path)
        if done.returncode not in (0, 3):
            raise AssertionError(done.stdout + done.stderr)

    def report(self, *words, code=0, **options):
        done = tokenlift("report", *words, cwd=self.path, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def assert_wrong(self, *words, says):
        done = self.report(*words, code=2)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in says:
            self.assertIn(word, done.stderr)

    def changed(self, name, change):
        """A copy of the run whose JSON was changed."""
        run = json.loads((self.path / "one" / "run.json").read_text())
        change(run)
        folder = self.path / name
        self.addCleanup(shutil.rmtree, folder)
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(run))
        return folder

    # ------------------------------------------------------------------ good days

    def test_a_run_and_its_folder_are_the_same_report(self):
        file = self.report("one/run.json").stdout
        self.assertEqual(file, self.report("one").stdout)
        self.assertEqual(file, self.report(self.path / "one/").stdout)
        self.assertTrue(file.startswith("valid: "))
        for word in ("before", "transition", "after", "drain time", "checks"):
            self.assertIn(word, file)
        self.assertNotIn("\x1b", file, "no escapes on a pipe")

    @conclusions
    def test_repetitions_are_pooled_and_controls_set_apart(self):
        report = json.loads(self.report("three", "--format", "json").stdout)
        self.assertEqual(len(report["trials"]), 1)
        trial = report["trials"][0]
        self.assertEqual((trial["label"], trial["seed"]), ("three", 7))
        self.assertEqual((trial["runs"], trial["control_runs"]), (11, 11))
        self.assertTrue(trial["lift"]["effects"])
        throughput = trial["lift"]["gains"][0]["change"]
        self.assertIsNotNone(throughput["interval_95"], throughput)

    def test_each_run_is_a_column(self):
        text = self.report("one", "three", "higher/run.json", "one").stdout
        head = text.splitlines()[1].split()
        self.assertEqual(head, ["one", "three", "higher", "one", "(2)"])
        for label in ("one", "three", "higher"):
            self.assertIn(f"== {label} ==", text)

    # What they are called is known before any of them is read.
    def test_columns_are_called_by_what_tells_them_apart(self):
        words = []
        self.addCleanup(shutil.rmtree, self.path / "alike")
        for name in ("x/a/one", "x/b/one", "y/a/one"):
            shutil.copytree(self.path / "one", self.path / "alike" / name)
            words.append(f"alike/{name}")
        text = self.report(*words, "one/run.json", "one/run.json").stdout
        for label in ("x/a/one", "b/one", "y/a/one"):
            self.assertIn(f"== {label} ==", text)
        self.assertIn("== one (2) ==", text)
        many = [f"a{i}/b/c/d/run.json" for i in range(1000)]
        self.assert_wrong(*many, says=("a0/b/c/d/run.json",))

    @conclusions
    def test_json_fits_its_schema_and_repeats_run_json(self):
        out = self.path / "report.json"
        self.report("one", "three", "--format", "json", "--out", out)
        done = subprocess.run(["/usr/bin/python3", str(SOURCE / "tests" / "reports" / "json" / "validate_json.py"),
                               str(SOURCE / "reports" / "json" / "report.schema.json"), str(out)],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        run = json.loads((self.path / "one" / "run.json").read_text())
        report = json.loads(out.read_text())
        for phase in run["phases"]:
            del phase["recorded"]
        self.assertEqual(report["trials"][0]["phases"], run["phases"])
        self.assertEqual(report["trials"][0]["environment"], run["environment"])

    def test_csv_is_the_series(self):
        rows = list(csv.DictReader(io.StringIO(self.report("one", "--format", "csv").stdout)))
        series = json.loads((self.path / "one" / "run.json").read_text())["series"]
        for name, values in series["columns"].items():
            self.assertEqual([int(row[name]) for row in rows], values)
        self.assertEqual(float(rows[2]["time_s"]), 2 * series["bin_s"])
        self.assertIn("limit:output limit", rows[0])

    @conclusions
    def test_hgrm_is_a_file_per_curve_with_the_percentiles_of_run_json(self):
        out = self.path / "curves"
        self.report("one", "--format", "hgrm", "--out", out)
        run = json.loads((self.path / "one" / "run.json").read_text())
        for phase in run["phases"]:
            for metric, latency in phase["latency_ms"].items():
                with self.subTest(phase=phase["name"], metric=metric):
                    text = (out / f"{phase['name']}.{metric}.hgrm").read_text()
                    lines = [line.split() for line in text.splitlines()
                             if line and not line.startswith("#") and "Value" not in line]
                    values = {float(line[1]): float(line[0]) for line in lines}
                    for name, level in (("p50", .5), ("p90", .9), ("p99", .99), ("p999", .999)):
                        if latency[name] is not None:
                            self.assertAlmostEqual(values[level], latency[name], places=6)
                    self.assertAlmostEqual(values[1.0], latency["max"], places=6)
        self.assertIn("# one before ttft (ms)\n", self.report("one", "--format", "hgrm").stdout)

    def test_markdown_and_openmetrics(self):
        text = self.report("three", "--format", "markdown").stdout
        self.assertTrue(text.startswith("**"))
        self.assertIn("<details>", text)
        text = self.report("one", "three", "--format", "openmetrics").stdout
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertIn('tokenlift_valid{trial="three"} 1\n', text)

    def test_a_report_is_written_whole_in_place_of_the_old_one(self):
        out = self.path / "report.txt"
        out.write_text("old")
        done = self.report("one", "--out", "report.txt")
        self.assertEqual(done.stdout, "")
        self.assertTrue(out.read_text().startswith("valid: "))
        self.assertEqual([path.name for path in self.path.glob(".*")], [])

    def test_out_may_be_what_is_no_file(self):
        text = self.report("one", "--format", "csv").stdout
        self.assertEqual(self.report("one", "--format", "csv", "--out", "/dev/stdout").stdout, text)
        log = self.path / "log.txt"
        log.write_text("before\n")
        with log.open("a") as out:
            subprocess.run([TOKENLIFT, "report", "one", "--format", "csv", "--out", "/dev/stdout"],
                           stdout=out, cwd=self.path, check=True)
        self.assertEqual(log.read_text(), "before\n" + text)
        pipe = self.path / "pipe"
        os.mkfifo(pipe)
        self.addCleanup(pipe.unlink)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
            self.report("one", "--format", "csv", "--out", "pipe")
            self.assertTrue(pipe.is_fifo())
            self.assertEqual(reader.communicate(timeout=60)[0], text)

    @conclusions
    def test_out_follows_a_link(self):
        (self.path / "latest.csv").symlink_to("series.csv")
        self.report("one", "--format", "csv", "--out", "latest.csv")
        self.assertTrue((self.path / "latest.csv").is_symlink())
        self.assertEqual((self.path / "series.csv").read_text(),
                         self.report("one", "--format", "csv").stdout)

    # ------------------------------------------------------------------ bad days

    def test_a_run_that_is_not_valid_is_reported_with_exit_code_3(self):
        def spoil(run):
            run["validity"]["valid"] = False
            run["validity"]["checks"][0].update(passed=False, advice="Too late.")

        bad = self.changed("bad", spoil)
        done = self.report(bad, code=3)
        self.assertTrue(done.stdout.startswith("NOT VALID"))
        done = self.report("one", bad, code=3)
        self.assertIn("NO", done.stdout)

    def test_what_is_no_run_is_named(self):
        (self.path / "empty").mkdir(exist_ok=True)
        self.assert_wrong("none", says=("'none'", "No such file"))
        self.assert_wrong("empty", says=("no run.json", "'empty'"))
        self.assert_wrong("small.toml", says=("small.toml",))
        self.assert_wrong(self.changed("other", lambda run: run.update(schema="tokenlift.run/99")),
                          says=("run.json", "/schema", "tokenlift.run/99"))
        self.assert_wrong(self.changed("gap", lambda run: run["totals"].pop("due")),
                          says=("run.json", "/totals", "due"))

    def test_names_hold_no_escape_sequences_for_the_terminal(self):
        def rename(run):
            run["tenants"][0]["phases"][0]["name"] = "\x1b[2J"
            run["phases"][0]["name"] = "\x1b]0;"

        self.assert_wrong(self.changed("hostile", rename), says=(r'must be "\x1b]0;"',))
        shutil.copytree(self.path / "one", self.path / "o\x1b[2Jne")
        self.addCleanup(shutil.rmtree, self.path / "o\x1b[2Jne")
        self.assertIn(r"== o\x1b[2Jne ==", self.report("o\x1b[2Jne", "higher").stdout)

    @conclusions
    def test_runs_of_different_experiments_are_not_pooled(self):
        folder = self.path / "mixed"
        self.addCleanup(shutil.rmtree, folder)
        for name in ("one", "higher"):
            shutil.copytree(self.path / name, folder / name)
        self.assert_wrong("mixed", says=("higher/run.json", "one/run.json", "/throttle/0/"))
        self.report("mixed/one", "mixed/higher")

    def test_a_control_alone_is_no_report(self):
        self.assert_wrong("three/1/control", says=("control",))

    def test_wrong_words(self):
        for words in ((), ("one", "--format", "pdf"), ("one", "--out", "one"),
                      ("one", "--out", "new/")):
            with self.subTest(words=words):
                done = self.report(*words, code=2)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr)

    def test_it_is_not_written_over_what_it_reads(self):
        file = self.path / "one" / "run.json"
        before = file.read_text()
        link = self.path / "same.json"
        link.hardlink_to(file)
        self.addCleanup(link.unlink)
        self.assert_wrong("one", "--out", file, says=("--out", "which is read"))
        self.assert_wrong("one/run.json", "--out", link, says=("--out", "which is read"))
        self.assert_wrong("higher", "one", "--out", "./one//run.json", says=("which is read",))
        done = tokenlift("compare", "one", "higher", "--force", "--out", "one/run.json", cwd=self.path)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("which is read", done.stderr)
        done = tokenlift("run", "one/run.json", "--out", "one", cwd=self.path)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("which is read", done.stderr)
        self.assertEqual(file.read_text(), before)

    def test_a_report_that_cannot_be_written_is_exit_code_4(self):
        done = self.report("one", "--out", "small.toml/report.txt", code=4)
        self.assertIn("small.toml", done.stderr)

    def test_a_report_of_any_length_that_stdout_does_not_take_is_exit_code_4(self):
        for form in ("text", "json", "csv"):
            with self.subTest(format=form), open("/dev/full", "w") as full:
                done = subprocess.run([TOKENLIFT, "report", "one", "--format", form], stdout=full,
                                      stderr=subprocess.PIPE, text=True, cwd=self.path)
                self.assertEqual(done.returncode, 4)
                self.assertIn("stdout", done.stderr)

    def test_a_reader_that_has_gone_is_no_failure(self):
        for form in ("text", "json", "csv"):
            with self.subTest(format=form):
                read, write = os.pipe()
                os.close(read)
                done = subprocess.run([TOKENLIFT, "report", "one", "--format", form], stdout=write,
                                      stderr=subprocess.PIPE, text=True, cwd=self.path)
                os.close(write)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    @conclusions
    def test_the_page_of_a_run_is_right_in_a_browser(self):
        self.report("one", "--format", "html", "--out", "again.html")
        page = self.path / "one" / "report.html"
        self.assertEqual((self.path / "again.html").read_bytes(), page.read_bytes(),
                         "what `run` writes is what `report` writes")
        done = subprocess.run([sys.executable, SOURCE / "tests" / "reports" / "page" / "page_test.py", page,
                               self.path / "one" / "run.json"],
                              capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @conclusions
    def test_the_help_tells_of_every_format(self):
        text = self.report("--help").stdout
        for form in ("text", "html", "markdown", "json", "csv", "hgrm", "openmetrics"):
            self.assertRegex(text, rf"\b{form}[:;]")

    @conclusions
    def test_the_help_has_examples(self):
        self.assertIn("tokenlift report results/ --format csv --out series.csv",
                      self.report("--help").stdout)


if __name__ == "__main__":
    TOKENLIFT = os.path.abspath(sys.argv[1])
    SOURCE = Path(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
