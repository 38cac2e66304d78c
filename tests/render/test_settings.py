"""What changes about a document besides its bytes: told beside its name, and once for many."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import stamp
from deployer.engine.documents import compare
from deployer.model import DesiredFile, FileAction, FileChange, LiveFile, Origin
from deployer.render import documents, text
from deployer.render.formats import rendered
from deployer.render.output import Streams
from tests.render.plans import a_plan, document, shown, store, why

WIKI = "https://wiki.example/school/handbook/v{}/pages"
Values = Mapping[str, Any]


def held(
    file: DesiredFile, attributes: Values, chunking: Values | None = None, applied: Values | None = None
) -> LiveFile:
    """The membership of a file as an apply of `applied` left it, where `attributes` stand now."""
    declared = stamp.applied(attributes if applied is None else applied)
    ident = f"file-{file.path}"
    return LiveFile(ident, file.path, file.sha256, "completed", file.size, 1, chunking, None, attributes, declared)


def changed(
    new: Values, old: Values, number: int = 1, *, chunking: Values | None = None, applied: Values | None = None
) -> FileChange:
    """The one change that the engine finds for a document whose attributes go from `old` to `new`."""
    file = replace(document(number), attributes=new, chunking=chunking)
    (found,) = compare([file], [held(file, old, applied=applied)])
    return found


def said(change: FileChange) -> str:
    return "".join(segment.text for segment in documents.difference(change))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    (
        ({"lang": "en"}, {"lang": "ko"}, "lang en → ko"),
        ({"lang": "en", "team": "edu"}, {"lang": "en", "topic": "x"}, "- team edu, + topic x"),
        ({"level": 1}, {"level": 2.5}, "level 1 → 2.5"),
        ({"level": 1}, {"level": "1"}, 'level 1 → "1"'),
        ({"draft": True}, {"draft": False}, "draft true → false"),
        (
            {"url": WIKI.format(1)},
            {"url": WIKI.format(2)},
            "url https://wiki.example/school/handbook/[-v1-]{+v2+}/pages",
        ),
        ({"a\x1b[2J": "x\ny"}, {"a\x1b[2J": "z"}, "a\\x1b[2J x⏎y → z"),
    ),
)
def test_attributes_are_told_key_by_key(old: Values, new: Values, expected: str) -> None:
    change = changed(new, old)
    assert change.action is FileAction.UPDATE
    assert said(change) == expected


def test_the_same_number_written_otherwise_is_no_change() -> None:
    assert said(changed({"level": 3, "lang": "ko"}, {"level": 3.0, "lang": "en"})) == "lang en → ko"


def test_what_nobody_declared_stays_and_is_not_told() -> None:
    assert said(changed({"lang": "ko"}, {"lang": "en", "by hand": 1}, applied={"lang": "en"})) == "lang en → ko"


@pytest.mark.parametrize(
    ("chunking", "expected"),
    (
        (None, "max_chunk_size_tokens 400 → default, chunk_overlap_tokens 100 → default"),
        ({"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 200}, "chunk_overlap_tokens 100 → 200"),
    ),
)
def test_chunking_is_told_too(chunking: Values | None, expected: str) -> None:
    file = replace(document(1), chunking=chunking, attributes={"lang": "ko"})
    before = held(file, {"lang": "en"}, {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100})
    (change,) = compare([file], [before])
    assert change.action is FileAction.ATTACH
    assert said(change) == f"{expected}, lang en → ko"


def test_a_chunking_that_the_account_does_not_tell_is_no_change() -> None:
    assert said(changed({}, {"lang": "en"}, chunking={"max_chunk_size_tokens": 400})) == "- lang en"


def test_what_comes_with_new_bytes_is_told_beside_them() -> None:
    file = replace(document(1), attributes={"lang": "ko"})
    before = replace(held(file, {"lang": "en"}), sha256="f" * 64)
    change = replace(compare([file], [before])[0], upload=True)
    assert shown(a_plan(store(change)))[1:] == ["    ~ docs/00001.md  1.0 kB  its content changed  lang en → ko"]


def test_what_is_new_or_goes_has_no_before() -> None:
    file = replace(document(1), attributes={"lang": "ko"})
    assert said(FileChange(FileAction.ADD, file.path, file, (), why("not on the account"))) == ""
    assert said(FileChange(FileAction.REMOVE, file.path, None, (held(file, {"lang": "en"}),), why("gone"))) == ""


def test_attributes_that_stay_as_edited_are_said_to_stay() -> None:
    file = replace(document(1), attributes={"lang": "ko", "level": 2})
    before = replace(held(file, {"lang": "de"}, applied={"lang": "ko"}), sha256="f" * 64)
    (change,) = compare([file], [before])
    kept = replace(change, kept=True, upload=True)
    assert change.origin is not Origin.MANIFEST
    assert shown(a_plan(store(kept))) == [
        f"~ {'vector_store/docs':<40}  1 files",
        (
            "    ~ docs/00001.md  1.0 kB  its content changed, and its attributes were edited  + level 2"
            "  kept: attributes edited on the account"
        ),
    ]


def test_the_very_same_change_of_ten_thousand_files_is_told_once() -> None:
    found = shown(a_plan(store(*(changed({"lang": "ko"}, {"lang": "en"}, n) for n in range(10_000)))))
    assert found[1:4] == [
        "    ~ 10,000 with other attributes, 10.0 MB",
        "          all: lang en → ko",
        "        ~ docs/00000.md  1.0 kB  its attributes changed",
    ]
    assert found[-1] == "          … and 9,981 more (10.0 MB)"
    assert len(found) <= 24


def test_changes_of_many_are_counted_and_edits_come_first_with_their_own() -> None:
    some = [changed({"lang": "ko"}, {"lang": "en"}, n) for n in range(30)]
    others = [changed({"lang": "ko"}, {"lang": "kr"}, n) for n in range(30, 50)]
    alone = changed({"lang": "ko"}, {"lang": "fr"}, 50)
    by_hand = changed({"lang": "ko"}, {"lang": "en"}, 51, applied={"lang": "ko"})
    found = shown(a_plan(store(alone, *some, *others, by_hand)))
    assert found[1:7] == [
        "    ~ 52 with other attributes, 52.0 kB  1 edited on the account",
        "          31 files: lang en → ko",
        "          20 files: lang kr → ko",
        "        ! docs/00051.md  1.0 kB  its attributes changed  lang en → ko",
        "        ~ docs/00050.md  1.0 kB  its attributes changed  lang fr → ko",
        "        ~ docs/00000.md  1.0 kB  its attributes changed",
    ]


def test_a_comment_tells_the_same() -> None:
    plan = a_plan(store(changed({"lang": "```\n@everyone"}, {"lang": "en"})))
    assert "!   docs/00001.md  1.0 kB  its attributes changed  lang en → ```⏎@everyone\n" in rendered(
        "plan", "markdown", plan
    )
    out = io.StringIO()
    text.plan(plan, Streams(out, out))
    assert "lang en → ```⏎@everyone" in out.getvalue()
