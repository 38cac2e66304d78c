"""Plans put together by hand, for what is shown."""

from __future__ import annotations

import io
from collections.abc import Sequence

from deployer.model import (
    UNLIMITED,
    Action,
    Address,
    AttachFiles,
    Change,
    DesiredFile,
    FieldChange,
    FileAction,
    FileChange,
    Limits,
    LiveFile,
    Member,
    Operations,
    Origin,
    Plan,
    Reason,
    Target,
    Update,
    Upload,
    Why,
)
from deployer.render import text
from deployer.render.output import Streams

TARGET = Target("production", "assistants", "https://assistants.example/v1")
STORE = Address("vector_store", "docs")


class Terminal(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def a_plan(*changes: Change, limits: Limits = UNLIMITED) -> Plan:
    return Plan("school", TARGET, changes, limits=limits)


def why(text: str) -> Reason:
    """Give a reason whose sentence is this."""
    return Reason(Why.UNSURE, (text,))


def edited(path: str, live: object, git: object, *, origin: Origin = Origin.ACCOUNT, kept: bool = False) -> FieldChange:
    return FieldChange(tuple(path.split("/")), live, git, origin, kept=kept)


def assistant(name: str, *fields: FieldChange, action: Action = Action.UPDATE) -> Change:
    address = Address("assistant", name)
    operations = () if action is Action.NO_OP else (Update(address, "id_1", {}),)
    return Change(
        address, action, why(f"{len(fields)} fields"), "id_1", fields, operations=operations, reviewed="0" * 12
    )


def document(number: int, size: int = 1_000) -> DesiredFile:
    return DesiredFile(f"docs/{number:05}.md", size, f"{number:064x}")


def membership(path: str, status: str = "completed", error: str | None = None) -> LiveFile:
    return LiveFile(f"file-{path}", path, "0" * 64, status, 2_000, 1, error=error)


def store(*files: FileChange, uploads: Sequence[DesiredFile] = (), batch: int = 500) -> Change:
    """A store that gets `uploads`, attached in batches."""
    members = [Member(file.path, file.path, {}, None, f"ready {file.path}") for file in uploads]
    batches = [tuple(members[start : start + batch]) for start in range(0, len(members), batch)]
    attaches = [AttachFiles(str(STORE), one, f"batch {number}") for number, one in enumerate(batches)]
    operations: Operations = (*(Upload(file, file.path) for file in uploads), *attaches)
    return Change(STORE, Action.UPDATE, why(f"{len(files)} files"), "vs_1", files=files, operations=operations)


def added(file: DesiredFile) -> FileChange:
    return FileChange(FileAction.ADD, file.path, file, (), why("not on the account"), upload=True)


def shown(plan: Plan) -> list[str]:
    """The lines of the text plan, without the account and the totals."""
    out = io.StringIO()
    text.plan(plan, Streams(out, out), errors=not plan.conflicts)
    return out.getvalue().rstrip().split("\n")[2:-2]


def totals(plan: Plan) -> str:
    out = io.StringIO()
    text.plan(plan, Streams(out, out), errors=not plan.conflicts)
    return out.getvalue().rstrip().split("\n")[-1]
