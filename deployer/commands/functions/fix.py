"""deployer functions fix: make functions strict, in their files."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import click

from deployer.commands.functions.definition_file import Definition, definitions
from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.functions.rules import Finding
from deployer.functions.strictness.fix import make_strict
from deployer.wording import counted

_BOM = "\ufeff"


@click.command("fix")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Write the files; without it, only show what would change.")
def command(files: tuple[Path, ...], write: bool) -> int:  # noqa: FBT001 (click gives it)
    """Make functions strict without changing what their schemas mean; show it as a diff.

    Optional properties become required and nullable, objects closed, oneOf of branches that exclude each other anyOf,
    and keywords that strict schemas do not know move into the description. Comments, order and layout of a file stay. A
    function that cannot be made strict faithfully stays as it is, and the reason is told. Exit code 1 then.

    \b
    Example:
      deployer functions fix functions/quiz.yaml
      deployer functions fix functions/*.yaml --write
    """
    outcomes = [_fix(path, write=write) for path in dict.fromkeys(files)]
    changed, refused = sum(one[0] for one in outcomes), sum(one[1] for one in outcomes)
    rest = "" if write or not changed else "; write with --write"
    click.echo(f"{counted(changed, 'file')} {'changed' if write else 'to change'}, {refused} refused{rest}")
    return EXIT_FAILED if refused else EXIT_DONE


def _fix(path: Path, *, write: bool) -> tuple[bool, int]:
    """Whether the file changes, and how much of it is refused."""
    from deployer.manifest.edit import edit

    try:
        found = definitions(path)
        data, refused = _strict(found)
        raw = _raw(path)
        text = _unix(raw)
        changed = edit(text, found[0].document.data, data, is_json=path.suffix.lower() == ".json")
    except DeployerError as error:
        return False, _refuse([str(error) if str(path) in str(error) else f"{path}: {error}"])
    _show(text, changed, path)
    if write and changed != text:
        _replace(path, _as_before(changed, raw))
    return changed != text, _refuse(refused)


def _strict(found: list[Definition]) -> tuple[Any, list[str]]:
    """Return the data of the whole file with strict functions, and why some of them stay."""
    data, refused = copy.deepcopy(found[0].document.data), list[str]()
    for one in found:
        fixed = make_strict(one.function)
        refused += [_refusal(one, finding) for finding in fixed.refusals]
        data = _with(data, one, fixed.function["parameters"] if one.is_schema else fixed.function)
    return data, refused


def _refusal(one: Definition, finding: Finding) -> str:
    where = "/".join(map(str, finding.pointer))
    return f"{one.position(finding.pointer)}: {where}: {finding.message}; {finding.remedy}"


def _with(data: Any, one: Definition, value: Any) -> Any:
    if not one.at:
        return value
    inner = data
    for part in one.at[:-1]:
        inner = inner[part]
    inner[one.at[-1]] = value
    return data


def _raw(path: Path) -> str:
    raw = path.read_bytes().decode()
    if _as_before(_unix(raw), raw) != raw:
        raise DeployerError(f"{path}: the file mixes line ends; save it with one kind of them")
    return raw


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
