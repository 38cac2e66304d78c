"""Server-sent events: how a face's stream of a turn's events goes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Protocol

from starlette.responses import Response, StreamingResponse

from deployer.server.runs.events import Subscription, TurnEvent

_KEEPALIVE_SECONDS = 15.0
# A comment is the only frame that says nothing: the SDK reads data in every other one.
_KEEPALIVE = b": keepalive\n\n"


class Rendering(Protocol):
    """A face's view of one stream: the frames of each event, and whether the stream has come to its end."""

    ended: bool

    def frames(self, event: TurnEvent) -> Iterable[bytes]: ...


def frame(name: str, data: Any) -> bytes:
    """Return an event as it goes over the wire."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()


class EventStream:
    """An answer that streams what a subscription hears; `opening` goes out at once, with the headers."""

    def __init__(self, subscription: Subscription, rendering: Rendering, opening: bytes = b"") -> None:
        self._subscription, self._rendering, self._opening = subscription, rendering, opening

    async def response(self) -> Response:
        return StreamingResponse(self._frames(), media_type="text/event-stream", headers={"cache-control": "no-cache"})

    async def _frames(self) -> AsyncIterator[bytes]:
        with self._subscription as subscription:
            if self._opening:
                yield self._opening
            async for batch in subscription.batches(_KEEPALIVE_SECONDS):
                if data := b"".join(self._rendered(batch)) if batch else _KEEPALIVE:
                    yield data
                if self._rendering.ended:
                    return

    def _rendered(self, batch: Iterable[TurnEvent]) -> Iterator[bytes]:
        for event in batch:
            yield from self._rendering.frames(event)
            if self._rendering.ended:
                return
