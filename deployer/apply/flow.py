"""The operations of one change: each runs when what it needs is known, whatever became of the others.

What is not known yet is a promise: each key becomes known or is given up, and whoever needs it waits for that here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from deployer.errors import DeployerError, UnknownError
from deployer.model import AttachFiles, Operation, Operations

STOPPED = "interrupted"
WIDTH = 40
"""Operations of a change beside each other: more than requests, so that the next files are read while others go out."""


class Stopped(DeployerError):  # noqa: N818 (nothing went wrong: it was asked to stop)
    """The run was asked to stop before this operation."""


class LeftOut(DeployerError):  # noqa: N818 (what went wrong is told where it did)
    """An operation was done without something that another one should have brought."""


def gives(operation: Operation) -> tuple[str, ...]:
    """Return the keys that an operation makes known."""
    if isinstance(operation, AttachFiles):
        return (operation.gives, *(member.gives for member in operation.members))
    key = getattr(operation, "gives", None)
    return (key,) if key else ()


def awaits(operation: Operation) -> frozenset[str]:
    """Return the keys that must be settled before an operation is looked at; a batch does without files that failed."""
    return operation.needs | operation.files if isinstance(operation, AttachFiles) else operation.needs


@dataclass(slots=True)
class Promises:
    """Each key becomes known, or is given up with a reason; then it is settled for good."""

    known: dict[str, str]
    values: set[str]
    given_up: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, known: Mapping[str, str]) -> Promises:
        return cls(dict(known), set(known.values()))

    def learn(self, key: str, value: str = "") -> None:
        if key not in self.given_up:
            self.known[key] = value
            self.values.add(value)
        self._settle(key)

    def give_up(self, key: str, why: str) -> None:
        if key not in self.known:
            self.given_up.setdefault(key, why)
        self._settle(key)

    def _settle(self, key: str) -> None:
        for call in self._waiting.pop(key, ()):
            call()

    def settled(self, key: str) -> bool:
        return key in self.known or key in self.given_up

    def lacking(self, keys: Collection[str]) -> str | None:
        """Return why one of the keys will never be known; None when none of them was given up."""
        return next((self.given_up[key] for key in keys if key in self.given_up), None)

    def when_settled(self, keys: Collection[str], call: Callable[[], None]) -> None:
        """Call once all of the keys are settled; at once when they are."""
        missing = [key for key in keys if not self.settled(key)]
        if not missing:
            call()
            return
        left = len(missing)

        def one_less() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                call()

        for key in missing:
            self._waiting[key].append(one_less)


@dataclass(slots=True)
class Flow:
    """One pass over the operations of a change. `failures` are sentences, in the order in which they happened.

    `unknown`: one of them leaves open whether its operation was done.
    """

    promises: Promises
    do: Callable[[Operation], Awaitable[None]]
    stop: asyncio.Event
    failures: list[str] = field(default_factory=list)
    left_out: int = 0
    unknown: bool = False
    _ready: asyncio.Queue[Operation | None] = field(default_factory=asyncio.Queue)
    _left: int = 0

    async def run(self, operations: Operations) -> None:
        """Do the operations; those whose needs were given up are left out. Only a bug is raised."""
        self._left = len(operations)
        if not operations:
            return
        async with asyncio.TaskGroup() as group:
            for operation in operations:
                if isinstance(operation, AttachFiles):  # it mostly waits, and must keep nobody else from sending
                    group.create_task(self._alone(operation))
                else:
                    self.promises.when_settled(awaits(operation), partial(self._ready.put_nowait, operation))
            for _ in range(min(WIDTH, len(operations))):
                group.create_task(self._work())

    async def _alone(self, operation: Operation) -> None:
        """Do an operation in a task of its own. The task is there before: who is told of a key may be over by then."""
        ready = asyncio.Event()
        self.promises.when_settled(awaits(operation), ready.set)
        await ready.wait()
        await self._one(operation)

    async def _work(self) -> None:
        while (operation := await self._ready.get()) is not None:
            await self._one(operation)
        self._ready.put_nowait(None)  # the next one may go home, too

    async def _one(self, operation: Operation) -> None:
        why = self.promises.lacking(operation.needs)
        if why is None and self.stop.is_set():
            why = STOPPED
        if why is None:
            await self._tried(operation)
        else:
            self.left_out += 1
            self._give_up(operation, why)
        self._left -= 1
        if self._left == 0:
            self._ready.put_nowait(None)

    async def _tried(self, operation: Operation) -> None:
        try:
            await self.do(operation)
        except Stopped:
            self.left_out += 1
            self._give_up(operation, STOPPED)
        except LeftOut:
            self.left_out += 1
        except DeployerError as error:
            self.failures.append(str(error))
            self.unknown |= isinstance(error, UnknownError)
            self._give_up(operation, str(error))

    def _give_up(self, operation: Operation, why: str) -> None:
        for key in gives(operation):
            self.promises.give_up(key, why)
