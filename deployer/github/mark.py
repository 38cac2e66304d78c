"""The hidden first line of a comment or an issue: whose it is, which plan it shows, whether it was edited since."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace

from deployer import json_text
from deployer.engine import canonical

_START, _END = "<!-- deployer ", " -->"


@dataclass(frozen=True, slots=True)
class Mark:
    """`key` tells comments of several manifests and accounts apart.

    `fingerprint` is that of the plan that is shown, "" where there is none or it failed; `truncated`: the comment does
    not show all of it; `artifact`: the whole is kept with the run. `run` is the number of the run, `commit` what it
    looked at. `sha256` is of all else in this line and of the text below it.
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
        line = json.dumps(asdict(replace(self, sha256=_digest(self, text)))).replace(">", "\\u003e")
        return f"{_START}{line}{_END}\n\n{text}"


def read(body: str) -> tuple[Mark, str] | None:
    """Return the mark of a comment, and the text below it; None where it has none that can be read."""
    body = body.replace("\r\n", "\n")
    first, _, text = body.partition("\n\n")
    if not (first.startswith(_START) and first.endswith(_END)):
        return None
    try:
        found = Mark(**json_text.loads(first[len(_START) : -len(_END)]))
    except (ValueError, TypeError):
        return None
    sound = all(type(getattr(found, one.name)) is type(one.default) for one in fields(found) if one.name != "key")
    return (found, text) if sound else None


def was_edited(mark: Mark, text: str) -> bool:
    """Whether the mark or the text below it is not as it was written."""
    return mark.sha256 != _digest(mark, text)


def _digest(mark: Mark, text: str) -> str:
    return canonical.sha256([asdict(replace(mark, sha256="")), text.replace("\r\n", "\n").rstrip()])
