"""A model for the tests of the upstream: an endpoint for chat completions that answers as each test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Json = dict[str, Any]
Answer = list[Json] | Response
_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 3}}


@dataclass
class Model:
    """What it answers to a request, and the requests that have come. A number among the chunks is a time to wait."""

    reply: Callable[[Json], list[Any] | Response]
    asked: list[Json] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    base_url: str = ""

    async def complete(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        self.keys.append(request.headers.get("authorization"))
        reply = self.reply(body)
        return (
            reply if isinstance(reply, Response) else StreamingResponse(_stream(reply), media_type="text/event-stream")
        )


async def _stream(chunks: list[Any]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, int | float):
            await asyncio.sleep(chunk)
        elif isinstance(chunk, bytes):
            yield chunk
        else:
            yield f"data: {json.dumps(chunk)}\n\n".encode()
    yield b"data: [DONE]\n\n"


def said(*pieces: str, finish: str = "stop") -> list[Any]:
    """Text in pieces, and what it took."""
    chunks = [_choice({"content": piece}) for piece in pieces]
    return [*chunks, _choice({}, finish), {"choices": [], "usage": _USAGE}]


def called(*calls: tuple[str, str]) -> list[Any]:
    """Function calls, each with its arguments in two pieces."""
    chunks = []
    for index, (name, arguments) in enumerate(calls):
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
        chunks.append(_choice({"tool_calls": [head]}))
        half = len(arguments) // 2
        halves = [{"index": index, "function": {"arguments": one}} for one in (arguments[:half], arguments[half:])]
        chunks += [_choice({"tool_calls": [one]}) for one in halves]
    return [*chunks, _choice({}, "tool_calls")]


def refused(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "x"}}, status)


def _choice(delta: Json, finish: str | None = None) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


@contextlib.contextmanager
def model(reply: Callable[[Json], list[Any] | Response]) -> Iterator[Model]:
    """Serve a model on a free port."""
    one = Model(reply)
    app = Starlette(routes=[Route("/v1/chat/completions", one.complete, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    listener = socket.create_server(("127.0.0.1", 0))
    one.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
