"""Write the tables of docs/architecture.md from what is checked: the import contracts, and each package's docstring.

`--check` only says whether the page is as it would be written.
"""

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
REST = "(the rest)"


def contracts() -> Sequence[Mapping[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: Sequence[Mapping[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def sentence(name: str) -> str:
    """Return the first sentence of a package's or a module's docstring."""
    path = ROOT.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = " ".join((ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    return text.rstrip(".")


def shown(name: str) -> str:
    """Return the path of a module below the package, as code."""
    path = ROOT.joinpath(*name.split("."))
    inside = name.removeprefix("deployer.").replace(".", "/")
    return f"`{inside}/`" if path.is_dir() else f"`{inside}.py`"


def siblings(layer: str) -> list[str]:
    """Return the modules of one layer; `(optional)` ones and marks of independence are import-linter's."""
    return [part.strip().strip("()") for part in re.split(r"[|:]", layer)]


def packages(contract: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of packages, from the top layer to the lowest."""
    yield "| | what it holds |"
    yield "|---|---|"
    for layer in contract["layers"]:
        for name in siblings(layer):
            yield f"| {shown(name)} | {sentence(name)} |"


def order(contract: Mapping[str, Any]) -> str:
    """Return the layers of one contract in a line."""
    prefix = "deployer." if not contract.get("containers") else ""
    return " > ".join(" | ".join(name.removeprefix(prefix) for name in siblings(one)) for one in contract["layers"])


def inside(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the contracts inside packages, then those that forbid."""
    for contract in found:
        if contract["type"] == "layers":
            where = ", ".join(shown(name) for name in contract.get("containers", ()))
            yield f"- {contract['name']}{f' ({where})' if where else ''}: `{order(contract)}`"
    for contract in found:
        if contract["type"] != "layers":
            yield f"- {contract['name']}"


def written(text: str) -> str:
    """Return the page with both tables as they are now."""
    top, *rest = contracts()
    for mark, lines in (("packages", packages(top)), ("contracts", inside([top, *rest]))):
        block = f"<!-- {mark} -->\n" + "\n".join(lines) + f"\n<!-- /{mark} -->"
        before, _, old = text.partition(f"<!-- {mark} -->\n")
        text = before + block + old.partition(f"\n<!-- /{mark} -->")[2]
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when the page is not up to date"
    )
    arguments = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    if arguments.check:
        if text != written(text):
            print("docs/architecture.md is not what is checked: run python scripts/make_architecture.py")
            return 1
        return 0
    PAGE.write_text(written(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
