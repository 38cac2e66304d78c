"""`handler: MODULE:CALLABLE` of a function: read in source, or imported when that is asked for explicitly."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.functions.rules import Finding
from deployer.manifest.document import read_text
from deployer.manifest.globs import existing, real, relative
from deployer.manifest.suggest import nearest
from deployer.model import Problem, Severity

_HANDLER = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_FOLDERS = ("", "src")
"""Where a project keeps its modules: beside the manifest, or in the src layout."""


def check(root: Path, definition: Mapping[str, Any], handler: str, *, import_it: bool) -> list[Finding]:
    """Return where a function and its handler disagree; never raises, and runs no code of theirs unless `import_it`."""
    parts = split(handler)
    if parts is None:
        return [_finding("handler-form", f"{handler!r} names no callable", "write it as MODULE:CALLABLE")]
    return _imported(root, definition, *parts) if import_it else _read(real(root), definition, *parts)


def split(handler: str) -> tuple[str, str] | None:
    """Return module and name of `MODULE:CALLABLE`, both dotted."""
    match = _HANDLER.fullmatch(handler)
    return (match["module"], match["name"]) if match else None


def _imported(root: Path, definition: Mapping[str, Any], module: str, name: str) -> list[Finding]:
    from deployer.functions.python.callables import agreement

    try:
        with importable([root / folder for folder in _FOLDERS]):
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


_ABSENT = object()


@contextlib.contextmanager
def importable(folders: Sequence[Path]) -> Iterator[None]:
    """Make the modules in `folders` importable; what foreign code prints meanwhile goes to standard error."""
    before = list(sys.path)
    sys.path[:0] = [str(folder.absolute()) for folder in folders if folder.is_dir()]
    importlib.invalidate_caches()
    try:
        with _descriptor_aside(), contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = before


@contextlib.contextmanager
def _descriptor_aside() -> Iterator[None]:
    """Child processes and libraries in C write to the descriptor; it is aside only while it is that of sys.stdout."""
    own = sys.__stdout__
    if own is None or own is not sys.stdout:
        yield
        return
    own.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        own.flush()
        os.dup2(saved, 1)
        os.close(saved)
        atexit.register(setattr, sys, "stdout", sys.stderr)  # before what the guests have registered


def load(module: str, name: str) -> Callable[..., Any]:
    """Import a callable; DeployerError with the place for whatever goes wrong on the way."""
    with _foreign(module):
        value: Any = importlib.import_module(module)
    for part in name.split("."):
        with _foreign(module):
            inner = getattr(value, part, _ABSENT)
        if inner is _ABSENT:
            remedy = nearest(part, [known for known in dir(value) if not known.startswith("_")], "correct the name")
            raise DeployerError(f"{module}:{name}: there is no {part!r} in {_shown(value)}; {remedy}")
        value = inner
    if not callable(value):
        raise DeployerError(f"{module}:{name} is {_article(type(value).__name__)}, not a callable; name a function")
    return value  # type: ignore[no-any-return]


@contextlib.contextmanager
def _foreign(module: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise DeployerError(_not_found(module, error)) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 (code of others may raise anything)
        what = traceback.format_exception_only(error)[-1].strip()
        raise DeployerError(f"importing {module} fails at {_place(error)}: {what}; correct the module") from None


def _not_found(module: str, error: ModuleNotFoundError) -> str:
    if error.name and f"{module}.".startswith(f"{error.name}."):
        return f"there is no module {error.name!r}; run this in the folder that contains it, or correct the name"
    return f"{module} imports {error.name!r} at {_place(error)}, which is not installed here; install it"


def _place(error: BaseException) -> str:
    """Return the file and line of the innermost frame that belongs to the user, not to the import machinery."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_near(error.filename)}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and frame.filename not in (__file__, importlib.__file__)
    ]
    return f"{_near(frames[-1].filename)}:{frames[-1].lineno}" if frames else "its first line"


def _near(file: str) -> str:
    path = Path(file)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else file


def _shown(value: Any) -> str:
    return str(getattr(value, "__name__", type(value).__name__))


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiouAEIOU' else 'a'} {word}"
