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
        self.assertRegex(text, r"None of \d+ comparisons is worse")
        self.assertIn("3 against 3 runs, paired by seed", text)
        self.assertIn("identical", text)

    def test_single_runs_are_too_few(self):
        text = self.compare("base/1/run.json", "again/1/run.json")
        self.assertIn("too few runs (need about 3)", text)

    def test_another_scenario_is_refused_and_compared_by_force(self):
        said = self.compare("base", "slow", code=2)
        self.assertIn('\n  scenario /profile/hand/prefill/p0: "1ms" -> "3ms"\n', said)
        self.assertIn("--force", said)
        text = self.compare("base", "slow", "--force", code=1)
        self.assertIn("worse", text.splitlines()[0])
        self.assertIn("Differs: scenario /profile/hand/prefill/p0", text)
        self.compare("slow", "base", "--force")  # that is better

    def test_a_threshold_that_is_no_less_than_what_is_detected_is_refused(self):
        said = self.compare("base", "again", "--threshold", "20%", code=2)
        self.assertIn("--threshold must be less", said)
        self.assertIn("is no share", self.tokenlift("compare", "base", "again", "--detect",
                                                    "ten").stderr)

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
        self.assertEqual(comparison["worse"], 0)
        self.assertGreater(comparison["tests"], 10)
        self.assertEqual(self.compare("base", "again", "--format", "markdown", "--out", "c.md"), "")
        self.assertIn("<details>", (self.home / "c.md").read_text())
        self.compare("base", "again", "--format", "html", "--out", "c.html")
        page = (self.home / "c.html").read_text()
        self.assertTrue(page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n"))
        self.assertIn("None of ", page)
        self.assertIn("is a folder", self.compare("base", "again", "--out", "base", code=2))

    def test_the_help_has_examples(self):
        self.assertIn("tokenlift compare last-week/ today/", self.compare("--help"))


if __name__ == "__main__":
    TOKENLIFT = str(Path(sys.argv[1]).resolve())
    del sys.argv[1:3]
    unittest.main(argv=sys.argv)
