"""Fleets: one manifest on many accounts, in waves, in this process or as units for an engine.

rows     the table: a list, a file or what a command prints, each row with its place
waves    labels, waves, and which row is in which (pure)
units    one account with what is to be done there: typed, picklable, safe to be run more than once
rollout  a run in this process: limits, journal, resume
report   what became of it, merged (pure)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.errors import UsageError
from deployer.fleet.report import FleetReport, merged
from deployer.fleet.rollout import FleetJournal, Rollout
from deployer.fleet.rows import rows as read_rows
from deployer.fleet.units import Shared, Unit, UnitChange, UnitResult, UnitStatus, Verb, run
from deployer.fleet.waves import FAILURES, PARALLEL, Wave, divided, fits, labels_of, left_out
from deployer.manifest import sections
from deployer.manifest.document import SourceDocument
from deployer.manifest.suggest import nearest
from deployer.manifest.template import FleetRow, Template
from deployer.model import Position, Problem, ProblemsFound, Severity
from deployer.project.events import OnEvent, StopSignal, ignore
from deployer.project.in_thread import in_thread
from deployer.project.results import USUAL, PlanOptions
from deployer.wording import listed

_SHOWN = 10

__all__ = [
    "Fleet",
    "FleetReport",
    "FleetRow",
    "Unit",
    "UnitChange",
    "UnitResult",
    "UnitStatus",
    "Verb",
    "Wave",
    "merged",
    "run",
]


@dataclass(frozen=True, slots=True)
class Fleet:
    """A manifest with the rows of its `fleet:`, in waves; a value like a Project, and it holds no secret.

    `variables` win over those of the account.
    """

    file: Path
    project: str
    account: str
    waves: tuple[Wave, ...]
    revision: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    template: Template | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.file, self.project, self.account, self.waves, self.revision, self.variables

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        names = ("file", "project", "account", "waves", "revision", "variables")
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "template", None)

    @classmethod
    def load(
        cls,
        file: Path | str = "assistants.yaml",
        *,
        where: Mapping[str, str | Sequence[str]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Fleet:
        """Read the manifest's `fleet:` and its rows; ProblemsFound, with all of them, when something is wrong.

        `where`: only rows that have these labels; UsageError when none has.
        """
        path = Path(file).absolute()
        wanted = labels_of({name: one if isinstance(one, str) else list(one) for name, one in (where or {}).items()})
        template, document = _read(path, Path(file), variables or {})
        told = document.data["fleet"]
        labels = {name: Position("", 0, 0) for name in wanted}
        for index, one in enumerate(told.get("waves", ())):
            labels |= {
                name: document.key_position(("fleet", "waves", index, "where", name)) for name in one.get("where", {})
            }
        found, problems = read_rows(template, document, labels)
        waves = _waves(told)
        groups, rest = divided(found, waves)
        problems += [] if problems else [replace(one, position=document.position(("fleet",))) for one in left_out(rest)]
        if problems:
            raise ProblemsFound(problems)
        chosen = [
            replace(wave, rows=tuple(one for one in group if fits(one, wanted)))
            for wave, group in zip(waves, groups, strict=True)
        ]
        if not any(wave.rows for wave in chosen):
            said = ", ".join(f"{name}={' or '.join(values)}" for name, values in wanted.items())
            raise UsageError(f"no row has {said or 'any label'}; {_nearest(found, wanted)}")
        project = str(document.data.get("project", ""))
        return cls(path, project, template.account, tuple(chosen), template.revision, dict(variables or {}), template)

    def limited(self, *, max_parallel: int | None = None, max_failures: int | None = None) -> Fleet:
        """Return the same with other limits in every wave."""
        waves = tuple(
            replace(
                wave,
                max_parallel=max_parallel or wave.max_parallel,
                max_failures=max_failures or wave.max_failures,
            )
            for wave in self.waves
        )
        return replace(self, waves=waves)

    @property
    def rows(self) -> tuple[FleetRow, ...]:
        return tuple(row for wave in self.waves for row in wave.rows)

    def units(self, verb: Verb | str = Verb.PLAN, options: PlanOptions = USUAL) -> tuple[tuple[Unit, ...], ...]:
        """Return the work of each wave: units of one may be run in any order, beside each other, more than once."""
        return tuple(
            tuple(self._unit(row, wave.number, Verb(verb), options) for row in wave.rows) for wave in self.waves
        )

    def _unit(self, row: FleetRow, wave: int, verb: Verb, options: PlanOptions) -> Unit:
        given = {name: getattr(one, "value", one) for name, one in self.variables.items()}
        return Unit(self.file, self.account, row, wave, verb, options, self.revision, given)

    def report(self, results: Iterable[UnitResult], verb: Verb | str = Verb.PLAN) -> FleetReport:
        """Merge what an engine gathered."""
        told = {"project": self.project, "fleet": self.account, "verb": Verb(verb).value}
        return merged(results, waves=self.waves, **told)

    async def arun(  # noqa: PLR0913 (one for each option)
        self,
        verb: Verb | str = Verb.PLAN,
        options: PlanOptions = USUAL,
        *,
        resume: bool = False,
        environ: Mapping[str, str] | None = None,
        on_event: OnEvent = ignore,
        on_result: Any = ignore,
        stop: StopSignal | None = None,
    ) -> FleetReport:
        """Do it in this process: waves in order, accounts of a wave beside each other, with one merged report.

        Before an apply the manifest is checked for every row: ProblemsFound when it is wrong for one of them. What an
        apply has done is noted in a journal beside the manifest; `resume` leaves alone what the last one did.
        """
        verb = Verb(verb)
        template = self.template or Template.read(self.file, self.account, self.variables)
        shared = Shared.of(template, os.environ if environ is None else environ)
        if verb is Verb.APPLY:
            _check(shared, self.rows)

        def unit(row: FleetRow, wave: int) -> Unit:
            return self._unit(row, wave, verb, options)

        root = template.sources.root
        journal = (FleetJournal.resumed if resume else FleetJournal.fresh)(root) if verb is Verb.APPLY else None
        what = (self.project, self.account, verb, self.waves, shared, unit, journal)
        made = Rollout(*what, on_event, on_result, stop or StopSignal())
        if journal is None:
            return await made.run()
        with journal:
            return await made.run()

    run = in_thread(arun)


def _read(path: Path, shown: Path, variables: Mapping[str, Any]) -> tuple[Template, SourceDocument]:
    """Read the manifest and check its `fleet:`, of which the rest of it can rely on every type."""
    template = Template.read(path, "", variables)
    document = template.sources.main
    if document is None or template.sources.problems:
        raise ProblemsFound(template.sources.problems)
    if "fleet" not in document.data:
        what = "the manifest has no fleet"
        raise ProblemsFound(
            [Problem(what, "declare one: fleet: {account: NAME, from: FILE.csv}", "", document.position())]
        )
    schema = sections.manifest_schema()
    problems = schema.check(document.part(("fleet",)), document.data["fleet"], "fleet", "fleet")
    if problems:
        raise ProblemsFound(problems)
    template.account = str(document.data["fleet"]["account"])
    template.file = shown
    if template.entry is None:
        known = template.sources.accounts
        remedy = nearest(template.account, known, f"known accounts: {', '.join(known)}" if known else "declare it")
        where = document.position(("fleet", "account"))
        raise ProblemsFound(
            [Problem(f"the manifest has no account {template.account!r}", remedy, "fleet.account", where)]
        )
    return template, document


def _waves(told: Mapping[str, Any]) -> list[Wave]:
    parallel, failures = told.get("max_parallel", PARALLEL), told.get("max_failures", FAILURES)
    return [
        Wave(
            number,
            labels_of(one.get("where", {})),
            one.get("max_parallel", parallel),
            told.get("max_per_host", 0),
            one.get("max_failures", failures),
        )
        for number, one in enumerate(told.get("waves", [{}]), 1)
    ]


def _nearest(found: Sequence[FleetRow], wanted: Mapping[str, tuple[str, ...]]) -> str:
    name = next(iter(wanted), "")
    values = list(dict.fromkeys(str(row.values[name]) for row in found if name in row.values))
    return nearest(wanted[name][0], values, f"values: {listed(values, _SHOWN)}") if name else "correct it"


def _check(shared: Shared, rows: Sequence[FleetRow]) -> None:
    """Raise what is wrong with the manifest for any row, before anything is sent anywhere."""
    problems: dict[Problem, None] = {}
    for row in rows:
        found = shared.manifest(row).problems
        problems |= dict.fromkeys(one for one in found if one.severity is Severity.ERROR)
    if problems:
        raise ProblemsFound(list(problems))
