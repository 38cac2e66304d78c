"""What lists do not show yet: a run ends when they show what it made, and the next one finds what was begun."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from deployer import cache
from deployer.project import ApplyStatus
from tests.journeys.test_lost_answers import CREATES, FILES, STATE, lagging
from tests.support import faulty
from tests.support.faulty import Day, Fault, write

day = partial(faulty.day, at_once=True)
OBJECTS = ("POST /v1/vector_stores", "POST /v1/assistants")
LISTS = ("vector_stores", "assistants", "files", "vector_stores/*/files")
SHOWN = {create: create.replace("POST", "GET").replace("file_batches", "files") for create in CREATES}
CHANGED = STATE.replace("문서", "Documents").replace("one sentence", "two sentences")


def counts(one: Day) -> tuple[int, int, int, int]:
    """How many assistants, stores, File objects and memberships there are."""
    whole = one.whole
    return len(whole.assistants), len(whole.stores), len(whole.files), sum(map(len, whole.members.values()))


ALL = (2, 2, 4, 3)


def forgotten(one: Day) -> None:
    """Another machine has the repository and no cache."""
    shutil.rmtree(one.root / cache.FOLDER, ignore_errors=True)


@pytest.mark.parametrize("lag", (3, 20, 59))
def test_a_run_without_trouble_ends_when_the_lists_show_what_it_made(tmp_path: Path, lag: float) -> None:
    with day(write(tmp_path / "project", STATE, FILES), *lagging(lag)) as one:
        for state in (STATE, CHANGED, ""):
            write(one.root, state, FILES if state else {})
            result = one.whole_run()
            assert result.status is ApplyStatus.DONE, result
            assert result.left is not None
            assert result.left.pending == ()
            assert one.plan().pending == ()
        assert any("waiting until" in said for said in one.told) == (lag > 5)
        assert counts(one) == (0, 0, 0, 0)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_lags_for_longer_is_no_reason_to_make_anything_twice(tmp_path: Path, path: str) -> None:
    """What it does not list in time is taken back, or unknown; whatever is run afterwards."""
    with day(write(tmp_path / "project", STATE, FILES), {"on": f"GET /v1/{path}", "stale": 400.0}) as one:
        for _ in range(3):
            assert one.whole_run().ok == (path == "files")
            assert all(found <= most for found, most in zip(counts(one), ALL, strict=True))


def _looks_for_it(one: Day, create: str) -> bool:
    """Whether the create was carried out, and its answer lost: it is looked for."""
    log = one.wire.log
    return create in log and create.replace("POST", "GET") in log[log.index(create) :]


@pytest.mark.parametrize("create", OBJECTS)
@pytest.mark.parametrize("lag", (0, 20, 59))
def test_what_a_killed_run_was_making_is_found_by_the_next_one(tmp_path: Path, create: str, lag: float) -> None:
    """The journal tells on the same machine, however far the lists lag behind."""
    with day(write(tmp_path / "project", STATE, FILES), {"on": create, "drop": "after"}, *lagging(lag)) as one:
        one.killed(lambda: _looks_for_it(one, create.replace("/v1", "")))
        result = one.whole_run()
        assert result.ok, result
        assert counts(one) == ALL


@pytest.mark.parametrize("create", CREATES)
def test_what_ended_as_unknown_is_found_by_the_next_run_on_any_machine(tmp_path: Path, create: str) -> None:
    fault: Fault = {"on": create, "drop": "after", "calls": [1]}
    lists = [one for one in lagging(70) if one["on"].startswith(SHOWN[create])]
    with day(write(tmp_path / "project", STATE, FILES), fault, *lists) as one:
        assert "unknown" in {outcome.status for outcome in one.whole_run().outcomes}
        one.later(10)
        forgotten(one)
        for _ in range(2):
            one.whole_run()
            one.later(70)
            forgotten(one)
        assert one.whole_run().ok
        assert counts(one) == ALL
