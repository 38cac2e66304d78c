"""What became of a fleet, merged, pure: what is the same everywhere once, and what differs by account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.fleet.units import UnitChange, UnitResult, UnitStatus
from deployer.fleet.waves import Labels, Wave

VERSION = 1
_SHOWN = 5
"""Of a change that differs by account, so many forms are shown."""
_NAMED = 50
"""So many accounts are named beside a change; the list of accounts has all of them."""


@dataclass(slots=True)
class _Form:
    """A change in one form: the accounts that have it, by their place in the list."""

    change: UnitChange
    accounts: list[int] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    row: int
    where: str
    wave: int
    status: UnitStatus
    why: str
    forms: tuple[int, ...]


@dataclass(slots=True)
class Merger:
    """Takes results one after another, and keeps of each what the report says of it."""

    fleet: str
    accounts: list[_Account] = field(default_factory=list)
    _forms: dict[tuple[str, str], int] = field(default_factory=dict)
    _table: list[_Form] = field(default_factory=list)
    _groups: dict[tuple[str, str, tuple[str, ...]], list[int]] = field(default_factory=dict)
    _same: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)
    _warnings: dict[str, list[int]] = field(default_factory=dict)

    def add(self, result: UnitResult) -> None:
        place = len(self.accounts)
        forms = tuple(self._form(one, place) for one in result.changes)
        forms = self._same.setdefault(forms, forms)
        row = (result.name, result.number, result.where, result.wave)
        self.accounts.append(_Account(*row, result.status, result.why, forms))
        for warning in result.warnings:
            self._warnings.setdefault(self._unnamed(warning, result.name), []).append(place)

    def _form(self, change: UnitChange, place: int) -> int:
        number = self._forms.setdefault((change.address, change.digest), len(self._table))
        if number == len(self._table):
            group = self._groups.setdefault((change.address, change.action, change.paths), [])
            group.append(number)
            kept = change if len(group) <= _SHOWN else _bare(change)
            self._table.append(_Form(kept))
        self._table[number].accounts.append(place)
        self._table[number].outcomes[change.outcome] += 1
        return number

    def _unnamed(self, text: str, name: str) -> str:
        return text.replace(f"{self.fleet}/{name}", f"{self.fleet}/…")

    def report(self, run: RunEnd) -> FleetReport:
        """Return the report of what was added, in the order of the table."""
        left = sum(len(wave.rows) for wave in run.waves) - len(self.accounts) - run.known
        return FleetReport(
            {
                "version": VERSION,
                "project": run.project,
                "fleet": self.fleet,
                "verb": run.verb,
                "status": self._status(run, left),
                "stopped": run.stopped,
                "counts": {**self._counts(), **({"resumed": run.known} if run.known else {}), "left": left},
                "waves": [self._wave(one, run) for one in run.waves],
                "changes": sorted(
                    map(self._group, self._groups.values()),
                    key=lambda one: (-one["accounts"], one["address"], one["paths"]),
                ),
                "failures": self._failures(),
                "warnings": [{"what": what, **self._who(who)} for what, who in sorted(self._warnings.items())],
                "accounts": [_account(one) for one in sorted(self.accounts, key=lambda one: one.row)],
            }
        )

    def _status(self, run: RunEnd, left: int) -> str:
        if run.interrupted:
            return "interrupted"
        return "whole" if not left and all(one.status.ok for one in self.accounts) else "failed"

    def _counts(self) -> dict[str, int]:
        found = Counter(one.status for one in self.accounts)
        return {status.value: found[status] for status in UnitStatus if found[status]}

    def _wave(self, wave: Wave, run: RunEnd) -> dict[str, Any]:
        found = [one.status for one in self.accounts if one.wave == wave.number]
        resumed = run.resumed.get(wave.number, 0)
        return {
            "number": wave.number,
            "where": {name: list(values) for name, values in wave.where.items()},
            "accounts": len(wave.rows),
            "ok": sum(one.ok for one in found) + resumed,
            "failed": sum(not one.ok for one in found),
            "left": len(wave.rows) - len(found) - resumed,
        }

    def _group(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return one change with its forms, the most frequent first; those beyond the first few are counted."""
        forms = sorted((self._table[one] for one in numbers), key=self._rank)
        head = forms[0].change
        shown = [self._shown(one) for one in forms if one.change.data][:_SHOWN]
        who = [place for one in forms for place in one.accounts]
        outcomes: Counter[str] = sum((one.outcomes for one in forms), Counter())
        return {
            "address": head.address,
            "action": head.action,
            "paths": list(dict.fromkeys(head.paths)),
            "everywhere": len(who) == len(self.accounts),
            **self._who(who),
            **({"outcomes": dict(sorted(outcomes.items()))} if set(outcomes) - {""} else {}),
            "forms": shown,
            "more_forms": len(forms) - len(shown),
        }

    def _rank(self, form: _Form) -> tuple[int, int]:
        """The most frequent first, else by the table: which account ended first is chance."""
        return -len(form.accounts), min(self.accounts[one].row for one in form.accounts)

    def _shown(self, form: _Form) -> dict[str, Any]:
        return {**self._who(form.accounts), **form.change.data}

    def _who(self, places: Sequence[int]) -> dict[str, Any]:
        found = sorted((self.accounts[one] for one in places), key=lambda one: one.row)
        return {"accounts": len(places), "names": [one.name for one in found[:_NAMED]]}

    def _failures(self) -> list[dict[str, Any]]:
        """Return why accounts are not well: a sentence once for all that it holds of."""
        groups: dict[str, list[int]] = {}
        for place, one in enumerate(self.accounts):
            if not one.status.ok:
                groups.setdefault(self._unnamed(one.why, one.name), []).append(place)
        return [
            {
                "why": why,
                **self._who(who),
                "first": min((self.accounts[one] for one in who), key=lambda one: one.row).where,
            }
            for why, who in sorted(groups.items(), key=lambda one: (-len(one[1]), self.accounts[one[1][0]].row))
        ]


def _bare(change: UnitChange) -> UnitChange:
    """Forget how it looks: a fleet may have as many forms as accounts."""
    return UnitChange(change.address, change.action, change.paths, "", {})


def _account(one: _Account) -> dict[str, Any]:
    told = {"name": one.name, "row": one.row, "where": one.where, "wave": one.wave, "status": one.status.value}
    return {**told, "why": one.why, "changes": len(one.forms)}


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run over a fleet ended: `stopped` is a sentence where it did not come to its end.

    `resumed` counts by wave the accounts that an earlier run had done, which this one left alone.
    """

    project: str
    verb: str
    waves: Sequence[Wave]
    stopped: str = ""
    interrupted: bool = False
    resumed: Mapping[int, int] = field(default_factory=dict)

    @property
    def known(self) -> int:
        return sum(self.resumed.values())


@dataclass(frozen=True, slots=True)
class FleetReport:
    """The merged report, as JSON data (schemas/fleet.schema.json)."""

    data: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether every account is as it was to become, or could be read."""
        return bool(self.data["status"] == "whole")

    @property
    def interrupted(self) -> bool:
        return bool(self.data["status"] == "interrupted")

    def count(self, *statuses: str) -> int:
        """Return how many accounts have one of these statuses."""
        return sum(int(self.data["counts"].get(one, 0)) for one in statuses)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.data)


def merged(results: Iterable[UnitResult], *, project: str, fleet: str, verb: str, waves: Sequence[Wave]) -> FleetReport:
    """Return the report of results that came from elsewhere, as from an engine; one account counts once, the last."""
    merger = Merger(fleet)
    for result in {one.name: one for one in results}.values():
        merger.add(result)
    return merger.report(RunEnd(project, verb, waves))


__all__ = ["FleetReport", "Labels", "Merger", "RunEnd", "merged"]
