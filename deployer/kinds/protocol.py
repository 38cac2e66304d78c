"""What every kind answers: a few questions, all pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deployer.model import Attrs


@dataclass(frozen=True, slots=True)
class Loss:
    """A declared field that a surface cannot carry (or not whole): its path and the sentence for the user."""

    path: str
    why: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Expressed:
    """Desired attrs as a surface can hold them, canonical, and what got lost on the way."""

    attrs: Attrs
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A request body; `refs` are JSON pointers into it that take the live id of an address."""

    fields: Mapping[str, Any]
    refs: tuple[tuple[str, str], ...] = ()


class Kind(Protocol):
    """A module with these names.

    `DEFAULTS` are the values that the API gives to fields that nobody sets: a field that is no longer declared returns
    to them. Every field that the kind can hold is a key of `DEFAULTS`. `FIELDS` are the API's own fields that an update
    could overwrite.
    """

    @property
    def DEFAULTS(self) -> Attrs: ...  # noqa: N802

    @property
    def FIELDS(self) -> Sequence[str]: ...  # noqa: N802

    def express(self, attrs: Attrs) -> Expressed:
        """Desired attrs in canonical form, without what this surface cannot carry."""

    def canonical(self, raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
        """Attrs of a live object; ids of owned objects become addresses. Fields that it lacks stay absent."""

    def wire(self, attrs: Attrs, live: Mapping[str, Any] | None) -> Body:
        """Request fields for these attrs (None: reset). `live` keeps what the API would drop with the same field."""

    def references(self, raw: Mapping[str, Any]) -> tuple[str, ...]:
        """Ids of the vector stores that a live object uses, ours or foreign, whatever its form."""

    def held(self, raw: Mapping[str, Any]) -> tuple[str, ...]:
        """Ids of the File objects that a live object itself holds, in order."""

    def hold(self, body: Body, files: Sequence[tuple[str, bool]], live: Mapping[str, Any] | None) -> Body:
        """Let the object hold these files and no others: keys of ids to come, or ids (True)."""
