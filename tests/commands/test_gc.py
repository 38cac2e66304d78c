"""deployer gc: what a crashed run left on the account is found; nothing else ever is."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from deployer.apply.journal import Journal
from deployer.apply.usage import Known, Unreferenced, Uploads, unreferenced
from deployer.errors import AccountError
from deployer.model import AccountSettings
from deployer.server import EmbeddedAccount
from tests.commands.test_drift import ask
from tests.support.live import embedded, session
from tests.support.project import Project
from tests.support.rollback import account, run, snapshots

MANIFEST = "vector_stores: {docs: {files: [docs/**]}}\n"
ALL = ("gc", "--older-than", "0", "--format", "json")


def upload(project: Project, name: str, content: bytes, purpose: str = "assistants") -> str:
    """Send a file as somebody else would; give its id."""

    async def send(found: EmbeddedAccount) -> Mapping[str, Any]:
        transport = httpx2.ASGITransport(app=found.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://account.invalid/v1") as client:
            answer = await client.post("/files", data={"purpose": purpose}, files={"file": (name, content)})
            assert answer.status_code == 200, answer.text
            result: Mapping[str, Any] = answer.json()
            return result

    with EmbeddedAccount(project.root / ".deployer" / "account") as found:
        return str(asyncio.run(send(found))["id"])


def found(project: Project, *arguments: str) -> dict[str, str]:
    """What gc finds, with the reason."""
    time.sleep(1.01 - time.time() % 1)  # times of an account are whole seconds: older than now begins with the next
    data = run(project, *ALL, *arguments).json()
    return {one["id"]: one["why"] for one in data["files"]}


@pytest.fixture
def live(project: Project) -> Project:
    project.manifest(MANIFEST)
    project.write("docs/a.md", "alpha")
    run(project, "apply", "--yes")
    return project


@pytest.mark.slow
def test_a_file_of_ours_that_nobody_holds_is_found_and_deleted_on_consent(live: Project) -> None:
    held = set(account(live).files)
    orphan = upload(live, "a.md", b"alpha")
    assert found(live) == {orphan: "the bytes of docs/a.md"}
    assert orphan in account(live).files, "without --yes it only tells"
    assert found(live, "--yes") == {orphan: "the bytes of docs/a.md"}
    assert set(account(live).files) == held
    assert found(live) == {}


def test_the_same_bytes_under_another_name_are_ours(live: Project) -> None:
    orphan = upload(live, "renamed.md", b"alpha")
    assert found(live) == {orphan: "the bytes of docs/a.md"}


def test_what_is_not_ours_is_never_found(live: Project) -> None:
    upload(live, "other.md", b"gamma")
    upload(live, "a.md", b"another size")
    upload(live, "a.md", b"gamma")  # the same name and size
    upload(live, "a.md", b"alpha", "user_data")
    assert found(live) == {}


def test_what_somebody_else_holds_is_left_alone(live: Project) -> None:
    in_store, in_assistant = upload(live, "a.md", b"alpha"), upload(live, "a.md", b"alpha")
    ask(live, "POST", "/vector_stores", {"name": "By hand", "file_ids": [in_store]})
    tools = {"tools": [{"type": "code_interpreter"}]}
    resources = {"tool_resources": {"code_interpreter": {"file_ids": [in_assistant]}}}
    ask(live, "POST", "/assistants", {"model": "m", **tools, **resources})
    assert found(live) == {}


def test_young_files_are_left_alone(live: Project) -> None:
    upload(live, "a.md", b"alpha")
    result = run(live, "gc", "--yes", "--format", "json").json()
    assert (result["files"], result["deleted"]) == ([], True)


def test_older_versions_are_known_from_snapshots(live: Project) -> None:
    """Both what was there before an apply, and what an apply was about to send and did not live to attach."""
    live.write("docs/a.md", "a longer version")
    run(live, "apply", "--yes")
    live.write("docs/a.md", "and a third one, longer")
    run(live, "apply", "--yes")
    first, second = upload(live, "a.md", b"alpha"), upload(live, "other.md", b"a longer version")
    assert found(live) == {
        first: f"the bytes of docs/a.md of snapshot {snapshots(live)[0].stem}",
        second: f"the bytes of docs/a.md of snapshot {snapshots(live)[1].stem}",
    }


def test_in_text_it_tells_name_size_and_age_and_deletes_only_when_told_to(live: Project) -> None:
    orphan = upload(live, "a.md", b"alpha")
    time.sleep(1.01 - time.time() % 1)
    result = run(live, "gc", "--older-than", "0")
    first, total, _, last = result.out.splitlines()
    assert first.startswith(f"- {orphan}  a.md  5 B, ")
    assert first.endswith("s old  the bytes of docs/a.md")
    assert total == "1 unreferenced file, 5 B."
    assert last == "Nothing was deleted: add --yes."
    assert run(live, "gc", "--older-than", "0", "--yes").out.splitlines()[-1] == "1 deleted."
    assert run(live, "gc", "--older-than", "0").out.startswith("No unreferenced file")


@pytest.mark.slow
def test_what_an_interrupted_apply_noted_is_found_by_its_id(live: Project) -> None:
    orphan = upload(live, "unheard-of.md", b"of no known size at all")
    url = "http://embedded.invalid/v1"
    journal = Journal.of(live.root, AccountSettings("embedded", "assistants", url), "test")
    journal.send(orphan, hashlib.sha256(b"").hexdigest())
    assert found(live) == {orphan: "left over by an interrupted run"}
    assert found(live, "--yes") == {orphan: "left over by an interrupted run"}
    assert run(live, "plan", "--exit-code").code == 0


def test_a_store_that_cannot_be_read_stops_it(live: Project) -> None:
    """As far as anybody knows nobody holds the file; that is not enough to delete it."""
    upload(live, "a.md", b"alpha")

    async def look() -> list[Unreferenced]:
        async with embedded(live.root / ".deployer" / "account") as wire, session(live.root, "assistants", wire) as one:
            known = Uploads.of([Known("docs/a.md", "a.md", 5, hashlib.sha256(b"alpha").hexdigest())])
            assert len(await unreferenced(one.account.files, known, time.time() + 9)) == 1
            wire.fails = lambda _number, request: request.endswith("/files") and "vector_stores" in request
            return await unreferenced(one.account.files, known, time.time() + 9)

    with pytest.raises(AccountError, match="out of order"):
        asyncio.run(look())
