"""Examples of a function's arguments, as a model would send them, against its parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from deployer import json_text
from deployer.functions.checks.size import MOST_LEVELS, TOO_DEEP, misfit
from deployer.functions.checks.subject import shown
from deployer.functions.rules import RULES, Finding
from deployer.functions.tree import Pointer

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any]]

MOST_EXAMPLE = 64 * 1024
MOST_FOLLOWED = 10_000
MOST_NESTED = 100
"""Keywords that are being judged inside each other; each takes about six calls of Python's own thousand."""
_FEW = 10


class _TooLong(Exception):  # noqa: N818 (never leaves this module)
    pass


def examples(schema: Any, values: Any) -> Iterator[Finding]:
    """Take each as data, or as the JSON text that models really send."""
    if values is None:
        return
    if not isinstance(values, list):
        yield _found((), "`examples` is no list", "write a list of arguments, each a mapping")
        return
    for place, value in enumerate(values):
        yield from _one({} if schema is None else schema, place, value)


def _one(schema: Any, place: int, value: Any) -> Iterator[Finding]:
    try:
        arguments = json_text.loads(value, MOST_LEVELS) if isinstance(value, str) else value
    except json_text.TooDeep:
        yield _uncheckable(place, TOO_DEEP)
        return
    except ValueError as error:
        yield _found((place,), f"example {place + 1} is no JSON: {error}", "write it as data, or as JSON text")
        return
    wrong = misfit(arguments)
    if wrong is not None or len(json.dumps(arguments)) > MOST_EXAMPLE:
        yield _uncheckable(place, wrong.what if wrong is not None else "more than 64 KiB")
        return
    yield from _errors(schema, place, arguments)


def _uncheckable(place: int, why: str) -> Finding:
    return _found((place,), f"example {place + 1} cannot be checked: {why}", "make it smaller, and plain JSON")


def _errors(schema: Any, place: int, arguments: Any) -> Iterator[Finding]:
    try:
        for number, error in enumerate(_validator(schema).iter_errors(arguments)):
            if number == _FEW:
                return
            pointer = (place, *error.absolute_path)
            yield _found(pointer, f"example {place + 1}: {shown(error.message, 200)}", "correct it, or the parameters")
    except _TooLong:
        message = f"example {place + 1} cannot be checked: the parameters refer to themselves too often"
        yield _found((place,), message, "simplify the `$ref`s")


def _validator(schema: Any) -> Validator:
    """Make a 2020-12 validator that runs no regular expression, fetches nothing, and has an end in depth and length."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    known = Draft202012Validator.VALIDATORS
    followed, nested = count(1), _Nested()
    changed = {
        "pattern": _passed,
        "patternProperties": _passed,
        "unevaluatedProperties": _passed,
        "additionalProperties": _without_patterns(known["additionalProperties"]),
        "$ref": _counted(known["$ref"], followed),
        "$dynamicRef": _counted(known["$dynamicRef"], followed),
    }
    changed = {keyword: nested.bounded(rule) for keyword, rule in {**known, **changed}.items()}
    registry: Registry[Any] = Registry()
    typed_extend: Callable[..., type[Validator]] = extend  # the stubs leave it untyped
    return typed_extend(Draft202012Validator, changed)(schema, registry=registry)


class _Nested:
    """How many rules are at work inside each other."""

    def __init__(self) -> None:
        self._depth = 0

    def bounded(self, rule: Keyword) -> Keyword:
        """Judge to the end before returning: a generator that is left early would keep its place in the count."""

        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            if self._depth == MOST_NESTED:
                raise _TooLong
            self._depth += 1
            try:
                return iter(list(rule(validator, value, instance, schema) or ()))
            finally:
                self._depth -= 1

        return check


def _passed(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> Iterator[Any]:
    return iter(())


def _without_patterns(rule: Keyword) -> Keyword:
    """The library would match the other names against `patternProperties`."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        return iter(()) if "patternProperties" in schema else rule(validator, value, instance, schema)

    return check


def _counted(rule: Keyword, followed: Iterator[int]) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if next(followed) > MOST_FOLLOWED:
            raise _TooLong
        return rule(validator, value, instance, schema)

    return check


def _found(pointer: Pointer, message: str, remedy: str) -> Finding:
    return Finding("examples", ("examples", *pointer), message, remedy, RULES["examples"].severity)
