#!/usr/bin/python3
"""The real binary, end to end, where time is simulated or nothing runs: good days and bad ones.

    command_line_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]
"""

import fcntl
import json
import os
import re
import resource
import signal
import subprocess
from pathlib import Path

import binary_case
from binary_case import PROFILE, SMALL, TRACE, conclusions


class CommandLine(binary_case.BinaryCase):
    def test_a_run_can_be_repeated_from_its_result(self):
        _, first = self.run_small("--engine", "virtual", "--seed", 11, code=0)
        self.run_tokenlift("run", self.path / "out" / "run.json", "--out", "again", code=0)
        again = json.loads((self.path / "again" / "run.json").read_text())
        for run in (first, again):
            del run["environment"]
            del run["capacity"]["source"]  # what was computed once is stated from then on
        self.assertEqual(first, again)

    def test_repetitions_have_a_folder_and_a_seed_each(self):
        self.run_tokenlift("run", self.scenario, "--engine", "virtual", "--repetitions", 3,
                           "--out", "many", code=0)
        runs = [json.loads((self.path / "many" / str(n) / "run.json").read_text())
                for n in (1, 2, 3)]
        self.assertEqual([run["repetition"] for run in runs], [1, 2, 3])
        self.assertEqual([run["seed"] for run in runs], [7, 8, 9])
        self.assertFalse((self.path / "many" / "run.json").exists())

    def test_a_folder_is_not_mixed_with_other_runs(self):
        def run(*words, code=0):
            return self.run_tokenlift("run", self.scenario, "--engine", "virtual", "--out", "out",
                                      *words, code=code)

        run("--repetitions", 3)
        run("--repetitions", 3)  # takes the place of the same runs
        for words in ((), ("--repetitions", 2), ("--control",)):
            with self.subTest(words=words):
                self.assertIn("run.json", run(*words, code=2).stderr)
        run("--repetitions", 4, "--control")
        self.assertIn("control", run("--repetitions", 4, code=2).stderr)

    def test_the_default_folder_is_named_after_the_scenario(self):
        done = self.run_tokenlift("run", self.scenario, "--engine", "virtual", code=0)
        results = list((self.path / "tokenlift-results").glob("small-*/run.json"))
        self.assertEqual(len(results), 1)
        self.assertIn(str(results[0].relative_to(self.path)), done.stdout)

    def test_names_may_be_those_of_models(self):
        scenario = self.path / "names.toml"
        scenario.write_text("""
name = "../Qwen/Qwen3-8B vs. gpt-4.1"
[run]
engine = "virtual"
duration = "20s"
[profile."Qwen/Qwen3-8B"]
decode = { a = "6ms", b = "7us", c = "41ns" }
prefill = { p0 = "4ms", p1 = "15us", p2 = "1ns" }
[[fleet.site]]
name = "Köln, 1. Stock"
profile = "Qwen/Qwen3-8B"
[[tenant]]
name = "gpt-4.1"
arrivals = { process = "poisson", rate = "20/s" }
prompt_tokens = { distribution = "constant", value = 10 }
output_tokens = { distribution = "constant", value = 2 }
[[tenant]]
name = 'a,"b"<c>=d\\'
arrivals = { process = "poisson", rate = "20/s" }
prompt_tokens = { distribution = "constant", value = 10 }
output_tokens = { distribution = "constant", value = 2 }
[[throttle]]
name = "=1+1 %"
kind = "token_bucket"
unit = "requests"
rate = "20/s"
max_wait = "1s"
[[event]]
at = "10s"
lift = "=1+1 %"
""")
        done = self.run_tokenlift("run", scenario, "--set", 'tenant."gpt-4.1".slo.itl=80ms',
                                  "--set", 'profile."Qwen/Qwen3-8B".decode.a=7ms', code=0)
        results = list((self.path / "tokenlift-results").iterdir())
        self.assertEqual(len(results), 1, "the name is that of one folder")
        self.assertIn(str((results[0] / "run.json").relative_to(self.path)), done.stdout)
        run = json.loads((results[0] / "run.json").read_text())
        self.assertEqual(run["scenario"]["tenant"][0]["slo"], {"itl": "80ms"})
        self.assertEqual([tenant["name"] for tenant in run["tenants"]],
                         ["gpt-4.1", 'a,"b"<c>=d\\'])
        self.run_tokenlift("run", results[0] / "run.json", "--out", "again", code=0)
        for form in ("text", "html", "json", "csv", "markdown", "openmetrics"):
            with self.subTest(form=form):
                text = self.run_tokenlift("report", results[0] / "run.json", "--format", form,
                                          code=0).stdout
                self.assertIn("gpt-4.1", text)
                if form == "html":
                    self.assertNotIn("<c>", text)
        self.run_tokenlift("report", results[0] / "run.json", "--format", "hgrm", "--out", "curves",
                           code=0)

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
        for name in names:  # that of engine http needs an endpoint, which is not here
            said = self.run_tokenlift("check", name, "--offline", code=0).stdout
            self.assertIn("# phases", said)
            self.assertEqual("until the event holds" in said, name == "http-lift")

    def test_check_says_what_serves_when(self):
        text = self.run_tokenlift("check", "ninety-days", code=0).stdout
        self.assertIn("\n# the fleet over time", text)
        self.assertIn(" 0.000 s  own 4, leased 4;", text)
        self.assertIn(" 140.000 s  own 4, leased 0;", text)
        self.assert_wrong("check", "ninety-days", "--set", "event.0.leave.replicas=5",
                          says=("5 replicas leave site", "where 4 are"))

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

    @conclusions
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

    def test_what_people_type_is_understood_or_corrected(self):
        text = self.run_tokenlift("--help", code=0).stdout
        self.assertEqual(self.run_tokenlift("help", code=0).stdout, text)
        self.assertEqual(self.run_tokenlift("help", "run", code=0).stdout,
                         self.run_tokenlift("run", "--help", code=0).stdout)
        version = self.run_tokenlift("--version", code=0).stdout
        for words in (("version",), ("-V",)):
            self.assertEqual(self.run_tokenlift(*words, code=0).stdout, version)
        self.assert_wrong("rnu", "lift", says=("'rnu'", "did you mean 'run'?"))
        self.assert_wrong("run", "lift", "--seeed", 3, says=("--seeed", "did you mean '--seed'?"))
        self.assert_wrong("tune", "lift", "--zzz=1", says=("tune has no option '--zzz'", "--help"))

    def test_what_is_built_in_is_shown_whole_by_its_name(self):
        for command, name in (("profiles", "h100-8b"), ("scenarios", "lift"), ("suites", "smoke")):
            with self.subTest(command=command):
                (self.path / "one.toml").write_text(
                    self.run_tokenlift(command, name, code=0).stdout)
                listing = self.run_tokenlift(command, code=0).stdout
                self.assertIn(name, [line.split()[0] for line in listing.splitlines()])
                self.assert_wrong(command, name + "x", says=(f"did you mean '{name}'?",))
                if command == "profiles":
                    self.run_tokenlift("check", "lift-h100", "--profiles", "one.toml", code=0)
                elif command == "scenarios":
                    self.assertEqual(self.run_tokenlift("check", "one.toml", code=0).stdout,
                                     self.run_tokenlift("check", "lift", code=0).stdout)

    def test_help_lists_and_tables_fit_a_narrow_terminal(self):
        self.run_small("--engine", "virtual", code=0)
        for words in (("run", "--help"), ("tune", "--help"), ("scenarios",), ("report", "out")):
            with self.subTest(words=words):
                code, screen = self.on_terminal(*words, columns=60, environment={"NO_COLOR": "1"})
                self.assertEqual(code, 0)
                wide = [line for line in screen.splitlines() if len(line) > 60 and
                        not any(len(word) > 30 for word in line.split())]
                self.assertEqual(wide, [])

    def test_the_readme_has_every_command(self):
        readme = (self.SOURCE / "README.md").read_text()
        listed = self.run_tokenlift("--help", code=0).stdout.partition("Subcommands:")[2]
        self.assertEqual(sorted(re.findall(r"^\| `tokenlift (\w+)", readme, re.MULTILINE)),
                         sorted(re.findall(r"^  (\w+) ", listed, re.MULTILINE)))

    def test_an_installed_binary_needs_no_files_and_works_from_any_folder(self):
        build = Path(self.TOKENLIFT).parents[1]
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
        self.assert_wrong("fly", says=("no command", "'fly'"))
        self.assert_wrong("rnu", says=("did you mean 'run'",))
        self.assert_wrong("run", "lift", "--engine", "warp", says=("'warp'", "threads, virtual, null"))
        self.assert_wrong("run", "lift", "--engine", "vrtual", says=("did you mean 'virtual'",))
        self.assert_wrong("run", "lift", "--repetitions", "0", says=("from 1 to 10000",))
        self.assert_wrong("run", "lift", "--seed", "9" * 20, says=("2^63",))
        self.assert_wrong("run", self.scenario, "--set", "run.sed=3", says=("run.sed", "seed"))
        self.assert_wrong("run", self.scenario, "--set", "nonsense", says=("nonsense",))

    def test_words_of_any_length_are_said_in_part(self):
        word = "w" * 100_000
        for words in (("run", word), ("check", self.scenario, "--set", word),
                      ("check", self.scenario, "--set", f"{word}=1"), ("report", word),
                      ("check", self.scenario, "--set", f"run.engine={word}"), (word,),
                      ("run", self.scenario, f"--{word}"), ("run", self.scenario, word),
                      ("sweep", self.scenario, "--over", "throttle.output limit.rate=1/s,2/s",
                       "--while", word),
                      ("sweep", self.scenario, "--over", "throttle.output limit.rate=1/s,2/s",
                       "--figure", word)):
            with self.subTest(words=[str(each)[:20] for each in words]):
                said = self.run_tokenlift(*words, code=2).stderr
                self.assertIn("wwwww...", said)
                self.assertLess(len(said), 8000)

    # Names turn the direction of what follows, and folders move the cursor besides.
    def test_nothing_that_is_printed_turns_or_moves_what_follows(self):
        turning = "\u202e\u2066\u200f\u061c"
        self.scenario.write_text(SMALL.replace('"users"', f'"us{turning}ers"')
                                 .replace('"output limit"', f'"out{turning}put"')
                                 .replace('"here"', f'"he{turning}re"'))
        texts = [self.run_tokenlift("check", self.scenario, code=0).stdout]
        folder = f"o\x1b[2J{turning}\rut"
        texts.append(self.run_tokenlift("run", self.scenario, "--engine", "virtual", "--out",
                                        folder, code=(0, 3)).stdout)
        texts.append((self.path / folder / "report.html").read_text())
        texts.append(self.run_tokenlift("sweep", "small.toml", "--engine", "virtual", "--over",
                                        f"tenant.us{turning}ers.arrivals.rate=10/s,20/s",
                                        "--repetitions", 1, "--out", folder + "s",
                                        code=(0, 3)).stdout)
        self.assertIn(r"results: o\x1b[2J", texts[1])
        self.assertIn(r"results: o\x1b[2J", texts[3])
        for text in texts:
            self.assertEqual([each for each in turning + "\x1b\r" if each in text], [])

    def test_a_name_to_write_to_is_not_empty(self):
        for words in (("run", self.scenario, "--out", ""), ("run", self.scenario, "--records", ""),
                      ("report", "out", "--out", ""), ("calibrate", "--out", "")):
            with self.subTest(words=words):
                self.assert_wrong(*words, says=(f"{words[-2]}: the name is empty",))
        self.assertEqual(list(self.path.iterdir()), [self.scenario])

    def test_records_are_not_written_where_something_else_goes(self):
        run = ("run", self.scenario, "--engine", "virtual", "--out", "out")
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
        self.run_tokenlift(*run, "--records", "out/2.csv", "--repetitions", 2, code=0)
        self.assertTrue((self.path / "out" / "2.csv").read_text().startswith("repetition,"))

    def test_records_are_not_written_over_what_is_read(self):
        profiles = self.profile_file()
        (self.path / "link.csv").symlink_to(self.scenario)
        before = self.scenario.read_text(), profiles.read_text()
        for records in (self.scenario, "link.csv", "./" + profiles.name):
            self.assert_wrong("run", self.scenario, "--engine", "virtual", "--profiles", profiles, "--out", "out",
                              "--records", records, says=("--records", "which is read"))
        self.assertEqual((self.scenario.read_text(), profiles.read_text()), before)
        self.assertFalse((self.path / "out").exists(), "nothing was begun")

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

    def test_calibrate_says_when_its_time_was_too_short(self):
        done = self.run_tokenlift("calibrate", "cpu-tiny", "--budget", "1ms", code=3)
        for word in ("was too short", "--budget", "nothing was written"):
            self.assertIn(word, done.stderr)
        self.assertEqual(done.stdout, "", "there is nothing to show")
        self.assertFalse((self.path / "calibrated.toml").exists())

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

    def trace_scenario(self, keys=""):
        rows = "".join(f"{i / 10},{30 + i % 7},{3 + i % 5}\n" for i in range(1000))
        (self.path / "trace.csv").write_text("at,in,out\n" + rows + "99.95,20,0\n")
        path = self.path / "trace.toml"
        path.write_text(f"""
run = {{ engine = "virtual", duration = "40s" }}
fleet.site = [ {{ name = "here", profile = "h100-8b" }} ]
[[tenant]]
name = "users"
arrivals = {{ process = "trace", file = "trace.csv", \
columns = {{ time = "at", prompt = "in", output = "out" }}{keys} }}
[[throttle]]
name = "requests"
kind = "token_bucket"
unit = "requests"
rate = "2/s"
max_wait = "5s"
[[event]]
at = "20s"
lift = "requests"
""")
        return path

    def test_a_trace_repeated_is_one_run(self):
        path = self.trace_scenario()
        done = self.run_tokenlift("run", path, "--repetitions", 5, "--out", "out", code=0)
        self.assertIn("has 1001 rows, of which 1 is left out", done.stderr)
        self.assertIn("4 runs, repetition 2 to repetition 5: they agree", done.stdout)
        again = self.run_tokenlift("run", path, "--repetitions", 3, "--out", "again", code=0)
        self.assertIn("they agree", again.stdout)
        same = self.run_tokenlift("compare", "out", "again", code=0)
        self.assertIn("identical", same.stdout)
        self.assertNotIn("too few runs", same.stdout)

    def test_a_trace_resampled_has_chance(self):
        path = self.trace_scenario(', resample = "5s", start = "10s"')
        done = self.run_tokenlift("run", path, "--repetitions", 3, "--out", "out", code=0)
        self.assertIn("101 are left out", done.stderr)
        self.assertNotIn("agree", done.stdout)
        runs = [json.loads((self.path / "out" / str(n) / "run.json").read_text()) for n in (1, 2)]
        self.assertNotEqual(*[run["phases"] for run in runs])

    def test_check_says_what_a_trace_holds(self):
        done = self.run_tokenlift("check", self.trace_scenario(", sample = 0.5"), code=0)
        self.assertIn("# the trace of tenant 'users' has 1001 rows", done.stdout)
        self.assertIn("each seed keeps another 50 % of them", done.stdout)

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

        done = self.run_tokenlift("run", self.scenario, "--engine", "virtual", "--out", "out",
                                  code=4, preexec_fn=limit)
        self.assertIn("run.json", done.stderr)
        self.assertIn("throughput", done.stdout, "what was measured is shown")
        self.assertEqual(list((self.path / "out").iterdir()), [])

    def test_a_page_that_cannot_be_written_hides_nothing_else(self):
        (self.path / "out" / "report.html").mkdir(parents=True)
        done = self.run_tokenlift("run", self.scenario, "--engine", "virtual", "--out", "out",
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

        done = self.run_tokenlift("run", self.scenario, "--engine", "virtual", "--out", "out",
                                  "--records", "records.csv", code=4, preexec_fn=limit)
        self.assertIn("run.json", done.stderr)
        self.assertIn("records to 'records.csv'", done.stderr)

    def test_a_profile_that_cannot_be_written_is_found_before_measuring(self):
        (self.path / "taken").write_text("")
        done = self.run_tokenlift("calibrate", "--out", self.path / "taken" / "file", code=4)
        self.assertIn("taken", done.stderr)
        self.assertNotIn("measuring", done.stderr)

    def test_a_run_survives_whoever_reads_its_progress(self):
        words = [self.TOKENLIFT, "run", str(self.scenario), "--engine", "virtual", "--out", "out"]
        for stderr in ("2>&-", "2>/dev/full", "2>&1 >/dev/null | true"):
            with self.subTest(stderr=stderr):
                subprocess.run(["sh", "-c", f'"$@" {stderr}', "sh", *words], cwd=self.path,
                               stdout=subprocess.DEVNULL)
                (self.path / "out" / "run.json").unlink()

    def test_a_folder_has_one_process_at_work_in_it(self):
        (self.path / "out").mkdir()
        for words in (("run", self.scenario, "--engine", "virtual"),
                      ("suite", "smoke"),
                      ("sweep", "lift-h100", "--over", "run.seed=1,2"), ("tune", "lift-h100")):
            with self.subTest(words=words):
                other = os.open(self.path / "out", os.O_RDONLY)
                fcntl.flock(other, fcntl.LOCK_EX)
                done = self.run_tokenlift(*words, "--out", "out", code=2)
                os.close(other)
                self.assertIn("another process is at work in 'out'", done.stderr)
                self.assertEqual(list((self.path / "out").iterdir()), [])
        self.run_small("--engine", "virtual", code=0)

    def test_a_file_is_read_only_so_far(self):
        for words in (("run", "/dev/zero"), ("run", self.scenario, "--profiles", "/dev/zero")):
            self.assertIn("'/dev/zero' is larger than 8 MiB",
                          self.run_tokenlift(*words, code=2).stderr)
        self.assertIn("is larger than 320 MiB", self.run_tokenlift("report", "/dev/zero", code=2).stderr)

    def test_a_folder_that_was_deleted_fails_only_what_needs_it(self):
        def run(*words):
            script = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
            return subprocess.run(["sh", "-c", script, "sh", self.TOKENLIFT, *map(str, words)],
                                  cwd=self.path, capture_output=True, text=True)

        absolute = self.path / "absolute"
        words = ("run", "lift-h100", "--quiet")
        done = run(*words, "--out", absolute)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        self.assertTrue((absolute / "run.json").exists())
        done = run("report", absolute, "--out", self.path / "report.html")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = run(*words)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("cannot make the folder 'tokenlift-results", done.stderr)

    def read_from_pipe(self, **options):
        """A command that has begun to read its scenario, and the pipe that it reads."""
        os.mkfifo(self.path / "pipe")
        process = subprocess.Popen([self.TOKENLIFT, "check", str(self.path / "pipe")],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        return process, open(self.path / "pipe", "w")  # waits for the reader

    def test_what_still_reads_ends_at_the_first_signal(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            process, pipe = self.read_from_pipe()
            process.send_signal(number)
            self.assertEqual(process.wait(60), -number)
            pipe.close()
            process.communicate()
            (self.path / "pipe").unlink()

    def test_a_signal_that_was_ignored_stays_ignored(self):
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)

        process, pipe = self.read_from_pipe(preexec_fn=ignore)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        pipe.write(self.scenario.read_text())
        pipe.close()
        _, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, errors), (0, b""))

    def test_whatever_ends_a_run_it_keeps_what_was_measured(self):
        for number in (signal.SIGHUP, signal.SIGTERM):
            out = self.path / number.name
            process = subprocess.Popen(
                [self.TOKENLIFT, "run", str(self.scenario), "--engine", "virtual", "--out", str(out),
                 "--set", "run.duration=25d"],  # which takes minutes to simulate
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            while "before" not in process.stderr.readline():
                self.assertIsNone(process.poll())
            process.send_signal(number)
            _, errors = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 3, errors)
            self.assertTrue(json.loads((out / "run.json").read_text())["interrupted"])

    def test_closed_streams_are_no_files(self):
        words = [self.TOKENLIFT, "run", str(self.scenario), "--engine", "virtual", "--records",
                 "records.csv", "--out", "out"]
        done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words], cwd=self.path)
        self.assertEqual(done.returncode, 4, "what should have been printed was not")
        run = json.loads((self.path / "out" / "run.json").read_text())
        records = (self.path / "records.csv").read_text().splitlines()
        self.assertEqual(len(records) - 1, run["totals"]["due"])


if __name__ == "__main__":
    binary_case.main()
