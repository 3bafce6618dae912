#!/usr/bin/python3
"""What the program says of itself for others: schemas, manual pages, completions.

    packaged_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

Shells that are not installed (zsh, fish) are skipped, and so is man.
"""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

import jsonschema

import binary_case
from binary_case import PROFILE, SANITIZED, SMALL

sys.path.insert(0, str(Path(__file__).parents[1] / "reports" / "json"))
import validate_json  # noqa: E402  (beside the tests of the reports)


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


class Schemas(binary_case.BinaryCase):
    @classmethod
    def setUpClass(cls):
        printed = subprocess.run([cls.TOKENLIFT, "schema", "scenario"], capture_output=True, check=True)
        schema = json.loads(printed.stdout)
        cls.validator_class = jsonschema.validators.validator_for(schema)
        cls.validator_class.check_schema(schema)
        cls.language = cls.validator_class(schema)

    def wrongs(self, scenario):
        return [f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
                for error in self.language.iter_errors(scenario)]

    def test_every_builtin_scenario_is_right_by_the_schema_of_scenarios(self):
        files = sorted((self.SOURCE / "workloads" / "scenarios").glob("*.toml"))
        self.assertGreater(len(files), 15)
        for file in files:
            with self.subTest(file=file.name):
                self.assertEqual(self.wrongs(validate_json.read(file)), [])

    def test_what_is_written_is_right_by_it(self):
        (self.path / "profiles.toml").write_text(PROFILE)
        small = self.run_tokenlift("check", self.scenario, "--profiles", "profiles.toml",
                                   "--engine", "virtual", code=0).stdout
        self.assertEqual(self.wrongs(tomllib.loads(small)), [])
        lift = self.run_tokenlift("check", "power-cap", code=0).stdout
        self.assertEqual(self.wrongs(tomllib.loads(lift)), [])

    def test_wrong_keys_and_values_are_not(self):
        right = tomllib.loads(SMALL)
        self.assertEqual(self.wrongs(right), [])
        for path, value in (
                (("surprise",), 1), (("run", "engine"), "thread"), (("run", "duration"), 3),
                (("run", "duration"), "3"), (("run", "duration"), "3 s"), (("run", "seed"), "7"),
                (("run", "warm_up"), "1s"), (("fleet", "site"), {"name": "here"}),
                (("fleet", "site", 0, "replicas"), 0), (("fleet", "site", 0, "max_batch"), 1.5),
                (("fleet", "router"), "fastest"), (("tenant", 0, "arrivals", "rate"), "150"),
                (("tenant", 0, "arrivals", "process"), "random"),
                (("tenant", 0, "prompt_tokens"), 8), (("tenant", 0, "slo", "ttft"), 200),
                (("tenant", 0, "slo", "p99"), "1s"), (("throttle", 0, "kind"), "bucket"),
                (("throttle", 0, "target"), "1s"),  # of another kind
                (("throttle", 0, "burst"), True), (("event", 0, "at"), "soon"),
                (("event", 0, "join"), {"site": "here", "replica": 1}),
                (("event", 0, "set"), {"rate": "1/s"})):  # of no throttle
            with self.subTest(path=path, value=value):
                wrong = copy.deepcopy(right)
                table = wrong
                for step in path[:-1]:
                    table = table[step]
                table[path[-1]] = value
                self.assertNotEqual(self.wrongs(wrong), [])
        for path in (("run",), ("fleet",), ("tenant",), ("run", "duration"), ("event", 0, "at"),
                     ("throttle", 0, "kind")):
            with self.subTest(without=path):
                wrong = copy.deepcopy(right)
                table = wrong
                for step in path[:-1]:
                    table = table[step]
                del table[path[-1]]
                self.assertNotEqual(self.wrongs(wrong), [])

    def test_the_other_schemas_are_those_of_the_sources(self):
        files = sorted((self.SOURCE / "reports" / "json").glob("*.schema.json"))
        self.assertEqual(len(files), 7)
        for file in files[:1] if SANITIZED else files:
            name = file.name.split(".")[0]
            self.assertEqual(self.run_tokenlift("schema", name, code=0).stdout, file.read_text())
        self.assertIn("did you mean 'sweep'",
                      self.run_tokenlift("schema", "sweeps", code=2).stderr)


class Completions(binary_case.BinaryCase):
    def script(self, shell):
        path = self.path / f"completion.{shell}"
        path.write_text(self.run_tokenlift("completion", shell, code=0).stdout)
        return path

    def output(self, *words):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              cwd=self.path, timeout=60,
                              env={**os.environ, "PATH": f"{self.bin()}:{os.environ['PATH']}"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def bin(self):
        """A folder in which the program has its own name."""
        folder = self.path / "bin"
        if not folder.exists():
            folder.mkdir()
            (folder / "tokenlift").symlink_to(self.TOKENLIFT)
        return folder

    def look(self, complete):
        """What `complete` says of the same lines in every shell; the last word is completed."""
        self.assertIn("run", complete("tokenlift", "r"))
        self.assertNotIn("keys", complete("tokenlift", "k"), "it is for the scripts alone")
        self.assertIn("--repetitions", complete("tokenlift", "run", "--rep"))
        self.assertEqual(sorted(complete("tokenlift", "run", "--engine", "")),
                         ["http", "null", "threads", "virtual"])
        self.assertIn("lift-h100", complete("tokenlift", "run", "lift-h"))
        self.assertIn("small.toml", complete("tokenlift", "run", "sma"))
        self.assertIn("smoke", complete("tokenlift", "suite", "smo"))
        self.assertIn("h100-8b", complete("tokenlift", "profiles", "h100-"))
        self.assertEqual(complete("tokenlift", "run", "small.toml", "--set", "run.dur"),
                         ["run.duration="])
        keys = complete("tokenlift", "sweep", "--engine", "virtual", "small.toml", "--set", "thr")
        for key in ("rate", "burst", "max_wait"):
            self.assertIn(f"throttle.output limit.{key}=", [key.replace("\\", "") for key in keys])
        self.assertEqual(complete("tokenlift", "run", "no-such-file", "--set", "run"), [])

    def test_bash_completes(self):
        script = self.script("bash")

        def complete(*words):
            line = " ".join("'" + word + "'" for word in words)
            return self.output(
                "bash", "--norc", "-c",
                f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _tokenlift; "
                'for word in "${COMPREPLY[@]}"; do echo "$word"; done')

        self.look(complete)

    @needs("zsh")
    def test_zsh_completes(self):
        script = self.script("zsh")
        # What the completion system would do with what it is told, without a terminal.
        stubs = """
compdef() { }
offer() { local word; for word; do [[ $word == $PREFIX* ]] && print -r -- $word; done; return 0 }
compadd() { local suffix=; [[ $1 == -S ]] && { suffix=$2; shift 2 }; [[ $1 == -- ]] && shift
            local word; for word; do offer $word$suffix; done }
_files() { local files=($PREFIX*(N)); offer $files }
_describe() { local item; for item in ${(P)2}; do offer ${item%%:*}; done }
"""

        def complete(*words):
            line = " ".join("'" + word + "'" for word in words)
            return self.output(
                "zsh", "-f", "-c",
                f"{stubs}\nsource {script}\nwords=({line}); CURRENT={len(words)}; "
                f"PREFIX='{words[-1]}'; _tokenlift")

        self.look(complete)

    @needs("fish")
    def test_fish_completes(self):
        script = self.script("fish")

        def complete(*words):
            line = " ".join(words)
            found = self.output("fish", "--no-config", "-c",
                                f"source {script}; complete -C '{line}'")
            return [word.split("\t")[0] for word in found]

        self.look(complete)


class Manuals(binary_case.BinaryCase):
    def page(self, name):
        path = self.path / name
        path.write_text(self.run_tokenlift("manual", name, code=0).stdout)
        return path

    def test_they_name_every_command_and_option_and_key(self):
        program = self.page("tokenlift.1").read_text().replace("\\-", "-")
        listed = self.run_tokenlift("--help", code=0).stdout.partition("Subcommands:")[2]
        for command in re.findall(r"^  (\w+) ", listed, re.MULTILINE):
            self.assertIn(f".SS tokenlift {command}\n", program)
        for option in re.findall(r"^  (--\w[\w-]*)",
                                 self.run_tokenlift("run", "--help", code=0).stdout, re.MULTILINE):
            self.assertIn(f"\\fB{option}\\fR", program)
        language = self.page("tokenlift-scenario.5").read_text()
        schema = json.loads(self.run_tokenlift("schema", "scenario", code=0).stdout)
        for table in schema["definitions"].values():
            for key in table["properties"]:
                self.assertIn(f"\\fB{key}\\fR", language)

    @needs("man")
    def test_man_shows_them_without_a_warning(self):
        for name in ("tokenlift.1", "tokenlift-scenario.5"):
            done = subprocess.run(
                ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", self.page(name)],
                capture_output=True, text=True, timeout=60,
                env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertGreater(len(done.stdout), 10_000)

    @unittest.skipIf(SANITIZED, "a package is made of a release")
    def test_they_are_installed_with_the_completions(self):
        build = Path(self.TOKENLIFT).parents[1]
        subprocess.run(["cmake", "--install", str(build), "--prefix", str(self.path / "usr")],
                       check=True, capture_output=True)
        share = self.path / "usr" / "share"
        for file in ("man/man1/tokenlift.1.gz", "man/man5/tokenlift-scenario.5.gz",
                     "bash-completion/completions/tokenlift",
                     "zsh/vendor-completions/_tokenlift",
                     "fish/vendor_completions.d/tokenlift.fish", "doc/tokenlift/copyright",
                     "doc/tokenlift/changelog.gz"):
            self.assertTrue((share / file).is_file(), file)


if __name__ == "__main__":
    binary_case.main()
