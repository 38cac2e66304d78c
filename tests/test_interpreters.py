"""Bad input gets the same sentence from every Python that is here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
OWN = f"3.{sys.version_info[1]}"
OTHERS = tuple(
    sorted(path for path in ROOT.glob(".venv-3.*") if path.name != f".venv-{OWN}" and (path / ".ready").exists())
)


def messages(python: str) -> dict[str, Any]:
    environ = {name: value for name, value in os.environ.items() if not re.match("DEPLOYER_|OPENAI_|COVERAGE", name)}
    done = subprocess.run(
        [python, "-m", "tests.support.messages"], cwd=ROOT, env=environ, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not OTHERS, reason="no other Python is set up here: make test-pythons does that")
def test_each_says_the_same() -> None:
    own = messages(sys.executable)
    assert len(own) > 250
    for folder in OTHERS:
        found = messages(str(folder / "bin" / "python"))
        different = {name: (said, found.get(name)) for name, said in own.items() if found.get(name) != said}
        assert different == {}, folder.name
        assert found.keys() == own.keys()
