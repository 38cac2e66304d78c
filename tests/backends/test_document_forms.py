"""A service that keeps of a document what it is sent in a form of its own: attributes and chunking, on every write.

After each apply the next plan is empty, on another machine too; nothing drifts; an edit by hand is still one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from deployer.engine import drift
from deployer.model import OnDrift, Origin, Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from deployer.server import EmbeddedAccount
from tests.backends.test_service_forms import _forget
from tests.support.live import App, Wire, apply, http, session
from tests.support.project import Project
from tests.support.services import Refusal, Service

Body = dict[str, Any]
Form = Callable[[Body], Body]
OWN = "deployer_"


def _attributes(change: Callable[[Body], Body]) -> Form:
    def form(entry: Body) -> Body:
        if "attributes" not in entry:
            return entry
        own = {name: value for name, value in entry["attributes"].items() if name.startswith(OWN)}
        rest = {name: value for name, value in entry["attributes"].items() if name not in own}
        return {**entry, "attributes": {**change(rest), **own}}

    return form


def _cut(size: Callable[[int], int]) -> Form:
    def form(entry: Body) -> Body:
        if "chunking_strategy" not in entry and "file_id" not in entry:
            return entry  # an update of attributes
        static = entry.get("chunking_strategy", {}).get("static", {"max_chunk_size_tokens": 800})
        cut = {"max_chunk_size_tokens": size(static["max_chunk_size_tokens"]), "chunk_overlap_tokens": 100}
        return {**entry, "chunking_strategy": {"type": "static", "static": cut}}

    return form


def chunking(size: int) -> Body:
    return {"chunking": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": 100}}


def _text(value: Any) -> str:
    return str(value).strip().lower()


CASES: Mapping[str, tuple[Form, Body, Body]] = {
    "values trimmed": (
        _attributes(lambda all_: {name: _text(value) for name, value in all_.items()}),
        {"attributes": {"team": " Blue "}},
        {"attributes": {"team": " Red "}},
    ),
    "numbers and truths as text": (
        _attributes(lambda all_: {name: _text(value) for name, value in all_.items()}),
        {"attributes": {"year": 2030, "final": True}},
        {"attributes": {"year": 2031, "final": True}},
    ),
    "keys in small letters": (
        _attributes(lambda all_: {name.lower(): value for name, value in all_.items()}),
        {"attributes": {"Team": "blue", "plain": "x"}},
        {"attributes": {"Team": "red", "plain": "x"}},
    ),
    "chunks rounded": (_cut(lambda size: size // 100 * 100), chunking(850), chunking(950)),
    "chunks of another default": (_cut(lambda size: size // 2), {}, {"attributes": {"team": "blue"}}),
}


def declare(project: Project, entry: Body) -> None:
    project.manifest(yaml.safe_dump({"vector_stores": {"docs": {"files": [{"path": "docs/*", **entry}]}}}))


def service(app: App, form: Form) -> Wire:
    def alter(method: str, path: str, body: Any) -> Any:
        if method != "POST" or "/file" not in path or not path.startswith("/vector_stores/"):
            return body
        return {**body, "files": [form(one) for one in body["files"]]} if "files" in body else form(body)

    return Wire(Service(app, alter))


async def edit_by_hand(one: Session) -> None:
    (store,) = await one.account.of("vector_store").list("vector_store")
    member = (await one.account.files.members(store["id"]))[0]
    path = f"/vector_stores/{store['id']}/files/{member.id}"
    row = (await http(one).get(path)).data
    changed = {name: "by hand" for name in row["attributes"] if not name.startswith(OWN)}
    await http(one).write("POST", path, {"attributes": {**row["attributes"], **changed}})


@pytest.mark.parametrize("name", CASES)
def test_a_form_of_its_own_is_no_edit(project: Project, name: str) -> None:
    form, first, second = CASES[name]
    for one in "ab":
        project.write(f"docs/{one}.md", one)

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            wire = service(account.app, form)
            for number, entry in enumerate((first, second, first)):
                declare(project, entry)
                async with session(project.root, "assistants", wire) as one:
                    (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                    assert outcome.status is Status.DONE, outcome.why
                    news = [note for note in outcome.notes if "its own form of it, and no edit" in note]
                    assert len(news) == len(outcome.notes)
                    assert news or number, "told when it is new"
                    plan = await one.plan()
                    assert (plan.pending, plan.problems, drift.moved(plan)) == ((), (), ())
                _forget(project)
                async with session(project.root, "assistants", wire) as other:
                    assert (await other.plan(PlanOptions(prune=True))).pending == ()
            if "attributes" in first:
                async with session(project.root, "assistants", Wire(account.app)) as one:
                    await edit_by_hand(one)
                async with session(project.root, "assistants", wire) as one:
                    (change,) = (await one.plan()).pending
                    assert [found.origin for found in change.files] == [Origin.ACCOUNT]
                    assert [found.status for found in await apply(one)] == [Status.DONE]
                    assert (await one.plan()).pending == ()

    asyncio.run(work())


def test_an_attribute_that_is_not_taken_is_no_edit_of_anybody(project: Project) -> None:
    declare(project, {"attributes": {"team": "blue", "year": 2030}})
    project.write("docs/a.md", "a")
    dropping = _attributes(lambda all_: {name: value for name, value in all_.items() if name != "team"})

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            async with session(project.root, "assistants", service(account.app, dropping)) as one:
                for _ in range(2):
                    (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                    assert [note for note in outcome.notes if note.endswith("it did not take it")], outcome
                    (change,) = (await one.plan()).pending
                    assert [found.origin for found in change.files] == [Origin.MANIFEST]
            async with session(project.root, "assistants", Wire(account.app)) as one:
                (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                assert (outcome.status, outcome.notes, (await one.plan()).pending) == (Status.DONE, (), ())

    asyncio.run(work())


def test_a_path_that_comes_back_in_another_spelling_is_no_stamp(project: Project) -> None:
    """The next run would take it for another document: it is taken back, however often it is tried."""
    declare(project, {})
    project.write("docs/A.md", "a")
    project.write("docs/b.md", "b")

    def lower(entry: Body) -> Body:
        attributes = {name: _text(value) for name, value in entry.get("attributes", {}).items()}
        return {**entry, "attributes": attributes} if attributes else entry

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            for _ in range(2):
                async with session(project.root, "assistants", service(account.app, lower)) as one:
                    (outcome,) = await apply(one, on_drift=OnDrift.FAIL)
                    assert "'docs/a.md' came back where 'docs/A.md' was sent" in outcome.why
                    (store,) = await one.account.of("vector_store").list("vector_store")
                    assert await one.account.files.members(store["id"]) == ()
                    assert await one.account.files.stored() == []

    asyncio.run(work())


def test_nothing_is_asked_or_written_twice_where_the_service_keeps_what_it_is_sent(project: Project) -> None:
    declare(project, {**chunking(900), "attributes": {"team": "blue"}})
    for number in range(20):
        project.write(f"docs/{number}.md", str(number))

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            wire = service(account.app, lambda entry: entry)
            async with session(project.root, "assistants", wire) as one:
                await apply(one)
            members = [line for line in wire.log if "/files/" in line and "content" not in line]
            assert [line.partition(" ")[0] for line in members] == ["GET", "GET"]

    asyncio.run(work())


MANY = 30


@pytest.mark.parametrize("form", (False, True))
def test_of_many_sorts_a_few_are_looked_at_until_one_differs(project: Project, *, form: bool) -> None:
    entries = [{"path": f"docs/{one}.md", "attributes": {"team": f" Team {one}"}} for one in range(MANY)]
    project.manifest(yaml.safe_dump({"vector_stores": {"docs": {"files": entries}}}))
    for one in range(MANY):
        project.write(f"docs/{one}.md", str(one))

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            wire = service(account.app, CASES["values trimmed"][0] if form else lambda entry: entry)
            async with session(project.root, "assistants", wire) as one:
                await apply(one, on_drift=OnDrift.FAIL)
                asked = [line for line in wire.log if "/files/" in line and "content" not in line]
                assert len([line for line in asked if line.startswith("GET")]) <= 9
                assert len([line for line in asked if line.startswith("POST")]) == (MANY if form else 0)
                assert (await one.plan()).pending == ()

    asyncio.run(work())


def test_what_is_cut_by_default_is_seen_beside_what_is_declared(project: Project) -> None:
    """The first document that is read back declares its chunking."""
    entries = [{"path": "docs/A.md", **chunking(800)}, {"path": "docs/b.md"}]
    project.manifest(yaml.safe_dump({"vector_stores": {"docs": {"files": entries}}}))
    project.write("docs/A.md", "a")
    project.write("docs/b.md", "b")

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            async with session(project.root, "assistants", service(account.app, _cut(lambda size: size // 2))) as one:
                assert [found.status for found in await apply(one)] == [Status.DONE]
                assert (await one.plan()).pending == ()

    asyncio.run(work())


def test_a_service_that_changes_no_document_is_told(project: Project) -> None:
    """It has no way to remember its own form; nothing fails of that alone, and nothing is sent again and again."""
    declare(project, {"attributes": {"team": " Blue "}})
    project.write("docs/a.md", "a")
    form = CASES["values trimmed"][0]

    def alter(method: str, path: str, body: Any) -> Any:
        if method == "POST" and "/files/" in path:
            return Refusal(405)
        return {**body, "files": [form(one) for one in body["files"]]} if body and "files" in body else body

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            async with session(project.root, "assistants", Wire(Service(account.app, alter))) as one:
                (outcome,) = await apply(one)
                assert outcome.status is Status.DONE
                assert [note for note in outcome.notes if "declare the values as the service has them" in note]

    asyncio.run(work())
