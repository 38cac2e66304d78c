"""Services that take documents in another form, keep no attributes of them, count fewer, or refuse some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from deployer import cache
from deployer.backends.base import AttachForm
from deployer.backends.capabilities import of_account
from deployer.engine import drift
from deployer.model import Action, FileAction, Outcome, Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from deployer.server import EmbeddedAccount
from tests.support.killed import Door, served
from tests.support.live import App, Wire, apply, http, session
from tests.support.project import Project
from tests.support.services import Refusal, Service

STORE = "vector_stores:\n  docs: {name: Docs, metadata: {team: x}, files: [docs/*]}\n"
Alter = Callable[[str, str, Any], Any]


def unknown(name: str) -> Refusal:
    return Refusal(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)


def is_batch(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/file_batches")


def is_member(method: str, path: str) -> bool:
    return method == "POST" and "/vector_stores/" in path and "/files" in path


def foundry(method: str, path: str, body: Any) -> Any:
    """Foundry classic: batches of `file_ids`, no attributes (azure-ai-agents 1.1.0)."""
    if is_batch(method, path) and "files" in body:
        return unknown("files")
    if (is_batch(method, path) or is_member(method, path)) and "attributes" in body:
        return unknown("attributes")
    return body


def in_bare_words(method: str, path: str, body: Any) -> Any:
    """The same without a code or a parameter."""
    found = foundry(method, path, body)
    return Refusal(400, found.message) if isinstance(found, Refusal) else found


def fastapi(method: str, path: str, body: Any) -> Any:
    """Batches take `file_ids` alone, and what is unknown is a finding of pydantic's."""
    if is_batch(method, path) and "files" in body:
        finding = {"type": "missing", "loc": ["body", "file_ids"], "msg": "Field required"}
        return Refusal(422, body={"detail": [finding]})
    return body


def without_batches(_method: str, path: str, body: Any) -> Any:
    return Refusal(404, "Not Found") if "/file_batches" in path else body


def bare(method: str, path: str, body: Any) -> Any:
    """Neither batches nor attributes."""
    if is_member(method, path) and body.get("attributes"):
        return unknown("attributes")
    return without_batches(method, path, body)


def forgetful(method: str, path: str, body: Any) -> Any:
    """Attributes are taken, and not kept."""
    if is_batch(method, path):
        files = [{name: one for name, one in entry.items() if name != "attributes"} for entry in body.get("files", ())]
        return {**body, "files": files} if files else body
    if is_member(method, path) and path.count("/") == 3:
        return {name: one for name, one in body.items() if name != "attributes"}
    return body


def ignoring_files(method: str, path: str, body: Any) -> Any:
    """OGX 1.5: `files` of a batch are ignored."""
    if is_batch(method, path) and "files" in body:
        counts = dict.fromkeys(("completed", "cancelled", "failed", "in_progress", "total"), 0)
        batch = {"id": "batch_0", "object": "vector_store.files_batch", "status": "completed", "file_counts": counts}
        return Refusal(200, body=batch)
    if path.endswith("/file_batches/batch_0"):
        counts = dict.fromkeys(("completed", "cancelled", "failed", "in_progress", "total"), 0)
        return Refusal(200, body={"id": "batch_0", "status": "completed", "file_counts": counts})
    return body


def as_it_is(_method: str, _path: str, body: Any) -> Any:
    return body


SERVICES: dict[str, tuple[Alter, AttachForm, bool]] = {
    "as the API": (as_it_is, AttachForm.BATCH, True),
    "foundry": (foundry, AttachForm.IDS, False),
    "foundry in bare words": (in_bare_words, AttachForm.IDS, False),
    "fastapi": (fastapi, AttachForm.SINGLE, True),
    "no batches": (without_batches, AttachForm.SINGLE, True),
    "neither": (bare, AttachForm.BARE, False),
    "forgetful": (forgetful, AttachForm.BATCH, False),
    "ignores files": (ignoring_files, AttachForm.SINGLE, True),
}


def documents(project: Project, *names: str, text: str = "Text") -> None:
    for name in names:
        project.write(f"docs/{name}.md", f"{text} of {name}.")


async def held(one: Session) -> tuple[list[str], list[str]]:
    """The names of what the store holds, and of all File objects."""
    (row,) = await one.account.of("vector_store").list("vector_store")
    stored = {file.id: file.name for file in await one.account.files.stored() or ()}
    members = [file.id for file in await one.account.files.members(row["id"])]
    return sorted(stored.get(one, "?") for one in members), sorted(stored.values())


async def settled(one: Session) -> tuple[Outcome, ...]:
    outcomes = await apply(one)
    assert [found.status for found in outcomes] == [Status.DONE], [found.why for found in outcomes]
    plan = await one.plan(PlanOptions(prune=True))
    assert (plan.pending, drift.moved(plan)) == ((), ())
    return outcomes


@pytest.mark.parametrize("name", SERVICES)
def test_documents_go_live_in_whatever_form_is_taken(project: Project, name: str) -> None:
    alter, form, attributes = SERVICES[name]
    project.manifest(STORE)

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            service = Service(account.app, alter)
            documents(project, "a", "b", "c")
            async with session(project.root, "assistants", Wire(service)) as one:
                await settled(one)
                assert await held(one) == (["a.md", "b.md", "c.md"],) * 2
                able = one.account.capabilities
                assert (able.attach, able.attributes) == (form, attributes)
            documents(project, "b", text="New text")  # one changed, one new, one gone: on a machine without a memory
            documents(project, "d")
            (project.root / "docs/c.md").unlink()
            async with session(project.root, "assistants", Wire(service)) as one:
                await settled(one)
                assert await held(one) == (["a.md", "b.md", "d.md"],) * 2
            project.manifest(STORE.replace("team: x", "team: y"))
            async with session(project.root, "assistants", Wire(service)) as one:
                await settled(one)
            project.manifest("")
            async with session(project.root, "assistants", Wire(service)) as one:
                await apply(one, prune=True)
                assert (await one.account.listed(), await one.account.files.stored()) == ((), [])

    asyncio.run(work())


@pytest.mark.parametrize("name", ("foundry", "fastapi", "ignores files"))
def test_what_was_found_out_is_remembered_and_a_wrong_memory_costs_a_request(project: Project, name: str) -> None:
    project.manifest(STORE)
    documents(project, "a", "b")

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            for alter, added in ((SERVICES[name][0], "c"), (SERVICES[name][0], "d"), (as_it_is, "e"), (foundry, "f")):
                service = Service(account.app, alter)
                documents(project, added)
                async with session(project.root, "assistants", Wire(service)) as one:
                    memory = of_account(project.root / cache.FOLDER, one.account.settings)
                    assert (memory.attach is None) == (added == "c")
                    one.account.capabilities.attach, one.account.capabilities.attributes = (
                        memory.attach,
                        memory.attributes,
                    )
                    one.account.capabilities.folder, one.account.capabilities.account = memory.folder, memory.account
                    if added == "c":
                        one.account.capabilities.folder = project.root / cache.FOLDER
                    await settled(one)
                    if added == "d":
                        sent = [body for method, path, body in service.asked if is_batch(method, path)]
                        assert all("files" not in body for body in sent)

    asyncio.run(work())


REFUSED = Refusal(400, "Files with extensions [.tex] are not supported for retrieval.", "unsupported_file")


def picky(app: App, *, form: Alter = as_it_is, bad: str = ".tex") -> Service:
    """Refuses whatever names a file of an extension, as a whole."""

    def alter(method: str, path: str, body: Any) -> Any:
        ids = [one["file_id"] for one in (body or {}).get("files", ())] if is_batch(method, path) else []
        ids += (body or {}).get("file_ids", []) if is_batch(method, path) else []
        ids += [body["file_id"]] if is_member(method, path) and "file_id" in (body or {}) else []
        found = form(method, path, body)
        if not isinstance(found, Refusal) and any(service.names.get(one, "").endswith(bad) for one in ids):
            return REFUSED
        return found

    service = Service(app, alter)
    return service


@pytest.mark.parametrize("form", (as_it_is, foundry, fastapi, bare))
@pytest.mark.parametrize("count", (1, 2, 7))
def test_a_refusal_is_narrowed_down_to_the_documents_that_cause_it(project: Project, form: Alter, count: int) -> None:
    project.manifest(STORE)
    documents(project, *(f"good{number}" for number in range(count)))
    for number in range(2):
        project.write(f"docs/bad{number}.tex", f"Bad {number}.")

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            service = picky(account.app, form=form)
            async with session(project.root, "assistants", Wire(service)) as one:
                (outcome,) = await apply(one)
                assert outcome.status is Status.FAILED
                for number in range(2):
                    assert f"docs/bad{number}.tex (refused: Files with extensions" in outcome.why
                assert "(unsupported_file)" in outcome.why
                good = [f"good{number}.md" for number in range(count)]
                assert await held(one) == (good, good)
                (change,) = (await one.plan()).pending
                assert [file.path for file in change.files] == ["docs/bad0.tex", "docs/bad1.tex"]

    asyncio.run(work())


def test_more_documents_than_the_metadata_can_name_are_an_error_of_the_next_plan(project: Project) -> None:
    pairs = ", ".join(f"k{number}: v" for number in range(12))
    project.manifest(f"vector_stores:\n  docs: {{metadata: {{{pairs}}}, files: [docs/*]}}\n")
    documents(project, *(f"d{number:02}" for number in range(26)))

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            service = Service(account.app, foundry)
            async with session(project.root, "assistants", Wire(service)) as one:
                (outcome,) = await apply(one)
                assert outcome.status is Status.FAILED
                assert "25 at most, not 26" in outcome.why
                assert len(await one.account.files.stored() or ()) == 1
                plan = await one.plan()
                assert ["25 at most" in problem.message for problem in plan.errors] == [True]
            (project.root / "docs/d25.md").unlink()
            async with session(project.root, "assistants", Wire(service)) as one:
                one.account.capabilities.attributes = False
                assert (await one.plan()).errors == ()
                await settled(one)
                (row,) = await one.account.of("vector_store").list("vector_store")
                assert len(row["metadata"]) == 16
                assert all(len(value) <= 512 for value in row["metadata"].values())

    asyncio.run(work())


def test_attributes_that_an_account_cannot_hold_are_told(project: Project) -> None:
    project.manifest("vector_stores:\n  docs: {files: [{path: docs/*, attributes: {team: x}}]}\n")
    documents(project, "a")

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            async with session(project.root, "assistants", Wire(Service(account.app, foundry))) as one:
                await settled(one)
                told = [str(problem) for problem in (await one.plan()).problems]
                assert [("keeps no attributes of documents (team)" in text) for text in told] == [True]

    asyncio.run(work())


def test_an_edit_of_a_named_document_is_drift(project: Project) -> None:
    project.manifest(STORE)
    documents(project, "a", "b")

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            wire = Wire(Service(account.app, foundry))
            async with session(project.root, "assistants", wire) as one:
                await settled(one)
                (row,) = await one.account.of("vector_store").list("vector_store")
                member = (await one.account.files.members(row["id"]))[0]
                await one.account.files.detach(row["id"], member.id)
                (change,) = (await one.plan()).pending
                assert (change.action, [file.action for file in change.files]) == (Action.UPDATE, [FileAction.ADD])
                await http(one).write("POST", f"/vector_stores/{row['id']}/files", {"file_id": member.id})
                await apply(one)
                assert (await one.plan()).pending == ()
                assert await held(one) == (["a.md", "b.md"],) * 2

    asyncio.run(work())


@pytest.mark.parametrize("alter", (foundry, forgetful))
def test_a_rollback_of_documents_that_nothing_names_is_refused(
    project: Project, alter: Alter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was replaced cannot be told, so nothing is taken out for it; git has it."""
    monkeypatch.setenv("KEY", "any")
    on = ("--account", "other")
    with EmbeddedAccount(project.root / "account") as account, served(Door(Service(account.app, alter))) as url:
        base = f"accounts: {{other: {{api: assistants, base_url: '{url}', api_key: '${{env.KEY}}'}}}}\n"
        project.manifest(base + STORE)
        documents(project, "a")
        assert project.run("apply", "--yes", *on).code == 0
        documents(project, "a", text="New text")
        assert project.run("apply", "--yes", *on).code == 0
        refused = project.run("rollback", "--yes", *on)
        assert refused.code == 1
        assert "go back by git instead" in refused.out + refused.err
        assert "Nothing to do" in project.run("plan", *on).out
        documents(project, "a")
        assert "The next plan is empty" in project.run("apply", "--yes", *on).out
