"""What the end-to-end tests share: a small lift, and the real binary to run it with."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
from pathlib import Path

SMALL = """
name = "small"
description = "A lift in three seconds"

[run]
engine = "threads"
duration = "3s"
warmup = "200ms"
settle = "300ms"
seed = 7

[[fleet.site]]
name = "here"
replicas = 2
profile = "cpu-tiny"
max_batch = 8
max_step_tokens = 128
kv_tokens = 4096

[[tenant]]
name = "users"
arrivals = { process = "poisson", rate = "150/s" }
prompt_tokens = { distribution = "uniform", min = 8, max = 32 }
output_tokens = { distribution = "uniform", min = 2, max = 16 }
slo = { ttft = "200ms" }

[[throttle]]
name = "output limit"
kind = "token_bucket"
unit = "output_tokens"
rate = "700/s"
burst = "500ms"
when_full = "queue"
max_wait = "200ms"

[[event]]
at = "1.5s"
lift = "output limit"
"""

# What a step of cpu-tiny roughly costs; any machine may play it.
PROFILE = """
[profile.cpu-tiny]
description = "by hand"
max_batch = 8
decode = { a = "60us", b = "4us", c = "50ns" }
prefill = { p0 = "60us", p1 = "3.6us", p2 = "11ns" }
"""

TRACE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:46.9951690,396,109
2023-11-16 18:15:47.2224670,879,55
2023-11-16 18:15:47.3910170,91,16
"""


# Sanitizers make the program several times slower, and look for what one run of a command shows. There
# left out: tests that only draw conclusions from what other tests have the program do.
SANITIZED = "TOKENLIFT_SANITIZED" in os.environ
conclusions = unittest.skipIf(SANITIZED, "conclusions are those of the optimised program")


class BinaryCase(unittest.TestCase):
    TOKENLIFT = ""
    SOURCE = Path()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)
        self.scenario = self.path / "small.toml"
        self.scenario.write_text(SMALL)

    def run_tokenlift(self, *words, code=None, **options):
        options.setdefault("cwd", self.path)
        options.setdefault("timeout", 120)
        done = subprocess.run([self.TOKENLIFT, *map(str, words)], capture_output=True, text=True,
                              **options)
        if code is not None:
            self.assertIn(done.returncode, code if isinstance(code, tuple) else (code,),
                          done.stdout + done.stderr)
        return done

    def run_small(self, *words, out="out", code=(0, 3), **options):
        done = self.run_tokenlift("run", self.scenario, "--out", out, *words, code=code, **options)
        return done, json.loads((self.path / out / "run.json").read_text())

    def on_terminal(self, *words, columns=100, environment=None):
        """Runs it on a pseudo-terminal; returns its exit code and the screen's bytes as text."""
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
            os.environ.pop("NO_COLOR", None)
            os.environ.update(environment or {})
            os.chdir(self.path)
            os.execv(self.TOKENLIFT, [self.TOKENLIFT, *map(str, words)])
        screen = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other side has been closed
                break
            if not piece:
                break
            screen += piece
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), screen.decode()

    def scenario_with(self, old, new):
        self.assertIn(old, SMALL)
        path = self.path / "changed.toml"
        path.write_text(SMALL.replace(old, new))
        return path

    def profile_file(self, text=PROFILE):
        path = self.path / "profiles.toml"
        path.write_text(text)
        return path


def main():
    """To be called with the words TOKENLIFT SOURCE_FOLDER [unittest's arguments]."""
    BinaryCase.TOKENLIFT = os.path.abspath(sys.argv[1])
    BinaryCase.SOURCE = Path(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
