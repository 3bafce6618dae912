#!/usr/bin/python3
"""What each built-in scenario says that it shows, through the real binary in virtual time.

    builtins_test.py TOKENLIFT SOURCE_FOLDER [unittest's arguments]
"""

import json

import binary_case
from binary_case import conclusions


class Builtins(binary_case.BinaryCase):
    def simulate(self, scenario, *words):
        """Phases by name of a built-in scenario in virtual time, which is the same every time."""
        self.run_tokenlift("run", scenario, "--out", "out", *words, code=0)
        run = json.loads((self.path / "out" / "run.json").read_text())
        self.assertTrue(run["validity"]["valid"])
        return {phase["name"]: phase for phase in run["phases"]}, run

    def of_tenant(self, run, name, phase, *keys):
        tenant = next(tenant for tenant in run["tenants"] if tenant["name"] == name)
        value = next(entry for entry in tenant["phases"] if entry["name"] == phase)
        for key in keys:
            value = value[key]
        return value

    @conclusions
    def test_higher_limits_end_the_refusals_of_every_tier(self):
        phases, run = self.simulate("higher-limits")
        for tier in ("tier 1", "tier 2", "tier 3", "tier 4"):
            self.assertGreater(
                self.of_tenant(run, tier, "before", "rates", "retry_amplification"), 1.5)
            self.assertGreater(self.of_tenant(run, tier, "after", "rates", "attainment"), 0.99)
        self.assertGreater(run["lift"]["backoff_requests"], 0)

    @conclusions
    def test_a_doubled_five_hour_window_leaves_the_weekly_one(self):
        _, run = self.simulate("five-hour-window", "--repetitions", 1, "--set",
                               "run.duration=7d")
        short, week = run["throttles"]
        self.assertGreater(short["phases"][0]["rejected"], 10_000)
        self.assertLess(short["phases"][2]["rejected"], 100)
        self.assertEqual(week["phases"][0]["rejected"], 0)
        self.assertGreater(week["phases"][2]["rejected"], 10_000)

    @conclusions
    def test_peak_hours_refuse_until_they_are_lifted(self):
        phases, _ = self.simulate("peak-hours", "--repetitions", 1)
        self.assertGreater(phases["before"]["counts"]["rejected"], 1_000)
        self.assertLess(phases["after"]["counts"]["rejected"], 100)

    @conclusions
    def test_built_in_scenarios_support_their_verdicts(self):
        """As they are, without an option: by as many repetitions as they ask for."""
        for scenario in ("five-hour-window", "peak-hours", "higher-limits", "lift-h100"):
            with self.subTest(scenario=scenario):
                done = self.run_tokenlift("run", scenario, "--out", scenario, code=0)
                verdict = done.stdout.replace("\n  ", " ")
                self.assertIn("95 % interval", verdict)
                self.assertNotIn("How sure that is cannot be said", verdict)
                self.assertNotIn("is vacuous", verdict)
        self.assertTrue((self.path / "peak-hours" / "3" / "run.json").is_file())
        again = json.loads((self.path / "peak-hours" / "3" / "run.json").read_text())
        self.assertNotIn("repetitions", again["scenario"]["run"], "it is one of them")

    @conclusions
    def test_research_starves_without_its_share(self):
        _, fair = self.simulate("research-starvation")
        _, starved = self.simulate("research-starvation", "--set", "queue.order=priority", "--set",
                                   "tenant.users.priority=1")
        goodput = ("rates", "goodput_tokens_per_s")
        self.assertGreater(self.of_tenant(fair, "research", "before", *goodput),
                           10 * self.of_tenant(starved, "research", "before", *goodput))

    def test_a_lift_into_a_retry_storm_serves_fewer_in_time_than_the_limit_did(self):
        phases, run = self.simulate("retry-storm")
        self.assertLess(phases["transition"]["rates"]["attainment"],
                        phases["before"]["rates"]["attainment"])
        self.assertGreater(run["lift"]["backoff_requests"], 1_000)
        self.assertEqual(run["lift"]["waiting_requests"], 0)

    @conclusions
    def test_a_staged_lift_protects_who_was_not_limited(self):
        ttft = ("latency_ms", "ttft", "p99")
        _, staged = self.simulate("staged-lift")
        _, at_once = self.simulate("staged-lift", "--set", "event.1.at=120.001s",
                                   "--set", "run.settle=130s")
        self.assertLess(10 * self.of_tenant(staged, "business", "transition", *ttft),
                        self.of_tenant(at_once, "business", "transition", *ttft))

    @conclusions
    def test_a_lease_that_ends_is_felt_by_some_with_a_limit_and_by_all_without(self):
        limited, _ = self.simulate("ninety-days")
        self.assertGreater(limited["after"]["rates"]["attainment"], 0.55)
        self.assertGreater(limited["after"]["counts"]["rejected"], 1_000)
        unlimited, _ = self.simulate("ninety-days", "--set", "throttle.output_limit.mode=shadow")
        self.assertLess(unlimited["after"]["rates"]["attainment"], 0.05)

    def conclude(self, scenario, *words):
        """The first trial of the report on a built-in scenario, and its figures by phase."""
        self.simulate(scenario, *words)
        done = self.run_tokenlift("report", "out", "--format", "json", code=0)
        trial = json.loads(done.stdout)["trials"][0]
        return trial, {phase["name"]: phase["rates"] for phase in trial["phases"]}

    @conclusions
    def test_a_lease_makes_what_a_lift_adds_for_nothing(self):
        trial, rates = self.conclude("lease-or-rent")
        self.assertAlmostEqual(trial["marginal"]["usd_per_m_output_tokens"], 0, places=3)
        self.assertLess(rates["after"]["usd_per_m_output_tokens"],
                        0.6 * rates["before"]["usd_per_m_output_tokens"])
        said = " ".join(trial["remarks"])
        self.assertIn("added cost nothing", said)
        self.assertIn("no use makes it the cheaper one", said)

    @conclusions
    def test_a_cheaper_contract_pays_once_the_limit_is_lifted(self):
        price = "{ per_accelerator_hour = 1.70, on_demand = 2.95 }"
        trial, rates = self.conclude("lease-or-rent", "--set", "fleet.site.lease.price=" + price)
        for name, pays in (("before", False), ("after", True)):
            self.assertEqual(rates[name]["paid_use_share"] > rates[name]["break_even_use"], pays)
            self.assertEqual(rates[name]["contract_usd_per_hour"]
                             < rates[name]["on_demand_usd_per_hour"], pays)
        said = " ".join(trial["remarks"])
        self.assertIn("The contract pays from a use of 57.6 % on", said)
        self.assertNotIn("no use makes it", said)

    @conclusions
    def test_other_providers_keep_the_promise_at_a_distance(self):
        phases, _ = self.simulate("several-providers")
        for name in ("before", "after"):
            self.assertGreater(phases[name]["rates"]["attainment"], 0.99)
        self.assertGreater(phases["after"]["latency_ms"]["ttft"]["p50"],
                           1.2 * phases["before"]["latency_ms"]["ttft"]["p50"])

    @conclusions
    def test_a_fleet_recovers_with_its_hall_where_requests_in_flight_are_limited(self):
        limited, _ = self.simulate("site-failure")
        self.assertLess(limited["transition"]["rates"]["attainment"], 0.7)
        self.assertGreater(limited["after"]["rates"]["attainment"], 0.98)
        patient, _ = self.simulate("site-failure", "--set", "throttle.in_flight.limit=100000")
        self.assertLess(patient["transition"]["rates"]["attainment"], 0.1)
        self.assertLess(patient["after"]["rates"]["attainment"], 0.8)

    @conclusions
    def test_a_hot_hall_breaks_promises_and_not_throughput(self):
        phases, _ = self.simulate("hot-hall")
        before, after = phases["before"]["rates"], phases["after"]["rates"]
        self.assertGreater(before["attainment"], 0.99)
        self.assertLess(after["attainment"], 0.7)
        self.assertGreater(after["throughput_tokens_per_s"],
                           0.95 * before["throughput_tokens_per_s"])

    @conclusions
    def test_orbit_is_missed_only_while_it_is_in_the_shadow(self):
        phases, run = self.simulate("orbit")
        self.assertGreater(phases["steady"]["counts"]["rejected"], 10_000)
        self.assertGreater(phases["steady"]["rates"]["attainment"], 0.9)
        self.assertEqual([span["replicas"] for span in run["fleet"]["compositions"]],
                         [[2, 2], [2, 0], [2, 2], [2, 0], [2, 2]])

    @conclusions
    def test_the_reported_mix_fits_its_power_as_measured_and_batteries_carry_the_grid(self):
        sites = ("h100", "h200", "gb200")
        nameplate = [word for site in sites[:2]
                     for word in ("--set", f"fleet.site.{site}.power.per_accelerator_w=575")]
        self.assertRegex(self.run_tokenlift("check", "power-cap", code=0).stdout,
                         r"the fleet draws .* at nameplate it fits, but for events")
        self.assertRegex(self.run_tokenlift("check", "power-cap", *nameplate, code=0).stdout,
                         r"the fleet draws .* at nameplate it does not fit")
        phases, run = self.simulate("power-cap")
        slowed = lambda phase: sum(int(draw["slowed_replica_ns"])
                                   for draw in phase["recorded"]["draws"])
        for phase in phases.values():
            self.assertEqual(slowed(phase), 0)
        self.assertLess(sum(draw["largest_mw"] for draw in phases["before"]["recorded"]["draws"]),
                        3e9)
        self.assertLess(min(run["series"]["columns"]["battery_wh"]),
                        max(run["series"]["columns"]["battery_wh"]))
        without = [word for site in sites
                   for word in ("--set", f"fleet.site.{site}.power.battery.energy=0Wh")]
        alone, _ = self.simulate("power-cap", *without)
        self.assertGreater(slowed(alone["transition"]), 0)
        self.assertLess(alone["transition"]["rates"]["goodput_tokens_per_s"],
                        phases["transition"]["rates"]["goodput_tokens_per_s"])

    @conclusions
    def test_training_gets_its_replicas_back_when_leased_capacity_comes(self):
        trial, rates = self.conclude("research-job")
        job = trial["jobs"][0]
        before, after = (next(each["rates"] for each in job["phases"] if each["name"] == name)
                         for name in ("before", "after"))
        self.assertGreater(after["steps_per_hour"], 1.5 * before["steps_per_hour"])
        self.assertLess(before["replicas_held"], after["replicas_held"])
        self.assertGreater(rates["before"]["attainment"], 0.9)
        self.assertIn("Job 'training' made", " ".join(trial["remarks"]))

    def test_limits_rise_as_capacity_arrives(self):
        words = [word for site, count in (("h100", 36), ("h200", 12), ("gb200", 7))
                 for word in ("--set", f"fleet.site.{site}.replicas={count}")]
        phases, run = self.simulate("colossus-1", "--set", "fleet.site.h100.at_start=11", *words)
        self.assertGreater(phases["before"]["counts"]["expired"], 500)
        self.assertEqual(phases["after"]["counts"]["expired"], 0)
        self.assertGreater(phases["after"]["rates"]["goodput_tokens_per_s"],
                           5 * phases["before"]["rates"]["goodput_tokens_per_s"])


if __name__ == "__main__":
    binary_case.main()
