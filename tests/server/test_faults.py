"""A bad day on both wires: what a client sees of each fault, and what the account has done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from deployer.server import EmbeddedAccount, read_faults
from tests.server.support import Clock, made, settled, stored, until, upload
from tests.server.wires import DROPPED, WIRES, create, names, wired

Open = Callable[..., Any]


@pytest.fixture(params=WIRES)
def open_account(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Open an account with faults, on either wire."""
    with ExitStack() as stack:
        yield lambda *faults, **options: stack.enter_context(
            wired(request.param, tmp_path / "bad", *faults, clock=clock, **options)
        )


def test_a_status_at_given_calls_and_no_work(open_account: Open) -> None:
    api = open_account({"on": "POST /v1/assistants", "calls": [1, 3], "status": 429, "retry_after": 1.5})
    answers = [create(api, f"{number}") for number in range(4)]
    assert [answer.status_code for answer in answers] == [429, 200, 429, 200]
    assert (answers[0].headers["retry-after"], answers[0].json()["error"]["code"]) == ("1.5", "rate_limit_exceeded")
    assert answers[0].headers["x-request-id"].startswith("req_")
    assert names(api) == ["1", "3"]


def test_a_status_after_the_work(open_account: Open) -> None:
    api = open_account({"on": "POST /v1/assistants", "status": 502, "after_work": True, "retry_after_ms": 20})
    answer = create(api, "made")
    assert (answer.status_code, answer.headers["retry-after-ms"]) == (502, "20")
    assert answer.json()["error"]["type"] == "server_error"
    assert names(api) == ["made"]


@pytest.mark.parametrize(("drop", "left"), (("before", []), ("after", ["lost"]), ("halfway", ["lost"])))
def test_a_dropped_connection(open_account: Open, drop: str, left: list[str]) -> None:
    api = open_account({"on": "POST /v1/assistants", "times": 1, "drop": drop})
    with pytest.raises(DROPPED):
        create(api, "lost")
    assert names(api) == left
    assert create(api, "again").status_code == 200


def test_a_large_body_is_dropped_too(open_account: Open) -> None:
    api = open_account(
        {"on": "POST /v1/files", "calls": [1], "drop": "before"}, {"on": "POST /v1/files", "calls": [2], "status": 503}
    )
    with pytest.raises((*DROPPED, httpx2.WriteError)):
        upload(api, data=b"x" * 3_000_000)
    assert api.post("/v1/files", files={"file": ("a.txt", b"x" * 3_000_000)}).status_code == 503
    assert api.get("/v1/files").json()["data"] == []
    assert upload(api)["bytes"] == 9


def test_a_body_cut_in_half(open_account: Open) -> None:
    api = open_account({"on": "GET *", "truncate": True})
    create(api, "whole")
    answer = api.get("/v1/assistants")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.text.startswith('{"object":"list"')
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        answer.json()


def test_a_wrong_content_type_and_another_body(open_account: Open) -> None:
    api = open_account(
        {"on": "GET /v1/models", "content_type": "text/plain"},
        {"on": "GET /v1/files", "status": 503, "content_type": "text/html", "body": "<h1>Wartung 점검</h1>"},
    )
    models, files = api.get("/v1/models"), api.get("/v1/files")
    assert (models.headers["content-type"], models.json()["object"]) == ("text/plain", "list")
    assert (files.status_code, files.headers["content-type"], files.text) == (503, "text/html", "<h1>Wartung 점검</h1>")


def test_a_delay_and_latency(open_account: Open) -> None:
    api = open_account({"on": "GET /v1/models", "delay": 0.1}, latency=0.05)
    began = time.monotonic()
    assert api.get("/v1/models").status_code == 200
    middle = time.monotonic()
    assert api.get("/v1/files").status_code == 200
    assert middle - began >= 0.15
    assert 0.05 <= time.monotonic() - middle < 10


def test_a_listing_does_not_see_writes_yet(open_account: Open, clock: Clock) -> None:
    api = open_account({"on": "GET /v1/assistants", "stale": 60})
    old = create(api, "old").json()["id"]
    clock.ahead = 100
    assert names(api) == ["old"]
    create(api, "new")
    made(api, f"/v1/assistants/{old}", name="renamed")
    assert names(api) == ["old"]
    assert api.get(f"/v1/assistants/{old}").json()["name"] == "renamed"  # another endpoint: the present
    clock.ahead = 200
    assert names(api) == ["renamed", "new"]
    api.delete(f"/v1/assistants/{old}")
    assert names(api) == ["renamed", "new"]
    clock.ahead = 300
    assert names(api) == ["new"]


def test_each_moment_is_seen_in_its_turn(open_account: Open, clock: Clock) -> None:
    api = open_account({"on": "GET /v1/assistants", "stale": 60})
    for number in range(4):
        create(api, f"{number}")
        clock.ahead += 50
    assert names(api) == ["0", "1", "2"]  # 3 was made 50 seconds ago
    clock.ahead += 20
    assert names(api) == ["0", "1", "2", "3"]


def test_a_membership_is_not_there_right_after_the_attach(open_account: Open, clock: Clock) -> None:
    api = open_account({"on": "GET /v1/vector_stores/*/files/*", "stale": 5})
    clock.ahead = 100
    store, file_id = made(api, "/v1/vector_stores")["id"], upload(api)["id"]
    clock.ahead = 200
    path = f"/v1/vector_stores/{store}/files"
    assert made(api, path, file_id=file_id)["id"] == file_id
    answer = api.get(f"{path}/{file_id}")
    message = f"No file found with id '{file_id}' in vector store '{store}'."
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, message)
    assert [file["id"] for file in api.get(path).json()["data"]] == [file_id]
    clock.ahead = 300
    assert api.get(f"{path}/{file_id}").status_code == 200


def test_a_deleted_file_leaves_its_memberships(open_account: Open) -> None:
    api = open_account({"on": "DELETE /v1/files/*", "leave": "memberships"})
    store, [file_id] = stored(api, ("a.txt", b"remembered"))
    assert api.delete(f"/v1/files/{file_id}").json() == {"id": file_id, "object": "file", "deleted": True}
    assert api.get(f"/v1/files/{file_id}").status_code == 404
    assert api.get("/v1/files").json()["data"] == []
    path = f"/v1/vector_stores/{store}"
    assert [file["id"] for file in api.get(f"{path}/files").json()["data"]] == [file_id]
    assert api.get(path).json()["file_counts"]["total"] == 1
    assert len(made(api, f"{path}/search", query="remembered")["data"]) == 1
    assert api.post(f"{path}/files", json={"file_id": file_id}).status_code == 404
    assert api.delete(f"{path}/files/{file_id}").status_code == 200
    assert api.get(path).json()["file_counts"]["total"] == 0


def contents(folder: Path) -> list[Path]:
    """The bytes that an account keeps."""
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def test_what_was_left_goes_when_it_is_detached(tmp_path: Path, clock: Clock) -> None:
    fault = {"on": "DELETE /v1/files/*", "leave": "memberships"}
    with wired("in-process", tmp_path, fault, clock=clock, lease=0.1) as api:
        store, [file_id] = stored(api, ("a.txt", b"remembered"))
        api.delete(f"/v1/files/{file_id}")
        short = {"purpose": "assistants", "expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
        api.post("/v1/files", files={"file": ("short.txt", b"forgotten")}, data=short)
        clock.ahead = 3700
        until(lambda: len(contents(tmp_path)) == 1)  # the sweep has come by, and has left what is in a store
        assert len(api.get(f"/v1/vector_stores/{store}/files").json()["data"]) == 1
        api.delete(f"/v1/vector_stores/{store}/files/{file_id}")
        until(lambda: contents(tmp_path) == [])


def test_several_faults_strike_together_and_the_first_wins(open_account: Open) -> None:
    api = open_account(
        {"on": "* /v1/files", "content_type": "text/html"},
        {"on": "/v1/files", "status": 500, "content_type": "text/plain"},
        {"on": "GET /v1/vector_stores/**", "status": 503},
    )
    answer = api.get("/v1/files")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html")
    assert api.get("/v1/vector_stores").status_code == 503
    assert api.get("/v1/vector_stores/vs_1/files/file-1").status_code == 503
    assert api.get("/v1/assistants").status_code == 200


def test_a_document_fails_and_works_when_it_is_attached_again(open_account: Open) -> None:
    api = open_account({"ingest": "*.md", "times": 1, "fail": "server_error"})
    store, [bad, good] = stored(api, ("a.md", b"words"), ("a.txt", b"words"))
    path = f"/v1/vector_stores/{store}/files"
    failed = api.get(f"{path}/{bad}").json()
    assert (failed["status"], failed["last_error"]["code"]) == ("failed", "server_error")
    assert api.get(f"{path}/{good}").json()["status"] == "completed"
    made(api, path, file_id=bad)
    assert settled(api, store)["file_counts"]["completed"] == 2


def test_a_document_that_never_works(open_account: Open) -> None:
    api = open_account({"ingest": "*", "fail": "invalid_file"})
    store, [file_id] = stored(api, ("a.md", b"words"))
    made(api, f"/v1/vector_stores/{store}/files", file_id=file_id)
    assert settled(api, store)["file_counts"]["failed"] == 1


def test_a_document_takes_its_time(open_account: Open, clock: Clock) -> None:
    api = open_account({"ingest": "late.*", "delay": 60})
    late, prompt = upload(api, "late.txt")["id"], upload(api, "prompt.txt")["id"]
    store = made(api, "/v1/vector_stores", file_ids=[late, prompt])["id"]
    until(lambda: api.get(f"/v1/vector_stores/{store}").json()["file_counts"]["completed"] == 1)
    assert api.get(f"/v1/vector_stores/{store}/files/{late}").json()["status"] == "in_progress"
    clock.ahead = 61
    assert settled(api, store)["file_counts"]["completed"] == 2


def statuses(folder: Path, seed: int) -> str:
    """A letter for each of many requests, some of which fail."""
    faults: list[dict[str, Any]] = [
        {"on": "GET /v1/models", "rate": 0.3, "status": 500},
        {"on": "GET *", "rate": 0.2, "times": 5, "status": 429},
    ]
    with wired("in-process", folder, *faults, seed=seed) as api:
        return "".join(str(api.get("/v1/models").status_code)[0] for _ in range(100))


def test_a_run_can_be_repeated(tmp_path: Path) -> None:
    first = statuses(tmp_path / "a", 7)
    assert first == statuses(tmp_path / "b", 7) != statuses(tmp_path / "c", 8)
    assert 20 <= first.count("5") <= 40
    assert 1 <= first.count("4") <= 5


def test_which_documents_fail_does_not_depend_on_their_order(tmp_path: Path) -> None:
    documents = [(f"{number}.txt", b"text %d" % number) for number in range(30)]
    outcomes = []
    for turn, order in enumerate((documents, documents[::-1])):
        with wired("in-process", tmp_path / f"{turn}", {"ingest": "*", "rate": 0.4, "fail": "server_error"}) as api:
            store, file_ids = stored(api, *order)
            page = api.get(f"/v1/vector_stores/{store}/files", params={"limit": 100, "filter": "failed"}).json()["data"]
            by_id = dict(zip(file_ids, (name for name, _ in order), strict=True))
            outcomes.append({by_id[file["id"]] for file in page})
    assert outcomes[0] == outcomes[1]
    assert 4 <= len(outcomes[0]) <= 20


def test_what_the_client_package_makes_of_it(tmp_path: Path) -> None:
    """The client repeats reads, and tells a lost answer from a refusal."""
    faults: list[dict[str, Any]] = [
        {"on": "GET *", "calls": [1], "drop": "before"},
        {"on": "GET *", "calls": [2], "status": 429, "retry_after_ms": 1},
        {"on": "POST *", "drop": "after"},
    ]

    async def run(account: EmbeddedAccount) -> list[str | None]:
        http = openai.DefaultAsyncHttpxClient(transport=httpx2.ASGITransport(app=account.app))
        async with openai.AsyncOpenAI(base_url="http://bad/v1", api_key="any", http_client=http) as client:
            assert (await client.files.list()).data == []
            with pytest.raises(openai.APIConnectionError):
                await client.with_options(max_retries=0).vector_stores.create(name="made")
            return [store.name async for store in client.vector_stores.list()]

    with EmbeddedAccount(tmp_path, faults=read_faults({"faults": faults})) as account:
        assert asyncio.run(run(account)) == ["made"]
