"""What answers a call of a function: a handler in Python, outputs from a file, a person by a form.

Whatever goes wrong becomes a failed output that the turn goes on with, and a sentence for the person.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from deployer import json_text
from deployer.conversation.happenings import FunctionAnswer, FunctionCall

AnswerCall: TypeAlias = Callable[[FunctionCall], Awaitable[FunctionAnswer]]
"""Answers a call; it raises nothing."""
Answers: TypeAlias = Callable[[FunctionCall], Awaitable[FunctionAnswer | None]]
"""Answers the calls that it knows, and returns None for others."""
SECONDS = 60.0


def failed(call: FunctionCall, why: str) -> FunctionAnswer:
    """Return the output that tells the model, and the sentence that tells the person."""
    return FunctionAnswer(json.dumps({"error": why}, ensure_ascii=False), f"{call.name} failed: {why}")


def first_of(*sources: Answers) -> AnswerCall:
    """Ask each source in turn; a call that none knows is a failed one."""

    async def answer(call: FunctionCall) -> FunctionAnswer:
        for source in sources:
            if (found := await source(call)) is not None:
                return found
        return failed(call, "nothing answers this function here")

    return answer


def from_outputs(outputs: Mapping[str, Any]) -> Answers:
    """Answer by a function's name: with its output, each time, or with those of a list in their order."""
    queues = {name: iter(one) for name, one in outputs.items() if isinstance(one, list)}

    async def answer(call: FunctionCall) -> FunctionAnswer | None:
        if call.name not in outputs:
            return None
        if call.name not in queues:
            return answered(call, outputs[call.name])
        given = next(queues[call.name], _NONE_LEFT)
        if given is _NONE_LEFT:
            return failed(call, "it was called more often than there are outputs for it")
        return answered(call, given)

    return answer


_NONE_LEFT = object()


def from_handlers(handlers: Mapping[str, Callable[..., Any]], seconds: float = SECONDS) -> Answers:
    """Answer by calling Python with the arguments of the call; one that takes longer than `seconds` has failed."""
    import asyncio  # here: who only reads tests needs no event loop

    async def answer(call: FunctionCall) -> FunctionAnswer | None:
        handler = handlers.get(call.name)
        if handler is None:
            return None
        try:
            arguments = json_text.loads(call.arguments or "{}")
        except ValueError:
            return failed(call, "its arguments are no JSON")
        if not isinstance(arguments, dict):
            return failed(call, "its arguments are no JSON object")
        try:
            given = await asyncio.wait_for(_in_thread(handler, arguments), seconds)
        except TimeoutError:
            return failed(call, f"its handler did not return within {seconds:g} s")
        except _HandlerError as error:
            return failed(call, str(error))
        return answered(call, given)

    return answer


class _HandlerError(Exception):
    """A handler raised something."""


async def _in_thread(handler: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call it in a thread of its own: the threads of a pool are waited for at the end, also when one never returns."""
    import asyncio

    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: str) -> None:
        if not done.done():
            done.set_exception(_HandlerError(error)) if error else done.set_result(value)

    def work() -> None:
        value, error = None, ""
        try:
            value = handler(**arguments)
            if inspect.iscoroutine(value):
                value = asyncio.run(value)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 (code of others may raise anything)
            error = f"its handler raised {type(raised).__name__}" + (f": {raised}" if str(raised) else "")
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=work, name=f"handler {handler}", daemon=True).start()
    return await done


def answered(call: FunctionCall, value: Any) -> FunctionAnswer:
    """Text goes as it is, everything else as JSON."""
    if isinstance(value, str):
        return FunctionAnswer(value)
    try:
        return FunctionAnswer(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return failed(call, f"its output is no JSON ({type(value).__name__})")


Ask: TypeAlias = Callable[[str, Sequence[str]], str]
"""Shows a text, with choices where there are some, and returns what the person wrote or chose; EOFError at the end."""


def by_form(ask: Ask) -> Answers:
    """Answer by asking a person: one question for each object in the arguments' lists, else one for the output."""
    import asyncio

    turn = asyncio.Lock()

    async def answer(call: FunctionCall) -> FunctionAnswer | None:
        async with turn:  # calls beside each other, but one person
            try:
                asked = list(_asked(json_text.loads(call.arguments or "{}")))
            except ValueError:
                return failed(call, "its arguments are no JSON")
            try:
                if not asked:
                    return FunctionAnswer(ask(f"The output of {call.name}", ()))
                return answered(call, [ask(text, choices) for text, choices in asked])
            except EOFError:
                return failed(call, "the input ended before it was answered")

    return answer


def _asked(value: Any) -> Iterator[tuple[str, Sequence[str]]]:
    """Find the questions: objects in lists, with a text and perhaps a list of choices."""
    for inner in value.values() if isinstance(value, dict) else ():
        for one in inner if isinstance(inner, list) else ():
            if isinstance(one, dict) and (text := next((item for item in one.values() if isinstance(item, str)), "")):
                lists = (item for item in one.values() if isinstance(item, list))
                yield text, next((found for found in lists if found and all(isinstance(x, str) for x in found)), ())
