"""Checks of request fields, composed into tables; each raises the error that the API answers for that mistake.

Messages and codes are those of recorded answers and of errors quoted in public issues, e.g. `string_above_max_length`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from deployer.server.wire import ApiError, Json

Check = Callable[[Any, str], Any]
NONE: Mapping[str, str] = MappingProxyType({})


def string(*, longest: int | None = None, shortest: int = 0, pattern: str | None = None) -> Check:
    def check(value: Any, path: str) -> Any:
        of_type(value, path, "a string", isinstance(value, str))
        if len(value) < shortest:
            raise invalid(
                path,
                f"empty string. Expected a string with minimum length {shortest}, but got an empty string instead.",
                "empty_string",
            )
        if longest is not None and len(value) > longest:
            raise invalid(
                path,
                f"string too long. Expected a string with maximum length {longest}, "
                f"but got a string with length {len(value)} instead.",
                "string_above_max_length",
            )
        if pattern is not None and not re.fullmatch(pattern, value):
            raise invalid(
                path,
                f"string does not match pattern. Expected a string that matches the pattern '^{pattern}$'.",
                "invalid_value",
            )
        return value

    return check


def identifier(prefix: str) -> Check:
    """An id of one kind of object: ids of other kinds, and other texts, are refused before anything is looked for."""

    def check(value: Any, path: str) -> Any:
        if not string()(value, path).startswith(prefix):
            text = f"Invalid '{path}': '{value}'. Expected an ID that begins with '{prefix}'."
            raise ApiError(400, text, param=path, code="invalid_value")
        return value

    return check


def integer(low: int, high: int) -> Check:
    def check(value: Any, path: str) -> Any:
        of_type(value, path, "an integer", isinstance(value, int) and not isinstance(value, bool))
        return _within(value, path, "integer", low, high)

    return check


def decimal(low: float, high: float) -> Check:
    def check(value: Any, path: str) -> Any:
        of_type(value, path, "a decimal", isinstance(value, int | float) and not isinstance(value, bool))
        return float(_within(value, path, "decimal", low, high))

    return check


def boolean(value: Any, path: str) -> Any:
    of_type(value, path, "a boolean", isinstance(value, bool))
    return value


def free_object(value: Any, path: str) -> Any:
    """Any JSON object: a schema of the user's own."""
    of_type(value, path, "an object", isinstance(value, dict))
    return value


def choice(*names: str, retired: Mapping[str, str] = NONE) -> Check:
    """One of some names; `retired` says what to use in the place of a name that there was once."""

    def check(value: Any, path: str) -> Any:
        of_type(value, path, f"one of {_spoken(names, 'or')}", isinstance(value, str))
        if value not in names:
            message = f"Invalid value: '{value}'. Supported values are: {_spoken(names, 'and')}."
            raise ApiError(400, " ".join((message, *_hint(value, retired))), param=path, code="invalid_value")
        return value

    return check


def array(item: Check, *, longest: int, shortest: int = 0, noun: str = "an array") -> Check:
    def check(value: Any, path: str) -> Any:
        of_type(value, path, noun, isinstance(value, list))
        if len(value) > longest:
            raise invalid(
                path,
                f"array too long. Expected an array with maximum length {longest}, "
                f"but got an array with length {len(value)} instead.",
                "array_above_max_length",
            )
        if len(value) < shortest:
            raise invalid(
                path,
                f"empty array. Expected an array with minimum length {shortest}, but got an empty array instead.",
                "empty_array",
            )
        return [item(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    return check


def nullable(check: Check) -> Check:
    return lambda value, path: None if value is None else check(value, path)


def fields(
    known: Mapping[str, Check],
    *,
    required: Collection[str] = (),
    retired: Mapping[str, str] = NONE,
    missing_first: bool = False,
) -> Check:
    """A closed object: what is not in the table is an unknown parameter; `retired` says what to use in its place.

    What is wrong is told in the order of the table, whatever order the fields have in the request; before it what is
    unknown, and then what is missing, or the other way round (`missing_first`, observed on POST /responses).
    """

    def check(value: Any, path: str) -> Json:
        of_type(value, path, "an object", isinstance(value, dict))
        absent = next((name for name in required if name not in value), None)
        unknown = next((name for name in value if name not in known), None)
        if absent is not None and (missing_first or unknown is None):
            raise missing(_join(path, absent))
        if unknown is not None:
            hint = _hint(unknown, retired) or _meant(unknown, set(known) - set(value))
            message = " ".join((f"Unknown parameter: '{_join(path, unknown)}'.", *hint))
            raise ApiError(400, message, param=_join(path, unknown), code="unknown_parameter")
        return {name: one(value[name], _join(path, name)) for name, one in known.items() if name in value}

    return check


_MOST_EDITS = 2


def _meant(name: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the question for a name that is two edits or fewer from some that are known, the nearest first."""
    close = (one for one in known if abs(len(one) - len(name)) <= _MOST_EDITS)
    near = sorted((edits, one) for one in close if (edits := _edits(name, one)) <= _MOST_EDITS)
    return (f"Did you mean {_spoken([one for _, one in near], 'or')}?",) if near else ()


def _edits(one: str, other: str) -> int:
    """Return how many letters must be put in, taken out or changed to make one name of the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        diagonal, row[0] = row[0], place
        for index, same in enumerate(other, 1):
            diagonal, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, diagonal + (letter != same))
    return row[-1]


def tagged(tables: Mapping[str, Check], tag: str = "type", *, retired: Mapping[str, str] = NONE) -> Check:
    """An object whose `type` says which table applies."""
    known_tag = choice(*tables, retired=retired)

    def check(value: Any, path: str) -> Any:
        of_type(value, path, "an object", isinstance(value, dict))
        if tag not in value:
            raise missing(_join(path, tag))
        return tables[known_tag(value[tag], _join(path, tag))](value, path)

    return check


def pairs(value_check: Check, noun: str = "an object") -> Check:
    """Up to 16 pairs with keys of up to 64 characters: metadata and attributes."""

    def check(value: Any, path: str) -> Any:
        of_type(value, path, noun, isinstance(value, dict))
        if len(value) > 16:
            raise invalid(
                path,
                "too many properties. Expected an object with at most 16 properties, "
                f"but got an object with {len(value)} properties instead.",
                "object_above_max_properties",
            )
        for key in value:
            if len(key) > 64:
                raise ApiError(
                    400,
                    f"Invalid property name in '{path}': '{key[:64]}...' is too long. Expected a "
                    f"string with maximum length 64, but got a string with length {len(key)} instead.",
                    param=path,
                    code="property_name_above_max_length",
                )
        return {key: value_check(entry, _join(path, key)) for key, entry in value.items()}

    return check


def scalar(value: Any, path: str) -> Any:
    """An attribute's value: text, number or truth."""
    if isinstance(value, bool | int | float):
        return value
    return string(longest=512)(value, path)


METADATA = nullable(pairs(string(longest=512)))
ATTRIBUTES = nullable(pairs(scalar))


def invalid(path: str, problem: str, code: str) -> ApiError:
    return ApiError(400, f"Invalid '{path}': {problem}", param=path, code=code)


def missing(path: str) -> ApiError:
    return ApiError(400, f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def _within(value: Any, path: str, noun: str, low: float, high: float) -> Any:
    if value < low:
        raise invalid(
            path,
            f"{noun} below minimum value. Expected a value >= {low}, but got {value} instead.",
            f"{noun}_below_min_value",
        )
    if value > high:
        raise invalid(
            path,
            f"{noun} above maximum value. Expected a value <= {high}, but got {value} instead.",
            f"{noun}_above_max_value",
        )
    return value


def of_type(value: Any, path: str, expected: str, holds: bool) -> None:
    """Raise what the API answers to a value that is not what was `expected`, unless that `holds`."""
    if not holds:
        where = f" for '{path}'" if path else ""
        raise ApiError(
            400,
            f"Invalid type{where}: expected {expected}, but got {_kind(value)} instead.",
            param=path or None,
            code="invalid_type",
        )


def _kind(value: Any) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")


def _spoken(names: Collection[str], last: str) -> str:
    quoted = [f"'{name}'" for name in names]
    if len(quoted) < 3:
        return f" {last} ".join(quoted)
    return ", ".join(quoted[:-1]) + f", {last} {quoted[-1]}"


def _hint(name: str, retired: Mapping[str, str]) -> tuple[str, ...]:
    return (retired[name],) if name in retired else ()


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
