"""A sample of the modes of benchmarks.any_service: whatever a service answers, the end is told, and true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.project import applying
from deployer.server import EmbeddedAccount
from tests.support.hostile import CALM, MODES, Hostile, Mode, hostile
from tests.support.project import Project, Result
from tests.support.whole import Whole, whole

MANIFEST = """
accounts: {{far: {{api: assistants, base_url: "{url}", api_key: "${{env.KEY}}"}}}}
vector_stores: {{docs: {{files: [docs/**]}}}}
assistants: {{tutor: {{name: Tutor, model: m, tools: [{{type: file_search, vector_stores: [docs]}}]}}}}
"""
SAMPLE = (  # none of them waits: what does is left to the benchmark
    *("another protocol", "a JSON list", "an error called 200", "not gzip"),
    *("403 on everything", "405 on writes", "400 on attaching", "quota", "a forged message"),
    *("307 to another host", "308 for ever"),
    *("no id", "answers as lists", "updated, but is not"),
    *("no metadata", "metadata cut", "small letters", "rows in another order"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile() as one:
        yield one


def run(project: Project, server: Hostile, mode: Mode, *arguments: str) -> tuple[Result, Whole]:
    with EmbeddedAccount(project.root / "account") as sound:
        server.become(mode, sound.app)
        result = project.run(*arguments, "--account", "far")
        server.become(CALM, sound.app)
        return result, whole(sound)


def flaws(result: Result, found: Whole, wanted: list[str]) -> list[str]:
    """What is wrong with an end: a bug, an end that is not true, two of the same."""
    text = result.out + result.err
    return [
        *(["a bug"] if "Traceback" in text or result.code not in (0, 1) else []),
        *(["it is not done"] if result.code == 0 and found.content != wanted else []),
        *found.twice,
    ]


@pytest.fixture
def far(project: Project, server: Hostile, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("KEY", "any")
    monkeypatch.setattr(applying, "_FORM", 0.0)
    project.write("docs/a.md", "# A\n")
    project.manifest(MANIFEST.format(url=server.base_url))
    return project


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory, server: Hostile) -> list[str]:
    """What a sound account holds after an apply."""
    root: Path = tmp_path_factory.mktemp("wanted")
    project = Project(root)
    project.write("docs/a.md", "# A\n")
    path = project.manifest(MANIFEST.format(url=server.base_url))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEY", "any")
        result, found = run(project, server, CALM, "apply", "--yes", "-f", str(path))
    assert result.code == 0, result.err
    return found.content


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SAMPLE)
def test_an_end_is_told_and_true(far: Project, server: Hostile, wanted: list[str], name: str) -> None:
    mode = MODES[name]
    for _ in range(2):
        result, found = run(far, server, mode, "apply", "--yes")
        assert flaws(result, found, wanted) == []
        assert (result.out + result.err).strip()
        assert server.strayed == 0
    result, found = run(far, server, CALM, "apply", "--yes")
    assert (result.code, found.content) == (0, wanted), result.out + result.err


def test_the_table_holds_every_kind() -> None:
    kinds = Counter(one.kind for one in MODES.values())
    assert set(kinds) == {
        *("broken", "refusing", "redirecting", "slow", "huge", "lying", "lagging", "normalising", "forgetting")
    }
    assert kinds.total() >= 60
    assert set(SAMPLE) <= set(MODES)
