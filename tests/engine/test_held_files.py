"""Files of the code interpreter that the stamp knows of, and the assistant lacks."""

from __future__ import annotations

from deployer.engine import held_files, stamp, uploads
from deployer.kinds import kinds_of
from deployer.model import Address, DesiredFile, LiveObject, Origin

KIND = kinds_of("assistants")["assistant"]
A, B = (DesiredFile(f"data/{name}", 1, name) for name in ("a.csv", "b.csv"))
TOKENS = {stamp.name_of(f"file-{file.name}"): uploads.token(file.name, file.sha256) for file in (A, B)}
MARK = stamp.Stamp("test", Address("assistant", "a"), {}, files=TOKENS)


def live(*names: str, gone: tuple[str, ...] = ()) -> LiveObject:
    resources = {"code_interpreter": {"file_ids": [f"file-{name}" for name in names]}}
    return LiveObject("assistant", "id", {"tool_resources": resources}, gone=frozenset(f"file-{one}" for one in gone))


def compared(one: LiveObject) -> list[tuple[str, str, Origin]]:
    held = [file for file in held_files.live_files(KIND, one.raw, MARK) if file.id not in one.gone]
    changes = held_files.compare([A, B], held, held_files.missing(KIND, one, MARK))
    return [(change.path, str(change.reason), change.origin) for change in changes]


def test_all_are_there() -> None:
    assert compared(live("b.csv", "a.csv", "theirs.csv")) == []


def test_one_that_was_taken_out_is_an_edit() -> None:
    assert compared(live("a.csv")) == [("data/b.csv", "removed on the account", Origin.ACCOUNT)]


def test_one_that_was_deleted_is_nobody_s() -> None:
    found = compared(live("a.csv", "b.csv", gone=("b.csv",)))
    assert found == [("data/b.csv", "its File object is gone", Origin.MANIFEST)]


def test_what_stays_out_is_remembered_as_long_as_git_declares_it() -> None:
    rules = held_files.HeldFiles()
    found = rules.owned(KIND, live("a.csv"), MARK)
    short = stamp.name_of("file-b.csv")
    assert rules.remembered([A, B], found) == {short: TOKENS[short]}
    assert (rules.remembered([A], found), rules.agreed([A], found)) == ({}, ("files",))
    assert rules.agreed([A, B], found) == ()
