"""Descriptions from docstrings in Google, NumPy and reST style, read by griffe (as agent SDKs do)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from griffe import Docstring, DocstringSection

_REST = re.compile(r"^[ \t]*:(param|parameter|arg|argument|key|keyword|var|ivar|attr)[ \t][^:\n]*:", re.MULTILINE)
_WRAPPED = re.compile(r"(?<=\S)\n(?=[^\s\d*+-])")  # not before a blank line, a list item or something indented
_PARAMETERS = ("parameters", "other parameters", "attributes")


@dataclass(frozen=True, slots=True)
class Described:
    """What a docstring says: of the callable as a whole, and of each parameter."""

    text: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def describe(doc: str) -> Described:
    """Read a clean docstring of whatever style; text that belongs to no section is the description."""
    from griffe import Docstring

    docstring = Docstring(doc, lineno=1)
    rest = _REST.search(doc) is not None
    sections = docstring.parse("sphinx", warnings=False) if rest else _sections(docstring)
    texts = [_unwrapped(section.value) for section in sections if section.kind.value == "text"]
    return Described("\n\n".join(texts), _parameters(sections, rest=rest))


def _sections(docstring: Docstring) -> Sequence[DocstringSection]:
    from griffe import Parser, infer_docstring_style

    # griffe's own guess at reST needs a line after the last field, and knows no `list[int]` in it
    style, _ = infer_docstring_style(docstring, style_order=[Parser.google, Parser.numpy])
    return docstring.parse(style, warnings=False) if style else docstring.parse(None)


def _parameters(sections: Sequence[DocstringSection], *, rest: bool) -> dict[str, str]:
    found = {
        part.name.lstrip("*"): part.description
        for section in sections
        if section.kind.value in _PARAMETERS
        for part in section.value
    }
    # in reST griffe takes every paragraph after a field for a part of it
    return {name: _unwrapped(text.partition("\n\n")[0] if rest else text) for name, text in found.items() if text}


def _unwrapped(text: str) -> str:
    """The width of the source is no part of what it says."""
    return _WRAPPED.sub(" ", text.strip())
