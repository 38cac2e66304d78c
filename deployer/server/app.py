"""The application: routes, and the mapping of exceptions to the API's envelope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployer.server import (
    agents,
    assistants,
    batches,
    files,
    models,
    search,
    uploads,
    vector_store_files,
    vector_stores,
)
from deployer.server.bodies import read_json
from deployer.server.envelope import Envelope
from deployer.server.state import LEAVE_KEY, Call, Handler, Operation, State
from deployer.server.wire import ApiError, Json

POLL_MILLISECONDS = 50
Endpoint = Callable[[Request], Awaitable[Response]]
Streamed = Callable[[State, Request], Awaitable[Json]]

OPERATIONS: list[Operation] = [
    *assistants.OPERATIONS,
    *agents.OPERATIONS,
    *vector_stores.OPERATIONS,
    *vector_store_files.OPERATIONS,
    *batches.OPERATIONS,
    *search.OPERATIONS,
    *files.OPERATIONS,
    *uploads.OPERATIONS,
    *models.OPERATIONS,
]
STREAMED: list[tuple[str, str, Streamed]] = [
    ("POST", "/v1/files", files.create),
    ("POST", "/v1/uploads/{upload_id}/parts", uploads.add_part),
]
ENDPOINTS = [(method, path) for method, path, _ in [*OPERATIONS, *STREAMED]]


def build_app(state: State, key: str | None) -> Starlette:
    routes = [Route(path, _endpoint(handler, state), methods=[method]) for method, path, handler in OPERATIONS]
    routes += [Route(path, _streamed(handler, state), methods=[method]) for method, path, handler in STREAMED]
    app = Starlette(
        routes=routes,
        exception_handlers={ApiError: _refused, HTTPException: _unrouted, ClientDisconnect: _gone},
    )
    app.router.redirect_slashes = False
    app.add_middleware(Envelope, key=key, complaints=state.complaints)
    return app


def _endpoint(handler: Handler, state: State) -> Endpoint:
    """A handler at work in a thread, because SQLite and disks make it wait."""

    async def endpoint(request: Request) -> Response:
        body: Any = await read_json(request) if request.method == "POST" else None
        leave = request.scope.get(LEAVE_KEY)
        call = Call(state, request.path_params, request.query_params, request.headers, body, leave)
        return _answer(await run_in_threadpool(handler, call))

    return endpoint


def _streamed(handler: Streamed, state: State) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return _answer(await handler(state, request))

    return endpoint


def _answer(answer: Json | Response) -> Response:
    if isinstance(answer, Response):
        return answer
    waiting = answer.get("status") == "in_progress"
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
        refusal = ApiError(404, f"Invalid URL ({request.method} {request.url.path})")
    return JSONResponse(refusal.body(), refusal.status)


def _gone(_request: Request, _error: Exception) -> Response:
    """The client went away in the middle of its body: nobody reads this."""
    return Response(status_code=400)
