"""The tests that a manifest declares and names: read, checked and chosen."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import TypeVar

from deployer.errors import DeployerError
from deployer.kinds import kinds_of
from deployer.manifest import Manifest
from deployer.model import Position, Problem, ProblemsFound, Resource, Severity
from deployer.testing import verdict
from deployer.testing.cases import TestCase
from deployer.testing.promptfoo import read_tests
from deployer.testing.reading import TestReading
from deployer.testing.template import PlacedValue
from deployer.wording import counted, listed

_NAMED = 10


def declared(manifest: Manifest) -> tuple[list[TestCase], list[Problem]]:
    """Return the tests that a manifest declares and names, and every problem with them."""
    reading = TestReading(manifest.root, [str(one.address) for one in talking(manifest)])
    found = read_tests(reading, [PlacedValue(one.document, one.path, one.value) for one in manifest.tests])
    return placed(manifest.folder, found), placed(manifest.folder, reading.problems)


Placed = TypeVar("Placed")


def placed(folder: Path, value: Placed) -> Placed:
    """Return a value in which every position names its file as it is reached from where the user stands."""
    if folder == Path():
        return value
    if isinstance(value, Position):
        return replace(value, file=Path(os.path.normpath(folder / value.file)).as_posix())
    if isinstance(value, list | tuple):
        return type(value)(placed(folder, one) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        names = (one.name for one in fields(value))
        return replace(value, **{name: placed(folder, getattr(value, name)) for name in names})
    return value


def talking(manifest: Manifest) -> list[Resource]:
    """Return what can be talked to."""
    kinds = kinds_of(manifest.settings.api)
    return [one for one in manifest.resources if one.address.kind in kinds and not kinds[one.address.kind].is_store]


def checked(manifest: Manifest) -> list[Problem]:
    """Return what can be said of tests without running them: problems, what cannot be run, and what no test touches."""
    cases, problems = declared(manifest)
    told = [replace(one, severity=Severity.WARNING) for case in cases for one in case.flaws]
    notes = [one for case in cases for one in case.notes]
    covered = verdict.coverage(manifest.resources, verdict.declared_touches(cases))
    broken = [
        Problem(f"policy: {one}", "write a test for it", "policies.coverage", rule="policy")
        for one in verdict.uncovered(covered, manifest.coverage)
    ]
    return list(dict.fromkeys([*problems, *told, *notes, *broken]))


def _tags(cases: Collection[TestCase]) -> str:
    known = sorted({tag for one in cases for tag in one.tags})
    return f"there are: {listed(known, _NAMED)}" if known else "no test has tags"


def selected(manifest: Manifest, addresses: Collection[str], tags: Collection[str]) -> list[TestCase]:
    """Return the tests of some addresses and tags, all where there are none.

    ProblemsFound where the tests are wrong, DeployerError where there are none.
    """
    from deployer.project.chatting import spoken_to

    cases, problems = declared(manifest)
    if problems:
        raise ProblemsFound(problems)
    if not cases:
        raise DeployerError("the manifest has no tests; write some under tests:, see docs/tests.md")
    wanted = {str(spoken_to(manifest, one).address) for one in addresses}
    found = [one for one in cases if (not wanted or one.address in wanted) and (not tags or one.tags & set(tags))]
    if not found:
        named = " and ".join([*(("this address",) if wanted else ()), *(("this tag",) if tags else ())])
        remedy = _tags(cases) if tags and not wanted else "leave one out" if tags else "write one for it"
        raise DeployerError(f"none of {counted(len(cases), 'test')} has {named}; {remedy}")
    return found
