"""JSON text, read within a limit of our own and with one wording.

How deep Python's parser goes, and how it calls a trailing comma, differs between its versions: neither may decide here
what is read or what is said.
"""

from __future__ import annotations

import json
import re
from typing import Any

MOST_DEPTH = 200
"""Levels of lists and mappings in what an account or an earlier run wrote; every supported Python reads more."""
_PIECE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_TRAILING = {"Expecting value": "]", "Expecting property name enclosed in double quotes": "}"}


class TooDeep(ValueError):  # noqa: N818 (it says what the text is)
    """JSON text nests deeper than the limit; `index` is the bracket that does."""

    def __init__(self, most: int, index: int = 0) -> None:
        super().__init__(f"nested deeper than {most} levels")
        self.index = index


def loads(data: str | bytes, most: int = MOST_DEPTH, **options: Any) -> Any:
    """Return the value, as `json.loads` does; TooDeep, else JSONDecodeError or another ValueError.

    Text that is both too deep and wrong is too deep.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    try:
        value = json.loads(text, **options)
    except json.JSONDecodeError as error:
        _check(text, most)
        raise _reworded(error) from None
    except (ValueError, RecursionError):
        _check(text, most)
        raise
    if deeper_than(value, most):
        _check(text, most)
    return value


def deeper_than(value: Any, most: int) -> bool:
    """Whether lists and mappings nest more than `most` levels; found without recursion."""
    level = [value]
    for _ in range(most + 1):
        level = [inner for item in level if isinstance(item, dict | list) for inner in _inside(item)]
        if not level:
            return False
    return True


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _check(text: str, most: int) -> None:
    depth = 0
    for piece in _PIECE.finditer(text):
        bracket = piece[0]
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > most:
            raise TooDeep(most, piece.start())


def _reworded(error: json.JSONDecodeError) -> json.JSONDecodeError:
    """Say of a trailing comma what Python 3.13 and later say, and where."""
    before = error.doc[: error.pos].rstrip(" \t\n\r")
    end = _TRAILING.get(error.msg)
    if end is None or not before.endswith(",") or error.doc[error.pos : error.pos + 1] != end:
        return error
    what = "array" if end == "]" else "object"
    return json.JSONDecodeError(f"Illegal trailing comma before end of {what}", error.doc, len(before) - 1)
