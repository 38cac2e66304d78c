"""Keep to what an account takes per minute: token buckets, first come first served, and slower after a 429.

Each limit has one line. Only its first request sleeps, until it is due at the rate of that moment: a change of the rate
holds for all who wait, nothing polls, and nothing wakes in a herd.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from deployer.model import Limits

_STEADY = 0.94  # of a limit; the rest may go in one burst after a rest, so that a minute never sees more than the limit
_WINDOW = 62.0  # a minute, and what the network holds up: batches larger than the burst are counted in it one by one
_LEAST_SHARE = 1 / 8
_RECOVERY = 60.0  # from nothing to the full rate
_SETTLING = 10.0  # after it became slower: a few refusals amid good answers must not bring it to a halt
_SHORTEST = 0.001  # sleep: clocks are coarse, and one that stood still would keep a request asking


Counts = tuple[tuple[str, str, int], ...]
"""What the published limits count of a request: the field of `Limits`, the store that has its own, how many."""
NOTHING: Counts = ()
UPLOAD: Counts = (("uploads", "", 1),)
"""From the docstring of the SDK's `files.create`; an upload in parts counts when it begins."""


def attaching(store: str, files: int) -> Counts:
    """Count a batch of files; from the docstring of the SDK's `vector_stores.files.create`."""
    return (("attaches", store, 1), ("files", "", files))


class Bucket:
    """One limit, and the line of those who wait for it."""

    def __init__(self, per_minute: int) -> None:
        self.line = asyncio.Lock()  # first come first served
        self._limit = per_minute
        self._rate = _STEADY * per_minute / 60
        self._burst = max(1.0, (1 - _STEADY) * per_minute)
        self._share = 1.0
        self._level = self._burst
        self._at = float("-inf")  # when the level was so high; in the future after a 429
        self._given: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._since = self._settled = float("-inf")

    def due(self, count: int, earliest: float) -> float:
        """Return when so many may go; what exceeds a burst goes when the bucket is full, and leaves it in debt."""
        start = max(earliest, self._at, self._room(count))
        missing = min(count, self._burst) - self._filled(start)
        return start + max(0.0, missing) / (self._rate * self._share)

    def take(self, count: int, due: float) -> None:
        self._level, self._at = self._filled(due) - count, due
        self._given.append((due, count))
        self._sum += count
        while self._given[0][0] <= due - _WINDOW:
            self._sum -= self._given.popleft()[1]

    def slower(self, now: float, wait: float) -> None:
        """Stop until the wait is over, then go on at half the rate; a 429 soon after is of the same trouble."""
        if now < self._settled:
            return
        self._settled = now + wait + _SETTLING
        self._share = max(_LEAST_SHARE, self._share / 2)
        self._level, self._at, self._since = 0.0, now + wait, now + wait

    def faster(self, now: float) -> None:
        """Take a good answer as leave to go a little faster, up to the full rate in a minute."""
        if self._share < 1:
            self._share = min(1.0, self._share + max(0.0, now - self._since) / _RECOVERY)
            self._since = max(self._since, now)

    def _filled(self, when: float) -> float:
        return min(self._burst, self._level + (when - self._at) * self._rate * self._share)

    def _room(self, count: int) -> float:
        """Return when the last minute has room for so many; one that exceeds the limit alone has it for itself."""
        excess = self._sum + count - self._limit
        when = float("-inf")
        for gone, number in self._given:
            if excess <= 0:
                break
            excess, when = excess - number, gone + _WINDOW
        return when


Paid = Sequence[Bucket]
"""The limits that a request was counted in."""


class Pace:
    """What a client may send, and when. Stores have a limit each; a limit of None is none."""

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._buckets: dict[tuple[str, str], Bucket] = {}

    async def admit(self, counts: Counts = NOTHING) -> Paid:
        """Wait for the request's turn; at once where no limit is known for it.

        The lines are entered in the order of `counts`: who waits for a store's limit keeps no other store waiting.
        """
        costs = self._costs(counts)
        async with AsyncExitStack() as lines:
            for bucket, count in costs:
                await lines.enter_async_context(bucket.line)
                await self._until_due(bucket, count)
            now = self._clock()
            for bucket, count in costs:
                bucket.take(count, now)
        return [bucket for bucket, _ in costs]

    async def _until_due(self, bucket: Bucket, count: int) -> None:
        while (wait := bucket.due(count, now := self._clock()) - now) > 0:
            await self._sleep(max(wait, _SHORTEST))

    def slower(self, paid: Paid, wait: float) -> None:
        """The account answered 429."""
        for bucket in paid:
            bucket.slower(self._clock(), wait)

    def faster(self, paid: Paid) -> None:
        """The account gave a good answer."""
        for bucket in paid:
            bucket.faster(self._clock())

    def _costs(self, counts: Counts) -> list[tuple[Bucket, int]]:
        return [
            (self._bucket(limit, of, per_minute), count)
            for limit, of, count in counts
            if (per_minute := getattr(self._limits, limit)) is not None
        ]

    def _bucket(self, limit: str, of: str, per_minute: int) -> Bucket:
        return self._buckets.setdefault((limit, of), Bucket(per_minute))
