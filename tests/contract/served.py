"""`deployer serve` as a process of its own, the way a person starts it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 20


@dataclass(frozen=True)
class Served:
    """What it said until it listened, and where that is."""

    process: subprocess.Popen[str]
    said: str
    base_url: str

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; give the exit code and all that was said after the start, standard error included."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, rest


@contextmanager
def serve(folder: Path, *arguments: str) -> Iterator[Served]:
    """Start it on a free port with its account in `folder`; it is killed at the end if the test has not stopped it."""
    command = [sys.executable, "-u", "-m", "deployer", "serve", "--port", "0", "--data", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line)
                if found := re.search(r"http://\S+/v1", line):
                    yield Served(process, "".join(lines), found[0])
                    return
            raise AssertionError(f"it did not start: {''.join(lines)}")
        finally:
            process.kill()
