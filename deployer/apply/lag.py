"""Lists lag behind what was written: what does not show yet is looked for again, for as long as a list may lag.

Not listed is not the same as not done. Whoever misses something in a list waits here before anything follows from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import chain, count, repeat
from typing import Generic, TypeVar

from deployer.backends.base import Unlisted
from deployer.errors import AccountError

Found = TypeVar("Found")
_PAUSES = (1.0, 2.0, 4.0)
_PAUSE = 8.0
"""Seconds between looks: a few soon, for most lists lag by a moment, then at this pace."""
_SOON = 5.0
_AGAIN = 15.0
"""Seconds after which a wait is told, and told again."""


async def pause(seconds: float) -> bool:
    """Wait; True, since nothing asks to stop."""
    await asyncio.sleep(seconds)
    return True


@dataclass(frozen=True, slots=True)
class Lag:
    """How long (seconds) a list may lag; who is told of a wait; and how to wait: False when it was asked to stop."""

    most: float
    tell: Callable[[Unlisted], object]
    pause: Callable[[float], Awaitable[bool]] = pause

    async def until_shown(
        self, what: str, look: Callable[[], Awaitable[Found | None]], since: float | None = None
    ) -> Found | None:
        """Look until something shows; None when it does not, up to the end, or when it was asked to stop.

        `since` is when it was written, by the clock of the loop. A look that fails has seen nothing.
        """
        clock = asyncio.get_running_loop().time
        since = clock() if since is None else since
        told = since + _SOON
        for wait in chain(_PAUSES, repeat(_PAUSE)):
            if (found := await _looked(look)) is not None:
                return found
            left = since + self.most - clock()
            if left <= 0:
                return None
            if clock() + min(wait, left) > told:
                told = clock() + _AGAIN
                self.tell(Unlisted(what, clock() - since, self.most))
            if not await self.pause(min(wait, left)):
                return None
        return None


async def _looked(look: Callable[[], Awaitable[Found | None]]) -> Found | None:
    try:
        return await look()
    except AccountError:
        return None


@dataclass(slots=True)
class SharedLook(Generic[Found]):
    """A read that all share who asked before it began: a hundred lost answers need one list, not a hundred."""

    read: Callable[[], Awaitable[Found]]
    _tickets: count[int] = field(default_factory=count)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _began: int = -1
    _found: Found | None = None

    async def look(self) -> Found:
        """Return what was read after this was called."""
        ticket = next(self._tickets)
        async with self._turn:
            if self._found is None or self._began < ticket:
                self._began = next(self._tickets)
                self._found = None
                self._found = await self.read()
            return self._found
