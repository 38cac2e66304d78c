"""Waves, pure: which accounts of a fleet are worked on together, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.manifest.template import FleetRow
from deployer.model import Problem
from deployer.wording import counted

Labels = Mapping[str, tuple[str, ...]]
"""What is asked of rows: by label the values that will do, as texts."""
PARALLEL = 10
FAILURES = 1


@dataclass(frozen=True, slots=True)
class Wave:
    """`number` counts from 1; `rows` are in the order of the table.

    At most `max_parallel` accounts are worked on at once, `max_per_host` (0: any number) behind one host. After
    `max_failures` failed ones no further one is begun.
    """

    number: int
    where: Labels = field(default_factory=dict)
    max_parallel: int = PARALLEL
    max_per_host: int = 0
    max_failures: int = FAILURES
    rows: tuple[FleetRow, ...] = ()


def said(value: object) -> str:
    """Return a value as a label says it: `true`, `3`, `eu`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def labels_of(where: Mapping[str, object]) -> Labels:
    """Return what the manifest asks of rows: a value, or several."""
    return {name: tuple(map(said, one)) if isinstance(one, list) else (said(one),) for name, one in where.items()}


def fits(row: FleetRow, where: Labels) -> bool:
    """Whether a row has one of the values of each label."""
    return all(name in row.values and said(row.values[name]) in values for name, values in where.items())


def divided(rows: Sequence[FleetRow], waves: Sequence[Wave]) -> tuple[list[list[FleetRow]], list[FleetRow]]:
    """Return the rows of each wave, each row in the first that it fits, and those that fit none."""
    groups: list[list[FleetRow]] = [[] for _ in waves]
    rest: list[FleetRow] = []
    for row in rows:
        place = next((place for place, wave in enumerate(waves) if fits(row, wave.where)), None)
        (rest if place is None else groups[place]).append(row)
    return groups, rest


def left_out(rest: Sequence[FleetRow]) -> Iterator[Problem]:
    """Say of rows that they are in no wave: nothing would ever be deployed to them."""
    if rest:
        what = f"{counted(len(rest), 'row')} in no wave, first row {rest[0].number} ({rest[0].name}, {rest[0].where})"
        yield Problem(what, "add {} as the last wave, which takes the rest", "fleet.waves")
