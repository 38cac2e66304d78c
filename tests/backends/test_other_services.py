"""Services that offer less than the API does: what nobody asks of them is no obstacle, what is asked is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deployer.backends.http.backend import open_backend
from deployer.errors import AccountError
from deployer.model import UNLIMITED, AccountSettings, Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from deployer.project.undo import destruction, plan_rollback, unreferenced
from deployer.server import EmbeddedAccount
from tests.support.killed import Door, served
from tests.support.live import App, Message, Wire, account_of, apply, session
from tests.support.project import Project

Refusal = Callable[[str, str, str], tuple[int, Any] | None]
"""Method, path and query → the status and body of an answer of its own, None to answer as the API does."""
SURFACES = ("assistants", "agents")
COLLECTION = {"assistants": "/assistants", "agents": "/agents"}
OPTIONAL = (404, 405, 501)
ASSISTANT = "assistants:\n  tutor: {model: gpt-6-luna, name: Tutor, instructions: Help.}\n"
STORE = "vector_stores:\n  docs: {name: Docs, files: [docs/*.md]}\n"


@dataclass
class Lesser:
    """An account in front of the embedded one that answers some requests by itself."""

    app: App
    refuses: Refusal
    asked: list[str] = field(default_factory=list)

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        method, path, query = scope["method"], scope["path"].removeprefix("/v1"), scope["query_string"].decode()
        self.asked.append(f"{method} {path}")
        answer = self.refuses(method, path, query)
        if answer is None:
            await self.app(scope, receive, send)
            return
        status, body = answer
        headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


@contextmanager
def lesser(folder: Path, refuses: Refusal) -> Iterator[Wire]:
    with EmbeddedAccount(folder) as account:
        yield Wire(Lesser(account.app, refuses))


def without(collection: str, status: int) -> Refusal:
    body = {"error": {"message": "not here", "type": "invalid_request_error", "param": None, "code": None}}
    return lambda _method, path, _query: (status, body) if path.startswith(collection) else None


def _undeclared(one: Session) -> Session:
    """The session of a destroy: whatever is owned goes."""
    return replace(one, manifest=replace(one.manifest, resources=()))


@pytest.mark.parametrize("api", SURFACES)
@pytest.mark.parametrize("status", OPTIONAL)
@pytest.mark.parametrize("missing", ("stores", "assistants"))
def test_a_kind_that_is_not_declared_is_not_needed(project: Project, api: str, status: int, missing: str) -> None:
    project.manifest(ASSISTANT if missing == "stores" else STORE)
    project.write("docs/a.md", "Text.")
    collection = "/vector_stores" if missing == "stores" else COLLECTION[api]

    async def work() -> None:
        with lesser(project.root / "account", without(collection, status)) as wire:
            async with session(project.root, api, wire) as one:
                told = (await one.plan()).problems
                assert [f"({status})" in problem.message for problem in told] == [True]
                assert [one.status for one in await apply(one)] == [Status.DONE]
                assert (await one.plan(PlanOptions(prune=True, check_files=True))).pending == ()
                assert [change.action for change in (await destruction(_undeclared(one))).pending] == ["delete"]
                await plan_rollback(one, [], PlanOptions())
                assert await unreferenced(one, 0.0) == []

    asyncio.run(work())


@pytest.mark.parametrize("api", SURFACES)
def test_what_is_declared_is_needed(project: Project, api: str) -> None:
    project.manifest(ASSISTANT)

    async def work() -> None:
        with lesser(project.root / "account", without(COLLECTION[api], 404)) as wire:
            async with session(project.root, api, wire) as one:
                with pytest.raises(AccountError, match="answered 404"):
                    await one.plan()

    asyncio.run(work())


@pytest.mark.parametrize("status", (404, 403, 501))
def test_an_account_without_any_list_is_a_wrong_address(project: Project, status: int) -> None:
    project.manifest("")

    async def work() -> None:
        with lesser(project.root / "account", without("/", status)) as wire:
            async with session(project.root, "assistants", wire) as one:
                with pytest.raises(AccountError, match=f"answered {status}"):
                    await one.plan()

    asyncio.run(work())


@pytest.mark.parametrize("api", SURFACES)
def test_a_key_that_may_not_look_deletes_nothing(project: Project, api: str) -> None:
    project.manifest(ASSISTANT)

    async def work() -> None:
        with lesser(project.root / "account", without("/vector_stores", 403)) as wire:
            async with session(project.root, api, wire) as one:
                assert ["may not list" in problem.message for problem in (await one.plan()).problems] == [True]
                assert [one.status for one in await apply(one)] == [Status.DONE]
                assert (await one.plan()).pending == ()
                for blind in (
                    one.plan(PlanOptions(prune=True)),
                    destruction(one),
                    plan_rollback(one, [], PlanOptions()),
                ):
                    with pytest.raises(AccountError, match="answered 403"):
                        await blind

    asyncio.run(work())


def _pages_of_100(_method: str, path: str, query: str) -> tuple[int, Any] | None:
    bad = path == "/files" and "limit=10000" in query
    return (400, {"error": {"message": "limit must be between 1 and 100", "param": "limit"}}) if bad else None


@pytest.mark.parametrize("api", SURFACES)
def test_a_page_size_that_is_refused_falls_back(project: Project, api: str) -> None:
    project.manifest(STORE)
    for name in range(3):
        project.write(f"docs/{name}.md", f"Text {name}.")

    async def work() -> None:
        with lesser(project.root / "account", _pages_of_100) as wire:
            async with session(project.root, api, wire) as one:
                await apply(one)
                assert (await one.plan(PlanOptions(check_files=True))).pending == ()
                files = await one.account.files.stored()
                assert files is not None
                assert len(files) == 3

    asyncio.run(work())


@pytest.mark.parametrize("api", SURFACES)
def test_without_a_document_files_are_not_asked_for(project: Project, api: str) -> None:
    project.manifest(ASSISTANT)

    async def work() -> None:
        with lesser(project.root / "account", without("/files", 500)) as wire:
            async with session(project.root, api, wire) as one:
                await apply(one)
                assert (await one.plan(PlanOptions(check_files=True))).pending == ()
            assert not [request for request in wire.log if "/files" in request]

    asyncio.run(work())


FOREIGN = {"a list": [], "another object": {"agents": []}, "rows of its own": {"data": [{"agent_id": 7}]}}


@pytest.mark.parametrize("api", SURFACES)
@pytest.mark.parametrize("answer", FOREIGN)
def test_another_products_answer_counts_for_nothing(project: Project, api: str, answer: str) -> None:
    project.manifest(ASSISTANT)
    other = COLLECTION["agents" if api == "assistants" else "assistants"]

    def refuses(_method: str, path: str, _query: str) -> tuple[int, Any] | None:
        return (200, FOREIGN[answer]) if path == other else None

    async def work() -> None:
        with lesser(project.root / "account", refuses) as wire:
            async with session(project.root, api, wire) as one:
                assert await one.account.files.holders() == []

    asyncio.run(work())


@pytest.mark.parametrize("api", SURFACES)
@pytest.mark.parametrize("status", (405, 501))
def test_where_objects_are_not_served_by_id_the_list_has_them(project: Project, api: str, status: int) -> None:
    project.manifest(ASSISTANT)

    def refuses(method: str, path: str, _query: str) -> tuple[int, Any] | None:
        by_id = method == "GET" and path.startswith(f"{COLLECTION[api]}/")
        return (status, {"detail": "Method Not Allowed"}) if by_id else None

    async def work() -> None:
        with lesser(project.root / "account", refuses) as wire:
            async with session(project.root, api, wire) as one:
                await apply(one)
            project.manifest(ASSISTANT.replace("Help.", "Help well."))
            async with session(project.root, api, wire) as one:
                assert [one.status for one in await apply(one)] == [Status.DONE]
                assert (await one.plan()).pending == ()
                with pytest.raises(AccountError) as caught:
                    await one.account.of("assistant").get("assistant", "asst_none")
                assert caught.value.absent

    asyncio.run(work())


@pytest.mark.parametrize("api", SURFACES)
def test_an_account_that_keeps_no_stamp_is_left_as_it_was(project: Project, api: str) -> None:
    project.manifest(ASSISTANT + ASSISTANT.removeprefix("assistants:\n").replace("tutor", "second"))

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            wire = Wire(_Forgetful(account.app, "metadata"))
            for _ in range(2):
                async with session(project.root, api, wire) as one:
                    outcomes = await apply(one)
                    assert [one for one in outcomes if one.status is Status.DONE] == []
                    assert any("does not keep the metadata" in one.why for one in outcomes)
                    assert await one.account.listed() == ()

    asyncio.run(work())


SETTINGS = AccountSettings("look", "assistants", "http://embedded.invalid/v1", limits=UNLIMITED)
BASE = "accounts: {other: {api: %s, base_url: '%s', api_key: '${env.KEY}'}}\n"
APPLY = ("apply", "--yes", "--account", "other")


@pytest.mark.parametrize("api", SURFACES)
def test_an_account_that_keeps_no_attributes_names_documents_in_its_stores(
    project: Project, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    for name in range(3):
        project.write(f"docs/{name}.md", f"Text {name}.")
        project.write(f"more/{name}.md", f"Another text {name}.")
    with EmbeddedAccount(project.root / "account") as account, _served(_Forgetful(account.app, "attributes")) as url:
        project.manifest(BASE % (api, url) + STORE + "  more: {name: More, files: [more/*.md]}\n")
        for _ in range(2):
            result = project.run(*APPLY)
            assert (result.code, result.err) == (0, "")
            members, files = asyncio.run(_held(project.root, account.app))
            assert ([len(one) for one in members], len(files)) == ([3, 3], 6)


@pytest.mark.parametrize("api", SURFACES)
def test_an_account_that_can_name_no_documents_gets_none(
    project: Project, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    for name in range(3):
        project.write(f"docs/{name}.md", f"Text {name}.")
        project.write(f"more/{name}.md", f"Another text {name}.")

    def unchangeable(method: str, path: str, _query: str) -> tuple[int, Any] | None:
        one = method == "POST" and path.startswith("/vector_stores/") and path.count("/") == 2
        return (405, {"detail": "Method Not Allowed"}) if one else None

    folder = project.root / "account"
    with (
        EmbeddedAccount(folder) as account,
        _served(Lesser(_Forgetful(account.app, "attributes"), unchangeable)) as url,
    ):
        project.manifest(BASE % (api, url) + STORE + "  more: {name: More, files: [more/*.md]}\n")
        result = project.run(*APPLY)
        assert result.code == 1
        assert "other does not keep the attributes of documents" in result.out
        for _ in range(2):
            assert project.run(*APPLY).code == 1
            members, files = asyncio.run(_held(project.root, account.app))
            assert (set(members), files) == ({()}, [])


def _served(app: App) -> AbstractContextManager[str]:
    return served(Door(app))


async def _held(root: Path, app: App) -> tuple[list[tuple[str, ...]], list[str]]:
    """The members of each store of an account, and its File objects."""
    async with open_backend(SETTINGS, root / "look", transport=httpx2.ASGITransport(app=app)) as backend:
        one = account_of(backend)
        stores = await one.of("vector_store").list("vector_store")
        members = [tuple(await one.files.member_ids(row["id"])) for row in stores]
        return members, [file.id for file in await one.files.stored() or []]


def _without(value: Any, dropped: str) -> Any:
    if isinstance(value, dict):
        return {name: _without(inner, dropped) for name, inner in value.items() if name != dropped}
    return [_without(inner, dropped) for inner in value] if isinstance(value, list) else value


@dataclass
class _Forgetful:
    """An account that drops a field of whatever is sent to it."""

    app: App
    dropped: str

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        whole, more = b"", True
        while more:
            message = await receive()
            whole, more = whole + message.get("body", b""), message.get("more_body", False)
        if dict(scope["headers"]).get(b"content-type") == b"application/json" and whole:
            whole = json.dumps(_without(json.loads(whole), self.dropped)).encode()
        length = (b"content-length", str(len(whole)).encode())
        headers = [length if name == b"content-length" else (name, value) for name, value in scope["headers"]]

        async def again() -> Message:
            return {"type": "http.request", "body": whole, "more_body": False}

        await self.app({**scope, "headers": headers}, again, send)


OUTPUTS = ("outputs", "--account", "other", "--format", "json")


@pytest.mark.parametrize("status", (403, 404, 405, 501))
@pytest.mark.parametrize("missing", ("/vector_stores", "/assistants"))
def test_outputs_and_export_do_without_a_list_that_is_refused(
    project: Project, status: int, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    project.write("docs/a.md", "Text.")
    with (
        EmbeddedAccount(project.root / "account") as account,
        _served(Lesser(account.app, without(missing, status))) as url,
    ):
        project.manifest(BASE % ("assistants", url) + (ASSISTANT if missing == "/vector_stores" else STORE))
        applied = project.run(*APPLY)
        assert applied.code == 0, applied.err
        assert (applied.out + applied.err).count(f"({status})") == 1
        found = project.run(*OUTPUTS)
        assert (found.code, len(found.json())) == (0, 1), found.err
        exported = project.run("export", str(project.root / "copy"), "-f", "assistants.yaml", "--account", "other")
        if status == 403:  # a part must not pass for the whole
            assert (exported.code, "answered 403" in exported.err) == (1, True)
            assert not (project.root / "copy").exists()
            return
        assert exported.code == 0, exported.err
        assert (exported.out + exported.err).count(f"({status})") <= 1
        assert next(iter(found.json())).partition("/")[0] in (project.root / "copy/assistants.yaml").read_text()


@pytest.mark.parametrize("api", SURFACES)
@pytest.mark.parametrize("status", (404, 405))
def test_documents_that_cannot_be_listed_hide_no_store(project: Project, api: str, status: int) -> None:
    """A kind is missing where its own list is: what a list has shown and cannot be read whole is not left behind."""
    project.manifest(STORE)
    project.write("docs/a.md", "Text.")
    body = {"error": {"message": "not here", "type": "invalid_request_error", "param": None, "code": None}}

    def refuses(_method: str, path: str, _query: str) -> tuple[int, Any] | None:
        return (status, body) if path.endswith("/files") and path != "/files" else None

    async def work() -> None:
        with EmbeddedAccount(project.root / "account") as account:
            async with session(project.root, api, Wire(account.app)) as one:
                assert [one.status for one in await apply(one)] == [Status.DONE]
            async with session(project.root, api, Wire(Lesser(account.app, refuses))) as one:
                for blind in (destruction(_undeclared(one)), _undeclared(one).plan(PlanOptions(prune=True))):
                    with pytest.raises(AccountError, match=f"answered {status}"):
                        await blind

    asyncio.run(work())


@pytest.mark.parametrize("counts", (None, [], {"in_progress": "none"}, {"in_progress": 1.5}, {"in_progress": [1]}))
def test_counts_of_another_form_are_a_sentence(project: Project, counts: Any) -> None:
    project.manifest(STORE)
    project.write("docs/a.md", "Text.")
    batch = {"id": "vsfb_1", "object": "vector_store.file_batch", "status": "completed", "file_counts": counts}

    def refuses(method: str, path: str, _query: str) -> tuple[int, Any] | None:
        return (200, batch) if method == "GET" and "/file_batches/" in path else None

    async def work() -> None:
        with lesser(project.root / "account", refuses) as wire:
            async with session(project.root, "assistants", wire) as one:
                (outcome,) = await apply(one)
                assert "file_counts that can be read" in outcome.why

    asyncio.run(work())
