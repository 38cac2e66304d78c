"""From the files of a manifest to desired resources, with every problem at once, each at its place."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from deployer.deadlines import supervised
from deployer.engine.plan_json import in_order
from deployer.kinds import SURFACES
from deployer.manifest import accounts, leaks, sections, variables
from deployer.manifest.globs import Folders, Ignored
from deployer.manifest.load import Context, Declared, ManifestEntry, Moves, Sources, load, read_moves
from deployer.manifest.policies import Policies
from deployer.manifest.schema import ManifestSchema
from deployer.model import AccountSettings, Address, Position, Problem, Resource, Severity

VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest says. `resources` are complete only when no problem is an error.

    `moved` are pairs of an address that is no longer declared and the one that it has now. `hosted` are the declared
    accounts that have a `base_url`: where there is one, a command that reads or writes must be told which account.
    `tests` are what stands under `tests:`, each with its file and its path there; `coverage` is how much of what is
    declared they must touch, in percent. `folder` is where the manifest is for the user.
    """

    root: Path
    project: str
    settings: AccountSettings
    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    moved: Moves = ()
    hosted: tuple[str, ...] = ()
    tests: tuple[ManifestEntry, ...] = ()
    coverage: Mapping[str, float] = field(default_factory=dict)
    folder: Path = Path()


@dataclass(frozen=True, slots=True)
class Parts:
    """What is compiled from the sections of a manifest, whatever the account is called and wherever it is."""

    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    moved: Moves


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a manifest; `resources` counts what it declares; `tested`: it says something of tests."""

    project: str
    resources: int
    problems: tuple[Problem, ...]
    tested: bool = False


Judge = Callable[[AccountSettings, Resource], Iterable[Problem]]
"""What is wrong with a resource on the account that was chosen."""


def compile_manifest(
    file: Path, account: str | None, values: Mapping[str, Any], environ: Mapping[str, str], *, offline: bool = False
) -> Manifest:
    """Read and check everything that can be known offline; never raises for what a user wrote.

    `offline`, no account needs its secrets and no URL is asked for. `values` are variables from the command line
    (`--var`); they win over the account's, which win over defaults.
    """
    return supervised(lambda: _compiled(file, account, values, environ, offline=offline))


def _compiled(
    file: Path, account: str | None, values: Mapping[str, Any], environ: Mapping[str, str], *, offline: bool
) -> Manifest:
    found = _read(file, account, values, environ, offline=offline)
    parts = _parts(found)
    return Manifest(
        found.sources.root,
        found.project,
        found.settings,
        parts.resources,
        parts.problems,
        parts.moved,
        accounts.hosted(found.sources),
        tuple(_tests(found.sources)),
        Policies.of(found.sources).coverage,
        found.folder,
    )


def _parts(found: _Read) -> Parts:
    resources: list[Resource] = []
    problems: list[Problem] = []
    for resource, wrong in found.compiled():
        resources += [_placed(found.folder, resource)] if resource else []
        problems += wrong
    moved, misplaced = read_moves(found.sources)
    return Parts(tuple(resources), found.told([*problems, *misplaced]), moved)


def compiled_parts(folder: Path, sources: Sources, settings: AccountSettings, found: Filled) -> Parts:
    """Compile what was read and filled already; `folder` is where the manifest is for the user."""
    return _parts(_judged(folder, sources, settings, _context(sources, settings), found))


def declared_tests(sources: Sources) -> tuple[tuple[ManifestEntry, ...], Mapping[str, float]]:
    """Return the entries under `tests:`, and how much tests must touch."""
    return tuple(_tests(sources)), Policies.of(sources).coverage


def _tests(sources: Sources) -> Iterator[ManifestEntry]:
    """Return what stands under `tests:` of each file, entry by entry; the schema reports what has another form."""
    for document in sources.documents:
        found = document.data.get("tests")
        if isinstance(found, list):
            yield from (ManifestEntry(document, ("tests", place), one) for place, one in enumerate(found))
        elif isinstance(found, dict):
            yield ManifestEntry(document, ("tests",), {"tests": [], **found})


def check_manifest(  # noqa: PLR0913
    file: Path,
    account: str | None,
    values: Mapping[str, Any],
    environ: Mapping[str, str],
    judge: Judge,
    *,
    import_handlers: bool = False,
) -> Checked:
    """Find the problems that `compile_manifest` finds offline, and what `judge` says; no resource is kept.

    So the texts of a large manifest are never all in memory. Code of handlers is imported only with `import_handlers`.
    """
    if import_handlers:  # it is imported where whoever asks for that is: some code works in the main thread only
        return _checked(file, account, values, environ, judge, import_handlers=True)
    return supervised(lambda: _checked(file, account, values, environ, judge, import_handlers=False))


def _checked(  # noqa: PLR0913 (as above)
    file: Path,
    account: str | None,
    values: Mapping[str, Any],
    environ: Mapping[str, str],
    judge: Judge,
    *,
    import_handlers: bool,
) -> Checked:
    found = _read(file, account, values, environ, offline=True, import_handlers=import_handlers)
    problems: list[Problem] = []
    sound: list[Resource] = []
    for resource, wrong in found.compiled():
        problems += wrong
        if resource:
            problems += [*judge(found.settings, resource), *leaks.of_texts(resource)]
            sound += [replace(resource, attrs={})] if resource.files and not any(map(_is_error, wrong)) else []
    problems += leaks.of_unread(found.sources.root, sound)
    _, misplaced = read_moves(found.sources)
    tested = bool(Policies.of(found.sources).coverage) or any(True for _ in _tests(found.sources))
    return Checked(found.project, len(found.entries), found.told([*problems, *misplaced]), tested)


def _is_error(problem: Problem) -> bool:
    return problem.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class _Read:
    """A manifest whose files are read: `entries` is what can be compiled, `problems` what was found until then.

    `folder` is where the manifest is for the user.
    """

    folder: Path
    sources: Sources
    settings: AccountSettings
    context: Context
    entries: Mapping[Address, ManifestEntry]
    problems: Sequence[Problem]

    @property
    def project(self) -> str:
        return str(self.sources.main.data.get("project", "")) if self.sources.main else ""

    def compiled(self) -> Iterator[tuple[Resource | None, list[Problem]]]:
        """Compile one entry after another; None for one of a kind that the account's API does not have."""
        here, policies = SURFACES.get(self.settings.api, {}), Policies.of(self.sources)
        for address, entry in self.entries.items():
            resource, problems = sections.of_kind(address.kind).compile(self.context, address, entry)
            problems = [*problems, *policies.broken(resource, metadata=_has_metadata(self.context.schema, address))]
            if address.kind in here:
                yield resource, problems
            else:
                what = f"not sent to account {self.settings.name}: its API ({self.settings.api}) has no {address.kind}"
                where = entry.document.key_position(entry.path)
                yield None, [*problems, Problem(what, "", str(address), where, Severity.WARNING)]

    def told(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """Return all problems in order, with those of the manifest as a whole and without hints that it silences."""
        head = self.sources.main.data if self.sources.main else {}
        quiet = head["silence"] if isinstance(head.get("silence"), list) else []
        more = [problem for problem in problems if problem.rule not in quiet or problem.severity is Severity.ERROR]
        more += [*self.context.ignored.problems, *accounts.check(self.sources, self.settings)]
        everything = in_order([*self.problems, *more])
        placed = (
            replace(one, position=_seen(self.folder, one.position)) if one.position else one for one in everything
        )
        return tuple(dict.fromkeys(placed))  # two ways to a place tell the same


def _has_metadata(schema: ManifestSchema, address: Address) -> bool:
    return "metadata" in schema.data["$defs"][address.kind]["properties"]


def _placed(folder: Path, resource: Resource) -> Resource:
    if folder == Path():
        return resource
    return replace(resource, positions={path: _seen(folder, place) for path, place in resource.positions.items()})


def _seen(folder: Path, place: Position) -> Position:
    """Name a file as it is reached from where the user stands, so that an editor or a log can open it."""
    return place if folder == Path() else replace(place, file=_from(folder, place.file))


@cache
def _from(folder: Path, name: str) -> str:
    return Path(os.path.normpath(folder / name)).as_posix()


def _read(  # noqa: PLR0913
    file: Path,
    account: str | None,
    values: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    offline: bool,
    import_handlers: bool = False,
) -> _Read:
    name = account or accounts.EMBEDDED.name
    sources, misplaced = accounts.overridden(load(file, sections.kinds()), name)
    settings, unset = accounts.choose(sources, account, environ, offline=offline)
    context = _context(sources, settings, import_handlers=import_handlers, offline=offline)
    table, undeclared = variables.values(sources, name, values)
    filled, unresolved = variables.filled(sources, table)
    found = Filled(table, filled, undeclared, unresolved, (*unset, *misplaced))
    return _judged(file.parent, sources, settings, context, found)


def _context(
    sources: Sources, settings: AccountSettings, *, import_handlers: bool = False, offline: bool = False
) -> Context:
    return Context(
        Folders(sources.root),
        Declared(sources.resources.keys(), whole=sources.whole),
        settings.api,
        sections.manifest_schema(),
        Ignored(sources.root),
        import_handlers,
        offline,
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """The data of each document with its variables replaced, from `table`, and every problem on the way.

    `undeclared` are problems of values, `unresolved` of what refers to them, `others` of the account and its overrides.
    """

    table: Mapping[str, Any]
    data: Mapping[str, Any]
    undeclared: Sequence[Problem]
    unresolved: Sequence[Problem]
    others: Sequence[Problem]


def _judged(folder: Path, sources: Sources, settings: AccountSettings, context: Context, found: Filled) -> _Read:
    if others := _other_version(sources):
        return _Read(folder, Sources(sources.root, {}), settings, context, {}, others)
    context, schema, filled = replace(context, variables=found.table.keys()), context.schema, found.data
    unfit = _check(schema, sources, filled)
    unusable = dict.fromkeys(variables.misdeclared(unfit), "")
    told = variables.filled(sources, {**found.table, **unusable})[1] if unusable else found.unresolved
    problems = _merged(sources.problems, found.undeclared, told, unfit, found.others)
    entries = _sound(schema, sources, filled, problems, [*sources.problems, *found.unresolved])
    return _Read(folder, sources, settings, context, entries, problems)


def _other_version(sources: Sources) -> list[Problem]:
    """A manifest of another version cannot be judged by this one's rules."""
    version = sources.main.data.get("version") if sources.main else None
    if sources.main is None or not isinstance(version, int) or version == VERSION:
        return []
    where = sources.main.position(("version",))
    message = f"this is a manifest of version {version}; this deployer reads version {VERSION}"
    return [Problem(message, "use the deployer that it was written for", "version", where)]


def _check(schema: ManifestSchema, sources: Sources, filled: Mapping[str, object]) -> list[Problem]:
    problems = []
    for place, document in enumerate(sources.documents):
        problems += schema.check(document, filled[document.name], "fragment" if place else "")
    return problems


def _merged(*groups: Sequence[Problem]) -> list[Problem]:
    """Return all problems, but of one value only what the first group says: the others follow from it."""
    result: list[Problem] = []
    for group in groups:
        told = {(problem.position, problem.address) for problem in result}
        result += [problem for problem in group if (problem.position, problem.address) not in told]
    return result


def _sound(
    schema: ManifestSchema,
    sources: Sources,
    filled: Mapping[str, Mapping[str, Mapping[str, object]]],
    problems: Sequence[Problem],
    told: Sequence[Problem],
) -> dict[Address, ManifestEntry]:
    """Return what can be compiled: whole entries, and of those that the schema refuses, the parts that it accepts.

    So one mistake does not hide the next. What has other problems (`told`) is left out: they would be told twice.
    """
    broken, unfit = _owners(problems), _owners(told)
    result = {}
    for address, entry in sources.resources.items():
        if str(address) in unfit:
            continue
        section, name = str(entry.path[0]), str(entry.path[1])
        value = filled[entry.document.name][section][name]
        fit = schema.accepted(address.kind, value) if str(address) in broken else value
        result[address] = replace(entry, value=fit)
    return result


def _owners(problems: Iterable[Problem]) -> set[str]:
    """Return every address that a problem could belong to: its own and those before each dot or bracket."""
    return {problem.address[: end.start()] for problem in problems for end in re.finditer(r"[.\[]|$", problem.address)}
