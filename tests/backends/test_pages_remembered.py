"""Pages are asked for beside each other from the second run on, and what is remembered is never trusted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deployer.engine import stamp
from deployer.kinds.vector_store import PATH_KEY, SHA_KEY
from deployer.model import Address
from tests.backends.customer import KEY
from tests.backends.servers import Asked, Reply, Server, page, said, serving
from tests.support.project import Project, Result

FILES = "/vector_stores/vs_1/files"
MARK = stamp.write("test", Address("vector_store", "notes"), {}, "")
CACHE = Path(".deployer", "cache", "cursors.json")


class Account:
    """A store with many foreign files, served as the API serves it; with a `barrier`, pages wait for each other."""

    def __init__(self, count: int) -> None:
        self.ids = [f"file-{number}" for number in range(count)]
        self.barrier: threading.Barrier | None = None

    def __call__(self, asked: Asked) -> Reply:
        if asked.collection == "/vector_stores":
            return page({"id": "vs_1", "object": "vector_store", "metadata": MARK})
        if asked.collection != FILES:
            return page()
        if self.barrier:
            self.barrier.wait(timeout=20)
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        start = 0
        if after := query.get("after"):
            if after not in self.ids:
                return said({"error": {"message": "no such cursor"}}, 404)
            start = self.ids.index(after) + 1
        assert query["order"] == "asc"
        rest = self.ids[start:]
        rows = [{"id": one, "attributes": {PATH_KEY: one, SHA_KEY: one}} for one in rest[: int(query["limit"])]]
        return page(*rows, has_more=len(rest) > len(rows))


@pytest.fixture
def account() -> Account:
    return Account(350)


@pytest.fixture
def server(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("BAD_KEY", KEY)
    with serving(account) as server:
        yield server


def plan(project: Project, server: Server, *, base_url: str = "") -> tuple[Result, int]:
    """Plan, and count the requests for pages of files."""
    project.manifest(
        f"""
        accounts:
          bad: {{api: assistants, base_url: "{base_url or server.base_url}", api_key: "${{env.BAD_KEY}}"}}
        vector_stores:
          notes: {{}}
        """
    )
    server.asked.clear()
    result = project.run("plan", "--account", "bad", "--format", "json")
    server.settle()  # what was asked for in vain may arrive late
    assert result.code == 0, result.err
    return result, sum(one.collection == FILES for one in server.asked)


def seen(result: Result) -> set[str]:
    (change,) = result.json()["changes"]
    return {one["path"] for one in change["files"]["remove"]}


def test_the_second_run_asks_for_all_pages_at_once(project: Project, server: Server, account: Account) -> None:
    """None of them is answered before all have been asked for."""
    assert plan(project, server)[1] == 4
    account.barrier = threading.Barrier(4)
    result, pages = plan(project, server)
    assert pages == 4
    assert seen(result) == set(account.ids)


@pytest.mark.parametrize("moved", ("front", "middle", "cursor", "end", "most", "all"))
def test_a_list_that_moved_is_read_as_it_is(project: Project, server: Server, account: Account, moved: str) -> None:
    plan(project, server)
    ids = account.ids
    account.ids = {
        "front": ["new", *ids],
        "middle": [*ids[:150], *ids[151:]],
        "cursor": [one for one in ids if one != "file-99"],
        "end": [*ids, *(f"new-{number}" for number in range(100))],
        "most": ids[340:],
        "all": [f"other-{number}" for number in range(120)],
    }[moved]
    assert seen(plan(project, server)[0]) == set(account.ids)
    assert plan(project, server)[1] == -(-len(account.ids) // 100)


GARBLED = (
    "",
    "[]",
    "{",
    '{"%s": 7}',
    '{"%s": {"%s": "file-99"}}',
    '{"%s": {"%s": [7, null, "../x", "\\ud800", "a b"]}}',
)


@pytest.mark.parametrize("text", GARBLED)
def test_a_garbled_memory_is_none(project: Project, server: Server, account: Account, text: str) -> None:
    plan(project, server)
    text = text.replace("%s", server.base_url, 1).replace("%s", FILES)
    (project.root / CACHE).write_text(text, encoding="utf-8")
    result, pages = plan(project, server)
    assert (seen(result), pages) == (set(account.ids), 4)


def test_accounts_are_told_apart_and_no_secret_is_kept(project: Project, server: Server, account: Account) -> None:
    plan(project, server)
    plan(project, server, base_url=server.base_url.replace("127.0.0.1", "user:hunter2@localhost"))
    kept = json.loads((project.root / CACHE).read_text(encoding="utf-8"))
    assert set(kept) == {server.base_url, server.base_url.replace("127.0.0.1", "localhost")}
    assert all(one == {FILES: [f"file-{number}" for number in (99, 199, 299)]} for one in kept.values())
    assert "hunter2" not in (project.root / CACHE).read_text(encoding="utf-8")
    assert account.ids
