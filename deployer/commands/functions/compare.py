"""deployer functions compare: what a change means for the application that handles the calls."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.functions.compatibility.compare import Difference, compare, compare_all
from deployer.manifest.function_files import FileDefinition, definitions

_FILE = click.Path(path_type=Path)
_Placed = tuple[Difference, FileDefinition]


@click.command("compare")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="[text]")
@click.option("--fail-on", type=click.Choice(["breaking"]), help="Exit with 1 when there is such a change.")
def command(old: Path, new: Path, form: str, fail_on: str | None) -> int:
    """Show what changed from OLD to NEW, and what of it breaks the application that handles the calls.

    A change is compatible if the model can send nothing that it could not send before; all else is breaking. So it is
    compatible to narrow a type, and breaking to add a property that the handler may not know. OLD and NEW are function
    definitions (or bare JSON Schemas, or lists of definitions) in YAML or JSON.

    \b
    Example:
      git show main:functions/quiz.yaml > old.yaml
      deployer functions compare old.yaml functions/quiz.yaml --fail-on breaking
    """
    found = _compared(definitions(old), definitions(new))
    if form == "json":
        click.echo(json.dumps(_data(found), ensure_ascii=False, indent=2))
    else:
        _print(found)
    broken = any(difference.breaking for difference, _ in found)
    return EXIT_FAILED if fail_on and broken else EXIT_DONE


def _compared(old: list[FileDefinition], new: list[FileDefinition]) -> list[_Placed]:
    """Return each difference with the definition in which its pointer leads."""
    if len(old) == len(new) == 1:
        return [(difference, new[0]) for difference in compare(old[0].function, new[0].function)]
    sides = [_by_name(side) for side in (old, new)]
    found = compare_all(*({name: one.function for name, one in side.items()} for side in sides))
    return [(_below(difference), (sides[0] | sides[1])[str(difference.pointer[0])]) for difference in found]


def _by_name(side: list[FileDefinition]) -> dict[str, FileDefinition]:
    names = [one.name for one in side]
    for one in side:
        if not one.name or names.count(one.name) > 1:
            what = f"the name {one.name!r} twice" if one.name else "a definition without a name"
            raise DeployerError(f"{one.key_position(())}: there is {what} among several; give each its own name")
    return {one.name: one for one in side}


def _below(difference: Difference) -> Difference:
    return replace(difference, pointer=difference.pointer[1:])


def _data(found: list[_Placed]) -> dict[str, Any]:
    return {
        "version": 1,
        "breaking": sum(difference.breaking for difference, _ in found),
        "compatible": sum(not difference.breaking for difference, _ in found),
        "differences": [_row(difference, one) for difference, one in found],
    }


def _row(difference: Difference, one: FileDefinition) -> dict[str, Any]:
    return {
        "function": one.name or None,
        "pointer": list(difference.pointer),
        "place": difference.place,
        "kind": difference.kind,
        "breaking": difference.breaking,
        "what": difference.what,
        "position": str(one.key_position(difference.pointer)),
    }


def _print(found: list[_Placed]) -> None:
    from deployer.render.lines import plain

    for difference, one in found:
        mark = "breaking" if difference.breaking else "compatible"
        words = " ".join(filter(None, (f"{one.name}:" if one.name else "", difference.place, difference.what)))
        click.echo(plain(f"{one.key_position(difference.pointer)}: {mark}: {words} ({difference.kind})"))
    broken = sum(difference.breaking for difference, _ in found)
    click.echo(f"{broken} breaking, {len(found) - broken} compatible" if found else "no differences")
