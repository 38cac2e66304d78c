"""The hidden first line of a comment or an issue: whose it is, which plan it shows, whether it was edited since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

_START, _END = "<!-- deployer ", " -->"


@dataclass(frozen=True, slots=True)
class Mark:
    """`key` tells comments of several manifests and accounts apart.

    `fingerprint` is that of the plan that is shown, "" where there is none; `truncated`: the comment does not show all
    of it; `artifact`: the whole is kept with the run. `run` is the number of the run, `commit` what it looked at.
    `sha256` is of the text below this line.
    """

    key: str
    fingerprint: str = ""
    truncated: bool = False
    artifact: bool = False
    run: int = 0
    commit: str = ""
    sha256: str = ""

    def over(self, text: str) -> str:
        """Return the text below its mark."""
        line = json.dumps(asdict(replace(self, sha256=_digest(text))), ensure_ascii=True).replace(">", "\\u003e")
        return f"{_START}{line}{_END}\n\n{text}"


def read(body: str) -> tuple[Mark, str] | None:
    """Return the mark of a comment, and the text below it; None where it has none that can be read."""
    body = body.replace("\r\n", "\n")
    first, _, text = body.partition("\n\n")
    if not (first.startswith(_START) and first.endswith(_END)):
        return None
    try:
        data: Mapping[str, Any] = json.loads(first[len(_START) : -len(_END)])
        return Mark(**data), text
    except (ValueError, TypeError):
        return None


def was_edited(mark: Mark, text: str) -> bool:
    """Whether the text is not the one that the mark was written over."""
    return mark.sha256 != _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.replace("\r\n", "\n").rstrip().encode()).hexdigest()
