"""How deep data may nest is decided by numbers of our own: what they allow works, wherever in the stack it is asked.

Python's own limit is a thousand calls, of which a notebook, a test runner or a worker has used some before us. Python
3.11 counts calls inside C too, 3.14 the bytes of the stack.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from deployer.backends.http.redact import redacted
from deployer.backends.validate import DEEPEST
from deployer.engine import canonical
from deployer.functions.check import check_examples, check_function
from deployer.functions.checks.always import MOST_GROUPS
from deployer.functions.checks.examples import MOST_NESTED
from deployer.functions.checks.size import MOST_LEVELS
from deployer.functions.compatibility.compare import compare
from deployer.functions.python.static import agreement_static
from deployer.functions.strictness.fix import make_strict
from deployer.json_text import MOST_DEPTH, loads
from deployer.manifest import yaml12

USED = 300
SHAPES: dict[str, Callable[[Any], Any]] = {
    "items": lambda inner: {"type": "array", "items": inner},
    "not": lambda inner: {"not": inner},
    "properties": lambda inner: {"type": "object", "properties": {"a": inner}},
    "additional": lambda inner: {"type": "object", "additionalProperties": inner},
    "any of": lambda inner: {"anyOf": [inner, {"type": "null"}]},
    "all of": lambda inner: {"allOf": [inner]},
    "default": lambda inner: {"default": [inner]},
}


def lists(levels: int, inside: str = "1") -> str:
    return "[" * levels + inside + "]" * levels


def schema(shape: str, leaf: str = "string") -> dict[str, Any]:
    """As deep as a schema may be: `{"type": "string"}` inside so many others."""
    each = 2 if shape in ("properties", "any of", "all of", "default") else 1
    found: Any = {"type": leaf}
    for _ in range((MOST_LEVELS - 4) // each):
        found = SHAPES[shape](found)
    return {"type": "object", "properties": {"a": found}}


def function(shape: str, leaf: str = "string") -> dict[str, Any]:
    return {"name": "f", "description": "d", "parameters": schema(shape, leaf)}


def examples(shape: str) -> Any:
    value: Any = "x"
    for _ in range(MOST_LEVELS - 4):
        value = {"a": value} if shape in ("properties", "additional") else [value]
    return check_examples({**function(shape), "examples": [{"a": value}, {"a": {"a": {}}}]})


def recursive(levels: int) -> list[str]:
    """A tree whose schema refers to itself; `anyOf`, `items` and `$ref` judge each level."""
    tree = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/tree"}}, {"type": "string"}]}
    parameters = {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": tree}}
    found = check_examples({"parameters": parameters, "examples": [{"a": json.loads(lists(levels, '"x"'))}]})
    return [one.message for one in found]


def handler(source: str) -> Any:
    return [one.message for one in agreement_static(function("not"), source, "f")]


WORKS: dict[str, Callable[[], Any]] = {
    "yaml": lambda: yaml12.read(lists(yaml12.MAX_DEPTH)),
    "json": lambda: yaml12.read_json(lists(yaml12.MAX_DEPTH)),
    "answer": lambda: redacted({"a": loads(lists(MOST_DEPTH, '"\\ud800"'))}, "sk-12345678"),
    "object": lambda: canonical.sha256(json.loads(lists(DEEPEST, "1.0"))),
    "recursive example": lambda: recursive(MOST_NESTED // 4),
    "pattern": lambda: check_function(
        {"name": "f", "parameters": {"type": "object", "properties": {"a": {"pattern": "(" * 100 + ")" * 100}}}},
        "agents",
    ),
    "elif": lambda: handler("if x: pass\n" + "elif x: pass\n" * 900 + "else:\n def f(a): ...\n"),
    "annotation": lambda: handler(f"def f(a: {' | '.join(['int'] * 900)}, b: x{'.y' * 900} = {'-' * 900}1): ...\n"),
    **{f"check {name}": partial(check_function, function(name), "assistants") for name in SHAPES},
    **{f"compare {name}": partial(compare, function(name), function(name, "integer")) for name in SHAPES},
    **{f"fix {name}": partial(make_strict, function(name)) for name in SHAPES},
    **{f"examples {name}": partial(examples, name) for name in SHAPES},
}


def deep_in_the_stack(ask: Callable[[], Any], levels: int = USED) -> Any:
    return ask() if levels == 0 else deep_in_the_stack(ask, levels - 1)


@pytest.mark.parametrize("name", WORKS)
def test_what_a_limit_allows_works_wherever_it_is_asked_for(name: str) -> None:
    assert deep_in_the_stack(WORKS[name]) == WORKS[name]()


@pytest.mark.parametrize(
    ("found", "says"),
    (
        (lambda: recursive(MOST_NESTED // 4), []),
        (lambda: recursive(MOST_NESTED // 3 + 1), ["refer to themselves too often"]),
        (lambda: recursive(MOST_LEVELS), ["more than 128 levels of lists and mappings"]),
        (lambda: pattern("(" * MOST_GROUPS + ")" * MOST_GROUPS), []),
        (lambda: pattern("(" * (MOST_GROUPS + 1) + ")" * (MOST_GROUPS + 1)), ["nested too deeply"]),
        (lambda: pattern("[(]" * 200 + "\\(" * 200 + "()" * 200 + "[^](]" * 200), []),
        (lambda: pattern("a\\\\z[z]"), []),
        (lambda: pattern("a\\\\\\z"), ["bad escape \\z at position 3"]),
        (lambda: pattern("[\\z]"), ["bad escape \\z at position 1"]),
    ),
)
def test_what_is_beyond_a_limit_is_said(found: Callable[[], list[str]], says: list[str]) -> None:
    messages = found()
    assert len(messages) == len(says)
    assert all(part in message for part, message in zip(says, messages, strict=True))


def pattern(text: str) -> list[str]:
    parameters = {"type": "object", "properties": {"a": {"type": "string", "pattern": text}}}
    found = check_function({"name": "f", "description": "d", "parameters": parameters}, "assistants")
    return [one.message for one in found if one.rule == "pattern"]
