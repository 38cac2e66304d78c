"""Run code of the user's project: only ever because somebody asked for it."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.manifest.suggest import nearest

_ABSENT = object()


@contextlib.contextmanager
def visiting(folders: Sequence[Path]) -> Iterator[None]:
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
    """Child processes and libraries in C write to the descriptor; it is ours only if nobody replaced sys.stdout."""
    ours = sys.__stdout__
    if ours is None or ours is not sys.stdout:
        yield
        return
    ours.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        ours.flush()
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
    """Give the file and line of the innermost frame that belongs to the user, not to the import machinery."""
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
