"""The embedded account in a process of its own, so that it can be killed and measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_SCRIPT = """
import json, sys
from pathlib import Path
from deployer.server import Rehearsal, read_script, serve
answers = Rehearsal(read_script({"version": 1, "turns": json.loads(sys.argv[2])}))
options = {"answers": answers, "lease": float(sys.argv[3])}
serve(Path(sys.argv[1]), "127.0.0.1", 0, None, lambda url: print(url, flush=True), **options)
"""


@dataclass
class Served:
    """A running server: its process and its address."""

    process: subprocess.Popen[str]
    base_url: str


@contextmanager
def served(folder: Path, *turns: dict[str, Any], lease: float = 15) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(folder), json.dumps(turns), str(lease)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout
            base_url = process.stdout.readline().strip()
            assert base_url, process.stderr and process.stderr.read()
            yield Served(process, base_url)
        finally:
            process.kill()
