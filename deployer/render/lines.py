"""What is shown, before it has a colour: text from outside made harmless, in segments with a tone, in signed lines."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.wording import cut

_SHOWN = 72


@dataclass(frozen=True, slots=True)
class Segment:
    """`tone` is one of: plain, label, dim, strong, new, gone, changed, warn; what follows a label is its column."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Line:
    """`sign`: `+ ~ ± -` what is done, `!` somebody edited it on the account, `?` an orphan, `·` nothing is done."""

    sign: str
    depth: int
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


def dim(text: str) -> Segment:
    return Segment(plain(text), "dim")


def warn(text: str) -> Segment:
    return Segment(plain(text), "warn")


def plain(text: str) -> str:
    """Return text in which control characters, and what breaks lines, reorders or hides text, are visible.

    So nothing that an account or a manifest says can forge what a terminal or a comment shows.
    """
    return "⏎".join(part if part.isprintable() else _visible(part) for part in text.split("\n"))


def _visible(text: str) -> str:
    return "".join(one.encode("unicode_escape").decode() if _acts(one) else one for one in text)


def plain_json(text: str) -> str:
    """Return JSON text with the same characters in JSON's own escapes: it means what it meant. Its line ends stay."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(json.dumps(one)[1:-1] if one != "\n" and _acts(one) else one for one in text)


def plain_text(text: str) -> str:
    """Return text of several lines made harmless; its line ends are our own, and stay."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _acts(one: str) -> bool:
    category = unicodedata.category(one)
    return category.startswith("C") or category in {"Zl", "Zp"}


def short(value: Any) -> str:
    """Return one line for a value: text as it is, a tool by what it is, the rest as JSON; cut at 72 characters."""
    if value is None:
        text = "not set"
    elif isinstance(value, Mapping) and "type" in value:
        text = _tool(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = plain(text[: _SHOWN + 1])  # what is not shown costs nothing
    return shown if len(shown) <= _SHOWN else f"{cut(shown, _SHOWN)} ({len(text):,} characters)"


def _tool(tool: Mapping[str, Any]) -> str:
    if tool["type"] == "function":
        names = ", ".join(map(str, (tool.get("parameters") or {}).get("properties") or ()))
        return f"function({names})"
    rest = [f"{name} {_listed(value)}" for name, value in tool.items() if name != "type"]
    return ", ".join([str(tool["type"]), *rest])


def _listed(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
