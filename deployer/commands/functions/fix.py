"""deployer functions fix: make functions strict, in their files."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

import click

from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.functions.check import unknown_key
from deployer.functions.definitions import (
    ANTHROPIC,
    FORMAT,
    MCP,
    OPERATION,
    SCHEMA,
    SHAPES,
    Definition,
    converted,
    openai_function,
    put,
)
from deployer.functions.rules import Finding
from deployer.functions.strictness.fix import Fixed, make_strict
from deployer.manifest.function_files import FileDefinition
from deployer.wording import counted

_BOM = "\ufeff"


@click.command("fix")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Write the files; without it, only show what would change.")
@click.option("--to", type=click.Choice(["openai"]), help="Convert tools of MCP, Anthropic and OpenAPI, and no more.")
def command(files: tuple[Path, ...], write: bool, to: str | None) -> int:  # noqa: FBT001 (click gives it)
    """Make functions strict without changing what their schemas mean; show it as a diff.

    Optional properties become required and nullable, objects closed, oneOf of branches that exclude each other anyOf,
    and keywords that strict schemas do not know move into the description. Comments, order and layout of a file stay. A
    function that cannot be made strict faithfully stays as it is, and the reason is told. Exit code 1 then.

    With --to openai tools of MCP servers and of Anthropic's API become functions in their files, their schemas as they
    are. The operations of an OpenAPI document are printed as functions.

    \b
    Example:
      deployer functions fix functions/quiz.yaml
      deployer functions fix functions/*.yaml --write
      deployer functions fix tools.json --to openai --write
    """
    outcomes = [_fix(path, write=write, convert=to is not None) for path in dict.fromkeys(files)]
    changed, refused = sum(one[0] for one in outcomes), sum(one[1] for one in outcomes)
    rest = "" if write or not changed else "; write with --write"
    verb = "changed" if write else "to change"
    click.echo(f"{counted(changed, 'file')} {verb}, {refused} refused{rest}", err=_printed(outcomes))
    return EXIT_FAILED if refused else EXIT_DONE


def _fix(path: Path, *, write: bool, convert: bool) -> tuple[bool, int, bool]:
    """Whether the file changes, how much of it is refused, and whether functions were printed."""
    from deployer.manifest.edit import edit
    from deployer.manifest.function_files import definitions

    try:
        found = definitions(path)
        is_json = path.suffix.lower() == ".json"
        if convert and found[0].definition.shape == OPERATION:
            return _print(path, found, write=write, is_json=is_json)
        given = found[0].document.data
        data, refused = (converted(given, [one.definition for one in found]), []) if convert else _strict(found)
        raw = _raw(path)
        text = _unix(raw)
        changed = edit(text, given, data, is_json=is_json)
    except DeployerError as error:
        return False, _refuse([str(error) if str(path) in str(error) else f"{path}: {error}"]), False
    _show(text, changed, path)
    if write and changed != text:
        _replace(path, _as_before(changed, raw))
    return changed != text, _refuse(refused), False


def _printed(outcomes: list[tuple[bool, int, bool]]) -> bool:
    return any(one[2] for one in outcomes)


def _print(path: Path, found: list[FileDefinition], *, write: bool, is_json: bool) -> tuple[bool, int, bool]:
    """Print the operations of an OpenAPI document, which is more than its functions and stays as it is."""
    from deployer.manifest.yaml12 import yaml_text

    if write:
        raise DeployerError(f"{path}: an OpenAPI document stays as it is; leave --write out, and keep what is printed")
    functions = [openai_function(one.definition) for one in found]
    text = json.dumps(functions, ensure_ascii=False, indent=2) + "\n" if is_json else yaml_text(functions)
    click.echo(text, nl=False)
    return False, 0, True


def _strict(found: list[FileDefinition]) -> tuple[Any, list[str]]:
    """Return the data of the whole file with strict functions, and why some of them stay."""
    data, refused = copy.deepcopy(found[0].document.data), list[str]()
    for one in found:
        fixed = _fixed(one.definition)
        refused += [_refusal(one, finding) for finding in fixed.refusals]
        if not fixed.refusals:
            data = put(data, one.definition.at, _as_it_stood(one.definition, fixed.function))
    return data, refused


def _fixed(one: Definition) -> Fixed:
    if one.shape in (MCP, ANTHROPIC, OPERATION):
        message = f"{SHAPES[one.shape]} has no `strict`"
        remedy = "convert it first: deployer functions fix FILE --to openai"
        return Fixed(dict(one.function), (), (Finding("unknown-key", (), message, remedy),))
    if one.strays:
        return Fixed(dict(one.function), (), tuple(map(unknown_key, one.strays)))
    named = {"name": SCHEMA} if one.shape == FORMAT else {}  # its name has rules of its own
    return make_strict({**one.function, **named})


def _as_it_stood(one: Definition, fixed: Mapping[str, Any]) -> Any:
    if one.shape == SCHEMA:
        return fixed["parameters"]
    return {**one.data, "schema": fixed["parameters"], "strict": True} if one.shape == FORMAT else fixed


def _refusal(one: FileDefinition, finding: Finding) -> str:
    where = "/".join(map(str, one.definition.inside(finding.pointer)))
    place = one.position(finding.pointer)
    return (
        f"{place}: {where}: {finding.message}; {finding.remedy}"
        if where
        else f"{place}: {finding.message}; {finding.remedy}"
    )


def _raw(path: Path) -> str:
    raw = path.read_bytes().decode()
    if _as_before(_unix(raw), raw) != raw:
        raise DeployerError(f"{path}:{_odd_line(raw)}:1: the file mixes line ends; save it with one kind of them")
    return raw


def _odd_line(raw: str) -> int:
    """Return the first line that does not end as the first one does."""
    ends = ["\r\n" if line.endswith("\r\n") else line[-1:] for line in raw.splitlines(keepends=True)]
    return next((number for number, end in enumerate(ends, 1) if end != ends[0]), 1)


def _unix(raw: str) -> str:
    return raw.removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")


def _as_before(text: str, raw: str) -> str:
    """With the line ends and the byte order mark that the file had."""
    ended = text.replace("\n", "\r\n") if "\r\n" in raw else text
    return f"{_BOM}{ended}" if raw.startswith(_BOM) else ended


def _show(old: str, new: str, path: Path) -> None:
    from deployer.render.lines import plain

    for line in _diff(old, new, path.as_posix()):
        click.echo(plain(line))


def _diff(old: str, new: str, name: str) -> Iterator[str]:
    return unified_diff(old.split("\n"), new.split("\n"), f"a/{name}", f"b/{name}", lineterm="")


def _refuse(lines: list[str]) -> int:
    from deployer.render.lines import plain

    for line in lines:
        click.echo(plain(line), err=True)
    return len(lines)


def _replace(path: Path, text: str) -> None:
    """Write beside the file and move it there, so that it is never half written; links stay links."""
    target = path.resolve()
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            fresh = Path(folder) / target.name
            fresh.write_bytes(text.encode())
            fresh.chmod(target.stat().st_mode)
            fresh.replace(target)
    except OSError as error:
        raise DeployerError(f"{path} cannot be written ({error.strerror}); check its permissions") from None
