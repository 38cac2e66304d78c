"""From the files of a manifest to desired resources, with every problem at once, each at its place."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.engine.data import in_order
from deployer.manifest import accounts, sections, variables
from deployer.manifest.functions import silenced
from deployer.manifest.globs import Ignored
from deployer.manifest.load import Context, Entry, Moves, Sources, load, read_moves
from deployer.manifest.schema import ManifestSchema
from deployer.model import AccountSettings, Address, Position, Problem, Resource, Severity

VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest says. `resources` are complete only when no problem is an error.

    `moved` are pairs of an address that is no longer declared and the one that it has now. `hosted` are the declared
    accounts that have a `base_url`: where there is one, a command that reads or writes must be told which account.
    """

    root: Path
    project: str
    settings: AccountSettings
    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    moved: Moves = ()
    hosted: tuple[str, ...] = ()


def compile_manifest(  # noqa: PLR0913
    file: Path,
    account: str | None,
    values: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    import_handlers: bool = False,
    offline: bool = False,
) -> Manifest:
    """Read and check everything that can be known offline; never raises for what a user wrote.

    Code of handlers is imported only with `import_handlers`; `offline`, no account needs its secrets and no URL is
    asked for. `values` are variables from the command line (`--var`); they win over the account's, which win over
    defaults.
    """
    schema = sections.manifest_schema()
    sources = load(file, sections.kinds())
    settings, unset = accounts.choose(sources, account, environ, offline=offline)
    table, undeclared = variables.values(sources, account or accounts.EMBEDDED.name, values)
    filled, unresolved = variables.filled(sources, table)
    others = _other_version(sources)
    if others:
        return Manifest(sources.root, "", settings, (), tuple(others))
    problems = _merged(sources.problems, undeclared, unresolved, _check(schema, sources, filled), unset)
    ignored = Ignored(sources.root)
    context = Context(sources.root, sources.resources.keys(), settings.api, schema, ignored, import_handlers, offline)
    found, more = _compile(context, _sound(schema, sources, filled, problems, [*sources.problems, *unresolved]))
    head = sources.main.data if sources.main else {}
    quiet = head["silence"] if isinstance(head.get("silence"), list) else []
    more = [problem for problem in more if problem.rule not in quiet or problem.severity is Severity.ERROR]
    more += silenced(sources.main, quiet) if sources.main else []
    moved, misplaced = read_moves(sources)
    more += [*ignored.problems, *misplaced, *accounts.check(sources, settings)]
    problems = list(dict.fromkeys(in_order([*problems, *more])))  # two ways to a place tell the same
    if file.parent != Path():
        found, problems = _seen_from_here(file.parent, found, problems)
    return Manifest(
        sources.root, str(head.get("project", "")), settings, found, tuple(problems), moved, accounts.hosted(sources)
    )


def _seen_from_here(
    folder: Path, found: Sequence[Resource], problems: Sequence[Problem]
) -> tuple[tuple[Resource, ...], list[Problem]]:
    """Name files as they are reached from where the user stands, so that an editor or a log can open them."""

    def seen(place: Position) -> Position:
        return replace(place, file=Path(os.path.normpath(folder / place.file)).as_posix())

    moved = (replace(one, positions={path: seen(place) for path, place in one.positions.items()}) for one in found)
    return tuple(moved), [
        replace(problem, position=seen(problem.position)) if problem.position else problem for problem in problems
    ]


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
) -> dict[Address, Entry]:
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
        result[address] = replace(
            entry, value=schema.accepted(address.kind, value) if str(address) in broken else value
        )
    return result


def _owners(problems: Iterable[Problem]) -> set[str]:
    """Return every address that a problem could belong to: its own and those before each dot or bracket."""
    return {problem.address[: end.start()] for problem in problems for end in re.finditer(r"[.\[]|$", problem.address)}


def _compile(context: Context, entries: Mapping[Address, Entry]) -> tuple[tuple[Resource, ...], list[Problem]]:
    found, problems = [], []
    for address, entry in entries.items():
        resource, wrong = sections.of_kind(address.kind).compile(context, address, entry)
        found.append(resource)
        problems += wrong
    return tuple(found), problems
