"""Keywords that strict schemas do not know, as sentences for the description."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deployer.functions.checks.always import lookaround
from deployer.functions.checks.keywords import FOREIGN, KNOWN, meant
from deployer.functions.checks.strict import FORMATS
from deployer.functions.compatibility.shapes import is_annotation
from deployer.functions.values import written


def _default(value: Any) -> str:
    return f"Default: {written(value)}."


def _examples(value: Any) -> str:
    shown = value if isinstance(value, list) else [value]
    return f"Examples: {', '.join(map(written, shown))}." if shown else ""


def _unique(value: Any) -> str:
    return "The items are unique." if value else ""


def _least(value: Any) -> str:
    return f"At least {value} of the properties are not null."


def _most(value: Any) -> str:
    return f"At most {value} of the properties are not null."


def _dependent(value: Any) -> str:
    pairs = [(name, others) for name, others in value.items() if others]
    return " ".join(f"If {name} is not null, {' and '.join(others)} must not be null either." for name, others in pairs)


def _flag(text: str) -> Callable[[Any], str]:
    return lambda value: text if value else ""


_REFUSED = ("nullable", "disallow", "extends", "divisibleBy", "optional", "id")
"""Words of others that would change what is admitted; `nullable` and its kin cannot be left out."""
_SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "default": _default,
    "examples": _examples,
    "example": _examples,
    "uniqueItems": _unique,
    "minProperties": _least,
    "maxProperties": _most,
    "dependentRequired": _dependent,
    "deprecated": _flag("Deprecated."),
    "readOnly": _flag("Read-only."),
    "writeOnly": _flag("Write-only."),
    "format": lambda value: f"Format: {value}.",
    "pattern": lambda value: f"Pattern: {value}",
    "contentEncoding": lambda value: f"Encoding: {value}.",
    "contentMediaType": lambda value: f"Media type: {value}.",
}


def movable(key: str, value: Any) -> bool:
    """Whether strict schemas cannot say this, and a sentence can."""
    if key == "pattern":
        return lookaround(value) is not None
    if key in _SENTENCES:
        return not (key == "format" and value in FORMATS)
    if key in KNOWN or key in _REFUSED or is_annotation(key):
        return False
    return key in FOREIGN or meant(key) is None


def said(description: str, key: str, value: Any) -> str:
    """Return what the keyword says; empty where it says nothing, or the description says it already."""
    if key == "default" and tells_default(description, value):
        return ""
    if key in _SENTENCES:
        return _SENTENCES[key](value)
    return "" if key in FOREIGN else f"{key}: {written(value)}."


def tells_default(description: str, value: Any) -> bool:
    """Whether the description says the word and, soon after it, the value."""
    shown = value if isinstance(value, str) else written(value)
    told = rf"\bdefault(s|ed|ing)?\b.{{0,40}}?(?<![\w.]){re.escape(shown)}(?!\w)"
    return bool(shown) and re.search(told, description, re.IGNORECASE | re.DOTALL) is not None


def joined(description: str, sentences: Sequence[str]) -> str:
    """Return the description with sentences behind it, after a full stop; what follows the text stays at the end."""
    text = description.rstrip()
    words = [sentence for sentence in sentences if sentence]
    if words and text and "\n" not in text and text[-1] not in ".!?:":
        text += "."
    return " ".join(filter(None, [text, *words])) + description[len(description.rstrip()) :]
