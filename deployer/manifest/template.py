"""One manifest for many accounts: its files are read once, and compiled anew only where a row makes a difference."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from deployer.deadlines import supervised
from deployer.manifest import accounts, sections, variables
from deployer.manifest.compile import Filled, Manifest, Parts, compiled_parts, declared_tests
from deployer.manifest.document import SourceDocument, address
from deployer.manifest.load import ManifestEntry, Sources, load
from deployer.manifest.suggest import nearest
from deployer.manifest.variables import Unresolved
from deployer.model import AccountSettings, Problem

HOMES = Path(".deployer") / "fleet"
"""Where what is known of the accounts of a fleet is kept, beside the manifest: a folder for each row."""
_ROW = re.compile(r"\$\$\{|\$\{row\.([^}]*)\}")
_HARMLESS = re.compile(r"[A-Za-z0-9_@=+-]+(\.[A-Za-z0-9_@=+-]+)*")
_RESOLVED = ("base_url", "api_key", "organization", "snapshots", "bundles")
_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One row: `values` are its columns, `where` says where it stands (`tenants.csv:7:1`), `number` counts from 1.

    `name` is that by which its account is called; `text`: its values came as text (CSV), whatever they mean.
    """

    name: str
    values: Mapping[str, str | float | bool]
    where: str
    number: int
    text: bool = False


@dataclass(slots=True)
class Template:
    """A manifest that was read, to be compiled for one row after another; not for use by two threads at once.

    `account` is the declared account that the rows fill, `given` are variables that win over its own.
    """

    file: Path
    account: str
    given: Mapping[str, Any]
    sources: Sources
    _known: OrderedDict[str, Parts] = field(default_factory=OrderedDict)

    @classmethod
    def read(cls, file: Path, account: str, given: Mapping[str, Any]) -> Template:
        return cls(file, account, given, supervised(lambda: load(file, sections.kinds())))

    @property
    def entry(self) -> ManifestEntry | None:
        """The declaration that rows fill; None where there is none, or none that can be filled."""
        found = self.sources.accounts.get(self.account)
        return found if found and isinstance(found.value, dict) else None

    @property
    def revision(self) -> str:
        """The sha256 (hex) of what the manifest's files say, as data: a worker's must be that of who sent the work."""
        told = [[one.name, one.data] for one in self.sources.documents]
        return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()

    def columns(self) -> tuple[str, ...]:
        """Return the columns that the account refers to."""
        texts = _texts(self.entry.value) if self.entry else ()
        found = [match[1] for _, text in texts for match in _ROW.finditer(text) if match[1] is not None]
        return tuple(dict.fromkeys(found))

    def filled(self, row: FleetRow) -> tuple[ManifestEntry, list[Problem]]:
        """Return the account's declaration with the row's values, and what of it cannot be filled."""
        if self.entry is None:
            raise LookupError(self.account)
        entry, problems = self.entry, list[Problem]()
        value = {key: _filled(entry, (key,), one, row, problems) for key, one in entry.value.items()}
        if row.text and isinstance(value.get("variables"), dict):
            value["variables"] = {name: self._typed(name, one) for name, one in value["variables"].items()}
        return replace(entry, value=value), problems

    def _typed(self, name: str, value: Any) -> Any:
        declared = self.sources.variables.get(name)
        like = declared.value.get("default") if declared and isinstance(declared.value, dict) else None
        return variables.typed(value, like) if isinstance(value, str) else value

    def compiled(self, row: FleetRow, environ: Mapping[str, str], *, offline: bool = False) -> Manifest:
        """Return the manifest for the account of a row; its problems name the row where they depend on it."""
        return supervised(lambda: self._compiled(row, environ, offline=offline))

    def _compiled(self, row: FleetRow, environ: Mapping[str, str], *, offline: bool) -> Manifest:
        entry, wrong = self.filled(row)
        sources = replace(self.sources, accounts={**self.sources.accounts, self.account: entry})
        sources, misplaced = accounts.overridden(_with_overrides(sources, entry), self.account)
        settings, unset = accounts.choose(sources, self.account, environ, offline=offline)
        table, undeclared = variables.values(sources, self.account, self.given)
        filled, unresolved = variables.filled(sources, table)
        own = [*wrong, *unset] or _fits(entry, self.account)
        parts = self._parts(sources, settings, Filled(table, filled, undeclared, unresolved, misplaced))
        told = [*(_of_row(one, row) for one in own), *parts.problems]
        settings = replace(
            settings,
            name=f"{self.account}/{row.name}",
            home=(HOMES / row.name).as_posix(),
            snapshots=f"{settings.snapshots.rstrip('/')}/{row.name}" if settings.snapshots else None,
        )
        project = str(sources.main.data.get("project", "")) if sources.main else ""
        made = Manifest(sources.root, project, settings, parts.resources, tuple(told), parts.moved)
        tests, coverage = declared_tests(sources)
        return replace(made, tests=tests, coverage=coverage, folder=self.file.parent)

    def _parts(self, sources: Sources, settings: AccountSettings, made: Filled) -> Parts:
        """Compile, or return what was compiled for a row with the same values: most fill nothing but the account."""
        shown = [made.data[one.name].get(name) for one in sources.documents for name in sources.sections]
        told = list(map(str, (*made.undeclared, *made.unresolved, *made.others)))
        key = json.dumps([settings.api, settings.base_url is None, shown, told], default=str)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = compiled_parts(self.file.parent, sources, settings, made)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        yield from _texts(one, (*path, key))


def _filled(
    entry: ManifestEntry, path: tuple[str | int, ...], value: Any, row: FleetRow, problems: list[Problem]
) -> Any:
    if isinstance(value, dict):
        return {key: _filled(entry, (*path, key), one, row, problems) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(entry, (*path, place), one, row, problems) for place, one in enumerate(value)]
    if not isinstance(value, str) or "${row." not in value:
        return value
    try:
        return _replaced(value, row, resolved=path[0] in _RESOLVED)
    except Unresolved as error:
        where = entry.position(*path)
        problems.append(Problem(error.message, error.remedy, address((*entry.path, *path)), where))
        return value


def _replaced(text: str, row: FleetRow, *, resolved: bool) -> Any:
    """Return the text with the row's values; one that stands alone keeps its type. `resolved`: it is read once more.

    Then a value is no reference itself: who writes a table names no secret of who runs it. Inside a reference it is
    part of a name.
    """
    whole = _ROW.fullmatch(text)
    if whole and whole[1] is not None and not resolved:
        return _value(whole[1], row)

    def one(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        value = _value(match[1], row)
        said = str(value).lower() if isinstance(value, bool) else str(value)
        if not resolved:
            return said
        if _is_inside(text, match.start()) and not _HARMLESS.fullmatch(said):
            what = f"the column {match[1]!r} stands in a reference, and this row's value cannot be part of a name"
            raise Unresolved(what, "use letters, digits, - and _")
        return said.replace("${", "$${")

    return _ROW.sub(one, text)


def _is_inside(text: str, place: int) -> bool:
    before = _ROW.sub("", text[:place])
    return before.rfind("${") > before.rfind("}")


def _value(name: str, row: FleetRow) -> Any:
    if name not in row.values:
        remedy = nearest(name, row.values, f"columns: {', '.join(row.values)}")
        raise Unresolved(f"the row has no column {name!r}", remedy)
    return row.values[name]


def _with_overrides(sources: Sources, entry: ManifestEntry) -> Sources:
    """Let the document in which the account stands have its filled overrides: those are taken from there."""
    if "overrides" not in entry.value:
        return sources
    section, name = str(entry.path[0]), str(entry.path[1])
    before = entry.document
    data = {**before.data, section: {**before.data[section], name: entry.value}}
    changed = replace(before, data=data)
    found = {key: _in(changed, one) for key, one in sources.resources.items()}
    documents = [changed if one.name == before.name else one for one in sources.documents]
    owners = {key: _in(changed, one) for key, one in sources.accounts.items()}
    return replace(sources, documents=documents, resources=found, accounts=owners)


def _in(document: SourceDocument, entry: ManifestEntry) -> ManifestEntry:
    return replace(entry, document=document) if entry.document.name == document.name else entry


def _fits(entry: ManifestEntry, account: str) -> list[Problem]:
    """Say where the filled declaration does not fit the schema: the template does."""
    part = entry.document.part(entry.path)
    schema = sections.manifest_schema()
    shown = {key: one for key, one in entry.value.items() if key != "api_key"}  # its form was checked unfilled
    shown |= {"api_key": "${env.KEY}"} if "api_key" in entry.value else {}
    return schema.check(part, shown, "accounts/additionalProperties", f"accounts.{account}")


def _of_row(problem: Problem, row: FleetRow) -> Problem:
    """Name the row in what is wrong with it."""
    return replace(problem, message=f"row {row.number} ({row.name}, {row.where}): {problem.message}")
