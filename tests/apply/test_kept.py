"""Services that do not keep or do not list what they were sent: told, taken back, and never made a second time.

A table of what services do, each with every kind of object and with deletes that work or do not, run again and again.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deployer import cache
from tests.support import faulty
from tests.support.faulty import Day, write
from tests.support.live import App, Message, Wire, http

day = partial(faulty.day, at_once=True)
Json = dict[str, Any]
Metadata = Callable[[Json], Json | None]
STATES = {
    "assistant": "assistants: {a: {model: m, instructions: Help.}, b: {model: m}}",
    "vector_store": "vector_stores: {a: {name: A}, b: {name: B}}",
}
PATHS = {"assistants": "/v1/assistants", "agents": "/v1/agents", "vector_store": "/v1/vector_stores"}
KEEPS: Mapping[str, Metadata] = {
    "nothing": lambda _sent: None,
    "the owner alone": lambda sent: {"deployer": sent["deployer"]},
    "all but the owner": lambda sent: {name: value for name, value in sent.items() if name != "deployer"},
    "values cut short": lambda sent: {name: value[:-3] if "applied" in name else value for name, value in sent.items()},
    "other keys": lambda sent: {name.upper(): value for name, value in sent.items()},
}
COPED: Mapping[str, Metadata] = {
    "no empty values": lambda sent: {name: value for name, value in sent.items() if value},
    "its own pairs, too": lambda sent: {**sent, "service": "own"},
    "another order": lambda sent: dict(reversed(sent.items())),
}


@dataclass
class Keeper:
    """An account in front of the embedded one that changes what goes in and what comes out.

    `keeps` is told the metadata of a write, `shows` the row of a list (None: it is not shown). It answers deletes
    itself, with the status `deletes`. `only` are the writes that it is about: to a collection, or to an object.
    """

    app: App
    keeps: Metadata | None = None
    shows: Callable[[Json], Json | None] | None = None
    deletes: int = 0
    only: str = r"/v1/(assistants|agents|vector_stores)(/[^/]+)?"

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        method, path = scope["method"], scope["path"]
        if method == "DELETE" and self.deletes and re.fullmatch(self.only, path):
            await _answer(send, self.deletes, {"id": path.rpartition("/")[2], "deleted": True})
            return
        whole = await _whole(receive)
        if method == "POST" and self.keeps and whole and re.fullmatch(self.only, path):
            whole = self._kept(json.loads(whole))
        length = (b"content-length", str(len(whole)).encode())
        headers = [length if name == b"content-length" else (name, value) for name, value in scope["headers"]]
        if method != "GET" or not self.shows or not re.fullmatch(r"/v1/(assistants|agents|vector_stores)", path):
            await self.app({**scope, "headers": headers}, _again(whole), send)
            return
        answer = bytearray()

        async def collect(message: Message) -> None:
            answer.extend(message.get("body", b""))

        await self.app({**scope, "headers": headers}, _again(whole), collect)
        page = json.loads(bytes(answer))
        rows = [shown for row in page["data"] if (shown := self.shows(row)) is not None]
        await _answer(send, 200, {**page, "data": rows})

    def _kept(self, body: Json) -> bytes:
        assert self.keeps
        if isinstance(body.get("metadata"), dict) and "deployer" in body["metadata"]:
            body = {**body, "metadata": self.keeps(body["metadata"])}
        return json.dumps(body).encode()


async def _whole(receive: Callable[[], Awaitable[Message]]) -> bytes:
    whole, more = b"", True
    while more:
        message = await receive()
        whole, more = whole + message.get("body", b""), message.get("more_body", False)
    return whole


def _again(whole: bytes) -> Callable[[], Awaitable[Message]]:
    async def again() -> Message:
        return {"type": "http.request", "body": whole, "more_body": False}

    return again


async def _answer(send: Callable[[Message], Awaitable[None]], status: int, body: Json) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def nightly(value: object) -> object:
    return pytest.param(value, marks=pytest.mark.nightly)


def unstamped(row: Json) -> Json:
    return {**row, "metadata": {}}


def numbered(row: Json) -> Json:
    return {**row, "metadata": dict.fromkeys(row["metadata"], 1)}


def hidden(_row: Json) -> None:
    return None


def objects(one: Day) -> int:
    whole = one.whole
    return len(whole.assistants) + len(whole.stores)


NEVER: Mapping[str, Mapping[str, Any]] = {
    **{f"keeps {name}": {"keeps": keeps} for name, keeps in KEEPS.items()},
    "lists no metadata": {"shows": unstamped},
    "lists nothing": {"shows": hidden},
    "lists numbers": {"shows": numbered},
}
API = {"assistant": ("assistants", "agents"), "vector_store": ("assistants",)}
EVERY = [(kind, api) for kind, apis in API.items() for api in apis]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("service", NEVER)
@pytest.mark.parametrize(("kind", "api"), EVERY)
@pytest.mark.parametrize("deletes", (0, 405, *map(nightly, (200, 403, 500))))
def test_nothing_is_made_twice(tmp_path: Path, service: str, kind: str, api: str, deletes: int) -> None:
    """What can be taken back is; what cannot is made once, and told by every run."""
    with day(write(tmp_path / "project", STATES[kind], {}), api=api) as one:
        one.wire = Wire(Keeper(one.wire.app, **NEVER[service], deletes=deletes))
        for number in range(3):
            before = len(one.wire.writes)
            result = one.whole_run()
            assert not result.ok
            said = " ".join([result.why, *(outcome.why for outcome in result.outcomes)])
            assert "nothing more is written" in said or "until then nothing is made a second time" in said, said
            assert objects(one) == (1 if deletes else 0)
            assert len(one.wire.writes) - before <= (2 if deletes != 500 or number else 10)


@pytest.mark.parametrize("service", COPED)
@pytest.mark.parametrize(("kind", "api"), EVERY)
def test_what_loses_nothing_of_the_stamp_is_coped_with(tmp_path: Path, service: str, kind: str, api: str) -> None:
    with day(write(tmp_path / "project", STATES[kind], {}), api=api) as one:
        one.wire = Wire(Keeper(one.wire.app, keeps=COPED[service]))
        for _ in range(2):
            assert one.whole_run().ok
            assert objects(one) == 2


CHANGED = {
    "assistant": STATES["assistant"].replace("Help.", "Help well."),
    "vector_store": STATES["vector_store"].replace("name: A", "name: C"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("service", KEEPS)
@pytest.mark.parametrize(("kind", "api"), EVERY)
def test_an_update_that_loses_the_stamp_makes_no_second_object(
    tmp_path: Path, service: str, kind: str, api: str
) -> None:
    with day(write(tmp_path / "project", STATES[kind], {}), api=api) as one:
        assert one.whole_run().ok
        one.wire = Wire(Keeper(one.wire.app, keeps=KEEPS[service], only=r"/v1/\w+/[^/]+"))
        write(one.root, CHANGED[kind], {}, keep=True)
        first = one.whole_run()
        assert not first.ok
        assert any("the metadata of" in outcome.why for outcome in first.outcomes), first.outcomes
        for _ in range(2):  # a stamp that lost nothing which a plan reads is as good as a whole one
            result = one.whole_run()
            said = " ".join([result.why, *(outcome.why for outcome in result.outcomes)])
            assert result.ok or "the metadata of" in said or "shows it without the whole stamp" in said, said
            assert objects(one) == 2


@dataclass
class Refuser:
    """An account in front of the embedded one that answers some requests itself: `METHOD path` → status and body."""

    app: App
    answers: tuple[tuple[str, int, Json], ...]

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        asked = f"{scope['method']} {scope['path']}"
        for pattern, status, body in self.answers:
            if re.fullmatch(pattern, asked):
                await _answer(send, status, body)
                return
        await self.app(scope, receive, send)


NONE = {"object": "list", "data": [], "has_more": False}
NO = {"error": {"message": "no", "code": None}}
FILES: Mapping[str, tuple[tuple[str, int, Json], ...]] = {
    "listed": (),
    "never listed": (("GET /v1/files", 200, NONE),),
    "no list of them": (("GET /v1/files", 404, NO),),
    "neither listed nor served": (("GET /v1/files", 405, NO), ("GET /v1/files/[^/]+", 405, NO)),
    "never readable": (("GET /v1/files/[^/]+/content", 403, NO),),
}
STORE = "vector_stores: {docs: {files: [docs/*]}}"
TEXTS = {"docs/a.md": "a", "docs/b.md": "b"}
REFUSED = (("POST /v1/vector_stores/[^/]+/(file_batches|files)", 403, NO), ("DELETE /v1/files/[^/]+", 405, NO))


@pytest.mark.parametrize("files", FILES)
def test_files_that_could_not_be_taken_back_are_used_by_the_next_run(tmp_path: Path, files: str) -> None:
    with day(write(tmp_path / "project", STORE, TEXTS)) as one:
        app = one.wire.app
        one.wire = Wire(Refuser(app, (*FILES[files], *REFUSED)))
        for _ in range(3):
            assert not one.whole_run().ok
            assert len(one.whole.files) == 2
        one.wire = Wire(Refuser(app, FILES[files]))
        assert one.whole_run().ok
        assert len(one.whole.files) == 2


@pytest.mark.parametrize("files", ("no list of them", "neither listed nor served", "never readable"))
def test_an_upload_whose_answer_is_lost_is_never_sent_twice(tmp_path: Path, files: str) -> None:
    """Where no list could tell, the next runs say so."""
    lost = {"on": "POST /v1/files", "drop": "after"}
    lagging = {"on": "GET /v1/files", "stale": 61.0}
    with day(write(tmp_path / "project", STORE, {"docs/a.md": "a"}), lost, lagging) as one:
        one.wire = Wire(Refuser(one.wire.app, FILES[files]))
        assert not one.whole_run().ok
        one.later(61)
        for _ in range(3):
            assert one.whole_run().ok == (files == "never readable")
            assert len(one.whole.files) == 1


BOTH = "vector_stores: {docs: {name: Docs}}\nassistants: {a: {model: m, instructions: Help.}}"


@pytest.mark.parametrize("first", ("vector_stores", "assistants"))
def test_what_was_made_beside_a_flawed_create_is_taken_back_too(tmp_path: Path, first: str) -> None:
    """Two kinds are made at once: one keeps no stamps, the other does not list what it made."""
    other = {"vector_stores": "assistants", "assistants": "vector_stores"}[first]
    with day(write(tmp_path / "project", BOTH, {})) as one:
        forgetful = Keeper(one.wire.app, keeps=KEEPS["nothing"], only=f"/v1/{first}")
        one.wire = Wire(Refuser(forgetful, ((f"GET /v1/{other}", 200, NONE),)))
        for _ in range(2):
            assert not one.whole_run().ok
            assert objects(one) == 0


def elsewhere(one: Day) -> None:
    """Another machine has the repository and no notes."""
    shutil.rmtree(one.root / cache.FOLDER, ignore_errors=True)


@pytest.mark.parametrize(
    "service",
    (
        *("keeps nothing", "lists no metadata"),
        *(nightly(one) for one in ("keeps all but the owner", "keeps other keys", "lists numbers")),
    ),
)
@pytest.mark.parametrize(("kind", "api"), EVERY)
@pytest.mark.parametrize("deletes", (405, *map(nightly, (403, 501))))
def test_what_could_not_be_taken_back_is_known_on_any_machine(
    tmp_path: Path, service: str, kind: str, api: str, deletes: int
) -> None:
    """It has the very content that is declared, and an account that deletes nothing is not asked for one more."""
    with day(write(tmp_path / "project", STATES[kind], {}), api=api) as one:
        one.wire = Wire(Keeper(one.wire.app, **NEVER[service], deletes=deletes))
        for number in range(3):
            result = one.whole_run()
            elsewhere(one)
            assert not result.ok
            said = " ".join([result.why, *(outcome.why for outcome in result.outcomes)])
            assert ("carries no stamp, and lets nothing be deleted" in said) == (number > 0), said
            assert objects(one) == 1


@pytest.mark.parametrize(("kind", "api"), EVERY)
@pytest.mark.parametrize("deletes", (0, 405))
def test_what_people_made_keeps_nobody_from_making_another(tmp_path: Path, kind: str, api: str, deletes: int) -> None:
    """The same content is no obstacle where deletes work, nor another content where they do not."""
    made = {"assistant": {"model": "m", "instructions": "Help." if not deletes else "Refuse."}}.get(kind)
    body = made or {"name": "A" if not deletes else "Z"}
    path = "vector_stores" if kind == "vector_store" else api
    with day(write(tmp_path / "project", STATES[kind], {}), api=api) as one:
        one.run(lambda found: http(found).write("POST", f"/{path}", body))
        one.wire = Wire(Keeper(one.wire.app, deletes=deletes))
        assert one.whole_run().ok
        assert objects(one) == 3


@pytest.mark.parametrize("status", (400, 410, *map(nightly, (404, 405, 422, 500))))
@pytest.mark.parametrize("others", (False, True))
def test_an_id_that_the_service_calls_malformed_blocks_nothing_for_ever(
    tmp_path: Path, status: int, *, others: bool
) -> None:
    """Somebody deleted what the journal knows; how the service says so must not matter, as far as it can be known."""
    with day(write(tmp_path / "project", STATES["assistant"], {})) as one:
        app = one.wire.app
        if others:
            one.run(lambda found: http(found).write("POST", "/assistants", {"model": "m", "name": "By hand"}))
        one.wire = Wire(Keeper(app, keeps=KEEPS["nothing"], deletes=405))
        assert not one.whole_run().ok
        (made,) = (row["id"] for row in one.whole.assistants if row["name"] != "By hand")
        one.wire = Wire(app)
        one.run(lambda found: found.account.of("assistant").delete("assistant", made))
        one.wire = Wire(Refuser(app, ((f"GET /v1/assistants/{made}", status, NO),)))
        result = one.whole_run()
        known = status in {404, 405, 410} or (others and status in {400, 422})
        assert result.ok == known, result
        assert known or "delete .deployer/cache/journal.jsonl" in f"{result.why}{result.plan and result.plan.problems}"


@pytest.mark.parametrize("status", (405, *map(nightly, (403, 501))))
def test_a_version_that_cannot_be_detached_is_named(tmp_path: Path, status: int) -> None:
    with day(write(tmp_path / "project", STORE, TEXTS)) as one:
        assert one.whole_run().ok
        write(one.root, STORE, {"docs/a.md": "new"})
        one.wire = Wire(Refuser(one.wire.app, (("DELETE /v1/vector_stores/[^/]+/files/[^/]+", status, NO),)))
        said = one.whole_run().outcomes[0].why
        assert "the version of docs/a.md before this one stays in the store, and a search finds both" in said
        assert "docs/b.md stays in the store, and a search finds it" in said


@pytest.mark.parametrize("service", ("keeps nothing", "lists no metadata", nightly("keeps values cut short")))
def test_what_is_shown_whole_after_all_blocks_nothing(tmp_path: Path, service: str) -> None:
    """The journal knows what the stamp was: a proxy that cut it is gone."""
    with day(write(tmp_path / "project", STATES["vector_store"], {})) as one:
        app, sent = one.wire.app, []

        def keeps(metadata: Json) -> Json | None:
            sent.append(metadata)
            return NEVER[service]["keeps"](metadata) if "keeps" in NEVER[service] else metadata

        one.wire = Wire(Keeper(app, keeps=keeps, shows=NEVER[service].get("shows"), deletes=405))
        assert not one.whole_run().ok
        one.wire = Wire(app)
        (made,) = one.whole.stores
        body = {"metadata": sent[0]}
        one.run(lambda found: http(found).write("POST", f"/vector_stores/{made['id']}", body))
        assert one.whole_run().ok
        assert objects(one) == 2
