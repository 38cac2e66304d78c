"""`handler: MODULE:CALLABLE` of a function: read in source, or imported when that is asked for explicitly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.functions.rules import Finding
from deployer.manifest.document import read_text
from deployer.manifest.imported import load, visiting
from deployer.manifest.paths import existing, real, relative
from deployer.manifest.suggest import nearest
from deployer.model import Problem, Severity

_HANDLER = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_FOLDERS = ("", "src")
"""Where a project keeps its modules: beside the manifest, or in the src layout."""


def check(root: Path, definition: Mapping[str, Any], handler: str, *, import_it: bool) -> list[Finding]:
    """Tell where a function and its handler disagree; never raises, and runs no code of theirs unless `import_it`."""
    parts = split(handler)
    if parts is None:
        return [_finding("handler-form", f"{handler!r} names no callable", "write it as MODULE:CALLABLE")]
    return _imported(root, definition, *parts) if import_it else _read(real(root), definition, *parts)


def split(handler: str) -> tuple[str, str] | None:
    """Give module and name of `MODULE:CALLABLE`, both dotted."""
    match = _HANDLER.fullmatch(handler)
    return (match["module"], match["name"]) if match else None


def _imported(root: Path, definition: Mapping[str, Any], module: str, name: str) -> list[Finding]:
    from deployer.functions.python.callables import agreement

    try:
        with visiting([root / folder for folder in _FOLDERS]):
            return list(agreement(definition, load(module, name)))
    except DeployerError as error:
        message, _, remedy = str(error).rpartition("; ")
        return [_finding("handler-import", message, remedy)]


def _read(root: Path, definition: Mapping[str, Any], module: str, name: str) -> list[Finding]:
    from deployer.functions.python.static import agreement_static

    path = _source(root, module)
    if path is None:
        return [_lost(root, module)]
    text = read_text(path, str(relative(root, path)))
    if isinstance(text, Problem):
        return [_finding("handler-unreadable", text.message, text.remedy, Severity.WARNING)]
    return list(agreement_static(definition, text, name))


def _source(root: Path, module: str) -> Path | None:
    """Find the file of a module as Python would: a package before a module of the same name."""
    inside = module.replace(".", "/")
    for folder in _FOLDERS:
        for name in (f"{inside}/__init__.py", f"{inside}.py"):
            path = existing(root / folder, name)
            if path.is_file() and relative(root, path):
                return path
    return None


def _lost(root: Path, module: str) -> Finding:
    """A module whose package is here is misspelled; any other may be installed, which only an import can tell."""
    for folder in _FOLDERS:
        *packages, last = module.split(".")
        parent = existing(root / folder, "/".join(packages))
        if packages and parent.is_dir():
            siblings = [path.stem for path in sorted(parent.iterdir()) if path.suffix == ".py" or path.is_dir()]
            remedy = nearest(last, siblings, "correct the name, or create it")
            return _finding("handler-missing", f"there is no module {module!r}", remedy)
    message = f"there is no module {module!r} below the manifest's folder"
    return _finding(
        "handler-missing", message, "correct the name, or check it with --import-handlers", Severity.WARNING
    )


def _finding(rule: str, message: str, remedy: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(rule, ("handler",), message, remedy, severity)
