"""The compliance tests of Open Responses, by others, against the embedded account."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from deployer.server import BackgroundServer

_PROGRAM = Path(sys.executable).parent / "llm-comply"


def test_open_responses_are_complied_with(tmp_path: Path) -> None:
    with BackgroundServer(tmp_path) as server:
        # The name of a model that reasons; else one of the tests is skipped.
        command = [
            str(_PROGRAM),
            "--base-url",
            server.base_url,
            "--api-key",
            "any",
            "--model",
            "gpt-5-rehearsed",
            "--json",
        ]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout)
    assert [result for result in told["results"] if result["status"] != "passed"] == []
    assert told["summary"]["passed"] >= 13
