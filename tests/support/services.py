"""Services that nobody here wrote: stand-ins around an embedded account that change or refuse what they are sent."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.live import App, Message

Alter = Callable[[str, str, Any], Any]
"""Method, path (without `/v1`) and JSON body → the body that the account gets, or a `Refusal`."""


@dataclass(frozen=True)
class Refusal:
    """An answer in place of the account's."""

    status: int
    message: str = "not here"
    code: str | None = None
    param: str | None = None
    body: Any = None

    def data(self) -> Any:
        error = {"message": self.message, "type": "invalid_request_error", "param": self.param, "code": self.code}
        return {"error": error} if self.body is None else self.body


@dataclass
class Service:
    """An account that gets what `alter` makes of each request; `asked` are the requests, with what they carried.

    `names` are those of uploaded files, by id.
    """

    app: App
    alter: Alter
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        method, path, whole, more = scope["method"], scope["path"].removeprefix("/v1"), b"", True
        while more:
            message = await receive()
            whole, more = whole + message.get("body", b""), message.get("more_body", False)
        is_json = dict(scope["headers"]).get(b"content-type") == b"application/json" and whole
        data = json.loads(whole) if is_json else None
        self.asked.append((method, path, data))
        changed = self.alter(method, path, data)
        if isinstance(changed, Refusal):
            await _answer(send, changed)
            return
        whole = json.dumps(changed).encode() if is_json else whole
        length = (b"content-length", str(len(whole)).encode())
        headers = [length if name == b"content-length" else (name, value) for name, value in scope["headers"]]

        bodies = iter([whole])

        async def again() -> Message:
            body = next(bodies, None)  # after it there is nothing but the end of the connection
            return await receive() if body is None else {"type": "http.request", "body": body, "more_body": False}

        async def noted(message: Message) -> None:
            if (method, path) == ("POST", "/files") and message.get("body"):
                row = json.loads(message["body"])
                self.names[row.get("id", "")] = row.get("filename", "")
            await send(message)

        await self.app({**scope, "headers": headers}, again, noted)


async def _answer(send: Callable[[Message], Awaitable[None]], refusal: Refusal) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(refusal.data()).encode()})
