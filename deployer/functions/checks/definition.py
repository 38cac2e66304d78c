"""Rules about a function apart from its parameters, and about the functions of one assistant together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from deployer.functions.checks.subject import shown
from deployer.functions.rules import RULES, SURFACES, Finding
from deployer.functions.tree import Pointer

KEYS = ("type", "name", "description", "parameters", "strict", "examples", "handler")
API_KEYS = ("defer_loading", "async", "allowed_callers", "output_schema")
"""Keys of a function that some API takes and no manifest has."""
NAME = re.compile(r"[A-Za-z0-9_-]+")
LONGEST_DESCRIPTION, LONGEST_FORMAT_NAME = 1024, 64
MOST_TOOLS, GOOD_NUMBER = 128, 20


def definition(function: Mapping[str, Any], surface: str) -> Iterator[Finding]:
    yield from _keys(function)
    form = SURFACES[surface]
    yield from _name(function.get("name"), "function", f"{form.field}.name", form.longest_name)
    yield from _description(function.get("description"), surface)
    if not isinstance(function.get("parameters"), dict):
        remedy = "write `parameters: {type: object, properties: {}}`"
        message = "the function has no parameters: agents get an empty object"
        yield _found("parameters-required", (), message, remedy)


def format_name(name: Any, surface: str) -> Iterator[Finding]:
    """Check the name of a response format; its field has another name."""
    yield from _name(name, "response format", f"{SURFACES[surface].format_field}.name", LONGEST_FORMAT_NAME)


def _keys(function: Mapping[str, Any]) -> Iterator[Finding]:
    for key in function:
        if key not in KEYS and key not in API_KEYS:
            yield unknown_key(key)


def unknown_key(key: str) -> Finding:
    """Report a key beside the name and the parameters that is none of a function's."""
    near = nearest_key(str(key))
    remedy = f"did you mean {near!r}?" if near else f"known here: {', '.join(KEYS)}"
    return _found("unknown-key", (key,), f"unknown key {key!r}", remedy)


def nearest_key(key: str, cutoff: float = 0.6) -> str | None:
    """Return the key of a function that is meant; the more alike it must be, the higher `cutoff` (0 to 1)."""
    return next(iter(get_close_matches(key.lower(), KEYS, n=1, cutoff=cutoff)), None)


def _name(name: Any, what: str, field: str, longest: int) -> Iterator[Finding]:
    if not isinstance(name, str) or not name:
        says = f"Missing required parameter: '{field}'." if name is None else None
        yield _found("name", (), f"the {what} has no name", "write `name: …`", says)
    elif not NAME.fullmatch(name):
        says = f"Invalid '{field}': string does not match pattern. Expected a string that matches the pattern "
        remedy = "use only A-Z a-z 0-9 _ -"
        yield _found("name", ("name",), f"the name {shown(name)}", remedy, says + "'^[a-zA-Z0-9_-]+$'.")
    elif len(name) > longest:
        message = f"a name of {len(name)} characters; at most {longest} are taken"
        for rule in ("name-length", "name-length-unproven"):  # one of them is about this surface
            yield _found(rule, ("name",), message, "shorten it", _too_long(field, longest, len(name)))


def _description(text: Any, surface: str) -> Iterator[Finding]:
    if not (isinstance(text, str) and text):
        message = "the function has no description, and agents take none without"
        yield _found("description-required", (), message, "say in a sentence when to call it")
    elif isinstance(text, str) and len(text) > LONGEST_DESCRIPTION:
        message = f"a description of {len(text)} characters"
        says = _too_long(f"{SURFACES[surface].field}.description", LONGEST_DESCRIPTION, len(text))
        remedy = f"keep to {LONGEST_DESCRIPTION}; long advice belongs into the instructions"
        yield _found("description-length", ("description",), message, remedy, says)


def _too_long(field: str, most: int, length: int) -> str:
    return (
        f"Invalid '{field}': string too long. Expected a string with maximum length {most}, "
        f"but got a string with length {length} instead."
    )


def together(functions: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Names that occur twice, and how many there are; pointers begin with the place of the function."""
    first: dict[str, int] = {}
    for place, function in enumerate(functions):
        name = function.get("name")
        if isinstance(name, str) and first.setdefault(name, place) != place:
            message = f"the name {name!r} is taken by function {first[name] + 1} of the same assistant"
            yield _found("duplicate-name", (place, "name"), message, "rename one of them")
    yield from _number(len(functions))


def _number(count: int) -> Iterator[Finding]:
    if count > MOST_TOOLS:
        says = f"Invalid 'tools': array too long. Expected an array with maximum length {MOST_TOOLS}, "
        message = f"{count} functions; at most {MOST_TOOLS} tools are taken"
        says += f"but got an array with length {count} instead."
        yield _found("tool-count", (MOST_TOOLS,), message, "divide them among several assistants", says)
    elif count > GOOD_NUMBER:
        message = f"{count} functions in one assistant; models choose worse among more than {GOOD_NUMBER}"
        yield _found("many-functions", (GOOD_NUMBER,), message, "divide them among several assistants")


def _found(rule: str, pointer: Pointer, message: str, remedy: str, says: str | None = None) -> Finding:
    return Finding(rule, pointer, message, remedy, RULES[rule].severity, says)
