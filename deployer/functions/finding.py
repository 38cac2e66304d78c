"""What a rule has to say about a function schema."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.model import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """`pointer` is the path inside the function definition (or schema); `says` predicts the API's own message."""

    rule: str
    pointer: tuple[str | int, ...]
    message: str
    remedy: str
    severity: Severity = Severity.ERROR
    source: str = ""
    says: str | None = None
