"""Write what a model said in a run into the tests as `rehearse:`, and change nothing else of their files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.manifest import Manifest, edit
from deployer.manifest.document import read, read_text
from deployer.model import Problem, ProblemsFound
from deployer.testing import rehearsal
from deployer.testing.verdict import TestResult

_EDITED = (".yaml", ".yml", ".json")


def recorded(manifest: Manifest, results: Sequence[TestResult]) -> tuple[list[str], list[str]]:
    """Record the tests that passed; return the names of files that were written, and why others are not recorded."""
    told, by_file = list[str](), defaultdict[str, list[TestResult]](list)
    number = Counter(one.case.place for one in results if one.repeat == 1)
    for one in results:
        if one.repeat > 1:
            continue
        name = one.case.place[0]
        if not one.ok or one.transcript is None:
            told.append(f"{one.case.name}: not recorded, since it did not pass")
        elif number[one.case.place] > 1 or Path(name).suffix not in _EDITED or not one.case.place[1]:
            told.append(f"{one.case.name}: not recorded, since several tests stand at its place")
        else:
            by_file[name].append(one)
    for name, found in by_file.items():
        _write(manifest.root / name, name, found)
    return sorted(by_file), told


def _write(path: Path, name: str, results: Sequence[TestResult]) -> None:
    text, document = read_text(path, name), read(path, name)
    if isinstance(text, Problem) or isinstance(document, Problem):
        raise ProblemsFound([one for one in (text, document) if isinstance(one, Problem)])
    new = document.data
    for one in results:
        said = rehearsal.of_conversation(one.transcript.happenings if one.transcript else ())
        new = _with(new, one.case.place[1], said)
    try:
        path.write_text(edit.edit(text, document.data, new, is_json=path.suffix == ".json"), encoding="utf-8")
    except (OSError, DeployerError) as error:
        raise DeployerError(f"{name}: what was said cannot be recorded ({error})") from None


def _with(data: Any, path: Sequence[str | int], said: list[Any]) -> Any:
    """Return data in which the test at a path rehearses what was said."""
    if not path:
        return {**data, "rehearse": said}
    if isinstance(data, list):
        return [_with(one, path[1:], said) if place == path[0] else one for place, one in enumerate(data)]
    return {name: _with(one, path[1:], said) if name == path[0] else one for name, one in data.items()}
