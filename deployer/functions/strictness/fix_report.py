"""What is told about making a schema strict."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.functions.finding import Finding

Pointer = tuple[str | int, ...]
_SOURCE = "public docs, guide Structured outputs"


@dataclass(frozen=True, slots=True)
class Note:
    """What was changed; `pointer` is a path in the given or the changed function."""

    pointer: Pointer
    message: str


class Report:
    """Gathers notes and refusals, in the order of the schema."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.refusals: list[Finding] = []

    def note(self, pointer: Pointer, message: str) -> None:
        self.notes.append(Note(pointer, message))

    def refuse(self, rule: str, pointer: Pointer, message: str, remedy: str) -> None:
        """Say what cannot be done faithfully; `rule` is what the schema would still break."""
        self.refusals.append(Finding(rule, pointer, message, remedy, source=_SOURCE))
