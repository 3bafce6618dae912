"""Several processes that play a run in shares, and `merge`, which joins what they wrote.

Counts only: no test asserts how long anything takes."""

import csv
import datetime
import json
import os
import subprocess

from binary_case import SANITIZED, BinaryCase, main
from both_ends import BothEnds, scenario

LEAD_S = 8 if SANITIZED else 2  # for all to have begun, on a machine that is busy
RANKS = 3
NULL = """
name = "shared"
[run]
engine = "null"
duration = "1500ms"
settle = "200ms"
cooldown_max = "1s"
[[fleet.site]]
name = "here"
[[tenant]]
name = "callers"
arrivals = { process = "poisson", rate = "300/s" }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }
users = 40
[[tenant]]
name = "chats"
arrivals = { process = "poisson", rate = "40/s" }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }
sessions = { turns = { distribution = "uniform", min = 1, max = 4 }, think = "50ms", \
max_context = 400 }
[[throttle]]
name = "each"
kind = "token_bucket"
unit = "requests"
scope = "user"
tenants = ["callers"]
rate = "5/s"
burst = 1
when_full = "reject"
[[event]]
at = "700ms"
lift = "each"
"""


def start_at():
    instant = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=LEAD_S)
    return instant.isoformat().replace("+00:00", "Z")


def rows_of(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


class Shares(BinaryCase):
    def play(self, text, name, *words):
        """By all ranks, side by side: the folder of each; logs lie beside."""
        file = self.path / f"{name}.toml"
        file.write_text(text)
        start = start_at()
        folders = [self.path / f"{name}-{rank}" for rank in range(RANKS)]
        runs = []
        for rank, folder in enumerate(folders):
            environment = {**os.environ, "JOB_COMPLETION_INDEX": str(rank), "JOB_COMPLETIONS": str(RANKS)}
            runs.append(subprocess.Popen(
                [self.TOKENLIFT, "run", file, "--rank", "env", "--start-at", start, "--out", folder,
                 "--records", f"{folder}.csv", *words],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.path, env=environment))
        for rank, run in enumerate(runs):
            out, err = run.communicate(timeout=120)
            self.assertIn(run.returncode, (0, 3), out + err)  # a busy machine is no mistake of ours
            self.assertIn(f"rank {rank} of {RANKS} begins at", err)
        return folders

    def merge(self, folders, out, *words, code=(0, 3)):
        done = self.run_tokenlift("merge", *folders, "--out", out, *words, code=code)
        return done, json.loads((self.path / out / "run.json").read_text())

    def assert_joined(self, folders, joined):
        self.assertEqual(joined["shares"]["of"], RANKS)
        self.assertEqual([rank["rank"] for rank in joined["shares"]["ranks"]], list(range(RANKS)))
        self.assertEqual(len({rank["start_unix_ns"] for rank in joined["shares"]["ranks"]}), 1)
        shares = [json.loads((folder / "run.json").read_text()) for folder in folders]
        for share in shares:
            self.assertGreater(share["totals"]["due"], 0)
        for name, count in joined["totals"].items():
            self.assertEqual(count, sum(share["totals"][name] for share in shares))

    def test_null(self):
        folders = self.play(NULL, "null")
        records = [word for folder in folders for word in ("--records", f"{folder}.csv")]
        done, joined = self.merge(folders, "joined", *records)
        self.assertIn("3 ranks began 0 ms apart by their clocks", done.stderr)
        self.assertIn("lag p99 (ms)", done.stdout)
        self.assert_joined(folders, joined)
        json_folder = self.SOURCE / "reports" / "json"
        valid = subprocess.run(
            ["/usr/bin/python3", self.SOURCE / "tests" / "reports" / "json" / "validate_json.py",
             json_folder / "run.schema.json", self.path / "joined" / "run.json", folders[1] / "run.json"],
            capture_output=True, text=True)
        self.assertEqual(valid.returncode, 0, valid.stderr)
        # As one process plays it: whatever was due, and how it was let through.
        file = self.path / "null.toml"
        self.run_tokenlift("run", file, "--out", "one", "--records", "one.csv", code=(0, 3))
        one = json.loads((self.path / "one" / "run.json").read_text())
        self.assertNotIn("shares", one)
        callers = [tenant["phases"] for tenant in (one["tenants"][0], joined["tenants"][0])]
        for of_one, of_all in zip(*callers):
            self.assertEqual(of_all["counts"]["due"], of_one["counts"]["due"])
            for name in ("offered_input_tokens", "offered_output_tokens"):
                self.assertEqual(of_all["recorded"][name], of_one["recorded"][name])
        self.assertGreater(callers[1][0]["counts"]["rejected"], 0)
        self.assertEqual(callers[1][2]["counts"]["rejected"], 0)
        # So are the requests one by one: those that were due by themselves.
        asked = lambda rows: sorted((row["tenant"], int(row["number"]), row["due_ns"], row["prompt_tokens"],  # noqa: E731
                                     row["output_tokens"]) for row in rows
                                    if int(row["due_ns"]) < 1.5e9 and row["tenant"] == "callers")
        rows = rows_of(self.path / "joined" / "records.csv")
        self.assertEqual(asked(rows), asked(rows_of(self.path / "one.csv")))
        self.assertEqual(len(rows), joined["totals"]["due"])
        self.assertEqual([int(row["end_ns"]) for row in rows], sorted(int(row["end_ns"]) for row in rows))
        # In another order: the same bytes.
        self.merge(folders[::-1], "again", *records[:2], *records[4:], *records[2:4])
        for name in ("run.json", "records.csv"):
            self.assertEqual((self.path / "again" / name).read_bytes(),
                             (self.path / "joined" / name).read_bytes())
        self.apart(folders)
        self.mistakes(folders, records)

    def apart(self, folders):
        """Of ranks that were told to begin at different instants: no valid run."""
        later = self.path / "later"
        later.mkdir()
        share = json.loads((folders[2] / "run.json").read_text())
        rank = share["shares"]["ranks"][0]
        rank["start_unix_ns"] = str(int(rank["start_unix_ns"]) + 1_000_000_000)
        (later / "run.json").write_text(json.dumps(share))
        done, joined = self.merge([*folders[:2], later], "apart", code=3)
        said = " ".join(done.stdout.split())
        self.assertIn("the ranks began 1000.0 ms apart by their clocks", said)
        self.assertIn("start (ms)", said)
        check = {check["name"]: check for check in joined["validity"]["checks"]}["clocks_apart_ms"]
        self.assertFalse(check["passed"])

    def mistakes(self, folders, records):
        """Of merging: what is no share of the run is refused, and nothing is written."""
        elsewhere = self.path / "elsewhere"
        elsewhere.mkdir()
        share = json.loads((folders[2] / "run.json").read_text())

        def changed(change):
            other = json.loads(json.dumps(share))
            change(other)
            (elsewhere / "run.json").write_text(json.dumps(other))
            return [*folders[:2], elsewhere]

        said = self.run_tokenlift("report", folders[0], code=(0, 3)).stdout
        self.assertIn("the share of rank 0 of 3 ranks", " ".join(said.split()))
        for words, says in [
                (folders[:2], "of 3 ranks the shares of these are missing: 2"),
                ([*folders, folders[0]], "is given twice"),
                (["joined", folders[0]], "is joined already, of the shares of 3 ranks"),
                ([folders[0], "joined"], "is joined already, of the shares of 3 ranks"),
                (lambda run: run["shares"]["ranks"][0].update(rank=0), "both are the share of rank 0"),
                ([*folders, self.path / "one"], "is no share: one process played all of it"),
                (lambda run: run.update(seed=share["seed"] + 1), "different seeds"),
                (lambda run: run["environment"].update(tokenlift_version="0.0.1"), "versions"),
                (lambda run: run["scenario"]["tenant"][0].update(users=41), "/tenant/0/users"),
                (lambda run: run["shares"].update(of=4), "one is of 3 ranks and the other of 4"),
                (lambda run: run["shares"].update(ranks=[]), "/shares/ranks"),
                (lambda run: run["series"].update(bin_s=1e9), "/series/bin_s"),
                ([*folders, "--records", f"{folders[0]}.csv"], "1 files, and there are 3 ranks"),
                ([*folders, *records[:4], "--records", f"{folders[0]}.csv"], "not those of the run"),
                ([*folders, *records[:4], "--records", folders[0] / "run.json"], "is no log of requests"),
                ([*folders, "--out", folders[1]], "would be written over"),
                (["nobody"], "nobody")]:
            words = changed(words) if callable(words) else words
            if "--out" not in words:
                words = [*words, "--out", "refused"]
            self.assertIn(says, self.run_tokenlift("merge", *words, code=2).stderr)
            self.assertFalse((self.path / "refused").exists())

    def test_over_the_wire(self):
        ends = BothEnds(self.TOKENLIFT, self.path, seconds=2, rate=60)
        with ends.served() as (port, _):
            event = f"""
[[event]]
at = "1s"
call = {{ url = "http://127.0.0.1:{port}/tokenlift/event", body = '{{"lift": "nothing"}}', expect = 400, \
headers = {{ content-type = "application/json" }} }}
"""
            text = scenario("http", 2, ends.endpoint(port), 60, event)
            folders = self.play(text, "wire")
        _, joined = self.merge(folders, "joined")
        self.assert_joined(folders, joined)
        completed = joined["totals"]["completed"]
        self.assertEqual(joined["totals"]["due"], completed + joined["totals"]["in_flight"])
        self.assertEqual(joined["wire"]["got_tokens"], completed * 8)
        rows = [row for folder in folders for row in rows_of(f"{folder}.csv")]
        numbers = sorted(int(row["number"]) for row in rows if int(row["due_ns"]) < 2e9)
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertIn(len(numbers), (119, 120))  # the last one is due when the load ends
        self.assertEqual([phase["name"] for phase in joined["phases"]], ["before", "transition", "after"])
        # Made by rank 0 alone: for the others it held when it was to happen.
        calls = [json.loads((folder / "run.json").read_text())["lift"] for folder in folders]
        self.assertEqual([call["call_s"] for call in calls[1:]], [0, 0])
        self.assertEqual(joined["lift"]["call_s"], calls[0]["call_s"])
        self.assertEqual(joined["lift"]["at_s"], max(call["at_s"] for call in calls))
        server = json.loads((self.path / "server" / "run.json").read_text())
        self.assertGreaterEqual(server["totals"]["due"], completed)
        names = [row["request_id"] for row in rows_of(self.path / "server" / "records.csv")]
        self.assertEqual(len(set(names)), len(names))
        self.assertLessEqual(set(names), {row["request_id"] for row in rows})

    def test_what_cannot_be_played_in_shares(self):
        file = self.path / "null.toml"
        file.write_text(NULL)
        start = ["--start-at", start_at()]
        for words, says in [
                (["--rank", "3/3", *start], "is no rank of several"),
                (["--rank", "0/1001", *start], "is no rank of several"),
                (["--rank", "x", *start], "'x' is no rank: R/N, as 0/3, or env"),
                (["--rank", "env", *start], "neither JOB_COMPLETION_INDEX nor SLURM_PROCID is set"),
                (["--rank", "0/2"], "--start-at"),
                (["--rank", "0/2", "--start-at", "tomorrow"], "'tomorrow' is no date and time, as 2026-"),
                (["--rank", "0/2", "--start-at", "2026-01-01T00:00:00Z"], "s ago"),
                (["--rank", "0/2", *start, "--repetitions", "2"], "--rank is of one run"),
                (["--rank", "0/2", *start, "--set", "throttle.each.scope=fleet"], "none knows what the others took"),
                (["--rank", "0/2", *start, "--engine", "virtual", "--set",
                  "fleet.site.here.profile=h100-8b"], "stays in one process")]:
            self.assertIn(says, self.run_tokenlift("run", file, "--out", "out", *words, code=2).stderr)
            self.assertFalse((self.path / "out").exists())
        job = {**os.environ, "JOB_COMPLETION_INDEX": "5", "JOB_COMPLETIONS": "3"}
        done = subprocess.run([self.TOKENLIFT, "run", file, "--rank", "env", *start], env=job, cwd=self.path,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("'5/3' (JOB_COMPLETION_INDEX/JOB_COMPLETIONS) is no rank", done.stderr)


if __name__ == "__main__":
    main()
