"""What a kind is: the few questions that everything else asks of it, all pure.

A kind is a module that ends with `KIND = Kind(…)`, and a row in the table of surfaces. Four members are required; what
a kind has no word on, it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from deployer.model import AccountSettings, Address, Attrs, FieldChange, Reason

Raw = Mapping[str, Any]
"""A live object as its place answers it (JSON)."""
BESIDE = "deployer_stamp"
"""The field of a row and of a body in which a stamp travels that has no place in the object itself."""


RELEASED, RELEASED_NOW = "deployer_origin", "released"
"""What an object of versions carries that is foreign again: older versions still have the stamp."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A declared field that a surface cannot carry (or not whole): its path and the sentence for the user.

    `field` is its row in the table of what surfaces carry, "" where it is about a value. `fatal`: nothing can go,
    unless the loss is accepted. `sent`: it goes all the same, and may not be read as it is meant.
    """

    path: str
    why: str
    fatal: bool = False
    field: str = ""
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Expressed:
    """Desired attrs as a surface can hold them, canonical, and what got lost on the way."""

    attrs: Attrs
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of a create or an update; `refs` are JSON pointers into it that take the live id of an address."""

    fields: Mapping[str, Any]
    refs: tuple[tuple[str, str], ...] = ()


class StampHome(StrEnum):
    """Where the stamp of an object lives."""

    METADATA = "metadata"
    """In pairs of its own metadata: the API keeps it, replaces the whole map, and holds 16 pairs."""
    BESIDE = "beside"
    """Beside the object, which has no metadata: its place keeps it, and answers it in the field `BESIDE`."""


@dataclass(frozen=True, slots=True)
class Memberships:
    """Files are memberships of the object, which is a store: each has a life of its own, and carries attributes."""


@dataclass(frozen=True, slots=True)
class HeldIds:
    """The object itself holds the ids of its files.

    `held` returns the ids that a live object holds, in order; it must take an object of any form. `hold` lets a body
    hold these files and no others: keys of ids to come, or ids (True); what the live object has in the same field must
    stay. `takes` tells whether declared attrs let the object hold files at all. `field` is the field of a body that
    names them: when it is sent for another reason, they must be named, too.
    """

    held: Callable[[Raw], tuple[str, ...]]
    hold: Callable[[Body, Sequence[tuple[str, bool]], Raw | None], Body]
    takes: Callable[[Attrs], bool]
    field: str


@dataclass(frozen=True, slots=True)
class FileForm:
    """How an object stands in a file of its own, in a folder that holds nothing else.

    It is made from an envelope: the `object` as its kind writes it, with `id`, `created_at` (Unix seconds) and `stamp`.
    `name` returns what the file is called, without its suffix (None: what it is called already), `write` the file's
    JSON, `read` the envelope of a file, None of one that is damaged.
    """

    name: Callable[[Mapping[str, Any]], str | None]
    write: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    read: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Naming:
    """The name of an object is its id: it is chosen when the object is made, and never changes.

    `field` is what a manifest says it by; `of` returns it for an address and desired attrs, which may not say it.
    """

    field: str
    of: Callable[[Address, Attrs], str]


@dataclass(frozen=True, slots=True)
class Versions:
    """An object is a row of versions that never change: each update makes one more, even one of the stamp alone.

    `of` returns the latest version of a live object, `news` what a plan says of an update beside what differs, and
    `end` what it says of a delete.
    """

    of: Callable[[Raw], str]
    news: Callable[[Raw], tuple[Reason, ...]]
    end: Reason


def no_consequence(fields: Sequence[FieldChange], attrs: Attrs) -> str:
    """Mean nothing that a plan would have to say."""
    del fields, attrs
    return ""


def no_references(raw: Raw) -> tuple[str, ...]:
    """Refer to nothing that has an address."""
    del raw
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The members of a kind. All are pure: no I/O, no clock; none may change what it is given.

    defaults    The value that the API gives to each field that is not set: a field that is no longer declared returns
                to it. Every field that the kind can hold is a key here, but for `metadata`.
    nullable    The fields that the API resets when null is sent. They go back to the default of the model, whatever
                that is, by the one value that no model refuses; the others go back by the value in `defaults`.
    express     Desired attrs → attrs in canonical form, without what this surface cannot carry; each of those is a
                Loss. Must give the same for what it gave; must not look at anything live.
    canonical   A live object → its attrs in the same form. Ids of owned objects become addresses (by the mapping of
                ids). Fields that the object lacks must stay absent; what the API adds by itself must not appear.
    wire        Attrs (None: reset the field) → the fields of a request. The live object is given for an update, so that
                what the API would drop with the same field can be sent along. Must send no other field.
    references  The ids of the stores that a live object uses, owned or foreign; must take an object of any form.
    files       How it holds files: Memberships, HeldIds, or None where it holds none.
    ownership   Where its stamp lives.
    fields      The API's own fields that an update could overwrite: they are read again right before a write. Without
                a word they are the keys of `defaults`, with the metadata.
    consequence What an update with these changes of fields means for those who use the object, as one sentence; ""
                where that is nothing. It is given the desired attrs, too.
    informed    The kind with what an account's settings say, where it depends on them.
    file        How its objects stand in files, where they live in a folder and are read by others.
    naming      How its objects are named, where the name is the id.
    versions    What there is to say of versions, where an update makes one.
    """

    defaults: Attrs
    express: Callable[[Attrs], Expressed]
    canonical: Callable[[Raw, Mapping[str, str]], Attrs]
    wire: Callable[[Attrs, Raw | None], Body]
    nullable: frozenset[str] = frozenset()
    references: Callable[[Raw], tuple[str, ...]] = no_references
    files: Memberships | HeldIds | None = None
    ownership: StampHome = StampHome.METADATA
    fields: tuple[str, ...] = ()
    consequence: Callable[[Sequence[FieldChange], Attrs], str] = no_consequence
    informed: Callable[[AccountSettings], Kind] | None = None
    file: FileForm | None = None
    naming: Naming | None = None
    versions: Versions | None = None

    @property
    def resets(self) -> Attrs:
        """Return what is sent for each field so that it is no longer set."""
        return {**self.defaults, **dict.fromkeys(self.nullable)}

    def overwritable(self) -> tuple[str, ...]:
        """Return the fields of a live object that an update could overwrite."""
        return self.fields or (*self.defaults, "metadata")

    @property
    def is_store(self) -> bool:
        """Whether files are memberships of such an object."""
        return isinstance(self.files, Memberships)

    def held(self, raw: Raw) -> tuple[str, ...]:
        """Return the ids of the files that a live object holds itself."""
        return self.files.held(raw) if isinstance(self.files, HeldIds) else ()

    def takes_files(self, attrs: Attrs) -> bool:
        """Whether an object with these attrs can have files."""
        return self.files.takes(attrs) if isinstance(self.files, HeldIds) else self.is_store

    def made(self, address: Address, attrs: Attrs, body: Body) -> Body:
        """Return the body of a create for what is declared at an address: with the name, where that is the id."""
        if self.naming is None:
            return body
        return Body({"name": self.naming.of(address, attrs), **body.fields}, body.refs)

    def _required(self, live: Raw) -> Attrs:
        """Return what an update sends along unchanged: some services take none without the model."""
        return {"model": live["model"]} if "model" in self.overwritable() and live.get("model") else {}

    def stamped(self, attrs: Attrs, metadata: Mapping[str, Any], stamp: Mapping[str, Any], live: Raw | None) -> Body:
        """Return the body for these attrs, with the user's pairs of metadata and the stamp where they belong."""
        attrs = {**self._required(live or {}), **attrs}
        if self.versions and not stamp:
            stamp = {RELEASED: RELEASED_NOW}
        if self.ownership is StampHome.METADATA:
            return self.wire({**attrs, "metadata": {**metadata, **stamp}}, live)
        body = self.wire({**attrs, "metadata": dict(metadata)}, live)
        return Body({**body.fields, BESIDE: dict(stamp)}, body.refs)


class Home(NamedTuple):
    """A row of a surface: the kind, and the backend where its objects are."""

    kind: Kind
    backend: str = "http"
