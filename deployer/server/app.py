"""The application: routes, and the mapping of exceptions to the API's envelope."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, NoReturn

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployer.server.checks import identifier
from deployer.server.middleware import Envelope, HostCheck
from deployer.server.resources import OPERATIONS, UPLOADS
from deployer.server.state import LEAVE_KEY, ApiCall, Handler, State, Upload
from deployer.server.wire import ApiError, Json

_MOST_BYTES = 10 * 1024 * 1024
_MOST_DEPTH = 150  # far below what any Python's parser takes: deeper bodies are refused alike
POLL_MILLISECONDS = 50
# Collections of the API (openai-openapi) that no deployment needs.
_NOT_BUILT = (
    "audio", "batches", "chat", "chatkit", "completions", "containers", "embeddings", "evals", "fine_tuning", "images",
    "moderations", "organization", "realtime", "vaults", "videos",
)  # fmt: skip
# The ids in paths whose beginning is looked at before anything else (bodies quoted in public issues).
_IDS = {
    "assistant_id": identifier("asst"),
    "thread_id": identifier("thread"),
    "message_id": identifier("msg"),
    "run_id": identifier("run"),
    "step_id": identifier("step"),
    "response_id": identifier("resp"),
    "conversation_id": identifier("conv"),
}
Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(state: State, key: str | None, hosts: HostCheck | None = None) -> Starlette:
    app = Starlette(
        routes=_routes(),
        exception_handlers={ApiError: _refused, HTTPException: _unrouted, ClientDisconnect: _gone},
    )
    app.state.account = state
    app.router.redirect_slashes = False
    app.add_middleware(Envelope, key=key, complaints=state.complaints, hosts=hosts)
    return app


@cache  # the same for every account: their patterns take longer to compile than a database to open
def _routes() -> tuple[Route, ...]:
    routes = [Route(path, _endpoint(handler), methods=[method]) for method, path, handler in OPERATIONS]
    return (*routes, *(Route(path, _upload(handler), methods=[method]) for method, path, handler in UPLOADS))


def _endpoint(handler: Handler) -> Endpoint:
    """A handler at work in a thread, because SQLite and disks make it wait."""

    async def endpoint(request: Request) -> Response:
        for name, value in request.path_params.items():
            if name in _IDS:
                _IDS[name](value, name)
        body: Any = await _read_json(request) if request.method in ("POST", "PATCH") else None
        leave = request.scope.get(LEAVE_KEY)
        call = ApiCall(
            request.app.state.account, request.path_params, request.query_params, request.headers, body, leave
        )
        answer = await run_in_threadpool(handler, call)
        return _answer(answer) if isinstance(answer, dict | Response) else await answer.response()

    return endpoint


def _upload(handler: Upload) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return _answer(await handler(request.app.state.account, request))

    return endpoint


def _answer(answer: Json | Response) -> Response:
    if isinstance(answer, Response):
        return answer
    waiting = answer.get("status") in ("queued", "in_progress", "cancelling")
    return JSONResponse(answer, headers={"openai-poll-after-ms": str(POLL_MILLISECONDS)} if waiting else None)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101
    return JSONResponse(error.body(), error.status)


def _unrouted(request: Request, error: Exception) -> Response:
    """No such path, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 405:
        refusal = ApiError(405, f"Not allowed to {request.method} on {request.url.path}.", code="method_not_supported")
    else:
        refusal = ApiError(404, f"Invalid URL ({request.method} {request.url.path}){_not_built(request.url.path)}")
    return JSONResponse(refusal.body(), refusal.status)


def _not_built(path: str) -> str:
    """Return the end of the sentence where the URL is right, and only this server does not have it."""
    found = next((one for one in _NOT_BUILT if f"{path}/".startswith(f"/v1/{one}/")), None)
    return f": the API has {found!r}, the embedded account does not." if found else ""


def _gone(_request: Request, _error: Exception) -> Response:
    """The client went away in the middle of its body: no one reads this."""
    return Response(status_code=400)


async def _read_json(request: Request) -> Any:
    """The object in the body; an empty body is an empty object."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > _MOST_BYTES:
            raise ApiError(413, f"The request is too large: the limit is {_MOST_BYTES} bytes.")
        pieces.append(piece)
    return _parsed(b"".join(pieces))


def _parsed(data: bytes) -> Any:
    if not data.strip():
        return {}
    try:
        text = data.decode("utf-8")
        body = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if "\\u" in text:
            json.dumps(body, ensure_ascii=False).encode()  # half a character, as in "\ud800", fails here
    except (ValueError, RecursionError) as error:
        raise _unreadable() from error
    if not isinstance(body, dict) or _depth(body) > _MOST_DEPTH:
        raise _unreadable()
    return body


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _depth(body: Any) -> int:
    depth, level = 0, [body]
    while level:
        depth += 1
        nested = [value for value in level if isinstance(value, dict | list)]
        level = [entry for value in nested for entry in (value.values() if isinstance(value, dict) else value)]
    return depth


def _unreadable() -> ApiError:
    return ApiError(
        400,
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
        "your HTTP library correctly. The API expects a JSON payload, but what was sent was not valid "
        "JSON.)",
    )
