"""An account that answers with malice: each of its tricks is handled, or told in one sentence; nothing is forged."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from deployer.backends.http import pages
from deployer.engine import stamp
from deployer.model import Address
from deployer.project import applying
from tests.backends.customer import KEY, always, lists, manifest, sentence, tutor
from tests.backends.servers import Asked, Behaviour, Reply, page, said, serving
from tests.support.project import Project, Result

EVIL = "\x1b[2J\x07\x9b31m\u202eevil\u2028\u2029\x85\r\n```\n<script>alert(1)</script> @all | [x](http://x) \ud800"
ESCAPED = "".join(f"\\u{ord(one):04x}" for one in KEY)
MARK = tutor()["metadata"]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAD_KEY", KEY)


def run(project: Project, behaviour: Behaviour, *arguments: str) -> Result:
    with serving(behaviour) as server:
        manifest(project, server.base_url)
        return project.run(*arguments, "--account", "bad")


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"items": value}
    return value


def function(parameters: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": "ask", "parameters": parameters}}]


def forged(owner: Any, **more: Any) -> dict[str, Any]:
    return tutor(metadata={**MARK, "deployer": owner, **more})


REFUSED: dict[str, tuple[Behaviour, str]] = {
    "a deep function schema": (
        lists(tutor(tools=function(nested(170)))),
        "gave asst_1 with a field tools nested deeper than 150 levels; check the",
    ),
    "a bottomless function schema": (
        lambda _asked: Reply(b'{"data":[{"id":"a","tools":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}]}"),
        "answered JSON that is nested deeper than 200 levels; check the account's base_url",
    ),
    "a function schema that is deep enough for some": (
        lambda _asked: Reply(b'{"data":[{"id":"a","tools":' + b'{"a":' * 700 + b"1" + b"}" * 700 + b"}]}"),
        "answered JSON that is nested deeper than 200 levels; check the account's base_url",
    ),
    "deep metadata": (lists(tutor(metadata={"deployer_applied": nested(170)})), "metadata nested deeper than 150"),
    "a number that is none": (
        lists(tutor(temperature=float("nan"))),
        "asst_1 with a field temperature that holds a number which is none",
    ),
    "a number without bounds": (
        lists(tutor(tools=function({"maximum": float("inf")}))),
        "asst_1 with a field tools that holds a number which is none",
    ),
    "an integer of 5,000 digits": (lambda _asked: Reply(b'{"data": [' + b"9" * 5_000 + b"]}"), "is not a JSON object"),
    "a stamp with control characters": (
        lists(forged("test/assistant/\x1b[2Jtutor")),
        "asst_1 with a field metadata/deployer of an unknown form",
    ),
    "a stamp in HTML": (lists(forged("test/assistant/<script>")), "a field metadata/deployer of an unknown form"),
    "a stamp with a path": (lists(forged("test/assistant/../x")), "a field metadata/deployer of an unknown form"),
    "an endless id": (lists(tutor(id="a" * 70_000)), "is not a list of objects with ids"),
    "an id with control characters": (lists(tutor(id="\x1b[2J")), "is not a list of objects with ids"),
    "an id that hides what it is": (lists(tutor(id="a\u202eb")), "is not a list of objects with ids"),
    "an id that is half a character": (lists(tutor(id="\ud800")), "is not a list of objects with ids"),
    "an id with the key": (lists(tutor(id=f"asst_{KEY}")), "is not a list of objects with ids"),
    "stores of any form": (
        lists(tutor(tool_resources={"file_search": {"vector_store_ids": [{"id": 1}]}})),
        "a field tool_resources/file_search/vector_store_ids of an unknown form",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_told_in_one_sentence(project: Project, name: str) -> None:
    behaviour, expected = REFUSED[name]
    with serving(behaviour) as server:
        manifest(project, server.base_url)
        line = sentence(project.run("plan", "--account", "bad"), server.base_url)
        assert expected in line
        assert line.isprintable()
        assert not server.writes()


def test_a_list_that_never_ends_is_left(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """New rows for ever, and the promise of more."""
    monkeypatch.setattr(pages, "MOST", 30)
    numbers = itertools.count()
    for more in (True, None):
        behaviour = lambda _asked, more=more: page({"id": f"a{next(numbers)}"}, has_more=more)  # noqa: E731
        with serving(behaviour) as server:
            manifest(project, server.base_url)
            line = sentence(project.run("plan", "--account", "bad"), server.base_url)
        assert "goes on after 30 pages: the list cannot be read" in line


HANDLED: dict[str, dict[str, Any]] = {
    "milliseconds": {"created_at": 1_795_000_000_000},
    "an ISO date": {"created_at": "2026-11-21T08:00:00+09:00"},
    "no date": {"created_at": None},
    "a date that is none": {"created_at": {"year": 2026}},
    "huge numbers": {"temperature": 10**400, "top_p": 1e308, "created_at": 10**300},
    "no fields at all": {"object": None, "model": None, "tools": None},
    "fields that nobody knows": {"colour": nested(100), "ünï": EVIL},
    "half a character": {"name": "Tutor \ud83d", "instructions": "\udc00"},
    "metadata that is no text": {"metadata": {**MARK, "n": 7, "f": 0.5, "b": True, "o": {"a": [1]}, "none": None}},
    "half a character in metadata": {"metadata": {**MARK, "x": "\ud800", "\udfff": "y"}},
    "garbled digests": {"metadata": {**MARK, "deployer_applied": "== = a=b=c \x00\ud800 =x"}},
    "digests of another form": {"metadata": {**MARK, "deployer_applied": {"a": [1]}, "deployer_origin": 7}},
    "digests that are huge": {"metadata": {**MARK, "deployer_applied": "a=b " * 100_000}},
    "a numeric id": {"id": "17"},
    "a UUID": {"id": "2f8e3c1a-5d47-4b1e-9a55-0b9f2d9a7c11"},
    "an id in Korean": {"id": "도우미:1@2"},
    "a long id": {"id": "a" * 500},
}


@pytest.mark.parametrize("name", HANDLED)
def test_our_object_is_known_again_and_mended(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is an update of this very object, and apply can send it."""
    monkeypatch.setattr(applying, "_FORM", 0.0)
    row = tutor(**HANDLED[name])
    sent: list[str] = []

    def answer(asked: Asked) -> Reply:
        if asked.method == "POST":
            sent.append(asked.path)
            return said({**row, "id": row["id"], "name": "Tutor"})
        if asked.collection == "/assistants":
            return page({one: value for one, value in row.items() if one != "object"})
        return said(row) if asked.collection.startswith("/assistants/") else page()

    planned = run(project, answer, "plan", "--format", "json")
    assert planned.code == 0, planned.err
    (change,) = planned.json()["changes"]
    assert (change["action"], change["id"]) == ("update", row["id"])
    planned.out.encode("utf-8")
    run(project, answer, "apply", "--yes", "--on-drift", "overwrite")
    assert len(sent) == 1


def test_the_oldest_of_two_is_kept_however_its_age_is_written(project: Project) -> None:
    """Milliseconds are no later date, and an ISO date is one."""
    old, new = "2026-11-20T00:00:00Z", 1_795_600_000_000
    for rows in ((("b", old), ("a", new)), (("a", new), ("b", old))):
        found = run(project, lists(*(tutor(id=one, created_at=date) for one, date in rows)), "plan", "--format", "json")
        assert {change["id"] for change in found.json()["changes"]} >= {"b"}
        assert "b and a" in found.out


def test_the_same_id_in_two_collections_is_two_objects(project: Project) -> None:
    """Servers that count ids table by table give the first of each the same one."""
    project.write("notes.md", "# Notes\n")
    mark = stamp.write("test", Address("vector_store", "notes"), {"name": "Notes"}, "")
    store = {"id": "1", "object": "vector_store", "name": "Notes", "metadata": mark, "file_counts": {"total": 0}}
    attrs = {"model": "m", "tools": [{"type": "file_search", "vector_stores": ["vector_store/notes"]}]}
    own = stamp.write("test", Address("assistant", "zoo"), attrs, "")
    zoo = {
        "id": "1",
        "model": "m",
        "metadata": own,
        "tools": [{"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": ["1"]}},
    }
    with serving(lambda asked: page(zoo if asked.collection == "/assistants" else store)) as server:
        project.manifest(
            f"""
            accounts:
              bad: {{api: assistants, base_url: "{server.base_url}", api_key: "${{env.BAD_KEY}}"}}
            vector_stores:
              notes: {{name: Notes}}
            assistants:
              zoo: {{model: m, tools: [{{type: file_search, vector_stores: [notes]}}]}}
            """
        )
        found = project.run("plan", "--account", "bad", "--format", "json")
    assert found.code == 0, found.err
    assert [field["path"] for change in found.json()["changes"] for field in change["fields"]] == []


LEASE = {"id": "vs_lock", "object": "vector_store", "metadata": {"deployer_lock": EVIL, "deployer": "test/x/y"}}


def test_a_lease_is_no_resource(project: Project) -> None:
    found = run(project, lambda asked: page(LEASE) if asked.collection == "/vector_stores" else page(), "plan")
    assert found.code == 0, found.err
    assert "vs_lock" not in found.out


SAID: dict[str, Behaviour] = {
    "in an error": always(said({"error": {"message": EVIL}}, 400)),
    "in an error that is text": always(said({"error": EVIL}, 400)),
    "in a code": always(said({"error": {"message": "no", "code": EVIL, "param": EVIL}}, 400)),
    "in a body": always(Reply(EVIL.encode("utf-8", "replace"), 400, {"Content-Type": "text/plain"})),
    "in a title": always(Reply(f"<title>{EVIL}</title>".encode("utf-8", "replace"), 502, {"retry-after-ms": "1"})),
    "in a type": always(page({"id": "a", "object": EVIL})),
    "in names": lists(tutor(name=EVIL, instructions=EVIL * 3, model=EVIL, metadata={**MARK, EVIL: EVIL})),
    "in tools": lists(tutor(tools=[{"type": EVIL}, *function({EVIL: {EVIL: EVIL}}), {"type": EVIL}])),
    "in a function's name": lists(tutor(tools=[{"type": "function", "function": {"name": EVIL}}])),
    "in all the rest": lists(tutor(response_format=EVIL, reasoning_effort=EVIL, description=EVIL)),
}
FORMS = (("plan",), ("plan", "--format", "markdown"), ("apply", "--yes"))


@pytest.mark.parametrize("arguments", FORMS, ids=" ".join)
@pytest.mark.parametrize("name", SAID)
def test_what_an_account_says_forges_no_output(project: Project, name: str, arguments: tuple[str, ...]) -> None:
    found = run(project, SAID[name], *arguments)
    assert found.code in {0, 1}, found.err
    everything = found.out + found.err
    assert not [one for one in everything if one != "\n" and not (one.isprintable() or one == "\u3000")]
    assert everything.splitlines() == everything.removesuffix("\n").split("\n")


ECHOED: dict[str, Behaviour] = {
    "a name": lists(tutor(name=f"I know {KEY}!", instructions=KEY)),
    "a name that is escaped": lambda asked: Reply(
        json.dumps({"data": [tutor(name="HERE")] if asked.collection == "/assistants" else []})
        .replace("HERE", ESCAPED)
        .encode()
    ),
    "metadata": lists(tutor(metadata={**MARK, KEY: KEY})),
    "a tool": lists(tutor(tools=[{"type": KEY}, *function({KEY: KEY})])),
    "an id": lists(tutor(id=f"asst_{KEY}")),
    "a kind": always(page({"id": "a", "object": KEY})),
    "an error": always(said({"error": {"message": f"{KEY} is wrong", "code": KEY}}, 401)),
    "an error that is escaped": lambda _asked: Reply(f'{{"error": {{"message": "{ESCAPED}"}}}}'.encode(), 401),
    "a body that is escaped": lambda _asked: Reply(f'{{"detail": "{ESCAPED}"}}'.encode(), 404),
    "a body": always(Reply(KEY.encode())),
    "a title": always(Reply(f"<title>{KEY}</title>".encode(), 403, {"Content-Type": f"text/{KEY}"})),
    "a stamp": lists(forged(f"test/assistant/{KEY}")),
}


@pytest.mark.parametrize("arguments", (*FORMS, ("plan", "--format", "json")), ids=" ".join)
@pytest.mark.parametrize("name", ECHOED)
def test_the_key_is_masked_whoever_says_it(project: Project, name: str, arguments: tuple[str, ...]) -> None:
    found = run(project, ECHOED[name], *arguments)
    assert found.code in {0, 1}, found.err
    assert KEY not in found.out + found.err
    assert ESCAPED not in found.out + found.err


def test_no_log_holds_the_key_or_a_header(project: Project) -> None:
    """The SDK, through which writes go, logs to standard error when it is told to, and so does its transport."""
    with serving(lists(tutor(name=KEY, metadata={}))) as server:
        manifest(project, server.base_url)
        found = subprocess.run(
            [sys.executable, "-m", "deployer", "apply", "--yes", "--account", "bad"],
            env={**os.environ, "OPENAI_LOG": "debug"},
            cwd=project.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert found.returncode == 1, found.stderr
    assert "HTTP" in found.stderr
    assert KEY not in found.stdout + found.stderr
    assert "Bearer" not in found.stderr
