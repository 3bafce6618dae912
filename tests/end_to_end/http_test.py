#!/usr/bin/python3
"""The real binary against a small endpoint on loopback: good days and bad ones.

    http_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]
"""

import json
import os
import pty
import signal
import socket
import subprocess
import time

import binary_case
from scripted_endpoint import ScriptedEndpoint

SCENARIO = """
name = "endpoint"
[run]
engine = "http"
duration = "6s"
warmup = "500ms"
settle = "500ms"
seed = 3
[[fleet.site]]
name = "gateway"
url = "{address}/v1"
model = "small"
{site}
[[tenant]]
name = "users"
arrivals = {{ process = "poisson", rate = "50/s" }}
prompt_tokens = {{ distribution = "uniform", min = 8, max = 32 }}
output_tokens = {{ distribution = "uniform", min = 2, max = 6 }}
retry = {{ policy = "{retry}" }}
{events}
"""

LIFT = """
[[event]]
at = "3s"
call = {{ url = "{address}/lift", body = "now", headers = {{ content-type = "text/plain" }} }}
"""


class Http(binary_case.BinaryCase):
    def endpoint(self, **options):
        endpoint = ScriptedEndpoint(**options)
        self.addCleanup(endpoint.close)
        return endpoint

    def write_scenario(self, address, site="", events="", retry="none"):
        file = self.path / "endpoint.toml"
        file.write_text(SCENARIO.format(address=address, site=site, retry=retry,
                                        events=events.format(address=address)))
        return file

    def run_json(self, out="out"):
        return json.loads((self.path / out / "run.json").read_text())

    def play(self, scenario, *words, code=(0, 3), **options):
        done = self.run_tokenlift("run", scenario, "--out", "out", *words, code=code, **options)
        return done, self.run_json()

    def start_run(self, scenario, duration, endpoint, asked):
        """A run under way, when the endpoint has been asked so often."""
        process = subprocess.Popen(
            [self.TOKENLIFT, "run", scenario, "--out", "out", "--set", f"run.duration={duration}"],
            cwd=self.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while endpoint.asked < asked:
            self.assertIsNone(process.poll(), "it ended by itself")
            time.sleep(0.02)
        return process

    def test_a_lift_by_a_call_in_the_middle(self):
        endpoint = self.endpoint(limited=True)
        metrics = f'metrics = "{endpoint.address}/metrics"'
        scenario = self.write_scenario(endpoint.address, site=metrics, events=LIFT)
        done, run = self.play(scenario)
        self.assertEqual(endpoint.lifts, ["now"])
        self.assertEqual(run["engine"], "http")
        self.assertEqual([phase["name"] for phase in run["phases"]],
                         ["before", "transition", "after"])
        self.assertGreaterEqual(run["lift"]["at_s"], 3)
        self.assertEqual(run["phases"][1]["begin_s"], run["lift"]["at_s"])
        phases = {phase["name"]: phase for phase in run["tenants"][0]["phases"]}
        before, after = phases["before"]["counts"], phases["after"]["counts"]
        self.assertGreater(before["rejected"], before["due"] / 2)
        self.assertEqual(after["rejected"], 0)
        self.assertGreater(after["completed"], 0)
        for counts in (before, after):
            self.assertEqual(counts["due"], sum(counts[name] for name in (
                "completed", "rejected", "expired", "cancelled", "failed", "in_flight")))
        wire = run["wire"]
        self.assertEqual(wire["failures"], [])
        self.assertGreater(wire["reads"], 0)
        self.assertEqual(wire["got_tokens"], wire["asked_tokens"])
        figures = {column["figure"] for column in wire["server"]}
        self.assertLessEqual({"limit.requests", "remaining.requests", "waiting", "running"},
                             figures)
        self.assertIn("call", done.stdout)
        self.assertIn("rejected", done.stdout)

    def test_requests_say_who_they_are(self):
        os.environ["TOKENLIFT_E2E_KEY"] = "sk-end-to-end"
        self.addCleanup(os.environ.pop, "TOKENLIFT_E2E_KEY")
        endpoint = self.endpoint()
        scenario = self.write_scenario(
            endpoint.address, site='key_env = "TOKENLIFT_E2E_KEY"\nheaders = { x-team = "perf" }')
        done, run = self.play(scenario, "--set", "run.duration=2s")
        self.assertTrue(endpoint.heads)
        for head in endpoint.heads:
            self.assertEqual(head["Authorization"], "Bearer sk-end-to-end")
            self.assertEqual(head["x-team"], "perf")
        ids = [head["x-request-id"] for head in endpoint.heads]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertTrue(all(asked["stream"] for asked in endpoint.bodies))
        everything = done.stdout + done.stderr + json.dumps(run)
        everything += (self.path / "out" / "report.html").read_text()
        self.assertNotIn("sk-end-to-end", everything)

    def test_who_is_refused_comes_back(self):
        endpoint = self.endpoint(limited=True)
        scenario = self.write_scenario(endpoint.address, retry="sdk_openai")
        _, run = self.play(scenario, "--set", "run.duration=3s")
        phase = next(p for p in run["tenants"][0]["phases"] if p["name"] == "steady")
        self.assertGreater(phase["attempts"], phase["counts"]["due"])
        self.assertIn("1", {head["x-stainless-retry-count"] for head in endpoint.heads})

    def test_interrupted_it_waits_for_what_is_in_flight(self):
        endpoint = self.endpoint(token_seconds=0.05)
        scenario = self.write_scenario(endpoint.address)
        process = self.start_run(scenario, "600s", endpoint, asked=20)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, err)
        self.assertIn("nothing more is sent", err)
        run = self.run_json()
        self.assertTrue(run["interrupted"])
        self.assertEqual(run["totals"]["in_flight"], 0)
        self.assertGreater(run["totals"]["completed"], 0)

    def test_interrupted_twice_it_cuts(self):
        endpoint = self.endpoint(token_seconds=20)
        scenario = self.write_scenario(endpoint.address)
        process = self.start_run(scenario, "600s", endpoint, asked=5)
        process.send_signal(signal.SIGINT)
        while "nothing more is sent" not in process.stderr.readline():
            self.assertIsNone(process.poll(), "it ended by itself")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        self.assertGreater(self.run_json()["totals"]["in_flight"], 0)

    def test_a_signal_from_outside_divides_the_run(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address, events='[[event]]\nat = "signal"\n')
        process = self.start_run(scenario, "4s", endpoint, asked=60)
        process.send_signal(signal.SIGUSR1)
        _, err = process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 3), err)
        phases = {phase["name"]: phase for phase in self.run_json()["phases"]}
        self.assertGreater(phases["before"]["end_s"], phases["before"]["begin_s"])
        self.assertEqual(phases["transition"]["begin_s"], phases["before"]["end_s"])
        self.assertLess(phases["transition"]["begin_s"], 4)

    def test_a_signal_lifts_a_limit_of_the_scenario(self):
        endpoint = self.endpoint()
        limit = """
[[throttle]]
name = "ours"
kind = "token_bucket"
unit = "requests"
rate = "10/s"
burst = 1
[[event]]
at = "signal"
lift = "ours"
"""
        scenario = self.write_scenario(endpoint.address, events=limit)
        process = self.start_run(scenario, "6s", endpoint, asked=20)
        process.send_signal(signal.SIGUSR1)
        out, err = process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 3), err)
        run = self.run_json()
        self.assertEqual((run["lift"]["kind"], run["lift"]["throttle"]), ("lift", "ours"))
        self.assertGreater(run["lift"]["at_s"], 1)
        self.assertGreater(run["lift"]["waiting_requests"], 0)
        self.assertEqual(run["totals"]["completed"], run["totals"]["due"])
        self.assertIn("Lifting 'ours' at", out)

    def test_enter_on_the_terminal_divides_the_run(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address, events='[[event]]\nat = "signal"\n')
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.path)
            os.execv(self.TOKENLIFT, [self.TOKENLIFT, "run", str(scenario), "--out", "out",
                                      "--set", "run.duration=4s"])
        while endpoint.asked < 60:
            self.assertEqual(os.waitpid(pid, os.WNOHANG)[0], 0, "it ended by itself")
            time.sleep(0.02)
        os.write(terminal, b"\n")
        while True:
            try:
                if not os.read(terminal, 65536):
                    break
            except OSError:  # the other side has been closed
                break
        _, status = os.waitpid(pid, 0)
        self.assertIn(os.waitstatus_to_exitcode(status), (0, 3))
        self.assertIsNotNone(self.run_json()["lift"]["at_s"])

    def test_a_call_that_fails_ends_the_run(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address,
                                       events=LIFT.replace("/lift", "/elsewhere"))
        done, run = self.play(scenario, "--set", "event.0.at=1s", code=3)
        self.assertIn("no /elsewhere here", done.stdout)
        failed = [c["name"] for c in run["validity"]["checks"] if not c["passed"]]
        self.assertIn("event_call", failed)

    def test_a_command_needs_leave(self):
        endpoint = self.endpoint()
        lifted = self.path / "lifted"
        scenario = self.write_scenario(
            endpoint.address, events=f'[[event]]\nat = "1s"\ncommand = ["touch", "{lifted}"]\n')
        done = self.run_tokenlift("run", scenario, "--out", "out", code=2)
        self.assertIn("--allow-commands", done.stderr)
        self.assertEqual(endpoint.asked, 0)
        self.play(scenario, "--allow-commands", "--set", "run.duration=2s")
        self.assertTrue(lifted.exists())

    def test_a_key_that_is_not_there_is_said_before_the_run(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address, site='key_env = "TOKENLIFT_NO_SUCH_KEY"')
        for command in ("run", "check"):
            done = self.run_tokenlift(command, scenario, code=2)
            self.assertIn("TOKENLIFT_NO_SUCH_KEY", done.stderr)
        self.assertEqual(endpoint.asked, 0)
        self.assertEqual(list(self.path.glob("tokenlift-results/*")), [])

    def test_nobody_answers(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}"
        scenario = self.write_scenario(address)
        done, run = self.play(scenario, "--set", "run.duration=2s", code=3)
        self.assertEqual(run["totals"]["completed"], 0)
        self.assertEqual([failure["kind"] for failure in run["wire"]["failures"]],
                         ["no_connection"])
        self.assertIn("refused", done.stdout)
        done = self.run_tokenlift("check", scenario, code=3)
        self.assertIn("no_connection", done.stdout)

    def test_the_capacity_is_found_where_it_is_asked_for(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address)
        by_load = ("--set", "tenant.users.arrivals.load=0.5", "--set", "run.duration=2s")
        done = self.run_tokenlift("run", scenario, *by_load, code=2)
        self.assertIn("--find-capacity", done.stderr)
        self.assertEqual(endpoint.asked, 0)
        done, run = self.play(scenario, *by_load, "--find-capacity", "3s")
        self.assertIn("capacity", done.stderr)
        self.assertEqual(run["capacity"]["source"], "measured")
        self.assertGreater(run["capacity"]["tokens_per_s"], 0)
        done = self.run_tokenlift("run", "steady", "--find-capacity", "3s", code=2)
        self.assertIn("engine http", done.stderr)

    def test_a_run_that_costs_money_has_an_end(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address)
        _, run = self.play(scenario, "--set", "run.duration=600s",
                           "--set", "run.stop_after={ requests = 30 }")
        self.assertEqual(run["totals"]["due"], 30)
        self.assertEqual(endpoint.asked, 30)

    def test_sessions_send_their_conversation(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address)
        scenario.write_text(scenario.read_text().replace(
            'retry =', 'sessions = { turns = { distribution = "constant", value = 3 }, '
            'think = { distribution = "constant", value = "10ms" }, max_context = 1000 }\nretry ='))
        # Without a warm-up prompts keep the words that they begin with.
        self.play(scenario, "--set", "run.duration=2s", "--set", "run.warmup=0s")
        roles = {tuple(m["role"] for m in asked["messages"]) for asked in endpoint.bodies}
        one = ("user",)
        self.assertEqual(roles, {one, one + ("assistant", "user"),
                                 one + ("assistant", "user") * 2})
        said = {}  # by what came first: what is sent, and what the endpoint answers to that
        for asked in endpoint.bodies:
            texts = [m["content"] for m in asked["messages"]]
            answer = " word" * asked["max_completion_tokens"]
            said.setdefault(texts[0], {})[len(texts)] = (texts, answer)
        for turns in said.values():
            longest, _ = turns[max(turns)]
            for sent, (texts, answer) in turns.items():
                self.assertEqual(texts, longest[:sent])
                self.assertEqual([answer], longest[sent:sent + 1] or [answer])

    def test_a_traces_blocks_begin_alike(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address)
        rows = [{"timestamp": 20 * i, "input_length": 40, "output_length": 2, "hash_ids": [i % 2, 10 + i, 100 + i]}
                for i in range(30)]
        (self.path / "trace.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        lines = [line for line in scenario.read_text().splitlines() if not line.startswith(("prompt_tokens", "output_tokens"))]
        scenario.write_text("\n".join(lines).replace(
            'process = "poisson", rate = "50/s"', 'process = "trace", file = "trace.jsonl", block_tokens = 16'))
        # Without a warm-up prompts keep the words that they begin with.
        self.play(scenario, "--set", "run.duration=2s", "--set", "run.warmup=0s")
        prompts = [asked["messages"][-1]["content"].split() for asked in endpoint.bodies]
        self.assertEqual(len(prompts), 30)
        self.assertEqual({len(prompt) for prompt in prompts}, {40})
        firsts = {tuple(prompt[:16]) for prompt in prompts}
        self.assertEqual(len(firsts), 2, "two first blocks, in turn")
        self.assertEqual(len({tuple(prompt[16:32]) for prompt in prompts}), 30)

    def test_too_few_descriptors_are_said_before_the_run(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address)
        told = []
        for command in ("check", "run"):
            done = subprocess.run(
                ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash", self.TOKENLIFT, command, str(scenario),
                 "--set", "run.duration=1s"], cwd=self.path, capture_output=True, text=True, timeout=60)
            self.assertIn(done.returncode, (0, 3), done.stderr)
            warnings = [line.removeprefix("# ").removeprefix("tokenlift: ")
                        for line in (done.stdout + done.stderr).splitlines()
                        if "warning: as many as" in line]
            self.assertEqual(len(warnings), 1, done.stdout + done.stderr)
            told += warnings
        self.assertEqual(told[0], told[1])
        self.assertIn("this process may open 64 files: raise that (ulimit -n 1564)", told[0])
        self.assertNotIn("warning: as many as", self.run_tokenlift("check", scenario, code=0).stdout)

    def test_check_asks_unless_it_is_told_not_to(self):
        endpoint = self.endpoint()
        scenario = self.write_scenario(endpoint.address)
        done = self.run_tokenlift("check", scenario, code=0)
        self.assertIn("it has 'small'", done.stdout)
        self.assertIn("one token: 1 came", done.stdout)
        self.assertEqual(endpoint.asked, 1)
        self.run_tokenlift("check", scenario, "--offline", code=0)
        self.assertEqual(endpoint.asked, 1)
        (self.path / "again.toml").write_text(done.stdout)  # what it prints is a scenario
        self.run_tokenlift("check", self.path / "again.toml", "--offline", code=0)


if __name__ == "__main__":
    binary_case.main()
