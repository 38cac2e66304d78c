"""A coroutine method as a plain one, which works where an event loop is running, too."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

Owner = TypeVar("Owner")
Given = ParamSpec("Given")
Result = TypeVar("Result")


def in_thread(
    work: Callable[Concatenate[Owner, Given], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[Owner, Given], Result]:
    """Return the same as a plain function: it does its work in a thread of its own, so an event loop may be running.

    What ends the waiting (Ctrl-C) cancels the work, and is raised when that has come to its end.
    """

    @wraps(work)
    def waited(owner: Owner, *arguments: Given.args, **options: Given.kwargs) -> Result:
        import asyncio
        import contextvars
        from concurrent.futures import Future, ThreadPoolExecutor

        started: Future[Callable[[], object]] = Future()

        async def run() -> Result:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task  # noqa: S101
            started.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
            return await work(owner, *arguments, **options)

        with ThreadPoolExecutor(1, "deployer") as pool:
            done = pool.submit(contextvars.copy_context().run, asyncio.run, run())
            try:
                return done.result()
            except BaseException:
                if not done.done():
                    started.result()()
                raise

    waited.__name__ = work.__name__.removeprefix("a")  # so that a bound method can be pickled
    waited.__qualname__ = f"{work.__qualname__.rpartition('.')[0]}.{waited.__name__}"
    return cast("Callable[Concatenate[Owner, Given], Result]", waited)
