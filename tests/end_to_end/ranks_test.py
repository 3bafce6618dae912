#!/usr/bin/python3
"""`tokenlift-mpi` under mpirun: what several ranks find is what one process finds, to the byte.

    ranks_test.py TOKENLIFT TOKENLIFT_MPI SOURCE_FOLDER [unittest's arguments]

Two or three ranks on this machine, in virtual time but for runs that they play together. Where there is no mpirun it is skipped.
"""

import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import yaml

from both_ends import BothEnds, rows_of, scenario

TOKENLIFT = ""
TOKENLIFT_MPI = ""
SOURCE = Path()

# What is found depends on nothing of the machine: profile and rates are absolute.
SCENARIO = """
name = "overrun"

[run]
engine = "virtual"
duration = "42s"
warmup = "2s"
settle = "5s"

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

[[tenant]]
name = "users"
arrivals = { process = "poisson", load = 0.8 }
prompt_tokens = { distribution = "uniform", min = 50, max = 150 }
output_tokens = { distribution = "uniform", min = 5, max = 35 }
slo = { ttft = "1s" }

[[throttle]]
name = "places"
kind = "concurrency"
limit = 200
when_full = "reject"

[[event]]
at = "18s"
set = { throttle = "places", limit = 20 }
"""

SUITE = """
[suite]
name = "ranks"
repetitions = 3

[[case]]
scenario = "overrun.toml"
control = true
matrix = { "tenant.users.arrivals.load" = [0.5, 0.9] }
objectives = ["ttft.p50_ms.after <= 500"]

[[case]]
name = "wrong on purpose"
scenario = "overrun.toml"
set = { "run.max_in_flight" = 1 }

[[case]]
name = "curve"
scenario = "overrun.toml"
set = { "event.0.at" = "20s" }
sweep = { over = ["tenant.users.arrivals.load=0.5,0.9"], repetitions = 2 }
"""

# Runs that take long enough to be killed among.
LONG = ["--set", "run.duration=9000s", "--set", "event.0.at=4000s"]

# A second of real time, with nothing that all requests would have in common.
TOGETHER = """
name = "together"

[run]
engine = "null"
duration = "1100ms"
warmup = "100ms"

[[fleet.site]]
name = "site"
replicas = 1
profile = "cpu-tiny"

[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "400/s" }
prompt_tokens = { distribution = "constant", value = 10 }
output_tokens = { distribution = "uniform", min = 5, max = 35 }
"""

# All that tells when, where and how it was asked for.
PASSING = {"environment", "command", "started_at", "elapsed_s", "capacity_s"}


def without_passing(value):
    if isinstance(value, dict):
        return {key: without_passing(item) for key, item in value.items() if key not in PASSING}
    if isinstance(value, list):
        return [without_passing(item) for item in value]
    return value


def found(folder):
    """What was found, by file; of pages only that they are there: they say when and where."""
    files = {}
    for file in folder.rglob("*"):
        name = str(file.relative_to(folder))
        if file.suffix == ".json" and file.name != "benchmark.json":
            files[name] = without_passing(json.loads(file.read_text()))
        elif file.suffix in (".csv", ".toml"):
            files[name] = file.read_text()
        elif file.name == "journal.jsonl":
            files[name] = sorted(file.read_text().splitlines())  # as attempts came back
        elif file.is_file():
            files[name] = None
    return files


def ranks_of(group):
    """The processes of a group that are ranks, by number."""
    ranks = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment = (place / "environ").read_bytes().split(b"\0")
            program = os.readlink(place / "exe")
        except OSError:
            continue
        values = dict(each.split(b"=", 1) for each in environment if b"=" in each)
        if values.get(b"RANKS_TEST", b"").decode() == group and program == TOKENLIFT_MPI:
            ranks[int(values[b"OMPI_COMM_WORLD_RANK"])] = int(place.name)
    return ranks


class Ranks(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tokenlift-ranks-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "overrun.toml").write_text(SCENARIO)
        (self.folder / "ranks.toml").write_text(SUITE)
        (self.folder / "together.toml").write_text(TOGETHER)

    # mpirun asks for ssh, for cores of its own and for another user than root: none is needed here.
    def command(self, count, *words):
        mpirun = ["mpirun", "--oversubscribe", "--allow-run-as-root", "--mca", "plm", "isolated",
                  "--mca", "btl", "self,vader", "--mca", "btl_vader_single_copy_mechanism", "none"]
        return [*mpirun, "-n", str(count), *map(str, words)]

    def environment(self):
        return {**os.environ, "RANKS_TEST": self.folder.name}

    def run_command(self, command, code):
        done = subprocess.run(command, cwd=self.folder, env=self.environment(), capture_output=True,
                              text=True, timeout=120)
        codes = code if isinstance(code, tuple) else (code,)
        self.assertIn(done.returncode, codes, done.stdout + done.stderr)
        return done

    def by_ranks(self, *words, count=3, code=0):
        return self.run_command(self.command(count, TOKENLIFT_MPI, *words), code)

    def by_one(self, *words, code=0):
        return self.run_command([TOKENLIFT, *map(str, words)], code)

    def compare(self, *words, count=3, code=0):
        """Runs it both ways: the exit code and all files are the same."""
        one, several = self.folder / "one", self.folder / f"ranks-{count}"
        if not one.exists():
            self.code = self.by_one(*words, "--out", one, code=code).returncode
        self.by_ranks(*words, "--out", several, count=count, code=self.code)
        self.assertEqual(found(several), found(one))

    def begin(self, *words, count=3):
        """Starts it in the background."""
        mpirun = subprocess.Popen(self.command(count, TOKENLIFT_MPI, *words), cwd=self.folder,
                                  env=self.environment(), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        self.addCleanup(mpirun.kill)
        return mpirun

    # ---------------------------------------------------------------------- independent work

    def test_a_suite_is_that_of_one_process(self):
        self.compare("suite", "ranks.toml", "--quiet", code=3)

    def test_a_search_is_that_of_one_process(self):
        self.compare("tune", "overrun.toml", "--budget", "60k", "--quiet", code=(0, 1, 3))

    def test_a_sweep_is_that_of_one_process(self):
        words = ["sweep", "overrun.toml", "--over", "tenant.users.arrivals.load=0.3:1.1:5",
                 "--find", "most", "tenant.users.arrivals.load=0.3:1.1", "--while",
                 "attainment >= 0.9", "--repetitions", "2", "--quiet"]
        self.compare(*words, code=(0, 3))
        self.compare(*words, count=1, code=(0, 3))

    def test_repetitions_are_those_of_one_process_also_where_ranks_are_left_over(self):
        words = ["run", "overrun.toml", "--repetitions", "2", "--control", "--quiet"]
        self.compare(*words)

    # ------------------------------------------------------------------------------- bad days

    def test_what_is_finished_is_kept_when_a_rank_is_killed_or_mpirun_is_stopped(self):
        suite = self.folder / "long.toml"
        suite.write_text('[suite]\nname = "long"\nrepetitions = 12\n[[case]]\nscenario = "overrun.toml"\n')
        words = ["suite", suite, "--quiet", *LONG]
        self.by_one(*words, "--out", "one", code=(0, 3))
        for how in ("killed", "stopped"):
            out = self.folder / how
            mpirun = self.begin(*words, "--out", out)
            deadline = time.monotonic() + 60
            while not list(out.rglob("run.json")):
                self.assertIsNone(mpirun.poll(), "it ended before it could be " + how)
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            if how == "killed":
                os.kill(ranks_of(self.folder.name)[2], signal.SIGKILL)
            else:
                mpirun.send_signal(signal.SIGINT)
            told, _ = mpirun.communicate(timeout=60)
            self.assertNotEqual(mpirun.returncode, 0, told)
            self.assertEqual(ranks_of(self.folder.name), {}, "ranks are left over")
            finished = {file: file.stat().st_mtime_ns for file in out.rglob("run.json")
                        if not json.loads(file.read_text())["interrupted"]}
            self.assertTrue(finished)
            self.by_ranks(*words, "--resume", out, code=(0, 3))
            for file, when in finished.items():
                self.assertEqual(file.stat().st_mtime_ns, when, f"{file} was made again")
            self.assertEqual(found(out), found(self.folder / "one"))

    def test_a_full_disk_ends_it_with_what_was_written(self):
        words = ["run", "overrun.toml", "--repetitions", "4", "--quiet", "--out", "full"]
        (self.folder / "full" / "3").mkdir(parents=True)
        (self.folder / "full" / "3" / "run.json").symlink_to("/dev/full")
        done = self.by_ranks(*words, code=4)
        self.assertIn("No space left on device", done.stderr)

    def test_other_programs_are_refused(self):
        """The same program but for a digit of its build."""
        note = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"
        program = Path(TOKENLIFT_MPI).read_bytes()
        at = program.index(note) + len(note)
        other = self.folder / "tokenlift-mpi"
        other.write_bytes(program[:at] + bytes([program[at] ^ 1]) + program[at + 1:])
        other.chmod(0o755)
        words = ["run", "overrun.toml", "--repetitions", "2", "--out", "out"]
        done = self.run_command(self.command(1, TOKENLIFT_MPI, *words, ":", "-n", "1", other, *words),
                                2)
        self.assertIn("rank 1 on", done.stderr)
        self.assertIn("another program than rank 0", done.stderr)
        self.assertFalse((self.folder / "out").exists())

    def test_a_rank_that_starts_late_is_waited_for(self):
        words = ["run", "overrun.toml", "--repetitions", "3", "--quiet", "--out"]
        late = ["sh", "-c", 'sleep 0.5; exec "$0" "$@"', TOKENLIFT_MPI]
        self.by_one(*words, "one")
        self.run_command(self.command(1, TOKENLIFT_MPI, *words, "out", ":", "-n", "1", *late, *words, "out"), 0)
        self.assertEqual(found(self.folder / "out"), found(self.folder / "one"))

    def test_bad_input_is_told_once(self):
        done = self.by_ranks("run", "overrun.toml", "--set", "run.duration=never", code=2)
        self.assertEqual(done.stderr.count("is not a duration"), 1, done.stderr)

    def test_runs_in_real_time_do_not_disturb_each_other(self):
        done = self.by_ranks("run", "together.toml", "--repetitions", "2", "--out", "out",
                             count=2, code=(0, 3))
        self.assertIn("runs on one machine would disturb each other", done.stderr)

    # ------------------------------------------------------------------------------- together

    def run_of(self, name):
        return json.loads((self.folder / name / "run.json").read_text())

    def test_ranks_play_one_run_together(self):
        """Each its share of the requests: together they are those of one process."""
        self.by_one("run", "together.toml", "--out", "one", code=(0, 3))
        done = self.by_ranks("run", "together.toml", "--out", "together", code=(0, 3))
        for rank in (1, 2):
            self.assertRegex(done.stderr, f"clock of rank {rank}: .* us from that of rank 0")
        one, together = self.run_of("one"), self.run_of("together")
        due = [run["tenants"][0]["phases"][0]["counts"]["due"] for run in (one, together)]
        self.assertEqual(due[0], due[1])
        self.assertGreater(due[0], 300)
        ranks = together["shares"]["ranks"]
        self.assertEqual([rank["rank"] for rank in ranks], [0, 1, 2])
        self.assertTrue(all(rank["sent"] > 0 for rank in ranks))
        self.assertTrue(all("clock_error_s" in rank for rank in ranks))
        self.assertIn("clocks_apart_ms", [check["name"] for check in together["validity"]["checks"]])

    def test_ranks_ask_a_server_and_lift_its_limit_once(self):
        """What they ask for together is what one process asks for; the call is made by one of them."""
        ends = BothEnds(TOKENLIFT, self.folder, seconds=1.2, limited=True)
        with ends.served() as (port, _):
            http = scenario("http", ends.seconds, ends.endpoint(port), ends.rate, ends.lift_by_call(port))
            (self.folder / "http.toml").write_text(http.replace("[run]", "[run]\nstop_after = { requests = 9 }"))
            unbounded = ["--set", "run.stop_after={}"]
            self.by_ranks("run", "http.toml", *unbounded, "--out", "together", count=2, code=(0, 3))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/tokenlift/state", timeout=60) as state:
                events = json.load(state)["events"]
            # The throttle is lifted by now, and one process asks for the same.
            self.by_one("run", "http.toml", *unbounded, "--set", "event=[]", "--out", "one", code=(0, 3))
        self.assertEqual([event["event"] for event in events], [{"lift": "door"}])
        # tokenlift-SEED-TENANT-NUMBER-ATTEMPT. What is due at the end may be cut before it is sent.
        asked = collections.Counter(int(row["request_id"].split("-")[3])
                                    for row in rows_of(self.folder / "server" / "records.csv"))
        by_each = {number: 2 for number in range(36)}  # by one of the ranks, and by the one process
        self.assertEqual({number: asked[number] for number in by_each}, by_each)
        self.assertLessEqual(max(asked.values()), 2)
        together, one = self.run_of("together"), self.run_of("one")
        ranks = together["shares"]["ranks"]
        self.assertEqual([rank["rank"] for rank in ranks], [0, 1])
        self.assertTrue(all(rank["sent"] > 0 for rank in ranks))
        self.assertEqual([phase["name"] for phase in together["phases"]], ["before", "transition", "after"])
        counts = {phase["name"]: phase["counts"] for phase in together["tenants"][0]["phases"]}
        self.assertEqual(sum(phase["due"] for phase in counts.values()),
                         one["tenants"][0]["phases"][0]["counts"]["due"])
        self.assertGreater(counts["before"]["rejected"], 0)
        self.assertEqual(counts["after"]["rejected"], 0)

    def test_what_all_ranks_would_have_to_know_is_refused(self):
        done = self.by_ranks("run", "overrun.toml", "--engine", "null", "--set",
                             "tenant.users.arrivals.rate=9/s", "--out", "out", code=2)
        self.assertIn("cannot be played by several ranks", done.stderr)
        self.assertFalse((self.folder / "out").exists())

    # --------------------------------------------------------------------------- for clusters

    def on_a_cluster(self, command):
        """As on a machine of a cluster: the programs are in PATH, and mpirun needs no words."""
        programs = self.folder / "programs"
        if not programs.exists():
            programs.mkdir()
            for program in (TOKENLIFT, TOKENLIFT_MPI):
                (programs / Path(program).name).symlink_to(program)
        cluster = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                   "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_plm": "isolated",
                   "OMPI_MCA_btl": "self,vader", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
                   "PATH": f"{programs}:{os.environ['PATH']}"}
        return subprocess.run(command, cwd=self.folder, env={**os.environ, **cluster},
                              capture_output=True, text=True, timeout=120)

    def test_the_sbatch_file_runs_what_it_is_given(self):
        file = SOURCE / "scripts/cluster/tokenlift.sbatch"
        self.assertTrue(all(line.split()[1].startswith("--")
                            for line in file.read_text().splitlines() if line.startswith("#SBATCH")))
        self.assertEqual(self.on_a_cluster(["bash", file]).returncode, 2)
        done = self.on_a_cluster(["bash", file, "run", "overrun.toml", "--repetitions", "2", "--out", "out"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "out/2/run.json").exists())

    def test_the_indexed_job_plays_shares_and_joins_them(self):
        text = (SOURCE / "scripts/cluster/indexed-job.yaml").read_text()
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
        shares, merge = yaml.safe_load_all(text.replace("START_AT", start))
        self.assertEqual(shares["spec"]["completionMode"], "Indexed")
        (self.folder / "scenario.toml").write_text(TOGETHER)
        container = shares["spec"]["template"]["spec"]["containers"][0]
        count = shares["spec"]["completions"]
        self.assertEqual(container["env"], [{"name": "JOB_COMPLETIONS", "value": str(count)}])
        played = []
        for index in range(count):
            words = [word.replace("$(JOB_COMPLETION_INDEX)", str(index)) for word in container["command"]]
            pod = {**os.environ, "JOB_COMPLETION_INDEX": str(index), "JOB_COMPLETIONS": str(count)}
            played.append(subprocess.Popen([TOKENLIFT, *words[1:]], cwd=self.folder, env=pod,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        for each in played:
            _, told = each.communicate(timeout=60)
            self.assertIn(each.returncode, (0, 3), told)
        job = merge["spec"]["template"]["spec"]
        for each in (job["initContainers"][0], job["containers"][0]):
            done = self.on_a_cluster(each["command"])
            self.assertIn(done.returncode, (0, 3), done.stderr)
        self.assertEqual(len(self.run_of("run")["shares"]["ranks"]), count)

    def test_the_mpi_job_runs_a_suite(self):
        job = next(yaml.safe_load_all((SOURCE / "scripts/cluster/mpijob.yaml").read_text()))
        self.assertEqual((job["apiVersion"], job["kind"]), ("kubeflow.org/v2beta1", "MPIJob"))
        parts = job["spec"]["mpiReplicaSpecs"]
        launcher = parts["Launcher"]["template"]["spec"]["containers"][0]
        at = launcher["command"].index("-n") + 1
        self.assertEqual(int(launcher["command"][at]),
                         job["spec"]["slotsPerWorker"] * parts["Worker"]["replicas"])
        (self.folder / "suite.toml").write_text(
            '[suite]\nname = "one"\nrepetitions = 2\n[[case]]\nscenario = "overrun.toml"\n')
        command = [*launcher["command"][:at], "2", *launcher["command"][at + 1:]]  # there are two cores
        done = self.on_a_cluster(command)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "results/overrun/2/run.json").exists())


if __name__ == "__main__":
    TOKENLIFT, TOKENLIFT_MPI = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])
    SOURCE = Path(sys.argv[3])
    if shutil.which("mpirun") is None:
        print("skipped: there is no mpirun (Debian: openmpi-bin)")
        sys.exit(0)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
