"""The proof of `serve` and of engine http: a scenario played directly, and over the wire, gives the same.

Counts only: no test asserts how long anything takes. `scripts/serve_proof` compares latencies, too."""

import json
import shutil

from binary_case import BinaryCase, conclusions, main
from both_ends import BothEnds, admitted_by_a_bucket

LATE_NS = 5_000_000  # a client that is later than that asks at other instants than it should


class BothEndsTest(BinaryCase):
    def both(self, **how):
        ends = BothEnds(self.TOKENLIFT, self.path, **how)
        direct = ends.direct()
        client, server, _ = ends.over_the_wire()
        return ends, direct, client, server

    def assert_same_requests(self, ends, direct, client, server):
        asked = direct.decided(ends.seconds)
        self.assertGreater(len(asked), 0)
        self.assertEqual({row["outcome"] for row in asked}, {"completed"})
        what = lambda row: (row["outcome"], row["prompt_tokens"], row["output_tokens"])  # noqa: E731
        self.assertEqual({row["number"]: what(row) for row in client.decided(ends.seconds)},
                         {row["number"]: what(row) for row in asked})
        names = {row["request_id"] for row in client.decided(ends.seconds)}
        self.assertEqual({row["request_id"]: what(row) for row in server.rows if row["request_id"] in names},
                         {row["request_id"]: what(row) for row in client.decided(ends.seconds)})
        self.assert_audit_counts_agree(ends, len(client.rows), 0)

    def assert_audit_counts_agree(self, ends, requests, refused):
        audit = ends.audit()
        self.assertEqual((audit["requests"]["attempts"], audit["requests"]["arrived"]), (requests, requests))
        self.assertEqual(audit["requests"]["refused"], refused)
        figures = {figure["name"]: figure["reading"] for figure in audit["figures"]}
        for name in ("attempts", "served", "refused attempts", "output tokens"):
            self.assertEqual(figures[name], "agrees", audit)
        # Whatever the machine was busy with: nobody sees a token before it is sent.
        self.assertGreaterEqual(audit["requests"]["delays"][0]["least_ms"], 0)

    def test_priced(self):
        self.assert_same_requests(*self.both(fleet="virtual", seconds=2))

    def test_computed(self):
        self.assert_same_requests(*self.both(fleet="threads", seconds=1.5))

    @conclusions
    def test_limit_and_lift(self):
        ends, direct, client, server = self.both(fleet="virtual", seconds=3, limited=True)
        self.assertGreater(direct.refused(ends.seconds), 20)
        refused = {row["request_id"] for row in server.rows if row["outcome"] == "rejected"}
        self.assertEqual({row["request_id"] for row in client.rows if row["outcome"] == "rejected"}, refused)
        self.assert_audit_counts_agree(ends, len(client.rows), len(refused))
        # By the instants at which they came, each is let through or not as a bucket says.
        rows = sorted(server.rows, key=lambda row: int(row["sent_ns"]))
        lifted_ns = round(server.run["lift"]["at_s"] * 1e9)
        expected = list(admitted_by_a_bucket([int(row["sent_ns"]) for row in rows], lifted_ns))
        self.assertEqual([row["outcome"] != "rejected" for row in rows], expected)
        # As many as without a wire, but for one of the bucket and one of the lift: where the client
        # asked when it should.
        lag_ns = max(int(row["sent_ns"]) - int(row["due_ns"]) for row in client.rows)
        call_ns = client.run["lift"]["call_s"] * 1e9
        if lag_ns > LATE_NS or call_ns > LATE_NS:
            print(f"not compared: the client was {lag_ns / 1e6:.1f} ms late, the call took {call_ns / 1e6:.1f} ms")
            return
        self.assertLessEqual(abs(client.refused(ends.seconds) - direct.refused(ends.seconds)), 2)

    def test_audits_of_what_does_not_fit(self):
        ends = BothEnds(self.TOKENLIFT, self.path, seconds=0.5)
        client, server, _ = ends.over_the_wire()
        audit = lambda *words, code: self.run_tokenlift("audit", *words, code=code)  # noqa: E731
        run = client.folder / "run.json"
        self.assertIn("Client and server", audit(run, server.folder, code=(0, 1)).stdout)
        self.assertIn("| TTFT p50 |", audit(run, server.folder, "--format", "markdown", code=(0, 1)).stdout)
        page = self.path / "audit.html"
        audit(run, server.folder, "--format", "html", "--out", page, code=(0, 1))
        self.assertIn("both-ends, audited", page.read_text())
        for words, says in [((run, self.path), "no run.json in the folder"),
                            ((server.folder / "run.json", server.folder), "only engine http asks a server"),
                            ((run, client.folder), "which is a client"),
                            ((run, self.path / "nobody"), "nobody"),
                            ((self.path / "client.toml", server.folder), "is not JSON"),
                            ((run, server.folder, "--server-records", run), "no log of requests"),
                            ((run, server.folder, "--server-records", client.folder / "empty.csv"),
                             "no attempt of the client is in the server's log")]:
            head = (client.folder / "records.csv").read_text().splitlines()[0]
            (client.folder / "empty.csv").write_text(head + "\n")
            self.assertIn(says, audit(*words, code=2).stderr)
        # Another tool, which says what happened, and then one that says something else.
        ttft = server.run["phases"][0]["latency_ms"]["ttft"]
        totals = server.run["totals"]
        told = {"num_prompts": totals["due"], "completed": totals["completed"], "request_throughput": 40,
                "total_output_tokens": 8 * totals["completed"], "mean_ttft_ms": ttft["mean"]}
        vllm = self.path / "vllm.json"
        vllm.write_text(json.dumps(told))
        self.assertIn("vLLM bench", audit(vllm, server.folder, code=0).stdout)
        vllm.write_text(json.dumps({**told, "mean_ttft_ms": ttft["mean"] / 2}))
        self.assertIn("TTFT mean", audit(vllm, server.folder, code=1).stdout)
        self.assertIn("--client-records is of tokenlift run",
                      audit(vllm, server.folder, "--client-records", run, code=2).stderr)
        # Logs kept elsewhere; and none.
        shutil.move(client.folder / "records.csv", self.path / "elsewhere.csv")
        self.assertIn("Logs of requests", audit(run, server.folder, code=(0, 1)).stdout)
        done = audit(run, server.folder, "--client-records", self.path / "elsewhere.csv", code=(0, 1))
        self.assertIn("The server knows every one", done.stdout)


if __name__ == "__main__":
    main()
