"""What moved on the account since the last apply, and nothing else: a reading of the plan."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.engine.documents import not_ingested
from deployer.engine.uploads import MISSING
from deployer.model import Action, Address, Change, FieldChange, FileChange, LiveFile, Origin, Plan, Reason, Why


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is no longer as it was applied, and how."""

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Moved:
    """One address; of its fields `old` is the value on the account now, `new` the one that git declares.

    `what` became of the object as a whole: a vector store that has expired.
    """

    address: Address
    live_id: str | None
    fields: tuple[FieldChange, ...]
    documents: tuple[Document, ...]
    what: str = ""


def moved(plan: Plan) -> tuple[Moved, ...]:
    """Return what somebody edited or what expired, and documents that are no longer searchable, in the plan's order."""
    found = [_of(change) for change in plan.changes]
    return tuple(one for one in found if one.what or one.fields or one.documents)


def _of(change: Change) -> Moved:
    fields = tuple(field for field in change.fields if field.origin is not Origin.MANIFEST)
    documents = tuple(document for file in change.files for document in _documents(file))
    what = str(change.reason) if change.action is Action.REPLACE else ""
    return Moved(change.address, change.live_id, fields, documents, what)


def _documents(change: FileChange) -> tuple[Document, ...]:
    if change.desired is None:  # git lets go of it: how it fared on the account is no news
        return ()
    broken = [_broken(file) for file in change.live if not file.usable]
    told = change.origin is not Origin.MANIFEST or change.reason.code is Why.FILE_GONE
    edited = [str(change.reason)] if told else []
    return tuple(Document(change.path, what) for what in dict.fromkeys((*broken, *edited)))


def _broken(file: LiveFile) -> str:
    return str(Reason(Why.FILE_GONE) if file.status == MISSING else not_ingested(file))
