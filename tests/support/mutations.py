"""Real JSON files, damaged: what a hand, a disk or another program makes of a file that is read again."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    10**40,
    float("inf"),
    float("nan"),
    "",
    "\x00",
    "\x1b[31mX",
    "\u202e",
    "\ud800",
    "a" * 3000,
    [],
    {},
    [[]],
    [{}],
    {"": None},
    ["\ud800", None],
    "../../x",
    "file-x",
    "2026-01-01T00:00:00Z",
    "99999-01-01T00:00:00+99:99",
    "vector_store/docs",
    "assistant/tutor",
    "assistant/tutor#x",
    "other/tutor",
    "file/x",
    "test/assistant/tutor",
    "other/vector_store/docs",
    "a=b c=d =",
    "create",
    "delete",
    "adopt",
    "expired",
)
_BYTES = (b"", b"\xff", b"[", b"}", b"NaN", b"1e999", b'"', b"[" * 2000, b"9" * 5000, b"\\ud800")
Path = tuple[str | int, ...]


def mutated(chance: Random, content: bytes) -> bytes:
    """Return the content of a JSON file, damaged at one to three places."""
    if chance.random() < 0.15:
        return _torn(chance, content)
    value = json.loads(content)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(value))
        if places:
            _mutate(chance, value, chance.choice(places), places)
    return json.dumps(value).encode()


def _torn(chance: Random, content: bytes) -> bytes:
    result = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(result) or 1)
        result[start : start + chance.randrange(20)] = chance.choice(_BYTES)
    return bytes(result)


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _mutate(chance: Random, value: Any, path: Path, places: list[Path]) -> None:
    parent, key = _at(value, path[:-1]), path[-1]
    match chance.randrange(6):
        case 0 | 1 | 2:
            parent[key] = copy.deepcopy(chance.choice(ODD))
        case 3:
            del parent[key]
        case 4:
            parent[key] = copy.deepcopy(_at(value, chance.choice(places)))
        case _ if isinstance(parent, dict):
            parent[chance.choice(("deployer", "metadata", "status", "#", "x"))] = copy.deepcopy(chance.choice(ODD))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value
