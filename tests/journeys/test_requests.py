"""The same requests as ever: every journey through the command line, compared with what was recorded on 2026-11-28.

`python -m tests.journeys.test_requests` records anew; do so only when what an account is asked is meant to change.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from tests.manifest.foreign import by_hand
from tests.support.project import Project
from tests.support.requests import Recorder, recording
from tests.support.states import FILES_A, FILES_B, A, B

RECORDED = Path(__file__).parents[1] / "data" / "requests"
APIS = ("assistants", "agents")
_EXPECTED = (0, 1, 2)  # 1: a rollback says which bytes it could not get back

FOREIGN = """
vector_stores:
  docs: {name: Docs, files: [docs/**]}
assistants:
  tutor:
    name: Tutor
    model: gpt-6-luna
    instructions: Explain.
    metadata: {team: education}
"""


def write(project: Project, api: str, text: str, files: dict[str, str]) -> None:
    """Write the manifest and exactly these documents."""
    for folder in ("docs", "shared", "small", "data"):
        for path in sorted((project.root / folder).rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    for name, content in files.items():
        project.write(name, content)
    project.manifest(f"accounts: {{here: {{api: {api}}}}}\n{text}")


def there_and_back(project: Project, api: str) -> Iterator[tuple[str, ...]]:
    """Empty → A → B → A → empty, with a rollback from B and back to it."""
    write(project, api, A, FILES_A)
    yield ("apply", "--yes")
    yield ("plan",)
    write(project, api, B, FILES_B)
    yield ("apply", "--yes", "--prune")
    yield ("plan", "--check-files", "--exit-code")
    yield ("rollback", "--yes")
    yield ("rollback", "--yes")
    write(project, api, A, FILES_A)
    yield ("apply", "--yes")
    yield ("drift",)
    yield ("gc", "--yes")
    write(project, api, "", {})
    yield ("apply", "--yes", "--prune", "--force", "prune-limit")
    yield ("plan", "--exit-code")


def taken_over(project: Project, api: str) -> Iterator[tuple[str, ...]]:
    """Adopt a store and an assistant that were made by hand, change them, and destroy everything."""
    write(project, api, FOREIGN, {"docs/one.md": "# one\n", "docs/two.md": "# two\n"})
    with by_hand(project.root, api) as hand:
        path = "assistants" if api == "assistants" else "agents"
        one = hand.make(path, name="Tutor", model="gpt-6-luna", instructions="Explain.", metadata={"own": "pair"})
        store = hand.store({"one.md": b"# one\n", "other.md": b"# other\n"}, name="Docs")
    yield ("adopt", "assistant/tutor", str(one["id"]), "--yes")
    yield ("adopt", "vector_store/docs", store, "--yes")
    yield ("apply", "--yes")
    yield ("rollback", "--yes")
    yield ("outputs",)
    yield ("apply", "--yes")
    yield ("destroy", "--confirm", "test")


JOURNEYS: dict[str, Callable[[Project, str], Iterator[tuple[str, ...]]]] = {
    "there and back": there_and_back,
    "taken over": taken_over,
}


def requests(project: Project, api: str, journey: str) -> list[dict[str, Any]]:
    """Walk a journey; give the requests of each command."""
    phases = []
    with recording() as recorder:
        for command in JOURNEYS[journey](project, api):
            recorder.phase()  # what somebody did by hand
            phases.append(asked(project, recorder, command))
    return phases


def asked(project: Project, recorder: Recorder, command: tuple[str, ...]) -> dict[str, Any]:
    result = project.run(*command, "--account", "here")
    assert result.code in _EXPECTED, f"{command}\n{result.out}\n{result.err}"
    said = recorder.named(" ".join(command))
    return {"command": said, "exit": result.code, **recorder.phase()}


def _file(api: str, journey: str) -> Path:
    return RECORDED / f"{journey.replace(' ', '-')}-{api}.json"


@pytest.mark.parametrize("journey", JOURNEYS)
@pytest.mark.parametrize("api", APIS)
def test_a_journey_sends_the_requests_that_were_recorded(project: Project, api: str, journey: str) -> None:
    recorded = json.loads(_file(api, journey).read_text(encoding="utf-8"))
    for found, expected in zip(requests(project, api, journey), recorded, strict=True):
        assert found == expected


def record() -> None:
    """Write the requests of every journey, as the code of today sends them."""
    os.environ["NO_COLOR"] = "1"
    for api in APIS:
        for journey in JOURNEYS:
            with tempfile.TemporaryDirectory() as folder, chdir(folder):
                phases = requests(Project(Path(folder)), api, journey)
            text = json.dumps(phases, ensure_ascii=False, indent=1)
            _file(api, journey).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    record()
