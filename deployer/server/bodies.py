"""JSON bodies, read with the suspicion that a server owes them."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from starlette.requests import Request

from deployer.server.wire import ApiError

MOST_BYTES = 10 * 1024 * 1024
MOST_DEPTH = 200


async def read_json(request: Request) -> Any:
    """The object in the body; an empty body is an empty object."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_BYTES:
            raise ApiError(413, f"The request is too large: the limit is {MOST_BYTES} bytes.")
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
    if not isinstance(body, dict) or _depth(body) > MOST_DEPTH:
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
