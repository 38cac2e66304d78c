"""The account as it was a moment ago, for reads that do not see a write yet."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from deployer.server.storage import DatabaseSnapshot, Storage

_SHARED_SECONDS = 0.1  # writes in quick succession share a snapshot, or a busy account would hold hundreds


@dataclass
class _Moment:
    """The data before some writes: when it was taken, when the last of them had ended, and who is at work with it."""

    snapshot: DatabaseSnapshot
    taken: float
    ended: float = -math.inf
    writers: int = 0
    readers: int = 0


class RecentSnapshots:
    """Snapshots from before the writes of the last `horizon` seconds; without a horizon, none are taken."""

    def __init__(self, storage: Storage, clock: Callable[[], float], horizon: float) -> None:
        self._storage, self._clock, self.horizon = storage, clock, horizon
        self._turn = threading.Lock()
        self._moments: list[_Moment] = []

    @contextlib.asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Keep the data as it is before a write."""
        if not self.horizon:
            yield
            return
        begun: list[_Moment] = []  # filled by the thread: who is cancelled meanwhile has begun all the same
        try:
            await run_in_threadpool(lambda: begun.append(self._moment()))
            yield
        finally:
            with self._turn:
                for moment in begun:
                    moment.writers -= 1
                    moment.ended = max(moment.ended, self._clock())

    @contextlib.contextmanager
    def seen(self, seconds: float) -> Iterator[DatabaseSnapshot | None]:
        """The data before the first write that is not older than this; None if there was none."""
        since = self._clock() - seconds
        with self._turn:
            moment = next((one for one in self._moments if one.writers or one.ended > since), None)
            if moment:
                moment.readers += 1
        try:
            yield moment.snapshot if moment else None
        finally:
            if moment:
                with self._turn:
                    moment.readers -= 1

    def close(self) -> None:
        with self._turn:
            moments, self._moments = self._moments, []
        for moment in moments:
            moment.snapshot.close()

    def _moment(self) -> _Moment:
        """The moment before a write that begins now, whose writer is counted."""
        now = self._clock()
        with self._turn:
            self._forget(now - self.horizon)
            if not self._moments or now - self._moments[-1].taken > _SHARED_SECONDS:
                self._moments.append(_Moment(self._storage.snapshot(), now))
            self._moments[-1].writers += 1
            return self._moments[-1]

    def _forget(self, since: float) -> None:
        old = [one for one in self._moments if not one.writers and not one.readers and one.ended <= since]
        self._moments = [one for one in self._moments if one not in old]
        for moment in old:
            moment.snapshot.close()
