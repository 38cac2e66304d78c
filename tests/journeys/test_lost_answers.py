"""Every create whose answer is lost: it is sent once, what it made is found, and nothing is there twice.

Time is virtual, so that lists may lag by a minute.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from deployer.backends.http import uploads
from tests.support import faulty
from tests.support.faulty import Day, Fault, undone, write

STATE = """
vector_stores:
  docs: {name: 문서, files: [docs/**]}
  more: {name: More, files: [more/**]}
assistants:
  tutor:
    model: gpt-6-luna
    instructions: Explain in one sentence.
    tools: [{type: file_search, vector_stores: [docs]}, {type: code_interpreter, files: [data/*]}]
  plain: {model: gpt-6-luna}
"""
FILES = {"docs/a.md": "one", "docs/b.md": "two", "more/a.md": "six", "data/numbers.csv": "a,b\n1,2\n"}
CREATES = {  # how many of each there are
    "POST /v1/vector_stores": 2,
    "POST /v1/files": 4,
    "POST /v1/vector_stores/*/file_batches": 2,
    "POST /v1/assistants": 2,
}
EVERY = [(create, call) for create, number in CREATES.items() for call in range(1, number + 1)]
PROXY = {"body": "<html>Bad</html>", "content_type": "text/html"}
LOST: dict[str, Fault] = {
    "dropped": {"drop": "after"},
    "dropped halfway": {"drop": "halfway"},
    "cut": {"truncate": True},
    "no JSON": {"body": "done"},
    "no object": {"body": "null"},
    "no id": {"body": "{}"},
    "a proxy's page": {"status": 502, "after_work": True, **PROXY},
    **{f"{status} after the work": {"status": status, "after_work": True} for status in (408, 409, 500, 503, 504)},
}
NEVER_DONE: dict[str, Fault] = {"dropped": {"drop": "before"}, "500": {"status": 500}, "409": {"status": 409}}
LISTS = ("vector_stores", "assistants", "agents", "files", "vector_stores/*/files", "vector_stores/*/files/*")


day = partial(faulty.day, at_once=True)


def lagging(seconds: float) -> list[Fault]:
    """Lists that show what was so many seconds ago."""
    return [{"on": f"GET /v1/{path}", "stale": seconds} for path in LISTS] if seconds else []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = write(tmp_path_factory.mktemp("project"), STATE, FILES)
    with day(root) as calm:
        assert undone(calm.apply()) == []
        posts = [one for one in calm.wire.writes if one.startswith("POST")]
        assert len(posts) == sum(CREATES.values()), "every create of the journey is in the matrix"
        return calm.whole.told


def sent(one: Day) -> Counter[str]:
    """What was sent to make something, by the kind of it."""
    return Counter(line.rpartition("/")[2] for line in one.wire.writes if line.startswith("POST"))


def once(tmp_path: Path, *faults: Fault) -> list[str]:
    """Apply once on a day with these faults: everything is done, each create was sent once, the next plan is empty."""
    with day(write(tmp_path / "project", STATE, FILES), *faults) as bad:
        assert undone(bad.apply()) == []
        assert sent(bad) == {"vector_stores": 2, "files": 4, "file_batches": 2, "assistants": 2}
        bad.later(60)
        assert bad.plan().pending == ()
        return bad.whole.told


@pytest.mark.parametrize(("create", "call"), EVERY)
def test_the_connection_breaks_after_the_work(tmp_path: Path, undisturbed: list[str], create: str, call: int) -> None:
    assert once(tmp_path, {"on": create, "calls": [call], "drop": "after"}) == undisturbed


@pytest.mark.sampled(3)
@pytest.mark.parametrize("create", CREATES)
@pytest.mark.parametrize("way", LOST)
def test_every_way_to_lose_an_answer(tmp_path: Path, undisturbed: list[str], create: str, way: str) -> None:
    assert once(tmp_path, {"on": create, "calls": [2], **LOST[way]}) == undisturbed


@pytest.mark.sampled(2)
@pytest.mark.parametrize("create", CREATES)
@pytest.mark.parametrize("lag", (2, 6, 30, 59))
def test_lists_that_lag(tmp_path: Path, undisturbed: list[str], create: str, lag: float) -> None:
    """The answers of all of a kind are lost, and no list shows at once what was written."""
    assert once(tmp_path, {"on": create, "drop": "after"}, *lagging(lag)) == undisturbed


@pytest.mark.parametrize("create", CREATES)
@pytest.mark.parametrize("way", NEVER_DONE)
def test_what_was_never_done_is_unknown_and_done_by_the_next_run(
    tmp_path: Path, undisturbed: list[str], create: str, way: str
) -> None:
    with day(write(tmp_path / "project", STATE, FILES), {"on": create, "calls": [1], **NEVER_DONE[way]}) as bad:
        (first, *_) = [one for one in bad.apply() if one.status == "unknown"]
        assert "is unknown, since its answer was lost and 60 s later" in first.why
        assert "so far, at most 60 s" in bad.told[0]
        bad.converge()
        assert bad.whole.told == undisturbed


AGENTS = "assistants: {tutor: {model: gpt-6-luna, instructions: Explain.}, plain: {model: gpt-6-luna}}"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("way", LOST)
def test_agents(tmp_path: Path, way: str) -> None:
    root = write(tmp_path / "project", AGENTS, {})
    for call in (1, 2):
        fault = {"on": "POST /v1/agents", "calls": [call], **LOST[way]}
        with day(root, fault, *lagging(6), api="agents") as bad:
            assert undone(bad.apply()) == []
            bad.later(6)
            assert len(bad.whole.assistants) == 2


LARGE = "assistants: {a: {model: m, tools: [{type: code_interpreter, files: [large.csv]}]}}"


@pytest.mark.parametrize("on", ("POST /v1/uploads", "POST /v1/uploads/*/parts", "POST /v1/uploads/*/complete"))
@pytest.mark.parametrize("lag", (0, 6))
def test_an_upload_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: str, lag: float) -> None:
    monkeypatch.setattr(uploads, "PART", 10)
    root = write(tmp_path / "project", LARGE, {"large.csv": "a,b\n1,2\n3,4\n5,6\n"})
    with day(root, {"on": on, "drop": "after", "calls": [1]}, *lagging(lag)) as bad:
        assert undone(bad.apply()) == []
        (label,) = bad.whole.files.values()
        assert label.startswith("large.csv ")
        bad.later(lag)
        assert bad.plan().pending == ()


CUT = """
vector_stores:
  docs: {{files: [docs/**], chunking: {{max_chunk_size_tokens: {size}, chunk_overlap_tokens: 0}}}}
"""


def test_a_document_that_is_attached_again_is_not_taken_for_attached(tmp_path: Path) -> None:
    """The store holds it already: that alone does not tell that the new chunking arrived."""
    files = {"docs/a.md": "a", "docs/b.md": "b"}
    for lost in ({"drop": "before"}, {"drop": "after"}):
        root = write(tmp_path / "project", CUT.format(size=200), files)
        with day(root, {"on": "POST /v1/vector_stores/*/file_batches", "calls": [2], **lost}) as bad:
            bad.converge()
            write(root, CUT.format(size=400), files)
            assert [status for status, _ in undone(bad.apply())] == ["vector_store/docs"] * (lost["drop"] == "before")
            bad.converge()
