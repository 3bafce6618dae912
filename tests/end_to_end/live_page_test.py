"""The page that `tokenlift serve` shows of itself: its event stream, and the page in a browser."""

import contextlib
import re
import shutil
import sys
import unittest

from binary_case import BinaryCase, conclusions, main
from served import SERVED, Serving, Watching, chat

# Until it holds; the test's own patience with the browser is the bound.
WAIT = "new Promise(done => {{ const look = () => {} ? done(true) : setTimeout(look, 50); look(); }})"


class LivePage(BinaryCase):
    def test_live_figures(self):
        with Serving(self, SERVED) as server:
            status, headers, page = server.ask("/")
            self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
            self.assertTrue(headers["content-security-policy"].startswith("default-src 'none'; "))
            self.assertIn("frame-ancestors 'none'", headers["content-security-policy"])
            parts = re.findall(r'(?:src|href)="([^"]+)"', page)
            self.assertEqual(sorted(parts), ["data:,", "tokenlift/live.css", "tokenlift/live.js"])
            for part in ("live.css", "live.js"):
                status, headers, text = server.ask("/tokenlift/" + part)
                self.assertEqual((status, headers["x-content-type-options"]), (200, "nosniff"))
                self.assertGreater(len(text), 1000)
            for path in ("/", "/tokenlift/live"):
                self.assertEqual(server.ask(path, headers={"host": "evil.example"})[0], 421)

            with Watching(server) as watching:
                self.assertEqual(watching.reply.getheader("content-type"), "text/event-stream; charset=utf-8")
                name, begin = watching.next()
                self.assertEqual((name, begin["tenants"], begin["sites"]), ("begin", ["users", "batch"], ["hall"]))
                self.assertEqual(begin["throttles"][0]["name"], "door")
                self.assertIn("rate", begin["throttles"][0]["keys"])
                self.assertEqual(server.state()["throttles"],
                                 [{"name": "door", "unit": "requests", "scope": "fleet", "lifted": False, "left": 1,
                                   "most": 1}])
                self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
                # Blanks and lines in an event stay out of the stream.
                event = b'{\n  "leave": {"site": "hall",\r\n "replicas": 1}\n}'
                self.assertEqual(server.ask("/tokenlift/event", event)[0], 200)
                tokens = 0
                at_s = begin["seconds"][-1]["at_s"] if begin["seconds"] else 0
                events = []
                second = {"replicas": 2}
                while tokens < 7.9 or second["replicas"] > 1:  # the test's timeout is the bound
                    name, second = watching.next()
                    self.assertEqual(name, "second")
                    tokens += second["tokens_per_s"] * (second["at_s"] - at_s)
                    at_s = second["at_s"]
                    events += second["events"]
                self.assertAlmostEqual(tokens, 8, 1)
                self.assertGreater(second["ttft_p50_ms"], 0)
                self.assertEqual(second["levels"], [{"lifted": False, "left": 1, "most": 1}])
                self.assertEqual([each["event"] for each in events], [{"leave": {"site": "hall", "replicas": 1}}])
                # Who comes later is told of what was.
                with Watching(server) as later:
                    begin = later.next()[1]
                    self.assertIn(at_s, [each["at_s"] for each in begin["seconds"]])
                    self.assertEqual(begin["events"], events)
                with contextlib.ExitStack() as crowd:
                    # Of the 64 places one is taken, or more, as far as the server has seen who went.
                    statuses = [crowd.enter_context(Watching(server)).reply.status for _ in range(64)]
                    self.assertEqual(set(statuses), {200, 503})
                run = server.end()
                while watching.next() is not None:
                    pass
        self.assertEqual(run["totals"]["completed"], 1)

    @conclusions
    @unittest.skipUnless(any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "no browser")
    def test_live_page_in_a_browser(self):
        sys.path.append(str(self.SOURCE / "tests" / "reports" / "page"))
        from page_test import Browser, Page
        admin = self.path / "admin"
        admin.write_text("ak-1\n")
        browser = Browser()
        self.addCleanup(browser.close)
        with Serving(self, SERVED, "--admin-key-file", str(admin)) as server:
            for _ in range(2):
                server.ask("/v1/chat/completions", chat(), {"x-tenant": "batch"})
            page = Page(browser, f"http://127.0.0.1:{server.port}/")
            page.evaluate(WAIT.format("document.querySelectorAll('#charts path.c0').length === 6"))
            self.assertEqual(page.evaluate("document.title"), "served – tokenlift serve")
            tiles = dict(page.evaluate("[...document.querySelectorAll('#tiles div')].map("
                                       "tile => [...tile.children].map(part => part.textContent))"))
            self.assertEqual(tiles["replicas"], "2")
            self.assertEqual(server.ask("/v1/chat/completions", chat())[0], 200)
            page.evaluate(WAIT.format("/^[0-9.]+ ms$/.test(document.querySelectorAll('#tiles dd')[1].textContent)"))
            self.assertEqual(page.complaints(), [])

            answer = "document.getElementById('answer').textContent"
            press = "document.querySelector('[data-event={}]').click()"
            page.evaluate(press.format("lift"))
            page.evaluate(WAIT.format(answer + " === 'a key is missing'"))
            page.evaluate("document.getElementById('key').value = 'ak-1'")
            page.evaluate("document.getElementById('setting').value = 'rate';"
                          "document.getElementById('value').value = '7/h'")
            for event in ("set", "lift", "leave", "join"):
                page.evaluate(f"document.getElementById('answer').textContent = ''; {press.format(event)}")
                page.evaluate(WAIT.format(answer))
                self.assertIn("It holds from", page.evaluate(answer))
            self.assertEqual([each["event"] for each in server.state()["events"]],
                             [{"set": {"throttle": "door", "rate": "7/h"}}, {"lift": "door"},
                              {"leave": {"site": "hall", "replicas": 1}}, {"join": {"site": "hall", "replicas": 1}}])
            self.assertEqual(server.ask("/v1/chat/completions", chat(), {"x-tenant": "batch"})[0], 200)
            page.evaluate(WAIT.format("document.querySelectorAll('#events li').length === 4"))
            page.evaluate(WAIT.format("document.querySelector('#throttles tr').cells[1].textContent === 'lifted'"))

            origin = f"http://127.0.0.1:{server.port}/"
            self.assertEqual([url for url in page.requests() if not url.startswith((origin, "data:"))], [])
            page.resize(390, 844)
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
            grounds = set()
            for scheme in ("light", "dark"):
                page.scheme(scheme)
                grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            self.assertEqual(len(grounds), 2)
            server.end()


if __name__ == "__main__":
    main()
