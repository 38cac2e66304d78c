"""Files on their way: streamed, in parts where large, and known by the very bytes that went out."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deployer.backends.http import uploads
from deployer.backends.http.client import Client, connect
from deployer.backends.http.uploads import FileRange, OpenFile, send_in_parts
from deployer.errors import AccountError, DeployerError
from deployer.model import UNLIMITED, AccountSettings
from deployer.server import EmbeddedAccount
from tests.backends import virtual
from tests.backends.lossy import Account, Work, at, never, on, stored

CONTENT = bytes(number * 7 % 251 for number in range(10_500))
SHA = hashlib.sha256(CONTENT).hexdigest()
PART = 1_000


def small(content: bytes = CONTENT, size: int | None = None, **options: Any) -> Work:
    async def work(client: Client) -> Any:
        length = len(content) if size is None else size
        sha, file = await uploads.send(client, "수원 plan.md", io.BytesIO(content), length, **options)
        return sha, file, await stored(client, file)

    return work


def large(content: io.BytesIO | None = None, sent: Callable[[int], object] = hash) -> Work:
    async def work(client: Client) -> Any:
        source = OpenFile("plan.pdf", content or io.BytesIO(CONTENT), len(CONTENT), sent)
        sha, file = await send_in_parts(client, source, PART)
        return sha, file, await stored(client, file)

    return work


def test_a_file_goes_in_one_request(tmp_path: Path) -> None:
    told: list[int] = []
    (sha, file, bytes_there), account = on(tmp_path, small(sent=told.append))
    assert (sha, bytes_there) == (SHA, CONTENT)
    assert (file["filename"], file["bytes"], file["purpose"]) == ("수원 plan.md", len(CONTENT), "assistants")
    assert account.asked[0] == "POST files"
    assert sum(told) == len(CONTENT)


def test_an_empty_file_goes_too(tmp_path: Path) -> None:
    (sha, _, bytes_there), _ = on(tmp_path, small(b""))
    assert (sha, bytes_there) == (hashlib.sha256().hexdigest(), b"")


def test_a_file_that_grew_is_sent_as_it_was_planned(tmp_path: Path) -> None:
    (sha, _, bytes_there), _ = on(tmp_path, small(CONTENT + b"and more", len(CONTENT)))
    assert (sha, bytes_there) == (SHA, CONTENT)


def test_each_attempt_begins_at_the_beginning(tmp_path: Path) -> None:
    told: list[int] = []
    (sha, _, bytes_there), account = on(tmp_path, small(sent=told.append), at("POST files", "429", 1, 2))
    assert (sha, bytes_there) == (SHA, CONTENT)
    assert account.asked.count("POST files") == 3
    assert sum(told) == len(CONTENT)
    assert told.count(-len(CONTENT)) == 2


def test_an_upload_whose_answer_is_lost_is_not_sent_again(tmp_path: Path) -> None:
    async def work(client: Client) -> Any:
        with pytest.raises(AccountError) as caught:
            await small()(client)
        assert caught.value.lost
        return (await client.get("/files")).data["data"]

    files, account = on(tmp_path, work, at("POST files", "drop"))
    assert account.asked.count("POST files") == 1
    assert [file["filename"] for file in files] == ["수원 plan.md"]


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    span = FileRange(OpenFile("a.md", io.BytesIO(CONTENT), len(CONTENT) + 1, hash), 0, len(CONTENT) + 1)
    assert span.read() == CONTENT
    with pytest.raises(DeployerError, match=r"a\.md changed while it was sent; run again"):
        span.read()

    async def work(client: Client) -> Any:
        with pytest.raises(DeployerError):
            await small(CONTENT, len(CONTENT) + 1)(client)
        return (await client.get("/files")).data["data"]

    assert on(tmp_path, work)[0] == []


def test_what_is_larger_than_a_part_goes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uploads.PART == 64 * 2**20
    monkeypatch.setattr(uploads, "PART", len(CONTENT) - 1)
    _, account = on(tmp_path, small())
    assert account.asked[:4] == ["POST uploads", *["POST uploads/parts"] * 2, "POST uploads/complete"]


def test_parts_go_beside_each_other_and_are_joined_in_order(tmp_path: Path) -> None:
    told: list[int] = []
    (sha, file, bytes_there), account = on(tmp_path, large(sent=told.append))
    assert (sha, bytes_there) == (SHA, CONTENT)
    assert (file["object"], file["filename"], file["bytes"]) == ("file", "plan.pdf", len(CONTENT))
    assert account.asked.count("POST uploads/parts") == 11
    assert account.most == uploads.BESIDE
    assert sum(told) == len(CONTENT)


def test_a_part_that_fails_is_sent_again_and_nothing_else(tmp_path: Path) -> None:
    def bad(name: str, count: int) -> str | None:
        kinds = {("POST uploads", 1): "500", ("POST uploads/complete", 1): "503"}
        return {3: "500", 5: "drop", 7: "429"}.get(count) if name.endswith("parts") else kinds.get((name, count))

    told: list[int] = []
    (sha, _, bytes_there), account = on(tmp_path, large(sent=told.append), bad)
    assert (sha, bytes_there) == (SHA, CONTENT)
    assert account.asked.count("POST uploads/parts") == 14
    assert account.asked.count("POST files") == 0
    assert sum(told) == len(CONTENT)


def failed(tmp_path: Path, bad: Callable[[str, int], str | None], **options: Any) -> tuple[DeployerError, Account, int]:
    """Send in parts, in vain; give the error, what was asked, and how many files are on the account."""

    async def work(client: Client) -> Any:
        with pytest.raises(DeployerError) as caught:
            await large(**options)(client)
        return caught.value, len((await client.get("/files")).data["data"])

    (error, files), account = on(tmp_path, work, bad)
    return error, account, files


def test_an_upload_whose_parts_are_refused_is_cancelled(tmp_path: Path) -> None:
    error, account, files = failed(tmp_path, at("POST uploads/parts", "400"))
    assert isinstance(error, AccountError)
    assert (error.status, error.lost, files) == (400, False, 0)
    assert account.asked.count("POST uploads/parts") <= uploads.BESIDE
    assert account.asked[-2] == "POST uploads/cancel"


def test_a_completion_that_failed_for_certain_left_nothing(tmp_path: Path) -> None:
    """What can still be cancelled was never completed."""
    error, account, files = failed(tmp_path, at("POST uploads/complete", "500"))
    assert isinstance(error, AccountError)
    assert (error.status, error.lost, files) == (500, False, 0)
    assert account.asked[-2] == "POST uploads/cancel"


@pytest.mark.parametrize("counts", ((), (1,)), ids=("always", "once"))
def test_a_completion_whose_answer_is_lost_is_lost(tmp_path: Path, counts: tuple[int, ...]) -> None:
    """Asked once more, the account says that the upload is completed, and not what became of it."""
    error, account, files = failed(tmp_path, at("POST uploads/complete", "drop", *counts))
    assert isinstance(error, AccountError)
    assert (error.status, error.lost, files) == (400 if counts else None, True, 1)
    assert account.asked.count("POST uploads/complete") >= 2


class Watched(io.BytesIO):
    """A file that remembers the largest piece that was taken of it."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.most = max(self.most, len(data))
        return data


def test_no_part_is_ever_held_in_memory(tmp_path: Path) -> None:
    content = Watched(bytes(5 * 2**20))

    async def work(client: Client) -> Any:
        return await send_in_parts(client, OpenFile("a.txt", content, 5 * 2**20, hash), 2**21)

    (_, file), account = on(tmp_path, work)
    assert file["bytes"] == 5 * 2**20
    assert account.asked.count("POST uploads/parts") == 3
    assert content.most <= 2**18


class Changing(io.BytesIO):
    """A file whose last byte changes after it was read so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(CONTENT)
        self._left = times

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if self.tell() == len(CONTENT):
            self._left -= 1
            if self._left == 0:
                self.getbuffer()[-1] ^= 1
        return data


def test_what_changes_between_being_read_and_being_sent_is_not_kept(tmp_path: Path) -> None:
    error, account, files = failed(tmp_path, never, content=Changing(1))
    assert str(error) == "plan.pdf changed while it was sent; run again"
    assert account.asked[-2] == "POST uploads/cancel"
    assert files == 0


def test_the_account_is_told_what_the_whole_must_be(tmp_path: Path) -> None:
    bodies: dict[str, Any] = {}

    class Kept(Account):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith(("uploads", "complete")):
                bodies[request.url.path.rpartition("/")[2]] = json.loads(await request.aread())
            return await super().handle_async_request(request)

    async def main() -> None:
        with EmbeddedAccount(tmp_path) as account:
            settings = AccountSettings("ours", "assistants", "http://account.invalid/v1", limits=UNLIMITED)
            async with connect(settings, {}, Kept(account.app, never), virtual.patience()) as client:
                await large()(client)

    virtual.run(main())
    sent = {"filename": "plan.pdf", "purpose": "assistants", "bytes": 10_500, "mime_type": "application/pdf"}
    assert bodies["uploads"] == sent
    assert len(bodies["complete"]["part_ids"]) == 11
    assert bodies["complete"]["md5"] == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("found", (None, 7, "../files", "", "a?b"))
def test_an_id_must_not_lead_elsewhere(found: Any) -> None:
    async def main() -> None:
        settings = AccountSettings("ours", "assistants", "http://account.invalid/v1", limits=UNLIMITED)
        transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json={"id": found}))
        async with connect(settings, {}, transport, virtual.patience()) as client:
            with pytest.raises(AccountError, match=r"POST .+/uploads answered without an id"):
                await large()(client)

    virtual.run(main())
