"""Opens the pages of suites, of searches and of comparisons in headless Chromium and looks at
what came of them.

    suite_page_test.py [--screenshots FOLDER] PROGRAM FOLDER

PROGRAM (page_suites) writes the pages to FOLDER.
"""

import base64
import pathlib
import subprocess
import sys
import unittest

import page_test

CASES = "[...document.querySelectorAll('.case')]"
SHOWN = CASES + ".filter(each => each.offsetParent !== null).map(each => each.dataset.name)"
CHARTS = "[...document.querySelectorAll('.plot-svg[role]')]"

# Boxes in the units of the chart, so that it does not matter what is scrolled out of sight.
TEXTS_THAT_COLLIDE = CHARTS + """.flatMap(svg => {
  const view = svg.viewBox.baseVal;
  const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim())
      .map(text => ({text: text.textContent, box: text.getBBox()}));
  const cut = texts.filter(({box}) => box.x < -1 || box.y < -1 ||
      box.x + box.width > view.width + 1 || box.y + box.height > view.height + 1);
  const meet = (a, b) => a.box.x + a.box.width > b.box.x + 1 && b.box.x + b.box.width > a.box.x + 1
      && a.box.y + a.box.height > b.box.y + 4 && b.box.y + b.box.height > a.box.y + 4;
  const pairs = texts.flatMap((a, i) => texts.slice(i + 1).filter(b => meet(a, b))
      .map(b => a.text + " | " + b.text));
  return [...cut.map(({text}) => "cut: " + text), ...pairs].map(each =>
      svg.ariaLabel.slice(0, 40) + ": " + each);
})"""
SHAPES_OUTSIDE = CHARTS + """.flatMap(svg => {
  const view = svg.viewBox.baseVal;
  return [...svg.querySelectorAll("path, circle")].filter(shape => {
    const box = shape.getBBox();
    return box.x < -1 || box.y < -1 || box.x + box.width > view.width + 1 ||
        box.y + box.height > view.height + 1;
  }).map(shape => svg.ariaLabel.slice(0, 40) + ": " + shape.getAttribute("class"));
})"""


def setUpModule():
    Pages.browser = page_test.Browser()


def tearDownModule():
    Pages.browser.close()


class Pages:
    """What holds of the pages of both."""

    pages = []
    screenshots = None
    scripts = 0
    opened = {}

    def on_each(self, check, names=None):
        """On each page, opened once for all who leave it as it is, but for its size and colours."""
        for html in self.pages:
            if names and html.stem not in names:
                continue
            with self.subTest(page=html.name):
                if html not in self.opened:
                    self.opened[html] = page_test.Page(self.browser, html)
                page = self.opened[html]
                page.show()
                try:
                    check(page)
                finally:
                    page.restore()

    def shoot(self, page, name):
        if self.screenshots and page.name not in self.tall:
            page.screenshot(self.screenshots / f"{self.kind}-{page.name}-{name}.png")

    def test_nothing_goes_wrong_and_nothing_leaves(self):
        def check(page):
            page.settle()
            self.assertEqual(page.complaints(), [])
            self.assertEqual(page.requests(), [page.url])
            self.assertEqual(page.evaluate("document.querySelectorAll('script').length"),
                             0 if page.name == "empty" else self.scripts)
            self.assertEqual(page.evaluate("document.querySelectorAll('img').length"), 0)

        self.on_each(check)

    def test_its_sections_can_be_reached(self):
        def check(page):
            self.assertEqual(page.evaluate(
                "[...document.querySelectorAll('nav a')].filter(each => "
                "!document.getElementById(each.getAttribute('href').slice(1))).length"), 0)
            self.assertEqual(page.evaluate("document.querySelectorAll('nav a').length"),
                             page.evaluate("document.querySelectorAll('h2').length"))

        self.on_each(check)

    def test_dark_and_light_differ(self):
        def check(page):
            grounds = []
            for scheme in ("dark", "light"):
                page.scheme(scheme)
                grounds.append(
                    page.evaluate("getComputedStyle(document.body).backgroundColor"))
                self.shoot(page, scheme)
            self.assertNotEqual(*grounds)

        self.on_each(check)

    def test_a_phone_needs_no_scrolling_sideways(self):
        def check(page):
            page.resize(360, 740)
            page.settle()
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 360)
            self.shoot(page, "narrow")

        self.on_each(check)

    def test_paper_takes_it(self):
        def check(page):
            page.scheme("dark")
            pdf = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
            self.assertTrue(pdf.startswith(b"%PDF-"))
            page_test.expect_full(self, pdf)
            if self.screenshots:
                (self.screenshots / f"{self.kind}-{page.name}.pdf").write_bytes(pdf)

        self.on_each(check, self.printed)


class WithCharts(Pages):
    """What holds of charts that are drawn as SVG."""

    least_charts = {}

    def test_charts_have_names_and_nothing_in_them_is_cut_off_or_meets_a_text(self):
        def check(page):
            self.assertEqual(page.evaluate(
                CHARTS + ".filter(svg => svg.getAttribute('role') !== 'img' || "
                "svg.ariaLabel.length < 20 || svg.querySelector('title').textContent !== "
                "svg.ariaLabel).length"), 0)
            self.assertEqual(page.evaluate(SHAPES_OUTSIDE), [])
            self.assertEqual(page.evaluate(TEXTS_THAT_COLLIDE), [])
            self.assertGreaterEqual(page.evaluate(CHARTS + ".length"), self.least_charts[page.name])

        self.on_each(check)


class Suites(Pages, unittest.TestCase):
    kind = "suite"
    scripts = 1
    tall = {"large"}
    printed = {"sample", "empty"}

    def test_nothing_is_cut_off_in_a_case(self):
        def check(page):
            for width in (1280, 360):
                page.resize(width, 900)
                page.settle()
                self.assertEqual(page.evaluate(CASES + ".filter(each => "
                                 "each.scrollWidth > each.clientWidth).map(each => "
                                 "each.dataset.name)"), [], width)

        self.on_each(check)

    def test_every_case_that_ran_links_to_its_report_beside_the_page(self):
        def check(page):
            links = page.evaluate(
                "[...document.querySelectorAll('.case a')].map(each => each.href)")
            folder = page.url.rsplit("/", 1)[0] + "/"
            for link in links:
                self.assertTrue(link.startswith(folder), link)
                self.assertTrue(link.endswith("/report.html"), link)
            if page.name == "sample":
                self.assertEqual(len(links), 6)
            if page.name == "failed":
                self.assertEqual(links, [])

        self.on_each(check)

    def test_charts_have_names_and_lines_within_their_box(self):
        def check(page):
            # Boxes of cases that are not drawn would be laid out one by one.
            page.evaluate(CASES + ".forEach(each => { each.style.contentVisibility = 'visible'; })")
            bad = page.evaluate(
                "[...document.querySelectorAll('.spark svg')].filter(svg => {"
                "const box = svg.querySelector('path:last-child').getBBox();"
                "return svg.getAttribute('role') !== 'img' || svg.ariaLabel.length < 20 ||"
                "box.width <= 0 || box.x < 0 || box.x + box.width > 241 || box.y < 0 ||"
                "box.y + box.height > 50; }).length")
            page.evaluate(CASES + ".forEach(each => { each.style.contentVisibility = ''; })")
            self.assertEqual(bad, 0)
            charts = page.evaluate("document.querySelectorAll('.spark svg').length")
            self.assertGreaterEqual(charts, {"sample": 6, "large": 2000}.get(page.name, 0))

        self.on_each(check)

    def test_cases_can_be_picked_and_ordered(self):
        def check(page):
            page.evaluate("words.value = 'LIFT 0.8'; words.dispatchEvent(new Event('input'))")
            self.assertEqual(page.evaluate(SHOWN), ["lift/load=0.8"])
            page.evaluate("words.value = ''; words.dispatchEvent(new Event('input'));"
                          "var pick = document.getElementById('status'); pick.value = 'failed';"
                          "pick.dispatchEvent(new Event('change'))")
            self.assertEqual(page.evaluate(SHOWN), ["broken"])
            page.evaluate("pick.value = ''; pick.dispatchEvent(new Event('change'));"
                          "order.value = 'missed'; order.dispatchEvent(new Event('change'))")
            shown = page.evaluate(SHOWN)
            self.assertEqual(shown[:3], ["lift/load=0.8", "lift/load=0.6", "lift/load=1.0"])
            page.evaluate("order.value = 'place'; order.dispatchEvent(new Event('change'))")
            self.assertEqual(page.evaluate(SHOWN)[0], "lift/load=1.0")
            self.assertEqual(page.complaints(), [])

        self.on_each(check, {"sample"})


class Tunings(WithCharts, unittest.TestCase):
    kind = "tuning"
    least_charts = {"found": 9, "refused": 9, "infeasible": 2, "interrupted": 2, "empty": 0,
                    "lift": 2, "large": 8, "wide": 8, "hostile": 9}
    tall = ()
    printed = {"found", "infeasible", "wide"}


class Comparisons(WithCharts, unittest.TestCase):
    kind = "comparison"
    least_charts = {"worse": 1, "suite": 2, "open": 1, "hostile": 0}
    tall = ()
    printed = {"worse", "suite"}

    def test_it_says_first_whether_anything_is_worse(self):
        def check(page):
            bad = page.evaluate("!!document.querySelector('.validity.fail[role=alert]')")
            self.assertEqual(bad, page.name != "open")
            # What is open says so first, too, without alarm.
            self.assertTrue(page.evaluate(
                "document.querySelector('.validity').getBoundingClientRect().top < "
                "document.querySelector('.verdict').getBoundingClientRect().top"))
            self.assertGreater(page.evaluate("document.querySelectorAll('table').length"), 0)

        self.on_each(check)


def main(words):
    if words[:1] == ["--screenshots"]:
        Pages.screenshots = pathlib.Path(words[1])
        Pages.screenshots.mkdir(parents=True, exist_ok=True)
        words = words[2:]
    if len(words) != 2:
        raise SystemExit("usage: suite_page_test.py [--screenshots FOLDER] PROGRAM FOLDER")
    subprocess.run(words, check=True)
    Suites.pages = sorted(pathlib.Path(words[1]).glob("*.html"))
    Comparisons.pages = sorted((pathlib.Path(words[1]) / "comparisons").glob("*.html"))
    Tunings.pages = sorted((pathlib.Path(words[1]) / "tunings").glob("*.html"))
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main(sys.argv[1:])
