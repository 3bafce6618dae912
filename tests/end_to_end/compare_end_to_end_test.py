#!/usr/bin/python3
"""`tokenlift compare` through the real binary: runs, folders and suites, and its exit codes.

    compare_end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

Runs are of virtual time: the same seeds give the same runs.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import binary_case
from report_end_to_end_test import SCENARIO

TOKENLIFT = ""


class CompareEndToEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = Path(cls.folder.name)
        (cls.home / "small.toml").write_text(SCENARIO)
        slower = "prefill = { p0 = \"3ms\", p1 = \"20us\", p2 = \"1ns\" }"
        (cls.home / "slow.toml").write_text(
            SCENARIO.replace("prefill = { p0 = \"1ms\", p1 = \"20us\", p2 = \"1ns\" }", slower))
        cls.measure("small.toml", "base")
        cls.measure("small.toml", "again")
        cls.measure("slow.toml", "slow")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def tokenlift(cls, *words):
        return subprocess.run([TOKENLIFT, *map(str, words)], capture_output=True, text=True,
                              timeout=120, cwd=cls.home)

    @classmethod
    def measure(cls, scenario, out):
        done = cls.tokenlift("run", scenario, "--repetitions", 3, "--out", out, "--quiet")
        assert done.returncode == 0, done.stderr

    def compare(self, *words, code=0):
        done = self.tokenlift("compare", *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stderr == "", code != 2)
        return done.stderr if code == 2 else done.stdout

    def suite(self, name, **cases):
        folder = self.home / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for case, runs in cases.items():
            shutil.copytree(self.home / runs, folder / "cases" / case)
        index = {"schema": "tokenlift.suite/1", "name": name,
                 "cases": [{"name": case, "folder": f"cases/{case}", "status": "done", "runs": 3,
                            "elapsed_s": 1.5} for case in cases]}
        (folder / "suite.json").write_text(json.dumps(index))
        return name

    def test_nothing_changed_is_identical(self):
        text = self.compare("base", "again")
        self.assertRegex(text, r"None of \d+ primary figures is worse")
        self.assertIn("3 against 3 runs, paired by seed", text)
        self.assertIn("identical", text)

    def test_single_runs_are_open(self):
        text = self.compare("base/1/run.json", "again/1/run.json", code=5)
        self.assertTrue(text.startswith("open: too few runs"), text)
        self.assertIn("open (3 at least)", text)
        words = " ".join(text.split())
        self.assertIn("primary figures yet: it takes 3 runs on either side at least.", words)
        self.assertNotIn("would decide all", words)
        self.assertNotIn("corrected for", words)
        self.assertNotIn("None of", words)
        self.compare("base/1/run.json", "again/1/run.json", "--open", "pass")

    def test_a_changed_profile_is_compared_and_told(self):
        text = self.compare("base", "slow", code=1)
        self.assertIn("worse", text.splitlines()[0])
        self.assertIn('Differs: scenario /profile/hand/prefill/p0: "1ms" -> "3ms"',
                      " ".join(text.split()))
        self.compare("slow", "base")  # that is better

    @binary_case.conclusions
    def test_other_loads_are_refused_in_the_file_too_and_compared_by_force(self):
        (self.home / "busy.toml").write_text(SCENARIO.replace("60/s", "66/s"))
        self.measure("busy.toml", "busy")
        said = self.compare("base", "busy", "--out", "refused.md", "--format", "markdown", code=2)
        self.assertIn("scenario /tenant/0/arrivals/rate", said)
        self.assertIn("--force", said)
        told = (self.home / "refused.md").read_text()
        self.assertIn("NOT COMPARED", told)
        self.assertIn("arrivals/rate", told)
        self.compare("base", "busy", "--out", "refused.json", "--format", "json", code=2)
        refused = json.loads((self.home / "refused.json").read_text())
        self.assertFalse(refused["valid"])
        self.assertIn("arrivals/rate", refused["refused"])
        self.assertNotEqual(self.tokenlift("compare", "base", "busy", "--force").returncode, 2)

    @binary_case.conclusions
    def test_what_is_written_does_not_depend_on_the_exit_code(self):
        self.compare("base", "slow", "--out", "worse.md", "--format", "markdown", code=1)
        self.assertIn("worse than the base", (self.home / "worse.md").read_text())
        self.compare("base/1/run.json", "again/1/run.json", "--out", "open.md", "--format",
                     "markdown", code=5)
        self.assertIn("open: too few runs", (self.home / "open.md").read_text())

    def test_runs_without_chance_differ_exactly_and_are_never_open(self):
        steady = SCENARIO.replace('process = "poisson"', 'process = "constant"')
        for key in ("prompt_tokens", "output_tokens"):
            lines = [line for line in steady.splitlines() if line.startswith(key)]
            steady = steady.replace(lines[0], key + ' = { distribution = "constant", value = 20 }')
        (self.home / "even.toml").write_text(steady)
        slower = "prefill = { p0 = \"1ms\", p1 = \"30us\", p2 = \"1ns\" }"
        (self.home / "even_slow.toml").write_text(
            steady.replace("prefill = { p0 = \"1ms\", p1 = \"20us\", p2 = \"1ns\" }", slower))
        self.measure("even.toml", "even")
        self.measure("even_slow.toml", "even_slow")
        text = " ".join(self.compare("even", "even").split())
        self.assertIn("what differs differs exactly", text)
        comparison = json.loads(self.compare("even", "even_slow", "--format", "json", code=1))
        figures = [one for one in comparison["cases"][0]["figures"] if one["primary"]]
        self.assertIn("worse", {one["reading"] for one in figures})
        for one in figures:
            self.assertIn(one["reading"], ("worse", "better", "no difference shown"))
            self.assertIsNone(one["p"])

    def test_cases_of_one_suite_against_each_other(self):
        one = self.suite("within", first="base", second="slow", third="again")
        text = self.compare(one, "--cases")
        self.assertIn("Cases, compared with first", text)
        self.assertIn("== second: 3 against 3 runs", text)
        comparison = json.loads(self.compare(one, "--cases", "--base-case", "second", "--format",
                                             "json"))
        self.assertEqual([each["name"] for each in comparison["cases"]], ["first", "third"])
        self.assertGreater(comparison["primary"]["better"], 0)
        self.assertIn("did you mean 'third'", self.compare(one, "--cases", "--base-case", "thrid",
                                                           code=2))
        self.assertIn("give one folder", self.compare(one, one, "--cases", code=2))
        self.assertIn("CONTENDER is required", self.compare(one, code=2))
        self.assertIn("does not hold the results of a suite", self.compare("base", "--cases",
                                                                           code=2))

    def test_a_threshold_that_is_no_less_than_what_is_detected_is_refused(self):
        said = self.compare("base", "again", "--threshold", "20%", code=2)
        self.assertIn("--threshold must be less", said)
        self.assertIn("is no share", self.tokenlift("compare", "base", "again", "--detect",
                                                    "ten").stderr)

    @binary_case.conclusions
    def test_primary_figures_are_chosen(self):
        text = self.compare("base", "slow", "--primary", "throughput,e2e_p50", "--format", "json",
                            code=1)
        figures = json.loads(text)["cases"][0]["figures"]
        self.assertEqual([each["name"] for each in figures if each["primary"]],
                         ["throughput", "e2e p50"])
        self.compare("base", "slow", "--primary", "throughput")  # that is as good
        for wrong, said in (("tfft_p99", "did you mean 'ttft_p99'"), ("drain", "known are"),
                            ("throughput,", "'' is no figure that can be gated")):
            self.assertIn(said, self.compare("base", "slow", "--primary", wrong, code=2))

    @binary_case.conclusions
    def test_cases_of_suites_are_paired_by_name(self):
        one = self.suite("monday", small="base", slow="slow", gone="base")
        other = self.suite("tuesday", small="again", slow="slow", new="base")
        text = self.compare(one, other)
        self.assertIn("Only in the base: gone.", text)
        self.assertIn("Only in the contender: new.", text)
        self.assertTrue(text.startswith("None of "), text)
        alone = self.suite("wednesday", other="base")
        self.assertIn("no case in common", self.compare(one, alone, code=2))
        self.assertIn("give the folder of that case", self.compare(one, "base", code=2))
        (self.home / "wednesday" / "suite.json").write_text('{"schema": "tokenlift.suite/9"}')
        self.assertIn("suite.json", self.compare(one, alone, code=2))

    def test_a_run_that_is_not_valid_is_said_first_with_exit_code_3(self):
        shutil.copytree(self.home / "base", self.home / "invalid", dirs_exist_ok=True)
        file = self.home / "invalid" / "1" / "run.json"
        run = json.loads(file.read_text())
        run["validity"]["checks"][0]["passed"] = False
        file.write_text(json.dumps(run))
        text = self.compare("base", "invalid", code=3)
        self.assertTrue(text.startswith("NOT VALID as a comparison: the contender is not valid"))

    def test_formats_and_files(self):
        comparison = json.loads(self.compare("base", "again", "--format", "json"))
        self.assertEqual(comparison["primary"]["worse"], 0)
        self.assertGreater(comparison["primary"]["tests"], 3)
        self.assertGreater(comparison["explored"]["tests"], 10)
        self.assertEqual(self.compare("base", "again", "--format", "markdown", "--out", "c.md"), "")
        self.assertIn("<details>", (self.home / "c.md").read_text())
        self.compare("base", "again", "--format", "html", "--out", "c.html")
        page = (self.home / "c.html").read_text()
        self.assertTrue(page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n"))
        self.assertIn("None of ", page)
        self.assertIn("is a folder", self.compare("base", "again", "--out", "base", code=2))

    @binary_case.conclusions
    def test_the_help_has_examples(self):
        self.assertIn("tokenlift compare last-week/ today/", self.compare("--help"))


if __name__ == "__main__":
    TOKENLIFT = str(Path(sys.argv[1]).resolve())
    del sys.argv[1:3]
    unittest.main(argv=sys.argv)
