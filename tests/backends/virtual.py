"""Time that passes at once: an event loop that jumps to its next timer whenever nothing else is left to do.

What runs in a thread takes no time here: the loop waits for it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import pytest
from anyio._backends._asyncio import AsyncIOBackend

from deployer.backends.http.client import Patience

T = TypeVar("T")
_START = 1_800_000_000.0


class _Selector(selectors.SelectSelector):
    skipped = 0.0
    threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or (self.threads and timeout > 0):
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.skipped += timeout
        return ready


class Clock:
    """Virtual time that goes on from one run to the next, as an account tells it: seconds since 1970."""

    def __init__(self) -> None:
        self.selector = _Selector()

    def __call__(self) -> float:
        return _START + self.selector.skipped


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock | None = None) -> None:
        self._virtual = _Selector()
        if clock is not None:
            self._virtual.skipped, clock.selector = clock.selector.skipped, self._virtual
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.skipped

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._virtual.threads += 1
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: asyncio.Future[Any]) -> None:
        del future
        self._virtual.threads -= 1

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Threads end in real time: the limit that Python 3.12 and later set would be over at once."""
        del timeout
        await super().shutdown_default_executor()


class _Backend(AsyncIOBackend):
    """Its threads count, too: the embedded account works in them."""

    @classmethod
    async def run_sync_in_worker_thread(cls, *arguments: Any, **options: Any) -> Any:
        selector = asyncio.get_running_loop()._virtual  # type: ignore[attr-defined]
        selector.threads += 1
        try:
            return await super().run_sync_in_worker_thread(*arguments, **options)
        finally:
            selector.threads -= 1


def run(main: Coroutine[Any, Any, T], clock: Clock | None = None) -> T:
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=partial(_Loop, clock)) as runner:
        patch.setattr("anyio.to_thread.get_async_backend", lambda: _Backend)
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


def patience(**fields: Any) -> Patience:
    """Patience by the loop's own time."""
    return Patience(**{"clock": now, **fields})
