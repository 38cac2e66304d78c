"""A run over a fleet in one process: wave after wave, within limits, noted in a journal, and resumed from it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from deployer import json_text
from deployer.errors import DeployerError
from deployer.fleet.report import FleetReport, Merger, RunEnd
from deployer.fleet.units import Shared, Unit, UnitResult, Verb, done, host_of, key_of
from deployer.fleet.waves import Wave
from deployer.manifest.template import HOMES
from deployer.project.events import OnEvent, StopSignal, ignore
from deployer.wording import counted, listed

JOURNAL = "journal.jsonl"
_NAMED = 3


@dataclass(slots=True)
class FleetJournal:
    """What a run has done, a line for each account: `done` maps names to the keys of what they have become.

    A line that was cut by the end of its process counts for nothing: its account is looked at again.
    """

    file: Path
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    done: dict[str, str] = field(default_factory=dict)
    _out: IO[bytes] | None = None

    @classmethod
    def resumed(cls, root: Path) -> FleetJournal:
        """Return the journal of the last run, which goes on; an empty one where there was none."""
        file = root / HOMES / JOURNAL
        entries = list(_entries(file))
        run = next((one["run"] for one in entries if isinstance(one.get("run"), str) and "begun" in one), None)
        if run is None:
            return cls(file)
        noted = (one for one in entries if one.get("run") == run and "key" in one)
        return cls(file, run, {str(one["name"]): str(one["key"]) for one in noted})

    @classmethod
    def fresh(cls, root: Path) -> FleetJournal:
        """Return the journal of a new run; the one before is forgotten as soon as this one begins."""
        return cls(root / HOMES / JOURNAL)

    def __enter__(self) -> Self:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            (self.file.parent / ".gitignore").write_bytes(b"*\n")
            self._out = self.file.open("ab" if self.done else "wb", buffering=0)
        except OSError as error:
            raise DeployerError(f"the journal {self.file} cannot be written ({error.strerror or error})") from None
        self._note({"begun": True} if not self.done else {"resumed": True})
        return self

    def __exit__(self, *_: object) -> None:
        if self._out:
            self._out.close()

    def note(self, result: UnitResult) -> None:
        """Note that an account is done; what failed is tried again."""
        if result.ok:
            self._note({"name": result.name, "key": result.key, "status": result.status.value})

    def _note(self, told: Mapping[str, Any]) -> None:
        """Write a whole line at once; it begins with a line end, so that a line that was cut spoils no other."""
        if self._out is None:
            raise LookupError(self.file)
        self._out.write(f"\n{json.dumps({'run': self.run, **told})}\n".encode())


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = file.read_bytes().splitlines() if file.is_file() else []
    except OSError as error:
        raise DeployerError(f"the journal {file} cannot be read ({error.strerror or error})") from None
    for line in lines:
        try:
            entry = json_text.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


@dataclass(slots=True)
class Rollout:
    """One run: `unit` makes the work of a row; `journal` is None where nothing is written.

    `told` is called with each result as it comes.
    """

    project: str
    fleet: str
    verb: Verb
    waves: tuple[Wave, ...]
    shared: Shared
    unit: Callable[[Any, int], Unit]
    journal: FleetJournal | None = None
    on_event: OnEvent = ignore
    told: Callable[[UnitResult], object] = ignore
    stop: StopSignal = field(default_factory=StopSignal)
    _resumed: Counter[int] = field(default_factory=Counter)
    _bad: list[UnitResult] = field(default_factory=list)

    async def run(self) -> FleetReport:
        """Do one wave after another; the next begins only when the one before is whole."""
        merger, stopped = Merger(self.fleet), ""
        for wave in self.waves:
            await self._wave(wave, merger)
            if self.stop.is_set() or (self._bad and self.verb is not Verb.VALIDATE):
                stopped = self._sentence(wave)
                break
        return merger.report(
            RunEnd(self.project, self.verb.value, self.waves, stopped, self.stop.is_set(), self._resumed)
        )

    async def _wave(self, wave: Wave, merger: Merger) -> None:
        ahead, hosts = deque(self._left(wave)), Counter[str]()
        running: dict[asyncio.Task[UnitResult], str] = {}
        try:
            while True:
                while (
                    len(running) < wave.max_parallel and not self._halted(wave) and (unit := _next(ahead, hosts, wave))
                ):
                    hosts[unit[1]] += 1
                    running[asyncio.create_task(done(self.shared, unit[0], self.on_event, self.stop))] = unit[1]
                if not running:
                    return
                ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    hosts[running.pop(task)] -= 1
                    self._take(task.result(), merger)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _left(self, wave: Wave) -> Iterator[tuple[Unit, str]]:
        """Return what is to be done in a wave, with the host of each account; what an earlier run did is left alone."""
        for row in wave.rows:
            unit = self.unit(row, wave.number)
            if self.journal and (known := self.journal.done.get(row.name)):
                desired = self.shared.digested(self.shared.manifest(row))[1]
                if known == key_of(unit, desired):
                    self._resumed[wave.number] += 1
                    continue
            yield unit, host_of(self.shared, row) if wave.max_per_host else ""

    def _halted(self, wave: Wave) -> bool:
        """Whether no further account is begun; what asks no account is told of all rows."""
        return self.stop.is_set() or (self.verb is not Verb.VALIDATE and len(self._bad) >= wave.max_failures)

    def _take(self, result: UnitResult, merger: Merger) -> None:
        if self.journal:
            self.journal.note(result)
        if not result.ok:
            self._bad.append(result)
        merger.add(result)
        self.told(result)

    def _sentence(self, wave: Wave) -> str:
        """Say why no further account is begun, and where."""
        rest = [one.number for one in self.waves if one.number > wave.number]
        later = f"; nothing was sent to wave {' and '.join(map(str, rest[:2]))}" if rest else ""
        if len(rest) > 2:
            later = f"; nothing was sent to waves {rest[0]} to {rest[-1]}"
        if self.stop.is_set():
            return f"interrupted in wave {wave.number}{later}"
        bad = [f"{one.name} ({one.where})" for one in self._bad]
        return f"wave {wave.number} is not whole, {counted(len(bad), 'account')} failed: {listed(bad, _NAMED)}{later}"


def _next(ahead: deque[tuple[Unit, str]], hosts: Counter[str], wave: Wave) -> tuple[Unit, str] | None:
    """Return the next account whose host has room, and take it from those ahead."""
    for place, (unit, host) in enumerate(ahead):
        if not wave.max_per_host or hosts[host] < wave.max_per_host:
            del ahead[place]
            return unit, host
    return None
