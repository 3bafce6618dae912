#!/usr/bin/python3
"""What is concluded of situations whose cause is known, through the real binary.

    diagnosis_end_to_end_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]

Runs are of virtual time, so that they are the same everywhere.
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from binary_case import conclusions

TOKENLIFT = ""

# A limit for each user and one for the fleet: the second is raised, and then the first one refuses.
TWO_LIMITS = """
name = "two-limits"

[run]
engine = "virtual"
duration = "600s"
warmup = "60s"
seed = 1

[[fleet.site]]
name = "hall"
replicas = 8
profile = "h100-8b"
max_batch = 128
max_step_tokens = 2048

[[tenant]]
name = "api"
users = 400
arrivals = { process = "poisson", rate = "70/s" }
prompt_tokens = { distribution = "lognormal", mean = 1200, cv = 1.2, max = 16000 }
output_tokens = { distribution = "lognormal", mean = 300, cv = 1.0, max = 2048 }
slo = { ttft = "2s", tpot = "40ms" }
retry = { policy = "exponential", delay = "1s", max_delay = "30s", attempts = 4 }

[[tenant]]
name = "app"
users = 5000
arrivals = { process = "poisson", rate = "40/s" }
prompt_tokens = { distribution = "lognormal", mean = 250, cv = 1.0, max = 2000 }
output_tokens = { distribution = "lognormal", mean = 350, cv = 0.8, max = 1500 }
slo = { ttft = "1s", tpot = "50ms" }
patience = { distribution = "exponential", mean = "15s" }

[[throttle]]
name = "user_limit"
kind = "token_bucket"
unit = "output_tokens"
scope = "user"
rate = "3000/min"
burst = "60s"
when_full = "reject"

[[throttle]]
name = "fleet_limit"
kind = "concurrency"
limit = 240
when_full = "queue"
max_wait = "20s"

[[event]]
at = "300s"
set = { throttle = "fleet_limit", limit = 960 }
"""

# A limit that is half as high for an hour in which it is the peak.
TRACED = """
name = "traced"

[run]
engine = "virtual"
duration = "4h"
starts_at = "2026-01-05T00:00"

[[fleet.site]]
name = "hall"
profile = "h100-8b"

[[tenant]]
name = "users"
arrivals = ARRIVALS

[[throttle]]
name = "limit"
kind = "token_bucket"
unit = "requests"
rate = "15/s"
burst = 100
schedule = [{ from = "01:00", to = "02:00", drain = 2.0 }]
"""


class Diagnoses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = Path(cls.folder.name)
        (cls.path / "two-limits.toml").write_text(TWO_LIMITS)

    def tokenlift(self, *words):
        done = subprocess.run([TOKENLIFT, *map(str, words)], capture_output=True, text=True,
                              timeout=300, cwd=self.path)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def concluded(self, *words):
        """Verdict and remarks of a run, as one line."""
        done = self.tokenlift("run", *words, "--out", "out")
        return " ".join(done.stdout.split("engine virtual")[0].split())

    def trial(self):
        done = self.tokenlift("report", "out", "--format", "json")
        return json.loads(done.stdout)["trials"][0]

    @conclusions
    def test_where_a_limit_refuses_no_backlog_is_made_up_and_it_is_named(self):
        said = self.concluded("two-limits.toml", "--quiet")
        self.assertIn("of the requests due in 'after' were rejected for good", said)
        self.assertIn("of them of tenant 'api': 'user_limit' refuses, all of the", said)
        self.assertIn("'fleet_limit' is in nobody's way any more.", said)
        self.assertNotIn("never drains", said)
        self.assertNotIn("metastable", said)
        self.assertFalse(self.trial()["lift"]["never_drains"])

    @conclusions
    def test_where_nothing_refuses_the_overload_is_a_backlog_that_grows(self):
        said = self.concluded("lift-h100", "--quiet", "--set", "tenant.users.arrivals.load=1.2",
                                "--set", "run.settle=15s")
        self.assertIn("a backlog never drains", said)
        self.assertIn("use a larger fleet", said)
        self.assertNotIn("metastable", said)
        self.assertTrue(self.trial()["lift"]["never_drains"])
        self.assertIsNone(self.trial()["lift"]["drain_time"]["s"])

    @conclusions
    def test_a_built_in_lift_supports_its_own_verdict(self):
        for name in ("lift-h100", "retry-storm", "staged-lift", "research-starvation"):
            for seed in (1, 2):
                said = self.concluded(name, "--quiet", "--seed", seed)
                self.assertNotIn("cannot be said", said, name)
                self.assertIn("95 % interval", said, name)

    @conclusions
    def test_a_ratio_to_next_to_nothing_is_a_difference_and_a_figure_the_same_in_all_tables(self):
        done = self.tokenlift("run", "lift-h100", "--quiet", "--out", "out")
        rows = [line.split() for line in done.stdout.splitlines()]
        goodput = [row for row in rows if row[:2] == ["goodput", "tokens/s"]]
        self.assertEqual(len(goodput), 2)
        fleet, gains = goodput
        self.assertTrue(fleet[-1].startswith("+"), fleet)
        self.assertIn(fleet[-1], gains)
        ttft = [row for row in rows if row[:3] == ["TTFT", "p50", "ms"]]
        self.assertEqual(len(ttft), 2)
        self.assertIn(ttft[0][-1], ttft[1])

    @conclusions
    def test_without_objectives_there_is_no_attainment(self):
        said = self.concluded("lift-h100", "--quiet", "--set", "tenant.users.slo={}")
        trial = self.trial()
        for phase in trial["phases"]:
            self.assertIsNone(phase["rates"]["attainment"])
        self.assertIsNone(trial["lift"]["slo_debt_requests"])
        self.assertNotIn("missed", said)
        gain = next(gain for gain in trial["lift"]["gains"] if gain["name"] == "attainment")
        self.assertEqual(gain["change"]["reason"], "no tenant has objectives (slo)")

    @conclusions
    def test_no_room_is_told_where_replicas_cannot_do_what_their_capacity_says(self):
        self.tokenlift("run", "hot-hall", "--quiet", "--out", "out",
                       "--set", "tenant.users.arrivals.load=0.95")
        said = self.tokenlift("report", "out").stdout
        phases = {phase["name"]: phase["rates"] for phase in self.trial()["phases"]}
        self.assertGreater(phases["before"]["headroom"], 0)
        self.assertIsNone(phases["after"]["headroom"])
        self.assertIn("The headroom in transition and after is not known, since replicas were slow",
                      " ".join(said.split()))
        self.tokenlift("run", "power-cap", "--quiet", "--out", "capped")
        self.assertNotIn("The headroom in", self.tokenlift("report", "capped").stdout)

    def test_check_prints_load_and_room(self):
        text = self.tokenlift("check", "two-limits.toml").stdout
        self.assertIn("#   api: 70.0 requests/s, ", text)
        self.assertRegex(text, r"# capacity: [\d,]+ output tokens/s \(computed\), ")
        self.assertRegex(text, r"#   user_limit for api: .* output_tokens/s offered; 20,000/s, 10\d % of it")
        self.assertRegex(text, r"#   user_limit for app: .* offered; 250,000/s, headroom 9\d")
        self.assertIn("no limit by rate", text)
        again = self.path / "again.toml"
        again.write_text(text)
        self.assertEqual(self.tokenlift("check", again).stdout, text)

    def test_check_says_where_a_limit_of_power_may_take_room_away(self):
        said = "where no limit of power holds replicas back"
        self.assertIn(said, self.tokenlift("check", "power-cap").stdout)
        self.assertNotIn(said, self.tokenlift("check", "lift-h100").stdout)

    def test_check_warns_of_what_cannot_show_anything(self):
        text = self.tokenlift("check", "lift-h100", "--set", "throttle.output_limit.load=30",
                              "--set", "tenant.users.weight=1").stdout
        self.assertIn("# warning: throttle 'output_limit' cannot bind", text)
        self.assertNotIn("cannot bind", self.tokenlift("check", "lift-h100").stdout)
        text = self.tokenlift("check", "two-limits.toml", "--set", "event.0.set.limit=240").stdout
        self.assertIn("# warning: the event at 5min changes nothing", text)
        text = self.tokenlift("check", "lift-h100", "--set", "tenant.users.arrivals.load=1.2").stdout
        self.assertIn("the backlog never drains", text)

    def test_check_tells_a_drain_only_where_it_is_known(self):
        def drain(name, *words):
            for line in self.tokenlift("check", name, *words).stdout.splitlines():
                if line.startswith("# fluid drain"):
                    return line.removeprefix("# fluid drain after the lift: ")
            return None

        self.assertEqual(drain("lift-h100"), "4.67 s")
        self.assertEqual(drain("lift-h100", "--set", "tenant.users.arrivals.load=0.3"),
                         "none to drain, on average")
        self.assertEqual(drain("lift-h100", "--set", "tenant.users.arrivals.load=1.2"),
                         "never, more is offered than can be served")
        self.assertEqual(drain("retry-storm"),
                         "not known: clients of tenant 'users' that are refused come back")
        self.assertEqual(drain("hot-hall"), "not known: replicas are slow")
        self.assertIsNone(drain("steady", "--engine", "virtual"))

    def test_check_says_where_not_all_of_the_capacity_is_everybodys(self):
        said = "over all sites, of which tenant 'api' may use only some"
        other = TWO_LIMITS.replace("[[tenant]]\n", '[[fleet.site]]\nname = "away"\n'
                                   'profile = "h100-8b"\n\n[[tenant]]\n', 1)
        (self.path / "everywhere.toml").write_text(other)
        self.assertNotIn(said, self.tokenlift("check", "everywhere.toml").stdout)
        (self.path / "confined.toml").write_text(
            other.replace("users = 400\n", 'users = 400\nsites = ["hall"]\n'))
        self.assertIn(said, self.tokenlift("check", "confined.toml").stdout)

    def test_check_says_where_a_load_is_a_mean_and_how_low_a_limit_falls(self):
        rows = ["t,p,o"] + [f"{i / 10},100,50" for i in range(1, 1200)]
        (self.path / "rows.csv").write_text("\n".join(rows) + "\n")
        trace = ('{ process = "trace", file = "rows.csv", '
                 'columns = { time = "t", prompt = "p", output = "o" } }')
        (self.path / "traced.toml").write_text(TRACED.replace("ARRIVALS", trace))
        text = self.tokenlift("check", "traced.toml").stdout
        self.assertIn("of the capacity, on average over the whole trace", text)
        self.assertRegex(text, "headroom [0-9.]+ % on average over the whole trace")
        self.assertNotIn("cached input", text)
        self.assertIn("; at the least", text)
        text = self.tokenlift("check", "traced.toml", "--set", "throttle.limit.unit=input_tokens",
                              "--set", "throttle.limit.burst=1000",
                              "--set", "throttle.limit.exempt_cached=true").stdout
        self.assertIn("; cached input counts among what is offered, and is not charged", text)
        (self.path / "poisson.toml").write_text(
            TRACED.replace("ARRIVALS", '{ process = "poisson", rate = "10/s" }'
                          '\nprompt_tokens = { distribution = "constant", value = 100 }'
                          '\noutput_tokens = { distribution = "constant", value = 50 }'))
        text = self.tokenlift("check", "poisson.toml", "--set", "throttle.limit.schedule=[]").stdout
        self.assertIn("headroom", text)
        self.assertNotIn("on average", text)
        self.assertNotIn("at the least", text)


if __name__ == "__main__":
    TOKENLIFT = str(Path(sys.argv[1]).resolve())
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
