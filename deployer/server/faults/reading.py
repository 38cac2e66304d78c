"""Reading faults from plain data: every key that may stand there, and a sentence for everything that may not."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from deployer.server.faults import Effects, Faults, IngestFault, RequestFault, RequestPattern
from deployer.server.flaws import (
    COUNT,
    SECONDS,
    TEXT,
    Flaw,
    FlawedError,
    Rule,
    is_count,
    is_number,
    one_of,
    unknown_key,
)
from deployer.server.resources import ENDPOINTS
from deployer.server.wire import Json

CODES = ("server_error", "invalid_file", "unsupported_file")
DROPS = ("before", "after", "halfway")
METHODS = ("GET", "POST", "DELETE", "*")
_EFFECTS = [field.name for field in fields(Effects)]


class FaultsError(FlawedError):
    """Faults that cannot be read, with all their flaws."""


_TRUE: Rule = ((lambda value: value is True), "must be true, or be left out")
_CHANCE: dict[str, Rule] = {
    "rate": ((lambda value: is_number(value, 0, 1)), "must be a number between 0 and 1"),
    "times": COUNT,
}
_ON_REQUESTS: dict[str, Rule] = {
    "on": TEXT,
    **_CHANCE,
    "calls": (
        (lambda value: isinstance(value, list) and value != [] and all(map(is_count, value))),
        "must be a list of whole numbers, 1 or more",
    ),
    "delay": SECONDS,
    "stale": SECONDS,
    "leave": one_of("memberships"),
    "status": ((lambda value: is_count(value) and 400 <= value <= 599), "must be a status between 400 and 599"),
    "retry_after": SECONDS,
    "retry_after_ms": ((lambda value: is_number(value, 0, 86_400_000)), "must be a number of milliseconds"),
    "after_work": _TRUE,
    "body": TEXT,
    "content_type": (
        (lambda value: isinstance(value, str) and value.isascii() and value.isprintable()),
        "must be text",
    ),
    "truncate": _TRUE,
    "drop": one_of(*DROPS),
}
_ON_DOCUMENTS: dict[str, Rule] = {"ingest": TEXT, **_CHANCE, "delay": SECONDS, "fail": one_of(*CODES)}


def read_faults(data: Any) -> Faults:
    """Read `{seed: …, faults: […]}`; FaultsError has all that is wrong."""
    flaws = list(_document(data))
    if flaws:
        raise FaultsError(flaws)
    entries = list(enumerate(map(_entry, data["faults"]), start=1))
    return Faults(
        data.get("seed", 0),
        tuple((number, _fault(entry)) for number, entry in entries if "on" in entry),
        tuple((number, _ingest_fault(entry)) for number, entry in entries if "ingest" in entry),
    )


def _entry(entry: Any) -> Any:
    """An entry; YAML 1.1 reads the key `on` as true, and PyYAML reads YAML 1.1."""
    return {"on" if key is True else key: value for key, value in entry.items()} if isinstance(entry, dict) else entry


def _fault(entry: Json) -> RequestFault:
    effects = Effects(**{key: value for key, value in entry.items() if key in _EFFECTS})
    calls = tuple(entry.get("calls", ()))
    return RequestFault(RequestPattern.of(entry["on"]), effects, entry.get("rate", 1.0), calls, entry.get("times"))


def _ingest_fault(entry: Json) -> IngestFault:
    return IngestFault(entry["ingest"], **{key: value for key, value in entry.items() if key != "ingest"})


def _document(data: Any) -> Iterator[Flaw]:
    if not isinstance(data, dict):
        yield Flaw((), "faults must be a mapping with the key faults, and perhaps seed")
        return
    yield from (unknown_key((), key, ("seed", "faults")) for key in data if key not in ("seed", "faults"))
    if not isinstance(data.get("seed", 0), int) or isinstance(data.get("seed"), bool):
        yield Flaw(("seed",), "must be a whole number")
    if not isinstance(data.get("faults"), list):
        yield Flaw(("faults",) if "faults" in data else (), "faults must be a list")
        return
    for index, entry in enumerate(data["faults"]):
        yield from _flaws(("faults", index), _entry(entry))


def _flaws(path: tuple[str | int, ...], entry: Any) -> Iterator[Flaw]:
    if not isinstance(entry, dict) or ("on" in entry) == ("ingest" in entry):
        yield Flaw(path, "a fault must say where it strikes: either on (requests) or ingest (documents)")
        return
    rules = _ON_REQUESTS if "on" in entry else _ON_DOCUMENTS
    for key, value in entry.items():
        if key not in rules:
            yield unknown_key(path, key, rules)
        elif not rules[key][0](value):
            yield Flaw((*path, key), f"{key} {rules[key][1]}")
    effects = _EFFECTS if "on" in entry else ["delay", "fail"]
    if not set(effects) & set(entry):
        yield Flaw(path, f"this fault does nothing; give it one of {', '.join(effects)}")
    if {"delay", "fail"} <= set(entry):
        yield Flaw(path, "delay and fail are two faults: give each its own entry")
    if isinstance(entry.get("on"), str):
        yield from _misplaced(path, entry)


def _misplaced(path: tuple[str | int, ...], entry: Json) -> Iterator[Flaw]:
    """What is right in itself, and has no effect where it stands."""
    on, words = (*path, "on"), entry["on"].split()
    pattern = RequestPattern.of(entry["on"])
    reached = {method for method, endpoint in ENDPOINTS if pattern.matches(method, endpoint)}
    if len(words) == 2 and pattern.method not in METHODS:
        yield Flaw(on, f"{pattern.method} is no method of this API: use {', '.join(METHODS)}")
    elif not reached:
        near = difflib.get_close_matches(entry["on"], [" ".join(endpoint) for endpoint in ENDPOINTS], 1)
        yield Flaw(on, f"no endpoint is {entry['on']!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    elif "stale" in entry and reached != {"GET"}:
        yield Flaw((*path, "stale"), "stale is for reads: put it on GET")
    elif "leave" in entry and not pattern.matches("DELETE", "/v1/files/{file_id}"):
        yield Flaw((*path, "leave"), "leave is for deleted files: put it on DELETE /v1/files/*")
    for key in ("retry_after", "retry_after_ms", "after_work"):
        if key in entry and "status" not in entry:
            yield Flaw((*path, key), f"{key} means nothing without status")
