"""The steps of one change: each runs when what it needs is known, a few at a time, whatever became of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from deployer.account.applying.keys import Keys
from deployer.errors import DeployerError
from deployer.model import Attach, Step, Steps

STOPPED = "interrupted"
WIDTH = 16


class Stopped(DeployerError):  # noqa: N818 (nothing went wrong: it was asked to stop)
    """The run was asked to stop before this step."""


class LeftOut(DeployerError):  # noqa: N818 (what went wrong is told where it did)
    """A step was done without something that another one should have brought."""


def gives(step: Step) -> tuple[str, ...]:
    """Give the keys that a step makes known."""
    if isinstance(step, Attach):
        return (step.gives, *(member.gives for member in step.members))
    key = getattr(step, "gives", None)
    return (key,) if key else ()


def awaits(step: Step) -> frozenset[str]:
    """Give the keys that must be settled before a step is looked at; a batch does without files that failed."""
    return step.needs | step.files if isinstance(step, Attach) else step.needs


@dataclass(slots=True)
class Flow:
    """One pass over the steps of a change. `failures` are sentences, in the order in which they happened."""

    keys: Keys
    do: Callable[[Step], Awaitable[None]]
    stop: asyncio.Event
    failures: list[str] = field(default_factory=list)
    left_out: int = 0
    _ready: asyncio.Queue[Step | None] = field(default_factory=asyncio.Queue)
    _left: int = 0

    async def run(self, steps: Steps) -> None:
        """Do the steps; those whose needs were given up are left out. Only a bug is raised."""
        self._left = len(steps)
        if not steps:
            return
        async with asyncio.TaskGroup() as group:
            for step in steps:
                if isinstance(step, Attach):  # it mostly waits, and must keep nobody else from sending
                    group.create_task(self._alone(step))
                else:
                    self.keys.when_settled(awaits(step), partial(self._ready.put_nowait, step))
            for _ in range(min(WIDTH, len(steps))):
                group.create_task(self._work())

    async def _alone(self, step: Step) -> None:
        """Do a step in a task of its own. The task is there before: who is told of a key may be over by then."""
        ready = asyncio.Event()
        self.keys.when_settled(awaits(step), ready.set)
        await ready.wait()
        await self._one(step)

    async def _work(self) -> None:
        while (step := await self._ready.get()) is not None:
            await self._one(step)
        self._ready.put_nowait(None)  # the next one may go home, too

    async def _one(self, step: Step) -> None:
        why = self.keys.lacking(step.needs)
        if why is None and self.stop.is_set():
            why = STOPPED
        if why is None:
            await self._tried(step)
        else:
            self.left_out += 1
            self._give_up(step, why)
        self._left -= 1
        if self._left == 0:
            self._ready.put_nowait(None)

    async def _tried(self, step: Step) -> None:
        try:
            await self.do(step)
        except Stopped:
            self.left_out += 1
            self._give_up(step, STOPPED)
        except LeftOut:
            self.left_out += 1
        except DeployerError as error:
            self.failures.append(str(error))
            self._give_up(step, str(error))

    def _give_up(self, step: Step, why: str) -> None:
        for key in gives(step):
            self.keys.give_up(key, why)
