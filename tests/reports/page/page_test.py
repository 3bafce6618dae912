"""Opens report pages in headless Chromium, over its debugging pipe, and looks at what came of them.

    page_test.py [--screenshots FOLDER] PAGE.html RUN.json [PAGE.html RUN.json]...
    page_test.py [--screenshots FOLDER] --sample PROGRAM FOLDER

Of each page: no error, no request but for the file itself, every chart drawn, a heatmap, light,
dark, narrow and printed (no page half empty), three sentences first, a glossary, and the same
figures as in the run.json. --sample has PROGRAM write pages first. Needs chromium and nothing beyond Python's own library.
"""

import base64
import json
import math
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import pdf

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe",
)
PATIENCE_S = 120  # of a machine that does much else


class Browser:
    """Chromium on a pipe: messages are JSON, each ended by a zero byte."""

    def __init__(self):
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        if program is None:
            raise SystemExit("page_test: no chromium; scripts/install_dependencies installs it")
        self.profile = tempfile.TemporaryDirectory(prefix="tokenlift-page-")
        to_read, self.out = os.pipe()
        self.incoming, to_write = os.pipe()

        def on_three_and_four():
            # First out of the way: either end may be 3 or 4 itself.
            reading, writing = os.dup(to_read), os.dup(to_write)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"],
            preexec_fn=on_three_and_four, close_fds=False, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.last_id = 0
        self.unread = b""
        self.events = []

    def close(self):
        try:
            self.call("Browser.close")
            self.process.wait(timeout=20)
        except (TimeoutError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.incoming)
        shutil.rmtree(self.profile.name, ignore_errors=True)

    def receive(self, deadline):
        while b"\0" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.incoming], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            more = os.read(self.incoming, 1 << 20)
            if not more:
                raise OSError("the browser ended")
            self.unread += more
        message, self.unread = self.unread.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.last_id:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def events_of(self, session):
        return [event for event in self.events if event.get("sessionId") == session]

    def wait_for(self, method, session):
        deadline = time.monotonic() + PATIENCE_S
        while not any(event["method"] == method for event in self.events_of(session)):
            self.events.append(self.receive(deadline))


class Page:
    """One tab that shows one file, or what is at an address."""

    def __init__(self, browser, file, script=True):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")
        self.resize(1280, 900)
        self.changed = False
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.name = pathlib.Path(file).stem
        self.url = file if "://" in str(file) else pathlib.Path(file).resolve().as_uri()
        self.call("Page.navigate", url=self.url)
        browser.wait_for("Page.loadEventFired", self.session)

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def resize(self, width, height):
        self.changed = True
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def settle(self):
        """Until what was asked for is on the screen."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => "
                      "requestAnimationFrame(done)))")

    def show(self):
        """In front of the other tabs: those behind are not drawn."""
        self.call("Page.bringToFront")

    def restore(self):
        """In the size and the colours in which it was opened."""
        if self.changed:
            self.resize(1280, 900)
            self.scheme("light")
            self.changed = False

    def scheme(self, name):
        self.changed = True
        self.call("Emulation.setEmulatedMedia", media="",
                  features=[{"name": "prefers-color-scheme", "value": name}])
        self.settle()

    def complaints(self):
        found = []
        for event in self.browser.events_of(self.session):
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"])
            elif method == "Runtime.consoleAPICalled":
                found.append(parameters["args"])
            elif method == "Log.entryAdded" and parameters["entry"]["source"] != "rendering":
                # Of rendering it is told that this test reads many pixels.
                found.append(parameters["entry"])
        return found

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.browser.events_of(self.session)
                if event["method"] == "Network.requestWillBeSent"]

    def screenshot(self, file):
        """Of the whole page: in a window as tall as it is, so that its charts are on the screen."""
        width = self.evaluate("innerWidth")
        self.resize(width, self.evaluate("document.documentElement.scrollHeight"))
        self.settle()
        image = self.call("Page.captureScreenshot")["data"]
        pathlib.Path(file).write_bytes(base64.b64decode(image))
        self.resize(width, 900)


BLANK_CANVASES = """
[...document.querySelectorAll("canvas[data-chart]")].filter(canvas => {
  const pixels = new Uint32Array(
      canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return new Set(pixels).size < 10;
}).map(canvas => canvas.dataset.chart)
"""

# The colours in which the first chart's lines are drawn, and the page's ground.
COLOURS = """
({ground: getComputedStyle(document.body).backgroundColor,
  heat: getComputedStyle(document.documentElement).getPropertyValue("--h9"),
  lines: Object.values(Chart.instances).slice(0, 1).flatMap(
      chart => chart.data.datasets.map(set => set.borderColor))})
"""

TABLES = """
[...document.querySelectorAll("table")].map(table => ({
  caption: table.caption.textContent,
  rows: [...table.rows].map(row => [...row.cells].map(cell => cell.textContent)),
  scopes: [...table.querySelectorAll("th")].map(cell => cell.scope)}))
"""


def figure(value):
    """As reports/figure.hpp: three significant digits, whole from 100 on."""
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{math.floor(abs(value) + 0.5) * (1 if value > 0 else -1):,}"
    decimals, bound = 1, 9.995
    while abs(value) < bound:
        bound /= 10
        decimals += 1
    return f"{value:.{decimals}f}"


def expect_full(test, document):
    """No page of the PDF but the last is less than half full."""
    full = pdf.fills(document)
    test.assertTrue(full)
    test.assertEqual([(page + 1, each) for page, each in enumerate(full[:-1]) if each < 0.5], [])


class Sample(unittest.TestCase):
    pages = []  # (HTML, run.json)
    screenshots = None
    opened = {}

    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def on_each_anew(self, check, script=True):
        """On each page, opened for this check alone."""
        for html, run in self.pages:
            with self.subTest(page=html.name):
                page = Page(self.browser, html, script)
                try:
                    check(page, json.loads(run.read_text(encoding="utf-8")))
                finally:
                    page.close()

    def on_each(self, check):
        """On each page, opened once for all who leave it as it is, but for its size and colours."""
        for html, run in self.pages:
            with self.subTest(page=html.name):
                if html not in self.opened:
                    self.opened[html] = Page(self.browser, html)
                page = self.opened[html]
                page.show()
                try:
                    check(page, json.loads(run.read_text(encoding="utf-8")))
                finally:
                    page.restore()

    def shoot(self, page, name):
        if self.screenshots:
            page.screenshot(self.screenshots / f"{page.name}-{name}.png")

    def test_nothing_goes_wrong_and_nothing_leaves(self):
        def check(page, _):
            page.settle()
            self.assertEqual(page.complaints(), [])
            self.assertEqual(page.requests(), [page.url])

        self.on_each(check)

    def test_its_policy_lets_no_request_out(self):
        def check(page, _):
            blocked = page.evaluate(
                "fetch('https://tokenlift.invalid/').then(() => 'sent', () => 'blocked')")
            self.assertEqual(blocked, "blocked")
            refused = [entry for entry in page.complaints() if "Security Policy" in str(entry)]
            self.assertTrue(refused, "blocked, but not by the page's policy")

        self.on_each_anew(check)

    def test_every_chart_is_drawn_and_named(self):
        def check(page, _):
            for scheme in ("light", "dark"):
                page.scheme(scheme)
                self.assertEqual(page.evaluate(BLANK_CANVASES), [], scheme)
            self.assertEqual(page.evaluate(
                "[...document.querySelectorAll('canvas')].filter(each => each.tabIndex !== 0 || "
                "each.getAttribute('role') !== 'img' || each.ariaLabel.length < 40).length"), 0)
            self.assertEqual(page.complaints(), [])

        self.on_each(check)

    def test_every_chart_of_the_data_has_its_numbers_beside_it(self):
        def check(page, _):
            ids = page.evaluate("JSON.parse(document.getElementById('chart-data').textContent)"
                                ".map(chart => chart.id)")
            self.assertEqual(len(ids), len(set(ids)))
            for each in ids:
                self.assertEqual(page.evaluate(
                    f"document.querySelectorAll('article#{each} canvas').length"), 1, each)
            bare = page.evaluate("[...document.querySelectorAll('article.chart')].filter(each => "
                                 "!each.querySelector('details table')).map(each => each.id)")
            # Of TTFT by percentile the numbers of all phases stand in the first of its charts.
            self.assertEqual([each for each in bare if not each.startswith("percentiles-")], [])

        self.on_each(check)

    def test_the_heatmap_shows_its_cells(self):
        def check(page, run):
            series = run["series"]
            slices = series["ttft_slices"]
            if run["phases"] and series["slice_s"]:
                # What was due after the last phase is no part of the measurement.
                slices = slices[:int(run["phases"][-1]["end_s"] / series["slice_s"] + 1e-9)]
            filled = sum(slice is not None for slice in slices)
            heatmaps = page.evaluate(
                "[...document.querySelectorAll('svg.heatmap')].map(svg => ({"
                "cells: [...svg.querySelectorAll('[class^=heat-]:not(.key)')]"
                ".reduce((sum, path) => sum + path.getAttribute('d').split('M').length - 1, 0),"
                "title: svg.querySelector('title').textContent, name: svg.ariaLabel,"
                "wide: svg.getBoundingClientRect().width}))")
            self.assertEqual(bool(heatmaps), filled > 0)
            if filled:
                self.assertGreaterEqual(heatmaps[0]["cells"], filled)
            for heatmap in heatmaps:
                self.assertEqual(heatmap["title"], heatmap["name"])
                self.assertGreater(heatmap["wide"], 300)

        self.on_each(check)

    def test_dark_and_light_differ_and_follow_the_reader(self):
        def check(page, _):
            seen = []
            for scheme in ("dark", "light"):
                page.scheme(scheme)
                seen.append(page.evaluate(COLOURS))
                self.shoot(page, scheme)
            for key in seen[0]:
                self.assertTrue(seen[0][key] != seen[1][key] or seen[0][key] == [], key)

        self.on_each(check)

    def test_a_phone_needs_no_scrolling_sideways(self):
        def check(page, _):
            page.resize(360, 740)
            page.settle()
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 360)
            self.assertEqual(page.evaluate(BLANK_CANVASES), [])
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            page.settle()
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 360)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
            self.shoot(page, "narrow")

        self.on_each(check)

    def test_paper_takes_it_even_from_a_dark_screen(self):
        def check(page, _):
            page.scheme("dark")
            paper = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
            self.assertTrue(paper.startswith(b"%PDF-"))
            self.assertGreater(len(paper), 20_000)
            expect_full(self, paper)
            if self.screenshots:
                (self.screenshots / f"{page.name}.pdf").write_bytes(paper)
            page.settle()
            self.assertNotIn("printing", page.evaluate("document.documentElement.className"))
            self.assertEqual(page.evaluate(BLANK_CANVASES), [])
            self.assertEqual(page.complaints(), [])

        self.on_each(check)

    def test_the_keyboard_reads_a_chart_and_the_legend_hides_a_line(self):
        def check(page, _):
            if not page.evaluate("!!document.querySelector('canvas')"):
                return
            page.evaluate("document.querySelector('canvas').focus()")
            for key in ("Home", "ArrowRight"):
                page.call("Input.dispatchKeyEvent", type="keyDown", key=key)
            said = page.evaluate("document.querySelector('.readout').textContent")
            self.assertRegex(said, r"\d.*: .*\d")
            toggled = page.evaluate(
                "(() => { const button = document.querySelector('.legend button'); button.click();"
                "return [button.getAttribute('aria-pressed'), Object.values(Chart.instances)"
                ".some(chart => chart.data.datasets.some(set => set.hidden))]; })()")
            self.assertEqual(toggled, ["false", True])

        self.on_each_anew(check)

    def test_without_a_script_verdict_tables_and_heatmap_remain(self):
        def check(page, run):
            document = page.call("DOM.getDocument")["root"]["nodeId"]

            def shown(selector):
                node = page.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
                if node == 0:
                    return False
                try:
                    return page.call("DOM.getBoxModel", nodeId=node)["model"]["height"] > 0
                except AssertionError:  # it has no box
                    return False

            self.assertTrue(shown(".verdict"))
            self.assertTrue(shown("#tables"))
            self.assertTrue(shown(".noscript"))
            self.assertFalse(shown(".plot"))
            self.assertEqual(shown("svg.heatmap"), any(run["series"]["ttft_slices"]))

        self.on_each_anew(check, script=False)

    def test_a_failed_check_is_said_first(self):
        def check(page, run):
            alert = page.evaluate("document.querySelector('.validity.fail')?.textContent ?? ''")
            failed = [check for check in run["validity"]["checks"] if not check["passed"]]
            for check in failed:
                self.assertIn(check["name"], alert)
            if failed:
                self.assertTrue(page.evaluate(
                    "document.querySelector('.validity').getBoundingClientRect().top < "
                    "document.querySelector('.verdict').getBoundingClientRect().top"))

        self.on_each(check)

    def test_names_stay_text(self):
        def check(page, run):
            text = page.evaluate("document.body.textContent")
            # As it stands in the scenario, where quotes are escaped.
            self.assertIn(json.dumps(run["scenario_name"], ensure_ascii=False), text)
            self.assertEqual(page.evaluate("document.querySelectorAll('body b').length"), 0)
            for tenant in run["tenants"] if len(run["tenants"]) > 1 else []:
                self.assertIn(tenant["name"], text)

        self.on_each(check)

    def test_header_cells_say_what_they_head(self):
        def check(page, _):
            for table in page.evaluate(TABLES):
                self.assertTrue(table["caption"])
                self.assertLessEqual(set(table["scopes"]), {"row", "col"})

        self.on_each(check)

    def test_the_page_begins_with_an_answer(self):
        def check(page, run):
            for answer in page.evaluate(
                    "[...document.querySelectorAll('.verdict')].map(each => "
                    "[...each.querySelectorAll('p')].map(p => p.textContent))"):
                # Of a run that did not get to its event the verdict says so.
                reached = run["lift"] is None or run["lift"]["at_s"] is not None
                self.assertEqual(len(answer), 3 if reached else 1)
                for sentence in answer:
                    self.assertTrue(sentence.endswith("."), sentence)
            valid = all(each["passed"] for each in run["validity"]["checks"])
            first = page.evaluate("document.querySelector('.verdict').textContent")
            self.assertEqual("not a valid" in first or "NOT VALID" in first, not valid)
            self.assertLess(
                page.evaluate("document.querySelector('.verdict').getBoundingClientRect().top"),
                page.evaluate("(document.querySelector('canvas') ?? document.querySelector("
                              "'#tables')).getBoundingClientRect().top"))

        self.on_each(check)

    def test_every_figure_of_a_table_is_in_the_glossary(self):
        def check(page, _):
            meanings = page.evaluate(
                "Object.fromEntries([...document.querySelectorAll('.glossary div')].map(each => "
                "[each.querySelector('dt').textContent, each.querySelector('dd').textContent]))")
            # In these tables each row is a figure.
            rows = page.evaluate(
                "[...document.querySelectorAll('.table table')].filter(table => ['Fleet', "
                "'After against before', 'The change itself', 'Response to the step'].includes("
                "table.caption.textContent)).flatMap(table => [...table.tBodies].flatMap(body => "
                "[...body.querySelectorAll('th')].map(each => [each.textContent, each.title])))")
            if page.evaluate("!document.querySelector('article.trial')"):
                self.assertGreater(len(rows), 15)
            for name, title in rows:
                self.assertTrue(title, f"no tooltip: {name}")
                self.assertIn(title, meanings.values(), name)
            titles = page.evaluate("[...document.querySelectorAll('th[title], dt[title]')]"
                                   ".map(each => each.title)")
            self.assertLessEqual(set(titles), set(meanings.values()))
            self.assertEqual(sorted(meanings, key=str.lower), list(meanings))

        self.on_each(check)

    def test_percentiles_are_those_of_the_run(self):
        def check(page, run):
            tables = [each for each in page.evaluate(TABLES) if each["rows"][0][0] == "TTFT (ms)"
                      and each["rows"][1][0] == "p50"]
            if not tables:
                self.assertFalse(any(phase["latency_ms"]["ttft"]["count"] >= 20
                                     for phase in run["phases"]))
                return
            head, *rows = tables[0]["rows"]
            shown = {row[0]: dict(zip(head[1:], row[1:])) for row in rows}
            for phase in run["phases"]:
                ttft = phase["latency_ms"]["ttft"]
                for name in ("p50", "p90", "p95", "p99", "p999", "max"):
                    expected = "–" if ttft[name] is None else figure(ttft[name])
                    self.assertEqual(shown[name][phase["name"]], expected, (phase["name"], name))
                self.assertEqual(shown["requests"][phase["name"]], f"{ttft['count']:,}")

        self.on_each(check)

    def test_rates_over_time_are_those_of_the_run(self):
        def check(page, run):
            series = run["series"]
            if "goodput_tokens" not in series["columns"]:
                return
            table = next(each for each in page.evaluate(TABLES)
                         if "goodput (tokens/s)" in each["rows"][0])
            column = table["rows"][0].index("goodput (tokens/s)")
            begins = [float(row[0].replace(",", "")) for row in table["rows"][1:]]
            values = series["columns"]["goodput_tokens"]
            bins = len(values)
            if run["phases"]:
                bins = min(bins, math.floor(run["phases"][-1]["end_s"] / series["bin_s"] + 1e-9))
            for i, begin in enumerate(begins):
                first = round(begin / series["bin_s"])
                last = round(begins[i + 1] / series["bin_s"]) if i + 1 < len(begins) else bins
                rate = sum(values[first:last]) / ((last - first) * series["bin_s"]) / run["runs"]
                self.assertEqual(table["rows"][i + 1][column], figure(rate), begin)
            self.assertEqual(round(begins[0] / series["bin_s"]), 0)

        self.on_each(check)


def main(words):
    if words[:1] == ["--screenshots"]:
        Sample.screenshots = pathlib.Path(words[1])
        Sample.screenshots.mkdir(parents=True, exist_ok=True)
        words = words[2:]
    if words[:1] == ["--sample"] and len(words) == 3:
        subprocess.run([words[1], words[2]], check=True)
        pages = sorted(pathlib.Path(words[2]).glob("*.html"))
        Sample.pages = [(page, page.with_suffix(".json")) for page in pages]
    elif words and len(words) % 2 == 0:
        files = [pathlib.Path(word) for word in words]
        Sample.pages = list(zip(files[::2], files[1::2]))
    if not Sample.pages:
        raise SystemExit(re.sub(r"\n.*", "", __doc__) + "\nusage: see the top of the file")
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main(sys.argv[1:])
