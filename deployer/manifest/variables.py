"""`${var.NAME}` in the manifest's strings, and what is only for accounts; `$${` writes a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.manifest import yaml12
from deployer.manifest.document import SourceDocument, address, read
from deployer.manifest.globs import real
from deployer.manifest.load import Sources
from deployer.manifest.suggest import nearest
from deployer.model import Position, Problem, ProblemsFound

Place = tuple[str | int, ...]

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
_VARIABLE = re.compile(r"var\.([A-Za-z_][A-Za-z0-9_-]*)")
SECRET = re.compile(r"(env|file|cmd)\.")


class Unresolved(Exception):  # noqa: N818 (a state of a reference, caught right here)
    """A reference cannot be resolved: what is wrong and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


class Undeclared(Unresolved):
    """No variable of this name is declared, so far as the manifest could be read."""


class Unset(Unresolved):
    """The reference is right, but what it names is not here."""


@dataclass(frozen=True, slots=True)
class FromFile:
    """The value of a variable in a file of variables, and where it stands there."""

    value: Any
    position: Position


def of_file(file: Path) -> dict[str, FromFile]:
    """Read a file of variables, a mapping of names and values; ProblemsFound when it is none."""
    found = read(real(file), file.as_posix())
    if isinstance(found, Problem):
        raise ProblemsFound([found])
    if not isinstance(found.data, dict):
        what = "this is not a mapping of variables"
        raise ProblemsFound([Problem(what, "write NAME: VALUE, one a line", position=found.position())])
    wrong = [name for name, value in found.data.items() if not isinstance(value, str | int | float | bool)]
    if wrong:
        remedy = "write text, a number, true or false"
        what = "this is no value of a variable"
        raise ProblemsFound([Problem(what, remedy, name, found.key_position([name])) for name in wrong])
    return {name: FromFile(value, found.position([name])) for name, value in found.data.items()}


def values(sources: Sources, account: str | None, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the value of each declared variable (None: it has none), and what was given but is not declared.

    `given` (the command line, text or FromFile) wins over the account's own values, which win over defaults.
    """
    declared = {
        name: entry.value.get("default") if isinstance(entry.value, dict) else None
        for name, entry in sources.variables.items()
    }
    own, problems = _of_account(sources, account), []
    for name in {**own, **given}:
        if name not in declared and sources.whole:
            remedy = nearest(name, declared, "declare it under variables:")
            where, place = _given(given[name], name) if name in given else _place(sources, account, name)
            problems.append(Problem(f"the variable {name!r} is not declared", remedy, where, place))
    table = {**declared, **{name: value for name, value in own.items() if name in declared}}
    return {**table, **{name: _value(one, table[name]) for name, one in given.items() if name in declared}}, problems


def _value(given: Any, like: Any) -> Any:
    return given.value if isinstance(given, FromFile) else typed(given, like) if isinstance(given, str) else given


def _given(given: Any, name: str) -> tuple[str, Position | None]:
    return (name, given.position) if isinstance(given, FromFile) else ("--var", None)


def _of_account(sources: Sources, account: str | None) -> Mapping[str, Any]:
    entry = sources.accounts.get(account or "")
    found = entry.value.get("variables") if entry and isinstance(entry.value, dict) else None
    return found if isinstance(found, dict) else {}


def _place(sources: Sources, account: str | None, variable: str) -> tuple[str, Position]:
    """Return the address and the place of an account's value for a variable."""
    entry = sources.accounts[account or ""]
    path = (*entry.path, "variables", variable)
    return address(path), entry.document.key_position(path)


def misdeclared(problems: Iterable[Problem]) -> set[str]:
    """Return the variables whose declaration has a problem: what that says is enough where they are used, too."""
    found = (problem.address.split(".") for problem in problems)
    return {parts[1] for parts in found if len(parts) > 1 and parts[0] == "variables"}


def filled(sources: Sources, table: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the data of each document, by its name, with the variables of its resources replaced."""
    result, problems = {}, []
    for document in sources.documents:
        data = result[document.name] = dict(document.data)
        for section in document.sections:
            if section in data:
                data[section], wrong = interpolate(document, (section,), data[section], table, whole=sources.whole)
                problems += wrong
    return result, problems


def interpolate(
    document: SourceDocument, path: Place, value: Any, table: Mapping[str, Any], *, whole: bool = True
) -> tuple[Any, list[Problem]]:
    """Return `value` with every `${var.…}` replaced, at any depth; what cannot be replaced stays and is a problem.

    `whole`: all variables are known; without it, one that is not declared is no problem.
    """
    problems: list[Problem] = []

    def walk(path: Place, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk((*path, key), item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk((*path, place), item) for place, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        try:
            return variable(value, table)
        except Unresolved as error:
            if whole or not isinstance(error, Undeclared):
                problems.append(Problem(error.message, error.remedy, document.address(path), document.position(path)))
            return value

    return walk(path, value), problems


def mentioned(text: str, declared: Collection[str]) -> list[str]:
    """Return the declared variables that a text refers to where nothing is replaced, as `${var.NAME}`."""
    found = (_VARIABLE.fullmatch(one[1] or "") for one in REFERENCE.finditer(text))
    return list(dict.fromkeys(one[1] for one in found if one and one[1] in declared))


def typed(text: str, like: Any) -> Any:
    """Return a value from the command line the type of `like`, if it can have it: there, everything is text."""
    if like is None or isinstance(like, str):
        return text
    try:
        value = yaml12.scalar(text)
    except ValueError:
        return text
    return text if value is None else value


def variable(text: str, table: Mapping[str, Any]) -> Any:
    """Replace variables; a text that is nothing but one reference takes the variable's own type."""
    if "${" in REFERENCE.sub("", text):
        raise Unresolved("a ${ stands here without its }", "close it, or write $${ for a literal ${")
    whole = REFERENCE.fullmatch(text)
    if whole and whole[1] is not None:
        return _lookup(whole[1], table)
    return REFERENCE.sub(lambda match: "${" if match[1] is None else _as_text(_lookup(match[1], table)), text)


def _lookup(reference: str, table: Mapping[str, Any]) -> Any:
    if SECRET.match(reference):
        raise Unresolved(f"${{{reference}}} is read only in accounts", "declare a variable and use ${var.NAME}")
    if reference.startswith("row."):
        remedy = "declare a variable, give it this value in the account's variables, and use ${var.NAME}"
        raise Unresolved(f"${{{reference}}} is read only in the account of a fleet", remedy)
    name = reference.removeprefix("var.")
    if name == reference or (name not in table and not _VARIABLE.fullmatch(reference)):
        raise Unresolved(f"${{{reference}}} is not a reference", "use ${var.NAME}, or $${ for a literal ${")
    if name not in table:
        otherwise = "declare it under variables:"
        raise Undeclared(f"the variable {name!r} is not declared", nearest(name, table, otherwise))
    if table[name] is None:
        remedy = f"give it a default, a value in the account's variables, or --var {name}=VALUE"
        raise Unresolved(f"the variable {name!r} has no value", remedy)
    return table[name]


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
