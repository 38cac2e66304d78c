"""Every create whose answer is lost after the account did the work: one apply is enough, and nothing is there twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.faulty import day, undone, write
from tests.support.states import FILES_A, A

AGENTS = """
vector_stores:
  docs: {name: 문서, files: [docs/**]}
assistants:
  tutor: {name: Tutor, model: gpt-6-luna, instructions: Explain in one sentence.}
  plain: {model: gpt-6-luna}
"""

LOST: dict[str, dict[str, Any]] = {
    "dropped": {"drop": "after"},
    "500 after the work": {"status": 500, "after_work": True},
    "cut": {"truncate": True},
    "a proxy's page": {"status": 502, "after_work": True, "body": "<html>Bad</html>", "content_type": "text/html"},
}

CREATES = {  # how many of each there are in state A
    "POST /v1/vector_stores": 3,
    "POST /v1/files": 12,
    "POST /v1/vector_stores/*/file_batches": 3,
    "POST /v1/assistants": 3,
}

EVERY = [(create, call) for create, number in CREATES.items() for call in range(1, number + 1)]
LAGS = [{"on": f"GET /v1/{path}", "stale": 0.2} for path in ("vector_stores", "assistants", "files")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = write(tmp_path_factory.mktemp("project"), A, FILES_A)
    with day(root) as calm:
        assert undone(calm.apply()) == []
        posts = [one for one in calm.wire.writes if one.startswith("POST")]
        assert len(posts) == sum(CREATES.values()), "every create of the journey is in the matrix"
        return calm.whole.told


def once(tmp_path: Path, *faults: dict[str, Any], lag: float = 0.0) -> list[str]:
    """Apply once on a day with these faults; everything is done, and the next plan is empty."""
    with day(write(tmp_path / "project", A, FILES_A), *faults, lost=lag) as bad:
        assert undone(bad.apply()) == []
        time.sleep(lag)
        assert bad.plan().pending == ()
        return bad.whole.told


@pytest.mark.parametrize(("create", "call"), EVERY)
def test_the_connection_breaks_after_the_work(tmp_path: Path, undisturbed: list[str], create: str, call: int) -> None:
    assert once(tmp_path, {"on": create, "calls": [call], "drop": "after"}) == undisturbed


@pytest.mark.parametrize("create", CREATES)
@pytest.mark.parametrize("way", LOST)
def test_every_way_to_lose_an_answer(tmp_path: Path, undisturbed: list[str], create: str, way: str) -> None:
    assert once(tmp_path, {"on": create, "calls": [2], **LOST[way]}) == undisturbed


@pytest.mark.parametrize("create", CREATES)
def test_the_answers_of_all_of_a_kind_are_lost(tmp_path: Path, undisturbed: list[str], create: str) -> None:
    times = CREATES[create]
    assert once(tmp_path, {"on": create, "times": times, "drop": "after"}) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("create", CREATES)
def test_lists_do_not_show_at_once_what_was_written(tmp_path: Path, undisturbed: list[str], create: str) -> None:
    fault = {"on": create, "calls": [1], "drop": "after"}
    assert once(tmp_path, fault, *LAGS, lag=1.0) == undisturbed  # a busy account is behind by more than it is told to


@pytest.mark.parametrize("way", LOST)
def test_agents(tmp_path: Path, way: str) -> None:
    root = write(tmp_path / "project", AGENTS, {"docs/a.md": "a"})
    with day(root, api="agents") as calm:
        assert undone(calm.apply()) == []
        told = calm.whole.told
    for call in (1, 2):
        with day(root, {"on": "POST /v1/agents", "calls": [call], **LOST[way]}, api="agents") as bad:
            assert undone(bad.apply()) == []
            assert bad.whole.told == told


LARGE = "assistants: {a: {model: m, tools: [{type: code_interpreter, files: [large.csv]}]}}"


@pytest.mark.slow
@pytest.mark.parametrize("on", ("POST /v1/uploads", "POST /v1/uploads/*/parts", "POST /v1/uploads/*/complete"))
def test_an_upload_in_parts(tmp_path: Path, on: str) -> None:
    root = write(tmp_path / "project", LARGE, {})
    with (root / "large.csv").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with day(root, {"on": on, "calls": [1], "drop": "after"}) as bad:
        assert undone(bad.apply()) == []
        (label,) = bad.whole.files.values()
        assert label.startswith("large.csv ")
        assert bad.plan().pending == ()


@pytest.mark.parametrize("lost", ({"drop": "before"}, {"status": 500}))
def test_an_account_that_never_does_it_is_not_asked_for_ever(tmp_path: Path, lost: dict[str, Any]) -> None:
    """Nothing is done: the apply ends and says so, and the next one does what is left."""
    create = "POST /v1/vector_stores/*/file_batches"
    with day(write(tmp_path / "project", AGENTS, {"docs/a.md": "a"}), {"on": create, "times": 3, **lost}) as bad:
        assert [address for address, _ in undone(bad.apply())] == ["vector_store/docs"]
        bad.converge()


CUT = """
vector_stores:
  docs: {{files: [docs/**], chunking: {{max_chunk_size_tokens: {size}, chunk_overlap_tokens: 0}}}}
"""


@pytest.mark.parametrize("lost", ({"drop": "before"}, {"drop": "after"}, {"status": 500}))
def test_a_document_that_is_attached_again_is_not_taken_for_attached(tmp_path: Path, lost: dict[str, Any]) -> None:
    """The store holds it already: that alone does not tell that the new chunking arrived."""
    files = {"docs/a.md": "a", "docs/b.md": "b"}
    root = write(tmp_path / "project", CUT.format(size=200), files)
    with day(root, {"on": "POST /v1/vector_stores/*/file_batches", "calls": [2], **lost}) as bad:
        bad.converge()
        write(root, CUT.format(size=400), files)
        bad.converge()
