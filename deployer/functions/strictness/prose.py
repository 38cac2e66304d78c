"""Keywords that strict schemas do not know, as sentences for the description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deployer.functions.checks.strict import FORMATS
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
    "contentEncoding": lambda value: f"Encoding: {value}.",
    "contentMediaType": lambda value: f"Media type: {value}.",
}


def movable(key: str, value: Any) -> bool:
    """Whether strict schemas cannot say this, and a sentence can."""
    return key in _SENTENCES and not (key == "format" and value in FORMATS)


def sentence(key: str, value: Any) -> str:
    """What the keyword says; empty where it says nothing."""
    return _SENTENCES[key](value)
