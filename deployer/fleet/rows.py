"""The rows of a fleet: from a list in the manifest, a CSV, JSON or YAML file, or what a command prints."""

from __future__ import annotations

import csv
import io
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer import json_text
from deployer.manifest.document import SourceDocument, read, read_text
from deployer.manifest.globs import existing, real, relative
from deployer.manifest.suggest import nearest, similar_file
from deployer.manifest.template import FleetRow, Template
from deployer.model import Position, Problem
from deployer.wording import cut

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NAME = re.compile(r"\w[\w.-]{0,62}")
_PATIENCE = 120.0
_MOST_BYTES = 100_000_000
_NAMED = "name"
Values = Mapping[str, str | float | bool]


@dataclass(frozen=True, slots=True)
class _Table:
    """What was read: each row's values and place; `text`, where all values are text."""

    rows: Sequence[tuple[Values, str, Position]]
    text: bool


class NoRows(Exception):  # noqa: N818 (a state of what was read, caught right here)
    """There are no rows to be had: why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def rows(
    template: Template, document: SourceDocument, labels: Mapping[str, Position]
) -> tuple[list[FleetRow], list[Problem]]:
    """Return the rows of the manifest's fleet, and what is wrong with any of them.

    `labels` are columns that waves and options ask for, with where they stand. A row without a column that the account
    refers to is a problem, and so is a second row for one account.
    """
    try:
        found = _read(template, document)
    except NoRows as error:
        return [], [error.problem]
    said = document.data["fleet"]
    columns = dict.fromkeys(name for values, _, _ in found.rows for name in values)
    column = said.get("name") or (_NAMED if _NAMED in columns else next(iter(columns), _NAMED))
    problems = list(_unknown(labels, columns, document))
    result = []
    for number, (values, where, place) in enumerate(found.rows, 1):
        row = FleetRow(str(values.get(column, "")), values, where, number, found.text)
        wrong = [*_named(row, column), *_lacking(row, template.columns())]
        problems += [_at(one, row, place) for one in wrong]
        result += [] if wrong else [row]
    places = {one: place for one, (_, _, place) in enumerate(found.rows, 1)}
    return result, [*problems, *(_at(one, row, places[row.number]) for row, one in _twice(template, result))]


def _at(problem: Problem, row: FleetRow, place: Position) -> Problem:
    return replace(problem, message=f"row {row.number}: {problem.message}", address="fleet.from", position=place)


def _named(row: FleetRow, column: str) -> Iterator[Problem]:
    if column not in row.values:
        yield Problem(f"the column {column!r}, by which it is called, is missing", "add it, or set fleet.name")
    elif not _NAME.fullmatch(row.name):
        what = f"{cut(row.name, 40)!r} is no name for an account"
        yield Problem(what, "use up to 63 letters, digits, ., - and _, or name another column in fleet.name")


def _lacking(row: FleetRow, wanted: Sequence[str]) -> Iterator[Problem]:
    for name in wanted:
        if name not in row.values:
            yield Problem(f"the column {name!r} is missing", nearest(name, row.values, "add it: the account uses it"))
        elif row.values[name] == "":
            yield Problem(f"the column {name!r} is empty", "fill it in: the account uses it")


def _unknown(
    labels: Mapping[str, Position], columns: Mapping[str, None], document: SourceDocument
) -> Iterator[Problem]:
    for name, place in labels.items():
        if name not in columns:
            remedy = nearest(name, columns, f"labels: {', '.join(columns)}")
            yield Problem(f"no row has the label {name!r}", remedy, "fleet", place if place.file else None)
    if not columns:
        yield Problem("there is no row", "a fleet needs one", "fleet.from", document.position(("fleet", "from")))


def _twice(template: Template, found: Sequence[FleetRow]) -> Iterator[tuple[FleetRow, Problem]]:
    """Two rows are one account where they have one name, or where nothing of what says where it is differs."""
    names: dict[str, FleetRow] = {}
    places: dict[str, FleetRow] = {}
    for row in found:
        folded = row.name.casefold()  # a folder each, also where the disk knows no capital letters
        first = names.setdefault(folded, row)
        if first is not row:
            yield row, Problem(f"{row.name!r} is row {first.number} already, at {first.where}", "remove one of them")
            continue
        if not template.entry or "base_url" not in template.entry.value:
            continue  # an embedded account each, by its name
        first = places.setdefault(_place(template, row), row)
        if first is not row:
            what = f"{row.name} is the same account as {first.name}, row {first.number} at {first.where}"
            yield row, Problem(what, "remove one of them, or let their base_url or api_key differ")


def _place(template: Template, row: FleetRow) -> str:
    value = template.filled(row)[0].value
    url = str(value.get("base_url", "")).rstrip("/").lower()
    return repr([url, *(value.get(name) for name in ("api_key", "organization", "query"))])


def _read(template: Template, document: SourceDocument) -> _Table:
    source, place = document.data["fleet"]["from"], document.position(("fleet", "from"))
    if isinstance(source, list):
        positions = [document.position(("fleet", "from", index)) for index in range(len(source))]
        return _Table([(one, str(at), at) for one, at in zip(source, positions, strict=True)], text=False)
    if isinstance(source, dict):
        return _printed(template, str(source["command"]), place)
    return _of_file(template.sources.root, source, place)


def _of_file(root: Path, text: str, place: Position) -> _Table:
    path = real(existing(root, text))
    if relative(root, path) is None:
        raise NoRows(Problem(f"{text!r} leaves the manifest's folder", "move the file inside", "fleet.from", place))
    if path.suffix.lower() in {".json", ".yaml", ".yml"}:
        found = read(path, text)
        if isinstance(found, Problem):
            raise NoRows(_placed(found, path, text, place))
        return _listed(found.data, text, lambda index: found.position((index,)), found.position())
    content = read_text(path, text)
    if isinstance(content, Problem):
        raise NoRows(_placed(content, path, text, place))
    return _csv(content, text, None)


def _placed(problem: Problem, path: Path, text: str, place: Position) -> Problem:
    missing = not path.exists()
    remedy = similar_file(path, text, "create it, or correct the path") if missing else problem.remedy
    return replace(problem, remedy=remedy, address="fleet.from", position=problem.position or place)


def _listed(data: Any, name: str, at: Any, place: Position) -> _Table:
    if not isinstance(data, list):
        raise NoRows(Problem(f"{name} is no list of rows", "write a list of mappings", "fleet.from", place))
    for index, one in enumerate(data):
        fits = (
            isinstance(one, dict) and one and all(isinstance(value, str | int | float | bool) for value in one.values())
        )
        if not fits or not all(_COLUMN.fullmatch(str(key)) for key in one):
            what = f"row {index + 1} is no mapping of columns to texts, numbers, true or false"
            raise NoRows(Problem(what, "write NAME: VALUE for each column", "fleet.from", at(index)))
    return _Table([(one, str(at(index)), at(index)) for index, one in enumerate(data)], text=False)


def _csv(content: str, name: str, fixed: Position | None) -> _Table:
    """Read comma-separated values (RFC 4180) below a line of columns; empty lines count for nothing."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    result: list[tuple[Values, str, Position]] = []
    head: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            place, line = fixed or Position(name, line, 1), reader.line_num + 1
            if not cells:
                continue
            if head is None:
                head = _head(cells, place)
                continue
            if len(cells) != len(head):
                what = f"row {len(result) + 1} has {len(cells)} cells, and there are {len(head)} columns"
                raise NoRows(Problem(what, f"columns: {', '.join(head)}", "fleet.from", place))
            where = str(place) if fixed is None else f"row {len(result) + 1} of what the command printed"
            result.append((dict(zip(head, cells, strict=True)), where, place))
    except csv.Error as error:
        place = fixed or Position(name, reader.line_num, 1)
        raise NoRows(Problem(f"this is not CSV ({error})", "put quotes in pairs", "fleet.from", place)) from None
    return _Table(result, text=True)


def _head(cells: Sequence[str], place: Position) -> list[str]:
    names = [one.strip() for one in cells]
    for name in names:
        if not _COLUMN.fullmatch(name) or names.count(name) > 1:
            what = f"{cut(name, 40)!r} stands twice" if _COLUMN.fullmatch(name) else f"{cut(name, 40)!r} is no column"
            remedy = "the first line names the columns: letters, digits, - and _, each once"
            raise NoRows(Problem(what, remedy, "fleet.from", place))
    return names


def _printed(template: Template, command: str, place: Position) -> _Table:
    """Run a command, where the account allows commands, and read the JSON or CSV that it prints."""

    def refuse(what: str, remedy: str) -> NoRows:
        return NoRows(Problem(what, remedy, "fleet.from.command", place))

    if not template.entry or template.entry.value.get("commands") is not True:
        raise refuse("this account runs no commands", "add commands: true to it, if the manifest is trusted")
    try:
        done = subprocess.run(  # noqa: S603 (what a trusted manifest says, without a shell)
            shlex.split(command),
            cwd=template.sources.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (ValueError, IndexError):
        raise refuse("this is no command", "write PROGRAM ARGUMENTS, with quotes in pairs") from None
    except OSError as error:
        raise refuse(f"the command cannot be run ({error.strerror})", "check its name and the PATH") from None
    except subprocess.TimeoutExpired:
        raise refuse(f"the command has not ended after {_PATIENCE:.0f} s", "run it by hand") from None
    if done.returncode:
        raise refuse(f"the command failed (exit code {done.returncode})", "run it by hand to see why")
    if len(done.stdout) > _MOST_BYTES:
        raise refuse(f"the command printed more than {_MOST_BYTES:,} bytes", "let it print the rows alone")
    return _of_text(done.stdout, place, refuse)


def _of_text(content: bytes, place: Position, refuse: Any) -> _Table:
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith("["):
            return _listed(json_text.loads(text), "what the command printed", lambda _index: place, place)
    except ValueError:
        raise refuse("what the command printed is neither JSON nor CSV in UTF-8", "run it by hand to see why") from None
    return _csv(text.replace("\r\n", "\n"), "", place)
