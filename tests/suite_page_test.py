"""Opens the pages of suites in headless Chromium and looks at what came of them.

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


class Suites(unittest.TestCase):
    pages = []
    screenshots = None

    @classmethod
    def setUpClass(cls):
        cls.browser = page_test.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def on_each(self, check, names=None):
        for html in self.pages:
            if names and html.stem not in names:
                continue
            with self.subTest(page=html.name):
                page = page_test.Page(self.browser, html)
                try:
                    check(page)
                finally:
                    page.close()

    def shoot(self, page, name):
        if self.screenshots and page.name != "large":
            page.screenshot(self.screenshots / f"suite-{page.name}-{name}.png")

    def test_nothing_goes_wrong_and_nothing_leaves(self):
        def check(page):
            page.settle()
            self.assertEqual(page.complaints(), [])
            self.assertEqual(page.requests(), [page.url])
            self.assertEqual(page.evaluate("document.querySelectorAll('script').length"), 1)
            self.assertEqual(page.evaluate("document.querySelectorAll('img').length"), 0)

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
            bad = page.evaluate(
                "[...document.querySelectorAll('.spark svg')].filter(svg => {"
                "const box = svg.querySelector('path:last-child').getBBox();"
                "return svg.getAttribute('role') !== 'img' || svg.ariaLabel.length < 20 ||"
                "box.width <= 0 || box.x < 0 || box.x + box.width > 241 || box.y < 0 ||"
                "box.y + box.height > 50; }).length")
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

    def test_paper_takes_it(self):
        def check(page):
            page.scheme("dark")
            pdf = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
            self.assertTrue(pdf.startswith(b"%PDF-"))
            if self.screenshots:
                (self.screenshots / f"suite-{page.name}.pdf").write_bytes(pdf)

        self.on_each(check, {"sample", "empty"})


def main(words):
    if words[:1] == ["--screenshots"]:
        Suites.screenshots = pathlib.Path(words[1])
        Suites.screenshots.mkdir(parents=True, exist_ok=True)
        words = words[2:]
    if len(words) != 2:
        raise SystemExit("usage: suite_page_test.py [--screenshots FOLDER] PROGRAM FOLDER")
    subprocess.run(words, check=True)
    Suites.pages = sorted(pathlib.Path(words[1]).glob("*.html"))
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main(sys.argv[1:])
